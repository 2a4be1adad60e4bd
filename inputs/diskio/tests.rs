//! The plugin over a host made of files.

use super::*;
use crate::host::testing::{Tree, gather};

const STATS: &str = "   8       0 sda 10 1 100 30 20 2 200 70 3 40 90\n   8       1 sda1 5 0 8 1 0 0 0 0 0 1 1\n\
                     253       0 dm-0 33 0 264 9 44 0 352 20 0 21 29\n   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n";

fn tree() -> Tree {
    Tree::of(&[
        ("proc/diskstats", STATS),
        ("dev/sda", ""),
        ("dev/sda1", ""),
        ("dev/dm-0", ""),
        ("dev/.udev/db/block:sda", "S:disk/by-id/own-sda\nE:ID_SERIAL=SER 1/a\nE:ID_MODEL=Own\n"),
        ("dev/.udev/db/block:dm-0", "E:DM_VG_NAME=vg\nE:DM_LV_NAME=root\n"),
        ("sys/block/sda/wwid", "naa.5000\n"),
        ("sys/class/block/sda/uevent", "DEVTYPE=disk\n"),
    ])
}

/// The metrics without their fields.
fn tags(tree: &Tree, settings: Settings) -> Vec<String> {
    let mut lines = gather(&mut Diskio::new(settings, &tree.env()).unwrap());
    lines.iter_mut().for_each(|l| l.truncate(l.find(" io_time=").unwrap_or(l.len())));
    lines
}

fn list(items: &[&str]) -> Vec<String> {
    items.iter().map(|i| (*i).to_owned()).collect()
}

#[test]
fn devices_that_were_used_are_reported() {
    let tree = tree();
    let got = gather(&mut Diskio::new(Settings::default(), &tree.env()).unwrap());
    assert_eq!(got.len(), 3);
    assert_eq!(
        got[1],
        "diskio,name=sda,wwid=naa.5000 io_time=40u,iops_in_progress=3u,merged_reads=1u,merged_writes=2u,read_bytes=51200u,\
         read_time=30u,reads=10u,weighted_io_time=90u,write_bytes=102400u,write_time=70u,writes=20u"
    );
}

#[test]
fn averages_come_with_the_second_gathering() {
    let tree = tree();
    let mut input = Diskio::new(Settings { devices: list(&["sda"]), ..Settings::default() }, &tree.env()).unwrap();
    assert!(!gather(&mut input)[0].contains("io_await"));
    tree.write("proc/diskstats", "8 0 sda 11 1 100 34 20 2 200 70 3 42 90\n");
    let got = gather(&mut input);
    assert!(got[0].contains("io_await=4,io_svctm=2,"), "{got:?}");
}

#[test]
fn devices_are_chosen_by_name_pattern_or_link() {
    let tree = tree();
    let chosen = |devices: &[&str]| tags(&tree, Settings { devices: list(devices), ..Settings::default() });
    assert_eq!(chosen(&["sda1", "loop0"]), ["diskio,name=sda1"]);
    assert_eq!(chosen(&["/dev/sda"]), ["diskio,name=sda,wwid=naa.5000"]);
    assert_eq!(chosen(&["sda?"]), ["diskio,name=sda1"]);
    assert_eq!(chosen(&["disk/by-id/own-*"]), ["diskio,name=sda,wwid=naa.5000"]);
}

#[cfg(unix)]
#[test]
fn links_lead_to_their_device() {
    let tree = tree();
    tree.write("dev/disk/by-label/keep", "");
    std::os::unix::fs::symlink("../../sda1", tree.path().join("dev/disk/by-label/boot")).unwrap();
    let devices = list(&["/dev/disk/by-label/boot"]);
    assert_eq!(tags(&tree, Settings { devices, ..Settings::default() }), ["diskio,name=sda1"]);
}

