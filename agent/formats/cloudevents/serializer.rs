//! Writing: an event for a metric, and for a batch a list of events or one event of all metrics.

use super::identity::Identities;
use crate::jsontext::{append_value, escape};
use agent_api::*;
use agent_golang::number::append_int;
use agent_golang::time::{Layout, Zone};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::serializer::<Writer>());

/// What events say of themselves.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Version of the specification: `1.0` or `0.3`.
    cloudevents_version: String,
    /// Source of events.
    cloudevents_source: String,
    /// Tag whose value is the source of events that have it.
    cloudevents_source_tag: String,
    /// Type of events; `com.influxdata.telegraf.metric`, or `metrics` for an event of many, without it.
    cloudevents_event_type: String,
    /// The time of an event: `none`, `earliest` or `latest` of its metrics, or `creation`.
    cloudevents_event_time: String,
    /// What a batch is written as: a list of `events`, or one event with a list of `metrics`.
    cloudevents_batch_format: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            cloudevents_version: "1.0".to_owned(),
            cloudevents_source: "telegraf".to_owned(),
            cloudevents_source_tag: String::new(),
            cloudevents_event_type: String::new(),
            cloudevents_event_time: "latest".to_owned(),
            cloudevents_batch_format: "events".to_owned(),
        }
    }
}

/// The serializer of CloudEvents.
pub struct Writer {
    settings: Settings,
    time: EventTime,
    /// A batch is one event.
    whole: bool,
    layout: Layout,
    identities: Identities,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EventTime {
    None,
    Earliest,
    Latest,
    Creation,
}

impl Plugin for Writer {
    const NAME: &'static str = "cloudevents";
    const ABOUT: &'static str = "CloudEvents in JSON.";
    type Settings = Settings;

    fn new(mut settings: Settings, _: &Env) -> Result<Self> {
        match settings.cloudevents_version.as_str() {
            "" => settings.cloudevents_version = "1.0".to_owned(),
            "1.0" | "0.3" => {}
            other => bail!("cloudevents_version: {other:?} is neither \"1.0\" nor \"0.3\""),
        }
        if settings.cloudevents_source.is_empty() {
            settings.cloudevents_source = "telegraf".to_owned();
        }
        let time = match settings.cloudevents_event_time.as_str() {
            "none" => EventTime::None,
            "earliest" => EventTime::Earliest,
            "" | "latest" => EventTime::Latest,
            "creation" => EventTime::Creation,
            other => bail!("cloudevents_event_time: {other:?} is not none, earliest, latest or creation"),
        };
        let whole = match settings.cloudevents_batch_format.as_str() {
            "" | "events" => false,
            "metrics" => true,
            other => bail!("cloudevents_batch_format: {other:?} is neither \"events\" nor \"metrics\""),
        };
        let layout = Layout::parse_spec("2006-01-02T15:04:05.999999999Z07:00");
        Ok(Writer { settings, time, whole, layout, identities: Identities::new() })
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        let own = metric.tag(&self.settings.cloudevents_source_tag);
        let time = self.time_of(Some((metric.time(), metric.time())));
        self.begin(own, "com.influxdata.telegraf.metric", time, out);
        write(metric, out);
        out.push(b'}');
        Ok(())
    }

    fn serialize_batch(&mut self, metrics: &Chunk, out: &mut Vec<u8>) -> Result<()> {
        if self.whole {
            let times = metrics.iter().map(MetricRef::time);
            let bounds = times.fold(None, |bounds: Option<(i64, i64)>, time| {
                Some(bounds.map_or((time, time), |(first, last)| (first.min(time), last.max(time))))
            });
            let time = self.time_of(bounds);
            self.begin(None, "com.influxdata.telegraf.metrics", time, out);
        }
        out.push(b'[');
        for (i, metric) in metrics.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            if self.whole { write(metric, out) } else { self.serialize(metric, out)? }
        }
        out.extend_from_slice(if self.whole { b"]}" } else { b"]" });
        Ok(())
    }
}

impl Writer {
    /// The time of an event whose metrics lie between two times.
    fn time_of(&self, bounds: Option<(i64, i64)>) -> Option<i64> {
        match self.time {
            EventTime::None => None,
            EventTime::Earliest => bounds.map(|(first, _)| first),
            EventTime::Latest => bounds.map(|(_, last)| last),
            EventTime::Creation => Some(plugin::now()),
        }
    }

    /// Appends an event up to its data.
    fn begin(&mut self, source: Option<&str>, kind: &str, time: Option<i64>, out: &mut Vec<u8>) {
        let Settings { cloudevents_version, cloudevents_source, cloudevents_event_type, .. } = &self.settings;
        let kind = if cloudevents_event_type.is_empty() { kind } else { cloudevents_event_type };
        let id = self.identities.next(plugin::now());
        let mut member = |name: &str, value: &str| {
            out.extend_from_slice(name.as_bytes());
            escape(value, out);
        };
        member("{\"specversion\":", cloudevents_version);
        member(",\"id\":", &id);
        member(",\"source\":", source.unwrap_or(cloudevents_source));
        member(",\"type\":", kind);
        member(",\"datacontenttype\":", "application/json");
        if let Some(time) = time {
            member(",\"time\":", &self.layout.format(time, &Zone::Utc));
        }
        out.extend_from_slice(b",\"data\":");
    }
}

