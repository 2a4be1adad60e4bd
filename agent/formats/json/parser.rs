//! Reading: an object, or every object of an array, becomes a metric.
//!
//! A document is checked as a whole first, which is cheap, so that nothing has to be taken back; then every object goes straight into the
//! batch. Where the name or the time is a member of the object, it is looked for by a walk of its own beforehand.

use super::walk::{Leaf, Room, Walk};
use crate::gjson;
use crate::jsontext::{Top, check, skip_space, unescape};
use agent_api::*;
use agent_golang::glob::Filter;
use agent_golang::number::{FloatStyle, append_float};
use agent_golang::time::{Civil, Stamp, Time, TimestampFormat, Zone};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<Json>());

/// What of a document is taken for what.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Flattened keys whose texts, numbers and booleans become tags; globs are allowed.
    tag_keys: Vec<String>,
    /// Flattened keys whose texts and booleans become fields, which are left out otherwise; globs are allowed.
    json_string_fields: Vec<String>,
    /// Flattened key of the text that is the name of the metric; without it the name of the plugin is taken.
    json_name_key: String,
    /// Path, in the syntax of GJSON, to the object or the array of objects that is read; nothing for the whole document.
    json_query: String,
    /// Flattened key of the time; nothing for the time of collection.
    json_time_key: String,
    /// How the time is written: `unix`, `unix_ms`, `unix_us`, `unix_ns`, or a layout or the name of a layout of Go.
    json_time_format: String,
    /// Zone of times that have none: `UTC`, `Local` or a name of the IANA database such as `Europe/Berlin`.
    json_timezone: String,
    /// Takes nothing of a document if the time of one of its objects is missing or bad; otherwise only that object is left out.
    json_strict: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            tag_keys: Vec::new(),
            json_string_fields: Vec::new(),
            json_name_key: String::new(),
            json_query: String::new(),
            json_time_key: String::new(),
            json_time_format: String::new(),
            json_timezone: String::new(),
            json_strict: true,
        }
    }
}

/// The parser of JSON.
pub struct Json {
    name: String,
    name_key: String,
    query: String,
    time: Option<TimeKey>,
    strict: bool,
    roles: Roles,
    room: Room,
    scratch: String,
}

/// Which member is the time, and how it is read.
struct TimeKey {
    key: String,
    format: TimestampFormat,
    zone: Zone,
}

impl Plugin for Json {
    const NAME: &'static str = "json";
    const ABOUT: &'static str = "JSON documents, flattened: numbers become fields named by their path.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let zone = Zone::parse(&settings.json_timezone).context("json_timezone")?;
        let time = if settings.json_time_key.is_empty() {
            None
        } else {
            ensure!(!settings.json_time_format.is_empty(), "json_time_key needs json_time_format");
            let format = TimestampFormat::parse_spec(&settings.json_time_format);
            Some(TimeKey { key: settings.json_time_key, format, zone })
        };
        Ok(Json {
            name: env.plugin.rsplit('.').next().unwrap_or_default().to_owned(),
            name_key: settings.json_name_key,
            query: settings.json_query,
            strict: settings.json_strict,
            roles: Roles {
                tags: Filter::compile(&settings.tag_keys, &[]).context("tag_keys")?,
                texts: Filter::compile(&settings.json_string_fields, &[]).context("json_string_fields")?,
                skip: time.as_ref().map(|t| t.key.clone()),
                seen: Vec::new(),
            },
            time,
            room: Room::default(),
            scratch: String::new(),
        })
    }
}

impl Parser for Json {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let text = body.text();
        let text = text.trim_ascii().trim_start_matches('\u{feff}').trim_ascii();
        if self.query.is_empty() {
            return self.document(text, out);
        }
        let found = gjson::find(text, &self.query);
        match found.kind() {
            gjson::Kind::Json => self.document(found.raw(), out),
            gjson::Kind::None | gjson::Kind::Null => Ok(()),
            _ => {
                let cause = format!("json_query {:?} must lead to an object or an array of objects", self.query);
                Err(bad(found.raw(), 0, cause))
            }
        }
    }
}

