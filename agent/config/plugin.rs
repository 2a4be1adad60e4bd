//! One plugin's table: common options, the plugin's own and those of its data format go their ways, or are unknown.

use super::common::Common;
use super::errors::{Files, Problem, name_hints};
use super::labels::is_label;
use super::{Filter, Instance, digest, id, legacy, names};
use agent_api::options::{Item, Setting, Span, Table};
use agent_api::plugin::{self, Entry, Family, Format};

/// A plugin as it was found in a file.
pub(super) struct Found<'a> {
    pub(super) family: Family,
    pub(super) name: &'a str,
    pub(super) table: &'a Table,
    /// Its header.
    pub(super) span: Span,
    /// True if it stands at the top, where inputs stood before there were families.
    pub(super) at_top: bool,
}

/// The tables at the top of a file.
const TOP: [&str; 7] = ["agent", "global_tags", "inputs", "outputs", "processors", "aggregators", "secretstores"];

/// A plugin with its common options split off.
pub(super) struct Split {
    pub(super) instance: Instance,
    pub(super) common: Common,
    pub(super) filter: Filter,
}

/// What was said about a plugin while it was read.
#[derive(Default)]
pub(super) struct Remarks {
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Vec<String>,
}

impl Found<'_> {
    /// The plugin as users name it.
    pub(super) fn full_name(&self) -> String {
        format!("{}.{}", self.family.name(), self.name)
    }

    /// Its labels, read first: a plugin that is not selected is not looked at further.
    pub(super) fn labels(&self, problems: &mut Vec<Problem>) -> Option<std::collections::BTreeMap<String, String>> {
        let Some(entry) = self.table.entries().iter().find(|e| e.key == "labels") else {
            return Some(Default::default());
        };
        let labels = super::typed::text_table(entry).map_err(|p| problems.push(p)).ok()?;
        let bad = labels.iter().find(|(key, value)| !is_label(key) || !is_label(value));
        if let Some((key, value)) = bad {
            let hint = "letters, digits, \".\", \"_\" and \"-\" are allowed";
            problems.push(Problem::at(entry.item.span, format!("invalid label {key:?} = {value:?}")).hint(hint));
            return None;
        }
        Some(labels)
    }

    /// Splits its table. None if there is no such plugin or format; other mistakes leave a plugin that can be checked further.
    pub(super) fn split(&self, files: &Files, remarks: &mut Remarks) -> Option<Split> {
        let Some((entry, mut table)) = self.entry(&mut remarks.notes) else {
            remarks.problems.push(self.unknown());
            return None;
        };
        if let Some(system) = entry.missing_here() {
            let message = format!("{} is not on {system}, it looks at what only Linux has", self.full_name());
            remarks.problems.push(Problem::at(self.span, message));
            return None;
        }
        (entry.migrate)(&mut table, &mut remarks.notes);
        let formats = match Formats::of(entry, &table) {
            Ok(formats) => formats,
            Err(problem) => {
                remarks.problems.push(problem);
                return None;
            }
        };
        for format in formats.iter() {
            (format.migrate)(&mut table, &mut remarks.notes);
        }
        let own = (entry.keys)();
        let (parser_keys, serializer_keys) = (keys(formats.parser), keys(formats.serializer));
        let owned = |key: &str| own.contains(&key) || parser_keys.contains(&key) || serializer_keys.contains(&key);
        let common = Common::split(self.family, &mut table, owned, &mut remarks.problems, &mut remarks.notes);

        let rest = table.split(|key| !own.contains(&key));
        let (mut to_parser, mut to_serializer) = (Table::new(table.span), Table::new(table.span));
        for option in rest.into_entries() {
            let (parses, serializes) =
                (parser_keys.contains(&option.key.as_str()), serializer_keys.contains(&option.key.as_str()));
            if parses {
                to_parser.set(&option.key, option.at, option.item.clone());
            }
            if serializes {
                to_serializer.set(&option.key, option.at, option.item.clone());
            }
            if !parses && !serializes {
                remarks.problems.push(self.unused(&option, entry, &formats, files));
            }
        }
        let level = common.log_level.map_or_else(String::new, |level| format!("{level:?}"));
        let name = format!("{}\0{}\0{level}", self.full_name(), common.alias);
        let mut parts = vec![("", &table)];
        parts.extend(formats.parser.map(|entry| (entry.name, &to_parser)));
        parts.extend(formats.serializer.map(|entry| (entry.name, &to_serializer)));
        let digest = digest::of(&name, &parts);
        let mut instance = Instance {
            entry,
            own: digest,
            whole: digest::of(&self.full_name(), &[("", self.table)]),
            table,
            parser: formats.parser.map(|entry| (entry, to_parser)),
            serializer: formats.serializer.map(|entry| (entry, to_serializer)),
            alias: common.alias.clone(),
            log_level: common.log_level,
            source: self.span.file as usize,
            span: self.span,
            id: id::of(&self.full_name(), self.table, files),
        };
        // A key that moved to the format is still the plugin's where its code reads the name of the format itself.
        if own.contains(&"data_format")
            && let Some(option) = self.table.entries().iter().find(|e| e.key == "data_format")
        {
            instance.table.set("data_format", option.at, option.item.clone());
        }
        let filter = common.filter.compile(instance.log(), &mut remarks.problems);
        Some(Split { instance, common, filter })
    }

    /// The plugin of its name, or of the name that it would have today, and its table.
    fn entry(&self, notes: &mut Vec<String>) -> Option<(&'static Entry, Table)> {
        if let Some(entry) = plugin::find(self.family, self.name) {
            return Some((entry, self.table.clone()));
        }
        let translated = legacy::translate(self.family, self.name, self.table)?;
        let entry = plugin::find(self.family, translated.name)?;
        notes.push(format!("it is now called {}.{}", self.family.name(), translated.name));
        Some((entry, translated.table))
    }

    fn unknown(&self) -> Problem {
        let kind = match self.family {
            Family::SecretStores => "secretstores",
            family => family.name().trim_end_matches('s'),
        };
        let problem = Problem::at(self.span, format!("undefined but requested {kind}: {}", self.name));
        let known = plugin::entries().into_iter().filter(|e| e.family == self.family).map(|e| e.name);
        if names::is_telegrafs(self.family, self.name) {
            return problem.hint(format!("{} is a plugin of Telegraf that is not supported yet", self.full_name()));
        }
        if let Some(other) = legacy::replacement(self.family, self.name) {
            return problem.hint(format!("use {other}"));
        }
        if let Some(near) = plugin::nearest(self.name, TOP).filter(|_| self.at_top) {
            return problem.hint(format!("did you mean {near:?}?"));
        }
        match plugin::nearest(self.name, known) {
            Some(near) => problem.hint(format!("did you mean {near:?}?")),
            None => problem,
        }
    }

    /// An option that neither the plugin nor its format has.
    fn unused(&self, option: &agent_api::options::Entry, entry: &Entry, formats: &Formats, files: &Files) -> Problem {
        let line = files.position(option.at).map_or(0, |(line, _)| line);
        let key = &option.key;
        let message = format!("line {line}: configuration specified the fields [{key:?}], but they were not used");
        let mut known = (entry.keys)();
        formats.iter().for_each(|format| known.extend((format.keys)()));
        let mut hints = name_hints(key, &known);
        if let Some(format) = formats.other_with(key) {
            hints.insert(0, format!("{key:?} is an option of data_format = {format:?}"));
        } else if !hints.iter().any(|hint| hint.starts_with("did"))
            && let Some(near) = plugin::nearest(key, super::common::names())
        {
            hints.insert(0, format!("did you mean {near:?}?"));
        }
        Problem { hints, ..Problem::at(option.at, message) }
    }
}

