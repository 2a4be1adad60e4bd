//! Tables, pages, and a socket.

use super::*;
use agent_net::testing::{Reply, Stub};

const TABLE: &str = "# pxname,svname,qcur,scur,status,act,type,lastsess,hrsp_2xx,check_desc,last_chk,\n\
    http-in,FRONTEND,,3,OPEN,,0,,7,,,\nback,web1,0,2,UP,1,2,-1,5,\"Layer7, ok\",\"said \"\"hi\"\", fine\",\n";

fn lines(batch: &Batch) -> Vec<String> {
    batch.iter().map(|m| format!("{m:?}").rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[test]
fn rows_become_metrics() {
    let mut out = Collector::new();
    csv::add(TABLE.as_bytes(), "h:1936", false, &mut out).unwrap();
    let batch = out.take();
    assert_eq!(
        lines(&batch),
        [
            "haproxy,proxy=http-in,server=h:1936,sv=FRONTEND,type=frontend scur=Uint(3),status=Str(\"OPEN\"),\
             http_response.2xx=Uint(7)",
            "haproxy,proxy=back,server=h:1936,sv=web1,type=server qcur=Uint(0),scur=Uint(2),status=Str(\"UP\"),\
             active_servers=Uint(1),lastsess=Int(-1),http_response.2xx=Uint(5),last_chk=Str(\"said \\\"hi\\\", fine\")",
        ]
    );
    csv::add(TABLE.as_bytes(), "h", true, &mut out).unwrap();
    let batch = out.take();
    assert!(lines(&batch)[0].starts_with("haproxy,pxname=http-in,server=h,svname=FRONTEND,type=frontend "));
}

#[test]
fn what_is_no_table_is_an_error() {
    for bad in ["", "a,b\n", "# a,b\n1\n", "# type,x\n9,1\n", "# a,b\n\"1,2\n", "# a,b\n\"1\"x,2\n"] {
        assert!(csv::add(bad.as_bytes(), "h", false, &mut Collector::new()).is_err(), "{bad:?}");
    }
}

#[test]
fn addresses_are_checked() {
    let own = Settings { servers: vec!["http://".to_owned()], ..Settings::default() };
    assert!(Haproxy::new(With { own, shared: ClientTls::default() }, &Env::new("inputs.haproxy")).is_err());
}

async fn gather(servers: Vec<String>) -> (Batch, Vec<Error>) {
    let own = Settings { servers, username: Secret::new("own"), password: Secret::new("pw"), ..Settings::default() };
    let mut input = Haproxy::new(With { own, shared: ClientTls::default() }, &Env::new("inputs.haproxy")).unwrap();
    let mut out = Collector::new();
    input.gather(&mut out).await.unwrap();
    (out.take(), out.take_errors().0)
}

#[tokio::test]
async fn pages() {
    let stub = Stub::list(vec![Reply::new(200, TABLE), Reply::new(401, "")]).await;
    let url = stub.url("/haproxy?stats");
    let (batch, errors) = gather(vec![url.clone()]).await;
    assert!(batch.len() == 2 && errors.is_empty(), "{errors:?}");
    assert_eq!(batch.at(0).tag("server"), Some(url.trim_start_matches("http://").split('/').next().unwrap()));
    assert_eq!(stub.seen()[0].line, "GET /haproxy?stats/;csv");
    assert_eq!(stub.seen()[0].header("authorization"), Some("Basic b3duOnB3"));
    let (_, errors) = gather(vec![url]).await;
    assert!(format!("{:#}", errors[0]).contains("status 401"), "{errors:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 10];
        stream.read_exact(&mut asked).await.unwrap();
        stream.write_all(TABLE.as_bytes()).await.unwrap();
    });
    let (batch, errors) =
        gather(vec![format!("{}/*.sock", folder.path().display()), "socket:/own/none.sock".to_owned()]).await;
    assert_eq!(batch.at(1).tag("server"), Some(path.to_str().unwrap()));
    assert!(errors.len() == 1 && format!("{:#}", errors[0]).contains("/own/none.sock"), "{errors:?}");
}
