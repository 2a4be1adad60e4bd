//! The plugin over a host made of files.

use super::*;
use crate::host::testing::{Tree, gather};
use settings::FilterSettings;

/// A process with the least that it needs.
fn add(tree: &Tree, pid: u32, parent: u32, name: &str, command: &str) {
    let stat = format!("{pid} ({name}) S {parent} 1 1 0 -1 0 10 11 12 13 150 50 0 0 20 0 3 0 {} 8192 2 0\n", pid * 100);
    tree.write(&format!("proc/{pid}/stat"), &stat);
    tree.write(&format!("proc/{pid}/status"), "Uid:\t1000\t33\t0\t0\nThreads:\t3\n");
    tree.write(&format!("proc/{pid}/cmdline"), &command.replace(' ', "\0"));
}

fn tree() -> Tree {
    let tree = Tree::of(&[
        ("proc/stat", "cpu 1\nbtime 1000\n"),
        ("proc/meminfo", "MemTotal: 100 kB\n"),
        ("etc/passwd", "anna:x:1000:1000::/:/bin/sh\nwww:x:33:33::/:/bin/sh\n"),
    ]);
    add(&tree, 1, 0, "init", "/sbin/init");
    add(&tree, 10, 1, "nginx", "/usr/sbin/nginx -g daemon");
    add(&tree, 11, 10, "nginx", "nginx: worker");
    add(&tree, 12, 11, "helper", "/bin/helper");
    tree
}

fn run(tree: &Tree, settings: Settings) -> Vec<String> {
    gather(&mut Procstat::new(settings, &tree.env()).unwrap())
}

