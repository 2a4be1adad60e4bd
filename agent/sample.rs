//! Samples and schema: printed from the settings types themselves, so that they cannot say anything else than the code does.

use agent_api::plugin::{Entry, Family, Format, entries, here};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// The families that have tables in a configuration, in the order of a sample.
pub const FAMILIES: [Family; 7] = [
    Family::SecretStores,
    Family::Outputs,
    Family::Processors,
    Family::Aggregators,
    Family::Inputs,
    Family::Parsers,
    Family::Serializers,
];

/// Inputs that are switched on in a sample.
const DEFAULT_INPUTS: [&str; 8] = ["cpu", "disk", "diskio", "kernel", "mem", "processes", "swap", "system"];

/// Which sections and plugins a sample shows; empty means all.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Wanted {
    pub sections: Vec<String>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub processors: Vec<String>,
    pub aggregators: Vec<String>,
    pub secretstores: Vec<String>,
}

impl Wanted {
    fn names(&self, family: Family) -> &[String] {
        match family {
            Family::Inputs => &self.inputs,
            Family::Outputs => &self.outputs,
            Family::Processors => &self.processors,
            Family::Aggregators => &self.aggregators,
            _ => &self.secretstores,
        }
    }

    fn section(&self, name: &str) -> bool {
        self.sections.is_empty() || self.sections.iter().any(|s| s == name)
    }
}

/// A whole sample configuration.
pub fn config(wanted: &Wanted) -> String {
    let mut out = String::from(
        "# Configuration of the agent. A commented option shows its default.\n\
         # Environment variables are filled in as ${NAME} within texts.\n\n",
    );
    if wanted.section("global_tags") {
        out.push_str("# Tags that every metric gets.\n[global_tags]\n  # site = \"north\"\n\n");
    }
    if wanted.section("agent") {
        out.push_str(AGENT);
        out.push('\n');
    }
    for family in [Family::SecretStores, Family::Outputs, Family::Processors, Family::Aggregators, Family::Inputs] {
        if !wanted.section(family.name()) {
            continue;
        }
        let names = wanted.names(family);
        let _written = write!(out, "{0}\n# {1}\n{0}\n\n", "#".repeat(79), family.name());
        for entry in here().filter(|e| e.family == family) {
            let named = names.iter().any(|n| n == entry.name);
            if !names.is_empty() && !named {
                continue;
            }
            let on = named || family == Family::Inputs && DEFAULT_INPUTS.contains(&entry.name);
            let text = plugin(entry);
            if on {
                out.push_str(&text);
            } else {
                text.lines().for_each(|l| {
                    let _written = writeln!(out, "{}", format!("# {l}").trim_end());
                });
            }
            out.push('\n');
        }
    }
    out
}

