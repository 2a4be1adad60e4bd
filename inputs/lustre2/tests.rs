//! Files of every form, in trees of their own.

use super::*;
use crate::host::testing::{Tree, gather, noise};

fn lustre(tree: &Tree, own: impl FnOnce(&mut Settings)) -> Vec<String> {
    let mut settings = Settings::default();
    own(&mut settings);
    gather(&mut Lustre2::new(settings, &tree.env()).unwrap())
}

const STATS: &str = "snapshot_time             1438693064.430544 secs.usecs\n\
    read_bytes                203 samples [bytes] 1 1048576 78026\nwrite_bytes   76 samples [bytes] 1 1048576 1520\n\
    get_info                  15 samples [reqs]\ncache_hit  7 samples [pages] 1 3 9\n";
const JOBS: &str = "job_stats:\n- job_id:          build-7\n  snapshot_time:   1461772761\n\
    \x20 read_bytes:      { samples: 1, unit: bytes, min: 4096, max: 4097, sum: 4098 }\n\
    \x20 punch:           { samples: 2, unit:  reqs }\n- job_id: \"b 8\"\n  statfs:  { samples:           3, unit: reqs }\n";
const BRW: &str = "snapshot_time:         1589909588.327213269 (secs.nsecs)\n\
    \x20                          read      |     write\n\
    pages per bulk r/w     rpcs  % cum % |  rpcs        % cum %\n\
    1:                     100   60  60   | 7   50  50\n\n\
    own table              ios   % cum % |  ios\n1:  1 2 3 | 4 5 6\n\
    disk I/O size          ios   % cum % |  ios         % cum %\n4K:  11  73  73   | 5 100 100\n";

#[test]
fn an_object_server() {
    let tree = Tree::of(&[
        ("proc/fs/lustre/obdfilter/own-OST0001/stats", STATS),
        ("proc/fs/lustre/obdfilter/own-OST0001/job_stats", JOBS),
        ("proc/fs/lustre/osd-ldiskfs/own-OST0001/brw_stats", BRW),
        ("sys/fs/lustre/obdfilter/own-OST0001/eviction_count", "6\n"),
        ("sys/fs/lustre/health_check", "healthy\n"),
    ]);
    assert_eq!(
        lustre(&tree, |_| {}),
        [
            "lustre2 health=1u",
            "lustre2,brw_section=disk_io_size,bucket=4K,name=own-OST0001 read_ios=11u,read_percent=73u,write_ios=5u,\
             write_percent=100u",
            "lustre2,brw_section=pages_per_bulk_rw,bucket=1,name=own-OST0001 read_ios=100u,read_percent=60u,write_ios=7u,\
             write_percent=50u",
            "lustre2,jobid=b 8,name=own-OST0001 jobstats_ost_statfs=3u",
            "lustre2,jobid=build-7,name=own-OST0001 jobstats_punch=2u,jobstats_read_bytes=4098u,jobstats_read_calls=1u,\
             jobstats_read_max_size=4097u,jobstats_read_min_size=4096u",
            "lustre2,name=own-OST0001 cache_hit=7u,cache_hit_pages=9u,cache_hit_samples=7u,evictions=6u,read_bytes=78026u,read_calls=203u,write_bytes=1520u,\
             write_calls=76u",
        ]
    );
}

#[test]
fn metadata_and_clients() {
    let tree = Tree::of(&[
        ("proc/fs/lustre/health_check", "NOT HEALTHY\n"),
        ("proc/fs/lustre/mdt/own-MDT0000/exports/10.0.0.1@tcp/stats", "open 4 samples [reqs]\n"),
        ("proc/fs/lustre/mdt/own-MDT0000/job_stats", "- job_id: 7\n  open: { samples: 5, unit: reqs }\n"),
    ]);
    let files = ["/proc/fs/lustre/mdt/*/exports/*/stats", "/proc/fs/lustre/mdt/*/job_stats"].map(str::to_owned);
    assert_eq!(
        lustre(&tree, |s| s.mds_procfiles = files.to_vec()),
        [
            "lustre2 health=0u",
            "lustre2,client=10.0.0.1@tcp,name=own-MDT0000 open=4u",
            "lustre2,jobid=7,name=own-MDT0000 jobstats_open=5u",
        ]
    );
}

#[test]
fn a_bad_file_costs_no_other() {
    let tree = Tree::of(&[
        ("proc/fs/lustre/obdfilter/a/stats", "read_bytes many\n"),
        ("proc/fs/lustre/obdfilter/b/stats", "cache_hit 1\n"),
    ]);
    let got = lustre(&tree, |_| {});
    assert_eq!(got[0], "lustre2,name=b cache_hit=1u,cache_hit_samples=1u");
    assert!(got[1].contains("obdfilter/a/stats"), "{got:?}");
    let settings = Settings { mgs_procfiles: vec!["own/*/stats".to_owned()], ..Settings::default() };
    assert!(Lustre2::new(settings, &tree.env()).is_err());
}

#[test]
fn takes_anything() {
    for (sample, sort) in [(STATS, Sort::Ost), (JOBS, Sort::OstJobs), (BRW, Sort::Brw), ("6\n", Sort::Evictions)] {
        noise(sample.as_bytes(), |text| {
            let _any = stats::read(text, sort, &Subject::default(), &mut Found::new());
        });
    }
}
