//! The store on folders of its own, and on a file that another program wrote.

use super::*;

/// A store whose folder is yet to be made.
fn store(password: &str) -> (Jose, PathBuf, tempfile::TempDir) {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("own");
    (opened(&path, password), path, temporary)
}

fn opened(path: &std::path::Path, password: &str) -> Jose {
    let settings = Settings { path: path.to_str().unwrap().to_owned(), password: Secret::new(password) };
    Jose::new(settings, &Env::new("secretstores.jose")).unwrap()
}

#[tokio::test]
async fn what_is_set_can_be_read_listed_and_removed() {
    let (store, path, _temporary) = store("geheim");
    assert!(store.keys().await.unwrap().is_empty());
    for (key, value) in [("a/b", "one"), ("../100%", "two\n"), ("ä", "")] {
        store.set(key, value).await.unwrap();
        assert_eq!(store.get(key).await.unwrap().reveal().unwrap(), value, "{key}");
    }
    store.set("a/b", "three").await.unwrap();
    assert_eq!(store.get("a/b").await.unwrap().reveal().unwrap(), "three");
    assert_eq!(store.keys().await.unwrap(), ["../100%", "a/b", "ä"]);
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 3, "nothing is left beside, and nothing is elsewhere");
    let error = format!("{:#}", opened(&path, "falsch").get("ä").await.unwrap_err());
    assert!(error.contains("password"), "{error}");
    store.remove("a/b").await.unwrap();
    assert!(store.get("a/b").await.is_err() && store.remove("a/b").await.is_err());
    assert!(store.set("..", "x").await.is_err() && store.get("").await.is_err());
}

#[test]
fn the_password_of_the_command_line_is_for_stores_without_one() {
    let with = |own: &str, given: &str| {
        let mut env = Env::new("secretstores.jose");
        env.agent = std::sync::Arc::new(plugin::AgentInfo { password: Secret::new(given), ..Default::default() });
        let settings = Settings { path: "x".to_owned(), password: Secret::new(own) };
        Jose::new(settings, &env).map(|store| store.password.reveal().unwrap()).map_err(|e| e.to_string())
    };
    assert_eq!(with("", "geheim").as_deref(), Ok("geheim"));
    assert_eq!(with("own", "geheim").as_deref(), Ok("own"));
    assert!(with("", "").unwrap_err().contains("password"));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (store, path, _temporary) = store("geheim");
    store.set("k", "v").await.unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&path.join("k"))), (0o700, 0o600));
}

#[tokio::test]
async fn files_of_other_programs() {
    // Made by the Python package jwcrypto 1.5.
    let text = include_str!("foreign.jwe");
    let (store, path, _temporary) = store("geheim");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join("a%2Fb"), text).unwrap();
    assert_eq!(store.get("a/b").await.unwrap().reveal().unwrap(), "hush ä");
    for at in (0..text.trim().len()).step_by(11) {
        let mut broken = text.trim().as_bytes().to_vec();
        broken[at] = if broken[at] == b'A' { b'B' } else { b'A' };
        std::fs::write(path.join("broken"), &broken).unwrap();
        assert!(store.get("broken").await.is_err(), "changed at {at}");
        std::fs::write(path.join("broken"), &text.as_bytes()[..at]).unwrap();
        assert!(store.get("broken").await.is_err(), "cut at {at}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let error = |path: &str, password: &str| {
        let settings = Settings { path: path.to_owned(), password: Secret::new(password) };
        Jose::new(settings, &Env::new("secretstores.jose")).err().unwrap().to_string()
    };
    assert!(error("", "x").contains("path"));
    assert!(error("x", "").contains("password"));
}
