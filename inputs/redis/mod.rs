//! What Redis servers tell about themselves (`INFO ALL`), and the results of commands.

mod info;
mod resp;
#[cfg(test)]
mod tests;

use crate::dial;
use agent_api::options::With;
use agent_api::*;
use agent_net::tls::{self, ClientTls};
use futures_util::StreamExt;
use resp::{Connection, Reply};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

register!(Entry::input::<Redis>());

/// Asks servers.
struct Redis {
    settings: Settings,
    tls: ClientTls,
    servers: Vec<Server>,
}

/// Which servers are asked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Servers: `tcp://host:6379`, with `user:password@` before the host where they want it, or `unix:///run/redis.sock`. Without any,
    /// that of this machine.
    servers: Vec<String>,
    /// User, in place of those in `servers`.
    username: Secret,
    /// Password, in place of those in `servers`.
    password: Secret,
    /// Commands whose results become fields of `redis_commands`.
    commands: Vec<Command>,
}

/// A command and what becomes of its result.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Command {
    /// The command and its arguments, texts or numbers.
    command: Vec<Word>,
    /// The field.
    field: String,
    /// What the result is: `integer`, `float` or `string`.
    #[serde(rename = "type")]
    kind: String,
}

/// A word of a command.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text or a number")]
enum Word {
    Int(i64),
    Float(f64),
    Text(String),
}

/// A server, and how its metrics are tagged.
struct Server {
    place: Place,
    username: String,
    password: Secret,
    tags: Vec<(&'static str, String)>,
}

enum Place {
    Tcp(String),
    Unix(PathBuf),
}

/// For connecting, and for each answer.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
/// So many servers are asked at a time.
const AT_A_TIME: usize = 64;

impl Plugin for Redis {
    const NAME: &'static str = "redis";
    const ABOUT: &'static str = "Reads what Redis servers tell about themselves.";
    type Settings = With<Settings, ClientTls>;

    fn new(With { own: mut settings, shared: tls }: Self::Settings, env: &Env) -> Result<Self> {
        tls.check()?;
        if settings.servers.is_empty() {
            settings.servers.push("tcp://localhost:6379".to_owned());
        }
        for command in &settings.commands {
            ensure!(
                matches!(command.kind.as_str(), "integer" | "float" | "string"),
                "commands: type {:?} is none of integer, float and string",
                command.kind
            );
            ensure!(!command.command.is_empty() && !command.field.is_empty(), "commands: command and field are needed");
        }
        let mut servers = Vec::new();
        for text in &settings.servers {
            if !text.contains("://") {
                env.log.warn(format_args!("servers: {text:?} should begin with tcp:// or unix://"));
            }
            servers.push(Server::parse(text).context("servers")?);
        }
        Ok(Redis { settings, tls, servers })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
    }
}

impl Input for Redis {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let mut jobs = Vec::with_capacity(self.servers.len());
        for server in &self.servers {
            jobs.push(self.ask(server));
        }
        let mut answers = futures_util::stream::iter(jobs).buffered(AT_A_TIME);
        while let Some((server, answer)) = answers.next().await {
            let failed = |e: Error| e.context(format!("server {}", server.shown()));
            match answer {
                Ok((info, results)) => {
                    info::add(&info, &server.tags, plugin::now() / 1_000_000_000, out);
                    let mut fields = Vec::new();
                    for (command, result) in self.settings.commands.iter().zip(results) {
                        match result.and_then(|reply| command.value(&reply)) {
                            Ok(value) => fields.push((command.field.as_str(), value)),
                            Err(e) => out.error(failed(e.context(format!("command for field {:?}", command.field)))),
                        }
                    }
                    let mut metric = out.metric("redis_commands").tags(server.tags.iter().map(|(k, v)| (*k, v)));
                    for (field, value) in &fields {
                        metric.add_field(field, value.value());
                    }
                }
                Err(e) => out.error(failed(e)),
            }
        }
        Ok(())
    }
}

/// The answer to `INFO`, and those to the commands.
type Answers = (String, Vec<Result<Reply>>);

