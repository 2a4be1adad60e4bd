//! The store against a scripted server.

use super::*;
use agent_net::testing::{Reply, Seen, Stub};

fn store(stub: &Stub, settings: Value) -> Result<Vault> {
    let mut all = json!({ "address": stub.url(""), "mount_path": "secret", "secret_path": "app/db" });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    Vault::new(
        With { own: serde_json::from_value(all).unwrap(), shared: HttpSettings::default() },
        &Env::new("secretstores.vault"),
    )
}

fn answer(seen: &Seen) -> Reply {
    let ok = |body: Value| Reply::new(200, body.to_string());
    match seen.line.as_str() {
        "POST /v1/auth/approle/login" if seen.text().contains("\"real\"") => {
            ok(json!({ "auth": { "client_token": "t1", "lease_duration": 3600 } }))
        }
        "POST /v1/auth/userpass/login/anna" => ok(json!({ "auth": { "client_token": "t1", "lease_duration": 0 } })),
        "POST /v1/auth/kubernetes/login"
            if serde_json::from_str::<Value>(&seen.text()).unwrap() == json!({ "jwt": "j.w.t", "role": "pod" }) =>
        {
            ok(json!({ "auth": { "client_token": "t1" } }))
        }
        "POST /v1/sys/wrapping/unwrap" if seen.header("x-vault-token") == Some("wrapped") => {
            ok(json!({ "data": { "secret_id": "real" } }))
        }
        "GET /v1/secret/data/app/db" if seen.header("x-vault-token") == Some("t1") => {
            ok(json!({ "data": { "data": { "user": "u", "password": "p", "port": 5432 }, "metadata": {} } }))
        }
        "GET /v1/secret/app/db" => ok(json!({ "data": { "user": "v1" } })),
        _ => Reply::new(403, json!({ "errors": ["permission denied"] }).to_string()),
    }
}

#[tokio::test]
async fn fields_are_read_after_one_login() {
    let stub = Stub::new(answer).await;
    let vault = store(&stub, json!({ "approle": { "role_id": "r", "secret": "real" } })).unwrap();
    assert_eq!(vault.get("password").await.unwrap().reveal().unwrap(), "p");
    assert_eq!(vault.keys().await.unwrap(), ["password", "port", "user"]);
    assert_eq!(stub.lines().iter().filter(|line| line.contains("login")).count(), 1);
    assert!(vault.get("port").await.unwrap_err().to_string().contains("no text"));
    assert!(vault.get("gone").await.unwrap_err().to_string().contains("no such field"));
    assert!(vault.set("a", "b").await.is_err() && vault.remove("a").await.is_err());
}

#[tokio::test]
async fn every_way_to_log_in() {
    let stub = Stub::new(answer).await;
    for login in [
        json!({ "approle": { "role_id": "r", "secret": "wrapped", "response_wrapped": true } }),
        json!({ "approle": { "role_id": "r", "secret_id": "real" } }),
        json!({ "userpass": { "username": "anna", "password": "x" } }),
        json!({ "kubernetes": { "role_name": "pod", "service_account_token": "j.w.t\n" } }),
    ] {
        let vault = store(&stub, login.clone()).unwrap();
        assert_eq!(vault.get("user").await.unwrap().reveal().unwrap(), "u", "{login}");
    }
    let first = json!({ "engine": "kv-v1", "userpass": { "username": "anna", "password": "x" } });
    assert_eq!(store(&stub, first).unwrap().get("user").await.unwrap().reveal().unwrap(), "v1");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let stub = Stub::list(vec![
        Reply::new(200, json!({ "auth": { "client_token": "old" } }).to_string()),
        Reply::new(200, json!({ "data": { "data": { "k": "1" } } }).to_string()),
        Reply::new(403, "{}"),
        Reply::new(200, json!({ "auth": { "client_token": "new" } }).to_string()),
        Reply::new(200, json!({ "data": { "data": { "k": "2" } } }).to_string()),
        Reply::new(403, json!({ "errors": ["permission denied"] }).to_string()),
    ])
    .await;
    let vault = store(&stub, json!({ "userpass": { "username": "anna", "password": "x" } })).unwrap();
    assert_eq!(vault.get("k").await.unwrap().reveal().unwrap(), "1");
    assert_eq!(vault.get("k").await.unwrap().reveal().unwrap(), "2");
    let error = format!("{:#}", vault.get("k").await.unwrap_err());
    assert!(error.contains("403") && error.contains("permission denied"), "{error}");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let stub = Stub::new(answer).await;
    let error = |settings| format!("{:#}", store(&stub, settings).err().unwrap());
    let user = json!({ "username": "a", "password": "b" });
    assert!(error(json!({})).contains("exactly one"));
    assert!(error(json!({ "userpass": user, "kubernetes": {} })).contains("here are 2"));
    assert!(error(json!({ "userpass": user, "engine": "kv" })).contains("\"kv\""));
    assert!(error(json!({ "userpass": user, "address": "" })).contains("address"));
    assert!(error(json!({ "userpass": user, "secret_path": "" })).contains("secret_path"));
}
