//! The output on files of its own.

use super::*;
use crate::testing::{env, metrics};
use std::path::Path;
use tempfile::TempDir;

/// A folder that is removed when dropped.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap()
    }
    fn names(&self) -> usize {
        std::fs::read_dir(self.0.path()).unwrap().count()
    }
}

fn build(files: Vec<String>, own: impl FnOnce(&mut Settings)) -> Result<File> {
    let mut settings = Settings { files, ..Settings::default() };
    own(&mut settings);
    let env = env("outputs.file");
    File::new(settings, &env)
}

async fn output(files: Vec<String>, own: impl FnOnce(&mut Settings)) -> File {
    let mut output = build(files, own).unwrap();
    output.open().await.map_err(|e| e.to_string()).unwrap();
    output
}

#[tokio::test]
async fn every_file_gets_everything_and_what_was_there_stays() {
    let folder = Folder::new();
    std::fs::write(folder.path("a"), "old\n").unwrap();
    let mut output = output(vec![folder.path("a"), folder.path("b")], |_| {}).await;
    output.write(&metrics(&["x", "y"])).await.unwrap();
    output.write(&metrics(&["z"])).await.unwrap();
    assert_eq!((folder.read("a").as_str(), folder.read("b").as_str()), ("old\nx\ny\nz\n", "x\ny\nz\n"));
}

#[tokio::test]
async fn what_cannot_be_serialized_is_rejected() {
    let folder = Folder::new();
    let chunk = metrics(&["x", "bad", "y"]);
    let mut one = output(vec![folder.path("one")], |_| {}).await;
    assert!(matches!(one.write(&chunk).await, Err(WriteError::Reject { indices, .. }) if indices == [1]));
    assert_eq!(folder.read("one"), "x\ny\n");
    let mut all = output(vec![folder.path("all")], |s| s.use_batch_format = true).await;
    assert!(matches!(all.write(&chunk).await, Err(WriteError::Reject { indices, .. }) if indices == [0, 1, 2]));
    assert_eq!(folder.read("all"), "");
}

#[tokio::test]
async fn files_end_between_documents() {
    let folder = Folder::new();
    let own = |s: &mut Settings| (s.rotation_max_size, s.rotation_max_archives) = (Size(3), -1);
    let mut output = output(vec![folder.path("a.txt")], own).await;
    output.write(&metrics(&["x", "y", "z"])).await.unwrap();
    assert_eq!(folder.read("a.txt"), "z\n");
    assert_eq!(folder.names(), 2);
}

#[tokio::test]
async fn packed_writes_in_a_row_are_one_file() {
    use agent_net::coding::Coding;
    for (algorithm, coding) in [("gzip", Coding::Gzip), ("zstd", Coding::Zstd)] {
        let folder = Folder::new();
        let mut output = output(vec![folder.path("a")], |s| s.compression_algorithm = algorithm.to_owned()).await;
        output.write(&metrics(&["x"])).await.unwrap();
        output.write(&metrics(&["y"])).await.unwrap();
        let packed = std::fs::read(Path::new(&folder.path("a"))).unwrap();
        assert_eq!(coding.decode(&packed, 100).unwrap(), b"x\ny\n", "{algorithm}");
    }
}

#[tokio::test]
async fn what_cannot_be_opened_or_packed_is_said() {
    let folder = Folder::new();
    let mut output = build(vec![folder.path("none/a")], |_| {}).unwrap();
    assert!(output.open().await.unwrap_err().to_string().contains("none/a"));
    for (algorithm, level) in [("own", -1), ("zstd", 5), ("gzip", 2)] {
        let refused = build(Vec::new(), |s| {
            (s.compression_algorithm, s.compression_level) = (algorithm.to_owned(), level);
        });
        assert!(refused.is_err(), "{algorithm} {level}");
    }
}