fn keys(format: Option<&'static Entry>) -> Vec<&'static str> {
    format.map(|entry| (entry.keys)()).unwrap_or_default()
}

/// The data formats that a plugin reads and writes.
struct Formats {
    parser: Option<&'static Entry>,
    serializer: Option<&'static Entry>,
}

impl Formats {
    fn of(entry: &Entry, table: &Table) -> Result<Self, Problem> {
        let (default, parses, serializes) = match entry.format {
            Format::None => return Ok(Formats { parser: None, serializer: None }),
            Format::Parses(name) => (name, true, false),
            Format::Serializes(name) => (name, false, true),
            Format::Both(name) => (name, true, true),
        };
        let (name, span) = match table.get("data_format") {
            None => (default, table.span),
            Some(Item { value: Setting::Str(name), span }) if name.is_empty() => (default, *span),
            Some(Item { value: Setting::Str(name), span }) => (name.as_str(), *span),
            Some(item) => {
                let message = format!("data_format: expected a string, found {}", item.value.kind());
                return Err(Problem::at(item.span, message));
            }
        };
        let find = |wanted: bool, family| if wanted { find_format(family, name, span).map(Some) } else { Ok(None) };
        Ok(Formats { parser: find(parses, Family::Parsers)?, serializer: find(serializes, Family::Serializers)? })
    }

    fn iter(&self) -> impl Iterator<Item = &'static Entry> {
        self.parser.into_iter().chain(self.serializer)
    }

    /// Another format of the same direction that has the option.
    fn other_with(&self, key: &str) -> Option<&'static str> {
        let families: Vec<Family> = self.iter().map(|e| e.family).collect();
        let has = |e: &&Entry| families.contains(&e.family) && (e.keys)().contains(&key);
        plugin::entries().into_iter().find(has).map(|e| e.name)
    }
}

fn find_format(family: Family, name: &str, span: Span) -> Result<&'static Entry, Problem> {
    plugin::find(family, name).ok_or_else(|| {
        let kind = family.name().trim_end_matches('s');
        let known: Vec<&str> = plugin::entries().into_iter().filter(|e| e.family == family).map(|e| e.name).collect();
        let problem = Problem::at(span, format!("undefined but requested {kind}: {name}"));
        if names::is_telegrafs(family, name) {
            return problem.hint(format!("data format {name:?} of Telegraf is not supported yet"));
        }
        Problem { hints: name_hints(name, &known), ..problem }
    })
}
