//! What the kernel's SYN proxy counts, summed over the processors.

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<Synproxy>());

/// Reads `/proc/net/stat/synproxy`.
struct Synproxy {
    path: PathBuf,
    reader: Reader,
}

/// There is nothing to set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {}

/// Columns that are known; others are passed over.
const FIELDS: [&str; 6] =
    ["entries", "syn_received", "cookie_invalid", "cookie_valid", "cookie_retrans", "conn_reopened"];

impl Plugin for Synproxy {
    const NAME: &'static str = "synproxy";
    const ABOUT: &'static str = "Reads the counters of the kernel's SYN proxy.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(_: Settings, env: &Env) -> Result<Self> {
        Ok(Synproxy { path: env.host.proc.join("net/stat/synproxy"), reader: Reader::new() })
    }
}

impl Input for Synproxy {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let sums = parse(self.reader.need(&self.path)?).with_context(|| format!("read {}", self.path.display()))?;
        let mut metric = out.metric("synproxy");
        for (name, sum) in FIELDS.iter().zip(sums) {
            if let Some(sum) = sum {
                metric.add_field(name, sum);
            }
        }
        Ok(())
    }
}

/// The sum of each column; nothing for a column that is missing.
fn parse(text: &[u8]) -> Result<[Option<u64>; FIELDS.len()]> {
    let mut lines = scan::lines(text).filter(|l| !l.trim_ascii().is_empty());
    let head: Vec<_> = scan::words(lines.next().unwrap_or_default())
        .map(|word| FIELDS.iter().position(|field| field.as_bytes() == word))
        .collect();
    let mut sums = [None; FIELDS.len()];
    for line in lines {
        let words: Vec<_> = scan::words(line).collect();
        ensure!(words.len() == head.len(), "{} columns below a head of {}", words.len(), head.len());
        for (at, word) in head.iter().zip(words) {
            let Some(at) = at else { continue };
            let value = scan::hex(word).with_context(|| format!("invalid number {}", scan::quoted(word)))?;
            sums[*at] = Some(sums[*at].unwrap_or(0u64).saturating_add(value));
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather, noise};

    const STAT: &str = "entries\tsyn_received\town\tconn_reopened\n00000003\t00000010\tffff\t2\n1\t20\tx\t0\n";

    fn synproxy(text: &str) -> Vec<String> {
        let tree = Tree::of(&[("proc/net/stat/synproxy", text)]);
        gather(&mut Synproxy::new(Settings {}, &tree.env()).unwrap())
    }

    #[test]
    fn columns_are_summed() {
        assert_eq!(synproxy(STAT), ["synproxy conn_reopened=2u,entries=4u,syn_received=48u"]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(synproxy("entries\nzz\n")[0].contains("invalid number \"zz\""));
        assert!(synproxy("entries syn_received\n1\n")[0].contains("1 columns below a head of 2"));
        let nothing = gather(&mut Synproxy::new(Settings {}, &Tree::empty().env()).unwrap());
        assert!(nothing[0].contains("net/stat/synproxy"), "{nothing:?}");
    }

    #[test]
    fn takes_anything() {
        noise(STAT.as_bytes(), |text| {
            let _any = parse(text);
        });
    }
}
