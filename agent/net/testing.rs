//! A scripted HTTP server on a free loopback port, for the tests of plugins that call out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request as the server saw it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// `POST /path?query`.
    pub line: String,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body, as it came.
    pub body: Vec<u8>,
}

impl Seen {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|h| h.0 == name).map(|h| h.1.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What the server answers.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
}

impl Reply {
    /// A status and a body; status 0 ends the connection without an answer.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Reply { status, headers: Vec::new(), body: body.into(), delay: Duration::ZERO }
    }
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
    /// Waits before it answers.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

type Script = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// The server; it ends with the test's runtime.
pub struct Stub {
    address: std::net::SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    /// Answers by a function of the request.
    pub async fn new(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, log): (Script, _) = (Arc::new(script), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script.clone(), log.clone()));
            }
        });
        Stub { address, seen }
    }

    /// Answers from a list, and with the last of it for ever.
    pub async fn list(replies: Vec<Reply>) -> Self {
        let left = Mutex::new(replies.into_iter().rev().collect::<Vec<_>>());
        Stub::new(move |_| {
            let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
            if left.len() > 1 { left.pop() } else { left.last().cloned() }.unwrap_or_else(|| Reply::new(500, ""))
        })
        .await
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything that was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first lines of everything that was asked so far.
    pub fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|s| s.line).collect()
    }
}

async fn serve(stream: TcpStream, script: Script, log: Arc<Mutex<Vec<Seen>>>) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(seen)) = read(&mut stream).await {
        log.lock().unwrap_or_else(PoisonError::into_inner).push(seen.clone());
        let reply = script(&seen);
        tokio::time::sleep(reply.delay).await;
        if reply.status == 0 {
            return;
        }
        let mut head = format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let body: &[u8] = if seen.line.starts_with("HEAD ") { &[] } else { &reply.body };
        if stream.write_all(&[head.as_bytes(), body].concat()).await.is_err() {
            return;
        }
    }
}

/// The next request, or None at the end of the connection.
async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Seen>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut seen = Seen { line, ..Seen::default() };
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        seen.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = seen.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    seen.body = vec![0; length];
    stream.read_exact(&mut seen.body).await?;
    Ok(Some(seen))
}

/// A NATS server of its own on a free loopback port, with JetStream in a temporary folder; it ends with the value.
pub struct NatsServer {
    process: std::process::Child,
    folder: std::path::PathBuf,
    address: String,
}

impl NatsServer {
    /// Starts the `nats-server` of this system with further options in the form of its configuration files. None if there is
    /// none (`scripts/setup test` installs it).
    pub async fn start(options: &str) -> Option<Self> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("agent-nats-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder in the temporary folder");
        let shown = folder.display();
        let text = format!(
            "listen: \"127.0.0.1:-1\"\nports_file_dir: \"{shown}\"\njetstream {{ store_dir: \"{shown}\" }}\n{options}\n"
        );
        std::fs::write(folder.join("nats.conf"), text).expect("a file in the temporary folder");
        // Debian puts it where ordinary users do not look.
        let started = ["nats-server", "/usr/sbin/nats-server"].into_iter().find_map(|name| {
            let mut command = std::process::Command::new(name);
            command.arg("-c").arg(folder.join("nats.conf")).arg("-l").arg(folder.join("log")).spawn().ok()
        });
        let Some(process) = started else {
            eprintln!("nats-server is not installed, so it is not asked");
            // A leftover in the temporary folder harms nobody.
            let _left = std::fs::remove_dir_all(&folder);
            return None;
        };
        let ports = folder.join(format!("nats-server_{}.ports", process.id()));
        let mut server = NatsServer { process, folder, address: String::new() };
        for _ in 0..500 {
            let text = std::fs::read_to_string(&ports).unwrap_or_default();
            let all: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(address) = all["nats"][0].as_str() {
                server.address = address.to_owned();
                return Some(server);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!(
            "nats-server does not listen: {}",
            std::fs::read_to_string(server.folder.join("log")).unwrap_or_default()
        );
    }

    /// Its address: `nats://127.0.0.1:port`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // It may have ended already, and a leftover in the temporary folder harms nobody.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
        let _left = std::fs::remove_dir_all(&self.folder);
    }
}
