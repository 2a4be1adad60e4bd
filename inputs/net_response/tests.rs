//! The input against small servers on the loopback.

use super::*;
use tokio::net::TcpListener;

async fn check(settings: Settings) -> Vec<String> {
    let mut out = Collector::new();
    NetResponse::new(settings, &Env::new("inputs.net_response")).unwrap().gather(&mut out).await.unwrap();
    let metric = out.batch().at(0);
    metric
        .fields()
        .filter(|f| f.0 != "result_type")
        .map(|(k, v)| if k == "response_time" { k.to_owned() } else { format!("{k}={v:?}") })
        .collect()
}

/// Settings of a call by TCP.
fn at(address: &str) -> Settings {
    Settings { protocol: "tcp".to_owned(), address: address.to_owned(), ..Settings::default() }
}

/// Answers what it is told, or greets without being told anything.
async fn tcp(greeting: &'static [u8], answer: &'static [u8]) -> Settings {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(greeting).await.unwrap();
        let mut told = [0; 100];
        let n = stream.read(&mut told).await.unwrap();
        stream.write_all(&[answer, &told[..n]].concat()).await.unwrap();
        // Kept open until the other side has gone.
        let _ = stream.read(&mut told).await;
    });
    Settings { read_timeout: Duration::millis(200), ..at(&address) }
}

#[tokio::test]
async fn an_answer_is_compared() {
    let own = Settings { send: "PING\n".to_owned(), expect: "^PONG P.NG$".to_owned(), ..tcp(b"", b"PONG ").await };
    assert_eq!(check(own).await, ["response_time", "result_code=Uint(0)", "string_found=Bool(true)"]);
    let own = Settings { send: "PING\n".to_owned(), expect: "x".to_owned(), ..tcp(b"", b"PONG ").await };
    assert_eq!(check(own).await, ["response_time", "result_code=Uint(4)", "string_found=Bool(false)"]);
    let own = Settings { expect: "ready".to_owned(), ..tcp(b"220 ready\r\nmore", b"").await };
    assert_eq!(check(own).await, ["response_time", "result_code=Uint(0)", "string_found=Bool(true)"]);
}

#[tokio::test]
async fn half_a_line_counts_and_nothing_does_not() {
    let own = Settings { expect: "ready".to_owned(), ..tcp(b"ready", b"").await };
    assert_eq!(check(own).await[1], "result_code=Uint(0)");
    let own = Settings { expect: "ready".to_owned(), ..tcp(b"", b"").await };
    assert_eq!(check(own).await, ["response_time", "result_code=Uint(3)", "string_found=Bool(false)"]);
}

#[tokio::test]
async fn nobody_there() {
    let own = at("127.0.0.1:1");
    assert_eq!(check(own).await, ["result_code=Uint(2)"]);
    let own = Settings { expect: "x".to_owned(), ..at("127.0.0.1:1") };
    assert_eq!(check(own).await, ["result_code=Uint(2)", "string_found=Bool(false)"]);
}

#[tokio::test]
async fn a_datagram_is_compared() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut told = [0; 100];
        let (n, from) = server.recv_from(&mut told).await.unwrap();
        server.send_to(&[b"echo:", &told[..n]].concat(), from).await.unwrap();
        // The second is not answered.
        server.recv_from(&mut told).await.unwrap();
        std::future::pending::<()>().await;
    });
    let own = Settings {
        protocol: "udp".to_owned(),
        address,
        send: "hi".to_owned(),
        expect: "echo:hi".to_owned(),
        read_timeout: Duration::millis(200),
        ..Settings::default()
    };
    assert_eq!(check(own.clone()).await, ["response_time", "result_code=Uint(0)", "string_found=Bool(true)"]);
    assert_eq!(check(own).await, ["result_code=Uint(3)", "string_found=Bool(false)"]);
}

#[test]
fn bad_options_are_refused() {
    let error = |change: fn(&mut Settings)| {
        let mut own = at("h:1");
        change(&mut own);
        NetResponse::new(own, &Env::new("inputs.net_response")).err().unwrap().to_string()
    };
    assert!(error(|s| s.protocol = "sctp".to_owned()).contains("sctp"));
    assert!(error(|s| s.protocol.clear()).contains("protocol is needed"));
    assert!(error(|s| s.protocol = "udp".to_owned()).contains("send string"));
    assert!(error(|s| s.address = "h".to_owned()).contains("bad port"));
    assert!(error(|s| s.address.clear()).contains("bad port in address \"\""));
    assert!(error(|s| s.expect = "(".to_owned()).contains("expect"));
    let local = NetResponse::new(at(":7"), &Env::new("x")).unwrap();
    assert_eq!((local.host.as_str(), local.port.as_str()), ("localhost", "7"));
}
