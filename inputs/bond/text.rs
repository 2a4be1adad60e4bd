//! The files of `/proc/net/bonding`, see <https://docs.kernel.org/networking/bonding.html>.
//!
//! A part on the bond comes first, then one on each interface; a line `Slave Interface` begins it.

/// A bond.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bonding {
    pub(super) up: bool,
    /// The interface in use, where only one is at a time.
    pub(super) active: Option<String>,
    pub(super) slaves: Vec<Slave>,
}

/// An interface of a bond.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slave {
    pub(super) name: String,
    pub(super) up: bool,
    /// How often the link was lost.
    pub(super) failures: i64,
    /// How often this and the other side could not agree on the aggregation (LACP only).
    pub(super) actor_churned: Option<i64>,
    pub(super) partner_churned: Option<i64>,
}

impl Bonding {
    pub(super) fn parse(text: &str) -> Bonding {
        let mut bond = Bonding::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            let count = || value.parse().ok();
            match (key.trim(), bond.slaves.last_mut()) {
                ("Slave Interface", _) => bond.slaves.push(Slave { name: value.to_owned(), ..Slave::default() }),
                ("Currently Active Slave", None) => bond.active = Some(value.to_owned()),
                ("MII Status", None) => bond.up = value == "up",
                ("MII Status", Some(slave)) => slave.up = value == "up",
                ("Link Failure Count", Some(slave)) => slave.failures = count().unwrap_or(0),
                ("Actor Churned Count", Some(slave)) => slave.actor_churned = count(),
                ("Partner Churned Count", Some(slave)) => slave.partner_churned = count(),
                _ => {}
            }
        }
        bond
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const BOND: &str = "Bonding Mode: IEEE 802.3ad Dynamic link aggregation\nMII Status: up\n\nSlave Interface: ens1\n\
        MII Status: down\nLink Failure Count: 2\nActor Churned Count: 3\nPartner Churned Count: 5\n";

    #[test]
    fn parts_begin_with_an_interface() {
        let slave =
            Slave { name: "ens1".to_owned(), up: false, failures: 2, actor_churned: Some(3), partner_churned: Some(5) };
        assert_eq!(Bonding::parse(BOND), Bonding { up: true, active: None, slaves: vec![slave] });
    }

    #[test]
    fn takes_anything() {
        noise(BOND.as_bytes(), |text| {
            Bonding::parse(&String::from_utf8_lossy(text));
        });
    }
}
