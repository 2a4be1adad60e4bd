//! The plugin over folders of its own.

use super::*;
use crate::host::testing::{Tree, gather};

fn tree() -> Tree {
    Tree::of(&[("t/a.log", "12345"), ("t/b.txt", ""), ("t/s/c.log", "123"), ("t/s/d/e.log", "1234567890")])
}

/// The metrics, with paths below the tree and without times.
fn filecount(tree: &Tree, folder: &str, settings: Settings) -> Vec<String> {
    let directories = vec![tree.path().join(folder).to_string_lossy().into_owned()];
    let lines = gather(&mut Filecount::new(Settings { directories, ..settings }, &tree.env()).unwrap());
    let root = format!("{}/", tree.path().display());
    let short = |line: String| {
        let line = line.replace(&root, "");
        let parts = line.split(',').filter(|p| !p.contains("_timestamp="));
        parts.collect::<Vec<_>>().join(",")
    };
    lines.into_iter().map(short).collect()
}

fn usual() -> Settings {
    Settings::default()
}

#[test]
fn folders_are_counted_with_those_below() {
    let tree = tree();
    assert_eq!(filecount(&tree, "t", usual()), ["filecount,directory=t count=4i,size_bytes=18i"]);
    let flat = Settings { recursive: false, ..usual() };
    assert_eq!(filecount(&tree, "t", flat), ["filecount,directory=t count=2i,size_bytes=5i"]);
    assert_eq!(filecount(&tree, "t/*", usual()), ["filecount,directory=t/s count=2i,size_bytes=13i"]);
    assert_eq!(
        filecount(&tree, "t/**", usual()),
        ["filecount,directory=t/s count=2i,size_bytes=13i", "filecount,directory=t/s/d count=1i,size_bytes=10i"]
    );
    assert_eq!(filecount(&tree, "none", usual()), [""; 0]);
}

#[test]
fn a_folder_that_takes_too_long_has_no_count() {
    let tree = tree();
    let input = Filecount::new(usual(), &tree.env()).unwrap();
    let count = |end| count::files(tree.path(), &input.conditions, SystemTime::now(), end);
    assert_eq!(count(Some(Instant::now())), None);
    assert_eq!(count(Some(Instant::now() + std::time::Duration::from_secs(600))).map(|c| c.files), Some(4));
}

#[test]
fn files_must_fulfil_the_conditions() {
    let tree = tree();
    let count = |settings| filecount(&tree, "t", settings).concat();
    assert_eq!(
        count(Settings { name: "*.log".to_owned(), ..usual() }),
        "filecount,directory=t count=3i,size_bytes=18i"
    );
    assert_eq!(count(Settings { size: Amount::Whole(5), ..usual() }), "filecount,directory=t count=2i,size_bytes=15i");
    assert_eq!(count(Settings { size: Amount::Whole(-5), ..usual() }), "filecount,directory=t count=2i,size_bytes=3i");
    let text = |text: &str| Amount::Text(text.to_owned());
    assert_eq!(count(Settings { size: text("-1KiB"), ..usual() }), "filecount,directory=t count=4i,size_bytes=18i");
    assert_eq!(count(Settings { mtime: text("1h"), ..usual() }), "filecount,directory=t count=0i,size_bytes=0i");
    assert_eq!(count(Settings { mtime: text("-1h"), ..usual() }), "filecount,directory=t count=4i,size_bytes=18i");
    assert!(count(Settings { regular_only: false, ..usual() }).starts_with("filecount,directory=t count=6i"));
}

#[cfg(unix)]
#[test]
fn links_are_followed_when_asked_for() {
    let tree = tree();
    std::os::unix::fs::symlink("a.log", tree.path().join("t/link")).unwrap();
    std::os::unix::fs::symlink("..", tree.path().join("t/s/up")).unwrap();
    assert_eq!(filecount(&tree, "t", usual()), ["filecount,directory=t count=4i,size_bytes=18i"]);
    let followed = filecount(&tree, "t", Settings { follow_symlinks: true, recursive: false, ..usual() });
    assert_eq!(followed, ["filecount,directory=t count=3i,size_bytes=10i"]);
}

#[test]
fn settings_without_sense_are_refused() {
    let refused = |settings| format!("{:#}", Filecount::new(settings, &Tree::empty().env()).err().unwrap());
    assert!(refused(Settings { size: Amount::Text("big".to_owned()), ..usual() }).starts_with("size: "));
    assert!(refused(Settings { mtime: Amount::Text("old".to_owned()), ..usual() }).starts_with("mtime: "));
}
