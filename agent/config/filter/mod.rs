//! Metric filters: which metrics a plugin sees, and which of their fields and tags (TELEGRAF.md 5).
//!
//! A filter runs on every metric of every plugin that has one, so everything is compiled beforehand and nothing is
//! allocated; a plugin without filters pays for a comparison with null.

use super::errors::Problem;
use agent_api::options::Span;
use agent_api::{Batch, Log, MetricMut, MetricRef, Value};
use agent_cel::{Program, Subject};
use agent_golang::glob::{self, IncludeExclude};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The filter of one plugin, compiled; cloning shares it. The default lets everything pass unchanged.
#[derive(Clone, Debug, Default)]
pub struct Filter(Option<Arc<Rules>>);

#[derive(Debug)]
struct Rules {
    /// None: every name.
    names: Option<Names>,
    tagpass: TagLists,
    tagdrop: TagLists,
    metricpass: Option<Expression>,
    fields: Option<IncludeExclude>,
    tags: Option<IncludeExclude>,
}

/// namepass and namedrop have separators of their own.
#[derive(Debug)]
struct Names {
    pass: glob::Filter,
    drop: glob::Filter,
}

/// Keys with the patterns of their values.
type TagLists = Vec<(String, glob::Filter)>;

impl Filter {
    /// True if every metric is selected.
    pub fn selects_all(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|r| r.names.is_none() && r.tagpass.is_empty() && r.tagdrop.is_empty() && r.metricpass.is_none())
    }

    /// True if selected metrics are left as they are.
    pub fn modifies_nothing(&self) -> bool {
        self.0.as_ref().is_none_or(|r| r.fields.is_none() && r.tags.is_none())
    }

    /// namepass, namedrop, tagpass, tagdrop and metricpass.
    pub fn selects(&self, metric: MetricRef<'_>) -> bool {
        let Some(rules) = &self.0 else { return true };
        let has = |lists: &TagLists| {
            lists.iter().any(|(key, values)| metric.tag(key).is_some_and(|value| values.is_match(value)))
        };
        rules.names.as_ref().is_none_or(|names| names.select(metric.name()))
            && (rules.tagpass.is_empty() || has(&rules.tagpass))
            && !has(&rules.tagdrop)
            && rules.metricpass.as_ref().is_none_or(|e| e.holds(metric))
    }

    /// fieldinclude, fieldexclude, taginclude, tagexclude; false if no field is left.
    pub fn modify(&self, metric: &mut MetricMut<'_>) -> bool {
        let Some(rules) = &self.0 else { return true };
        if let Some(fields) = &rules.fields {
            metric.retain_fields(|key| fields.passes(key));
            if metric.read().fields().len() == 0 {
                return false;
            }
        }
        if let Some(tags) = &rules.tags {
            metric.retain_tags(|key, _| tags.passes(key));
        }
        true
    }

    /// `modify` on a whole batch; metrics without fields are removed.
    pub fn modify_all(&self, batch: &mut Batch) {
        if !self.modifies_nothing() {
            batch.retain(|m| self.modify(m));
        }
    }
}

impl Names {
    fn select(&self, name: &str) -> bool {
        (self.pass.is_empty() || self.pass.is_match(name)) && !self.drop.is_match(name)
    }
}

/// The filter options of one plugin as they were read, with the places of those that were given.
#[derive(Clone, Debug, Default)]
pub(super) struct FilterOptions {
    pub(super) namepass: List,
    pub(super) namepass_separator: String,
    pub(super) namedrop: List,
    pub(super) namedrop_separator: String,
    pub(super) fieldinclude: List,
    pub(super) fieldexclude: List,
    pub(super) tagpass: Vec<(String, Vec<String>)>,
    pub(super) tagpass_at: Span,
    pub(super) tagdrop: Vec<(String, Vec<String>)>,
    pub(super) tagdrop_at: Span,
    pub(super) taginclude: List,
    pub(super) tagexclude: List,
    pub(super) metricpass: String,
    pub(super) metricpass_at: Span,
}

/// A list of names or patterns, and where it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    pub(super) entries: Vec<String>,
    pub(super) at: Span,
}

impl List {
    /// Adds what an older spelling of the option lists, or the newer one: both count.
    pub(super) fn join(&mut self, other: List) {
        self.entries.extend(other.entries);
        self.at = other.at;
    }
}

