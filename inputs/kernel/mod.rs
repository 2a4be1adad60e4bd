//! Counters of the kernel: interrupts, context switches, processes started, time of the start, random numbers at hand.
//!
//! On request also how memory pages are shared (KSM) and how long tasks wait for resources (PSI).

mod pressure;

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

register!(Entry::input::<Kernel>());

/// Reads `/proc/stat` and what belongs to it.
struct Kernel {
    stat: PathBuf,
    entropy: PathBuf,
    ksm: Option<PathBuf>,
    pressure: Option<PathBuf>,
    reader: Reader,
}

/// What is reported.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// What is reported beyond the counters of `/proc/stat`: `ksm` (pages that processes share) and `psi` (waiting for
    /// processor, memory and disks).
    collect: Vec<String>,
}

impl Plugin for Kernel {
    const NAME: &'static str = "kernel";
    const ABOUT: &'static str = "Reads counters of the Linux kernel.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        for name in &settings.collect {
            ensure!(
                ["ksm", "psi"].contains(&name.as_str()),
                "collect: unknown {name:?}, known are \"ksm\" and \"psi\""
            );
        }
        let wanted = |name: &str| settings.collect.iter().any(|c| c == name);
        let proc = &env.host.proc;
        Ok(Kernel {
            stat: proc.join("stat"),
            entropy: proc.join("sys/kernel/random/entropy_avail"),
            ksm: wanted("ksm").then(|| env.host.sys.join("kernel/mm/ksm")),
            pressure: wanted("psi").then(|| proc.join("pressure")),
            reader: Reader::new(),
        })
    }
}

/// Lines of `/proc/stat`, and the fields of their first numbers. `page` (in, out) is known from Linux 2.4 only.
const LINES: [(&[u8], &[&str]); 5] = [
    (b"intr", &["interrupts"]),
    (b"ctxt", &["context_switches"]),
    (b"btime", &["boot_time"]),
    (b"processes", &["processes_forked"]),
    (b"page", &["disk_pages_in", "disk_pages_out"]),
];

/// Files of the shared pages that are reported, see <https://docs.kernel.org/admin-guide/mm/ksm.html>.
const KSM_FILES: [&str; 14] = [
    "full_scans",
    "max_page_sharing",
    "merge_across_nodes",
    "pages_shared",
    "pages_sharing",
    "pages_to_scan",
    "pages_unshared",
    "pages_volatile",
    "run",
    "sleep_millisecs",
    "stable_node_chains",
    "stable_node_chains_prune_millisecs",
    "stable_node_dups",
    "use_zero_pages",
];

impl Input for Kernel {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        // Old kernels and some containers have no such file.
        let entropy = self.reader.find(&self.entropy)?.map(|text| number(text, &self.entropy)).transpose()?;
        let mut metric = out.metric("kernel").kind(Kind::Counter);
        if let Some(entropy) = entropy {
            metric.add_field("entropy_avail", entropy);
        }
        let fields =
            counters(self.reader.need(&self.stat)?).with_context(|| format!("read {}", self.stat.display()))?;
        for (name, value) in fields.into_iter().flatten() {
            metric.add_field(name, value);
        }
        if let Some(folder) = &self.ksm {
            if !folder.is_dir() {
                drop(metric);
                bail!("read {}: this kernel does not share pages (KSM)", folder.display());
            }
            for name in KSM_FILES {
                let path = folder.join(name);
                if let Some(text) = self.reader.find(&path)? {
                    metric.add_field(&format!("ksm_{name}"), number(text, &path)?);
                }
            }
        }
        drop(metric);
        match &self.pressure {
            Some(folder) => pressure::gather(folder, &mut self.reader, out),
            None => Ok(()),
        }
    }
}

/// The counters of the text of `/proc/stat`.
fn counters(text: &[u8]) -> Result<[Option<(&'static str, i64)>; 6]> {
    let mut found = [None; 6];
    let mut len = 0;
    for line in scan::lines(text) {
        let Some((key, mut rest)) = scan::split_once(line, b' ') else { continue };
        let Some((_, names)) = LINES.iter().find(|l| l.0 == key) else { continue };
        for name in *names {
            rest = rest.trim_ascii_start();
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            let value = scan::int(&rest[..end])
                .with_context(|| format!("invalid number {} of {}", scan::quoted(&rest[..end]), scan::text(key)))?;
            if let Some(slot) = found.get_mut(len) {
                *slot = Some((*name, value));
                len += 1;
            }
            rest = &rest[end..];
        }
    }
    Ok(found)
}

/// The one number of a file.
fn number(text: &[u8], path: &Path) -> Result<i64> {
    let text = text.trim_ascii();
    scan::int(text).with_context(|| format!("read {}: invalid number {}", path.display(), scan::quoted(text)))
}

#[cfg(test)]
mod tests;