impl Redis {
    async fn ask<'a>(&'a self, server: &'a Server) -> (&'a Server, Result<Answers>) {
        (server, self.answers(server).await)
    }

    async fn answers(&self, server: &Server) -> Result<Answers> {
        let tls = self.tls.enabled().then_some(&self.tls);
        let stream = match &server.place {
            Place::Tcp(place) => dial::tcp(place, tls, TIMEOUT).await?,
            Place::Unix(path) => dial::unix(path).await?,
        };
        let mut connection = Connection::new(stream, TIMEOUT);
        let user = match self.settings.username.is_empty() {
            true => server.username.clone(),
            false => self.settings.username.reveal()?,
        };
        let password = match self.settings.password.is_empty() {
            true => server.password.reveal()?,
            false => self.settings.password.reveal()?,
        };
        match (user.is_empty(), password.is_empty()) {
            (_, true) => {}
            (true, false) => drop(connection.ask(&["AUTH", &password]).await?.good().context("log in")?),
            (false, false) => drop(connection.ask(&["AUTH", &user, &password]).await?.good().context("log in")?),
        }
        let info = connection.ask(&["INFO", "ALL"]).await?.good()?.text()?;
        let mut results = Vec::new();
        for command in &self.settings.commands {
            let words: Vec<String> = command.command.iter().map(Word::text).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            // An answer that is an error concerns one command; a connection that breaks concerns all.
            results.push(connection.ask(&words).await?.good());
        }
        Ok((info, results))
    }
}

/// A value of a field.
enum Own {
    Int(i64),
    Float(f64),
    Text(String),
}

impl Own {
    fn value(&self) -> Value<'_> {
        match self {
            Own::Int(v) => Value::Int(*v),
            Own::Float(v) => Value::Float(*v),
            Own::Text(v) => Value::Str(v),
        }
    }
}

impl Command {
    fn value(&self, reply: &Reply) -> Result<Own> {
        let text = reply.text()?;
        let quoted = || format!("{:?} is no {}", text.chars().take(60).collect::<String>(), self.kind);
        Ok(match self.kind.as_str() {
            "integer" => Own::Int(text.parse().with_context(quoted)?),
            "float" => Own::Float(text.parse().with_context(quoted)?),
            _ => Own::Text(text),
        })
    }
}

impl Word {
    fn text(&self) -> String {
        match self {
            Word::Int(v) => v.to_string(),
            Word::Float(v) => v.to_string(),
            Word::Text(v) => v.clone(),
        }
    }
}

impl Server {
    fn parse(text: &str) -> Result<Self> {
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("tcp://{text}") };
        let (scheme, rest) = with_scheme.split_once("://").context("no scheme")?;
        let (user, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (username, password) = user.split_once(':').unwrap_or((user, ""));
        let decoded = |part: &str| -> String {
            url::form_urlencoded::parse(part.replace('+', "%2B").as_bytes()).map(|(key, _)| key.into_owned()).collect()
        };
        let (username, password) = (decoded(username), Secret::new(decoded(password)));
        match scheme {
            "tcp" => {
                let place = dial::with_port(rest.split('/').next().unwrap_or_default(), 6379);
                let (host, port) = place.rsplit_once(':').context("no port")?;
                ensure!(port.parse::<u16>().is_ok(), "{text:?} has no valid port");
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                let tags = vec![("server", host), ("port", port.to_owned())];
                Ok(Server { place: Place::Tcp(place), username, password, tags })
            }
            "unix" => {
                ensure!(rest.starts_with('/'), "{text:?} has no path");
                let tags = vec![("socket", rest.to_owned())];
                Ok(Server { place: Place::Unix(Path::new(rest).to_owned()), username, password, tags })
            }
            other => bail!("{other:?} is neither tcp nor unix"),
        }
    }

    /// For messages.
    fn shown(&self) -> String {
        match &self.place {
            Place::Tcp(place) => place.clone(),
            Place::Unix(path) => path.display().to_string(),
        }
    }
}
