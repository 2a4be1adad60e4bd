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
        "POST /v1/auth/aws/login" if seen.text().contains("\"pkcs7\":\"MIIabc\"") => ok(json!({ "auth": {
            "client_token": "t1", "metadata": { "nonce": "once" }
        } })),
        "POST /v1/auth/aws/login" if seen.text().contains("\"signature\":\"sig\"") => {
            ok(json!({ "auth": { "client_token": "t1" } }))
        }
        "POST /v1/auth/azure/login"
            if serde_json::from_str::<Value>(&seen.text()).unwrap()
                == json!({
                    "role": "r", "jwt": "a.b.c", "vm_name": "vm", "vmss_name": "", "subscription_id": "s",
                    "resource_group_name": "g"
                }) =>
        {
            ok(json!({ "auth": { "client_token": "t1" } }))
        }
        "PUT /latest/api/token" => Reply::new(200, "imds"),
        line if line.starts_with("GET /latest/dynamic/instance-identity/")
            && seen.header("x-aws-ec2-metadata-token") == Some("imds") =>
        {
            let name = line.rsplit('/').next().unwrap();
            Reply::new(
                200,
                match name {
                    "document" => "{}",
                    "signature" => "si\ng",
                    _ => "MII\nabc\n",
                },
            )
        }
        "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F"
            if seen.header("metadata") == Some("true") =>
        {
            ok(json!({ "access_token": "a.b.c" }))
        }
        "GET /metadata/instance?api-version=2021-02-01" => {
            ok(json!({ "compute": { "name": "vm", "subscriptionId": "s", "resourceGroupName": "g" } }))
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
        json!({ "token": "t1\n" }),
        json!({ "aws_ec2": { "role_name": "r" } }),
        json!({ "aws_ec2": { "role_name": "r", "signature_type": "rsa2048" } }),
        json!({ "aws_ec2": { "role_name": "r", "signature_type": "identity" } }),
        json!({ "azure": { "role_name": "r" } }),
    ] {
        let mut vault = store(&stub, login.clone()).unwrap();
        vault.metadata = stub.url("");
        assert_eq!(vault.get("user").await.unwrap().reveal().unwrap(), "u", "{login}");
    }
    let first = json!({ "engine": "kv-v1", "userpass": { "username": "anna", "password": "x" } });
    assert_eq!(store(&stub, first).unwrap().get("user").await.unwrap().reveal().unwrap(), "v1");
}

#[tokio::test]
async fn a_machine_of_aws_repeats_what_vault_gave_it() {
    let stub = Stub::new(answer).await;
    let store = |own: Value| {
        let mut vault = store(&stub, json!({ "aws_ec2": own })).unwrap();
        vault.metadata = stub.url("");
        vault
    };
    // The third is that of a reload.
    let (before, after) = (store(json!({ "role_name": "r" })), store(json!({ "role_name": "r" })));
    let given = store(json!({ "role_name": "r", "nonce": "our own" }));
    for vault in [&before, &before, &after, &given] {
        vault.get("user").await.unwrap();
        *vault.session.lock().await = None;
    }
    let sent = stub.seen().into_iter().filter(|s| s.line.contains("aws/login"));
    let nonces: Vec<Value> = sent.map(|s| serde_json::from_str::<Value>(&s.text()).unwrap()["nonce"].clone()).collect();
    assert_eq!(nonces, [Value::Null, "once".into(), "once".into(), "our own".into()]);
}

#[test]
fn a_request_to_sts_is_signed_and_not_sent() {
    use base64::Engine;
    let decode = |text: &Value| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let role: AwsIam =
        serde_json::from_value(json!({ "role_name": "r", "region": "eu-west-1", "server_id_header": "vault" }))
            .unwrap();
    let key = sign::Key { id: "AKID".to_owned(), secret: "s".to_owned(), session: String::new() };
    let login = role.login(&key, 1_440_938_160_000_000_000).unwrap();
    assert_eq!(login.path, ["aws", "login"]);
    let body = &login.body;
    assert_eq!((body["role"].as_str(), body["iam_http_request_method"].as_str()), (Some("r"), Some("POST")));
    assert_eq!(decode(&body["iam_request_url"]), "https://sts.eu-west-1.amazonaws.com/");
    assert_eq!(decode(&body["iam_request_body"]), "Action=GetCallerIdentity&Version=2011-06-15");
    let headers: Value = serde_json::from_str(&decode(&body["iam_request_headers"])).unwrap();
    assert_eq!(headers["x-vault-aws-iam-server-id"], json!(["vault"]));
    assert_eq!(headers["host"], json!(["sts.eu-west-1.amazonaws.com"]));
    let authorization = headers["authorization"][0].as_str().unwrap();
    assert!(authorization.contains("Credential=AKID/20150830/eu-west-1/sts/aws4_request"), "{authorization}");
    assert!(authorization.contains("x-vault-aws-iam-server-id,"), "{authorization}");
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
    assert!(error(json!({ "userpass": user, "token": "t" })).contains("here are 2"));
    assert!(error(json!({ "aws_ec2": { "role_name": "r", "signature_type": "dsa" } })).contains("\"dsa\""));
    assert!(error(json!({ "azure": {} })).contains("role_name is needed"));
    assert!(error(json!({ "userpass": user, "engine": "kv" })).contains("\"kv\""));
    assert!(error(json!({ "userpass": user, "address": "" })).contains("address"));
    assert!(error(json!({ "userpass": user, "secret_path": "" })).contains("secret_path"));
}
