//! The plugin over a host made of files.

use super::*;
use crate::host::testing::{Tree, gather};

const LOAD: (&str, &str) = ("proc/loadavg", "0.52 1.07 2.33 3/411 20111\n");
const CPUS: (&str, &str) = ("proc/cpuinfo", "processor: 0\n\nprocessor: 1\n");

fn system(tree: &Tree, include: &[&str]) -> System {
    let include = include.iter().map(|g| (*g).to_owned()).collect();
    System::new(Settings { include, ..Settings::default() }, &tree.env()).unwrap()
}

#[test]
fn legacy_gives_three_metrics() {
    let got = gather(&mut system(&Tree::of(&[LOAD, CPUS]), &["legacy"]));
    assert_eq!(got.len(), 3);
    assert_eq!(got[0], "system load15=2.33,load1=0.52,load5=1.07,n_cpus=2i,n_physical_cpus=0i");
    assert!(got[1].starts_with("system uptime=") && got[1].ends_with('u'));
    assert!(got[2].starts_with("system uptime_format=\""));
}

#[test]
fn groups_give_one_metric() {
    let got = gather(&mut system(&Tree::of(&[LOAD, CPUS]), &["load", "cpus"]));
    assert_eq!(got, ["system load15=2.33,load1=0.52,load5=1.07,n_cpus=2i,n_physical_cpus=0i"]);
    assert_eq!(gather(&mut system(&Tree::of(&[LOAD, CPUS]), &["load", "legacy"])).len(), 4);
}

#[test]
fn texts_are_kept_as_long_as_they_may() {
    let tree = Tree::of(&[("etc/alpine-release", "3.20.1")]);
    let mut kept = system(&tree, &["os"]);
    let mut fresh = system(&tree, &["os"]);
    fresh.settings.os_cache_ttl = Duration::secs(0);
    assert_eq!(gather(&mut kept), gather(&mut fresh));
    tree.write("etc/alpine-release", "3.21.0");
    assert!(gather(&mut kept)[0].contains("platform_version=\"3.20.1\""));
    assert!(gather(&mut fresh)[0].contains("platform_version=\"3.21.0\""));
}

#[test]
fn firmware_is_read_below_the_host() {
    let tree = Tree::of(&[("sys/class/dmi/id/sys_vendor", "Own\n")]);
    let got = gather(&mut system(&tree, &["dmi"]));
    assert!(got[0].contains("product_vendor=\"Own\"") && got[0].contains("product_uuid=\"unknown\""), "{got:?}");
}

#[test]
fn one_group_that_fails_leaves_the_others() {
    let got = gather(&mut system(&Tree::of(&[CPUS]), &["load", "cpus"]));
    assert_eq!(got[0], "system n_cpus=2i,n_physical_cpus=0i");
    assert!(got[1].starts_with("error: read ") && got[1].contains("/proc/loadavg: "), "{got:?}");
    let got = gather(&mut system(&Tree::of(&[("proc/loadavg", "1 2")]), &["load"]));
    assert!(got[0].ends_with("/proc/loadavg: invalid line \"1 2\""), "{got:?}");
}

#[test]
fn unknown_groups_are_refused() {
    let settings = Settings { include: vec!["fans".to_owned()], ..Settings::default() };
    let error = System::new(settings, &Tree::empty().env()).err().unwrap();
    assert!(error.to_string().contains("\"fans\""));
}

#[test]
fn uptime_as_text() {
    for (seconds, text) in [
        (0, " 0:00"),
        (59 * 60 + 59, " 0:59"),
        (86_400 + 36_000, "1 day, 10:00"),
        (14 * 86_400 + 11 * 3600 + 7 * 60, "14 days, 11:07"),
    ] {
        assert_eq!(uptime_text(seconds), text);
    }
}

#[test]
fn processors_are_counted_again_when_some_come_or_go() {
    let tree = Tree::of(&[CPUS, ("sys/devices/system/cpu/online", "0-1\n")]);
    let mut input = system(&tree, &["cpus"]);
    let first = gather(&mut input);
    tree.write("proc/cpuinfo", "processor: 0\n");
    assert_eq!(gather(&mut input), first);
    tree.write("sys/devices/system/cpu/online", "0\n");
    assert_eq!(gather(&mut input), ["system n_cpus=1i,n_physical_cpus=0i"]);
}
