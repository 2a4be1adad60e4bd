//! The services whose events are small: Filestack, Mandrill, Papertrail, Particle, Rollbar.

use super::json::{at, int, list, parse, text};
use agent_api::plugin::now;
use agent_api::{Batch, Context, Result, Value, bail, ensure};
use serde_json::Value as Json;

const SECOND: i64 = 1_000_000_000;

/// Filestack: an event of its file picker.
pub(super) fn filestack(body: &Json, batch: &mut Batch) -> Result<()> {
    let time = int(body, "timestamp")?.saturating_mul(SECOND);
    let (action, id) = (text(body, "action")?, int(body, "id")?.to_string());
    drop(batch.metric("filestack_webhooks").tag("action", action).field("id", id.as_str()).time(time));
    Ok(())
}

/// Mandrill: a form with a list of events.
pub(super) fn mandrill(body: &[u8], batch: &mut Batch) -> Result<()> {
    let events = form_value(body, "mandrill_events").context("the form has no mandrill_events")?;
    let events = parse(events.as_bytes())?;
    for event in events.as_array().context("mandrill_events is no list")? {
        let time = int(event, "ts")?.saturating_mul(SECOND);
        let (name, id) = (text(event, "event")?, text(event, "_id")?);
        drop(batch.metric("mandrill_webhooks").tag("event", name).field("id", id).time(time));
    }
    Ok(())
}

/// Papertrail: a form with the events of a search, or how many there were in each second.
pub(super) fn papertrail(body: &[u8], batch: &mut Batch) -> Result<()> {
    let payload = form_value(body, "payload").filter(|p| !p.is_empty()).context("the form has no payload")?;
    let payload = parse(payload.as_bytes())?;
    let search = text(&payload, "saved_search/name")?;
    if at(&payload, "events")?.is_some() {
        let url = text(&payload, "saved_search/html_search_url")?;
        let search_id = unsigned(&payload, "saved_search/id")?;
        for event in list(&payload, "events")? {
            let id = unsigned(event, "id")?;
            let received = text(event, "received_at")?;
            let time = received.parse::<jiff::Timestamp>().with_context(|| format!("received_at {received:.60?}"))?;
            let mut metric = batch.metric("papertrail").tag("host", text(event, "hostname")?).tag("event", search);
            for (key, path) in [
                ("source_ip", "source_ip"),
                ("source_name", "source_name"),
                ("program", "program"),
                ("severity", "severity"),
                ("facility", "facility"),
                ("message", "message"),
            ] {
                metric.add_field(key, text(event, path)?);
            }
            metric.add_field("count", Value::Uint(1));
            metric.add_field("id", id);
            metric.add_field("source_id", int(event, "source_id")?);
            metric.add_field("search_id", search_id);
            metric.add_field("url", format!("{url}?centered_on_id={id}").as_str());
            drop(metric.time(i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)));
        }
        return Ok(());
    }
    ensure!(at(&payload, "counts")?.is_some(), "payload has neither events nor counts");
    for source in list(&payload, "counts")? {
        let host = text(source, "source_name")?;
        let Some(series) = at(source, "timeseries")? else { continue };
        for (second, count) in series.as_object().context("timeseries is no object")? {
            let second: i64 = second.parse().with_context(|| format!("time {second:.60?}"))?;
            let count = count.as_u64().context("a count is no whole number")?;
            let metric = batch.metric("papertrail").tag("host", host).tag("event", search).field("count", count);
            drop(metric.time(second.saturating_mul(SECOND)));
        }
    }
    Ok(())
}

/// Particle: a metric that a device made. Without a name it is the plugin's `name_override` that it needs.
pub(super) fn particle(body: &Json, batch: &mut Batch) -> Result<()> {
    // It means nothing here, but has to be what Particle says it is.
    int(body, "ttl")?;
    let (measurement, event) = (text(body, "measurement")?, text(body, "event")?);
    let name = if measurement.is_empty() { event } else { measurement };
    let published = text(body, "published_at")?;
    let time = published.ends_with('Z').then(|| published.parse::<jiff::Timestamp>().ok()).flatten();
    let time = time.and_then(|t| i64::try_from(t.as_nanosecond()).ok()).unwrap_or_else(now);
    let mut metric = batch.metric(name).time(time);
    if let Some(tags) = at(body, "data/tags")? {
        for (key, value) in tags.as_object().context("data/tags is no object")? {
            metric.add_tag(key, value.as_str().with_context(|| format!("tag {key:.60?} is no text"))?);
        }
    }
    if let Some(fields) = at(body, "data/values")? {
        for (key, value) in fields.as_object().context("data/values is no object")? {
            match value {
                Json::Number(number) => metric.add_field(key, number.as_f64().unwrap_or_default()),
                Json::Bool(value) => metric.add_field(key, *value),
                Json::String(value) => metric.add_field(key, value.as_str()),
                // Lists and objects are no values of a field.
                Json::Null | Json::Array(_) | Json::Object(_) => {}
            }
        }
    }
    Ok(())
}

/// Rollbar: new items, occurrences and deployments; it has more kinds of events, which give nothing.
pub(super) fn rollbar(body: &Json, batch: &mut Batch) -> Result<()> {
    let event = text(body, "event_name")?;
    let (item, detail) = match event {
        "new_item" => ("data/item", Some("data/item/last_occurrence")),
        "occurrence" => ("data/item", Some("data/occurrence")),
        "deploy" => ("data/deploy", None),
        _ => return Ok(()),
    };
    let of = |part: &str| format!("{item}/{part}");
    let id = int(body, &of("id"))?;
    let mut metric = batch.metric("rollbar_webhooks").tag("event", event).field("id", id).time(now());
    metric.add_tag("environment", text(body, &of("environment"))?);
    metric.add_tag("project_id", &int(body, &of("project_id"))?.to_string());
    if let Some(detail) = detail {
        for key in ["language", "level"] {
            metric.add_tag(key, text(body, &format!("{detail}/{key}"))?);
        }
    }
    Ok(())
}

fn unsigned(value: &Json, path: &str) -> Result<u64> {
    match at(value, path)? {
        None => Ok(0),
        Some(found) => match found.as_u64() {
            Some(number) => Ok(number),
            None => bail!("{path} is no whole number"),
        },
    }
}

/// The value of a key of a form.
fn form_value(body: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
