//! The server over loopback.

use super::*;
use crate::testing::Running;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const GOOD: &str = "<165>1 2024-05-06T07:08:09.123Z host-a app-b 4711 ID47 [s@1 k=\"1\"] hello";
const TCP: &str = "tcp://127.0.0.1:0";
const UDP: &str = "udp://127.0.0.1:0";

async fn start(address: &str, own: impl FnOnce(&mut Settings)) -> (Option<SocketAddr>, Running) {
    let mut settings = With { own: Settings::default(), shared: ServerTls::default() };
    settings.own.server = address.to_owned();
    own(&mut settings.own);
    let mut plugin = Syslog::new(settings, &Env::new("inputs.syslog")).unwrap();
    plugin.open().await.unwrap();
    let at = match plugin.bound.as_ref().unwrap() {
        Bound::Packets(p) => p.local(),
        Bound::Connections(c) => c.local(),
    };
    (at, Running::start(plugin))
}

/// Lines without their times.
fn timeless(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|l| l.rsplit_once(' ').map(|(line, _)| line)).collect()
}

fn short(text: &str) -> String {
    format!(
        "syslog,facility=user,severity=notice,source=127.0.0.1 facility_code=1i,severity_code=5i,version=1u,message={text:?}"
    )
}

fn counted(message: &str) -> String {
    format!("{} {message}", message.len())
}

