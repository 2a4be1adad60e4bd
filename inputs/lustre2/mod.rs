//! What servers of a Lustre file system count: for targets, clients, jobs and sizes of requests.

mod stats;
#[cfg(test)]
mod tests;

use crate::globpath::GlobPath;
use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use stats::Sort;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

register!(Entry::input::<Lustre2>());

/// Reads files below `/proc/fs/lustre` and `/sys/fs/lustre`.
struct Lustre2 {
    files: Vec<(GlobPath, Sort)>,
    health: [PathBuf; 2],
    reader: Reader,
}

/// Which files are read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Patterns of an object server's files; what is read is told by the last part: `job_stats`, `brw_stats`, `eviction_count` or
    /// anything else. Empty means those of Lustre 2.15.
    ost_procfiles: Vec<String>,
    /// The same of a metadata server.
    mds_procfiles: Vec<String>,
    /// Patterns of a management server's `eviction_count`.
    mgs_procfiles: Vec<String>,
}

const OST: [&str; 6] = [
    "/proc/fs/lustre/obdfilter/*/stats",
    "/proc/fs/lustre/osd-ldiskfs/*/stats",
    "/proc/fs/lustre/obdfilter/*/job_stats",
    "/proc/fs/lustre/osd-ldiskfs/*/brw_stats",
    "/proc/fs/lustre/osd-zfs/*/brw_stats",
    "/sys/fs/lustre/obdfilter/*/eviction_count",
];
const MDS: [&str; 3] =
    ["/proc/fs/lustre/mdt/*/md_stats", "/proc/fs/lustre/mdt/*/job_stats", "/sys/fs/lustre/mdt/*/eviction_count"];
const MGS: [&str; 1] = ["/sys/fs/lustre/mgs/*/eviction_count"];

/// What a metric is about, by its tags; texts that are empty are no tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    name: String,
    client: String,
    job: String,
    section: &'static str,
    bucket: String,
}

/// Metrics that several files add fields to.
type Found = BTreeMap<Subject, BTreeMap<&'static str, u64>>;

impl Plugin for Lustre2 {
    const NAME: &'static str = "lustre2";
    const ABOUT: &'static str = "Reads what servers of a Lustre file system count.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        // Folders of /proc and /sys are the host's.
        let of_host = |pattern: &str| {
            let path = Path::new(pattern);
            let moved = path.strip_prefix("/proc").map(|below| env.host.proc.join(below));
            let moved = moved.or_else(|_| path.strip_prefix("/sys").map(|below| env.host.sys.join(below)));
            moved.map_or_else(|_| pattern.to_owned(), |path| path.to_string_lossy().into_owned())
        };
        let mut files = Vec::new();
        for (own, usual, side, option) in [
            (&settings.ost_procfiles, &OST[..], Sort::Ost, "ost_procfiles"),
            (&settings.mds_procfiles, &MDS[..], Sort::Mds, "mds_procfiles"),
            (&settings.mgs_procfiles, &MGS[..], Sort::Evictions, "mgs_procfiles"),
        ] {
            let patterns: Vec<&str> = match own.is_empty() {
                true => usual.to_vec(),
                false => own.iter().map(String::as_str).collect(),
            };
            for pattern in patterns {
                let sort = side.of(pattern);
                ensure!(
                    side != Sort::Evictions || sort == Sort::Evictions,
                    "{option}: {pattern:?} is no eviction_count"
                );
                files.push((GlobPath::new(&of_host(pattern)).with_context(|| option.to_owned())?, sort));
            }
        }
        let health = [env.host.sys.join("fs/lustre/health_check"), env.host.proc.join("fs/lustre/health_check")];
        Ok(Lustre2 { files, health, reader: Reader::new() })
    }
}

impl Input for Lustre2 {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let mut found = Found::new();
        self.health(&mut found, out);
        for (pattern, sort) in &self.files {
            for path in pattern.matches() {
                let read = self.reader.need(&path).and_then(|text| {
                    stats::read(text, *sort, &subject(&path), &mut found)
                        .with_context(|| format!("read {}", path.display()))
                });
                if let Err(e) = read {
                    out.error(e);
                }
            }
        }
        for (subject, fields) in found {
            let mut metric = out.metric("lustre2");
            for (key, value) in [
                ("name", subject.name.as_str()),
                ("brw_section", subject.section),
                ("bucket", &subject.bucket),
                ("jobid", &subject.job),
                ("client", &subject.client),
            ] {
                if !value.is_empty() {
                    metric.add_tag(key, value);
                }
            }
            for (field, value) in fields {
                metric.add_field(field, value);
            }
        }
        Ok(())
    }
}

impl Lustre2 {
    /// 1 if the servers of this machine are well, in the newer or the older place.
    fn health(&mut self, found: &mut Found, out: &mut Collector) {
        for path in &self.health {
            match self.reader.find(path) {
                Ok(None) => continue,
                Ok(Some(text)) => {
                    let well = u64::from(text.trim_ascii() == b"healthy");
                    found.entry(Subject::default()).or_default().insert("health", well);
                }
                Err(e) => out.error(e),
            }
            return;
        }
    }
}

/// The target that a file is about is its folder; files of clients lie two folders deeper, below `exports`.
fn subject(path: &Path) -> Subject {
    let part = |n: usize| path.ancestors().nth(n).and_then(Path::file_name).map(|p| p.to_string_lossy().into_owned());
    let (folder, above) = (part(1).unwrap_or_default(), part(2));
    match above.as_deref() {
        Some("exports") => Subject { name: part(3).unwrap_or_default(), client: folder, ..Subject::default() },
        _ => Subject { name: folder, ..Subject::default() },
    }
}

/// A number for a field, or an error that quotes it.
fn number(word: &[u8]) -> Result<u64> {
    scan::uint(word).with_context(|| format!("invalid number {}", scan::quoted(word)))
}