/// The options of the agent itself.
const AGENT: &str = "\
# The agent itself.
[agent]
  ## How often inputs are asked.
  # interval = \"10s\"
  ## Ask on multiples of the interval.
  # round_interval = true
  ## Most metrics of one write to an output.
  # metric_batch_size = 1000
  ## Most metrics that wait for an output; beyond them the oldest are dropped.
  # metric_buffer_limit = 10000
  ## What gives way then: drop_oldest, drop_newest, or block, which lets senders wait.
  # buffer_full = \"drop_oldest\"
  ## What is written first: oldest_first or newest_first.
  # buffer_order = \"oldest_first\"
  ## Where they wait: memory or disk. Each output has a folder of its own in the directory.
  # buffer_strategy = \"memory\"
  # buffer_directory = \"\"
  ## Most bytes of them, in memory or in files; 0 is no limit in memory and 1GiB of files.
  # buffer_max_bytes = 0
  ## Files are synced, at most so often.
  # buffer_disk_sync = true
  # buffer_sync_interval = \"50ms\"
  ## They and dead letters are encrypted with this key, a text of at least 32 characters, best from a secret store: \"@{store:key}\".
  # buffer_key = \"\"
  ## What was encrypted with one of these before is read, too.
  # buffer_old_keys = []
  ## Where metrics are kept that an output has refused for good; nothing to drop them.
  # dead_letter_directory = \"\"
  ## Random delay of a collection, at most.
  # collection_jitter = \"0s\"
  ## Delay of every collection.
  # collection_offset = \"0s\"
  ## How often outputs are flushed.
  # flush_interval = \"10s\"
  ## Random delay of a flush, at most.
  # flush_jitter = \"0s\"
  ## Times are rounded to multiples of this; \"0s\" takes the order of magnitude of the interval.
  # precision = \"0s\"
  ## Log more, or errors only.
  # debug = false
  # quiet = false
  ## Form of the log: text or structured (JSON).
  # logformat = \"text\"
  ## Key of the message in a structured log.
  # structured_log_message_key = \"msg\"
  ## File of the log; nothing for standard error.
  # logfile = \"\"
  ## The log is renamed after this time or at this size; so many old ones are kept, -1 for all.
  # logfile_rotation_interval = \"0s\"
  # logfile_rotation_max_size = 0
  # logfile_rotation_max_archives = 5
  ## Time zone of the log: nothing for UTC, local, or a name.
  # log_with_timezone = \"\"
  ## Value of the tag host; nothing for the name of this machine.
  # hostname = \"\"
  ## Leaves the tag host out.
  # omit_hostname = false
  ## File in which plugins keep what they need after a restart.
  # statefile = \"\"
  ## Puts tags of the plugin or global tags back after taginclude and tagexclude.
  # always_include_local_tags = false
  # always_include_global_tags = false
  ## Leaves the processors out before or after the aggregators.
  # skip_processors_after_aggregators = false
  # skip_processors_before_aggregators = false
  ## Goes back to the configuration before if a reload makes an input or output fail for so long; \"0s\" never does.
  # reload_guard = \"0s\"
  ## The local API: what every plugin does, for agent status, Prometheus and probes.
  # [agent.api]
    ## Where it listens: a socket in the file system, or tcp://host:port with a token or certificates of clients.
    # address = \"unix:///run/agent/api.sock\"
    ## Permissions of the socket.
    # socket_mode = \"600\"
    ## Token that a request has to carry.
    # token = \"\"
    ## Allow requests that change something, as POST /reload.
    # allow_changes = false
";

/// The sample of one plugin, as it would stand in a file.
pub fn plugin(entry: &Entry) -> String {
    let header = format!("{}.{}", entry.family.name(), entry.name);
    let mut out = format!("# {}\n", entry.about);
    match entry.family {
        Family::Parsers | Family::Serializers => {}
        _ => {
            let _written = writeln!(out, "[[{header}]]");
        }
    }
    options(&(entry.schema)(), &header, &mut out);
    match entry.format {
        Format::None => {}
        Format::Parses(default) | Format::Serializes(default) | Format::Both(default) => {
            let _written = write!(
                out,
                "  ## Data format; its own options stand in this table, too.\n  # data_format = \"{default}\"\n"
            );
        }
    }
    out
}

/// Options as comment lines: plain values first, tables after them.
fn options(schema: &Value, header: &str, out: &mut String) {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let is_table = |p: &Value| is(p, "object") || p.get("items").is_some_and(|i| is(i, "object"));
    for (key, property) in properties.iter().filter(|(_, p)| !is_table(p)) {
        about(property, out);
        let default = property.get("default").filter(|d| !d.is_null()).cloned().unwrap_or_else(|| empty(property));
        let _written = writeln!(out, "  # {key} = {}", toml(&default));
    }
    for (key, property) in properties.iter().filter(|(_, p)| is_table(p)) {
        about(property, out);
        if is(property, "object") {
            let _written = writeln!(out, "  # [{header}.{key}]");
            inner(property, out);
        } else if let Some(items) = property.get("items") {
            let _written = writeln!(out, "  # [[{header}.{key}]]");
            inner(items, out);
        }
    }
}

