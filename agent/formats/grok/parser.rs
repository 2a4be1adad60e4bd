//! Reading: the first pattern that fits a line makes a metric of its captures.

use super::pattern::{Kind, Pattern, Patterns};
use super::stamp::{Apart, Stamp, Times};
use crate::lines;
use crate::scalar::default_name;
use agent_api::*;
use agent_golang::duration;
use agent_golang::number::{parse_float, parse_int};
use agent_golang::regexp::{Groups, Matcher};
use agent_golang::time::Zone;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<Grok>());

/// What lines look like.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Patterns, tried in this order: regular expressions of Go with `%{NAME}`, `%{NAME:key}` and `%{NAME:key:modifier}` in them. Captures
    /// with a key become text fields; modifiers make them `int`, `float`, `duration` (nanoseconds), `tag`, `measurement` (the
    /// name), `drop` (nothing) or the time (`ts-httpd`, `ts-epoch`, `ts-"LAYOUT"` and others).
    grok_patterns: Vec<String>,
    /// Definitions that are tried as patterns, such as `%{COMMON_LOG_FORMAT}`, after `grok_patterns`.
    grok_named_patterns: Vec<String>,
    /// Definitions, one a line: a name and a pattern.
    grok_custom_patterns: String,
    /// Files of definitions.
    grok_custom_pattern_files: Vec<String>,
    /// Zone of times that have none: `Local`, or a name such as `Europe/Berlin`; nothing for UTC.
    grok_timezone: String,
    /// Whether lines of the same time are moved apart, by the unit below the one that they use: `auto` or `disable`.
    grok_unique_timestamp: String,
    /// Takes the whole document for one line.
    grok_multiline: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            grok_patterns: Vec::new(),
            grok_named_patterns: Vec::new(),
            grok_custom_patterns: String::new(),
            grok_custom_pattern_files: Vec::new(),
            grok_timezone: String::new(),
            grok_unique_timestamp: "auto".to_owned(),
            grok_multiline: false,
        }
    }
}

/// The parser of lines by patterns.
pub struct Grok {
    name: String,
    rules: Vec<Rule>,
    zone: Zone,
    times: Times,
    multiline: bool,
    /// It reads parts, whose times are settled when they are put together.
    shares: bool,
    groups: Groups,
    /// What could not be converted: the field is left out, the line stays.
    complaints: ParseError,
}

/// One pattern, compiled.
struct Rule {
    matcher: Matcher,
    captures: Vec<Capture>,
    /// The groups whose text is the name of the metric.
    names: Vec<usize>,
}

struct Capture {
    key: String,
    /// Where the matcher notes it.
    slot: usize,
    action: Action,
}

enum Action {
    Text,
    Int,
    Float,
    Duration,
    Tag,
    Time(Box<Stamp>),
}

/// Files of definitions are read up to this size.
const LARGEST_FILE: u64 = 16 << 20;

impl Plugin for Grok {
    const NAME: &'static str = "grok";
    const ABOUT: &'static str = "Lines of any form, by named patterns.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let mut patterns = Patterns::built_in();
        patterns.add(&settings.grok_custom_patterns).context("grok_custom_patterns")?;
        for file in &settings.grok_custom_pattern_files {
            let added = read(file).and_then(|definitions| patterns.add(&definitions));
            added.with_context(|| format!("grok_custom_pattern_files: read {file:?}"))?;
        }
        let mut rules = Vec::new();
        for (option, list) in
            [("grok_patterns", &settings.grok_patterns), ("grok_named_patterns", &settings.grok_named_patterns)]
        {
            for pattern in list.iter().map(|pattern| pattern.trim()).filter(|pattern| !pattern.is_empty()) {
                let built = patterns.expand(pattern).and_then(Rule::new);
                let rule = built
                    .with_context(|| format!("{option}: pattern {:?}", pattern.chars().take(60).collect::<String>()))?;
                if rule.captures.is_empty() {
                    env.log.warn(format_args!("{option}: pattern {pattern:?} captures nothing and is left out"));
                    continue;
                }
                rules.push(rule);
            }
        }
        ensure!(!rules.is_empty(), "grok_patterns: no pattern that captures something is given");
        let zone = Zone::parse(&settings.grok_timezone).unwrap_or_else(|e| {
            env.log.warn(format_args!("grok_timezone: {e}, UTC is taken"));
            Zone::Utc
        });
        let apart = match settings.grok_unique_timestamp.as_str() {
            "" | "auto" => Some(Apart::default()),
            "disable" => None,
            other => bail!("grok_unique_timestamp: {other:?} is neither \"auto\" nor \"disable\""),
        };
        Ok(Grok {
            name: default_name(env),
            rules,
            zone,
            times: Times::new(apart),
            shares: false,
            multiline: settings.grok_multiline,
            groups: Groups::default(),
            complaints: ParseError::default(),
        })
    }
}

