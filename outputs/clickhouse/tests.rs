//! The output against a server of a few answers, and against ClickHouse itself where it is installed.

use super::*;
use agent_net::testing::{Reply, Seen, Stub};
use std::sync::{Arc, Mutex};
use std::time::Duration as Time;

fn output(url: &str, own: impl FnOnce(&mut Settings)) -> Result<Clickhouse> {
    let mut settings = <Clickhouse as Plugin>::Settings::default();
    settings.own.url = url.to_owned();
    settings.shared.own.timeout = agent_api::Duration::secs(20);
    own(&mut settings.own);
    Clickhouse::new(settings, &Env::new("outputs.clickhouse"))
}

async fn open(url: &str, own: impl FnOnce(&mut Settings)) -> Clickhouse {
    let mut output = output(url, own).unwrap();
    output.open().await.unwrap();
    output
}

/// A server of one table whose columns are `columns` once it has been made. Rows with `bad` in them are refused.
async fn server(version: &'static str, columns: &'static str) -> Stub {
    let made = Arc::<Mutex<bool>>::default();
    Stub::new(move |seen: &Seen| {
        let (text, mut made) = (seen.text(), made.lock().unwrap());
        if text.starts_with("SELECT version") {
            return Reply::new(200, format!("{version}\n"));
        }
        if text.starts_with("DESCRIBE") && !*made {
            return Reply::new(404, "Code: 60, e.displayText() = DB::Exception: Table default.m doesn't exist.");
        }
        if text.starts_with("DESCRIBE") {
            return Reply::new(200, columns);
        }
        *made |= text.starts_with("CREATE");
        match text.contains("bad") {
            true => Reply::new(500, "Code: 27, e.displayText() = DB::Exception: Cannot parse input: (at row 1)"),
            false => Reply::new(200, ""),
        }
    })
    .await
}

const COLUMNS: &str = r#"{"name":"time","type":"DateTime64(3, 'UTC')","default_type":""}
{"name":"a","type":"LowCardinality(String)","default_type":""}
{"name":"f","type":"Nullable(Float64)","default_type":""}
{"name":"i","type":"Int64","default_type":""}
{"name":"b","type":"Nullable(Bool)","default_type":""}
{"name":"day","type":"Date","default_type":"MATERIALIZED"}
"#;

fn metrics() -> Chunk {
    let mut batch = Batch::new();
    batch.metric("m").tag("a", "x\ty\\z\n").field("f", 1.5).field("b", true).time(1_700_000_000_123_456_789);
    batch.metric("m").field("i", -3i64).time(1_000_000);
    batch.into()
}

#[tokio::test]
async fn tables_are_made_and_rows_fit_their_columns() {
    let stub = server("24.8.1.1", COLUMNS).await;
    let mut output = open(&stub.url(""), |s| {
        s.timestamp_column = "time".to_owned();
        s.username = Secret::new("own");
        s.password = Secret::new("se cret");
        s.async_insert = true;
        s.columns.insert("i".to_owned(), "Int64".to_owned());
        s.settings.insert("max_insert_block_size".to_owned(), "1000".to_owned());
    })
    .await;
    output.write(&metrics()).await.unwrap();
    let seen = stub.seen();
    assert_eq!(
        seen[2].text(),
        "CREATE TABLE IF NOT EXISTS `m` (`time` DateTime64(9, 'UTC'), `a` String, `f` Nullable(Float64), \
         `b` Nullable(UInt8), `i` Int64) ENGINE = MergeTree PARTITION BY toYYYYMM(`time`) ORDER BY (`a`, `time`)"
    );
    let insert = seen.last().unwrap();
    assert_eq!(
        insert.line,
        "POST /?database=default&max_insert_block_size=1000&async_insert=1&wait_for_async_insert=1\
         &query=INSERT+INTO+%60m%60+%28%60time%60%2C+%60a%60%2C+%60f%60%2C+%60i%60%2C+%60b%60%29+FORMAT+TabSeparated"
    );
    assert_eq!(insert.text(), "1700000000.123\tx\\ty\\\\z\\n\t1.5\t0\ttrue\n0000000000.001\t\t\\N\t-3\t\\N\n");
    assert_eq!((insert.header("x-clickhouse-user"), insert.header("x-clickhouse-key")), (Some("own"), Some("se cret")));
    // The table is known now.
    output.write(&metrics()).await.unwrap();
    assert_eq!(stub.seen().len(), seen.len() + 1);
}

