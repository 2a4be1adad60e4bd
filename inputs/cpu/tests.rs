//! The plugin over a host made of files.

use super::*;
use crate::host::testing::{Tree, gather};

const FIRST: &str = "cpu  300 0 100 600 0 0 0 0\ncpu0 100 0 50 300 0 0 0 0\ncpu1 200 0 50 300 0 0 0 0\nintr 1\n";
const SECOND: &str = "cpu  350 0 100 650 0 0 0 0\ncpu0 100 0 50 300 0 0 0 0\ncpu1 250 0 50 350 0 0 0 0\nintr 1\n";

fn cpu(tree: &Tree, settings: Settings) -> Cpu {
    Cpu::new(settings, &tree.env()).unwrap()
}

#[test]
fn the_first_reading_gives_no_usage() {
    let tree = Tree::of(&[("proc/stat", FIRST)]);
    let mut input = cpu(&tree, Settings { percpu: false, report_active: true, ..Settings::default() });
    assert_eq!(gather(&mut input), [""; 0]);
    tree.write("proc/stat", SECOND);
    assert_eq!(
        gather(&mut input),
        [
            "cpu,cpu=cpu-total usage_active=50,usage_guest=0,usage_guest_nice=0,usage_idle=50,usage_iowait=0,usage_irq=0,\
         usage_nice=0,usage_softirq=0,usage_steal=0,usage_system=0,usage_user=50"
        ]
    );
}

#[test]
fn a_processor_that_stood_still_has_no_usage() {
    let tree = Tree::of(&[("proc/stat", FIRST)]);
    let mut input = cpu(&tree, Settings { totalcpu: false, ..Settings::default() });
    gather(&mut input);
    tree.write("proc/stat", SECOND);
    let got = gather(&mut input);
    assert_eq!(got.len(), 1);
    assert!(got[0].starts_with("cpu,cpu=cpu1 "), "{got:?}");
}

#[test]
fn counters_that_went_back_are_an_error() {
    let tree = Tree::of(&[("proc/stat", SECOND)]);
    let mut input = cpu(&tree, Settings { percpu: false, ..Settings::default() });
    gather(&mut input);
    tree.write("proc/stat", FIRST);
    assert_eq!(gather(&mut input), ["error: compare times of cpu-total: total went back by 1.00 s"]);
    tree.write("proc/stat", SECOND);
    assert_eq!(gather(&mut input).len(), 1);
}

#[test]
fn a_processor_that_comes_back_begins_anew() {
    let tree = Tree::of(&[("proc/stat", FIRST)]);
    let mut input = cpu(&tree, Settings { totalcpu: false, ..Settings::default() });
    gather(&mut input);
    tree.write("proc/stat", "cpu0 101 0 50 300 0 0 0 0\n");
    gather(&mut input);
    tree.write("proc/stat", SECOND);
    assert_eq!(gather(&mut input).iter().filter(|l| l.starts_with("cpu,cpu=cpu1")).count(), 0);
}

#[test]
fn times_and_places_are_given_when_asked_for() {
    let cpuinfo = "processor : 0\nphysical id : 3\ncore id : 4\n\nprocessor : 1\n";
    let tree = Tree::of(&[
        ("proc/stat", FIRST),
        ("proc/cpuinfo", cpuinfo),
        ("sys/devices/system/cpu/cpu1/topology/core_id", "5\n"),
    ]);
    let settings = Settings { collect_cpu_time: true, core_tags: true, report_active: true, ..Settings::default() };
    let got = gather(&mut cpu(&tree, settings));
    assert_eq!(got.len(), 3);
    assert!(got[2].starts_with("cpu,cpu=cpu-total time_active=4,"), "{got:?}");
    assert!(got[0].starts_with("cpu,core_id=4,cpu=cpu0,physical_id=3 time_active=1.5,"), "{got:?}");
    assert!(got[1].starts_with("cpu,core_id=5,cpu=cpu1 time_active=2.5,"), "{got:?}");
}

#[test]
fn a_missing_file_is_an_error() {
    let tree = Tree::empty();
    let got = gather(&mut cpu(&tree, Settings::default()));
    assert_eq!(got.len(), 1);
    assert!(got[0].contains("/proc/stat: ") && got[0].starts_with("error: read "), "{got:?}");
    tree.write("proc/stat", "intr 5\n");
    assert!(gather(&mut cpu(&tree, Settings::default()))[0].ends_with("/proc/stat: no line of a processor"));
}
