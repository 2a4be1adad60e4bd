//! The store on a keyring of its own.

use super::*;

#[tokio::test]
async fn what_is_set_can_be_read_listed_and_removed() {
    let keyring = format!("agent-test-{}", std::process::id());
    let store =
        Os::new(Settings { keyring: keyring.clone(), ..Settings::default() }, &Env::new("secretstores.os")).unwrap();
    let missing = format!("{:#}", store.get("token").await.unwrap_err());
    assert!(missing.contains("\"token\"") && missing.contains(&keyring), "{missing}");
    store.set("token", "abc").await.unwrap();
    store.set("other", "x").await.unwrap();
    store.set("token", "def").await.unwrap();
    assert_eq!(store.get("token").await.unwrap().reveal().unwrap(), "def");
    assert_eq!(store.keys().await.unwrap(), ["other", "token"]);
    store.remove("token").await.unwrap();
    assert!(store.get("token").await.is_err() && store.remove("token").await.is_err());
    assert_eq!(store.keys().await.unwrap(), ["other"]);
    assert!(store.set("empty", "").await.is_err() && store.set("", "x").await.is_err());
    let ring = store.keys.find().unwrap();
    linux::user().unwrap().unlink_keyring(&ring).unwrap();
}
