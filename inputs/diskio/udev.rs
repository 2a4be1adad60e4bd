//! What udev has stored about block devices.
//!
//! The files are no documented interface, but have stood at `/run/udev/data/b<major>:<minor>` for as long as there is systemd,
//! and before at `/dev/.udev/db/block:<name>`. They change only when the device node does, so they are kept until then.

use crate::host::{Reader, os, scan};
use agent_api::{HostPaths, Log};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// Properties of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties(HashMap<String, String>);

impl Properties {
    /// The value of a property.
    pub(super) fn find(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Links to the device, without `/dev/`.
    pub(super) fn links(&self) -> impl Iterator<Item = &str> {
        self.find("DEVLINKS").unwrap_or("").split(' ').map(|l| l.strip_prefix("/dev/").unwrap_or(l))
    }
}

/// The properties that were read, by device.
pub(super) struct Udev {
    host: HostPaths,
    kept: HashMap<String, (os::Node, Properties)>,
    said: HashSet<String>,
}

impl Udev {
    pub(super) fn new(host: &HostPaths) -> Self {
        Udev { host: host.clone(), kept: HashMap::new(), said: HashSet::new() }
    }

    /// The properties of a device; nothing, with one message a device, where udev has none.
    pub(super) fn properties(&mut self, name: &str, reader: &mut Reader, log: &Log) -> Option<&Properties> {
        let node = match os::node(&self.host.dev.join(name)) {
            Ok(node) => node,
            Err(e) => {
                self.say(name, log, &e.to_string());
                return None;
            }
        };
        if self.kept.get(name).is_none_or(|(known, _)| *known != node) {
            match self.read(name, node, reader) {
                Some(properties) => drop(self.kept.insert(name.to_owned(), (node, properties))),
                None => {
                    self.say(name, log, "no entry of udev");
                    return None;
                }
            }
        }
        self.kept.get(name).map(|k| &k.1)
    }

    /// The serial number of a device: udev's, else the kernel's of the disk that it is on.
    pub(super) fn serial(&self, name: &str, reader: &mut Reader) -> Option<String> {
        let node = os::node(&self.host.dev.join(name)).ok()?;
        if let Ok(text) = reader.read(&self.data_path(node))
            && let Some(serial) = parse(text).find("ID_SERIAL").filter(|s| !s.is_empty())
        {
            return Some(serial.to_owned());
        }
        let device = self.host.sys.join(format!("dev/block/{}:0/device", node.major));
        let mut of = |file: &str| {
            let text = scan::text(reader.read(&device.join(file)).ok()?).trim().to_owned();
            (!text.is_empty()).then_some(text)
        };
        Some(format!("{}_{}", of("model")?, of("serial")?))
    }

    fn data_path(&self, node: os::Node) -> PathBuf {
        self.host.run.join(format!("udev/data/b{}:{}", node.major, node.minor))
    }

    fn read(&self, name: &str, node: os::Node, reader: &mut Reader) -> Option<Properties> {
        let old = self.host.dev.join(format!(".udev/db/block:{name}"));
        let paths = [self.data_path(node), old];
        let mut properties = paths.iter().find_map(|p| reader.read(p).ok().map(parse))?;
        // The kernel's own (DEVNAME, DEVTYPE ...).
        if let Ok(text) = reader.read(&self.host.sys.join("class/block").join(name).join("uevent")) {
            let known = scan::lines(text).filter_map(|l| scan::split_once(l, b'='));
            properties.0.extend(known.map(|(k, v)| (scan::text(k).into_owned(), scan::text(v).into_owned())));
        }
        Some(properties)
    }

    fn say(&mut self, name: &str, log: &Log, cause: &str) {
        if self.said.insert(name.to_owned()) {
            log.info(format_args!("no properties of device {name:?}: {cause}"));
        }
    }
}

/// Reads an entry: `E:KEY=value` are properties, `S:path` are links.
fn parse(text: &[u8]) -> Properties {
    let mut properties = Properties::default();
    let mut links = String::new();
    for line in scan::lines(text) {
        let line = scan::text(line);
        if let Some(link) = line.strip_prefix("S:").filter(|l| l.len() > 1) {
            if !links.is_empty() {
                links.push(' ');
            }
            links.push_str("/dev/");
            links.push_str(link);
        } else if let Some((key, value)) = line.strip_prefix("E:").and_then(|p| p.split_once('=')) {
            properties.0.insert(key.to_owned(), value.to_owned());
        }
    }
    if !links.is_empty() {
        properties.0.insert("DEVLINKS".to_owned(), links);
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const ENTRY: &[u8] = b"S:disk/by-id/own\nS:disk/by-path/pci-1\nE:ID_MODEL=Other=Disk\nE:ID_FS=\nI:12\nG:systemd\n";

    #[test]
    fn reads_an_entry() {
        let properties = parse(ENTRY);
        assert_eq!(properties.find("ID_MODEL"), Some("Other=Disk"));
        assert_eq!(properties.find("ID_FS"), Some(""));
        assert_eq!(properties.links().collect::<Vec<_>>(), ["disk/by-id/own", "disk/by-path/pci-1"]);
        assert_eq!(properties.find("I"), None);
    }

    #[test]
    fn takes_anything() {
        noise(ENTRY, |text| {
            parse(text).links().count();
        });
    }
}
