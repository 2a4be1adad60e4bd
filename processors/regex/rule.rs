//! One rule of the regex processor: what it looks at, what it writes.

use super::{Buffers, Memo, RuleSettings, Taken};
use agent_api::*;
use agent_golang::glob::Filter;
use agent_golang::regexp::{Regexp, Replacement};

/// A pattern with its replacement and what it gave for texts seen before.
struct Edit {
    regex: Regexp,
    replacement: Replacement,
    memo: Memo,
}

impl Edit {
    fn compile(pattern: &str, replacement: &str) -> Result<Edit> {
        let regex = Regexp::compile(pattern)?;
        let replacement = regex.replacement(replacement);
        Ok(Edit { regex, replacement, memo: Memo::default() })
    }

    /// The text with every match replaced, if there is any.
    fn run(&mut self, text: &str) -> Option<&str> {
        let Edit { regex, replacement, memo } = self;
        memo.get(text, |text, out| {
            let found = regex.is_match(text);
            if found {
                out.push_str(&regex.replace_all(text, replacement));
            }
            found
        })
    }
}

/// Which tags or fields a rule looks at.
enum Keys {
    One(String),
    Some(Filter),
}

/// A change of values.
pub(super) struct Rule {
    keys: Keys,
    edit: Edit,
    result_key: Option<String>,
    append: bool,
    /// The groups that become tags or fields, if that is what the rule does.
    groups: Vec<String>,
}

impl Rule {
    pub(super) fn compile(settings: RuleSettings, place: &str, log: &Log) -> Result<Rule> {
        let RuleSettings { key, pattern, replacement, result_key, append } = settings;
        ensure!(!key.is_empty(), "key is required");
        let keys = match key.contains(['*', '?', '[']) {
            true => Keys::Some(Filter::compile(&[key], &[])?),
            false => Keys::One(key),
        };
        let edit = Edit::compile(&pattern, &replacement)?;
        let names: Vec<_> = edit.regex.names().skip(1).collect();
        let mut groups = Vec::new();
        if replacement.is_empty() && result_key.is_empty() && !names.is_empty() {
            match names.iter().map(|name| name.map(str::to_owned)).collect() {
                Some(all) => groups = all,
                None => log.warn(format_args!(
                    "{place}: not all groups of the pattern have names, so what it matches is removed: give a replacement, or \
                     a name to each group"
                )),
            }
        }
        Ok(Rule { keys, edit, result_key: (!result_key.is_empty()).then_some(result_key), append, groups })
    }

    pub(super) fn apply_tags(&mut self, m: &mut MetricMut<'_>, buffers: &mut Buffers) {
        if let Keys::One(key) = &self.keys {
            let Some(value) = m.tag(key) else { return };
            buffers.text.clear();
            buffers.text.push_str(value);
            buffers.key.clear();
            buffers.key.push_str(key);
            return self.write_tag(m, buffers);
        }
        // Only the tags that were there before count, and writing may add some between them.
        let keys: Vec<String> = m.read().tags().map(|(k, _)| k).filter(|k| self.wants(k)).map(str::to_owned).collect();
        for key in keys {
            let Some(value) = m.tag(&key) else { continue };
            buffers.text.clear();
            buffers.text.push_str(value);
            buffers.key = key;
            self.write_tag(m, buffers);
        }
    }

    fn wants(&self, key: &str) -> bool {
        match &self.keys {
            Keys::One(own) => own == key,
            Keys::Some(globs) => globs.is_match(key),
        }
    }

    fn write_tag(&mut self, m: &mut MetricMut<'_>, buffers: &mut Buffers) {
        let Rule { edit, result_key, append, groups, .. } = self;
        let mut set = |key: &str, value: &str| match m.tag(key).filter(|old| *append && !old.is_empty()) {
            Some(old) => {
                let joined = format!("{old}{value}");
                m.set_tag(key, &joined);
            }
            None => m.set_tag(key, value),
        };
        if !groups.is_empty() {
            each_group(&edit.regex, groups, &buffers.text, &mut set);
        } else if let Some(value) = edit.run(&buffers.text) {
            set(result_key.as_deref().unwrap_or(&buffers.key), value);
        }
    }

    pub(super) fn apply_fields(&mut self, m: &mut MetricMut<'_>, buffers: &mut Buffers) {
        // Fields that are added go to the end, so those that were there keep their places.
        for i in 0..m.field_len() {
            if !self.wants(m.field_key_at(i)) {
                continue;
            }
            let (key, Value::Str(value)) = m.field_at(i) else { continue };
            buffers.key.clear();
            buffers.key.push_str(key);
            buffers.text.clear();
            buffers.text.push_str(value);
            self.write_field(m, buffers);
        }
    }

    fn write_field(&mut self, m: &mut MetricMut<'_>, buffers: &mut Buffers) {
        let Rule { edit, result_key, append, groups, .. } = self;
        let mut set = |key: &str, value: &str| match m.field(key) {
            Some(Value::Str(old)) if *append => {
                let joined = format!("{old}{value}");
                m.set_field(key, &joined);
            }
            _ => m.set_field(key, value),
        };
        if !groups.is_empty() {
            each_group(&edit.regex, groups, &buffers.text, &mut set);
        } else if let Some(value) = edit.run(&buffers.text) {
            set(result_key.as_deref().unwrap_or(&buffers.key), value);
        }
    }
}

/// Calls `set` with each group that matched something.
fn each_group(regex: &Regexp, groups: &[String], text: &str, set: &mut impl FnMut(&str, &str)) {
    let Some(captures) = regex.as_regex().captures(text) else { return };
    for (i, name) in groups.iter().enumerate() {
        if let Some(group) = captures.get(i + 1).filter(|group| !group.is_empty()) {
            set(name, group.as_str());
        }
    }
}

/// A change of names.
pub(super) struct Rename {
    edit: Edit,
    taken: Taken,
}

impl Rename {
    pub(super) fn compile(pattern: &str, replacement: &str, taken: Taken) -> Result<Rename> {
        Ok(Rename { edit: Edit::compile(pattern, replacement)?, taken })
    }

    pub(super) fn apply_tags(&mut self, m: &mut MetricMut<'_>, buffers: &mut Buffers) {
        // A renamed tag moves to its place among the sorted keys, so the new names are found before anything moves.
        let mut renames: Vec<(String, String)> = Vec::new();
        for (key, _) in m.read().tags() {
            if let Some(new) = self.edit.run(key).filter(|new| *new != key) {
                renames.push((key.to_owned(), new.to_owned()));
            }
        }
        for (old, new) in renames {
            buffers.key = old;
            if self.taken == Taken::Overwrite || m.tag(&new).is_none() {
                m.rename_tag(&buffers.key, &new);
            }
        }
    }

    pub(super) fn apply_fields(&mut self, m: &mut MetricMut<'_>, buffers: &mut Buffers) {
        let mut i = 0;
        while i < m.field_len() {
            let len = m.field_len();
            buffers.key.clear();
            buffers.key.push_str(m.field_key_at(i));
            if let Some(new) = self.edit.run(&buffers.key).filter(|new| *new != buffers.key)
                && (self.taken == Taken::Overwrite || m.field(new).is_none())
            {
                m.rename_field(&buffers.key, new);
            }
            // A field that took the place of another is gone from here, and the next one stands here now.
            if m.field_len() == len {
                i += 1;
            }
        }
    }

    pub(super) fn apply_name(&mut self, m: &mut MetricMut<'_>) {
        if let Some(new) = self.edit.run(m.name()) {
            // The borrow of the metric's own name ends here.
            m.set_name(new);
        }
    }
}
