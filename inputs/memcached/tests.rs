//! Servers of a few lines.

use super::*;
use tokio::net::TcpListener;

/// A server that answers every connection with the next of some texts.
async fn server(answers: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 7];
            stream.read_exact(&mut asked).await.unwrap();
            assert_eq!(&asked, b"stats\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    place
}

#[tokio::test]
async fn statistics_become_fields() {
    const GOOD: &str =
        "STAT pid 1\r\nSTAT uptime 194\r\nSTAT version 1.6.9\r\nSTAT get_hits 3\r\nSTAT evictions x\r\nEND\r\n";
    let place = server(&[GOOD, "ERROR\r\n", "STAT uptime 1\r\n"]).await;
    let own = Settings { servers: vec![place.clone()], ..Settings::default() };
    let mut input = Memcached::new(With { own, shared: ClientTls::default() }, &Env::new("inputs.memcached")).unwrap();
    let mut out = Collector::new();
    input.gather(&mut out).await.unwrap();
    let shown = format!("{:?}", out.batch().at(0));
    let expected = format!("memcached,server={place} uptime=Int(194),get_hits=Int(3),evictions=Str(\"x\")");
    assert!(shown.starts_with(&expected), "{shown}");
    for message in ["unexpected answer \"ERROR\"", "ends too early"] {
        input.gather(&mut out).await.unwrap();
        let errors = out.take_errors().0;
        assert!(format!("{:#}", errors[0]).contains(message), "{errors:?}");
    }
}

#[test]
fn servers_have_a_port() {
    let own = Settings { servers: vec!["h".to_owned(), "h:1".to_owned()], ..Settings::default() };
    let input = Memcached::new(With { own, shared: ClientTls::default() }, &Env::new("inputs.memcached")).unwrap();
    assert_eq!(input.settings.servers, ["h:11211", "h:1"]);
}
