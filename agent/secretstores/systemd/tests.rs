//! The store on a folder of its own.

use super::*;

fn store(prefix: &str) -> (Result<Systemd>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { path: folder.path().to_str().unwrap().to_owned(), prefix: prefix.to_owned() };
    (Systemd::new(settings, &Env::new("secretstores.systemd")), folder)
}

#[tokio::test]
async fn the_prefix_is_no_part_of_the_key() {
    let (store, folder) = store("telegraf.");
    let store = store.unwrap();
    std::fs::write(folder.path().join("telegraf.token"), "abc").unwrap();
    std::fs::write(folder.path().join("other.token"), "def").unwrap();
    assert_eq!(store.keys().await.unwrap(), ["token"]);
    assert_eq!(store.get("token").await.unwrap().reveal().unwrap(), "abc");
    for key in ["other.token", "telegraf.token", "", "../x", "x/../token"] {
        assert!(store.get(key).await.is_err(), "{key}");
    }
    assert!(store.set("token", "x").await.is_err() && store.remove("token").await.is_err());
}

#[tokio::test]
async fn without_a_prefix_every_credential_is_a_key() {
    let (plain, folder) = store("");
    std::fs::write(folder.path().join("a.b"), "1").unwrap();
    assert_eq!(plain.unwrap().get("a.b").await.unwrap().reveal().unwrap(), "1");
    assert!(store("a/").0.is_err());
}
