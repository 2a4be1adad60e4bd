//! How full the table of tracked connections is, and on request what happened in it.

mod stat;

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

register!(Entry::input::<Conntrack>());

/// Reads files of netfilter.
struct Conntrack {
    settings: Settings,
    folders: Vec<PathBuf>,
    stat: PathBuf,
    reader: Reader,
}

/// What is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Statistics of the table: `all` (the sum of the processors), `percpu` (each processor).
    collect: Vec<String>,
    /// Folders where files are looked for; which one there is depends on the age of the kernel.
    dirs: Vec<String>,
    /// Files that are read in each folder, where they are.
    files: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let list = |items: &[&str]| items.iter().map(|i| (*i).to_owned()).collect();
        Settings {
            collect: Vec::new(),
            dirs: list(&["/proc/sys/net/ipv4/netfilter", "/proc/sys/net/netfilter"]),
            files: list(&["ip_conntrack_count", "ip_conntrack_max", "nf_conntrack_count", "nf_conntrack_max"]),
        }
    }
}

impl Plugin for Conntrack {
    const NAME: &'static str = "conntrack";
    const ABOUT: &'static str = "Reads how full the table of tracked connections is.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(mut settings: Settings, env: &Env) -> Result<Self> {
        for name in &settings.collect {
            ensure!(
                ["all", "percpu"].contains(&name.as_str()),
                "collect: unknown {name:?}, known are \"all\" and \"percpu\""
            );
        }
        let usual = Settings::default();
        if settings.dirs.is_empty() {
            settings.dirs = usual.dirs;
        }
        if settings.files.is_empty() {
            settings.files = usual.files;
        }
        // A folder of /proc is the host's.
        let of_host = |dir: &String| match Path::new(dir).strip_prefix("/proc") {
            Ok(below) => env.host.proc.join(below),
            Err(_) => PathBuf::from(dir),
        };
        let folders = settings.dirs.iter().map(of_host).collect();
        Ok(Conntrack { settings, folders, stat: env.host.proc.join("net/stat/nf_conntrack"), reader: Reader::new() })
    }
}

impl Input for Conntrack {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let found = self.files(out);
        for collect in &self.settings.collect {
            let rows: Vec<_> = match self.reader.need(&self.stat) {
                Ok(text) => stat::parse(text).collect(),
                Err(e) => {
                    out.error(e);
                    continue;
                }
            };
            if rows.is_empty() {
                out.error(anyhow!("read {}: no statistics", self.stat.display()));
            } else if collect == "all" {
                report("all", &stat::sum(&rows), out);
            } else {
                for (number, row) in rows.iter().enumerate() {
                    report(&format!("cpu{number}"), row, out);
                }
            }
        }
        ensure!(
            found || !self.settings.collect.is_empty(),
            "no file of dirs and files is there: is the kernel's module loaded?"
        );
        Ok(())
    }
}

fn report(cpu: &str, row: &stat::Row, out: &mut Collector) {
    let mut metric = out.metric("conntrack").tag("cpu", cpu).kind(Kind::Counter);
    for (name, value) in stat::FIELDS.iter().zip(row) {
        metric.add_field(name, *value);
    }
}

impl Conntrack {
    /// Adds the metric of the files; false if there is none.
    fn files(&mut self, out: &mut Collector) -> bool {
        let mut fields = Vec::new();
        for folder in &self.folders {
            for file in &self.settings.files {
                // No kernel has both `nf_...` and `ip_...`.
                let Some((_, name)) = file.split_once('_') else { continue };
                let path = folder.join(file);
                match self.reader.find(&path) {
                    Ok(None) => {}
                    Ok(Some(text)) => match scan::float(text.trim_ascii()) {
                        Some(value) => fields.push((format!("ip_{name}"), Value::Float(value))),
                        None => {
                            let text = scan::quoted(text.trim_ascii());
                            out.error(anyhow!("read {}: invalid number {text}", path.display()));
                        }
                    },
                    Err(e) => out.error(e),
                }
            }
        }
        let found = !fields.is_empty();
        out.metric("conntrack").fields(fields);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    fn conntrack(tree: &Tree, collect: &[&str]) -> Vec<String> {
        let collect = collect.iter().map(|c| (*c).to_owned()).collect();
        gather(&mut Conntrack::new(Settings { collect, ..Settings::default() }, &tree.env()).unwrap())
    }

    const COUNT: (&str, &str) = ("proc/sys/net/netfilter/nf_conntrack_count", "214\n");
    const STAT: (&str, &str) = (
        "proc/net/stat/nf_conntrack",
        "entries searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error \
         expect_new expect_create expect_delete search_restart\n\
         0000000a 1 2 3 4 5 6 7 8 9 0a 0b 0c 0d 0e 0f 10\n0000000a 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1\n",
    );

    #[test]
    fn files_are_fields() {
        let tree = Tree::of(&[COUNT, ("proc/sys/net/netfilter/nf_conntrack_max", " 262144 \n")]);
        assert_eq!(conntrack(&tree, &[]), ["conntrack ip_conntrack_count=214,ip_conntrack_max=262144"]);
        tree.write("proc/sys/net/netfilter/nf_conntrack_max", "many");
        let got = conntrack(&tree, &[]);
        assert_eq!(got[0], "conntrack ip_conntrack_count=214");
        assert!(got[1].ends_with("nf_conntrack_max: invalid number \"many\""), "{got:?}");
    }

    #[test]
    fn statistics_are_by_processor_or_all_together() {
        let tree = Tree::of(&[STAT]);
        let got = conntrack(&tree, &["all", "percpu"]);
        assert_eq!(got.len(), 3);
        assert!(
            got[0].starts_with("conntrack,cpu=all ") && got[0].contains("search_restart=17u,searched=2u"),
            "{got:?}"
        );
        assert!(got[1].starts_with("conntrack,cpu=cpu0 ") && got[1].contains("drop=10u,early_drop=11u,entries=10u"));
        assert!(got[2].starts_with("conntrack,cpu=cpu1 "));
    }

    #[test]
    fn nothing_at_all_is_an_error() {
        assert!(conntrack(&Tree::empty(), &[])[0].contains("is the kernel's module loaded?"));
        assert!(conntrack(&Tree::empty(), &["all"])[0].contains("/proc/net/stat/nf_conntrack: "));
        let settings = Settings { collect: vec!["each".to_owned()], ..Settings::default() };
        assert!(Conntrack::new(settings, &Tree::empty().env()).err().unwrap().to_string().contains("\"each\""));
    }
}