#[test]
fn names_and_tags_come_from_udev() {
    let settings = Settings {
        device_tags: list(&["ID_MODEL", "DEVTYPE", "NONE"]),
        name_templates: list(&["$NONE", "${DM_VG_NAME}/$DM_LV_NAME", "$ID_MODEL!"]),
        ..Settings::default()
    };
    assert_eq!(
        tags(&tree(), settings),
        ["diskio,DEVTYPE=disk,ID_MODEL=Own,name=Own!,wwid=naa.5000", "diskio,name=sda1", "diskio,name=vg/root"]
    );
}

#[test]
fn serial_numbers_are_udevs_or_the_kernels() {
    let tree = tree();
    let serial = |tree: &Tree| {
        tags(tree, Settings { devices: list(&["sda1"]), skip_serial_number: false, ..Settings::default() })
    };
    assert_eq!(serial(&tree), ["diskio,name=sda1,serial=unknown"]);
    tree.write("sys/dev/block/0:0/device/model", "Own  \n");
    tree.write("sys/dev/block/0:0/device/serial", "S1\n");
    assert_eq!(serial(&tree), ["diskio,name=sda1,serial=Own_S1"]);
    tree.write("run/udev/data/b0:0", "E:ID_SERIAL=Own_S2\n");
    assert_eq!(serial(&tree), ["diskio,name=sda1,serial=Own_S2"]);
}

#[test]
fn templates_keep_what_is_no_property() {
    let udev = Tree::of(&[("dev/x", ""), ("dev/.udev/db/block:x", "E:A=1\n")]);
    let mut known = Udev::new(&udev.env().host);
    let properties = known.properties("x", &mut Reader::new(), &udev.env().log).unwrap();
    for (template, want) in [("a$", "a$"), ("$ $A", "$ 1"), ("${A}${A", "1${A"), ("${}", "${}"), ("$A-$A", "1-1")] {
        assert_eq!(fill_in(template, properties).as_deref(), Some(want));
    }
    assert_eq!(fill_in("$A_", properties), None);
}

#[test]
fn a_missing_file_is_an_error() {
    let got = tags(&Tree::empty(), Settings::default());
    assert!(got[0].starts_with("error: read ") && got[0].contains("/proc/diskstats: "), "{got:?}");
}

#[test]
fn drives_of_windows_are_reported_unless_none_counts() {
    use crate::host::testing::lines;
    let plugin = |settings| Diskio::new(settings, &Tree::empty().env()).unwrap();
    let busy =
        Traffic { reads: 4, writes: 2, read_bytes: 40, write_bytes: 20, read_time: 9, write_time: 3, in_progress: 1 };
    let later = Traffic { reads: 6, read_time: 19, ..busy };
    let refused = || Err(std::io::Error::from_raw_os_error(1));
    let all = |c, d| vec![("C:".to_owned(), c), ("D:".to_owned(), d)];
    let (mut input, mut out) = (plugin(Settings::default()), Collector::new());
    input.drives(all(Ok(busy), refused()), &mut out).unwrap();
    input.drives(all(Ok(later), refused()), &mut out).unwrap();
    assert_eq!(
        lines(&mut out),
        [
            "diskio,name=C: io_await=5,iops_in_progress=1u,read_bytes=40u,read_time=19u,reads=6u,write_bytes=20u,write_time=3u,writes=2u",
            "diskio,name=C: iops_in_progress=1u,read_bytes=40u,read_time=9u,reads=4u,write_bytes=20u,write_time=3u,writes=2u",
        ]
    );
    let named = Settings { devices: list(&["D:"]), skip_serial_number: false, ..Settings::default() };
    let (mut input, mut out) = (plugin(named), Collector::new());
    let error = input.drives(all(Ok(busy), refused()), &mut out).unwrap_err();
    assert!(format!("{error:#}").starts_with("ask drive D: for its counters: "), "{error:#}");
    input.drives(all(refused(), Ok(busy)), &mut out).unwrap();
    assert!(lines(&mut out)[0].starts_with("diskio,name=D:,serial=unknown "));
}
