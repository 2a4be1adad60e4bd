//! The store on a folder of its own.

use super::*;

fn store(name: &str, prefix: &str) -> (Result<Systemd>, PathBuf) {
    let path = std::env::temp_dir().join(format!("agent-credentials-{}-{name}", std::process::id()));
    let _absent = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    let settings = Settings { path: path.to_str().unwrap().to_owned(), prefix: prefix.to_owned() };
    (Systemd::new(settings, &Env::new("secretstores.systemd")), path)
}

#[tokio::test]
async fn the_prefix_is_no_part_of_the_key() {
    let (store, path) = store("prefix", "telegraf.");
    let store = store.unwrap();
    std::fs::write(path.join("telegraf.token"), "abc").unwrap();
    std::fs::write(path.join("other.token"), "def").unwrap();
    assert_eq!(store.keys().await.unwrap(), ["token"]);
    assert_eq!(store.get("token").await.unwrap().reveal().unwrap(), "abc");
    for key in ["other.token", "telegraf.token", "", "../x", "x/../token"] {
        assert!(store.get(key).await.is_err(), "{key}");
    }
    assert!(store.set("token", "x").await.is_err() && store.remove("token").await.is_err());
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn without_a_prefix_every_credential_is_a_key() {
    let (store_, path) = store("plain", "");
    std::fs::write(path.join("a.b"), "1").unwrap();
    assert_eq!(store_.unwrap().get("a.b").await.unwrap().reveal().unwrap(), "1");
    let (refused, empty) = store("slash", "a/");
    assert!(refused.is_err());
    for folder in [path, empty] {
        std::fs::remove_dir_all(folder).unwrap();
    }
}
