//! Huge pages: how many there are of each size and how many are free, for the machine and for each of its nodes.

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

register!(Entry::input::<Hugepages>());

/// Reads folders of `/sys`, and `/proc/meminfo`.
struct Hugepages {
    types: Vec<String>,
    root: PathBuf,
    nodes: PathBuf,
    meminfo: PathBuf,
    reader: Reader,
}

/// What is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where numbers are read: `root` (`/sys/kernel/mm/hugepages`), `per_node` (`/sys/devices/system/node`), `meminfo`
    /// (`/proc/meminfo`).
    types: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { types: ["root", "per_node"].map(str::to_owned).into() }
    }
}

impl Plugin for Hugepages {
    const NAME: &'static str = "hugepages";
    const ABOUT: &'static str = "Reads how many huge pages there are and how many are free.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(mut settings: Settings, env: &Env) -> Result<Self> {
        const KNOWN: [&str; 3] = ["root", "per_node", "meminfo"];
        for name in &settings.types {
            ensure!(KNOWN.contains(&name.as_str()), "types: unknown {name:?}, known are {}", KNOWN.join(", "));
        }
        if settings.types.is_empty() {
            settings = Settings::default();
        }
        Ok(Hugepages {
            types: settings.types,
            root: env.host.sys.join("kernel/mm/hugepages"),
            nodes: env.host.sys.join("devices/system/node"),
            meminfo: env.host.proc.join("meminfo"),
            reader: Reader::new(),
        })
    }
}

/// Files of a size and their fields; nodes have the first three only.
const FILES: [(&str, &str); 6] = [
    ("free_hugepages", "free"),
    ("surplus_hugepages", "surplus"),
    ("nr_hugepages", "total"),
    ("nr_hugepages_mempolicy", "mempolicy"),
    ("nr_overcommit_hugepages", "overcommit"),
    ("resv_hugepages", "reserved"),
];

/// Lines of `/proc/meminfo` and their fields.
const LINES: [(&[u8], &str); 9] = [
    (b"HugePages_Total", "total"),
    (b"HugePages_Free", "free"),
    (b"HugePages_Surp", "surplus"),
    (b"HugePages_Rsvd", "reserved"),
    (b"Hugepagesize", "size_kb"),
    (b"Hugetlb", "tlb_kb"),
    (b"AnonHugePages", "anonymous_kb"),
    (b"ShmemHugePages", "shared_kb"),
    (b"FileHugePages", "file_kb"),
];

impl Input for Hugepages {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        for kind in self.types.clone() {
            let done = match kind.as_str() {
                "root" => sizes("hugepages_root", None, &self.root, &FILES, &mut self.reader, out),
                "per_node" => self.per_node(out),
                _ => self.meminfo(out),
            };
            if let Err(e) = done {
                out.error(e);
            }
        }
        Ok(())
    }
}

impl Hugepages {
    fn per_node(&mut self, out: &mut Collector) -> Result<()> {
        for (name, path) in folders(&self.nodes, "node")? {
            if name.bytes().all(|b| b.is_ascii_digit()) {
                let files = &FILES[..3];
                sizes("hugepages_per_node", Some(&name), &path.join("hugepages"), files, &mut self.reader, out)?;
            }
        }
        Ok(())
    }

    fn meminfo(&mut self, out: &mut Collector) -> Result<()> {
        let text = self.reader.need(&self.meminfo)?;
        let mut metric = out.metric("hugepages_meminfo");
        for line in scan::lines(text) {
            let Some((key, rest)) = scan::split_once(line, b':') else { continue };
            let field = LINES.iter().find(|l| l.0 == key);
            if let (Some((_, field)), Some(value)) = (field, scan::words(rest).next().and_then(scan::int)) {
                metric.add_field(field, value);
            }
        }
        Ok(())
    }
}

/// A metric for each size below a folder.
fn sizes(
    measurement: &str,
    node: Option<&str>,
    folder: &Path,
    files: &[(&str, &str)],
    reader: &mut Reader,
    out: &mut Collector,
) -> Result<()> {
    for (size, path) in folders(folder, "hugepages-")? {
        let Some(size) = size.strip_suffix("kB") else { continue };
        let mut metric = out.metric(measurement).tag("size_kb", size);
        if let Some(node) = node {
            metric.add_tag("node", node);
        }
        for (file, field) in files {
            let path = path.join(file);
            let Some(text) = reader.find(&path)? else { continue };
            let text = text.trim_ascii();
            let value = scan::int(text)
                .with_context(|| format!("read {}: invalid number {}", path.display(), scan::quoted(text)))?;
            metric.add_field(field, value);
        }
    }
    Ok(())
}

/// What is behind the prefix of the names in a folder, and the paths, sorted.
fn folders(folder: &Path, prefix: &str) -> Result<Vec<(String, PathBuf)>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let named = |e: std::fs::DirEntry| Some((e.file_name().to_str()?.strip_prefix(prefix)?.to_owned(), e.path()));
    let mut found: Vec<_> = entries.flatten().filter_map(named).collect();
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    fn hugepages(tree: &Tree, types: &[&str]) -> Vec<String> {
        let types = types.iter().map(|t| (*t).to_owned()).collect();
        gather(&mut Hugepages::new(Settings { types }, &tree.env()).unwrap())
    }

    #[test]
    fn sizes_are_read_for_the_machine_and_its_nodes() {
        let tree = Tree::of(&[("sys/devices/system/node/online", "0"), ("sys/devices/system/node/nodes/x", "")]);
        for (file, value) in FILES.iter().zip(1..) {
            tree.write(&format!("sys/kernel/mm/hugepages/hugepages-2048kB/{}", file.0), &format!("{value}\n"));
            tree.write(
                &format!("sys/devices/system/node/node0/hugepages/hugepages-1048576kB/{}", file.0),
                &format!("{value}\n"),
            );
        }
        assert_eq!(
            hugepages(&tree, &[]),
            [
                "hugepages_per_node,node=0,size_kb=1048576 free=1i,surplus=2i,total=3i",
                "hugepages_root,size_kb=2048 free=1i,mempolicy=4i,overcommit=5i,reserved=6i,surplus=2i,total=3i",
            ]
        );
    }

    #[test]
    fn meminfo_is_read_when_asked_for() {
        let tree =
            Tree::of(&[("proc/meminfo", "MemTotal: 5 kB\nHugePages_Total:      12\nHugepagesize:       2048 kB\n")]);
        assert_eq!(hugepages(&tree, &["meminfo"]), ["hugepages_meminfo size_kb=2048i,total=12i"]);
    }

    #[test]
    fn what_is_missing_or_unknown_is_an_error() {
        let got = hugepages(&Tree::empty(), &["root", "meminfo"]);
        assert!(got[0].contains("mm/hugepages: ") && got[1].contains("meminfo: "), "{got:?}");
        let settings = Settings { types: vec!["rot".to_owned()] };
        assert!(Hugepages::new(settings, &Tree::empty().env()).err().unwrap().to_string().contains("\"rot\""));
    }
}
