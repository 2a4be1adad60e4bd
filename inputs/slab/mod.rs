//! How much memory the kernel's slab caches use.

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<Slab>());

/// Reads `/proc/slabinfo`.
struct Slab {
    path: PathBuf,
    reader: Reader,
}

/// There is nothing to set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Accepted for compatibility: no command is run, the file has to be readable by the agent.
    use_sudo: bool,
}

impl Plugin for Slab {
    const NAME: &'static str = "slab";
    const ABOUT: &'static str = "Reads how much memory the kernel's slab caches use.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        if settings.use_sudo {
            env.log.warn("use_sudo does nothing: no command is run, /proc/slabinfo has to be readable by the agent");
        }
        Ok(Slab { path: env.host.proc.join("slabinfo"), reader: Reader::new() })
    }
}

impl Input for Slab {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let text = match self.reader.read(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                bail!("read {}: {e}: only root and who has CAP_DAC_READ_SEARCH may read it", self.path.display())
            }
            Err(e) => return Err(e).with_context(|| format!("read {}", self.path.display())),
        };
        let mut metric = out.metric("slab");
        for (name, size) in parse(text) {
            metric.add_field(&name, size);
        }
        Ok(())
    }
}

/// Fields and bytes: the active objects of each cache times their size (slabinfo(5)).
fn parse(text: &[u8]) -> impl Iterator<Item = (String, i64)> {
    scan::lines(text).filter(|line| !line.starts_with(b"#") && !line.starts_with(b"slabinfo - version")).filter_map(
        |line| {
            let mut words = scan::words(line);
            let (name, objects) = (words.next()?, scan::int(words.next()?)?);
            let size = scan::int(words.nth(1)?)?;
            let name = scan::text(name).to_lowercase().replace('-', "_");
            Some((format!("{name}_size"), objects.checked_mul(size)?))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather, noise};

    const SLABINFO: &str = "slabinfo - version: 2.1\n\
        # name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>\n\
        kmalloc-1k          1500   1600   1024   16    4 : tunables    0    0    0 : slabdata    100    100      0\n\
        Acpi-Namespace         7     10     40  102    1\n\nshort 1\n";

    #[test]
    fn active_objects_times_their_size() {
        let tree = Tree::of(&[("proc/slabinfo", SLABINFO)]);
        let got = gather(&mut Slab::new(Settings::default(), &tree.env()).unwrap());
        assert_eq!(got, ["slab acpi_namespace_size=280i,kmalloc_1k_size=1536000i"]);
    }

    #[test]
    fn a_file_that_is_missing_is_an_error() {
        let got = gather(&mut Slab::new(Settings::default(), &Tree::empty().env()).unwrap());
        assert!(got.len() == 1 && got[0].contains("slabinfo"), "{got:?}");
    }

    #[test]
    fn takes_anything() {
        noise(SLABINFO.as_bytes(), |text| parse(text).for_each(drop));
    }
}
