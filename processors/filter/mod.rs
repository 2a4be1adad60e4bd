//! Keeps or drops metrics by rules over names, tags and fields; the first rule that fits decides.

use agent_api::*;
use agent_golang::glob::Filter as Globs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

register!(Entry::processor::<Filter>());

/// The compiled rules.
struct Filter {
    rules: Vec<Rule>,
    /// What happens to a metric that no rule fits.
    default: Action,
}

/// Which metrics pass.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// What happens to metrics that no rule fits: "pass" or "drop".
    default: Action,
    /// The rules, tried in order.
    rule: Vec<RuleSettings>,
}

/// A rule; it fits a metric if all that it names fits. What it does not name does not matter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RuleSettings {
    /// Names of measurements, wildcards allowed: one has to fit.
    name: Vec<String>,
    /// Values for each tag, wildcards allowed: every tag named has to be there with one of its values.
    tags: BTreeMap<String, Vec<String>>,
    /// Keys of fields, wildcards allowed: one field at least has to fit.
    fields: Vec<String>,
    /// What happens to metrics that the rule fits: "pass" or "drop".
    action: Action,
}

/// What happens to a metric.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// It goes on.
    #[default]
    #[serde(alias = "")]
    Pass,
    /// It is removed.
    Drop,
}

impl Default for RuleSettings {
    fn default() -> Self {
        RuleSettings { name: Vec::new(), tags: BTreeMap::new(), fields: Vec::new(), action: Action::Drop }
    }
}

struct Rule {
    name: Option<Globs>,
    tags: Vec<(String, Globs)>,
    fields: Option<Globs>,
    action: Action,
}

impl Plugin for Filter {
    const NAME: &'static str = "filter";
    const ABOUT: &'static str = "Passes or drops metrics by rules.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let mut rules = Vec::with_capacity(settings.rule.len());
        for (i, rule) in settings.rule.into_iter().enumerate() {
            rules.push(Rule::compile(rule).with_context(|| format!("rule {}", i + 1))?);
        }
        Ok(Filter { rules, default: settings.default })
    }
}

impl Rule {
    fn compile(rule: RuleSettings) -> Result<Rule> {
        let list = |list: &[String]| match list {
            [] => Ok(None),
            _ => Globs::compile(list, &[]).map(Some),
        };
        let mut tags = Vec::with_capacity(rule.tags.len());
        for (key, values) in rule.tags {
            let globs = Globs::compile(&values, &[]).with_context(|| format!("tag {key:?}"))?;
            tags.push((key, globs));
        }
        Ok(Rule {
            name: list(&rule.name).context("name")?,
            fields: list(&rule.fields).context("fields")?,
            tags,
            action: rule.action,
        })
    }

    fn fits(&self, metric: MetricRef<'_>) -> bool {
        self.name.as_ref().is_none_or(|globs| globs.is_match(metric.name()))
            && self.tags.iter().all(|(key, globs)| metric.tag(key).is_some_and(|value| globs.is_match(value)))
            && self.fields.as_ref().is_none_or(|globs| metric.field_keys().any(|key| globs.is_match(key)))
    }
}

impl Processor for Filter {
    fn apply(&mut self, batch: &mut Batch) {
        batch.retain(|m| {
            let metric = m.read();
            let action = self.rules.iter().find(|rule| rule.fits(metric)).map_or(self.default, |rule| rule.action);
            action == Action::Pass
        });
    }
}
