//! The output against databases in memory that are looked into, and files.

use super::*;
use std::path::PathBuf;
use tempfile::TempDir;

async fn output(dsn: &str, own: impl FnOnce(&mut Settings)) -> Sql {
    let mut settings =
        Settings { driver: "sqlite".to_owned(), data_source_name: Secret::new(dsn), ..Settings::default() };
    own(&mut settings);
    let mut output = Sql::new(settings, &Env::new("outputs.sql")).unwrap();
    output.open().await.map_err(|e| e.to_string()).unwrap();
    output
}

/// A database of its own for each test, in a folder that is removed when dropped.
struct File(TempDir);

impl File {
    fn new() -> Self {
        File(tempfile::tempdir().unwrap())
    }
    fn path(&self) -> PathBuf {
        self.0.path().join("own.db")
    }
    fn dsn(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }
    /// Every row of a statement with one column of text.
    fn ask(&self, sql: &str) -> Vec<String> {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
        rows.map(|r| r.unwrap().unwrap_or_else(|| "null".to_owned())).collect()
    }
}

/// Metrics `t,k=K v=i`.
fn metrics(tags: &[&str]) -> Chunk {
    let mut batch = Batch::new();
    for (i, tag) in tags.iter().enumerate() {
        batch.metric("t").tag("k", tag).field("v", i as i64).time(i as i64 * 1_500_000_000);
    }
    batch.into()
}

#[tokio::test]
async fn a_database_that_another_has_for_himself_is_opened_later() {
    let file = File::new();
    let other = rusqlite::Connection::open(file.path()).unwrap();
    other.execute_batch("CREATE TABLE t(v); BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)").unwrap();
    let dsn = format!("{}?_pragma=busy_timeout(1)&_pragma=journal_mode(WAL)", file.dsn());
    let settings = Settings { driver: "sqlite".to_owned(), data_source_name: Secret::new(&dsn), ..Settings::default() };
    let mut output = Sql::new(settings, &Env::new("outputs.sql")).unwrap();
    assert!(matches!(output.open().await, Err(StartError::Retry(_))));
    other.execute_batch("COMMIT").unwrap();
    output.open().await.unwrap();
}

const UNIQUE: &str = "CREATE TABLE {TABLE}({COLUMNS}, UNIQUE({TAG_COLUMN_NAMES}))";

