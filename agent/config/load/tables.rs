//! Which tables of a file are plugins, and which are a mistake.

use crate::config::errors::Problem;
use crate::config::plugin::Found;
use agent_api::options::{Entry, Item, Setting, Table};
use agent_api::plugin::Family;

/// The plugins of a file in the order in which they stand there, as far as they are `wanted`.
pub(in crate::config) fn plugins<'t>(
    root: &'t Table,
    wanted: impl Fn(Family, &str) -> bool,
    problems: &mut Vec<Problem>,
) -> Vec<Found<'t>> {
    let mut found = Vec::new();
    for entry in root.entries() {
        let family = match entry.key.as_str() {
            "agent" | "global_tags" | "tags" => {
                if !matches!(entry.item.value, Setting::Table(_)) {
                    problems.push(no_table(entry));
                }
                continue;
            }
            "inputs" | "plugins" => Family::Inputs,
            "outputs" => Family::Outputs,
            "processors" => Family::Processors,
            "aggregators" => Family::Aggregators,
            "secretstores" => Family::SecretStores,
            // Before there were families, every other table was an input.
            name => {
                match &entry.item.value {
                    Setting::Table(_) if !wanted(Family::Inputs, name) => {}
                    Setting::Table(table) => {
                        found.push(Found { family: Family::Inputs, name, table, span: table.span, at_top: true });
                    }
                    _ => problems.push(no_table(entry)),
                }
                continue;
            }
        };
        match &entry.item.value {
            Setting::Table(table) => {
                for plugin in table.entries().iter().filter(|e| wanted(family, &e.key)) {
                    problems.extend(member(family, plugin, &mut found));
                }
            }
            _ => problems.push(no_table(entry)),
        }
    }
    found.sort_by_key(|f| f.span.from);
    found
}

/// `[[family.name]]`, or `[family.name]` for inputs and outputs.
fn member<'t>(family: Family, entry: &'t Entry, found: &mut Vec<Found<'t>>) -> Option<Problem> {
    let name = entry.key.as_str();
    let single = matches!(family, Family::Inputs | Family::Outputs);
    let mut add = |item: &'t Item| match &item.value {
        Setting::Table(table) => {
            found.push(Found { family, name, table, span: table.span, at_top: false });
            true
        }
        _ => false,
    };
    let fits = match &entry.item.value {
        Setting::Array(list) => list.iter().all(add),
        Setting::Table(_) if single => add(&entry.item),
        _ => false,
    };
    let full = format!("{}.{name}", family.name());
    (!fits).then(|| {
        Problem::at(entry.item.span, format!("unsupported config format: {full}"))
            .hint(format!("every plugin begins with [[{full}]]"))
    })
}

/// A setting at the top of a file, or a family of plugins that is a value.
fn no_table(entry: &Entry) -> Problem {
    let problem = Problem::at(entry.at, format!("invalid configuration, {:?} is not a table", entry.key));
    match (&entry.item.value, entry.key.as_str()) {
        (Setting::Array(_), key @ ("agent" | "global_tags" | "tags")) => problem.hint(format!("write [{key}]")),
        (Setting::Array(list), key) if list.iter().any(|i| matches!(i.value, Setting::Table(_))) => {
            problem.hint(format!("write [[inputs.{key}]]"))
        }
        (_, "inputs" | "outputs" | "processors" | "aggregators" | "secretstores") => {
            problem.hint(format!("plugins are written [[{}.name]]", entry.key))
        }
        _ => problem.hint("settings stand below a header such as [agent]"),
    }
}
