//! Swap space, and what went in and out of it.
//!
//! Sizes come from the `sysinfo` call, which knows all swap areas together; traffic comes from `/proc/vmstat`. The two are
//! metrics of their own, as sizes are gauges and traffic is counted.

use crate::host::{Reader, os, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<Swap>());

/// Bytes of a page in the counters of `/proc/vmstat`.
const PAGE: u64 = 4096;

/// Asks the kernel and reads `/proc/vmstat`.
struct Swap {
    vmstat: PathBuf,
    reader: Reader,
}

/// It has no settings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {}

impl Plugin for Swap {
    const NAME: &'static str = "swap";
    const ABOUT: &'static str = "Reads how the swap space is used.";
    type Settings = Settings;

    fn new(_: Settings, env: &Env) -> Result<Self> {
        Ok(Swap { vmstat: env.host.proc.join("vmstat"), reader: Reader::new() })
    }
}

impl Input for Swap {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let os::Swap { total, free } = os::swap().context("ask for swap space")?;
        let used = total.saturating_sub(free);
        out.metric("swap")
            .kind(Kind::Gauge)
            .field("total", total)
            .field("used", used)
            .field("free", free)
            .field("used_percent", if total > 0 { 100.0 * used as f64 / total as f64 } else { 0.0 });
        if cfg!(windows) {
            // Windows counts no traffic of its page files alone.
            return Ok(());
        }
        let (read, written) = traffic(self.reader.need(&self.vmstat)?);
        out.metric("swap").kind(Kind::Counter).field("in", read).field("out", written);
        Ok(())
    }
}

/// Bytes that came in from swap and went out to it.
fn traffic(vmstat: &[u8]) -> (u64, u64) {
    let value = |key: &[u8]| {
        let mut found = scan::lines(vmstat).filter_map(|line| {
            let mut words = scan::words(line);
            if words.next()? == key { scan::uint(words.next()?) } else { None }
        });
        found.next().unwrap_or(0).saturating_mul(PAGE)
    };
    (value(b"pswpin"), value(b"pswpout"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather, noise};

    #[test]
    fn sizes_and_traffic_are_metrics_of_their_own() {
        let tree = Tree::of(&[("proc/vmstat", "pgpgin 1\npswpin 5\npswpout 7\n")]);
        let got = gather(&mut Swap::new(Settings {}, &tree.env()).unwrap());
        assert_eq!(got[1], "swap in=20480u,out=28672u");
        assert!(got[0].starts_with("swap free="), "{got:?}");
    }

    #[test]
    fn sizes_are_given_without_the_file() {
        let tree = Tree::empty();
        let got = gather(&mut Swap::new(Settings {}, &tree.env()).unwrap());
        assert!(got[0].starts_with("swap free="));
        assert!(got[1].starts_with("error: read ") && got[1].contains("/proc/vmstat: "), "{got:?}");
    }

    #[test]
    fn takes_anything() {
        noise(b"pswpin 5\npswpout 7\n", |text| {
            traffic(text);
        });
    }
}