/// The options of a table within a plugin.
fn inner(schema: &Value, out: &mut String) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        out.push_str("  #   name = \"value\"\n");
        return;
    };
    for (key, property) in properties {
        for line in description(property).lines() {
            let _written = writeln!(out, "  #   ## {line}");
        }
        let default = property.get("default").filter(|d| !d.is_null()).cloned().unwrap_or_else(|| empty(property));
        let _written = writeln!(out, "  #   {key} = {}", toml(&default));
    }
}

fn about(property: &Value, out: &mut String) {
    for line in description(property).lines() {
        let _written = writeln!(out, "  ## {line}");
    }
}

fn description(property: &Value) -> &str {
    property.get("description").and_then(Value::as_str).unwrap_or_default()
}

/// True if the schema's type is, or may be, `kind`.
fn is(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(t)) => t == kind,
        Some(Value::Array(list)) => list.iter().any(|t| t == kind),
        _ => false,
    }
}

/// An empty value of a property's type, for options that have no default.
fn empty(property: &Value) -> Value {
    if is(property, "string") {
        json!("")
    } else if is(property, "boolean") {
        json!(false)
    } else if is(property, "array") {
        json!([])
    } else if is(property, "integer") || is(property, "number") {
        json!(0)
    } else {
        json!("")
    }
}

/// A value as TOML.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            format!(
                "{{{}}}",
                map.iter().map(|(k, v)| format!(" {k} = {}", toml(v))).collect::<Vec<_>>().join(",") + " "
            )
        }
        // JSON's escapes are TOML's.
        other => other.to_string(),
    }
}

/// The JSON Schema of a configuration, for editors.
pub fn schema() -> Value {
    let mut tables = Map::new();
    for family in [Family::Inputs, Family::Processors, Family::Aggregators, Family::Outputs, Family::SecretStores] {
        let mut plugins = Map::new();
        for entry in entries().into_iter().filter(|e| e.family == family) {
            let mut schema = (entry.schema)();
            if let Some(object) = schema.as_object_mut() {
                object.remove("$schema");
                object.insert("description".to_owned(), entry.about.into());
                // Common options and those of a format stand in the same table.
                object.insert("additionalProperties".to_owned(), true.into());
            }
            plugins.insert(entry.name.to_owned(), json!({ "type": "array", "items": schema }));
        }
        let table = json!({ "type": "object", "properties": plugins, "additionalProperties": false });
        tables.insert(family.name().to_owned(), table);
    }
    tables.insert("agent".to_owned(), json!({ "type": "object" }));
    tables.insert("global_tags".to_owned(), json!({ "type": "object", "additionalProperties": { "type": "string" } }));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "agent.toml",
        "type": "object",
        "properties": tables,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_show_their_help_and_default() {
        let schema = json!({ "properties": {
            "timeout": { "type": ["string", "number"], "default": "5s", "description": "How long.\nAt most." },
            "urls": { "type": "array", "items": { "type": "string" }, "default": ["a", "b"] },
            "tags": { "type": "object" },
            "rule": { "type": "array", "items": { "type": "object", "properties": { "key": { "type": "string" } } } },
        } });
        let mut out = String::new();
        options(&schema, "inputs.x", &mut out);
        let want = "  ## How long.\n  ## At most.\n  # timeout = \"5s\"\n  # urls = [\"a\", \"b\"]\n  # [inputs.x.tags]\n  #   name = \"value\"\n  # [[inputs.x.rule]]\n  #   key = \"\"\n";
        let mut got: Vec<&str> = out.lines().collect();
        let mut want: Vec<&str> = want.lines().collect();
        got.sort_unstable();
        want.sort_unstable();
        assert_eq!(got, want);
    }
}
