//! The parser of line protocol, for listeners that take nothing else. It is found by its name, as inputs know no format.

use crate::parsers::Parsers;
use agent_api::options::{Item, Setting, Span, Table};
use agent_api::plugin::{Build, Family, find};
use agent_api::*;
use std::sync::Arc;

impl Parsers {
    /// Those of line protocol, with timestamps in `unit` (`1ns` to `1h`), `kind` being `internal` or `upstream`.
    pub(crate) fn influx(env: &Env, unit: &str, kind: &str) -> Result<Self> {
        let entry = find(Family::Parsers, "influx").context("this build has no parser \"influx\"")?;
        let Build::Parser(build) = entry.build else { bail!("\"influx\" is no parser") };
        let (mut table, env) = (Table::default(), env.clone());
        for (key, value) in [("influx_timestamp_precision", unit), ("influx_parser_type", kind)] {
            let span = Span::default();
            table.set(key, span, Item { value: Setting::Str(value.to_owned()), span });
        }
        Parsers::new(Arc::new(move || Ok(build(&table, &env)?)))
    }
}
