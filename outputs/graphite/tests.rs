//! The output against sockets of this host.

use super::*;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

fn output(servers: Vec<String>, own: impl FnOnce(&mut <Graphite as Plugin>::Settings)) -> Result<Graphite> {
    let mut settings = <Graphite as Plugin>::Settings::default();
    settings.own.servers = servers;
    own(&mut settings);
    Graphite::new(settings, &Env::new("outputs.graphite"))
}

fn metrics(value: f64) -> Chunk {
    let mut batch = Batch::new();
    batch.metric("cpu").tag("host", "h").field("idle", value).field("note", "x").time(1_700_000_000_999_999_999);
    batch.into()
}

async fn listen() -> (TcpListener, String) {
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = peer.local_addr().unwrap().to_string();
    (peer, address)
}

async fn text(peer: &TcpListener) -> String {
    let mut text = String::new();
    peer.accept().await.unwrap().0.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn lines_from_a_local_address() {
    let (peer, address) = listen().await;
    let mut output = output(vec![address], |s| s.own.local_address = "127.0.0.1".to_owned()).unwrap();
    output.open().await.unwrap();
    output.write(&metrics(97.5)).await.unwrap();
    output.write(&metrics(98.0)).await.unwrap();
    drop(output);
    assert_eq!(text(&peer).await, "h.cpu.idle 97.5 1700000000\nh.cpu.idle 98 1700000000\n");
}

#[tokio::test]
async fn a_server_that_is_down_is_passed_over() {
    let (peer, address) = listen().await;
    let (gone, nobody) = listen().await;
    drop(gone);
    let mut output = output(vec![nobody.clone(), address, nobody], |_| {}).unwrap();
    for i in 0..20 {
        output.write(&metrics(f64::from(i))).await.unwrap();
    }
    drop(output);
    assert_eq!(text(&peer).await.lines().count(), 20);
}

#[tokio::test]
async fn a_closed_connection_loses_nothing() {
    let (peer, address) = listen().await;
    let mut output = output(vec![address], |_| {}).unwrap();
    output.write(&metrics(1.0)).await.unwrap();
    drop(peer.accept().await.unwrap());
    while !output.servers[0].connection.as_mut().unwrap().is_closed() {
        tokio::task::yield_now().await;
    }
    output.write(&metrics(2.0)).await.unwrap();
    drop(output);
    assert_eq!(text(&peer).await, "h.cpu.idle 2 1700000000\n");
}

#[tokio::test]
async fn nobody_at_all_keeps_the_batch() {
    let (gone, nobody) = listen().await;
    drop(gone);
    let mut output = output(vec![nobody], |_| {}).unwrap();
    output.open().await.unwrap();
    assert!(matches!(output.write(&metrics(1.0)).await, Err(WriteError::Retry { .. })));
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    assert!(output(vec!["localhost".to_owned()], |_| {}).is_err());
    assert!(output(vec![], |s| s.own.local_address = "nowhere".to_owned()).is_err());
    assert_eq!(output(vec![], |_| {}).unwrap().servers[0].shown, "localhost:2003");
}
