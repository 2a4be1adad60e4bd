//! The output over loopback.

use super::*;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn start(own: impl FnOnce(&mut Settings)) -> (Health, SocketAddr) {
    let mut settings = Settings { service_address: "http://127.0.0.1:0".to_owned(), ..Settings::default() };
    own(&mut settings);
    let with = With { own: settings, shared: ServerTls::default() };
    let mut output = Health::new(with, &Env::new("outputs.health")).unwrap();
    output.open().await.map_err(|e| e.to_string()).unwrap();
    let at = output.served.as_ref().unwrap().local.unwrap();
    (output, at)
}

async fn ask(at: SocketAddr, headers: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
    let request = format!("GET /any HTTP/1.1\r\nHost: own\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn metric(field: &str) -> Chunk {
    let mut batch = Batch::new();
    batch.metric("m").field(field, 1i64).time(1);
    batch.into()
}

#[tokio::test]
async fn the_last_write_counts() {
    let (mut output, at) = start(|s| {
        s.default_status = 418;
        s.contains.push(Contains { field: "v".to_owned() });
    })
    .await;
    assert!(ask(at, "").await.starts_with("HTTP/1.1 418 "));
    output.write(&metric("w")).await.unwrap();
    let answer = ask(at, "").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\nService Unavailable\n"), "{answer}");
    output.write(&metric("v")).await.unwrap();
    assert!(ask(at, "").await.ends_with("\r\n\r\nOK\n"));
}

#[tokio::test]
async fn silence_is_a_fault() {
    let (output, at) = start(|s| s.max_time_between_metrics = Duration::millis(1)).await;
    output.state.lock().unwrap().last = Instant::now() - std::time::Duration::from_secs(1);
    assert!(ask(at, "").await.starts_with("HTTP/1.1 503 "));
}

#[tokio::test]
async fn who_may_ask() {
    let (output, at) = start(|s| {
        s.basic_username = Secret::new("own");
        s.basic_password = Secret::new("pw");
    })
    .await;
    let refused = ask(at, "").await;
    assert!(refused.starts_with("HTTP/1.1 401 ") && refused.contains("www-authenticate: Basic realm=\"health\""));
    assert!(ask(at, "Authorization: Basic b3duOnB3\r\n").await.starts_with("HTTP/1.1 200 "));
    assert!(ask(at, "Authorization: Token own:pw\r\n").await.starts_with("HTTP/1.1 200 "));
    drop(output);
    let stopped = async { while tokio::net::TcpStream::connect(at).await.is_ok() {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), stopped).await.expect("the server ends with its output");
}

#[test]
fn settings_that_make_no_sense() {
    let refused = |own: fn(&mut Settings)| {
        let mut settings = Settings::default();
        own(&mut settings);
        let with = With { own: settings, shared: ServerTls::default() };
        Health::new(with, &Env::new("outputs.health")).err().unwrap().to_string()
    };
    assert!(refused(|s| s.default_status = 99).contains("default_status"));
    assert!(refused(|s| s.service_address = "https://:1".to_owned()).contains("tls_cert"));
    assert!(refused(|s| s.service_address = "udp://:1".to_owned()).contains("service_address"));
    assert!(refused(|s| s.service_address = "127.0.0.1:1".to_owned()).contains("scheme"));
    assert!(refused(|s| s.contains.push(Contains::default())).contains("field"));
}