#[tokio::test]
async fn columns_are_added_and_bad_rows_stand_alone() {
    let stub = server("18.16.1", COLUMNS).await;
    let mut output = open(&stub.url(""), |s| s.timestamp_column = "time".to_owned()).await;
    output.write(&metrics()).await.unwrap();
    assert!(stub.seen()[2].text().contains("`time` DateTime,"));
    let mut batch = Batch::new();
    for (i, a) in ["good", "bad", "good", "good", "good"].into_iter().enumerate() {
        let name = if i == 4 { "other" } else { "m" };
        batch.metric(name).tag("a", a).field("f", i as f64).time(1);
    }
    match output.write(&batch.into()).await {
        Err(WriteError::Reject { indices, cause }) => {
            assert_eq!(indices, [1]);
            assert!(format!("{cause:#}").contains("Cannot parse input"), "{cause:#}");
        }
        other => panic!("{other:?}"),
    }
    let mut batch = Batch::new();
    batch.metric("m").field("new", 1u64).time(1);
    // The server does not do as it says: the column is not there afterwards, so it is asked for again and again.
    output.write(&batch.into()).await.unwrap();
    assert!(stub.seen().iter().any(|s| s.text() == "ALTER TABLE `m` ADD COLUMN `new` Nullable(UInt64)"));
}

