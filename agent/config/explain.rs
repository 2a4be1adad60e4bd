//! The configuration in effect as TOML, each value with where it comes from, secrets hidden.
//!
//! The text is a configuration again but for the secrets: what stands in it is what the agent does.

use super::errors::{Files, is_hidden};
use super::load::tables;
use super::plugin::Found;
use super::{AgentSettings, Config, Errors, Full, Instance, Order, Sources, common};
use agent_api::Secret;
use agent_api::options::{Duration, Entry, Item, Setting, Size, Table};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write;

impl Config {
    /// Reads a configuration and shows what it comes to.
    pub fn explain(sources: &Sources) -> Result<String, Errors> {
        let (config, roots) = Config::load_with_tables(sources)?;
        let mut page = Page { files: &config.files, out: String::new() };
        for name in &config.sources {
            page.line(&format!("# {name}"), "");
        }
        page.agent(&config.agent, &roots);
        page.global_tags(&config, &roots);
        let mut unread = Vec::new();
        let found: HashMap<(u32, u32), Found<'_>> = roots
            .iter()
            .flat_map(|root| tables::plugins(root, |_, _| true, &mut unread))
            .map(|found| ((found.span.file, found.span.from), found))
            .collect();
        for plugin in config.plugins() {
            if let Some(found) = found.get(&(plugin.span.file, plugin.span.from)) {
                page.plugin(plugin, found);
            }
        }
        Ok(page.out)
    }
}

struct Page<'a> {
    files: &'a Files,
    out: String,
}

impl Page<'_> {
    /// A line with its origin as a comment.
    fn line(&mut self, text: &str, origin: &str) {
        self.out.push_str(text);
        if !origin.is_empty() {
            let _ = write!(self.out, "  # {origin}");
        }
        self.out.push('\n');
    }

    fn agent(&mut self, agent: &AgentSettings, roots: &[Table]) {
        self.line("\n[agent]", "");
        let written: Vec<&Entry> = roots.iter().filter_map(|r| table_of(r, "agent")).flat_map(Table::entries).collect();
        for (key, value) in values(agent) {
            let folded = |key: &str| key.replace('_', "").to_lowercase();
            let origin = match written.iter().rev().find(|e| folded(&e.key) == folded(key)) {
                Some(entry) => self.files.place(entry.at),
                None if key == "hostname" && !agent.hostname.is_empty() => "this host".to_owned(),
                None => "default".to_owned(),
            };
            self.line(&format!("  {key} = {value}"), &origin);
        }
        for entry in written.iter().rev().filter(|e| e.key == "api").take(1) {
            let Setting::Table(table) = &entry.item.value else { continue };
            self.line("\n[agent.api]", &self.files.place(entry.at));
            for option in table.entries() {
                let value = shown(&option.item, is_hidden(&option.key));
                self.line(&format!("  {} = {value}", bare(&option.key)), &self.files.place(option.at));
            }
        }
    }

    fn global_tags(&mut self, config: &Config, roots: &[Table]) {
        if config.global_tags.is_empty() {
            return;
        }
        self.line("\n[global_tags]", "");
        let written: Vec<&Entry> = roots
            .iter()
            .flat_map(|r| [table_of(r, "tags"), table_of(r, "global_tags")])
            .flatten()
            .flat_map(Table::entries)
            .collect();
        for (key, value) in &config.global_tags {
            let origin = match written.iter().rev().find(|e| e.key == *key) {
                _ if key == "host" && !config.agent.omit_hostname => "agent hostname".to_owned(),
                Some(entry) => self.files.place(entry.at),
                None => String::new(),
            };
            self.line(&format!("  {} = {}", bare(key), quoted(value)), &origin);
        }
    }

    fn plugin(&mut self, plugin: &Instance, found: &Found<'_>) {
        self.out.push('\n');
        let header = format!("[[{}]]", plugin.name());
        self.line(&header, &self.files.place(plugin.span));
        let formats: Vec<_> = plugin.parser.iter().chain(&plugin.serializer).collect();
        let tables: Vec<&Table> = [&plugin.table].into_iter().chain(formats.iter().map(|f| &f.1)).collect();
        let schemas: Vec<Value> =
            [plugin.entry].into_iter().chain(formats.iter().map(|f| f.0)).map(|e| (e.schema)()).collect();
        let mut said: Vec<&str> = Vec::new();
        let common = found.table.entries().iter().filter(|e| common::names().any(|n| n == e.key));
        for entry in common.chain(tables.iter().flat_map(|t| t.entries())) {
            if said.contains(&entry.key.as_str()) {
                continue;
            }
            said.push(&entry.key);
            let secret = schemas.iter().any(|s| s["properties"][&entry.key]["format"] == "secret");
            let value = shown(&entry.item, secret || is_hidden(&entry.key));
            self.line(&format!("  {} = {value}", bare(&entry.key)), &self.files.place(entry.at));
        }
        if let Some((format, _)) = formats.first().filter(|_| !said.contains(&"data_format")) {
            self.line(&format!("  data_format = {}", quoted(format.name)), "default");
        }
        for (key, option) in schemas.iter().filter_map(|s| s["properties"].as_object()).flatten() {
            if let Some(value) = json(&option["default"]).filter(|_| !said.contains(&key.as_str())) {
                self.line(&format!("  {} = {value}", bare(key)), "default");
            }
        }
    }
}