/// The error of a document, with what stands at a place of it.
fn bad(text: &str, at: usize, cause: impl std::fmt::Display) -> ParseError {
    let mut error = ParseError::default();
    let from = (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    error.add(0, text[from..].lines().next().unwrap_or_default(), cause);
    error
}

impl Json {
    fn document(&mut self, text: &str, out: &mut Collector) -> Result<(), ParseError> {
        if text.is_empty() {
            return Ok(());
        }
        let checked = check(text).map_err(|e| {
            // Where the text ends too early, what stands before says more than nothing.
            bad(text, if e.at < text.len() { e.at } else { text.len().saturating_sub(30) }, &e)
        })?;
        match (checked.top, checked.odd) {
            (Top::Null, _) => return Ok(()),
            (Top::Scalar, _) => return Err(bad(text, 0, "expected an object or an array of objects")),
            (_, Some(at)) => return Err(bad(text, at, "expected an object in the array")),
            _ => {}
        }
        let objects = Objects { text, at: checked.from, list: checked.top == Top::Array };
        let mut times = None;
        if self.time.is_some() {
            let mut read = Vec::new();
            objects.each(|at| self.time(text, at, &mut read))?;
            times = Some(read.into_iter());
        }
        objects.each(|at| {
            // An object whose time is bad is stepped over, its metric thrown away.
            let time = times.as_mut().map(|t| t.next().flatten());
            let next = self.object(text, at, time, out)?;
            out.checkpoint();
            Ok(next)
        })
    }

    /// Finds the time of the object at `at`; None is added for one that is to be left out. Gives the place behind the object.
    fn time(&mut self, text: &str, at: usize, times: &mut Vec<Option<i64>>) -> Result<usize, ParseError> {
        let Some(time) = &self.time else { return Ok(at) };
        let mut walk = Walk::new(text, at, &mut self.room);
        let mut result = Err(format!("json_time_key {:?} could not be found", time.key));
        while let Some(leaf) = walk.next() {
            let leaf = leaf.map_err(|cause| bad(text, at, cause))?;
            if walk.key() == time.key {
                result = time.read(leaf, &mut self.scratch);
            }
        }
        match result {
            Ok(time) => times.push(Some(time)),
            Err(_) if !self.strict => times.push(None),
            Err(cause) => return Err(bad(text, at, cause)),
        }
        Ok(walk.at())
    }

    /// The text of the member that names the metric, in `scratch`; false if there is none.
    fn named(&mut self, text: &str, at: usize) -> bool {
        let mut found = false;
        let mut walk = Walk::new(text, at, &mut self.room);
        while let Some(Ok(leaf)) = walk.next() {
            if let Leaf::Text(value, escaped) = leaf
                && walk.key() == self.name_key
            {
                found = true;
                self.scratch.clear();
                if escaped { unescape(value, &mut self.scratch) } else { self.scratch.push_str(value) }
            }
        }
        found
    }

    /// Adds the metric of the object at `at`, unless it has no time although it should; gives the place behind the object.
    fn object(
        &mut self,
        text: &str,
        at: usize,
        time: Option<Option<i64>>,
        out: &mut Collector,
    ) -> Result<usize, ParseError> {
        let by_key = !self.name_key.is_empty() && self.named(text, at);
        let mut m = out.metric(if by_key { &self.scratch } else { &self.name });
        if let Some(Some(time)) = time {
            m = m.time(time);
        }
        let mut walk = Walk::new(text, at, &mut self.room);
        let mut n = 0;
        while let Some(leaf) = walk.next() {
            let leaf = match leaf {
                Ok(leaf) => leaf,
                Err(cause) => {
                    m.discard();
                    return Err(bad(text, at, cause));
                }
            };
            let key = walk.key();
            let role = self.roles.of(key, n);
            n += 1;
            match (role, leaf) {
                (Role::Nothing, _) => {}
                (Role::Tag, Leaf::Text(value, false)) => m.add_tag(key, value),
                (Role::Tag, Leaf::Text(value, true)) => {
                    self.scratch.clear();
                    unescape(value, &mut self.scratch);
                    m.add_tag(key, &self.scratch);
                }
                (Role::Tag, Leaf::Bool(value)) => m.add_tag(key, if value { "true" } else { "false" }),
                (Role::Tag, Leaf::Number(value)) => {
                    self.scratch.clear();
                    append_float(number(value), FloatStyle::Plain, &mut self.scratch);
                    m.add_tag(key, &self.scratch);
                }
                (_, Leaf::Number(value)) => m.add_field(key, number(value)),
                (Role::Field, Leaf::Text(value, false)) => m.add_field(key, value),
                (Role::Field, Leaf::Text(value, true)) => {
                    self.scratch.clear();
                    unescape(value, &mut self.scratch);
                    m.add_field(key, self.scratch.as_str());
                }
                (Role::Field, Leaf::Bool(value)) => m.add_field(key, value),
                (Role::Number, _) => {}
            }
        }
        if time == Some(None) {
            m.discard();
        }
        Ok(walk.at())
    }
}

/// The number; the document was checked.
#[inline]
fn number(text: &str) -> f64 {
    fast_float2::parse(text).unwrap_or(f64::NAN)
}

/// The objects of a checked document: itself, or the elements of its array.
#[derive(Clone, Copy)]
struct Objects<'a> {
    text: &'a str,
    at: usize,
    list: bool,
}