#[tokio::test]
async fn octet_counting_in_pieces() {
    let (at, server) = start(TCP, |_| {}).await;
    let mut client = TcpStream::connect(at.unwrap()).await.unwrap();
    let stream = counted(GOOD) + &counted("<13>1 - - - - - - two") + "\n" + &counted("<13>1 - - - - - - three\nlines ");
    for piece in stream.as_bytes().chunks(7) {
        client.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    let lines = server.kept.wait(|l| l.len() == 3).await;
    assert_eq!(
        timeless(&lines),
        [
            "syslog,appname=app-b,facility=local4,hostname=host-a,severity=notice,source=127.0.0.1 facility_code=20i,\
             severity_code=5i,version=1u,timestamp=1714979289123000000i,procid=\"4711\",msgid=\"ID47\",s@1_k=\"1\",\
             message=\"hello\"",
            &short("two"),
            &short("three\nlines"),
        ]
    );
    assert!(server.stop().await.errors().is_empty());
}

#[tokio::test]
async fn bad_messages_cost_no_good_ones() {
    let (at, server) = start(TCP, |s| s.max_message_length = Size(40)).await;
    let mut client = TcpStream::connect(at.unwrap()).await.unwrap();
    let stream =
        counted("<13>1 bad") + &counted(&"x".repeat(100_000)) + &counted("<13>1 - - - - - - good") + "no length";
    client.write_all(stream.as_bytes()).await.unwrap();
    assert_eq!(timeless(&server.kept.wait(|l| l.len() == 1).await), [short("good")]);
    // The lengths are lost: the connection is closed.
    assert_eq!(client.read(&mut [0; 8]).await.unwrap_or(0), 0);
    let errors = server.stop().await.errors().join("; ");
    for part in
        ["RFC3339MICRO", "<13>1 bad", "message of 100000 bytes is too long", "expecting the length of a message"]
    {
        assert!(errors.contains(part), "{errors}");
    }
}

#[tokio::test]
async fn trailers() {
    for (trailer, end) in [("LF", '\n'), ("nul", '\0')] {
        let (at, server) = start(TCP, |s| {
            (s.framing, s.trailer) = ("non-transparent".to_owned(), trailer.to_owned());
        })
        .await;
        let stream = format!("no syslog{end}<13>1 - - - - - - one{end}{end}<13>1 - - - - - - two{end}lines");
        TcpStream::connect(at.unwrap()).await.unwrap().write_all(stream.as_bytes()).await.unwrap();
        assert_eq!(
            timeless(&server.kept.wait(|l| l.len() == 2).await),
            [short("one"), short(&format!("two{end}lines"))]
        );
        let errors = server.stop().await.errors();
        assert!(errors.len() == 1 && errors[0].contains("no syslog"), "{errors:?}");
    }
}

#[tokio::test]
async fn half_messages_count_where_that_is_wanted() {
    for best_effort in [false, true] {
        let (at, server) = start(TCP, |s| s.best_effort = best_effort).await;
        let mut client = TcpStream::connect(at.unwrap()).await.unwrap();
        client.write_all(b"5 <13>299 <13>1 - - - - - - cut").await.unwrap();
        drop(client);
        let kept = server.kept.clone();
        for _ in 0..250 {
            if kept.errors().len() == 2 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(kept.errors().len(), 2, "{:?}", kept.errors());
        let lines = kept.lines();
        if best_effort {
            let version =
                "syslog,facility=user,severity=notice,source=127.0.0.1 facility_code=1i,severity_code=5i,version=2u";
            assert_eq!(timeless(&lines), [version, &short("cut")]);
        } else {
            assert!(lines.is_empty(), "{lines:?}");
        }
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_of_both_standards() {
    let (at, server) = start(UDP, |s| s.sdparam_separator = ".".to_owned()).await;
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for packet in ["<13>1 - - - - - [a][b k=\"v\"]", "garbage", "<13>1 - - - - - [a]", "<13>1 - - - - - - x\n"] {
        client.send_to(packet.as_bytes(), at.unwrap()).unwrap();
    }
    let head = "syslog,facility=user,severity=notice,source=127.0.0.1 facility_code=1i,severity_code=5i,version=1u";
    let lines = server.kept.wait(|l| l.len() == 3).await;
    assert_eq!(timeless(&lines), [&format!("{head},a=true,b.k=\"v\""), &format!("{head},a=true"), &short("x")]);
    let times: Vec<_> = lines.iter().map(|l| l.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a < b));
    assert!(server.stop().await.errors().join("").contains("garbage"));

    let (at, server) = start(UDP, |s| s.syslog_standard = "RFC3164".to_owned()).await;
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"<34>2024-05-06T07:08:09Z web su[7]: failed\n", at.unwrap()).unwrap();
    let lines = server.kept.wait(|l| l.len() == 1).await;
    assert_eq!(
        timeless(&lines),
        [
            "syslog,appname=su,facility=auth,hostname=web,severity=crit,source=127.0.0.1 facility_code=4i,severity_code=2i,\
          timestamp=1714979289000000000i,procid=\"7\",message=\"failed\""
        ]
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_messages() {
    use std::io::Write;
    let gzip = |text: &str| {
        let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        w.write_all(text.as_bytes()).unwrap();
        w.finish().unwrap()
    };
    let (at, server) = start(UDP, |s| s.content_encoding = "gzip".to_owned()).await;
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(&gzip("<13>1 - - - - - - packet"), at.unwrap()).unwrap();
    assert_eq!(timeless(&server.kept.wait(|l| l.len() == 1).await), [short("packet")]);
    server.stop().await;
    let (at, server) = start(TCP, |s| s.content_encoding = "gzip".to_owned()).await;
    let stream = gzip(&counted("<13>1 - - - - - - stream"));
    TcpStream::connect(at.unwrap()).await.unwrap().write_all(&stream).await.unwrap();
    assert_eq!(timeless(&server.kept.wait(|l| l.len() == 1).await), [short("stream")]);
    server.stop().await;
}

#[tokio::test]
async fn who_may_connect_and_for_how_long() {
    let (at, server) = start(TCP, |s| {
        s.max_connections = 1;
        s.read_timeout = Duration::millis(300);
        s.keep_alive_period = Some(Duration::secs(60));
    })
    .await;
    let mut first = TcpStream::connect(at.unwrap()).await.unwrap();
    first.write_all(counted("<13>1 - - - - - - a").as_bytes()).await.unwrap();
    server.kept.wait(|l| l.len() == 1).await;
    let mut second = TcpStream::connect(at.unwrap()).await.unwrap();
    assert_eq!(second.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert_eq!(first.read(&mut [0; 8]).await.unwrap_or(0), 0);
    server.stop().await;
    let (at, server) = start(TCP, |s| s.allowed_sources = vec!["192.0.2.1".to_owned()]).await;
    let mut client = TcpStream::connect(at.unwrap()).await.unwrap();
    assert_eq!(client.read(&mut [0; 8]).await.unwrap_or(0), 0);
    server.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_in_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let (grams, stream) = (folder.path().join("grams"), folder.path().join("stream"));
    let local = short("x").replace(",source=127.0.0.1", "");
    let (_, server) = start(&format!("unixgram://{}", grams.display()), |s| s.socket_mode = "622".to_owned()).await;
    std::os::unix::net::UnixDatagram::unbound().unwrap().send_to(b"<13>1 - - - - - - x", &grams).unwrap();
    assert_eq!(timeless(&server.kept.wait(|l| l.len() == 1).await), [local.as_str()]);
    server.stop().await;
    let (_, server) = start(&format!("unix://{}", stream.display()), |_| {}).await;
    let mut client = tokio::net::UnixStream::connect(&stream).await.unwrap();
    client.write_all(counted("<13>1 - - - - - - x").as_bytes()).await.unwrap();
    assert_eq!(timeless(&server.kept.wait(|l| l.len() == 1).await), [local.as_str()]);
    server.stop().await;
    assert!(!grams.exists() && !stream.exists());
}

#[test]
fn addresses() {
    let tcp = |host: &str| Address::Tcp(host.to_owned(), Family::Any);
    assert_eq!(address("tcp://127.0.0.1:6514").unwrap(), tcp("127.0.0.1:6514"));
    assert_eq!(address("tcp://").unwrap(), tcp(":6514"));
    assert_eq!(address("tcp://[::1]").unwrap(), tcp("[::1]:6514"));
    assert_eq!(address("tcp://localhost:").unwrap(), tcp("localhost:6514"));
    assert_eq!(address("udp4://:514").unwrap(), Address::Udp(":514".to_owned(), Family::V4));
    for bad in ["", ":6514", "own://127.0.0.1:0", "unix://", "tcp://a:99999"] {
        assert!(address(bad).is_err(), "{bad}");
    }
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    for own in [
        |s: &mut Settings| s.framing = "own".to_owned(),
        |s: &mut Settings| s.trailer = "TAB".to_owned(),
        |s: &mut Settings| s.syslog_standard = "RFC1".to_owned(),
        |s: &mut Settings| s.content_encoding = "rot13".to_owned(),
        |s: &mut Settings| s.allowed_sources = vec!["localhost".to_owned()],
        |s: &mut Settings| s.multicast_source = "192.0.2.1".to_owned(),
        |s: &mut Settings| s.max_message_length = Size(0),
    ] {
        let mut settings = With { own: Settings::default(), shared: ServerTls::default() };
        own(&mut settings.own);
        assert!(Syslog::new(settings, &Env::new("inputs.syslog")).is_err());
    }
}
