//! Answers of servers, and servers of a few lines.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const INFO: &str = "# Server\r\nredis_version:6.0\r\nos:Linux\r\nuptime_in_seconds:238\r\nlru_clock:5\r\n\r\n# Clients\r\n\
    connected_clients:1\r\n# Memory\r\nused_memory:1003936\r\nused_memory_human:980.41K\r\nmaxmemory_policy:noeviction\r\n\
    mem_fragmentation_ratio:4\r\nused_memory_peak_perc:93.58%\r\nmem_allocator:libc\r\n# Persistence\r\nrdb_last_save_time:900\r\n\
    # Stats\r\nkeyspace_hits:1\r\nkeyspace_misses:3\r\n# Replication\r\nrole:master\r\n\
    slave0:ip=127.0.0.1,port=7379,state=online,offset=4556468,lag=0\r\nmaster_replid:abc\r\n# Commandstats\r\n\
    cmdstat_get:calls=3,usec=20,usec_per_call=6.67\r\n# Errorstats\r\nerrorstat_MOVED:count=37\r\n# Keyspace\r\n\
    db0:keys=2,expires=0,avg_ttl=0\r\n";

fn lines(batch: &Batch) -> Vec<String> {
    let mut lines: Vec<String> = batch
        .iter()
        .map(|m| {
            let tags: String = m.tags().map(|(k, v)| format!(",{k}={v}")).collect();
            let mut fields: Vec<String> = m.fields().map(|(k, v)| format!("{k}={v:?}")).collect();
            fields.sort();
            format!("{}{tags} {}", m.name(), fields.join(","))
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn what_a_server_tells() {
    let mut out = Collector::new();
    info::add(INFO, &[("server", "h".to_owned()), ("port", "1".to_owned())], 1000, &mut out);
    assert_eq!(
        lines(&out.take()),
        [
            "redis,port=1,replication_role=master,server=h clients=Int(1),keyspace_hitrate=Float(0.25),keyspace_hits=Int(1),\
             keyspace_misses=Int(3),lru_clock=Int(5),maxmemory_policy=Str(\"noeviction\"),mem_fragmentation_ratio=Float(4.0),\
             rdb_last_save_time=Int(900),rdb_last_save_time_elapsed=Int(100),redis_version=Str(\"6.0\"),uptime=Int(238),\
             used_memory=Int(1003936),used_memory_peak_perc=Float(93.58)",
            "redis_cmdstat,command=get,port=1,replication_role=master,server=h calls=Int(3),usec=Int(20),usec_per_call=Float(6.67)",
            "redis_errorstat,err=MOVED,port=1,replication_role=master,server=h total=Int(37)",
            "redis_keyspace,database=db0,port=1,replication_role=master,server=h avg_ttl=Int(0),expires=Int(0),keys=Int(2)",
            "redis_replication,port=1,replica_id=0,replica_ip=127.0.0.1,replica_port=7379,replication_role=slave,server=h,\
             state=online lag=Int(0),offset=Int(4556468)",
        ]
    );
}

#[test]
fn takes_anything() {
    let mut state = 3u64;
    for _ in 0..2000 {
        let mut bytes = INFO.as_bytes().to_vec();
        for _ in 0..5 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] = b":,=#%\n0x"[(state >> 20) as usize % 8];
        }
        info::add(&String::from_utf8_lossy(&bytes), &[], 0, &mut Collector::new());
    }
}

/// A server that answers each request with the next of some texts; the requests that it got.
async fn server(answers: Vec<String>) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = String::new();
        for answer in answers {
            let mut asked = vec![0; 1000];
            let n = stream.read(&mut asked).await.unwrap();
            all.push_str(&String::from_utf8_lossy(&asked[..n]));
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        all
    });
    (place, task)
}

fn command(words: &[&str], field: &str, kind: &str) -> Command {
    let command = words.iter().map(|w| Word::Text((*w).to_owned())).collect();
    Command { command, field: field.to_owned(), kind: kind.to_owned() }
}

async fn gather(own: Settings) -> (Vec<String>, Vec<String>) {
    let mut input = Redis::new(With { own, shared: ClientTls::default() }, &Env::new("inputs.redis")).unwrap();
    let mut out = Collector::new();
    input.gather(&mut out).await.unwrap();
    let errors = out.take_errors().0.iter().map(|e| format!("{e:#}")).collect();
    (lines(&out.take()), errors)
}

#[tokio::test]
async fn logging_in_and_commands() {
    let info = "# Server\r\nredis_version:7.2.4\r\n";
    let answers = vec![
        "+OK\r\n".to_owned(),
        format!("${}\r\n{info}\r\n", info.len()),
        "$2\r\n42\r\n".to_owned(),
        "-ERR own\r\n".to_owned(),
    ];
    let (place, task) = server(answers).await;
    let own = Settings {
        servers: vec![format!("tcp://anna:p%40w@{place}")],
        commands: vec![command(&["GET", "a"], "a", "integer"), command(&["GET", "b"], "b", "string")],
        ..Settings::default()
    };
    let (lines, errors) = gather(own).await;
    assert!(
        lines.len() == 2 && lines[1].starts_with("redis_commands,") && lines[1].ends_with(" a=Int(42)"),
        "{lines:?}"
    );
    assert!(errors.len() == 1 && errors[0].contains("field \"b\"") && errors[0].contains("ERR own"), "{errors:?}");
    let asked = task.await.unwrap();
    assert!(
        asked.starts_with("*3\r\n$4\r\nAUTH\r\n$4\r\nanna\r\n$3\r\np@w\r\n*2\r\n$4\r\nINFO\r\n$3\r\nALL\r\n"),
        "{asked}"
    );
}

#[tokio::test]
async fn servers_that_do_not_answer_well() {
    for (answer, message) in [
        ("-NOAUTH Authentication required.\r\n", "NOAUTH"),
        ("$10\r\nshort\r\n", "ends too early"),
        ("$99999999\r\n", "too long"),
        ("*1\r\n:1\r\n", "list"),
        ("HTTP/1.1 400\r\n", "unknown kind"),
        ("", "ends too early"),
    ] {
        let (place, _task) = server(vec![answer.to_owned()]).await;
        let (_, errors) = gather(Settings { servers: vec![place], ..Settings::default() }).await;
        assert!(errors.len() == 1 && errors[0].contains(message), "{answer:?}: {errors:?}");
    }
}

#[test]
fn addresses_of_servers() {
    let server = |text: &str| Server::parse(text).unwrap();
    assert_eq!(server("tcp://[::1]:7").tags, [("server", "::1".to_owned()), ("port", "7".to_owned())]);
    assert_eq!(server("localhost").shown(), "localhost:6379");
    assert_eq!(server("tcp://:secret@h").password.reveal().unwrap(), "secret");
    assert_eq!(server("unix:///run/r.sock").tags, [("socket", "/run/r.sock".to_owned())]);
    for bad in ["http://h", "tcp://h:x", "unix://r.sock"] {
        assert!(Server::parse(bad).is_err(), "{bad}");
    }
    for bad in [command(&["GET"], "a", "own"), command(&[], "a", "string"), command(&["GET"], "", "string")] {
        let own = Settings { commands: vec![bad], ..Settings::default() };
        assert!(Redis::new(With { own, shared: ClientTls::default() }, &Env::new("inputs.redis")).is_err());
    }
}
