//! Memory of the machine.
//!
//! One file holds all of it. Older kernels do not say how much memory is available; then it is estimated as the kernel
//! itself does since 3.14 (`si_mem_available` in `mm/page_alloc.c`).

mod meminfo;

use crate::host::{Reader, os};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<Mem>());

/// Reads `/proc/meminfo`.
struct Mem {
    extended: bool,
    meminfo: PathBuf,
    zoneinfo: PathBuf,
    reader: Reader,
}

/// What is reported.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Report the parts of active and inactive memory, unevictable memory and the memory of processors too.
    collect_extended: bool,
}

impl Plugin for Mem {
    const NAME: &'static str = "mem";
    const ABOUT: &'static str = "Reads how the memory is used.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        Ok(Mem {
            extended: settings.collect_extended,
            meminfo: env.host.proc.join("meminfo"),
            zoneinfo: env.host.proc.join("zoneinfo"),
            reader: Reader::new(),
        })
    }
}

impl Input for Mem {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        if cfg!(windows) {
            let memory = agent_windows::memory().context("ask for the memory")?;
            usage(memory.total, memory.available, out);
            return Ok(());
        }
        let read = || format!("read {}", self.meminfo.display());
        let values = meminfo::parse(self.reader.need(&self.meminfo)?).with_context(read)?;
        let total = values.of("MemTotal");
        ensure!(total > 0, "{}: no MemTotal", read());
        let available = match values.find("MemAvailable") {
            Some(available) => available,
            None => {
                let watermark = self.reader.read(&self.zoneinfo).ok().map(meminfo::low_watermark);
                let watermark = watermark.map(|pages| pages.saturating_mul(os::page_size()));
                values.estimate_available(watermark)
            }
        };
        let mut metric = usage(total, available, out);
        metric.add_field("cached", values.of("Cached").saturating_add(values.of("SReclaimable")));
        for (field, key) in meminfo::FIELDS {
            metric.add_field(field, values.of(key));
        }
        if self.extended {
            for (field, key) in meminfo::EXTENDED_FIELDS {
                metric.add_field(field, values.of(key));
            }
        }
        Ok(())
    }
}

/// What every system tells.
fn usage(total: u64, available: u64, out: &mut Collector) -> Builder<'_> {
    let share = |part: u64| if total > 0 { 100.0 * part as f64 / total as f64 } else { 0.0 };
    let used = total.saturating_sub(available);
    let mut metric = out.metric("mem").kind(Kind::Gauge);
    metric.add_field("total", total);
    metric.add_field("available", available);
    metric.add_field("used", used);
    metric.add_field("used_percent", share(used));
    metric.add_field("available_percent", share(available));
    metric
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    fn mem(tree: &Tree) -> Vec<String> {
        gather(&mut Mem::new(Settings::default(), &tree.env()).unwrap())
    }

    #[test]
    fn cached_memory_includes_what_slabs_can_give_back() {
        let tree = Tree::of(&[(
            "proc/meminfo",
            "MemTotal: 1000 kB\nMemAvailable: 750 kB\nCached: 100 kB\nSReclaimable: 7 kB\nHugePages_Total: 3\n",
        )]);
        let got = mem(&tree);
        for want in ["cached=109568u", "used=256000u", "used_percent=25", "available_percent=75", "huge_pages_total=3u"]
        {
            assert!(got[0].contains(want), "{want} not in {got:?}");
        }
        assert_eq!(got[0].split(',').count(), 34);
    }

    #[test]
    fn available_memory_is_estimated_on_old_kernels() {
        let meminfo = "MemTotal: 100000 kB\nMemFree: 50000 kB\nActive(file): 20000 kB\nInactive(file): 10000 kB\n\
                       SReclaimable: 1000 kB\nCached: 7 kB\n";
        let tree =
            Tree::of(&[("proc/meminfo", meminfo), ("proc/zoneinfo", "Node 0, zone DMA\n  pages free 1\n low 100\n")]);
        let low = 100 * os::page_size();
        // Free less the watermark, page cache less the watermark, slabs less half of them as the watermark is larger still.
        let want = 50000 * 1024 - low + 30000 * 1024 - low + 1000 * 1024 - low.min(500 * 1024);
        assert!(mem(&tree)[0].contains(&format!(",available={want}u,")));
    }

    #[test]
    fn a_file_that_is_missing_or_broken_is_an_error() {
        let tree = Tree::empty();
        assert!(mem(&tree)[0].starts_with("error: read "));
        tree.write("proc/meminfo", "MemTotal: x kB\n");
        assert!(mem(&tree)[0].ends_with("/proc/meminfo: invalid number \"x\" of MemTotal"), "{:?}", mem(&tree));
        tree.write("proc/meminfo", "");
        assert!(mem(&tree)[0].ends_with("/proc/meminfo: no MemTotal"));
    }
}
