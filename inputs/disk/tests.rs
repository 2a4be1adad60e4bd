//! The plugin over a host made of files.

use super::*;
use crate::host::testing::{Tree, gather};

const TABLE: &str = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/own1 rw\n\
    24 22 0:5 / /run rw,nosuid shared:3 - tmpfs tmpfs rw\n\
    25 22 8:2 /sub /bound\\040dir ro shared:4 - xfs /dev/own2 ro\n\
    26 22 0:30 / /auto rw,relatime - autofs systemd-1 rw\n\
    27 22 0:31 / /not/there rw - nfs far:/x rw\n";

fn tree() -> Tree {
    let tree = Tree::of(&[("proc/1/mountinfo", TABLE)]);
    for folder in ["run", "bound dir", "auto"] {
        tree.write(&format!("h/{folder}/keep"), "");
    }
    tree
}

fn disk(tree: &Tree, settings: Settings) -> Vec<String> {
    let mut env = tree.env();
    env.host.mount_prefix = tree.path().join("h");
    let mut lines = gather(&mut Disk::new(settings, &env).unwrap());
    lines.iter_mut().for_each(|l| l.truncate(l.find(" free=").unwrap_or(l.len())));
    lines
}

fn list(items: &[&str]) -> Vec<String> {
    items.iter().map(|i| (*i).to_owned()).collect()
}

const ROOT: &str = "disk,device=own1,fstype=ext4,mode=rw,path=/";
const RUN: &str = "disk,device=tmpfs,fstype=tmpfs,mode=rw,path=/run";
const BOUND: &str = "disk,device=own2,fstype=xfs,mode=ro,path=/bound dir";

#[test]
fn mounts_are_told_by_their_tags() {
    assert_eq!(disk(&tree(), Settings::default()), [ROOT, BOUND, RUN]);
}

#[test]
fn mounts_can_be_chosen() {
    let tree = tree();
    let chosen = Settings { mount_points: list(&["/run", "/auto"]), ..Settings::default() };
    assert_eq!(disk(&tree, chosen), [RUN]);
    let kinds = Settings { ignore_fs: list(&["tmpfs"]), ..Settings::default() };
    assert_eq!(disk(&tree, kinds), [ROOT, BOUND]);
    let options = Settings { ignore_mount_opts: list(&["nosuid", "bind"]), ..Settings::default() };
    assert_eq!(disk(&tree, options), [ROOT]);
}

#[test]
fn mount_points_that_have_the_prefix_are_shown_without() {
    let tree = Tree::empty();
    let root = tree.path().join("h");
    let table = format!("1 1 8:1 / {} rw - ext4 /dev/own1 rw\n", root.join("run").display());
    tree.write("proc/self/mountinfo", &table);
    tree.write("h/run/keep", "");
    assert_eq!(disk(&tree, Settings::default()), ["disk,device=own1,fstype=ext4,mode=rw,path=/run"]);
}

#[cfg(unix)]
#[test]
fn mapped_devices_have_a_label() {
    let table = "1 1 253:0 / / rw - ext4 /dev/mapper/vg-root rw\n2 1 8:1 / /run rw - ext4 /dev/root rw\n";
    let tree = Tree::of(&[("proc/1/mountinfo", table), ("sys/block/dm-0/dm/name", "vg-root\n"), ("dev/dm-0", "")]);
    tree.write("dev/mapper/control", "");
    tree.write("sys/dev/block/keep", "");
    tree.write("h/run/keep", "");
    std::os::unix::fs::symlink("../dm-0", tree.path().join("dev/mapper/vg-root")).unwrap();
    std::os::unix::fs::symlink("../../devices/x/sda1", tree.path().join("sys/dev/block/8:1")).unwrap();
    assert_eq!(
        disk(&tree, Settings::default()),
        ["disk,device=dm-0,fstype=ext4,label=vg-root,mode=rw,path=/", "disk,device=sda1,fstype=ext4,mode=rw,path=/run"]
    );
}

#[test]
fn the_sizes_of_this_machine_make_sense() {
    let mut input = Disk::new(Settings::default(), &Env::new("inputs.disk")).unwrap();
    let mut out = Collector::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(input.gather(&mut out)).unwrap();
    for metric in out.batch().iter() {
        let of = |key: &str| metric.field(key).unwrap().number().unwrap();
        assert!(of("total") >= of("used") && of("total") >= of("free") && of("used_percent") <= 100.0);
    }
}

#[test]
fn a_missing_table_is_an_error() {
    let got = disk(&Tree::empty(), Settings::default());
    assert!(got[0].starts_with("error: read ") && got[0].contains("/proc/self/mountinfo: "), "{got:?}");
}
