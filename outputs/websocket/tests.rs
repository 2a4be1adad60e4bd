//! The output against a server of a few lines.

use super::*;
use crate::testing::metrics;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn output(url: String, own: impl FnOnce(&mut <Websocket as Plugin>::Settings)) -> Result<Websocket> {
    let mut settings = <Websocket as Plugin>::Settings::default();
    settings.own.url = url;
    own(&mut settings);
    let mut env = Env::new("outputs.websocket");
    env.serializers = Some(Arc::new(|| {
        let entry = plugin::find(plugin::Family::Serializers, "influx").unwrap();
        let plugin::Build::Serializer(make) = entry.build else { panic!("line protocol can be written") };
        Ok(make(&Table::default(), &Env::new("test"))?)
    }));
    Websocket::new(settings, &env)
}

/// Shakes hands and gives the head of the request. The key is the client's own, so the answer is made of it.
async fn shake(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let key =
        head.lines().find_map(|l| l.to_ascii_lowercase().starts_with("sec-websocket-key: ").then(|| &l[19..])).unwrap();
    let accept = agent_net::client::websocket::accept(key);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    head
}

/// The next frame, which is a short one: its first byte and its payload.
async fn frame(stream: &mut TcpStream) -> (u8, String) {
    let mut head = [0; 6];
    stream.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; usize::from(head[1] & 127)];
    stream.read_exact(&mut payload).await.unwrap();
    payload.iter_mut().zip(head[2..].iter().cycle()).for_each(|(b, m)| *b ^= m);
    (head[0], String::from_utf8(payload).unwrap())
}

#[tokio::test]
async fn batches_are_messages() {
    for (text, first) in [(false, 0x82), (true, 0x81)] {
        let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/own?q=1", peer.local_addr().unwrap());
        let mut output = output(url, |s| {
            s.own.use_text_frames = text;
            s.own.headers.insert("X-Own".to_owned(), Secret::new("a"));
        })
        .unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = peer.accept().await.unwrap();
            let head = shake(&mut stream).await;
            (head, frame(&mut stream).await)
        });
        output.open().await.unwrap();
        output.write(&metrics(&["a", "b"])).await.unwrap();
        let (head, got) = server.await.unwrap();
        assert!(
            head.starts_with("GET /own?q=1 HTTP/1.1\r\n") && head.to_ascii_lowercase().contains("\r\nx-own: a\r\n"),
            "{head}"
        );
        assert_eq!(got, (first, "a v=1i 1\nb v=1i 1\n".to_owned()));
    }
}

#[tokio::test]
async fn a_closed_connection_is_made_anew() {
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut output = output(format!("ws://{}/", peer.local_addr().unwrap()), |_| {}).unwrap();
    let server = tokio::spawn(async move {
        let (mut first, _) = peer.accept().await.unwrap();
        shake(&mut first).await;
        frame(&mut first).await;
        drop(first);
        let (mut second, _) = peer.accept().await.unwrap();
        shake(&mut second).await;
        frame(&mut second).await.1
    });
    output.open().await.unwrap();
    output.write(&metrics(&["a"])).await.unwrap();
    while output.socket.as_ref().unwrap().ended().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    output.write(&metrics(&["b"])).await.unwrap();
    assert_eq!(server.await.unwrap(), "b v=1i 1\n");
}

#[tokio::test]
async fn nobody_there_is_an_error() {
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut output = output(format!("ws://{}/", peer.local_addr().unwrap()), |_| {}).unwrap();
    drop(peer);
    assert!(matches!(output.open().await, Err(StartError::Retry(_))));
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let bad = |url: &str| output(url.to_owned(), |_| {}).is_err();
    assert!(bad("") && bad("http://127.0.0.1/") && bad("127.0.0.1:80"));
    assert!(output("ws://h/".to_owned(), |s| s.own.socks5_enabled = true).is_err());
    let proxied = output("ws://h/".to_owned(), |s| {
        s.own.socks5_address = "127.0.0.1:1080".to_owned();
        s.own.socks5_username = Secret::new("u@v");
        s.own.socks5_password = Secret::new("p");
    });
    assert_eq!(proxied.unwrap().settings.socks5().unwrap(), "socks5h://u%40v:p@127.0.0.1:1080");
}
