//! How many sockets there are, by state.
//!
//! Telegraf lists the sockets of all processes and counts each combination of kind, addresses and state once, sockets between
//! local processes included. The numbers here are the same, but read off the five tables alone: no process is looked at, so
//! neither root is needed nor time that grows with the number of processes.
//!
//! The tables of TCP are dear even when they are empty: the kernel walks its whole hash, a quarter of a million chains on a
//! machine of 32 GB and 1.6 ms, for each read of each of them. So the kernel is asked in another way where it is this host's (`diag`), and only
//! if something has changed: no connection changes its state without a segment or a change of the number of sockets, and
//! both are counted in small files. While these stand still, what was counted last still holds.
//!
//! Windows is asked for its four tables (`windows`).

#[cfg(target_os = "linux")]
mod diag;
mod tables;
mod windows;

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashSet;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;
use tables::{Socket, State};

register!(Entry::input::<Netstat>());

/// Reads the tables of sockets.
struct Netstat {
    folder: PathBuf,
    reader: Reader,
    /// Memory for the kernel's answers; nothing where it does not answer, and then its tables are read.
    #[cfg(target_os = "linux")]
    answers: Option<Vec<u8>>,
    /// Hashes of the sockets of a gathering; kept for its memory. With 64 bits, a million sockets meet by chance once in
    /// thirty million gatherings.
    seen: HashSet<u64>,
    /// The kernel's counters of TCP, and what was counted when they stood so.
    tcp: Option<(Vec<u8>, Counts)>,
}

type Counts = [i64; State::FIELDS.len()];

/// It has no settings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {}

impl Plugin for Netstat {
    const NAME: &'static str = "netstat";
    const ABOUT: &'static str = "Counts TCP connections by state, and UDP sockets.";
    type Settings = Settings;

    fn new(_: Settings, env: &Env) -> Result<Self> {
        Ok(Netstat {
            folder: env.host.proc.join("net"),
            reader: Reader::new(),
            #[cfg(target_os = "linux")]
            answers: (env.host.proc == Path::new("/proc")).then(Vec::new),
            seen: HashSet::new(),
            tcp: None,
        })
    }
}

/// Tables, and whether each must be there: a kernel without IPv6 has no tables of it.
const TCP: [(&str, bool); 2] = [("tcp", true), ("tcp6", false)];
const OTHERS: [(&str, bool); 3] = [("udp", true), ("udp6", false), ("unix", false)];

/// More bytes than a line of the tables of TCP has: they are padded to 150 and some more of IPv6.
const LONGEST: usize = 512;

/// Files of counters and the beginnings of the lines that change with every change of a connection.
const COUNTERS: [(&str, &[u8]); 3] = [("snmp", b"Tcp:"), ("sockstat", b"TCP:"), ("sockstat6", b"TCP6:")];

impl Input for Netstat {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        if cfg!(windows) {
            let all = agent_windows::connections().context("ask for the sockets")?;
            report(&windows::count(&all), out);
            return Ok(());
        }
        self.seen.clear();
        // Read first: what changes between the two readings is counted by the next gathering.
        let counters = self.counters();
        let tcp = match self.tcp.take() {
            Some((before, counts)) if !counters.is_empty() && before == counters => counts,
            _ => self.connections()?,
        };
        self.tcp = Some((counters, tcp));
        let mut all = self.count(&OTHERS)?;
        all.iter_mut().zip(tcp).for_each(|(sum, tcp)| *sum += tcp);
        report(&all, out);
        Ok(())
    }
}

fn report(counts: &Counts, out: &mut Collector) {
    let mut metric = out.metric("netstat");
    for (field, count) in State::FIELDS.iter().zip(counts) {
        metric.add_field(field, *count);
    }
}

impl Netstat {
    /// The kernel's counters of TCP; empty where it does not tell all of them.
    fn counters(&mut self) -> Vec<u8> {
        let mut counters = Vec::new();
        for (file, beginning) in COUNTERS {
            let Ok(text) = self.reader.read(&self.folder.join(file)) else {
                if file == "sockstat6" {
                    continue;
                }
                return Vec::new();
            };
            scan::lines(text).filter(|l| l.starts_with(beginning)).for_each(|l| counters.extend_from_slice(l));
        }
        counters
    }

    fn connections(&mut self) -> Result<Counts> {
        #[cfg(target_os = "linux")]
        if let Some(answers) = &mut self.answers {
            let (mut counts, seen) = (Counts::default(), &mut self.seen);
            let asked = diag::each(answers, |socket| {
                if seen.insert(socket.hash) {
                    counts[socket.state as usize] += 1;
                }
            });
            if asked.is_ok() {
                return Ok(counts);
            }
            // A kernel without this interface, or a sandbox that forbids it.
            (self.answers, self.seen) = (None, HashSet::new());
        }
        self.count(&TCP)
    }

