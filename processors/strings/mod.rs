//! Changes texts: values and names of tags and fields, and names of measurements.
//!
//! Each kind of change has options of its own, so each has a type of its own in the settings and a wrong option is refused; below
//! that all of them are one list of (what is looked at, what is done).

mod change;
mod settings;

use agent_api::*;
use change::Change;
use settings::Settings;

register!(Entry::processor::<Strings>());

/// The compiled changes in the order in which they run.
struct Strings {
    steps: Vec<Step>,
    /// The text being made.
    out: String,
}

/// One block of the settings.
struct Step {
    targets: Targets,
    change: Change,
}

/// What a step looks at; several may be given.
struct Targets {
    field: Option<Keys>,
    field_key: Option<Keys>,
    tag: Option<Keys>,
    tag_key: Option<Keys>,
    measurement: Option<Keys>,
    /// Where a changed value of one tag or field goes.
    dest: Option<String>,
}

/// A name, or all of them.
enum Keys {
    All,
    One(String),
}

impl Plugin for Strings {
    const NAME: &'static str = "strings";
    const ABOUT: &'static str = "Changes the texts in tags, fields and names.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Strings { steps: settings.steps()?, out: String::new() })
    }
}

impl Processor for Strings {
    fn apply(&mut self, batch: &mut Batch) {
        let Strings { steps, out } = self;
        batch.each(|m| {
            for step in &*steps {
                step.apply(m, out);
            }
        });
    }
}

impl Step {
    fn apply(&self, m: &mut MetricMut<'_>, out: &mut String) {
        let Targets { field, field_key, tag, tag_key, measurement, .. } = &self.targets;
        match field {
            Some(Keys::All) => (0..m.field_len()).for_each(|i| self.field(m, i, None, out)),
            Some(Keys::One(key)) => {
                let place = m.read().field_keys().position(|k| k == key);
                if let Some(i) = place {
                    self.field(m, i, self.targets.dest.as_deref(), out);
                }
            }
            None => {}
        }
        match field_key {
            Some(Keys::All) => {
                let keys: Vec<String> = m.read().field_keys().map(str::to_owned).collect();
                keys.iter().for_each(|key| self.field_key(m, key, out));
            }
            Some(Keys::One(key)) => self.field_key(m, key, out),
            None => {}
        }
        match tag {
            Some(Keys::All) => (0..m.tag_len()).for_each(|i| {
                self.change.run(m.tag_at(i).1, out);
                m.set_tag_at(i, out);
            }),
            Some(Keys::One(key)) => {
                if let Some(value) = m.tag(key) {
                    self.change.run(value, out);
                    m.set_tag(self.targets.dest.as_deref().unwrap_or(key), out);
                }
            }
            None => {}
        }
        match tag_key {
            Some(Keys::All) => {
                let keys: Vec<String> = m.read().tags().map(|(k, _)| k.to_owned()).collect();
                keys.iter().for_each(|key| self.tag_key(m, key, out));
            }
            Some(Keys::One(key)) => self.tag_key(m, key, out),
            None => {}
        }
        if measurement.as_ref().is_some_and(|keys| matches!(keys, Keys::All) || keys.is(m.name())) {
            self.change.run(m.name(), out);
            m.set_name(out);
        }
    }

    /// Changes the value of field `i` if it is a text.
    fn field(&self, m: &mut MetricMut<'_>, i: usize, dest: Option<&str>, out: &mut String) {
        let (key, Value::Str(value)) = m.field_at(i) else { return };
        self.change.run(value, out);
        match dest.filter(|dest| *dest != key) {
            None => m.set_field_at(i, &*out),
            Some(dest) => m.set_field(dest, &*out),
        }
    }

    /// Changes the name of a field, unless nothing would be left of it.
    fn field_key(&self, m: &mut MetricMut<'_>, key: &str, out: &mut String) {
        self.change.run(key, out);
        if !out.is_empty() {
            m.rename_field(key, out);
        }
    }

    /// Changes the name of a tag, unless nothing would be left of it.
    fn tag_key(&self, m: &mut MetricMut<'_>, key: &str, out: &mut String) {
        self.change.run(key, out);
        if !out.is_empty() {
            m.rename_tag(key, out);
        }
    }
}

impl Keys {
    fn parse(text: String) -> Option<Keys> {
        match text.as_str() {
            "" => None,
            "*" => Some(Keys::All),
            _ => Some(Keys::One(text)),
        }
    }

    fn is(&self, name: &str) -> bool {
        matches!(self, Keys::One(own) if own == name)
    }
}
