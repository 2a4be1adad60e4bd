//! Frequencies of the processors and how often heat slowed them down.

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

register!(Entry::input::<LinuxCpu>());

/// Reads folders of `/sys/devices/system/cpu`.
struct LinuxCpu {
    folder: PathBuf,
    kinds: Vec<&'static [(&'static str, &'static str)]>,
    reader: Reader,
}

/// What is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where sysfs is; empty means `HOST_SYS`, or `/sys`.
    host_sys: String,
    /// What is read of each processor: `cpufreq` (frequencies), `thermal` (throttling).
    metrics: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { host_sys: String::new(), metrics: vec!["cpufreq".to_owned()] }
    }
}

/// Files below the folder of a processor and their fields, in kHz.
const CPUFREQ: [(&str, &str); 6] = [
    ("cpufreq/scaling_cur_freq", "scaling_cur_freq"),
    ("cpufreq/scaling_min_freq", "scaling_min_freq"),
    ("cpufreq/scaling_max_freq", "scaling_max_freq"),
    ("cpufreq/cpuinfo_cur_freq", "cpuinfo_cur_freq"),
    ("cpufreq/cpuinfo_min_freq", "cpuinfo_min_freq"),
    ("cpufreq/cpuinfo_max_freq", "cpuinfo_max_freq"),
];

/// The same of throttling: how often, and the longest and the whole time in ms.
const THERMAL: [(&str, &str); 3] = [
    ("thermal_throttle/core_throttle_count", "throttle_count"),
    ("thermal_throttle/core_throttle_max_time_ms", "throttle_max_time"),
    ("thermal_throttle/core_throttle_total_time_ms", "throttle_total_time"),
];

impl Plugin for LinuxCpu {
    const NAME: &'static str = "linux_cpu";
    const ABOUT: &'static str = "Reads frequencies and throttling of the processors.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(mut settings: Settings, env: &Env) -> Result<Self> {
        if settings.metrics.is_empty() {
            settings.metrics = Settings::default().metrics;
        }
        let mut kinds: Vec<&'static [_]> = Vec::new();
        for name in &settings.metrics {
            match name.as_str() {
                "cpufreq" => kinds.push(&CPUFREQ),
                "thermal" => kinds.push(&THERMAL),
                _ => bail!("metrics: unknown {name:?}, known are \"cpufreq\" and \"thermal\""),
            }
        }
        let sys = if settings.host_sys.is_empty() { env.host.sys.clone() } else { PathBuf::from(&settings.host_sys) };
        Ok(LinuxCpu { folder: sys.join("devices/system/cpu"), kinds, reader: Reader::new() })
    }
}

impl Input for LinuxCpu {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let (mut processors, mut found) = (processors(&self.folder)?, false);
        processors.sort_unstable();
        ensure!(!processors.is_empty(), "no processor in {}", self.folder.display());
        for number in processors {
            let folder = self.folder.join(format!("cpu{number}"));
            let mut fields = Vec::new();
            let mut complete = true;
            for files in &self.kinds {
                let before = fields.len();
                for (file, field) in *files {
                    let path = folder.join(file);
                    // Which files there are depends on the driver, and some only root may read.
                    let Ok(text) = self.reader.read(&path) else { continue };
                    match scan::uint(text.trim_ascii()) {
                        Some(value) => fields.push((*field, Value::Uint(value))),
                        None => {
                            let text = scan::quoted(text.trim_ascii());
                            out.error(anyhow!("read {}: invalid number {text}", path.display()));
                        }
                    }
                }
                complete &= fields.len() > before;
            }
            // A processor that has nothing of one kind is left out, as it always was.
            if complete {
                found = true;
                drop(out.metric("linux_cpu").tag("cpu", &number.to_string()).fields(fields));
            }
        }
        ensure!(found, "no processor below {} has files of all metrics that are wanted", self.folder.display());
        Ok(())
    }
}

/// The numbers of the processors in a folder.
fn processors(folder: &Path) -> Result<Vec<u32>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let number = |name: &str| name.strip_prefix("cpu")?.parse().ok();
    Ok(entries.flatten().filter_map(|entry| number(entry.file_name().to_str()?)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    fn cpu(tree: &Tree, metrics: &[&str]) -> Vec<String> {
        let metrics = metrics.iter().map(|m| (*m).to_owned()).collect();
        gather(&mut LinuxCpu::new(Settings { metrics, ..Settings::default() }, &tree.env()).unwrap())
    }

    #[test]
    fn files_that_are_there() {
        let at = |file: &str| format!("sys/devices/system/cpu/{file}");
        let tree = Tree::empty();
        tree.write(&at("cpu0/cpufreq/scaling_cur_freq"), "803157\n");
        tree.write(&at("cpu0/thermal_throttle/core_throttle_count"), "4\n");
        tree.write(&at("cpu10/cpufreq/cpuinfo_max_freq"), "4700000\n");
        tree.write(&at("cpu10/cpufreq/cpuinfo_cur_freq"), "<unknown>\n");
        tree.write(&at("cpu10/thermal_throttle/core_throttle_count"), "0\n");
        tree.write(&at("cpu2/cpufreq/scaling_cur_freq"), "1\n");
        tree.write(&at("cpufreq/ondemand"), "");
        let got = cpu(&tree, &["cpufreq", "thermal"]);
        assert_eq!(got[0], "linux_cpu,cpu=0 scaling_cur_freq=803157u,throttle_count=4u");
        assert_eq!(got[1], "linux_cpu,cpu=10 cpuinfo_max_freq=4700000u,throttle_count=0u");
        assert!(got[2].ends_with("invalid number \"<unknown>\""), "{got:?}");
        let thermal = ["linux_cpu,cpu=0 throttle_count=4u", "linux_cpu,cpu=10 throttle_count=0u"];
        assert_eq!(cpu(&tree, &["thermal"]), thermal);
    }

    #[test]
    fn nothing_is_an_error() {
        assert!(cpu(&Tree::empty(), &[])[0].starts_with("error: read "));
        let tree = Tree::of(&[("sys/devices/system/cpu/cpu0/online", "1")]);
        assert!(cpu(&tree, &["thermal"])[0].contains("has files of all metrics"));
        let settings = Settings { metrics: vec!["own".to_owned()], ..Settings::default() };
        assert!(LinuxCpu::new(settings, &tree.env()).err().unwrap().to_string().contains("\"own\""));
    }
}
