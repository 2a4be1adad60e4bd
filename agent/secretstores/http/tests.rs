//! The store against a scripted server.

use super::*;
use agent_net::testing::{Reply, Stub};
use serde_json::{Value, json};

fn store(stub: &Stub, settings: Value) -> Result<Http> {
    let mut all = json!({ "url": stub.url("/secrets") });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    Http::new(
        With { own: serde_json::from_value(all).unwrap(), shared: HttpSettings::default() },
        &Env::new("secretstores.http"),
    )
}

#[tokio::test]
async fn the_document_is_read_once() {
    let stub = Stub::list(vec![Reply::new(200, r#"{"b":"2","a":"1"}"#), Reply::new(500, "")]).await;
    let settings = json!({ "token": "t", "headers": { "X-Special": "s" } });
    let store = store(&stub, settings).unwrap();
    assert_eq!(store.keys().await.unwrap(), ["a", "b"]);
    assert_eq!(store.get("a").await.unwrap().reveal().unwrap(), "1");
    assert!(format!("{:#}", store.get("c").await.unwrap_err()).contains("\"c\""));
    let seen = stub.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].header("authorization"), seen[0].header("x-special")), (Some("Bearer t"), Some("s")));
    assert!(store.set("a", "b").await.is_err() && store.remove("a").await.is_err());
}

#[tokio::test]
async fn a_failed_reading_is_tried_again_and_quotes_no_secret() {
    let stub = Stub::list(vec![
        Reply::new(503, "away"),
        Reply::new(200, r#"{"a":"hush"#),
        Reply::new(200, r#"{"a":["hush"]}"#),
        Reply::new(200, r#"{"a":"hush"}"#),
    ])
    .await;
    let store = store(&stub, json!({ "username": "u", "password": "p" })).unwrap();
    for expected in ["503", "JSON", "JSON"] {
        let error = format!("{:#}", store.get("a").await.unwrap_err());
        assert!(error.contains(expected) && !error.contains("hush"), "{error}");
    }
    assert_eq!(store.get("a").await.unwrap().reveal().unwrap(), "hush");
    assert_eq!(stub.seen()[3].header("authorization"), Some("Basic dTpw"));
}

#[tokio::test]
async fn transformed_and_encrypted() {
    let document = r#"{"secrets":[{"name":"x","value":"WWW"}]}"#;
    let key = json!({ "key": "2b7e151628aed2a6abf7158809cf4f3c", "init_vector": "000102030405060708090a0b0c0d0e0f" });
    // The stream of AES-128 in CTR mode for this key and vector begins with 50 fe 67 cc.
    let packed = base64::engine::general_purpose::STANDARD.encode([0x50 ^ b'h', 0xfe ^ b'i', 0x67 ^ b'!']);
    let stub = Stub::list(vec![Reply::new(200, document.replace("WWW", &packed))]).await;
    let settings =
        json!({ "transformation": "{secrets[0].name: secrets[0].value}", "cipher": "AES128/CTR", "aes": key });
    let store = store(&stub, settings).unwrap();
    assert_eq!(store.get("x").await.unwrap().reveal().unwrap(), "hi!");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let stub = Stub::list(vec![Reply::new(200, "{}")]).await;
    let error = |settings| format!("{:#}", store(&stub, settings).err().unwrap());
    assert!(error(json!({ "url": "" })).contains("url"));
    assert!(error(json!({ "token": "a", "bearer_token": "b" })).contains("bearer_token"));
    assert!(error(json!({ "transformation": "(" })).contains("transformation"));
    assert!(error(json!({ "cipher": "ROT13" })).contains("ROT13"));
}