/// Written (None for all), rejected.
fn split(result: Result<(), WriteError>) -> (Option<Vec<usize>>, Vec<usize>) {
    match result {
        Ok(()) => (None, vec![]),
        Err(WriteError::Partial { written, rejected, .. }) => (Some(written), rejected),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn values_of_every_type() {
    let file = File::new();
    let mut output = output(&file.dsn(), |_| {}).await;
    let mut batch = Batch::new();
    let metric = batch.metric("t").tag("a", "x").field("f", 0.5).field("i", -1i64).field("u", 7u64).time(1_500_000_000);
    drop(metric.field("b", true).field("s", "it's").field("nan", f64::NAN));
    output.write(&batch.into()).await.unwrap();
    let all = "\"timestamp\"||' '||a||' '||f||' '||typeof(i)||' '||u||' '||b||' '||s||' '||typeof(nan)";
    assert_eq!(
        file.ask(&format!("SELECT {all} FROM t")),
        ["1970-01-01 00:00:01.5 +0000 UTC x 0.5 integer 7 1 it's null"]
    );
    assert_eq!(
        file.ask("SELECT sql FROM sqlite_master"),
        ["CREATE TABLE \"t\"(\"timestamp\" TIMESTAMP,\"a\" TEXT,\"f\" DOUBLE,\"i\" INT,\"u\" INT UNSIGNED,\"b\" BOOL,\
          \"s\" TEXT,\"nan\" DOUBLE)"]
    );
}

#[tokio::test]
async fn a_refused_row_is_tried_twice_and_then_rejected() {
    let file = File::new();
    let mut output = output(&file.dsn(), |s| s.table_template = UNIQUE.to_owned()).await;
    let chunk = metrics(&["a", "a", "b"]);
    assert_eq!(split(output.write(&chunk).await), (Some(vec![0, 2]), vec![]));
    let rest = chunk.part(1, 2);
    assert_eq!(split(output.write(&rest).await), (Some(vec![]), vec![0]));
    assert_eq!(file.ask("SELECT k FROM t ORDER BY k"), ["a", "b"]);
}

#[tokio::test]
async fn a_batch_is_written_as_a_whole_once_the_poison_is_known() {
    let file = File::new();
    let own = |s: &mut Settings| {
        s.table_template = UNIQUE.to_owned();
        s.batch_transactions = true;
    };
    let mut output = output(&file.dsn(), own).await;
    let chunk = metrics(&["a", "a", "b"]);
    assert_eq!(split(output.write(&chunk).await), (Some(vec![]), vec![]));
    assert_eq!(file.ask("SELECT k FROM t"), [] as [&str; 0]);
    assert_eq!(split(output.write(&chunk).await), (Some(vec![0, 2]), vec![1]));
    assert_eq!(file.ask("SELECT k FROM t ORDER BY k"), ["a", "b"]);
}

#[tokio::test]
async fn new_columns_are_refused_or_added() {
    let (plain, growing) = (File::new(), File::new());
    let mut a = output(&plain.dsn(), |_| {}).await;
    let mut b = output(&growing.dsn(), |s| {
        s.table_update_template = "ALTER TABLE {TABLE} ADD COLUMN {COLUMN}".to_owned();
    })
    .await;
    let mut batch = Batch::new();
    batch.metric("t").field("v", 1i64).time(1);
    batch.metric("t").tag("new", "x").field("V", 2i64).time(2);
    let chunk = Chunk::from(batch);
    assert_eq!(split(a.write(&chunk).await), (Some(vec![0]), vec![]));
    b.write(&chunk).await.unwrap();
    assert_eq!(growing.ask("SELECT new||v FROM t WHERE v = 2"), ["x2"]);
    assert_eq!(growing.ask("SELECT name FROM pragma_table_info('t')"), ["timestamp", "v", "new"]);
}

#[tokio::test]
async fn a_table_that_cannot_be_made_concerns_its_own_rows() {
    let file = File::new();
    let mut output = output(&file.dsn(), |_| {}).await;
    let mut batch = Batch::new();
    batch.metric("bad").tag("a", "x").field("a", 1i64).time(1);
    batch.metric("good").field("big", u64::MAX).time(1);
    batch.metric("good").field("big", 1u64).time(2);
    assert_eq!(split(output.write(&batch.into()).await), (Some(vec![2]), vec![]));
    assert_eq!(file.ask("SELECT name FROM sqlite_master"), ["good"]);
}

#[tokio::test]
async fn a_busy_database_keeps_everything() {
    let file = File::new();
    let mut output = output(&format!("{}?_pragma=busy_timeout(1)", file.dsn()), |_| {}).await;
    output.write(&metrics(&["a"])).await.unwrap();
    let other = rusqlite::Connection::open(file.path()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert!(matches!(output.write(&metrics(&["b"])).await, Err(WriteError::Retry { .. })));
    other.execute_batch("ROLLBACK").unwrap();
    output.write(&metrics(&["b"])).await.unwrap();
    assert_eq!(file.ask("SELECT k FROM t"), ["a", "b"]);
}

#[tokio::test]
async fn times_in_other_forms() {
    for (parameter, written) in
        [("_time_format=sqlite", "1970-01-01 00:00:00+00:00"), ("_time_integer_format=unix", "0")]
    {
        let file = File::new();
        let mut output = output(&format!("{}?{parameter}", file.dsn()), |s| s.init_sql = "SELECT 1".to_owned()).await;
        output.write(&metrics(&["a"])).await.unwrap();
        assert_eq!(file.ask("SELECT CAST(\"timestamp\" AS TEXT) FROM t"), [written]);
    }
}

#[test]
fn settings_that_make_no_sense() {
    let refused = |own: fn(&mut Settings)| {
        let mut settings =
            Settings { driver: "sqlite".to_owned(), data_source_name: Secret::new("a"), ..Settings::default() };
        own(&mut settings);
        Sql::new(settings, &Env::new("outputs.sql")).err().unwrap().to_string()
    };
    assert!(refused(|s| s.driver = "mysql".to_owned()).contains("not built yet"));
    assert!(refused(|s| s.driver = "own".to_owned()).contains("unknown"));
    assert!(refused(|s| s.data_source_name = Secret::default()).contains("data_source_name"));
    assert!(refused(|s| s.convert.conversion_style = "own".to_owned()).contains("conversion_style"));
}
