//! The output against sockets of this host, and what it makes of metrics.

use super::*;
use agent_syslog::{Message, Standard};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UdpSocket};

fn output(address: String, own: impl FnOnce(&mut Settings)) -> Result<Syslog> {
    let mut settings = Settings { address, ..Settings::default() };
    own(&mut settings);
    Syslog::new(With { own: settings, shared: ClientTls::default() }, &Env::new("outputs.syslog"))
}

const NOWHERE: &str = "tcp://127.0.0.1:1";
const TIME: i64 = 1_700_000_000_123_456_789;

fn batch(fill: impl FnOnce(&mut Batch)) -> Chunk {
    let mut batch = Batch::new();
    fill(&mut batch);
    batch.into()
}

/// The message of a metric, without framing.
fn message(own: impl FnOnce(&mut Settings), fill: impl FnOnce(&mut Batch)) -> Result<String> {
    let output = output(NOWHERE.to_owned(), own)?;
    let mut text = String::new();
    output.mapping.write(batch(fill).at(0), &mut text)?;
    Ok(text)
}

fn door(batch: &mut Batch) {
    batch
        .metric("door")
        .tags([("hostname", "gate7"), ("appname", "porter"), ("site", "n")])
        .field("msg", "opened by anna")
        .field("severity_code", 3i64)
        .field("facility_code", 4i64)
        .field("procid", "77")
        .field("msgid", "OPEN")
        .field("x", 1.5)
        .field("ok", true)
        .time(TIME);
}

#[test]
fn parts_of_the_message_by_key() {
    let text = message(|_| {}, door).unwrap();
    assert_eq!(text, "<35>1 2023-11-14T22:13:20Z gate7 porter 77 OPEN - opened by anna");
    let text = message(|s| s.default_sdid = "own@1".to_owned(), door).unwrap();
    assert_eq!(
        text,
        "<35>1 2023-11-14T22:13:20Z gate7 porter 77 OPEN [own@1 ok=\"1\" site=\"n\" x=\"1.5\"] opened by anna"
    );
}

#[test]
fn structured_data_by_identifier() {
    let own = |s: &mut Settings| {
        s.sdids = vec!["a@1".to_owned(), "b".to_owned()];
        s.sdparam_separator = "::".to_owned();
    };
    let fill = |b: &mut Batch| {
        let tags = [("hostname", "h"), ("a@1::t", "\"x\\]"), ("plain", "2")];
        b.metric("d").tags(tags).field("b::f", 3i64).field("a@1_g", 1i64).time(TIME);
    };
    let text = message(own, fill).unwrap();
    assert_eq!(text, r#"<13>1 2023-11-14T22:13:20Z h Telegraf - d [a@1 t="\"x\\\]"][b f="3"]"#);
    let read = Message::parse(text.as_bytes(), Standard::Rfc5424).unwrap();
    assert_eq!(read.data[0].params[0].1, "\"x\\]");
}

#[test]
fn codes_and_versions() {
    let with = |key: &str, value: Value<'_>| {
        message(|_| {}, |b| drop(b.metric("d").tag("host", "h").field(key, value).time(TIME)))
    };
    let head = |text: Result<String>| text.unwrap().split_once(' ').unwrap().0.to_owned();
    assert_eq!(head(with("severity_code", Value::Uint(7))), "<15>1");
    assert_eq!(head(with("severity_code", Value::Str("2"))), "<10>1");
    for none in [Value::Int(-1), Value::Int(8), Value::Float(1.5), Value::Str("x")] {
        assert_eq!(head(with("severity_code", none)), "<13>1");
    }
    assert_eq!(head(with("facility_code", Value::Int(23))), "<189>1");
    assert_eq!(head(with("facility_code", Value::Int(24))), "<13>1");
    assert_eq!(head(with("version", Value::Uint(999))), "<13>999");
    assert_eq!(head(with("version", Value::Int(7))), "<13>1");
    assert!(with("version", Value::Uint(0)).is_err() && with("version", Value::Uint(1000)).is_err());
    let at = with("timestamp", Value::Int(0)).unwrap();
    assert!(at.starts_with("<13>1 1970-01-01T00:00:00Z h "), "{at}");
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    for own in [
        |s: &mut Settings| s.framing = "own".to_owned(),
        |s: &mut Settings| s.trailer = "TAB".to_owned(),
        |s: &mut Settings| s.default_severity_code = 8,
        |s: &mut Settings| s.default_facility_code = 24,
        |s: &mut Settings| s.sdids = vec!["a b".to_owned()],
        |s: &mut Settings| s.default_sdid = "a]".to_owned(),
        |s: &mut Settings| s.address = "127.0.0.1:514".to_owned(),
    ] {
        assert!(output(NOWHERE.to_owned(), own).is_err());
    }
}

#[tokio::test]
async fn framings_and_what_cannot_be_written() {
    for (framing, trailer, expected) in [
        (
            "octet-counting",
            "LF",
            "41 <13>1 1970-01-01T00:00:00Z h Telegraf - a -41 <13>1 1970-01-01T00:00:00Z h Telegraf - c -",
        ),
        (
            "non-transparent",
            "lf",
            "<13>1 1970-01-01T00:00:00Z h Telegraf - a -\n<13>1 1970-01-01T00:00:00Z h Telegraf - c -\n",
        ),
        (
            "NON-TRANSPARENT",
            "NUL",
            "<13>1 1970-01-01T00:00:00Z h Telegraf - a -\0<13>1 1970-01-01T00:00:00Z h Telegraf - c -\0",
        ),
    ] {
        let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut output = output(format!("tcp://{}", peer.local_addr().unwrap()), |s| {
            (s.framing, s.trailer) = (framing.to_owned(), trailer.to_owned());
        })
        .unwrap();
        output.open().await.unwrap();
        let metrics = batch(|b| {
            for (name, version) in [("a", 1u64), ("b", 0), ("c", 1)] {
                b.metric(name).tag("host", "h").field("version", version).time(0);
            }
        });
        let result = output.write(&metrics).await;
        assert!(matches!(result, Err(WriteError::Reject { indices, .. }) if indices == [1]));
        drop(output);
        let mut text = String::new();
        peer.accept().await.unwrap().0.read_to_string(&mut text).await.unwrap();
        assert_eq!(text.replace("43 ", "41 "), expected);
    }
}

#[tokio::test]
async fn datagrams_hold_a_message_each() {
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut output =
        output(format!("udp://{}", peer.local_addr().unwrap()), |s| s.framing = "non-transparent".to_owned()).unwrap();
    output.open().await.unwrap();
    output.write(&batch(door)).await.unwrap();
    let mut memory = [0; 1000];
    let n = peer.recv(&mut memory).await.unwrap();
    assert!(memory[..n].starts_with(b"<35>1 ") && memory[..n].ends_with(b"anna\n"));
}

#[tokio::test]
async fn a_closed_connection_loses_nothing() {
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut output = output(format!("tcp://{}", peer.local_addr().unwrap()), |_| {}).unwrap();
    output.open().await.unwrap();
    drop(peer.accept().await.unwrap());
    // The end has to arrive before it can be seen.
    while !output.connection.as_mut().unwrap().is_closed() {
        tokio::task::yield_now().await;
    }
    output.write(&batch(door)).await.unwrap();
    drop(output);
    let mut text = String::new();
    peer.accept().await.unwrap().0.read_to_string(&mut text).await.unwrap();
    assert!(text.ends_with("opened by anna"), "{text}");
}
