//! Bonds: several network interfaces that act as one, and the state of each.

mod text;

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use text::Bonding;

register!(Entry::input::<Bond>());

/// Reads `/proc/net/bonding`.
struct Bond {
    folder: PathBuf,
    class: PathBuf,
    interfaces: Vec<String>,
    details: bool,
    reader: Reader,
}

/// Which bonds are read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Folder in place of `/proc`; empty means what `HOST_PROC` says, else `/proc`.
    host_proc: String,
    /// Folder in place of `/sys`; empty means what `HOST_SYS` says, else `/sys`.
    host_sys: String,
    /// Names of bonds; empty means all.
    bond_interfaces: Vec<String>,
    /// Report how many interfaces the bond should have, as `/sys` tells.
    collect_sys_details: bool,
}

impl Plugin for Bond {
    const NAME: &'static str = "bond";
    const ABOUT: &'static str = "Reads the state of bonds of network interfaces.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let or = |path: String, usual: &PathBuf| if path.is_empty() { usual.clone() } else { PathBuf::from(path) };
        Ok(Bond {
            folder: or(settings.host_proc, &env.host.proc).join("net/bonding"),
            class: or(settings.host_sys, &env.host.sys).join("class/net"),
            interfaces: settings.bond_interfaces,
            details: settings.collect_sys_details,
            reader: Reader::new(),
        })
    }
}

impl Input for Bond {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        for name in self.names()? {
            match self.reader.need(&self.folder.join(&name)) {
                Ok(text) => report(&name, &Bonding::parse(&scan::text(text)), out),
                Err(e) => {
                    out.error(e);
                    continue;
                }
            }
            if self.details
                && let Err(e) = self.report_details(&name, out)
            {
                out.error(e);
            }
        }
        Ok(())
    }
}

fn report(name: &str, bond: &Bonding, out: &mut Collector) {
    let mut metric = out.metric("bond").tag("bond", name).field("status", i64::from(bond.up));
    if let Some(active) = &bond.active {
        metric.add_field("active_slave", active);
    }
    drop(metric);
    for slave in &bond.slaves {
        let mut metric = out.metric("bond_slave").tag("bond", name).tag("interface", &slave.name);
        metric.add_field("failures", slave.failures);
        metric.add_field("status", i64::from(slave.up));
        if let (Some(actor), Some(partner)) = (slave.actor_churned, slave.partner_churned) {
            metric.add_field("actor_churned", actor);
            metric.add_field("partner_churned", partner);
            metric.add_field("total_churned", actor.saturating_add(partner));
        }
    }
    out.metric("bond_slave").tag("bond", name).field("count", bond.slaves.len() as i64);
}

impl Bond {
    /// The bonds that are wanted, or all, sorted.
    fn names(&self) -> Result<Vec<String>> {
        if !self.interfaces.is_empty() {
            return Ok(self.interfaces.clone());
        }
        let entries = std::fs::read_dir(&self.folder).with_context(|| format!("read {}", self.folder.display()))?;
        let mut names: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// What sysfs tells of a bond. The number of ports is that of its aggregation with the other side (LACP).
    fn report_details(&mut self, name: &str, out: &mut Collector) -> Result<()> {
        let folder = self.class.join(name).join("bonding");
        let text = scan::text(self.reader.need(&folder.join("mode"))?).into_owned();
        let mode = text.split_whitespace().next().unwrap_or("").to_owned();
        let slaves = scan::words(self.reader.need(&folder.join("slaves"))?).count() as i64;
        let mut ports = 0;
        if mode == "802.3ad" {
            let path = folder.join("ad_num_ports");
            let text = self.reader.need(&path)?.trim_ascii();
            ports = scan::int(text)
                .with_context(|| format!("read {}: invalid number {}", path.display(), scan::quoted(text)))?;
        }
        out.metric("bond_sys")
            .tag("bond", name)
            .tag("mode", &mode)
            .field("slave_count", slaves)
            .field("ad_port_count", ports);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    const BOND: &str = "Ethernet Channel Bonding Driver: v6.1.0\n\nBonding Mode: fault-tolerance (active-backup)\n\
        Currently Active Slave: eth1\nMII Status: up\n\nSlave Interface: eth1\nMII Status: up\nLink Failure Count: 2\n\n\
        Slave Interface: eth0\nMII Status: down\nLink Failure Count: 1\n";

    #[test]
    fn bonds_and_their_interfaces_are_metrics() {
        let tree = Tree::of(&[("proc/net/bonding/bond0", BOND), ("proc/net/bonding/bond1", "MII Status: down\n")]);
        let bond = |settings| gather(&mut Bond::new(settings, &tree.env()).unwrap());
        let first = [
            "bond,bond=bond0 active_slave=\"eth1\",status=1i",
            "bond_slave,bond=bond0 count=2i",
            "bond_slave,bond=bond0,interface=eth0 failures=1i,status=0i",
            "bond_slave,bond=bond0,interface=eth1 failures=2i,status=1i",
        ];
        let named = Settings { bond_interfaces: vec!["bond0".to_owned()], ..Settings::default() };
        assert_eq!(bond(named), first);
        assert_eq!(bond(Settings::default()).len(), 6);
    }

    #[test]
    fn details_come_from_sysfs() {
        let tree = Tree::of(&[
            ("proc/net/bonding/b", BOND),
            ("sys/class/net/b/bonding/mode", "802.3ad 4\n"),
            ("sys/class/net/b/bonding/slaves", "eth0 eth1\n"),
            ("sys/class/net/b/bonding/ad_num_ports", "1\n"),
        ]);
        let settings = Settings { collect_sys_details: true, ..Settings::default() };
        let got = gather(&mut Bond::new(settings, &tree.env()).unwrap());
        assert_eq!(got.last().unwrap(), "bond_sys,bond=b,mode=802.3ad ad_port_count=1i,slave_count=2i");
    }

    #[test]
    fn what_is_missing_is_an_error() {
        let tree = Tree::empty();
        assert!(gather(&mut Bond::new(Settings::default(), &tree.env()).unwrap())[0].contains("/net/bonding: "));
        let settings = Settings { bond_interfaces: vec!["b".to_owned()], ..Settings::default() };
        assert!(gather(&mut Bond::new(settings, &tree.env()).unwrap())[0].contains("/net/bonding/b: "));
    }
}
