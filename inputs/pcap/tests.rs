//! Files that grow, are replaced, or are pipes; what is left out; and who counts what.

use super::*;
use crate::testing::Kept;
use agent_api::plugin::Request;
use agent_packets::{Packets, Seen};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The header of a classic capture of Ethernet.
const HEADER: [u8; 24] = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];

/// UDP to a port, as a record of a file.
fn record(port: u16) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 32, 0, 0, 0, 0, 9, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 9]);
    frame.extend(port.to_be_bytes());
    frame.extend([0, 12, 0, 0, 1, 2, 3, 4]);
    let length = (frame.len() as u32).to_le_bytes();
    [&1u32.to_le_bytes()[..], &0u32.to_le_bytes(), &length, &length, &frame].concat()
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("agent-pcap-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A run of the plugin.
struct Run {
    kept: Arc<Kept>,
    token: CancellationToken,
    ask: mpsc::Sender<Request>,
    task: tokio::task::JoinHandle<Result<()>>,
    seen: Vec<Seen>,
}

impl Run {
    async fn start(settings: Settings, once: bool) -> Run {
        let mut env = Env::new("inputs.pcap");
        env.agent = Arc::new(plugin::AgentInfo { once, ..Default::default() });
        let mut plugin = Pcap::new(settings, &env).unwrap();
        plugin.open().await.unwrap();
        let (kept, token) = (Arc::new(Kept::default()), CancellationToken::new());
        let (ask, asked) = mpsc::channel(1);
        let (out, stop) = (Sender::new(kept.clone()), Stop::new(token.clone(), Some(asked)));
        let task = tokio::spawn(async move { plugin.listen(out, stop).await });
        Run { kept, token, ask, task, seen: Vec::new() }
    }

    /// Asks as the agent does at its interval, and waits for the answer.
    async fn ask(&self) {
        let (request, answered) = Request::new(0);
        self.ask.send(request).await.unwrap();
        assert!(answered.await.is_err(), "an answer is that the request is dropped");
    }

    /// Waits for so many packets in all and gives the ports they were sent to.
    async fn ports(&mut self, count: usize) -> Vec<u16> {
        for _ in 0..500 {
            self.collect();
            if self.seen.len() >= count {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        self.seen.iter().map(|seen| seen.ports()[1]).collect()
    }

    fn collect(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for mut batch in self.kept.take() {
            if let Some(cargo) = batch.take_cargo() {
                self.seen.extend(cargo.downcast_ref::<Packets>().unwrap().seen());
            }
            for metric in batch.iter() {
                let fields: Vec<String> = metric
                    .fields()
                    .filter_map(|(k, v)| Some(format!("{k}={}", v.number().filter(|v| *v != 0.0)?)))
                    .collect();
                lines.push(fields.join(","));
            }
        }
        lines
    }

    /// Stops it; the metrics since the last look.
    async fn stop(mut self) -> (Vec<Seen>, Vec<String>, Vec<String>) {
        self.token.cancel();
        (&mut self.task).await.unwrap().unwrap();
        let lines = self.collect();
        (self.seen, lines, self.kept.errors())
    }
}

fn of(files: &[&Path]) -> Settings {
    Settings { files: files.iter().map(|f| f.display().to_string()).collect(), ..Settings::default() }
}

fn write(path: &Path, parts: &[&[u8]]) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(&parts.concat()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_and_is_replaced() {
    let folder = Folder::new("grows");
    let path = folder.file("a.pcap");
    write(&path, &[&HEADER, &record(1), &record(2)[..20]]);
    let mut run = Run::start(Settings { follow: true, ..of(&[&folder.file("*.pcap")]) }, false).await;
    assert_eq!(run.ports(1).await, [1]);
    // The rest of a packet, and another.
    write(&path, &[&record(2)[20..], &record(3)]);
    assert_eq!(run.ports(3).await, [1, 2, 3]);
    // Replaced under its name, as tcpdump -C with -W does.
    std::fs::rename(&path, folder.file("old")).unwrap();
    write(&path, &[&HEADER, &record(4)]);
    assert_eq!(run.ports(4).await, [1, 2, 3, 4]);
    // A second file, found at the next interval.
    write(&folder.file("b.pcap"), &[&HEADER, &record(5)]);
    run.ask().await;
    assert_eq!(run.ports(5).await, [1, 2, 3, 4, 5]);
    let (_, _, errors) = run.stop().await;
    assert_eq!(errors, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn once_reads_all_files_to_their_end_and_says_what_is_wrong() {
    let folder = Folder::new("once");
    let many: Vec<u8> = (0..5000).flat_map(record).collect();
    write(&folder.file("a.pcap"), &[&HEADER, &many]);
    write(&folder.file("b.pcap"), &[&HEADER, &record(7), &record(8)[..30]]);
    write(&folder.file("c.pcap"), &[b"this is none, and it is long enough"]);
    let run = Run::start(of(&[&folder.file("*.pcap")]), true).await;
    run.ask().await;
    let (seen, lines, errors) = run.stop().await;
    assert_eq!(seen.len(), 5001);
    assert!(
        errors.len() == 1 && errors[0].contains("c.pcap") && errors[0].contains("neither pcap nor pcapng"),
        "{errors:?}"
    );
    assert!(
        lines.contains(&"packets_read=2,bytes_read=46,packets_in_flows=1,packets_cut_off=1".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"packets_read=5000,bytes_read=230000,packets_in_flows=5000".to_owned()), "{lines:?}");
    assert!(seen.iter().all(|s| s.interface > 0));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_pipe() {
    let folder = Folder::new("pipe");
    let path = folder.file("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let mut run = Run::start(of(&[&path]), false).await;
    let to = path.clone();
    let writer = std::thread::spawn(move || {
        let mut pipe = std::fs::OpenOptions::new().write(true).open(to).unwrap();
        pipe.write_all(&[&HEADER[..], &record(1), &record(2)].concat()).unwrap();
    });
    assert_eq!(run.ports(2).await, [1, 2]);
    writer.join().unwrap();
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sampled_cut_and_filtered_packets_are_counted() {
    let folder = Folder::new("sampled");
    let many: Vec<u8> = (0..10).flat_map(record).collect();
    write(&folder.file("a.pcap"), &[&HEADER, &many]);
    let settings = Settings {
        sampling: 3,
        // Ports below 8: `ldh [36]`, `jge #8`.
        filter: "4, 40 0 0 36, 53 1 0 8, 6 0 0 65535, 6 0 0 0".to_owned(),
        ..of(&[&folder.file("a.pcap")])
    };
    let run = Run::start(settings, true).await;
    run.ask().await;
    let (seen, lines, _) = run.stop().await;
    assert_eq!(seen.iter().map(|s| s.ports()[1]).collect::<Vec<_>>(), [0, 3, 6]);
    assert_eq!(
        lines,
        ["packets_read=10,bytes_read=460,packets_filtered=2,packets_sampled_out=5,packets_in_flows=3".to_owned()]
    );
}

#[test]
fn settings_that_cannot_be() {
    let refusal = |settings| format!("{:#}", Pcap::new(settings, &Env::new("inputs.pcap")).err().unwrap());
    let file = || of(&[Path::new("a")]);
    assert!(refusal(Settings::default()).contains("neither interfaces nor files"));
    assert!(refusal(Settings { sampling: 0, ..file() }).contains("sampling"));
    assert!(refusal(Settings { snaplen: 10, ..file() }).contains("snaplen"));
    assert!(refusal(Settings { filter: "1,5 0 0 9".into(), ..file() }).contains("filter: step 0"));
}
