//! Statistics of ZFS on Linux, as its module shows them below `/proc/spl/kstat/zfs`.
//!
//! The module's files of statistics are one metric together, each pool or, with newer versions, each data set is another.

mod kstat;

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

register!(Entry::input::<Zfs>());

/// Reads files below `/proc/spl/kstat/zfs`.
struct Zfs {
    folder: PathBuf,
    files: Vec<String>,
    pools: bool,
    native: bool,
    reader: Reader,
}

/// What is read; options are spelled as in `kstatPath`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[serde(rename_all = "camelCase")]
struct Settings {
    /// Folder of the statistics; empty means `spl/kstat/zfs` below `HOST_PROC` or `/proc`.
    kstat_path: String,
    /// Names of the files that are read; empty means the usual ones, an empty name none.
    kstat_metrics: Vec<String>,
    /// Report pools or, with newer versions of ZFS, their data sets.
    pool_metrics: bool,
    /// Has no effect: known on FreeBSD only.
    dataset_metrics: bool,
    /// Report numbers in the types that the module gives them, so that large counters are not negative.
    use_native_types: bool,
}

/// Files that are read unless others are named.
const USUAL: [&str; 9] =
    ["abdstats", "arcstats", "dnodestats", "dbufcachestats", "dmu_tx", "fm", "vdev_mirror_stats", "zfetchstats", "zil"];

impl Plugin for Zfs {
    const NAME: &'static str = "zfs";
    const ABOUT: &'static str = "Reads statistics of ZFS.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let folder = match settings.kstat_path.is_empty() {
            true => env.host.proc.join("spl/kstat/zfs"),
            false => settings.kstat_path.into(),
        };
        let files = match settings.kstat_metrics.is_empty() {
            true => USUAL.map(str::to_owned).into(),
            false => settings.kstat_metrics,
        };
        Ok(Zfs {
            folder,
            files: files.into_iter().filter(|f| !f.is_empty()).collect(),
            pools: settings.pool_metrics,
            native: settings.use_native_types,
            reader: Reader::new(),
        })
    }
}

impl Input for Zfs {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let pools = pools(&self.folder);
        if self.pools {
            for pool in &pools {
                if let Err(e) = self.report(pool, out) {
                    out.error(e);
                }
            }
        }
        let names: Vec<&str> = pools.iter().map(|p| p.name.as_str()).collect();
        let mut metric = out.metric("zfs");
        if !names.is_empty() {
            metric.add_tag("pools", &names.join("::"));
        }
        for file in &self.files {
            // Which files there are depends on the version of the module.
            let Some(text) = self.reader.find(&self.folder.join(file))? else { continue };
            // Names in these files say already where they are from.
            let bare = ["zil", "dmu_tx", "dnodestats"].contains(&file.as_str());
            kstat::each(&scan::text(text), |name, value| {
                let key = if bare { name.to_owned() } else { format!("{file}_{name}") };
                metric.add_field(&key, value.field(self.native));
            });
        }
        Ok(())
    }
}

/// A pool and the files that tell of it.
struct Pool {
    name: String,
    /// Data sets, of ZFS 2.1.5 and later.
    sets: Vec<PathBuf>,
    /// The one file of older versions.
    io: PathBuf,
}

/// The pools, sorted. Each has a folder; other folders have none of the files.
fn pools(folder: &Path) -> Vec<Pool> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let pool = |entry: std::fs::DirEntry| {
        let path = entry.path();
        let files = std::fs::read_dir(&path).ok()?.flatten().map(|e| e.path());
        let is_set = |p: &PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("objset-"));
        let mut sets: Vec<PathBuf> = files.filter(is_set).collect();
        sets.sort();
        let io = path.join("io");
        let known = !sets.is_empty() || io.is_file();
        known.then(|| Pool { name: entry.file_name().to_string_lossy().into_owned(), sets, io })
    };
    let mut pools: Vec<Pool> = entries.flatten().filter_map(pool).collect();
    pools.sort_by(|a, b| a.name.cmp(&b.name));
    pools
}

impl Zfs {
    fn report(&mut self, pool: &Pool, out: &mut Collector) -> Result<()> {
        if pool.sets.is_empty() {
            let text = self.reader.need(&pool.io)?;
            let mut metric = out.metric("zfs_pool").tag("pool", &pool.name);
            for (name, value) in kstat::columns(&scan::text(text)) {
                metric.add_field(name, value);
            }
        }
        for path in &pool.sets {
            let text = self.reader.need(path)?;
            let mut metric = out.metric("zfs_pool").tag("pool", &pool.name);
            let mut dataset = String::new();
            kstat::each(&scan::text(text), |name, value| match name {
                "dataset_name" => dataset = value.text().to_owned(),
                name => metric.add_field(name, value.field(self.native)),
            });
            metric.add_tag("dataset", &dataset);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    const HEAD: &str = "5 1 0x01 4 4896 100 200\nname                            type data\n";

    fn zfs(tree: &Tree, settings: Settings) -> Vec<String> {
        gather(&mut Zfs::new(settings, &tree.env()).unwrap())
    }

    fn tree() -> Tree {
        let file = |lines: &str| format!("{HEAD}{lines}");
        Tree::of(&[
            ("proc/spl/kstat/zfs/arcstats", &file("hits   4    55\nc_max  4    18446744073709551615\nspare 3 -77\n")),
            ("proc/spl/kstat/zfs/zil", &file("zil_commit_count   4    12\n")),
            ("proc/spl/kstat/zfs/tank/objset-0x36", &file("dataset_name 7 tank/home dir\nwrites 4 409\n")),
            ("proc/spl/kstat/zfs/backup/io", "11 3 0x00 1 80 1 2\nnread    nwritten reads\n4 5 6\n"),
            ("proc/spl/kstat/zfs/other/x", ""),
        ])
    }

    #[test]
    fn files_are_one_metric() {
        let got = zfs(&tree(), Settings::default());
        assert_eq!(
            got,
            ["zfs,pools=backup::tank arcstats_c_max=-1i,arcstats_hits=55i,arcstats_spare=-77i,zil_commit_count=12i"]
        );
        let native =
            Settings { use_native_types: true, kstat_metrics: vec!["arcstats".to_owned()], ..Settings::default() };
        assert_eq!(
            zfs(&tree(), native),
            ["zfs,pools=backup::tank arcstats_c_max=18446744073709551615u,arcstats_hits=55u,arcstats_spare=-77i"]
        );
    }

    #[test]
    fn pools_are_metrics_when_asked_for() {
        let settings = Settings { kstat_metrics: vec![String::new()], pool_metrics: true, ..Settings::default() };
        assert_eq!(
            zfs(&tree(), settings),
            [
                "zfs_pool,dataset=tank/home dir,pool=tank writes=409i",
                "zfs_pool,pool=backup nread=4i,nwritten=5i,reads=6i"
            ]
        );
    }

    #[test]
    fn a_machine_without_zfs_gives_nothing() {
        assert_eq!(zfs(&Tree::empty(), Settings::default()), [""; 0]);
    }
}
