//! Counters of the network protocols: IP, ICMP, TCP, UDP and their extensions.
//!
//! The kernel's names are taken as they are, so new counters appear by themselves. Counters that are 0 are left out unless
//! the user wants them: most of the several hundred always are.

mod tables;

use crate::host::Reader;
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

register!(Entry::input::<Nstat>());

/// Reads `/proc/net/netstat`, `snmp` and `snmp6`.
struct Nstat {
    files: [PathBuf; 3],
    zeros: bool,
    reader: Reader,
}

/// Which files are read, and what of them is reported.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The file of extended counters. Empty means what `PROC_NET_NETSTAT` says, else `net/netstat` below `PROC_ROOT`,
    /// `HOST_PROC` or `/proc`.
    proc_net_netstat: String,
    /// The file of basic counters. Empty means what `PROC_NET_SNMP` says, else `net/snmp`.
    proc_net_snmp: String,
    /// The file of counters of IPv6. Empty means what `PROC_NET_SNMP6` says, else `net/snmp6`.
    proc_net_snmp6: String,
    /// Report counters that are 0 too.
    dump_zeros: bool,
}

/// The tag `name` of each file.
const NAMES: [&str; 3] = ["netstat", "snmp", "snmp6"];

impl Plugin for Nstat {
    const NAME: &'static str = "nstat";
    const ABOUT: &'static str = "Reads counters of the network protocols.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let root = variable("PROC_ROOT").unwrap_or_else(|| env.host.proc.clone());
        let path = |option: String, name: &str| match option.is_empty() {
            false => PathBuf::from(option),
            true => {
                variable(&format!("PROC_NET_{}", name.to_uppercase())).unwrap_or_else(|| root.join("net").join(name))
            }
        };
        let files = [
            path(settings.proc_net_netstat, NAMES[0]),
            path(settings.proc_net_snmp, NAMES[1]),
            path(settings.proc_net_snmp6, NAMES[2]),
        ];
        Ok(Nstat { files, zeros: settings.dump_zeros, reader: Reader::new() })
    }
}

impl Input for Nstat {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let [netstat, snmp, snmp6] = &self.files;
        for (path, name) in [(netstat, NAMES[0]), (snmp, NAMES[1])] {
            table(path, name, self.zeros, &mut self.reader, out)?;
        }
        // A kernel without IPv6 has no such file.
        if let Some(text) = self.reader.find(snmp6)? {
            let mut metric = out.metric("nstat").tag("name", NAMES[2]);
            tables::each_of_list(text, |key, value| {
                if value != 0 || self.zeros {
                    metric.add_field(key, value);
                }
            });
        }
        Ok(())
    }
}

fn table(path: &Path, name: &str, zeros: bool, reader: &mut Reader, out: &mut Collector) -> Result<()> {
    let text = reader.need(path)?;
    let mut metric = out.metric("nstat").tag("name", name);
    tables::each_of_table(text, |key, value| {
        if value != 0 || zeros {
            metric.add_field(key, value);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    fn nstat(tree: &Tree, dump_zeros: bool) -> Vec<String> {
        gather(&mut Nstat::new(Settings { dump_zeros, ..Settings::default() }, &tree.env()).unwrap())
    }

    #[test]
    fn each_file_is_a_metric() {
        let tree = Tree::of(&[
            ("proc/net/netstat", "TcpExt: SyncookiesSent TCPTimeouts\nTcpExt: 0 41\n"),
            ("proc/net/snmp", "Tcp: MaxConn CurrEstab\nTcp: -1 0\nUdp: InErrors\nUdp: 0\n"),
        ]);
        assert_eq!(nstat(&tree, false), ["nstat,name=netstat TcpExtTCPTimeouts=41i", "nstat,name=snmp TcpMaxConn=-1i"]);
        tree.write("proc/net/snmp6", "Ip6InReceives \t77\nIp6InHdrErrors\t0\n");
        assert_eq!(nstat(&tree, false)[2], "nstat,name=snmp6 Ip6InReceives=77i");
        assert_eq!(
            nstat(&tree, true),
            [
                "nstat,name=netstat TcpExtSyncookiesSent=0i,TcpExtTCPTimeouts=41i",
                "nstat,name=snmp TcpCurrEstab=0i,TcpMaxConn=-1i,UdpInErrors=0i",
                "nstat,name=snmp6 Ip6InHdrErrors=0i,Ip6InReceives=77i"
            ]
        );
    }

    #[test]
    fn files_can_be_named() {
        let tree = Tree::of(&[("a", "TcpExt: X\nTcpExt: 1\n"), ("b", "Tcp: Y\nTcp: 2\n")]);
        let at = |name: &str| tree.path().join(name).to_string_lossy().into_owned();
        let settings = Settings {
            proc_net_netstat: at("a"),
            proc_net_snmp: at("b"),
            proc_net_snmp6: at("c"),
            ..Settings::default()
        };
        let got = gather(&mut Nstat::new(settings, &tree.env()).unwrap());
        assert_eq!(got, ["nstat,name=netstat TcpExtX=1i", "nstat,name=snmp TcpY=2i"]);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let got = nstat(&Tree::empty(), false);
        assert!(got[0].starts_with("error: read ") && got[0].contains("/proc/net/netstat: "), "{got:?}");
    }
}
