//! What the kernel counts for each NFS mount.

mod mountstats;

use crate::host::Reader;
use agent_api::*;
use agent_golang::regexp::Regexp;
use mountstats::Mounts;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<Nfsclient>());

/// Reads `/proc/self/mountstats`.
struct Nfsclient {
    settings: Settings,
    include: Vec<Regexp>,
    exclude: Vec<Regexp>,
    path: PathBuf,
    reader: Reader,
}

/// What is read of which mounts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Read all that there is, not only reading and writing.
    fullstat: bool,
    /// Regular expressions of mount points; empty means all.
    include_mounts: Vec<String>,
    /// Regular expressions of mount points that are left out.
    exclude_mounts: Vec<String>,
    /// Names of operations (`GETATTR`) that `fullstat` reads; empty means all.
    include_operations: Vec<String>,
    /// Names of operations that `fullstat` leaves out.
    exclude_operations: Vec<String>,
}

impl Plugin for Nfsclient {
    const NAME: &'static str = "nfsclient";
    const ABOUT: &'static str = "Reads what the kernel counts for NFS mounts.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let compile = |option: &str, list: &[String]| -> Result<Vec<Regexp>> {
            list.iter().map(|p| Regexp::compile(p).with_context(|| format!("{option}: {p:?}"))).collect()
        };
        let path = match std::env::var_os("MOUNT_PROC").filter(|path| !path.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => env.host.proc.join("self/mountstats"),
        };
        Ok(Nfsclient {
            include: compile("include_mounts", &settings.include_mounts)?,
            exclude: compile("exclude_mounts", &settings.exclude_mounts)?,
            settings,
            path,
            reader: Reader::new(),
        })
    }
}

impl Input for Nfsclient {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let Nfsclient { settings, include, exclude, path, reader } = self;
        let matches = |list: &[Regexp], mount: &str| list.iter().any(|p| p.is_match(mount));
        let mut mounts = Mounts::new(settings.fullstat, |operation: &str| {
            (settings.include_operations.is_empty() || settings.include_operations.iter().any(|o| o == operation))
                && !settings.exclude_operations.iter().any(|o| o == operation)
        });
        reader.lines(path, |line| {
            mounts.line(line, out, |mount| (include.is_empty() || matches(include, mount)) && !matches(exclude, mount));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    const STATS: &str = "\
device rootfs mounted on / with fstype rootfs
device filer:/vol mounted on /home with fstype nfs statvers=1.1
\topts:\trw,vers=3
\tevents:\t1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27
\tbytes:\t1 2 3 4 5 6 7 8
\tRPC iostats version: 1.0  p/v: 100003/3 (nfs)
\txprt:\tudp 832 1 340 339 0 500 600
\tper-op statistics
\t        NULL: 0 0 0 0 0 0 0 0
\t        READ: 600 605 1 84000 9000000 40 7000 7100
\t     GETATTR: 100 100 0 12000 11200 5 90 99 7
device other:/x mounted on /data with fstype nfs4 statvers=1.1
\tRPC iostats version: 1.1  p/v: 100003/4 (nfs)
\t       WRITE: 0 0 0 0 0 0 0 0
";

    fn nfs(own: impl FnOnce(&mut Settings)) -> Vec<String> {
        let tree = Tree::of(&[("proc/self/mountstats", STATS)]);
        let mut settings = Settings::default();
        own(&mut settings);
        gather(&mut Nfsclient::new(settings, &tree.env()).unwrap())
    }

    #[test]
    fn reading_and_writing() {
        assert_eq!(
            nfs(|_| {}),
            [
                "nfsstat,mountpoint=/data,operation=WRITE,serverexport=other:/x bytes=0u,exe=0u,ops=0u,retrans=0u,rtt=0u,\
                 rtt_per_op=0",
                "nfsstat,mountpoint=/home,operation=READ,serverexport=filer:/vol bytes=9084000u,exe=7100u,ops=600u,\
                 retrans=5u,rtt=7000u,rtt_per_op=11.666666666666666"
            ]
        );
    }

    #[test]
    fn everything_of_some_mounts() {
        let got = nfs(|s| {
            s.fullstat = true;
            s.include_mounts = vec!["^/h".to_owned()];
            s.exclude_operations = vec!["NULL".to_owned()];
        });
        assert_eq!(got.len(), 6, "{got:?}");
        assert!(
            got[1].starts_with("nfs_events,")
                && got[1].contains("pnfswrites=27u")
                && got[1].contains("vfsgetdents=13u")
        );
        assert_eq!(
            got[3],
            "nfs_ops,mountpoint=/home,operation=READ,serverexport=filer:/vol bytes=9084000u,bytes_recv=9000000u,\
             bytes_sent=84000u,exe=7100u,ops=600u,queue_time=40u,response_time=7000u,retrans=5u,rtt=7000u,\
             rtt_per_op=11.666666666666666,timeouts=1u,total_time=7100u,trans=605u"
        );
        assert_eq!(
            got[4],
            "nfs_xprt_udp,mountpoint=/home,serverexport=filer:/vol backlogutil=600u,badxids=0u,bind_count=1u,\
             inflightsends=500u,rpcreceives=339u,rpcsends=340u"
        );
        assert!(nfs(|s| s.exclude_mounts = vec![".".to_owned()]).is_empty());
        let settings = Settings { include_mounts: vec!["(".to_owned()], ..Settings::default() };
        assert!(Nfsclient::new(settings, &Env::new("inputs.nfsclient")).is_err());
    }
}
