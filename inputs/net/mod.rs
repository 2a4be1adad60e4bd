//! Traffic of network interfaces.
//!
//! Counters come from `/proc/net/dev`, the speed from sysfs. The loopback and interfaces that are down are left out unless the
//! user names them; the files of another host (`HOST_PROC`) are taken whole, as this one's flags say nothing of them.

mod dev;
mod windows;

use crate::host::{Reader, scan};
use agent_api::*;
use agent_golang::glob::Filter;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

register!(Entry::input::<Net>());

/// Reads `/proc/net/dev`.
struct Net {
    interfaces: Filter,
    dev: PathBuf,
    class: PathBuf,
    own_host: bool,
    reader: Reader,
    other: Reader,
}

/// Which interfaces are reported.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Names or patterns of interfaces, as `eth*`; empty means all that are up but the loopback.
    interfaces: Vec<String>,
    /// Has no effect: counters of protocols are read by the plugin nstat.
    ignore_protocol_stats: bool,
}

impl Plugin for Net {
    const NAME: &'static str = "net";
    const ABOUT: &'static str = "Reads the traffic of network interfaces.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        if settings.ignore_protocol_stats {
            env.log.debug("ignore_protocol_stats has no effect: counters of protocols are read by inputs.nstat");
        }
        Ok(Net {
            interfaces: Filter::compile(&settings.interfaces, &[]).context("interfaces")?,
            dev: env.host.proc.join("net/dev"),
            class: env.host.sys.join("class/net"),
            own_host: env.host.proc == Path::new("/proc"),
            reader: Reader::new(),
            other: Reader::new(),
        })
    }
}

impl Input for Net {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        if cfg!(windows) {
            let all = agent_windows::interfaces().context("ask for the interfaces")?;
            all.iter().filter(|one| windows::wanted(one, &self.interfaces)).for_each(|one| windows::report(one, out));
            return Ok(());
        }
        for line in scan::lines(self.reader.need(&self.dev)?) {
            let Some((name, counters)) = dev::parse(line) else { continue };
            let name = scan::text(name);
            let folder = self.class.join(&*name);
            let wanted = match self.interfaces.is_empty() {
                false => self.interfaces.is_match(&name),
                true => !self.own_host || is_up_and_no_loopback(&folder, &mut self.other),
            };
            if !wanted {
                continue;
            }
            let mut metric = out.metric("net").tag("interface", &name).kind(Kind::Counter);
            for (field, value) in counters.fields() {
                metric.add_field(field, value);
            }
            metric.add_field("speed", speed(&folder, &mut self.other));
        }
        Ok(())
    }
}

/// The flags of interfaces, see netdevice(7).
const UP: u64 = 0x1;
const LOOPBACK: u64 = 0x8;

/// Where sysfs does not tell, an interface counts.
fn is_up_and_no_loopback(folder: &Path, reader: &mut Reader) -> bool {
    let Ok(text) = reader.read(&folder.join("flags")) else { return !folder.ends_with("lo") };
    let flags = text.trim_ascii().strip_prefix(b"0x").and_then(scan::hex);
    flags.is_none_or(|f| f & UP != 0 && f & LOOPBACK == 0)
}

/// Mbit/s, or -1 where there is none, as of a bridge or an interface without a cable.
fn speed(folder: &Path, reader: &mut Reader) -> i64 {
    reader.read(&folder.join("speed")).ok().and_then(|text| scan::int(text.trim_ascii())).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    const DEV: &str = "Inter-|   Receive                                                |  Transmit\n \
        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n\
        \x20   lo: 10 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0\n  eth0:100 2 3 4 5 6 7 8 900 10 11 12 13 14 15 16\n  eth1: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n";

    fn net(tree: &Tree, interfaces: &[&str], own_host: bool) -> Vec<String> {
        let interfaces = interfaces.iter().map(|i| (*i).to_owned()).collect();
        let settings = Settings { interfaces, ignore_protocol_stats: true };
        let mut input = Net::new(settings, &tree.env()).unwrap();
        input.own_host = own_host;
        gather(&mut input)
    }

    fn tree() -> Tree {
        Tree::of(&[
            ("proc/net/dev", DEV),
            ("sys/class/net/lo/flags", "0x9\n"),
            ("sys/class/net/eth0/flags", "0x1003\n"),
            ("sys/class/net/eth0/speed", "1000\n"),
            ("sys/class/net/eth1/flags", "0x1002\n"),
        ])
    }

    const ETH0: &str = "net,interface=eth0 bytes_recv=100u,bytes_sent=900u,drop_in=4u,drop_out=12u,err_in=3u,err_out=11u,\
                        packets_recv=2u,packets_sent=10u,speed=1000i";

    #[test]
    fn interfaces_of_this_host_count_if_they_are_up() {
        assert_eq!(net(&tree(), &[], true), [ETH0]);
        assert_eq!(net(&tree(), &["l*", "eth1"], true).len(), 2);
    }

    #[test]
    fn all_interfaces_of_another_host_count() {
        let got = net(&tree(), &[], false);
        assert_eq!(got.len(), 3);
        assert!(got[2].starts_with("net,interface=lo ") && got[2].ends_with("speed=-1i"), "{got:?}");
        assert_eq!(net(&tree(), &["eth0"], false), [ETH0]);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let got = net(&Tree::empty(), &[], true);
        assert!(got[0].starts_with("error: read ") && got[0].contains("/proc/net/dev: "), "{got:?}");
    }
}