    fn count(&mut self, tables: &[(&str, bool)]) -> Result<Counts> {
        let mut counts = Counts::default();
        for (table, needed) in tables {
            let path = self.folder.join(table);
            if !needed && !path.exists() {
                continue;
            }
            let mut first = true;
            let seen = &mut self.seen;
            let mut handle = |line: &[u8]| {
                if std::mem::take(&mut first) {
                    return;
                }
                let socket = match *table {
                    "unix" => Socket::local(line),
                    table => Socket::inet(line, table.starts_with("tcp")),
                };
                if let Some(socket) = socket
                    && seen.insert(socket.hash)
                {
                    counts[socket.state as usize] += 1;
                }
            };
            match *table {
                "tcp" | "tcp6" => self.reader.table(&path, LONGEST, &mut handle)?,
                _ => self.reader.lines(&path, &mut handle)?,
            }
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn row(local: &str, remote: &str, state: &str) -> String {
        format!(
            "   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000 100 0 0 10 0\n"
        )
    }

    fn netstat(tree: &Tree) -> Vec<String> {
        gather(&mut Netstat::new(Settings {}, &tree.env()).unwrap())
    }

    #[test]
    fn sockets_are_counted_once() {
        let any6 = "00000000000000000000000000000000:0016";
        let mapped = "0000000000000000FFFF00000100007F:1F90";
        let tcp = [
            row("00000000:0016", "00000000:0000", "0A"),
            row("0100007F:1F90", "0100007F:C350", "01"),
            row("0100007F:1F90", "0100007F:C351", "01"),
            row("0100007F:1F90", "0100007F:C351", "01"),
            row("0100007F:1F90", "0100007F:C351", "06"),
            row("0100007F:1F90", "0100007F:C352", "0C"),
        ];
        // The second is the second of the table above, written as IPv6.
        let tcp6 = [row(any6, any6, "0A"), row(mapped, &mapped.replace("1F90", "C350"), "01")];
        let udp = [row("0100007F:0035", "00000000:0000", "07"), row("0100007F:0035", "00000000:0000", "01")];
        let tree = Tree::of(&[
            ("proc/net/tcp", &(HEAD.to_owned() + &tcp.concat())),
            ("proc/net/tcp6", &(HEAD.to_owned() + &tcp6.concat())),
            ("proc/net/udp", &(HEAD.to_owned() + &udp.concat())),
        ]);
        assert_eq!(
            netstat(&tree),
            [
                "netstat tcp_close=0i,tcp_close_wait=0i,tcp_closing=0i,tcp_established=2i,tcp_fin_wait1=0i,tcp_fin_wait2=0i,\
              tcp_last_ack=0i,tcp_listen=2i,tcp_none=0i,tcp_syn_recv=0i,tcp_syn_sent=0i,tcp_time_wait=1i,udp_socket=1i"
            ]
        );
    }

    #[test]
    fn local_sockets_count_by_kind_and_path() {
        let unix = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                    0000: 00000002 00000000 00010000 0001 01 100 /run/a\n0000: 00000003 00000000 00000000 0001 03 101 /run/a\n\
                    0000: 00000003 00000000 00000000 0001 03 102\n0000: 00000003 00000000 00000000 0001 03 103\n\
                    0000: 00000002 00000000 00000000 0002 01 104 @/b\n0000: 00000002 00000000 00000000 0005 01 105 /run/c\n";
        let tree = Tree::of(&[("proc/net/tcp", HEAD), ("proc/net/udp", HEAD), ("proc/net/unix", unix)]);
        let got = netstat(&tree);
        assert!(got[0].contains("tcp_none=3i") && got[0].contains("udp_socket=1i"), "{got:?}");
    }

    #[test]
    fn tables_of_tcp_are_read_when_a_counter_has_changed() {
        let listen = HEAD.to_owned() + &row("00000000:0016", "00000000:0000", "0A");
        let tree = Tree::of(&[("proc/net/tcp", &listen), ("proc/net/udp", HEAD)]);
        let mut input = Netstat::new(Settings {}, &tree.env()).unwrap();
        let mut listening = |files: &[(&str, &str)]| {
            for (file, text) in files {
                tree.write(file, text);
            }
            let got = gather(&mut input).concat();
            got.split(',').find_map(|f| f.strip_prefix("tcp_listen=")).unwrap().to_owned()
        };
        let (snmp, sockstat) = ("proc/net/snmp", "proc/net/sockstat");
        assert_eq!(listening(&[(snmp, "Tcp: InSegs\nTcp: 5\n"), (sockstat, "TCP: inuse 1\nUDP: inuse 1\n")]), "1i");
        assert_eq!(listening(&[("proc/net/tcp", HEAD)]), "1i");
        assert_eq!(listening(&[(sockstat, "TCP: inuse 0\nUDP: inuse 1\n")]), "0i");
        assert_eq!(listening(&[("proc/net/tcp", &listen), (sockstat, "TCP: inuse 0\nUDP: inuse 2\n")]), "0i");
        assert_eq!(listening(&[(snmp, "Tcp: InSegs\nTcp: 6\n")]), "1i");
        std::fs::remove_file(tree.path().join(sockstat)).unwrap();
        assert_eq!(listening(&[("proc/net/tcp", HEAD)]), "0i");
        assert_eq!(listening(&[("proc/net/tcp", &listen)]), "1i");
    }

    #[test]
    fn a_missing_table_is_an_error() {
        let got = netstat(&Tree::of(&[("proc/net/tcp", HEAD)]));
        assert!(got[0].starts_with("error: read ") && got[0].contains("/proc/net/udp: "), "{got:?}");
    }
}
