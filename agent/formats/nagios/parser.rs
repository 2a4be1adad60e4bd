//! Reading: each value of the performance data is a metric `nagios`, the texts are the metric `nagios_state`.

use agent_api::*;
use agent_golang::number::parse_float;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<Nagios>());

/// It has no options.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// The parser of the output of Nagios plugins.
pub struct Nagios;

impl Plugin for Nagios {
    const NAME: &'static str = "nagios";
    const ABOUT: &'static str = "The output of Nagios plugins.";
    type Settings = Settings;

    fn new(_: Settings, _: &Env) -> Result<Self> {
        Ok(Nagios)
    }
}

impl Parser for Nagios {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let text = body.text();
        // All metrics of one output have one time.
        let time = plugin::now();
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let mut parts = first.split('|');
        let state = parts.next().unwrap_or_default().trim();
        let data = parts.next().unwrap_or_default();
        if parts.next().is_some() {
            let mut error = ParseError::default();
            error.add(1, first, "more than one '|'");
            return Err(error);
        }
        performance(data, time, out.batch());
        let mut long: Vec<&str> = Vec::new();
        for line in lines.by_ref() {
            let mut parts = line.split('|');
            let said = parts.next().unwrap_or_default().trim();
            if !(long.is_empty() && said.is_empty()) {
                long.push(said);
            }
            if let Some(data) = parts.next() {
                performance(data, time, out.batch());
                break;
            }
        }
        for line in lines {
            performance(line, time, out.batch());
        }
        let mut m = out.metric("nagios_state").field("service_output", state);
        if !long.is_empty() {
            m = m.field("long_service_output", &long.join("\n"));
        }
        drop(m.time(time));
        Ok(())
    }
}

/// Adds a metric for every `label=value` of the text. A label may hold blanks, with quotes around it.
fn performance(text: &str, time: i64, batch: &mut Batch) {
    let mut rest = text;
    while let Some((label, after)) = rest.split_once('=') {
        let end = after.find(char::is_whitespace).unwrap_or(after.len());
        let (data, next) = after.split_at(end);
        rest = next;
        let label = label.trim().trim_matches('\'');
        if !label.is_empty() {
            value(label, data, time, batch);
        }
    }
}

/// Adds the metric of `value[unit];warning;critical;min;max`; nothing if the value is none, such as `U` for unknown.
fn value(label: &str, data: &str, time: i64, batch: &mut Batch) {
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    let (first, rest) = data.split_at(data.find(|c| !number(c)).unwrap_or(data.len()));
    if first.is_empty() {
        return;
    }
    let unit_end =
        rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '%'))).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let mut m = batch.metric("nagios").tag("perfdata", label);
    if !unit.is_empty() {
        m.add_tag("unit", unit);
    }
    if let Ok(v) = parse_float(first) {
        m.add_field("value", v);
    }
    let mut limits = rest.strip_prefix(';').unwrap_or_default().split(';');
    for (low, high) in [("warning_lt", "warning_gt"), ("critical_lt", "critical_gt")] {
        if let Some((from, to)) = limits.next().and_then(threshold) {
            m.add_field(low, from);
            m.add_field(high, to);
        }
    }
    for key in ["min", "max"] {
        if let Some(v) = limits.next().and_then(|text| parse_float(text).ok()) {
            m.add_field(key, v);
        }
    }
    drop(m.time(time));
}

/// A range: `10` is 0 to 10, `10:` from 10 on, `~:10` up to 10. Open ends are the largest floats.
fn threshold(text: &str) -> Option<(f64, f64)> {
    let Some((from, to)) = text.split_once(':') else { return Some((0.0, parse_float(text).ok()?)) };
    let from = if from == "~" { -f64::MAX } else { parse_float(from).ok()? };
    Some((from, if to.is_empty() { f64::MAX } else { parse_float(to).ok()? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, random_texts, read};

    fn parse(document: &str) -> String {
        let mut out = Collector::new();
        Parser::parse(&mut Nagios, &Body::from(document), &mut out).unwrap();
        let mut batch = out.take();
        batch.set_times(0, 0);
        batch.iter().map(|m| format!("{m:?}\n")).collect()
    }

    #[test]
    fn outputs() {
        let cases = [
            (
                "LOAD OK - calm|load=0.75;5;10;0;16",
                "nagios,perfdata=load value=Float(0.75),warning_lt=Float(0.0),warning_gt=Float(5.0),critical_lt=Float(0.0),critical_gt=Float(10.0),\
                 min=Float(0.0),max=Float(16.0) 0\nnagios_state service_output=Str(\"LOAD OK - calm\") 0\n",
            ),
            (
                "OK | 'my disk'=71%;80 t=0.5s;;;0 x=U raw=12c\n",
                "nagios,perfdata=my disk,unit=% value=Float(71.0),warning_lt=Float(0.0),warning_gt=Float(80.0) 0\n\
                 nagios,perfdata=t,unit=s value=Float(0.5),min=Float(0.0) 0\nnagios,perfdata=raw,unit=c value=Float(12.0) 0\n\
                 nagios_state service_output=Str(\"OK\") 0\n",
            ),
            (
                "OK\nmore\n text | a=1\nb=2;10:20;5: c=3\n",
                "nagios,perfdata=a value=Float(1.0) 0\n\
                 nagios,perfdata=b value=Float(2.0),warning_lt=Float(10.0),warning_gt=Float(20.0),critical_lt=Float(5.0),critical_gt=Float(1.7976931348623157e308) 0\n\
                 nagios,perfdata=c value=Float(3.0) 0\nnagios_state service_output=Str(\"OK\"),long_service_output=Str(\"more\\ntext\") 0\n",
            ),
            ("", "nagios_state service_output=Str(\"\") 0\n"),
        ];
        for (document, want) in cases {
            assert_eq!(parse(document), want, "{document}");
        }
    }

    #[test]
    fn bad_outputs_are_quoted() {
        let mut parser: Nagios = build(&[]).unwrap();
        assert_eq!(
            read(&mut parser, "A|b=1|c=2"),
            (String::new(), Some("line 1: more than one '|' in \"A|b=1|c=2\"".to_owned()))
        );
        for document in
            random_texts(&["a", "=", "|", "'", ";", "1", ":", "~", "\n", " ", "%", "ä", "-", "U"], 16, 20_000)
        {
            let _read = read(&mut parser, &document);
        }
    }
}
