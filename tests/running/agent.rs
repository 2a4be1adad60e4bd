//! A running agent in a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// So long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Agent {
    folder: PathBuf,
    process: Child,
    log: Receiver<String>,
    said: String,
}

impl Agent {
    /// Starts one and waits until it listens.
    pub(crate) fn start(name: &str, config: &str, port: u16) -> Self {
        Agent::start_with(name, config, port, &[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(name: &str, config: &str, port: u16, flags: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("agent-reload-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        std::fs::write(folder.join("agent.conf"), config).expect("the folder can be written");
        let mut process = Command::new(env!("CARGO_BIN_EXE_agent"))
            .args(["--config", "agent.conf"])
            .args(flags)
            .current_dir(&folder)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let stderr = process.stderr.take().expect("it is piped");
        let (lines, log) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        let mut agent = Agent { folder, process, log, said: String::new() };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < PATIENCE && agent.process.try_wait().expect("it is ours").is_none());
            std::thread::sleep(Duration::from_millis(10));
        }
        agent
    }

    /// Writes a configuration and has it loaded; gives what the log says where it is refused.
    pub(crate) fn reload(&mut self, config: &str) -> Result<(), String> {
        self.write(config);
        self.signal("HUP");
        self.reloaded()
    }

    /// Writes a configuration and does not say so.
    pub(crate) fn write(&self, config: &str) {
        // As editors do: never half of it.
        let (new, file) = (self.folder.join("agent.conf.new"), self.folder.join("agent.conf"));
        std::fs::write(&new, config).expect("the folder can be written");
        std::fs::rename(new, file).expect("the folder can be written");
    }

    /// A file in its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Waits for a line of the log.
    pub(crate) fn says(&mut self, what: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{what:?} is not in\n{}", self.said));
            self.said += &line;
            self.said.push('\n');
            if line.contains(what) {
                return line;
            }
        }
    }

    /// Waits for what becomes of a reload.
    pub(crate) fn reloaded(&mut self) -> Result<(), String> {
        let begun = self.said.len();
        loop {
            let line = self.says("the new configuration ");
            if line.contains("is in use") {
                return Ok(());
            }
            if line.contains("cannot be used") {
                // What comes after it on lines of its own belongs to it.
                while let Ok(line) = self.log.recv_timeout(Duration::from_millis(200)) {
                    self.said += &line;
                    self.said.push('\n');
                }
                return Err(self.said[begun..].to_owned());
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().expect("there is kill");
        assert!(sent.success());
    }

    /// Stops it and gives its log.
    pub(crate) fn stop(&mut self) -> String {
        self.signal("TERM");
        let status = self.process.wait().expect("it is ours");
        self.said.extend(self.log.iter().map(|line| line + "\n"));
        assert!(status.success(), "{}", self.said);
        std::mem::take(&mut self.said)
    }

    /// The lines of a file that it wrote.
    pub(crate) fn lines(&self, file: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.join(file)).expect("the agent wrote it");
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // A test that fails leaves nothing running.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
        let _kept = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    probe.local_addr().expect("it is bound").port()
}

/// A whole number that a line of line protocol has.
pub(crate) fn field(line: &str, key: &str) -> u64 {
    let fields = line.split(' ').nth(1).expect("a line has fields");
    let value = fields.split(',').find_map(|f| f.strip_prefix(key)?.strip_prefix('=')).expect("the field is there");
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("it is a number")
}
