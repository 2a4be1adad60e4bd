//! What tests of listeners share: somewhere to put metrics, and a client that speaks plain HTTP.

use agent_api::plugin::{Future, ParserMaker, Request, Sink};
use agent_api::*;
use agent_formats as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// Keeps what it is given.
#[derive(Default)]
pub(crate) struct Kept {
    batches: Mutex<Vec<Batch>>,
    errors: Mutex<Vec<String>>,
}

impl Sink for Kept {
    fn send(&self, batch: Batch, _: bool) -> Future<'_, ()> {
        self.batches.lock().unwrap().push(batch);
        Box::pin(async {})
    }
    fn send_blocking(&self, batch: Batch, _: bool) {
        self.batches.lock().unwrap().push(batch);
    }
    fn error(&self, error: Error) {
        self.errors.lock().unwrap().push(format!("{error:#}"));
    }
}

impl Kept {
    /// The metrics so far as `name,tag=value field=value time`, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.batches.lock().unwrap().iter().flat_map(|b| b.iter().map(line).collect::<Vec<_>>()).collect()
    }

    /// The batches, taken.
    pub(crate) fn take(&self) -> Vec<Batch> {
        std::mem::take(&mut *self.batches.lock().unwrap())
    }

    /// Waits until `done` says so of the lines, for some seconds at most.
    pub(crate) async fn wait(&self, done: impl Fn(&[String]) -> bool) -> Vec<String> {
        for _ in 0..250 {
            let lines = self.lines();
            if done(&lines) {
                return lines;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        self.lines()
    }

    /// The errors so far.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.errors.lock().unwrap().clone()
    }
}

fn line(m: MetricRef<'_>) -> String {
    let tags: String = m.tags().map(|(k, v)| format!(",{k}={v}")).collect();
    let fields: Vec<String> = m
        .fields()
        .map(|(k, v)| match v {
            Value::Float(v) => format!("{k}={v}"),
            Value::Int(v) => format!("{k}={v}i"),
            Value::Uint(v) => format!("{k}={v}u"),
            Value::Bool(v) => format!("{k}={v}"),
            Value::Str(v) => format!("{k}={v:?}"),
        })
        .collect();
    format!("{}{tags} {} {}", m.name(), fields.join(","), m.time())
}

/// A listener at work.
pub(crate) struct Running {
    pub(crate) kept: Arc<Kept>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<()>>,
    ask: tokio::sync::mpsc::Sender<Request>,
}

impl Running {
    /// Starts a listener that was opened.
    pub(crate) fn start(mut plugin: impl Listener) -> Self {
        let (kept, stop) = (Arc::<Kept>::default(), CancellationToken::new());
        let (ask, asked) = tokio::sync::mpsc::channel(1);
        let (out, ends) = (Sender::new(kept.clone()), Stop::new(stop.clone(), Some(asked)));
        let task = tokio::spawn(async move { plugin.listen(out, ends).await });
        Running { kept, stop, task, ask }
    }

    /// Lets an interval come, and waits for the answer to it.
    pub(crate) async fn interval(&self) {
        let (request, answered) = Request::new(0);
        let asked = async {
            self.ask.send(request).await.unwrap();
            let _answered = answered.await;
        };
        tokio::time::timeout(std::time::Duration::from_secs(5), asked).await.expect("the interval is answered");
    }

    /// Stops it and gives what it told.
    pub(crate) async fn stop(self) -> Arc<Kept> {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
        self.kept
    }
}

/// An environment with a parser of a format.
pub(crate) fn env(plugin: &str, format: &'static str) -> Env {
    let mut env = Env::new(plugin);
    let inner = env.clone();
    let make: ParserMaker = Arc::new(move || {
        let entry = plugin::find(plugin::Family::Parsers, format).unwrap();
        let plugin::Build::Parser(build) = entry.build else { panic!("{format} is no parser") };
        Ok(build(&options::Table::default(), &inner)?)
    });
    env.parsers = Some(make);
    env
}

/// Sends a request and gives status, head and body of the answer.
pub(crate) async fn http(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> (u16, String, String) {
    let mut client = tokio::net::TcpStream::connect(at).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    // The answer may come before all is sent.
    let _refused = client.write_all(body).await;
    let mut back = Vec::new();
    let _reset = client.read_to_end(&mut back).await;
    let back = String::from_utf8_lossy(&back).into_owned();
    let (head, body) = back.split_once("\r\n\r\n").unwrap_or((&back, ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    (status, head.to_ascii_lowercase(), body.to_owned())
}
