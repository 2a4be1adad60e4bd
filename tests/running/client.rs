//! Clients that post line protocol on connections kept open, and note everything that is not as it should be.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) struct Clients {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Sent>>,
}

/// What was sent and acknowledged, and what went wrong.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) metrics: u64,
    pub(crate) connections: usize,
    pub(crate) broken: Vec<String>,
}

impl Clients {
    /// Starts `count` clients that send bodies of `lines` lines without pause.
    pub(crate) fn start(port: u16, count: usize, lines: u64) -> Self {
        let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = (0..count)
            .map(|client| {
                let (stop, next) = (stop.clone(), next.clone());
                std::thread::spawn(move || client_loop(client, port, lines, &stop, &next))
            })
            .collect();
        Clients { stop, threads }
    }

    /// Lets the last requests be answered.
    pub(crate) fn stop(self) -> Sent {
        self.stop.store(true, SeqCst);
        let mut sent = Sent::default();
        for thread in self.threads {
            let own = thread.join().expect("a client does not panic");
            sent.metrics += own.metrics;
            sent.connections += own.connections;
            sent.broken.extend(own.broken);
        }
        assert!(sent.metrics > 0);
        sent
    }
}

fn client_loop(client: usize, port: u16, lines: u64, stop: &AtomicBool, next: &AtomicU64) -> Sent {
    let (mut sent, mut open) = (Sent::default(), None);
    while !stop.load(SeqCst) {
        let first = next.fetch_add(lines, SeqCst);
        let body: String = (first..first + lines).map(|v| format!("load,client={client} v={v}i\n")).collect();
        sent.connections += usize::from(open.is_none());
        match post(&mut open, port, &body) {
            Ok(()) => sent.metrics += lines,
            Err(e) => {
                sent.broken.push(e.to_string());
                open = None;
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    sent
}

/// One request on the connection that is open, or on a new one where the server has announced the end of the last.
fn post(open: &mut Option<BufReader<TcpStream>>, port: u16, body: &str) -> std::io::Result<()> {
    let mut connection = match open.take() {
        Some(connection) => connection,
        None => BufReader::new(TcpStream::connect(("127.0.0.1", port))?),
    };
    let head = format!("POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    connection.get_mut().write_all((head + body).as_bytes())?;
    let (mut status, mut length, mut last) = (String::new(), 0, false);
    connection.read_line(&mut status)?;
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", n)) => length = n.parse().map_err(std::io::Error::other)?,
            Some(("connection", "close")) => last = true,
            None if line.is_empty() => break,
            _ => {}
        }
    }
    let mut rest = vec![0; length];
    connection.read_exact(&mut rest)?;
    if !status.starts_with("HTTP/1.1 204") {
        return Err(std::io::Error::other(format!("{status}{}", String::from_utf8_lossy(&rest))));
    }
    if !last {
        *open = Some(connection);
    }
    Ok(())
}
