//! The store against a scripted token server.

use super::*;
use agent_net::testing::{Reply, Stub};
use serde_json::{Value, json};

fn store(settings: Value) -> Result<OAuth2> {
    OAuth2::new(
        With { own: serde_json::from_value(settings).unwrap(), shared: HttpSettings::default() },
        &Env::new("secretstores.oauth2"),
    )
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_its_end() {
    let stub = Stub::list(vec![
        Reply::new(200, r#"{"access_token":"one","expires_in":3600}"#),
        Reply::new(200, r#"{"access_token":"two","expires_in":"1"}"#),
        Reply::new(200, r#"{"access_token":"three"}"#),
        Reply::new(401, "no"),
    ])
    .await;
    let token = |key: &str| json!({ "key": key, "client_id": "i d", "client_secret": "s&", "scopes": ["a", "b"], "parameters": { "audience": "x" } });
    let store =
        store(json!({ "token_endpoint": stub.url("/token"), "token": [token("a"), token("b"), token("c")] })).unwrap();
    let get = async |key: &str| store.get(key).await.map(|secret| secret.reveal().unwrap());
    assert_eq!(get("a").await.unwrap(), "one");
    assert_eq!(get("a").await.unwrap(), "one");
    let form = "grant_type=client_credentials&client_id=i+d&client_secret=s%26&scope=a+b&audience=x";
    assert_eq!(stub.seen()[0].text(), form);
    // It ends within the margin, so it is good for one use.
    assert_eq!(get("b").await.unwrap(), "two");
    assert_eq!(get("b").await.unwrap(), "three");
    assert_eq!(get("b").await.unwrap(), "three");
    let error = format!("{:#}", get("c").await.unwrap_err());
    assert!(error.contains("401") && error.contains("\"c\""), "{error}");
    assert!(get("d").await.is_err() && store.dynamic());
    assert_eq!(store.keys().await.unwrap(), ["a", "b", "c"]);
    assert!(store.set("a", "b").await.is_err() && store.remove("a").await.is_err());
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let token = json!({ "key": "k", "client_id": "i", "client_secret": "s" });
    let error = |settings| format!("{:#}", store(settings).err().unwrap());
    assert!(error(json!({ "token": [token] })).contains("token_endpoint"));
    assert!(error(json!({ "service": "AzureAD", "token": [token] })).contains("tenant_id"));
    assert!(error(json!({ "service": "x", "token_endpoint": "http://h/", "token": [token] })).contains("\"x\""));
    assert!(error(json!({ "token_endpoint": "http://h/" })).contains("token"));
    assert!(error(json!({ "token_endpoint": "http://h/", "token": [token, token] })).contains("two tokens"));
    assert!(error(json!({ "token_endpoint": "http://h/", "token": [{ "key": "k" }] })).contains("client_id"));
    let auth0 = json!({ "service": "auth0", "token_endpoint": "http://h/", "token": [token] });
    assert!(error(auth0).contains("audience"));
    let azure = store(json!({ "service": "AzureAD", "tenant_id": "t", "token": [token] })).unwrap();
    assert_eq!(azure.endpoint.as_str(), "https://login.microsoftonline.com/t/oauth2/v2.0/token");
}
