//! Reading: every value is a metric, or every set of values is one.

use super::packet::{self, Values};
use super::security::{Level, Users};
use super::types::Types;
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<Collectd>());

/// Whom to trust, and what values are called.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// File of lines `user: password`.
    collectd_auth_file: String,
    /// What is taken: `none` for everything, `sign` for signed or encrypted packets, `encrypt` for encrypted ones.
    collectd_security_level: String,
    /// Files that name the values of types (types.db). With them, sets of other types are left out.
    collectd_typesdb: Vec<String>,
    /// `split` makes a metric of every value, `join` one of a set.
    collectd_parse_multivalue: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            collectd_auth_file: "/etc/collectd/auth_file".to_owned(),
            collectd_security_level: "none".to_owned(),
            collectd_typesdb: Vec::new(),
            collectd_parse_multivalue: "split".to_owned(),
        }
    }
}

/// The parser of collectd's packets.
pub struct Collectd {
    level: Level,
    users: Users,
    types: Option<Types>,
    join: bool,
    sets: Vec<Values>,
}

impl Plugin for Collectd {
    const NAME: &'static str = "collectd";
    const ABOUT: &'static str = "collectd's binary network protocol.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let level = match settings.collectd_security_level.as_str() {
            "" | "none" => Level::None,
            "sign" => Level::Sign,
            "encrypt" => Level::Encrypt,
            other => bail!("collectd_security_level: {other:?} is not none, sign or encrypt"),
        };
        let join = match settings.collectd_parse_multivalue.as_str() {
            "" | "split" => false,
            "join" => true,
            other => bail!("collectd_parse_multivalue: {other:?} is neither \"split\" nor \"join\""),
        };
        let mut types = (!settings.collectd_typesdb.is_empty()).then(Types::default);
        for path in &settings.collectd_typesdb {
            types.iter_mut().try_for_each(|types| types.add_file(path)).context("collectd_typesdb")?;
        }
        let file = match settings.collectd_auth_file.as_str() {
            "" => Settings::default().collectd_auth_file,
            file => file.to_owned(),
        };
        Ok(Collectd { level, users: Users::new(&file), types, join, sets: Vec::new() })
    }
}

impl Parser for Collectd {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        self.sets.clear();
        let read = packet::read(body.bytes(), self.level, &mut self.users, &mut self.sets);
        let mut errors = ParseError::default();
        for set in &self.sets {
            if let Err(cause) = self.add(set, out.batch()) {
                errors.add(0, "", cause);
            }
            out.checkpoint();
        }
        if let Err(cause) = read {
            errors.add(0, "", cause);
        }
        errors.or_ok()
    }
}

impl Collectd {
    fn add(&self, set: &Values, batch: &mut Batch) -> Result<(), String> {
        let names = match &self.types {
            None => None,
            Some(types) => match types.names(&set.kind) {
                None => return Err(format!("the type {:?} is in no file of collectd_typesdb", set.kind)),
                Some(names) if names.len() != set.values.len() => {
                    let (got, wanted) = (set.values.len(), names.len());
                    return Err(format!("{got} values of the type {:?}, which has {wanted}", set.kind));
                }
                names => names,
            },
        };
        let name = |i: usize| match names {
            Some(names) => names[i].clone(),
            None if set.values.len() == 1 => "value".to_owned(),
            None => i.to_string(),
        };
        let tags = [
            ("host", &set.host),
            ("instance", &set.plugin_instance),
            ("type", &set.kind),
            ("type_instance", &set.type_instance),
        ];
        let tags = || tags.into_iter().filter(|(_, value)| !value.is_empty());
        let finish = |m: Builder<'_>| {
            if let Some(time) = set.time {
                drop(m.time(time));
            }
        };
        if self.join {
            let mut m = batch.metric(&set.plugin).tags(tags());
            for (i, value) in set.values.iter().enumerate() {
                m.add_field(&name(i), *value);
            }
            finish(m);
            return Ok(());
        }
        for (i, value) in set.values.iter().enumerate() {
            let m = batch.metric(&format!("{}_{}", set.plugin, name(i))).tags(tags());
            finish(m.field("value", *value));
        }
        Ok(())
    }
}
