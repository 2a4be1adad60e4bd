//! Certificates made for tests.

use super::{ClientTls, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// A folder of its own with an authority, a server and a client certificate; removed at the end.
pub(crate) struct Files(TempDir);

impl Files {
    /// Makes all of it.
    pub(crate) fn new() -> Self {
        let files = Files(tempfile::tempdir().unwrap());
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        files.put("ca.pem", &authority.self_signed(&key).unwrap().pem());
        let issuer = Issuer::new(authority, key);
        for (name, host) in [("server", "server.test"), ("client", "client.test")] {
            let key = KeyPair::generate().unwrap();
            let signed = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
            files.put(&format!("{name}.pem"), &signed.pem());
            files.put(&format!("{name}.key"), &key.serialize_pem());
        }
        let key = KeyPair::generate().unwrap();
        let mut own = CertificateParams::new(vec!["own.test".to_owned()]).unwrap();
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        files.put("own.pem", &own.self_signed(&key).unwrap().pem());
        files.put("own.key", &key.serialize_pem());
        own.not_after = rcgen::date_time_ymd(2001, 1, 1);
        files.put("old.pem", &own.self_signed(&key).unwrap().pem());
        files
    }

    /// Writes a file.
    pub(crate) fn put(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    /// The path of a file.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// The options of a server with a certificate of this name.
    pub(crate) fn server(&self, name: &str) -> ServerTls {
        let key = if name == "old" { "own" } else { name };
        ServerTls {
            tls_cert: self.path(&format!("{name}.pem")),
            tls_key: self.path(&format!("{key}.key")),
            ..ServerTls::default()
        }
    }

    /// The options of a client that believes an authority.
    pub(crate) fn client(&self, ca: &str) -> ClientTls {
        ClientTls { tls_ca: self.path(ca), ..ClientTls::default() }
    }
}
