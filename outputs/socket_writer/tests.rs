//! The output against sockets of this host.

use super::*;
use crate::socket::Sent;
use crate::testing::{env, texts};
use agent_formats as _;
use std::net::SocketAddr;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UdpSocket};

fn output(address: String, own: impl FnOnce(&mut Settings)) -> SocketWriter {
    let mut settings = Settings { address, ..Settings::default() };
    own(&mut settings);
    let env = env("outputs.socket_writer");
    SocketWriter::new(With { own: settings, shared: ClientTls::default() }, &env).unwrap()
}

async fn udp(own: impl FnOnce(&mut Settings)) -> (SocketWriter, UdpSocket) {
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    (output(format!("udp://{}", peer.local_addr().unwrap()), own), peer)
}

async fn datagram(peer: &UdpSocket) -> Vec<u8> {
    let mut memory = vec![0; 70_000];
    let n = peer.recv(&mut memory).await.unwrap();
    memory.truncate(n);
    memory
}

#[tokio::test]
async fn a_datagram_a_metric_or_a_batch() {
    let (mut one, peer) = udp(|_| {}).await;
    one.open().await.map_err(|e| e.to_string()).unwrap();
    one.write(&texts(&["a", "b"], "1")).await.unwrap();
    assert_eq!((datagram(&peer).await, datagram(&peer).await), (b"a=1\n".to_vec(), b"b=1\n".to_vec()));
    let (mut all, peer) = udp(|s| (s.use_batch_format, s.content_encoding) = (true, "gzip".to_owned())).await;
    all.write(&texts(&["a", "b"], "1")).await.unwrap();
    assert_eq!(Coding::Gzip.decode(&datagram(&peer).await, 100).unwrap(), b"a=1\nb=1\n");
}

#[tokio::test]
async fn what_cannot_be_sent_is_rejected_and_the_rest_goes() {
    let (mut output, peer) = udp(|_| {}).await;
    let mut batch = Batch::new();
    batch.metric("bad").field("v", "1").time(1);
    batch.metric("long").field("v", "x".repeat(66_000).as_str()).time(1);
    batch.metric("good").field("v", "1").time(1);
    match output.write(&batch.into()).await {
        Err(WriteError::Reject { indices, .. }) => assert_eq!(indices, [0, 1]),
        other => panic!("{other:?}"),
    }
    assert_eq!(datagram(&peer).await, b"good=1\n");
    assert!(output.connection.is_some());
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    (listener, at)
}

#[tokio::test]
async fn a_stream_gets_all_in_order_on_one_connection() {
    let (listener, at) = listener().await;
    let mut output = output(format!("tcp://{at}"), |s| s.keep_alive_period = Some(Duration::secs(30)));
    output.open().await.map_err(|e| e.to_string()).unwrap();
    for names in [["a", "b"], ["c", "d"]] {
        output.write(&texts(&names, "1")).await.unwrap();
    }
    drop(output);
    let mut text = String::new();
    listener.accept().await.unwrap().0.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "a=1\nb=1\nc=1\nd=1\n");
}

#[tokio::test]
async fn a_peer_that_hung_up_is_connected_to_again_and_nothing_is_lost() {
    let (listener, at) = listener().await;
    let mut output = output(format!("tcp://{at}"), |_| {});
    output.write(&texts(&["a"], "1")).await.unwrap();
    let mut first = listener.accept().await.unwrap().0;
    let mut memory = [0; 4];
    first.read_exact(&mut memory).await.unwrap();
    drop(first);
    // The end of the connection travels through the kernel; the runtime learns of it at its next look.
    while !output.connection.as_mut().unwrap().is_closed() {
        tokio::task::yield_now().await;
    }
    output.write(&texts(&["b"], "2")).await.unwrap();
    let mut second = listener.accept().await.unwrap().0;
    second.read_exact(&mut memory).await.unwrap();
    assert_eq!(&memory, b"b=2\n");
}

#[tokio::test]
async fn nobody_listens() {
    let (listener, at) = listener().await;
    drop(listener);
    let mut output = output(format!("tcp://{at}"), |_| {});
    assert!(matches!(output.open().await, Err(StartError::Retry(_))));
    assert!(matches!(output.write(&texts(&["a"], "1")).await, Err(WriteError::Retry { .. })));
}

#[test]
fn what_a_broken_stream_took_counts() {
    let mut packed = Packed::default();
    for i in 0..4 {
        packed.add(Coding::Identity, i..i + 1, |out| {
            ensure!(i != 1, "it is bad");
            out.extend_from_slice(b"x\n");
            Ok(())
        });
    }
    let sent = Sent { documents: 2, lost: Some(anyhow!("gone")), ..Sent::default() };
    match packed.result(sent) {
        Err(WriteError::Partial { written, rejected, .. }) => assert_eq!((written, rejected), (vec![0, 2], vec![1])),
        other => panic!("{other:?}"),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn sockets_in_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let (stream, gram) = (folder.path().join("s"), folder.path().join("g"));
    let listener = tokio::net::UnixListener::bind(&stream).unwrap();
    let peer = tokio::net::UnixDatagram::bind(&gram).unwrap();
    let mut a = output(format!("unix://{}", stream.display()), |_| {});
    let mut b = output(format!("unixgram://{}", gram.display()), |_| {});
    a.write(&texts(&["a"], "1")).await.unwrap();
    b.write(&texts(&["b"], "2")).await.unwrap();
    let mut memory = [0; 4];
    listener.accept().await.unwrap().0.read_exact(&mut memory).await.unwrap();
    assert_eq!(&memory, b"a=1\n");
    peer.recv(&mut memory).await.unwrap();
    assert_eq!(&memory, b"b=2\n");
}