fn read(file: &str) -> Result<String> {
    let size = std::fs::metadata(file)?.len();
    ensure!(size <= LARGEST_FILE, "the file has {size} bytes, more than {LARGEST_FILE}");
    Ok(std::fs::read_to_string(file)?)
}

impl Rule {
    fn new(pattern: Pattern) -> Result<Rule> {
        let Pattern { expression, keys, kinds } = pattern;
        let matcher = Matcher::compile(&expression)?;
        let (mut captures, mut names) = (Vec::new(), Vec::new());
        for (group, slot) in matcher.groups() {
            // Groups that the user named in the regular expression itself stand for themselves.
            let key = keys.get(group).map_or(group, |key| key);
            let action = match kinds.get(key).unwrap_or(&Kind::Text) {
                Kind::Text => Action::Text,
                Kind::Int => Action::Int,
                Kind::Float => Action::Float,
                Kind::Duration => Action::Duration,
                Kind::Tag => Action::Tag,
                Kind::Time(format) => Action::Time(Box::new(Stamp::new(format)?)),
                Kind::Measurement => {
                    names.push(slot);
                    continue;
                }
                Kind::Drop => continue,
            };
            captures.push(Capture { key: key.to_owned(), slot, action });
        }
        Ok(Rule { matcher, captures, names })
    }
}

impl Parser for Grok {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let text = body.text();
        if self.multiline {
            return self.parse_line(&text, out);
        }
        let now = plugin::now();
        let mut errors = ParseError::default();
        for (i, line) in text.lines().enumerate() {
            if let Err(e) = self.line(line, i + 1, now, out) {
                errors.append(e, 0);
            }
            out.checkpoint();
        }
        self.complain(out);
        errors.or_ok()
    }

    fn parse_line(&mut self, line: &str, out: &mut Collector) -> Result<(), ParseError> {
        let result = self.line(line, 0, plugin::now(), out);
        self.complain(out);
        result
    }

    fn cut(&self, bytes: &[u8]) -> Option<usize> {
        if self.multiline { None } else { Some(lines::whole(bytes)) }
    }

    fn share(&mut self) -> bool {
        self.shares = !self.multiline;
        self.shares
    }

    fn join(&mut self, part: &mut Batch) {
        let now = plugin::now();
        part.map_times(|time| self.times.settle(time, now));
    }
}

impl Grok {
    /// Adds the metric of a line; nothing if no pattern fits it.
    fn line(&mut self, line: &str, number: usize, now: i64, out: &mut Collector) -> Result<(), ParseError> {
        let Grok { name, rules, zone, groups, complaints, times, shares, .. } = self;
        for rule in rules {
            match rule.matcher.find(line, groups) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(e) => return Err(ParseError::whole(e)),
            }
            let text = |slot| groups.at(slot).map(|(from, to)| &line[from..to]).filter(|text| !text.is_empty());
            let name = rule.names.iter().rev().find_map(|slot| text(*slot)).unwrap_or(name);
            let mut m = out.batch().metric(name);
            let mut time = None;
            for Capture { key, slot, action } in &mut rule.captures {
                let Some(value) = text(*slot) else { continue };
                let converted = match action {
                    Action::Text => {
                        m.add_field(key, value);
                        Ok(())
                    }
                    Action::Tag => {
                        m.add_tag(key, value);
                        Ok(())
                    }
                    Action::Int => int(value).map(|value| m.add_field(key, value)),
                    Action::Float => parse_float(value).map(|value| m.add_field(key, value)).map_err(Error::from),
                    Action::Duration => {
                        duration::parse(value).map(|value| m.add_field(key, value)).map_err(Error::from)
                    }
                    Action::Time(stamp) => {
                        stamp.parse(value, zone, now).map(|value| time = Some(value)).map_err(Error::msg)
                    }
                };
                if let Err(e) = converted {
                    complaints.add(number, line, format_args!("read {key:?}: {e}"));
                }
            }
            let time = if *shares { time } else { Some(times.settle(time, now)) };
            drop(match time {
                Some(time) => m.time(time),
                None => m,
            });
            return Ok(());
        }
        Ok(())
    }

    /// Reports what could not be converted, all of a call as one: a pattern that is wrong is so on every line.
    fn complain(&mut self, out: &mut Collector) {
        if self.complaints.bad > 0 {
            out.error(std::mem::take(&mut self.complaints));
        }
    }
}

/// As Go reads it with the base of its prefix; digits that are no octal number after a zero are decimal.
fn int(text: &str) -> Result<i64> {
    Ok(parse_int(text, 0).or_else(|e| parse_int(text, 10).map_err(|_| e))?)
}