/// Appends a metric as an object of its name, tags, fields and time in nanoseconds; JSON has no NaN and infinities.
fn write(metric: MetricRef<'_>, out: &mut Vec<u8>) {
    let mut fields: Vec<_> = metric.fields().filter(|(_, v)| !matches!(v, Value::Float(v) if !v.is_finite())).collect();
    fields.sort_by_key(|(key, _)| *key);
    out.extend_from_slice(b"{\"fields\":{");
    for (i, (key, value)) in fields.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        escape(key, out);
        out.push(b':');
        append_value(value, out);
    }
    out.extend_from_slice(b"},\"name\":");
    escape(metric.name(), out);
    out.extend_from_slice(b",\"tags\":{");
    for (i, (key, value)) in metric.tags().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        escape(key, out);
        out.push(b':');
        escape(value, out);
    }
    out.extend_from_slice(b"},\"timestamp\":");
    append_int(metric.time(), out);
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, text, write as write_each};
    use serde_json::{Value as Json, json};

    fn metrics() -> Batch {
        let mut batch = Batch::new();
        batch
            .metric("a")
            .tag("box", "b\"1")
            .field("v", 0.5)
            .field("n", f64::NAN)
            .field("on", true)
            .time(1_682_613_051_000_000_999);
        batch.metric("a").field("s", "ä").field("i", 3i64).time(1_600_000_000_000_000_000);
        batch
    }

    /// What a batch becomes, without identities.
    fn batch(options: &[(&str, &str)]) -> Json {
        let options: Vec<_> = options.iter().map(|(key, value)| (*key, text(value))).collect();
        let mut out = Vec::new();
        build::<Writer>(&options).unwrap().serialize_batch(&Chunk::from(metrics()), &mut out).unwrap();
        let mut json: Json = serde_json::from_slice(&out).unwrap();
        let strip = |event: &mut Json| {
            assert_eq!(event.as_object_mut().unwrap().remove("id").unwrap().as_str().unwrap().len(), 36)
        };
        match &mut json {
            Json::Array(events) => events.iter_mut().for_each(strip),
            event => strip(event),
        }
        json
    }

    #[test]
    fn a_metric_is_an_event() {
        let data = json!({"name": "a", "tags": {"box": "b\"1"}, "fields": {"v": 0.5, "on": true}, "timestamp": 1_682_613_051_000_000_999i64});
        let second =
            json!({"name": "a", "tags": {}, "fields": {"s": "ä", "i": 3}, "timestamp": 1_600_000_000_000_000_000i64});
        let event = |version: &str, source: &str, time: &str, data: &Json| json!({"specversion": version, "source": source, "type": "com.influxdata.telegraf.metric", "datacontenttype": "application/json", "time": time, "data": data});
        assert_eq!(
            batch(&[("cloudevents_version", "0.3"), ("cloudevents_source_tag", "box")]),
            json!([
                event("0.3", "b\"1", "2023-04-27T16:30:51.000000999Z", &data),
                event("0.3", "telegraf", "2020-09-13T12:26:40Z", &second)
            ])
        );
        let one = write_each::<Writer>(&metrics(), &[("cloudevents_event_time", text("none"))]);
        assert!(one.starts_with("{\"specversion\":\"1.0\",\"id\":") && !one.contains("\"time\":"), "{one}");
    }

    #[test]
    fn a_batch_is_an_event_of_all() {
        for (time, want) in [("earliest", "2020-09-13T12:26:40Z"), ("", "2023-04-27T16:30:51.000000999Z")] {
            let event = batch(&[
                ("cloudevents_batch_format", "metrics"),
                ("cloudevents_event_time", time),
                ("cloudevents_source", "me"),
            ]);
            assert_eq!((event["time"].as_str(), event["source"].as_str()), (Some(want), Some("me")));
            assert_eq!(event["type"], "com.influxdata.telegraf.metrics");
            assert_eq!(event["data"].as_array().unwrap().len(), 2);
        }
        let event = batch(&[
            ("cloudevents_batch_format", "metrics"),
            ("cloudevents_event_type", "x.y"),
            ("cloudevents_event_time", "creation"),
        ]);
        assert_eq!(event["type"], "x.y");
        assert!(event["time"].as_str().unwrap() > "2025");
    }

    #[test]
    fn mistakes() {
        for key in ["cloudevents_version", "cloudevents_event_time", "cloudevents_batch_format"] {
            let error = build::<Writer>(&[(key, text("odd"))]).err().unwrap();
            assert!(error.to_string().starts_with(key), "{error}");
        }
    }
}