fn table_of<'t>(root: &'t Table, key: &str) -> Option<&'t Table> {
    match &root.get(key)?.value {
        Setting::Table(table) => Some(table),
        _ => None,
    }
}

/// The settings of the agent in the order of its documentation.
fn values(a: &AgentSettings) -> Vec<(&'static str, String)> {
    fn word<T: PartialEq>(names: &[(&str, T)], value: T) -> String {
        quoted(names.iter().find(|n| n.1 == value).map_or("", |n| n.0))
    }
    let time = |t: std::time::Duration| quoted(&Duration(t).to_string());
    let old_keys: Vec<String> = a.buffer_old_keys.iter().map(|key| quoted(&hidden(key))).collect();
    let mut values = vec![
        ("interval", time(a.interval)),
        ("round_interval", a.round_interval.to_string()),
        ("metric_batch_size", a.metric_batch_size.to_string()),
        ("metric_buffer_limit", a.metric_buffer_limit.to_string()),
        ("collection_jitter", time(a.collection_jitter)),
        ("collection_offset", time(a.collection_offset)),
        ("flush_interval", time(a.flush_interval)),
        ("flush_jitter", time(a.flush_jitter)),
        ("precision", time(a.precision.unwrap_or_default())),
        ("debug", a.debug.to_string()),
        ("quiet", a.quiet.to_string()),
        ("logformat", quoted(&a.logformat)),
        ("structured_log_message_key", quoted(&a.structured_log_message_key)),
        ("logfile", quoted(&a.logfile)),
        ("logfile_rotation_interval", time(a.logfile_rotation_interval)),
        ("logfile_rotation_max_size", quoted(&Size(a.logfile_rotation_max_size).to_string())),
        ("logfile_rotation_max_archives", a.logfile_rotation_max_archives.to_string()),
        ("log_with_timezone", quoted(&a.log_with_timezone)),
        ("hostname", quoted(&a.hostname)),
        ("omit_hostname", a.omit_hostname.to_string()),
        ("statefile", quoted(&a.statefile)),
        ("always_include_local_tags", a.always_include_local_tags.to_string()),
        ("always_include_global_tags", a.always_include_global_tags.to_string()),
        ("skip_processors_before_aggregators", a.skip_processors_before_aggregators.to_string()),
        ("buffer_strategy", quoted(&a.buffer_strategy)),
        ("buffer_directory", quoted(&a.buffer_directory)),
        ("buffer_disk_sync", a.buffer_disk_sync.to_string()),
        ("buffer_max_bytes", quoted(&Size(a.buffer_max_bytes.unwrap_or(0)).to_string())),
        ("buffer_sync_interval", time(a.buffer_sync_interval)),
        ("buffer_key", quoted(&hidden(&a.buffer_key))),
        ("buffer_old_keys", format!("[{}]", old_keys.join(", "))),
        ("reload_guard", time(a.reload_guard)),
        ("buffer_full", word(&Full::NAMES, a.buffer_full)),
        ("buffer_order", word(&Order::NAMES, a.buffer_order)),
        ("dead_letter_directory", quoted(&a.dead_letter_directory)),
    ];
    let after = a.skip_processors_after_aggregators.unwrap_or(false);
    values.insert(values.len() - 12, ("skip_processors_after_aggregators", after.to_string()));
    values
}

/// What may be shown of a secret: the references to stores in it.
fn hidden(secret: &Secret) -> String {
    let references = secret.references();
    let shown: String = references.iter().map(|(store, key)| format!("@{{{store}:{key}}}")).collect();
    if shown.is_empty() && !secret.is_empty() { "***".to_owned() } else { shown }
}

