//! Handshakes between the two option structs, with certificates made for the test.

use super::testing::Files;
use super::*;
use agent_api::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// True if the server's greeting comes through; both sides have to agree.
async fn meet(client: &ClientTls, host: &str, server: &ServerTls) -> Result<()> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let acceptor = tokio_rustls::TlsAcceptor::from(server.config(&["h2", "http/1.1"])?.unwrap());
    let served = tokio::spawn(async move {
        let mut stream = acceptor.accept(far).await?;
        stream.write_all(b"hello").await?;
        stream.shutdown().await
    });
    let connector = tokio_rustls::TlsConnector::from(client.config(&["http/1.1"])?);
    let mut stream = connector.connect(client.server_name(host)?, near).await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    served.await??;
    assert_eq!(text, "hello");
    Ok(())
}

#[tokio::test]
async fn a_server_is_verified_against_tls_ca() {
    let files = Files::new();
    let server = files.server("server");
    let mut client = files.client("ca.pem");
    meet(&client, "server.test", &server).await.unwrap();
    assert!(meet(&client, "other.test", &server).await.is_err());
    client.tls_server_name = "server.test".to_owned();
    meet(&client, "other.test", &server).await.unwrap();
    assert!(meet(&files.client("own.pem"), "server.test", &server).await.is_err());
    let blind = ClientTls { insecure_skip_verify: true, ..ClientTls::default() };
    meet(&blind, "other.test", &server).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_believed_when_named() {
    let files = Files::new();
    meet(&files.client("own.pem"), "own.test", &files.server("own")).await.unwrap();
    assert!(meet(&files.client("own.pem"), "other.test", &files.server("own")).await.is_err());
    let old = meet(&files.client("old.pem"), "own.test", &files.server("old")).await.unwrap_err();
    assert!(format!("{old:#}").contains("xpired"), "{old:#}");
}

#[tokio::test]
async fn clients_are_verified_where_an_authority_is_given() {
    let files = Files::new();
    let mut server = files.server("server");
    server.tls_allowed_cacerts = vec![files.path("ca.pem")];
    let mut client = files.client("ca.pem");
    assert!(meet(&client, "server.test", &server).await.is_err());
    client.tls_cert = files.path("client.pem");
    client.tls_key = files.path("client.key");
    meet(&client, "server.test", &server).await.unwrap();
    server.tls_allowed_dns_names = vec!["client.test".to_owned()];
    meet(&client, "server.test", &server).await.unwrap();
    server.tls_allowed_dns_names = vec!["another.test".to_owned()];
    assert!(meet(&client, "server.test", &server).await.is_err());
}

#[tokio::test]
async fn versions_and_suites_have_to_meet() {
    let files = Files::new();
    let mut server = files.server("server");
    let mut client = files.client("ca.pem");
    server.tls_max_version = "TLS12".to_owned();
    client.tls_cipher_suites =
        vec!["TLS_RSA_WITH_AES_128_CBC_SHA".to_owned(), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned()];
    meet(&client, "server.test", &server).await.unwrap();
    client.tls_min_version = "TLS13".to_owned();
    assert!(meet(&client, "server.test", &server).await.is_err());
}

#[test]
fn bad_options_are_named() {
    let error = |change: fn(&mut ClientTls)| {
        let mut tls = ClientTls::default();
        change(&mut tls);
        tls.check().unwrap_err().to_string()
    };
    assert!(error(|t| t.tls_max_version = "TLS11".to_owned()).contains("tls_max_version"));
    assert!(error(|t| t.tls_cipher_suites = vec!["X".to_owned()]).contains("\"X\""));
    assert!(error(|t| t.tls_cipher_suites = vec!["TLS_RSA_WITH_RC4_128_SHA".to_owned()]).contains("none of"));
    assert!(error(|t| t.tls_renegotiation_method = "often".to_owned()).contains("often"));
    let files = Files::new();
    files.put("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let server = ServerTls { tls_key: files.path("locked.key"), ..files.server("server") };
    assert!(format!("{:#}", server.config(&[]).unwrap_err()).contains("tls_key_pwd"));
    let missing = ClientTls { tls_ca: files.path("none.pem"), ..ClientTls::default() };
    assert!(format!("{:#}", missing.config(&[]).unwrap_err()).contains("none.pem"));
}

#[test]
fn old_names_are_translated() {
    let mut table = agent_api::Table::default();
    let item = |text: &str| agent_api::options::Item {
        value: agent_api::options::Setting::Str(text.to_owned()),
        span: Default::default(),
    };
    table.set("ssl_ca", Default::default(), item("/ca"));
    table.set("ssl_key", Default::default(), item("/old"));
    table.set("tls_key", Default::default(), item("/new"));
    let mut notes = Vec::new();
    migrate(&mut table, &mut notes);
    assert_eq!(notes.len(), 2);
    let tls: ClientTls = table.read().unwrap();
    assert_eq!((tls.tls_ca.as_str(), tls.tls_key.as_str()), ("/ca", "/new"));
}
