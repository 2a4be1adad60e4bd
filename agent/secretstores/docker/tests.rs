//! The store on folders of its own.

use super::*;
use crate::folder::MOST;

fn store() -> (Docker, tempfile::TempDir) {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path();
    std::fs::create_dir(path.join("folder")).unwrap();
    let settings = Settings { path: path.to_str().unwrap().to_owned(), ..Settings::default() };
    (Docker::new(settings, &Env::new("secretstores.docker")).unwrap(), temporary)
}

#[tokio::test]
async fn files_are_secrets_as_they_are() {
    let (store, temporary) = store();
    let path = temporary.path();
    std::fs::write(path.join("b"), "x y\n").unwrap();
    std::fs::write(path.join("a"), "").unwrap();
    assert_eq!(store.keys().await.unwrap(), ["a", "b"]);
    assert_eq!(store.get("b").await.unwrap().reveal().unwrap(), "x y\n");
    std::fs::write(path.join("b"), "new").unwrap();
    assert_eq!(store.get("b").await.unwrap().reveal().unwrap(), "new");
    assert!(format!("{:#}", store.get("gone").await.unwrap_err()).contains("\"gone\""));
}

#[tokio::test]
async fn a_key_reaches_no_file_elsewhere() {
    let (store, temporary) = store();
    std::fs::write(temporary.path().join("folder/secret"), "x").unwrap();
    let above = format!("../{}", temporary.path().file_name().unwrap().display());
    for key in [above.as_str(), "folder/secret", "/etc/passwd", "..", ".", "", "folder"] {
        assert!(store.get(key).await.is_err(), "{key}");
    }
}

#[tokio::test]
async fn it_can_only_be_read_and_has_a_bound() {
    let (store, temporary) = store();
    std::fs::write(temporary.path().join("large"), vec![b'x'; MOST as usize + 1]).unwrap();
    assert!(format!("{:#}", store.get("large").await.unwrap_err()).contains("larger than"));
    assert!(store.set("a", "b").await.is_err() && store.remove("large").await.is_err());
}