/// The numbers of the processes that were found, and the metric that says so.
fn found(tree: &Tree, settings: Settings) -> (Vec<String>, String) {
    let settings = Settings { tag_with: vec!["pid".to_owned()], properties: vec![], ..settings };
    let mut lines = run(tree, settings);
    let lookup = lines.iter().position(|l| l.starts_with("procstat_lookup")).unwrap();
    let lookup = lines.remove(lookup);
    let pid = |l: &String| l.split([',', ' ']).find_map(|t| t.strip_prefix("pid=")).unwrap_or(l).to_owned();
    (lines.iter().map(pid).collect(), lookup)
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn single_selectors_find_processes() {
    let tree = tree();
    let pid_file = tree.write("run/x.pid", " 10\n").to_string_lossy().into_owned();
    let (pids, lookup) = found(&tree, Settings { pid_file: pid_file.clone(), ..Settings::default() });
    assert_eq!(pids, ["10"]);
    assert_eq!(
        lookup,
        format!(
            "procstat_lookup,pid_finder=pgrep,pidfile={pid_file},result=success pid_count=1i,result_code=0i,running=1i"
        )
    );
    let (pids, lookup) =
        found(&tree, Settings { exe: text("ngin"), pid_finder: text("native"), ..Settings::default() });
    assert_eq!(pids, ["10", "11"]);
    assert!(lookup.starts_with("procstat_lookup,exe=ngin,pid_finder=native,result=success pid_count=2i"));
    assert_eq!(found(&tree, Settings { pattern: text("^/.*x .*on$"), ..Settings::default() }).0, ["10"]);
    assert_eq!(found(&tree, Settings { user: text("www"), ..Settings::default() }).0.len(), 4);
    assert_eq!(found(&tree, Settings { user: text("anna"), ..Settings::default() }).0.len(), 0);
}

#[test]
fn control_groups_and_units_find_processes() {
    let tree = tree();
    tree.write("sys/fs/cgroup/system.slice/nginx.service/cgroup.procs", "11\n10\n");
    tree.write("sys/fs/cgroup/system.slice/nginx.service/deep/cgroup.procs", "12\n");
    let cgroup = text("system.slice/*.service");
    let (pids, lookup) = found(&tree, Settings { cgroup, ..Settings::default() });
    assert_eq!(pids, ["10", "11"]);
    assert!(
        lookup.contains(",cgroup=system.slice/*.service,cgroup_full=") && lookup.contains(" pid_count=2i"),
        "{lookup}"
    );
    let unit = |name: &str, children| Settings {
        systemd_unit: text(name),
        include_systemd_children: children,
        ..Settings::default()
    };
    assert_eq!(found(&tree, unit("nginx", false)).0, ["10"]);
    assert_eq!(found(&tree, unit("ngin*", true)).0, ["10", "11", "12"]);
    let (pids, lookup) = found(&tree, unit("other", false));
    assert_eq!(pids, [""; 0]);
    assert!(lookup.contains("result=success,systemd_unit=other pid_count=0i"), "{lookup}");
}

#[test]
fn filters_combine_conditions() {
    let tree = tree();
    let filter = FilterSettings { name: text("web"), process_names: vec![text("ng*")], ..FilterSettings::default() };
    let with = |filter: FilterSettings| found(&tree, Settings { filter: vec![filter], ..Settings::default() });
    let (pids, lookup) = with(filter.clone());
    assert_eq!(pids, ["10", "11"]);
    assert_eq!(lookup, "procstat_lookup,filter=web,result=success pid_count=2i,result_code=0i,running=2i");
    assert_eq!(with(FilterSettings { patterns: vec![text("worker$")], ..filter.clone() }).0, ["11"]);
    assert_eq!(with(FilterSettings { users: vec![text("www")], ..filter.clone() }).0, [""; 0]);
    assert_eq!(with(FilterSettings { users: vec![text("ann?")], ..filter.clone() }).0, ["10", "11"]);
    assert_eq!(with(FilterSettings { executables: vec![text("/usr/*")], ..filter }).0, [""; 0]);
}

#[test]
fn children_are_found_to_the_depth_that_is_wanted() {
    let tree = tree();
    let filter = |depth| FilterSettings {
        name: text("web"),
        patterns: vec![text("^/usr/sbin/nginx")],
        recursion_depth: depth,
        ..FilterSettings::default()
    };
    let with = |depth| found(&tree, Settings { filter: vec![filter(depth)], ..Settings::default() }).0;
    assert_eq!(with(0), ["10"]);
    assert_eq!(with(1), ["11", "10"]);
    assert_eq!(with(-1), ["11", "12", "10"]);
    let lines = run(&tree, Settings { filter: vec![filter(-1)], ..Settings::default() });
    assert!(
        lines.iter().any(|l| l.starts_with("procstat,child_level=2,filter=web,parent_pid=11,process_name=helper "))
    );
}

#[test]
fn fields_follow_the_options() {
    let tree = tree();
    tree.write("proc/12/io", "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\n");
    tree.write("proc/12/limits", "Max open files  1024  4096 files\nMax nice priority 0 0\n");
    tree.write("proc/12/fd/0", "");
    let settings =
        || Settings { exe: text("helper"), prefix: text("x"), process_name: text("own"), ..Settings::default() };
    let line = |settings| run(&tree, settings).into_iter().find(|l| l.starts_with("procstat,")).unwrap();
    let got = line(settings());
    assert!(got.starts_with("procstat,exe=helper,process_name=own pid=12i,x_child_major_faults=13u,"), "{got}");
    for want in [
        "x_cmdline=\"/bin/helper\"",
        "x_cpu_time_user=1.5",
        "x_created_at=1012000000000i",
        "x_disk_write_bytes=6u",
        "x_memory_vms=8192u",
        "x_nice_priority=20u",
        "x_num_fds=1u",
        "x_num_threads=3i",
        "x_ppid=11i",
        "x_read_bytes=1u",
        "x_rlimit_num_fds_hard=4096u",
        "x_status=\"sleep\"",
        "x_user=\"anna\"",
    ] {
        assert!(got.split([' ', ',']).any(|f| f == want), "{want} not in {got}");
    }
    assert!(!got.contains("cpu_usage"));
    let tag_with = ["status", "user", "ppid"].map(text).into();
    let got = line(Settings { tag_with, properties: vec![], cmdline_tag: true, ..settings() });
    assert!(
        got.starts_with(
            "procstat,cmdline=/bin/helper,exe=helper,ppid=11,process_name=own,status=sleep,user=anna pid=12i"
        ),
        "{got}"
    );
    assert!(!got.contains("cpu_time") && !got.contains("memory_") && !got.contains("rlimit"));
}

#[test]
fn usage_comes_with_the_second_gathering_of_the_same_process() {
    let tree = tree();
    let mut input = Procstat::new(Settings { exe: text("helper"), ..Settings::default() }, &tree.env()).unwrap();
    assert!(!gather(&mut input)[0].contains("cpu_usage"));
    assert!(gather(&mut input)[0].contains(",cpu_usage=0,"));
    let stat = "12 (helper) S 11 1 1 0 -1 0 10 11 12 13 150 50 0 0 20 0 3 0 999 8192 2 0\n";
    tree.write("proc/12/stat", stat);
    assert!(!gather(&mut input)[0].contains("cpu_usage"));
}

#[cfg(unix)]
#[test]
fn sockets_are_those_that_the_process_has_open() {
    let tree = tree();
    let row = |inode| format!(" 0: 0100007F:1F90 00000000:0000 0A 00000001:00000002 00:0 0 0 0 {inode} 1\n");
    tree.write("proc/12/net/tcp", &(row(77) + &row(78)));
    tree.write("proc/12/net/unix", "x: 2 0 1 0001 01 79 /run/a\n");
    tree.write("proc/12/fd/keep", "");
    for inode in [77, 79] {
        let link = tree.path().join(format!("proc/12/fd/{inode}"));
        std::os::unix::fs::symlink(format!("socket:[{inode}]"), link).unwrap();
    }
    let settings = Settings {
        exe: text("helper"),
        properties: vec![text("sockets")],
        tag_with: vec![text("protocol"), text("src_port")],
        ..Settings::default()
    };
    let got: Vec<_> = run(&tree, settings).into_iter().filter(|l| l.starts_with("procstat_socket")).collect();
    assert_eq!(
        got,
        [
            "procstat_socket,exe=helper,process_name=helper,protocol=tcp4,src_port=8080 \
             dest=\"0.0.0.0\",dest_port=0u,pid=12u,rx_queue=2u,src=\"127.0.0.1\",state=\"listen\",tx_queue=1u",
            "procstat_socket,exe=helper,process_name=helper,protocol=unix \
             inode=79u,name=\"/run/a\",pid=12u,state=\"unconnected\"",
        ]
    );
}

#[test]
fn a_search_that_fails_is_told_by_a_metric_and_an_error() {
    let tree = tree();
    for (name, cause) in [("none.pid", "none.pid: "), ("bad.pid", "bad.pid: invalid process id \"x\"")] {
        tree.write("bad.pid", "x");
        let pid_file = tree.path().join(name).to_string_lossy().into_owned();
        let got = run(&tree, Settings { pid_file, ..Settings::default() });
        assert_eq!(
            got[0],
            "procstat_lookup,pid_finder=pgrep,result=lookup_error pid_count=0i,result_code=1i,running=0i"
        );
        assert!(got[1].starts_with("error: find processes: read ") && got[1].contains(cause), "{got:?}");
    }
}

#[test]
fn settings_without_sense_are_refused() {
    let env = Tree::empty().env();
    let refused = |settings| format!("{:#}", Procstat::new(settings, &env).err().unwrap());
    let exe = || Settings { exe: text("x"), ..Settings::default() };
    assert!(refused(Settings::default()).contains("no processes are selected"));
    assert!(refused(Settings { exe: text("("), ..Settings::default() }).starts_with("exe: "));
    assert!(refused(Settings { tag_with: vec![text("age")], ..exe() }).contains("\"age\""));
    assert!(refused(Settings { properties: vec![text("age")], ..exe() }).contains("\"age\""));
    assert!(refused(Settings { mode: text("age"), ..exe() }).contains("\"age\""));
    let unnamed = FilterSettings { patterns: vec![text("x")], ..FilterSettings::default() };
    assert!(refused(Settings { filter: vec![unnamed.clone()], ..Settings::default() }).contains("without name"));
    let both = FilterSettings { name: text("n"), systemd_units: vec![text("a")], cgroups: vec![text("b")], ..unnamed };
    assert!(refused(Settings { filter: vec![both], ..Settings::default() }).contains("exclude each other"));
}
