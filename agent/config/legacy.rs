//! Plugins of older Telegraf under the names that took their place.
//!
//! Telegraf 1.40 refuses them. Where all that they could do is an option of a plugin that we have, the old section is
//! translated, with a note; for the others the error names the plugin to be used.

use agent_api::options::{Entry, Item, Setting, Table};
use agent_api::plugin::Family;

/// A section in the words of today.
pub(super) struct Translated {
    pub(super) name: &'static str,
    pub(super) table: Table,
}

/// The section of a plugin that was renamed or taken up by another. None for all others.
pub(super) fn translate(family: Family, name: &str, table: &Table) -> Option<Translated> {
    let mut table = table.clone();
    let name = match (family, name) {
        (Family::Inputs, "io") => "diskio",
        (Family::Inputs, "http_listener") => "influxdb_listener",
        (Family::Inputs, "tcp_listener") => {
            socket(&mut table, "tcp");
            table.rename("max_tcp_connections", "max_connections");
            "socket_listener"
        }
        (Family::Inputs, "udp_listener") => {
            socket(&mut table, "udp");
            table.rename("udp_buffer_size", "read_buffer_size");
            table.remove("udp_packet_size");
            "socket_listener"
        }
        (Family::Inputs, "logparser") => {
            logparser(&mut table);
            "tail"
        }
        _ => return None,
    };
    Some(Translated { name, table })
}

/// `:8125` of the old listeners is `udp://:8125` now; queue sizes are the agent's business.
fn socket(table: &mut Table, scheme: &str) {
    table.remove("allowed_pending_messages");
    if let Some(Item { value: Setting::Str(address), .. }) = table.get_mut("service_address")
        && !address.contains("://")
    {
        *address = format!("{scheme}://{address}");
    }
}

/// Its table `grok` has become the options of the data format grok.
fn logparser(table: &mut Table) {
    let span = table.span;
    table.set("data_format", span, Item { value: Setting::Str("grok".to_owned()), span });
    let Some(grok) = table.remove("grok") else { return };
    let tables = match grok.item.value {
        Setting::Table(grok) => vec![grok],
        Setting::Array(list) => list.into_iter().filter_map(|item| as_table(item.value)).collect(),
        _ => Vec::new(),
    };
    for option in tables.into_iter().flat_map(Table::into_entries) {
        let key = match option.key.as_str() {
            "measurement" => "name_override".to_owned(),
            key => format!("grok_{key}"),
        };
        table.set(&key, option.at, option.item);
    }
}

fn as_table(value: Setting) -> Option<Table> {
    match value {
        Setting::Table(table) => Some(table),
        _ => None,
    }
}

/// Options that several plugins had under other names.
pub(super) const COMMON: [(&str, &str); 8] = [
    ("pass", "fieldinclude"),
    ("fieldpass", "fieldinclude"),
    ("drop", "fieldexclude"),
    ("fielddrop", "fieldexclude"),
    ("ssl_ca", "tls_ca"),
    ("ssl_cert", "tls_cert"),
    ("ssl_key", "tls_key"),
    ("ssl_allowed_cacerts", "tls_allowed_cacerts"),
];

/// True for the new names that every plugin has.
pub(super) fn is_filter(option: &str) -> bool {
    matches!(option, "fieldinclude" | "fieldexclude")
}

/// Exchanges options of a plugin that are refused when it is loaded, as Telegraf does, and known to those who rewrite a file.
pub(super) fn refused(family: Family, name: &str, table: &mut Table) {
    match (family, name) {
        (Family::Inputs, "tail") => {
            let Some(Item { value: Setting::Bool(from_beginning), span }) = table.get("from_beginning").cloned() else {
                return;
            };
            let at = table.remove("from_beginning").map_or(span, |entry: Entry| entry.at);
            if from_beginning && !table.has("initial_read_offset") {
                table.set("initial_read_offset", at, Item { value: Setting::Str("beginning".to_owned()), span });
            }
        }
        (Family::Inputs, "http_response") => one_of_many(table, "address", "urls"),
        (Family::Outputs, "influxdb") => one_of_many(table, "url", "urls"),
        (Family::Processors, "enum") => {
            for mapping in table.entries_mut().iter_mut().filter(|e| e.key == "mapping") {
                let Setting::Array(mappings) = &mut mapping.item.value else { continue };
                for mapping in mappings {
                    if let Setting::Table(mapping) = &mut mapping.value {
                        one_of_many(mapping, "field", "fields");
                        one_of_many(mapping, "tag", "tags");
                    }
                }
            }
        }
        _ => {}
    }
}

/// An option with one value became one with a list of them.
fn one_of_many(table: &mut Table, old: &str, new: &str) {
    if table.rename(old, new)
        && let Some(item) = table.get_mut(new)
        && !matches!(item.value, Setting::Array(_))
    {
        let one = item.clone();
        item.value = Setting::Array(vec![one]);
    }
}

/// What to use in place of a plugin that was removed.
pub(super) fn replacement(family: Family, name: &str) -> Option<&'static str> {
    Some(match (family, name) {
        (Family::Inputs, "httpjson") => "inputs.http with data_format = \"json\"",
        (Family::Inputs, "snmp_legacy") => "inputs.snmp",
        (Family::Inputs, "kafka_consumer_legacy") => "inputs.kafka_consumer",
        (Family::Inputs, "cassandra" | "jolokia") => "inputs.jolokia2_agent",
        (Family::Inputs, "KNXListener") => "inputs.knx_listener",
        (Family::Inputs, "mqtt") => "inputs.mqtt_consumer",
        (Family::Outputs, "riemann_legacy") => "outputs.riemann",
        (Family::Processors, "port") => "processors.port_name",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::toml::{Text, read};
    use super::*;

    #[test]
    fn sections_become_those_of_today() {
        for (name, text, want_name, want) in [
            (
                "udp_listener",
                "service_address = ':1'\nallowed_pending_messages = 1\nudp_buffer_size = 2",
                "socket_listener",
                "service_address = Str(\"udp://:1\"), read_buffer_size = Int(2)",
            ),
            ("tcp_listener", "max_tcp_connections = 3", "socket_listener", "max_connections = Int(3)"),
            (
                "logparser",
                "files = ['x']\n[grok]\npatterns = 1\nmeasurement = 'm'",
                "tail",
                "files, data_format = Str(\"grok\"), grok_patterns = Int(1), name_override = Str(\"m\")",
            ),
        ] {
            let (table, _) = read(&Text::new(0, text, false));
            let translated = translate(Family::Inputs, name, &table).unwrap();
            let option = |e: &agent_api::options::Entry| match &e.item.value {
                Setting::Array(_) => e.key.clone(),
                value => format!("{} = {value:?}", e.key),
            };
            let options: Vec<String> = translated.table.entries().iter().map(option).collect();
            assert_eq!((translated.name, options.join(", ").as_str()), (want_name, want));
        }
    }
}