/// A value as TOML; of one that is hidden only the references to secret stores are shown.
fn shown(item: &Item, hidden: bool) -> String {
    match &item.value {
        Setting::Str(text) if hidden => quoted(if is_reference(text) || text.is_empty() { text } else { "***" }),
        Setting::Str(text) => quoted(&without_password(text)),
        Setting::Array(list) => format!("[{}]", list.iter().map(|i| shown(i, hidden)).collect::<Vec<_>>().join(", ")),
        Setting::Table(table) => {
            let option = |e: &Entry| format!("{} = {}", bare(&e.key), shown(&e.item, hidden || is_hidden(&e.key)));
            let options: Vec<String> = table.entries().iter().map(option).collect();
            if options.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", options.join(", ")) }
        }
        _ if hidden => quoted("***"),
        Setting::Int(v) => v.to_string(),
        Setting::Float(v) => format!("{v:?}").replace("NaN", "nan"),
        Setting::Bool(v) => v.to_string(),
        Setting::Datetime(v) => v.clone(),
    }
}

/// True for `@{store:key}` and nothing else.
fn is_reference(text: &str) -> bool {
    let inner = text.strip_prefix("@{").and_then(|t| t.strip_suffix('}'));
    inner.is_some_and(|t| t.contains(':') && !t.contains(['{', '}']))
}

/// An address without its password: `https://user:***@host`.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rsplit_once('@') {
        Some((user, host)) if user.contains(':') => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}:***@{host}{}", &rest[authority..])
        }
        _ => text.to_owned(),
    }
}

/// A default as TOML; None where there is none.
fn json(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::String(text) => quoted(text),
        Value::Array(list) => format!("[{}]", list.iter().map(json).collect::<Option<Vec<_>>>()?.join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let options = map.iter().filter_map(|(k, v)| Some(format!("{} = {}", bare(k), json(v)?)));
            format!("{{ {} }}", options.collect::<Vec<_>>().join(", "))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    })
}

/// A key, in quotes where it needs them.
pub(super) fn bare(key: &str) -> String {
    let plain = !key.is_empty() && key.bytes().all(|b| b == b'_' || b == b'-' || b.is_ascii_alphanumeric());
    if plain { key.to_owned() } else { quoted(key) }
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::sources;
    use super::*;

    const TEXT: &str = "[agent]\n FlushInterval = 5\n hostname = \"h\"\n[global_tags]\n \"a b\" = \"$SITE\"\n\
        [[inputs.probe]]\n files = [\"http://u:pw@x/y\"]\n password = \"hush\"\n interval = \"1m\"\n plain_depth = 2\n\
        [inputs.probe.tagpass]\n k = [\"v\"]\n[[outputs.probe]]\n password = \"@{store:key}\"\n";

    #[test]
    fn every_value_has_its_origin() {
        let page = Config::explain(&sources(&[TEXT])).unwrap();
        for line in [
            "  interval = \"10s\"  # default",
            "  flush_interval = \"5s\"  # http://a.conf:2",
            "  host = \"h\"  # agent hostname",
            "  \"a b\" = \"mill\"  # http://a.conf:5",
            "[[inputs.probe]]  # http://a.conf:6",
            "  files = [\"http://u:***@x/y\"]  # http://a.conf:7",
            "  password = \"***\"  # http://a.conf:8",
            "  plain_depth = 2  # http://a.conf:10",
            "  tagpass = { k = [\"v\"] }  # http://a.conf:11",
            "  data_format = \"plain\"  # default",
            "  timeout = \"0s\"  # default",
            "  password = \"@{store:key}\"  # http://a.conf:14",
        ] {
            assert!(page.lines().any(|l| l == line), "{line}\n---\n{page}");
        }
        assert!(!page.contains("hush"));
    }

    #[test]
    fn what_is_shown_loads_again() {
        let page = Config::explain(&sources(&[TEXT])).unwrap();
        let again = Config::load(&sources(&[&page])).unwrap_or_else(|e| panic!("{e}\n---\n{page}"));
        assert_eq!(again.inputs[0].interval, Some(std::time::Duration::from_secs(60)));
        assert_eq!(again.agent.flush_interval, std::time::Duration::from_secs(5));
    }

    #[test]
    fn texts_are_quoted() {
        assert_eq!(quoted("a\"\\\n\u{1}é"), "\"a\\\"\\\\\\n\\u0001é\"");
        assert_eq!((bare("a-b_1"), bare("a b"), bare("")), ("a-b_1".into(), "\"a b\"".into(), "\"\"".into()));
    }
}
