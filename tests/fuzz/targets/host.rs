//! The files of the kernel: every input that reads them takes any text for what it reads.
//!
//! A folder stands in for `/proc` and `/sys`; the input chooses the file, whose text is the rest.
#![no_main]

use agent_api::plugin::{Build, Family, find};
use agent_api::{Collector, Env, HostPaths, Table};
use agent_fuzz::split;
use libfuzzer_sys::fuzz_target;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Inputs, and the files that they read.
const FILES: &[(&str, &str)] = &[
    ("bond", "proc/net/bonding/bond0"),
    ("conntrack", "proc/net/stat/nf_conntrack"),
    ("cpu", "proc/stat"),
    ("cpu", "proc/cpuinfo"),
    ("disk", "proc/1/mountinfo"),
    ("diskio", "proc/diskstats"),
    ("hugepages", "proc/meminfo"),
    ("interrupts", "proc/interrupts"),
    ("interrupts", "proc/softirqs"),
    ("kernel", "proc/stat"),
    ("kernel_vmstat", "proc/vmstat"),
    ("mdstat", "proc/mdstat"),
    ("mem", "proc/meminfo"),
    ("net", "proc/net/dev"),
    ("net", "proc/net/snmp"),
    ("netstat", "proc/net/tcp"),
    ("netstat", "proc/net/sockstat"),
    ("nstat", "proc/net/netstat"),
    ("nstat", "proc/net/snmp6"),
    ("processes", "proc/1/stat"),
    ("procstat", "proc/1/status"),
    ("procstat", "proc/1/stat"),
    ("nfsclient", "proc/self/mountstats"),
    ("slab", "proc/slabinfo"),
    ("synproxy", "proc/net/stat/synproxy"),
    ("lustre2", "proc/fs/lustre/obdfilter/own/job_stats"),
    ("lustre2", "proc/fs/lustre/osd-ldiskfs/own/brw_stats"),
    ("swap", "proc/swaps"),
    ("swap", "proc/vmstat"),
    ("system", "proc/loadavg"),
    ("system", "proc/uptime"),
    ("wireless", "proc/net/wireless"),
    ("zfs", "proc/spl/kstat/zfs/arcstats"),
];

/// A folder of this process, in memory where there is such a place.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let base = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
        base.join(format!("agent-fuzz-{}", std::process::id()))
    })
}

fuzz_target!(|data: &[u8]| {
    let Some((text, mode)) = split(data) else { return };
    let (name, file) = FILES[usize::from(mode) % FILES.len()];
    let path = folder().join(file);
    std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder can be made");
    std::fs::write(&path, text).expect("the file can be written");
    let at = |part: &str| folder().join(part);
    let mut env = Env::new(name);
    env.host = HostPaths {
        proc: at("proc"),
        sys: at("sys"),
        etc: at("etc"),
        var: at("var"),
        run: at("run"),
        dev: at("dev"),
        root: folder().to_path_buf(),
        mount_prefix: PathBuf::new(),
    };
    let Build::Input(make) = find(Family::Inputs, name).expect("it is built in").build else { return };
    if let Ok(mut input) = make(&Table::default(), &env) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // Twice, as rates and differences need a reading before.
        for _ in 0..2 {
            let mut out = Collector::new();
            let _read = runtime.block_on(input.gather(&mut out));
            out.take();
        }
    }
    std::fs::remove_file(&path).expect("it is ours");
});
