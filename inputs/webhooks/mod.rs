//! Takes what services tell by webhook: Artifactory, Filestack, GitHub, Mandrill, Papertrail, Particle, Rollbar.

mod artifactory;
mod github;
mod json;
mod services;
#[cfg(test)]
mod tests;

use agent_api::*;
use agent_net::server::{self, Address, BodyError, Coding, Credentials, Limits, Listener as Socket, Response, answer};
use ring::hmac;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

register!(Entry::listener::<Webhooks>());

/// The server.
struct Webhooks {
    settings: Settings,
    address: Address,
    hooks: Arc<Vec<Hook>>,
    log: Log,
    bound: Option<Socket>,
}

/// Where services call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where to listen: `:1619`, `127.0.0.1:1619`.
    service_address: String,
    /// Time for a request to come in.
    read_timeout: Duration,
    /// Time for an answer to be taken.
    write_timeout: Duration,
    /// Artifactory calls here.
    artifactory: Option<Place>,
    /// Filestack calls here.
    filestack: Option<Place>,
    /// GitHub calls here.
    github: Option<Place>,
    /// Mandrill calls here.
    mandrill: Option<Place>,
    /// Papertrail calls here.
    papertrail: Option<Place>,
    /// Particle calls here.
    particle: Option<Place>,
    /// Rollbar calls here.
    rollbar: Option<Place>,
}

/// Where one service calls, and how it is known to be the one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Place {
    /// The path; empty means that of the service's name, as `/github`.
    path: String,
    /// Secret that requests are signed with, for Artifactory and GitHub; empty means that signatures are not looked at.
    secret: Secret,
    /// User for basic authentication; empty means that nobody is asked.
    username: Secret,
    /// Password for basic authentication.
    password: Secret,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            service_address: ":1619".to_owned(),
            read_timeout: Duration::secs(10),
            write_timeout: Duration::secs(10),
            artifactory: None,
            filestack: None,
            github: None,
            mandrill: None,
            papertrail: None,
            particle: None,
            rollbar: None,
        }
    }
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Artifactory,
    Filestack,
    Github,
    Mandrill,
    Papertrail,
    Particle,
    Rollbar,
}

struct Hook {
    service: Service,
    path: String,
    secret: Secret,
    credentials: Credentials,
}

/// No service sends more, in bytes.
const BODY_MAX: u64 = 32 << 20;
const TEXT: &str = "text/plain; charset=utf-8";

impl Plugin for Webhooks {
    const NAME: &'static str = "webhooks";
    const ABOUT: &'static str = "Receives what services tell by webhook.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let address = Address::parse(&settings.service_address, "tcp").context("service_address")?;
        ensure!(address.is_stream(), "service_address {:?} is not one of TCP", settings.service_address);
        let mut hooks = Vec::<Hook>::new();
        for (name, service, place) in [
            ("artifactory", Service::Artifactory, &settings.artifactory),
            ("filestack", Service::Filestack, &settings.filestack),
            ("github", Service::Github, &settings.github),
            ("mandrill", Service::Mandrill, &settings.mandrill),
            ("papertrail", Service::Papertrail, &settings.papertrail),
            ("particle", Service::Particle, &settings.particle),
            ("rollbar", Service::Rollbar, &settings.rollbar),
        ] {
            let Some(place) = place else { continue };
            let path = if place.path.is_empty() { format!("/{name}") } else { place.path.clone() };
            ensure!(path.starts_with('/'), "{name}: path {path:?} does not begin with /");
            ensure!(hooks.iter().all(|hook| hook.path != path), "{name}: path {path:?} belongs to another service");
            let credentials = Credentials { username: place.username.clone(), password: place.password.clone() };
            hooks.push(Hook { service, path, secret: place.secret.clone(), credentials });
        }
        ensure!(!hooks.is_empty(), "no service is set, such as [inputs.webhooks.github]");
        Ok(Webhooks { settings, address, hooks: Arc::new(hooks), log: env.log.clone(), bound: None })
    }
}

impl Listener for Webhooks {
    async fn open(&mut self) -> Result<(), StartError> {
        self.bound = Some(Socket::bind(&self.address, None).await?);
        Ok(())
    }

