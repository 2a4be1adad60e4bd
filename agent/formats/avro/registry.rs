//! The schema registry: schemas by number, asked for once.
//!
//! A parser is a plain function, so a question is asked on a thread of its own, with a runtime of its own, while the one that parses waits;
//! that is once a schema. An answer that could not be had is not asked for again for a while, as every message would wait for it.

use super::schema::Schema;
use agent_api::plugin::blocking;
use agent_api::{Context, Result, anyhow, ensure};
use agent_net::client::{Address, Client, Method, Setup, StatusCode};
use agent_net::tls::ClientTls;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many schemas are kept.
const KEPT: usize = 1000;
/// A schema may be so long, in bytes.
const LONGEST: usize = 4 << 20;
/// How long a question that failed is not asked again.
const PAUSE: Duration = Duration::from_secs(10);

pub(super) struct Registry {
    address: Address,
    user: String,
    password: String,
    tls: ClientTls,
    known: HashMap<u32, Arc<Schema>>,
    failed: Option<(u32, Instant, String)>,
}

impl Registry {
    /// A registry at an address, which may hold user and password; `ca` is a file of certificates to verify it against.
    pub(super) fn new(address: &str, ca: &str) -> Result<Registry> {
        let mut address = Address::parse(address)?;
        let (user, password) = (decoded(address.url.username()), decoded(address.url.password().unwrap_or_default()));
        // Both only fail for addresses without a host, which `parse` refuses.
        let _ = address.url.set_username("");
        let _ = address.url.set_password(None);
        let tls = ClientTls { tls_ca: ca.to_owned(), ..ClientTls::default() };
        tls.check()?;
        Ok(Registry { address, user, password, tls, known: HashMap::new(), failed: None })
    }

    /// The schema of a number.
    pub(super) fn schema(&mut self, id: u32) -> Result<Arc<Schema>, String> {
        if let Some(schema) = self.known.get(&id) {
            return Ok(schema.clone());
        }
        if let Some((failed, at, cause)) = &self.failed
            && *failed == id
            && at.elapsed() < PAUSE
        {
            return Err(cause.clone());
        }
        let asked = blocking(|| {
            std::thread::scope(|scope| match scope.spawn(|| self.ask(id)).join() {
                Ok(asked) => asked,
                Err(_) => Err(anyhow!("the thread that asks ended")),
            })
        });
        match asked.with_context(|| format!("ask {} for schema {id}", self.address.shown())) {
            Ok(schema) => {
                if self.known.len() >= KEPT {
                    self.known.clear();
                }
                let schema = Arc::new(schema);
                self.known.insert(id, schema.clone());
                Ok(schema)
            }
            Err(error) => {
                let cause = format!("{error:#}");
                self.failed = Some((id, Instant::now(), cause.clone()));
                Err(cause)
            }
        }
    }

    fn ask(&self, id: u32) -> Result<Schema> {
        let client = Setup { tls: self.tls.clone(), ..Setup::default() }.build(self.address.socket.as_deref())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.fetch(&client, id))
    }

    async fn fetch(&self, client: &Client, id: u32) -> Result<Schema> {
        let mut url = self.address.url.clone();
        let path = format!("{}/schemas/ids/{id}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let mut request = client.request(Method::GET, url);
        if !self.user.is_empty() {
            request = request.basic_auth(&self.user, Some(&self.password));
        }
        let answer = client.send(request, LONGEST).await?;
        ensure!(answer.status == StatusCode::OK, "answer {}: {}", answer.status, answer.excerpt());
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).context("the answer is no JSON")?;
        let schema = answer["schema"].as_str().context("the answer has no schema")?;
        Ok(Schema::parse(schema)?)
    }
}

/// User or password of an address, `%41` being `A`.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes().iter();
    while let Some(&byte) = bytes.next() {
        let rest = bytes.as_slice();
        let code = rest
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match code {
            Some(code) => {
                out.push(code);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
