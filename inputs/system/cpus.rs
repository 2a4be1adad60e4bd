//! How many processors there are.
//!
//! Logical ones are counted in `/proc/cpuinfo`. Physical ones are counted by their lists of siblings in sysfs, which names
//! each core once; where there is none, by package and number of cores in `/proc/cpuinfo`.

use crate::host::{Reader, scan};
use agent_api::{HostPaths, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Numbers of processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cpus {
    /// Those that tasks run on.
    pub(super) logical: i64,
    /// Cores; 0 where nothing tells it.
    pub(super) physical: i64,
}

/// Counts the processors of a host.
pub(super) fn count(host: &HostPaths, reader: &mut Reader) -> Result<Cpus> {
    let mut cpus = parse(reader.need(&host.proc.join("cpuinfo"))?);
    if cpus.logical == 0 {
        cpus.logical = in_stat(reader.need(&host.proc.join("stat"))?);
    }
    let cores = cores(&host.sys.join("devices/system/cpu"), reader);
    if cores > 0 {
        cpus.physical = cores;
    }
    Ok(cpus)
}

/// Processors and cores in the text of `cpuinfo`.
fn parse(text: &[u8]) -> Cpus {
    let mut logical = 0;
    // Cores of each package. Sections end with an empty line.
    let mut packages = BTreeMap::new();
    let (mut package, mut cores) = (None, None);
    for line in scan::lines(text).chain([&b""[..]]) {
        let Some((key, value)) = scan::split_once(line, b':') else {
            if line.trim_ascii().is_empty()
                && let (Some(package), Some(cores)) = (package.take(), cores.take())
            {
                packages.insert(package, cores);
            }
            continue;
        };
        let value = scan::uint(value.trim_ascii());
        match key.trim_ascii() {
            b"processor" if value.is_some() => logical += 1,
            b"physical id" => package = value,
            b"cpu cores" => cores = value,
            _ => {}
        }
    }
    let physical = packages.values().fold(0u64, |sum, n| sum.saturating_add(*n));
    Cpus { logical, physical: i64::try_from(physical).unwrap_or(i64::MAX) }
}

/// Processors in the text of `/proc/stat`.
fn in_stat(text: &[u8]) -> i64 {
    let names = scan::lines(text).filter_map(|l| l.strip_prefix(b"cpu"));
    names.filter(|n| n.first().is_some_and(u8::is_ascii_digit)).count() as i64
}

/// Cores below `/sys/devices/system/cpu`.
fn cores(folder: &Path, reader: &mut Reader) -> i64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let mut siblings: [BTreeSet<Vec<u8>>; 2] = Default::default();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|n| n.strip_prefix("cpu"));
        if !number.is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit())) {
            continue;
        }
        let topology = entry.path().join("topology");
        for (file, lists) in ["core_cpus_list", "thread_siblings_list"].iter().zip(&mut siblings) {
            if let Ok(text) = reader.read(&topology.join(file)) {
                let text = text.trim_ascii();
                if !text.is_empty() && !lists.contains(text) {
                    lists.insert(text.to_vec());
                }
                break;
            }
        }
    }
    let [by_core, by_thread] = siblings.map(|lists| lists.len() as i64);
    if by_core > 0 { by_core } else { by_thread }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, noise};

    const CPUINFO: &str = "processor\t: 0\nphysical id\t: 0\ncpu cores\t: 2\n\nprocessor\t: 1\nphysical id\t: 0\ncpu cores\t: 2\n\n\
                           processor\t: 2\nphysical id\t: 1\ncpu cores\t: 4\n";

    fn count_in(tree: &Tree) -> Cpus {
        count(&tree.env().host, &mut Reader::new()).unwrap()
    }

    #[test]
    fn packages_count_once() {
        let tree = Tree::of(&[("proc/cpuinfo", CPUINFO)]);
        assert_eq!(count_in(&tree), Cpus { logical: 3, physical: 6 });
    }

    #[test]
    fn sysfs_goes_before_cpuinfo() {
        let tree = Tree::of(&[("proc/cpuinfo", CPUINFO), ("sys/devices/system/cpu/cpufreq/x", "")]);
        for (cpu, list) in [(0, "0,2\n"), (1, "1\n"), (2, "0,2\n")] {
            tree.write(&format!("sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"), list);
        }
        assert_eq!(count_in(&tree), Cpus { logical: 3, physical: 2 });
    }

    #[test]
    fn stat_helps_where_cpuinfo_names_no_processor() {
        let stat = "cpu  1\ncpu0 1\ncpu1 1\n";
        let tree = Tree::of(&[("proc/cpuinfo", "Model : x\n"), ("proc/stat", stat)]);
        assert_eq!(count_in(&tree), Cpus { logical: 2, physical: 0 });
    }

    #[test]
    fn takes_anything() {
        noise(CPUINFO.as_bytes(), |text| {
            assert!(parse(text).logical >= 0 && in_stat(text) >= 0);
        });
    }
}
