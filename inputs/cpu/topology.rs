//! Where a processor is: which core of which package.
//!
//! `/proc/cpuinfo` tells it on most machines; where it does not (ARM), sysfs does.

use crate::host::{Reader, scan};
use std::path::Path;

/// Ids as texts; empty where the kernel does not tell them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) core: String,
    pub(super) package: String,
}

impl Place {
    /// Fills in the core from sysfs where it is not known.
    pub(super) fn or_from_sys(mut self, sys: &Path, number: &str, reader: &mut Reader) -> Place {
        if self.core.is_empty() {
            let path = sys.join(format!("devices/system/cpu/cpu{number}/topology/core_id"));
            if let Ok(text) = reader.read(&path) {
                self.core = scan::text(text).trim().to_owned();
            }
        }
        self
    }
}

/// Names (`cpu0` ...) and places of all processors in the text of `cpuinfo`.
pub(super) fn parse(text: &[u8]) -> Vec<(String, Place)> {
    let mut all: Vec<(String, Place)> = Vec::new();
    for line in scan::lines(text) {
        let Some((key, value)) = scan::split_once(line, b':') else { continue };
        let value = || scan::text(value.trim_ascii()).into_owned();
        match (key.trim_ascii(), all.last_mut()) {
            (b"processor", _) => all.push((format!("cpu{}", value()), Place::default())),
            (b"core id", Some((_, place))) => place.core = value(),
            (b"physical id", Some((_, place))) => place.package = value(),
            _ => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const CPUINFO: &[u8] = b"core id : 9\nprocessor\t: 0\ncore id\t\t: 1\nphysical id\t: 2\n\nprocessor\t: 7\n";

    #[test]
    fn reads_ids() {
        let place = Place { core: "1".to_owned(), package: "2".to_owned() };
        assert_eq!(parse(CPUINFO), [("cpu0".to_owned(), place), ("cpu7".to_owned(), Place::default())]);
    }

    #[test]
    fn takes_anything() {
        noise(CPUINFO, |text| assert!(parse(text).len() <= text.len()));
    }
}