impl FilterOptions {
    /// Compiles the filter; every option that cannot be is a problem. `log` gets the errors of `metricpass`.
    pub(super) fn compile(&self, log: Log, problems: &mut Vec<Problem>) -> Filter {
        let mut globs = |key: &str, list: &[String], separators: &str, at: Span| {
            let separators: Vec<char> = separators.chars().collect();
            glob::Filter::compile(list, &separators).unwrap_or_else(|error| {
                problems.push(Problem::at(at, format!("{key}: {error}")));
                glob::Filter::default()
            })
        };
        let names = Names {
            pass: globs("namepass", &self.namepass.entries, &self.namepass_separator, self.namepass.at),
            drop: globs("namedrop", &self.namedrop.entries, &self.namedrop_separator, self.namedrop.at),
        };
        let mut tag_lists = |key: &str, lists: &[(String, Vec<String>)], at: Span| -> TagLists {
            let compiled =
                |(tag, values): &(String, Vec<String>)| (tag.clone(), globs(&format!("{key}.{tag}"), values, "", at));
            lists.iter().map(compiled).collect()
        };
        let tagpass = tag_lists("tagpass", &self.tagpass, self.tagpass_at);
        let tagdrop = tag_lists("tagdrop", &self.tagdrop, self.tagdrop_at);
        let fields = include_exclude("field", &self.fieldinclude, &self.fieldexclude, problems);
        let tags = include_exclude("tag", &self.taginclude, &self.tagexclude, problems);
        let metricpass = (!self.metricpass.is_empty()).then(|| Program::compile(&self.metricpass));
        let metricpass = match metricpass.transpose() {
            Ok(program) => program.map(|program| Expression { program, log, failures: AtomicU64::new(0) }),
            Err(error) => {
                problems.push(Problem::at(self.metricpass_at, format!("metricpass: {error}")));
                None
            }
        };
        let names = (!self.namepass.entries.is_empty() || !self.namedrop.entries.is_empty()).then_some(names);
        let nothing = names.is_none()
            && tagpass.is_empty()
            && tagdrop.is_empty()
            && metricpass.is_none()
            && fields.is_none()
            && tags.is_none();
        let rules = || Arc::new(Rules { names, tagpass, tagdrop, metricpass, fields, tags });
        Filter((!nothing).then(rules))
    }
}

fn include_exclude(of: &str, include: &List, exclude: &List, problems: &mut Vec<Problem>) -> Option<IncludeExclude> {
    match IncludeExclude::compile(&include.entries, &exclude.entries, &[]) {
        Ok(both) => (!both.is_empty()).then_some(both),
        Err(error) => {
            let bad = glob::Filter::compile(&include.entries, &[]).is_err();
            let (key, at) = if bad { ("include", include.at) } else { ("exclude", exclude.at) };
            problems.push(Problem::at(at, format!("{of}{key}: {error}")));
            None
        }
    }
}

/// `metricpass`.
#[derive(Debug)]
struct Expression {
    program: Program,
    log: Log,
    failures: AtomicU64,
}

impl Expression {
    /// A metric for which the expression fails passes, as in Telegraf; the error is said at its 1st, 2nd, 4th, 8th ... time.
    fn holds(&self, metric: MetricRef<'_>) -> bool {
        self.program.test(&Seen(metric)).unwrap_or_else(|error| {
            let times = self.failures.fetch_add(1, Relaxed) + 1;
            if times.is_power_of_two() {
                self.log.error(format_args!(
                    "evaluate metricpass for metric {:?}: {error} ({times} so far)",
                    metric.name()
                ));
            }
            true
        })
    }
}

/// A metric as expressions see it.
struct Seen<'a>(MetricRef<'a>);

fn seen(value: Value<'_>) -> agent_cel::Field<'_> {
    match value {
        Value::Float(v) => agent_cel::Field::Float(v),
        Value::Int(v) => agent_cel::Field::Int(v),
        Value::Uint(v) => agent_cel::Field::Uint(v),
        Value::Bool(v) => agent_cel::Field::Bool(v),
        Value::Str(v) => agent_cel::Field::Str(v),
    }
}

impl Subject for Seen<'_> {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn time_ns(&self) -> i64 {
        self.0.time()
    }
    fn tag(&self, key: &str) -> Option<&str> {
        self.0.tag(key)
    }
    fn tag_count(&self) -> usize {
        self.0.tags().len()
    }
    fn tag_at(&self, place: usize) -> Option<(&str, &str)> {
        self.0.tags().nth(place)
    }
    fn field(&self, key: &str) -> Option<agent_cel::Field<'_>> {
        self.0.field(key).map(seen)
    }
    fn field_count(&self) -> usize {
        self.0.fields().len()
    }
    fn field_at(&self, place: usize) -> Option<(&str, agent_cel::Field<'_>)> {
        self.0.fields().nth(place).map(|(key, value)| (key, seen(value)))
    }
}

#[cfg(test)]
mod tests;
