//! The plugin over a host made of files.

use super::*;
use crate::host::testing::{Tree, gather, noise};

const STAT: &str = "cpu  1 2\nintr 1472 5 6\npage 5 7\nctxt 99\nbtime 1790000000\nprocesses 45678\nsoftirq 1 2\n";

fn kernel(tree: &Tree, collect: &[&str]) -> Kernel {
    let settings = Settings { collect: collect.iter().map(|c| (*c).to_owned()).collect() };
    Kernel::new(settings, &tree.env()).unwrap()
}

#[test]
fn counters_and_entropy_are_one_metric() {
    let tree = Tree::of(&[("proc/stat", STAT), ("proc/sys/kernel/random/entropy_avail", "256\n")]);
    assert_eq!(
        gather(&mut kernel(&tree, &[])),
        ["kernel boot_time=1790000000i,context_switches=99i,disk_pages_in=5i,disk_pages_out=7i,entropy_avail=256i,\
          interrupts=1472i,processes_forked=45678i"]
    );
}

#[test]
fn shared_pages_are_added_where_the_kernel_has_them() {
    let tree = Tree::of(&[("proc/stat", "ctxt 1\n")]);
    let got = gather(&mut kernel(&tree, &["ksm"]));
    assert_eq!(got[0], "kernel context_switches=1i");
    assert!(got[1].ends_with("sys/kernel/mm/ksm: this kernel does not share pages (KSM)"), "{got:?}");
    tree.write("sys/kernel/mm/ksm/run", "1\n");
    tree.write("sys/kernel/mm/ksm/new_file", "1\n");
    assert_eq!(gather(&mut kernel(&tree, &["ksm"])), ["kernel context_switches=1i,ksm_run=1i"]);
    tree.write("sys/kernel/mm/ksm/run", "yes");
    assert!(gather(&mut kernel(&tree, &["ksm"])).last().unwrap().ends_with("ksm/run: invalid number \"yes\""));
}

#[test]
fn pressure_is_two_metrics_a_line() {
    let tree = Tree::of(&[("proc/stat", "ctxt 1\n")]);
    for name in ["cpu", "memory", "io"] {
        let text = "some avg10=1.00 avg60=2.50 avg300=3.00 total=4\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        tree.write(&format!("proc/pressure/{name}"), text);
    }
    let got = gather(&mut kernel(&tree, &["psi"]));
    assert_eq!(got.len(), 11);
    assert!(got.contains(&"pressure,resource=io,type=some avg10=1,avg300=3,avg60=2.5".to_owned()), "{got:?}");
    assert!(got.contains(&"pressure,resource=memory,type=full total=0u".to_owned()), "{got:?}");
}

#[test]
fn what_is_missing_or_broken_is_an_error() {
    let tree = Tree::empty();
    assert!(gather(&mut kernel(&tree, &[]))[0].starts_with("error: read "));
    tree.write("proc/stat", "ctxt x\n");
    assert!(gather(&mut kernel(&tree, &[]))[0].ends_with("/proc/stat: invalid number \"x\" of ctxt"));
    tree.write("proc/stat", "ctxt 1\n");
    assert!(gather(&mut kernel(&tree, &["psi"])).last().unwrap().contains("/proc/pressure/cpu: "));
    let wrong = Kernel::new(Settings { collect: vec!["fans".to_owned()] }, &tree.env()).err().unwrap();
    assert!(wrong.to_string().contains("\"fans\""));
}

#[test]
fn takes_anything() {
    noise(STAT.as_bytes(), |text| {
        if let Ok(found) = counters(text) {
            assert!(found.len() == 6);
        }
    });
}