#[tokio::test]
async fn who_is_busy_is_asked_again() {
    let refuse = Reply::new(503, "Code: 202. DB::Exception: Too many simultaneous queries").header("retry-after", "7");
    let stub = Stub::list(vec![Reply::new(200, "24.8"), Reply::new(200, COLUMNS), refuse]).await;
    let mut output = open(&stub.url(""), |s| s.timestamp_column = "time".to_owned()).await;
    match output.write(&metrics()).await {
        Err(WriteError::Retry { after, .. }) => assert_eq!(after, Some(Time::from_secs(7))),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn without_leave_nothing_is_made() {
    let stub = server("24.8", COLUMNS).await;
    let mut output = open(&stub.url(""), |s| s.create = false).await;
    match output.write(&metrics()).await {
        Err(WriteError::Reject { indices, .. }) => assert_eq!(indices, [0, 1]),
        other => panic!("{other:?}"),
    }
    assert!(stub.seen().iter().all(|s| !s.text().starts_with("CREATE")));
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let bad = |own: fn(&mut Settings)| output("http://127.0.0.1:1", own).is_err();
    assert!(bad(|s| s.url = "own".to_owned()));
    assert!(bad(|s| s.table = "{{ .Name".to_owned()));
    assert!(bad(|s| s.table_template = "CREATE".to_owned()));
    assert!(bad(|s| s.content_encoding = "own".to_owned()));
    assert!(bad(|s| drop(s.columns.insert("a".to_owned(), "String) ; DROP".to_owned()))));
    assert!(bad(|s| drop(s.settings.insert("a&b".to_owned(), "1".to_owned()))));
}

/// ClickHouse on a port of its own with its files in a temporary folder; it ends with the value.
struct Real {
    process: std::process::Child,
    folder: tempfile::TempDir,
    url: String,
}

impl Drop for Real {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

impl Real {
    async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let shown = folder.path().display();
        // Up to 22.x the outer name was yandex, and it is still taken.
        std::fs::write(
            folder.path().join("config.xml"),
            format!(
                "<yandex><logger><level>warning</level><log>{shown}/log</log><errorlog>{shown}/errors</errorlog></logger>\
                 <http_port>{port}</http_port><listen_host>127.0.0.1</listen_host><path>{shown}/data/</path>\
                 <tmp_path>{shown}/tmp/</tmp_path><mark_cache_size>100000000</mark_cache_size>\
                 <users_config>{shown}/users.xml</users_config><default_profile>default</default_profile>\
                 <default_database>default</default_database></yandex>"
            ),
        )
        .unwrap();
        std::fs::write(
            folder.path().join("users.xml"),
            "<yandex><profiles><default/></profiles><quotas><default/></quotas><users><own><password>se cret</password>\
             <networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></own>\
             <default><password>x</password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>\
             </default></users></yandex>",
        )
        .unwrap();
        let started = std::process::Command::new("clickhouse-server")
            .arg(format!("--config-file={shown}/config.xml"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn();
        let Ok(process) = started else {
            eprintln!("clickhouse-server is not installed, so it is not asked");
            return None;
        };
        let real = Real { process, folder, url: format!("http://127.0.0.1:{port}") };
        for _ in 0..300 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Some(real);
            }
            tokio::time::sleep(Time::from_millis(100)).await;
        }
        panic!(
            "clickhouse-server does not listen: {}",
            std::fs::read_to_string(real.folder.path().join("errors")).unwrap_or_default()
        );
    }
}

async fn asked(output: &Clickhouse, statement: &str) -> String {
    output.server.as_ref().unwrap().ask(statement).await.unwrap()
}

#[tokio::test]
async fn clickhouse_takes_what_is_written() {
    let Some(real) = Real::start().await else { return };
    let with = |s: &mut Settings| {
        s.username = Secret::new("own");
        s.password = Secret::new("se cret");
        s.content_encoding = "gzip".to_owned();
    };
    let mut output = open(&real.url, with).await;
    output.write(&metrics()).await.unwrap();
    let rows = "SELECT a, f, i, b, toInt64(toDateTime(timestamp)) FROM m ORDER BY a DESC FORMAT TabSeparated";
    assert_eq!(asked(&output, rows).await.lines().next(), Some("x\\ty\\\\z\\n\t1.5\t\\N\t1\t1700000000"));
    // Fields and tags that come later get columns; others write meanwhile.
    let mut other = open(&real.url, with).await;
    for (own, key) in [(true, "n"), (false, "o"), (true, "o")] {
        let writer = if own { &mut output } else { &mut other };
        let mut batch = Batch::new();
        batch.metric("m").tag("late", "t").field(key, 7u64).time(1_700_000_000_000_000_000);
        writer.write(&batch.into()).await.unwrap();
    }
    assert_eq!(
        asked(&output, "SELECT count(), sum(n), sum(o), any(late) FROM m WHERE late = 't'").await,
        "3\t7\t14\tt\n"
    );
    // A text does not fit where a number was; the others of the write do.
    let mut batch = Batch::new();
    batch.metric("m").field("n", 1u64).time(1_700_000_000_000_000_000);
    batch.metric("m").field("n", "text").time(1_700_000_000_000_000_000);
    batch.metric("new").field("x", f64::NAN).time(1_700_000_000_000_000_000);
    match output.write(&batch.into()).await {
        Err(WriteError::Reject { indices, .. }) => assert_eq!(indices, [1]),
        other => panic!("{other:?}"),
    }
    assert_eq!(asked(&output, "SELECT sum(n) FROM m").await, "8\n");
    // Somebody takes the table away.
    output.server.as_ref().unwrap().run("DROP TABLE m").await.unwrap();
    assert!(matches!(output.write(&metrics()).await, Err(WriteError::Retry { .. })));
    output.write(&metrics()).await.unwrap();
    assert_eq!(asked(&output, "SELECT count() FROM m").await, "2\n");
}
