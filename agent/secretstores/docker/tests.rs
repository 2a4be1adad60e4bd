//! The store on folders of its own.

use super::*;
use crate::folder::MOST;

fn store(name: &str) -> (Docker, PathBuf) {
    let path = std::env::temp_dir().join(format!("agent-secrets-{}-{name}", std::process::id()));
    let _absent = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(path.join("folder")).unwrap();
    let settings = Settings { path: path.to_str().unwrap().to_owned(), ..Settings::default() };
    (Docker::new(settings, &Env::new("secretstores.docker")).unwrap(), path)
}

#[tokio::test]
async fn files_are_secrets_as_they_are() {
    let (store, path) = store("files");
    std::fs::write(path.join("b"), "x y\n").unwrap();
    std::fs::write(path.join("a"), "").unwrap();
    assert_eq!(store.keys().await.unwrap(), ["a", "b"]);
    assert_eq!(store.get("b").await.unwrap().reveal().unwrap(), "x y\n");
    std::fs::write(path.join("b"), "new").unwrap();
    assert_eq!(store.get("b").await.unwrap().reveal().unwrap(), "new");
    assert!(format!("{:#}", store.get("gone").await.unwrap_err()).contains("\"gone\""));
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn a_key_reaches_no_file_elsewhere() {
    let (store, path) = store("inside");
    std::fs::write(path.join("folder/secret"), "x").unwrap();
    for key in ["../inside", "folder/secret", "/etc/passwd", "..", ".", "", "folder"] {
        assert!(store.get(key).await.is_err(), "{key}");
    }
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn it_can_only_be_read_and_has_a_bound() {
    let (store, path) = store("bound");
    std::fs::write(path.join("large"), vec![b'x'; MOST as usize + 1]).unwrap();
    assert!(format!("{:#}", store.get("large").await.unwrap_err()).contains("larger than"));
    assert!(store.set("a", "b").await.is_err() && store.remove("large").await.is_err());
    std::fs::remove_dir_all(path).unwrap();
}
