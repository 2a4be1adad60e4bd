//! Counters of the kernel's virtual memory: all lines of `/proc/vmstat`, under the kernel's names.

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<KernelVmstat>());

/// Reads `/proc/vmstat`.
struct KernelVmstat {
    vmstat: PathBuf,
    reader: Reader,
}

/// It has no settings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {}

impl Plugin for KernelVmstat {
    const NAME: &'static str = "kernel_vmstat";
    const ABOUT: &'static str = "Reads counters of the kernel's virtual memory.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(_: Settings, env: &Env) -> Result<Self> {
        Ok(KernelVmstat { vmstat: env.host.proc.join("vmstat"), reader: Reader::new() })
    }
}

impl Input for KernelVmstat {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let text = self.reader.need(&self.vmstat)?;
        let mut metric = out.metric("kernel_vmstat").kind(Kind::Counter);
        for (name, value) in counters(text) {
            metric.add_field(&scan::text(name), value);
        }
        Ok(())
    }
}

/// Names and numbers; lines that are neither are left out.
fn counters(text: &[u8]) -> impl Iterator<Item = (&[u8], i64)> {
    scan::lines(text).filter_map(|line| {
        let mut words = scan::words(line);
        Some((words.next()?, scan::int(words.next()?)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather, noise};

    const VMSTAT: &str = "nr_free_pages 78730\nnr_bad\npgfault 5 \n";

    #[test]
    fn every_line_is_a_field() {
        let tree = Tree::of(&[("proc/vmstat", VMSTAT)]);
        let got = gather(&mut KernelVmstat::new(Settings {}, &tree.env()).unwrap());
        assert_eq!(got, ["kernel_vmstat nr_free_pages=78730i,pgfault=5i"]);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let got = gather(&mut KernelVmstat::new(Settings {}, &Tree::empty().env()).unwrap());
        assert!(got[0].starts_with("error: read ") && got[0].contains("/proc/vmstat: "), "{got:?}");
    }

    #[test]
    fn takes_anything() {
        noise(VMSTAT.as_bytes(), |text| assert!(counters(text).count() <= text.len()));
    }
}
