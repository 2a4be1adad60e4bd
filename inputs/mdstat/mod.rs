//! State of software RAID arrays, from `/proc/mdstat`.

mod arrays;

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<Mdstat>());

/// Reads `/proc/mdstat`.
struct Mdstat {
    table: PathBuf,
    reader: Reader,
}

/// Where the table is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// File in place of `/proc/mdstat`.
    file_name: String,
}

impl Plugin for Mdstat {
    const NAME: &'static str = "mdstat";
    const ABOUT: &'static str = "Reads the state of software RAID arrays.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let table =
            if settings.file_name.is_empty() { env.host.proc.join("mdstat") } else { settings.file_name.into() };
        Ok(Mdstat { table, reader: Reader::new() })
    }
}

impl Input for Mdstat {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let text = self.reader.need(&self.table)?;
        for array in arrays::parse(&scan::text(text)) {
            out.metric("mdstat")
                .tag("Name", &array.name)
                .tag("ActivityState", array.activity())
                .tag("Devices", &array.devices.join(","))
                .field("DisksActive", array.active)
                .field("DisksTotal", array.total)
                .field("DisksDown", array.down)
                .field("DisksFailed", array.failed)
                .field("DisksSpare", array.spare)
                .field("BlocksTotal", array.blocks)
                .field("BlocksSynced", array.synced)
                .field("BlocksSyncedPct", array.percent)
                .field("BlocksSyncedFinishTime", array.minutes)
                .field("BlocksSyncedSpeed", array.speed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    #[test]
    fn an_array_is_a_metric() {
        let table = "Personalities : [raid1]\nmd9 : active raid1 vdb[1] vda[0]\n      2048 blocks super 1.2 [2/2] [UU]\n\
                     \x20     [====>....]  check = 22.0% (450/2048) finish=0.3min speed=90K/sec\n\nunused devices: <none>\n";
        let tree = Tree::of(&[("proc/mdstat", table), ("own", "")]);
        assert_eq!(
            gather(&mut Mdstat::new(Settings::default(), &tree.env()).unwrap()),
            ["mdstat,ActivityState=checking,Devices=vda,vdb,Name=md9 BlocksSynced=450i,BlocksSyncedFinishTime=0.3,\
              BlocksSyncedPct=22,BlocksSyncedSpeed=90,BlocksTotal=2048i,DisksActive=2i,DisksDown=0i,DisksFailed=0i,\
              DisksSpare=0i,DisksTotal=2i"]
        );
        let settings = Settings { file_name: tree.path().join("own").to_string_lossy().into_owned() };
        assert_eq!(gather(&mut Mdstat::new(settings, &tree.env()).unwrap()), [""; 0]);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let got = gather(&mut Mdstat::new(Settings::default(), &Tree::empty().env()).unwrap());
        assert!(got[0].contains("/proc/mdstat: "), "{got:?}");
    }
}