impl Objects<'_> {
    /// Calls `with` on the place of each object; it gives the place behind it.
    fn each(self, mut with: impl FnMut(usize) -> Result<usize, ParseError>) -> Result<(), ParseError> {
        let bytes = self.text.as_bytes();
        if !self.list {
            return with(self.at).map(drop);
        }
        let mut at = skip_space(bytes, self.at + 1);
        while bytes.get(at) == Some(&b'{') {
            at = skip_space(bytes, with(at)?);
            if bytes.get(at) == Some(&b',') {
                at = skip_space(bytes, at + 1);
            }
        }
        Ok(())
    }
}

impl TimeKey {
    fn read(&self, leaf: Leaf<'_>, scratch: &mut String) -> Result<i64, String> {
        let stamp = match leaf {
            Leaf::Text(text, false) => Stamp::Text(text),
            Leaf::Text(text, true) => {
                scratch.clear();
                unescape(text, scratch);
                Stamp::Text(scratch)
            }
            Leaf::Number(text) => Stamp::Float(number(text)),
            Leaf::Bool(value) => return Err(format!("json_time_key {:?} is {value}", self.key)),
        };
        let time = self.format.parse_time(stamp, &self.zone).map_err(|e| e.to_string())?;
        in_this_year(time).unix_nanos().ok_or_else(|| format!("the time of {:?} is out of range", self.key))
    }
}

/// A time whose layout has no year is one of this year.
pub(crate) fn in_this_year(time: Time) -> Time {
    let civil = Civil::at(time, 0);
    if civil.year != 0 {
        return time;
    }
    let year = Civil::at(Time::from_unix_nanos(plugin::now()), 0).year;
    // From the first of January of one year to the same moment of the other; February 29 moves on in a year without.
    let days = |year: i64| {
        let before = year - 1;
        before * 365 + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)
    };
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let passed = i64::from(civil.month > 2 && leap(0)) - i64::from(civil.month > 2 && leap(year));
    Time::new(time.unix() + (days(year) - days(0) - passed) * 86_400, time.subsecond_nanos())
}

/// What becomes of the values of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Tag,
    /// Every value is a field.
    Field,
    /// Only numbers are fields.
    Number,
    Nothing,
}

/// Knows the role of a key. The keys of one object are mostly those of the object before, in the same order.
struct Roles {
    tags: Filter,
    texts: Filter,
    /// The key of the time.
    skip: Option<String>,
    seen: Vec<(String, Role)>,
}

/// So many keys are remembered.
const SEEN: usize = 256;

impl Roles {
    #[inline]
    fn of(&mut self, key: &str, n: usize) -> Role {
        match self.seen.get(n) {
            Some((seen, role)) if seen == key => *role,
            _ => self.find(key, n),
        }
    }

    fn find(&mut self, key: &str, n: usize) -> Role {
        let role = if key.is_empty() || self.skip.as_deref() == Some(key) {
            Role::Nothing
        } else if self.tags.is_match(key) {
            Role::Tag
        } else if self.texts.is_match(key) {
            Role::Field
        } else {
            Role::Number
        };
        if n < self.seen.len() {
            self.seen[n] = (key.to_owned(), role);
        } else if n == self.seen.len() && n < SEEN {
            self.seen.push((key.to_owned(), role));
        }
        role
    }
}
