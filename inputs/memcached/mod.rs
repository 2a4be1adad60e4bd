//! The statistics of memcached servers (`stats` of its text protocol).

#[cfg(test)]
mod tests;

use crate::dial;
use agent_api::options::With;
use agent_api::*;
use agent_net::tls::ClientTls;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

register!(Entry::input::<Memcached>());

/// Asks servers.
struct Memcached {
    settings: Settings,
    tls: ClientTls,
}

/// Which servers are asked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Servers, `host` or `host:port`; without any, and without sockets, that of this machine.
    servers: Vec<String>,
    /// Paths of sockets in the file system.
    unix_sockets: Vec<String>,
}

/// For connecting, and for the whole answer.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
const PORT: u16 = 11211;
/// No answer is larger, in bytes.
const ANSWER: u64 = 1 << 20;

/// Statistics that become fields, beside those of external storage; a server has more of them.
const FIELDS: [&str; 44] = [
    "accepting_conns",
    "auth_cmds",
    "auth_errors",
    "bytes",
    "bytes_read",
    "bytes_written",
    "cas_badval",
    "cas_hits",
    "cas_misses",
    "cmd_flush",
    "cmd_get",
    "cmd_set",
    "cmd_touch",
    "conn_yields",
    "connection_structures",
    "curr_connections",
    "curr_items",
    "decr_hits",
    "decr_misses",
    "delete_hits",
    "delete_misses",
    "evicted_unfetched",
    "evictions",
    "expired_unfetched",
    "get_expired",
    "get_flushed",
    "get_hits",
    "get_misses",
    "hash_bytes",
    "hash_is_expanding",
    "hash_power_level",
    "incr_hits",
    "incr_misses",
    "limit_maxbytes",
    "listen_disabled_num",
    "reclaimed",
    "store_no_memory",
    "store_too_large",
    "threads",
    "total_connections",
    "total_items",
    "touch_hits",
    "touch_misses",
    "uptime",
];

impl Plugin for Memcached {
    const NAME: &'static str = "memcached";
    const ABOUT: &'static str = "Reads the statistics of memcached servers.";
    type Settings = With<Settings, ClientTls>;

    fn new(With { own: mut settings, shared: tls }: Self::Settings, _: &Env) -> Result<Self> {
        tls.check()?;
        if settings.servers.is_empty() && settings.unix_sockets.is_empty() {
            settings.servers.push("localhost".to_owned());
        }
        settings.servers.iter_mut().for_each(|place| *place = dial::with_port(place, PORT));
        Ok(Memcached { settings, tls })
    }
}

impl Input for Memcached {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let tls = self.tls.enabled().then_some(&self.tls);
        for place in &self.settings.servers {
            let text = match dial::tcp(place, tls, TIMEOUT).await {
                Ok(stream) => ask(stream).await,
                Err(e) => Err(e),
            };
            add(place, text, out);
        }
        for path in &self.settings.unix_sockets {
            let text = match dial::unix(Path::new(path)).await {
                Ok(stream) => ask(stream).await,
                Err(e) => Err(e),
            };
            add(path, text, out);
        }
        Ok(())
    }
}

/// The lines of the answer to `stats`, without the last.
async fn ask(mut stream: Box<dyn dial::Duplex>) -> Result<String> {
    let talk = async {
        stream.write_all(b"stats\r\n").await?;
        stream.flush().await?;
        let (mut from, mut text, mut line) = (BufReader::new(stream).take(ANSWER), String::new(), String::new());
        while from.read_line(&mut line).await? > 0 {
            if line.trim_end() == "END" {
                return Ok(text);
            }
            ensure!(
                line.starts_with("STAT "),
                "unexpected answer {:?}",
                line.trim_end().chars().take(60).collect::<String>()
            );
            text.push_str(&line);
            line.clear();
        }
        bail!("the answer ends too early")
    };
    tokio::time::timeout(TIMEOUT, talk).await.unwrap_or_else(|_| Err(anyhow!("no answer within {TIMEOUT:?}")))
}

fn add(server: &str, text: Result<String>, out: &mut Collector) {
    match text {
        Ok(text) => drop(out.metric("memcached").tag("server", server).fields(fields(&text))),
        Err(e) => out.error(e.context(format!("server {server:?}"))),
    }
}

/// Fields of the lines `STAT name value`.
fn fields(text: &str) -> Vec<(&str, Value<'_>)> {
    let stat = |line| {
        let (name, value) = str::strip_prefix(line, "STAT ")?.split_once(' ')?;
        let wanted = FIELDS.contains(&name) || name.starts_with("extstore_");
        wanted.then(|| (name, value.parse().map_or(Value::Str(value), Value::Int)))
    };
    text.lines().filter_map(stat).collect()
}