    async fn listen(&mut self, out: Sender, mut stop: Stop) -> Result<()> {
        let socket = self.bound.take().context("listen: not open")?;
        let s = &self.settings;
        let limits = Limits { read: *s.read_timeout, write: *s.write_timeout, ..Limits::default() };
        let handler = Handler { hooks: self.hooks.clone(), log: self.log.clone(), out };
        self.log.info(format_args!("listening on {}", s.service_address));
        // There is nothing to tell at an interval, which has to be said too.
        let stopped = async move { while stop.next().await.is_some() {} };
        server::serve(socket, None, limits, Arc::new(handler), stopped).await;
        Ok(())
    }
}

/// Answers requests.
struct Handler {
    hooks: Arc<Vec<Hook>>,
    log: Log,
    out: Sender,
}

/// Why a request is refused, by its status.
#[derive(Debug)]
struct Refusal(u16, Error);

impl<E: Into<Error>> From<E> for Refusal {
    fn from(e: E) -> Self {
        Refusal(400, e.into())
    }
}

impl server::Handler for Handler {
    async fn answer(&self, request: server::Request) -> Response {
        let Some(hook) = self.hooks.iter().find(|hook| hook.path == request.path()) else {
            return answer(404, TEXT, "404 page not found\n");
        };
        match request.head.method.as_str() {
            "POST" => {}
            // Mandrill asks so whether there is anybody.
            "HEAD" if hook.service == Service::Mandrill => return answer(200, TEXT, ""),
            _ => return answer(405, TEXT, ""),
        }
        match hook.take(request).await {
            Ok(batch) => {
                if !batch.is_empty() {
                    self.out.send(batch).await;
                }
                answer(200, TEXT, "")
            }
            Err(Refusal(status, cause)) => {
                self.log.debug(format_args!("refuse a request of {:?}: {cause:#}", hook.service));
                answer(status, TEXT, "")
            }
        }
    }
}

impl Hook {
    /// The metrics of a request.
    async fn take(&self, mut request: server::Request) -> Result<Batch, Refusal> {
        let allowed = self.credentials.allow(request.header("authorization"), false).map_err(|e| Refusal(500, e))?;
        if !allowed {
            return Err(Refusal(401, anyhow!("wrong user or password")));
        }
        let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
        let (kind, event) = (header("content-type"), header("x-github-event"));
        let signatures = ["x-hub-signature-256", "x-hub-signature", "x-jfrog-event-auth"].map(header);
        let body = request.body(BODY_MAX, &[Coding::Gzip]).await.map_err(|e| match e {
            BodyError::TooLarge => Refusal(413, e.into()),
            BodyError::Timeout => Refusal(408, e.into()),
            _ => Refusal(400, e.into()),
        })?;
        let mut batch = Batch::new();
        match self.service {
            Service::Artifactory => {
                self.check(&signatures[2..], &body)?;
                artifactory::event(&json::parse(&body)?, &mut batch)?;
            }
            Service::Github => {
                self.check(&signatures[..2], &body)?;
                github::event(&event, &json::parse(&body)?, &mut batch)?;
            }
            Service::Filestack => services::filestack(&json::parse(&body)?, &mut batch)?,
            Service::Particle => services::particle(&json::parse(&body)?, &mut batch)?,
            Service::Rollbar => services::rollbar(&json::parse(&body)?, &mut batch)?,
            Service::Mandrill => services::mandrill(&body, &mut batch)?,
            Service::Papertrail => {
                if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
                    return Err(Refusal(415, anyhow!("content type {kind:?} is not that of a form")));
                }
                services::papertrail(&body, &mut batch)?;
            }
        }
        Ok(batch)
    }

    /// Checks the signature of a body, which is `sha1=` or `sha256=` and the HMAC in hexadecimal digits. The first that is there counts.
    fn check(&self, signatures: &[String], body: &[u8]) -> Result<(), Refusal> {
        if self.secret.is_empty() {
            return Ok(());
        }
        let given = signatures.iter().find(|s| !s.is_empty()).context("the request is not signed")?;
        let (algorithm, digits) = match given.split_once('=') {
            Some(("sha256", digits)) => (hmac::HMAC_SHA256, digits),
            Some(("sha1", digits)) => (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, digits),
            _ => return Err(anyhow!("unknown kind of signature").into()),
        };
        let tag = hexadecimal(digits).context("the signature is no number")?;
        let key = hmac::Key::new(algorithm, self.secret.reveal().map_err(|e| Refusal(500, e))?.as_bytes());
        hmac::verify(&key, body, &tag).map_err(|_| anyhow!("the signature is wrong").into())
    }
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| char::from(*b).to_digit(16).map(|d| d as u8);
    let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}
