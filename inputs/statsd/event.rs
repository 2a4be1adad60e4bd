//! Events of Datadog's dialect: `_e{5,4}:title|text|d:...|p:...|t:...|h:...|s:...|k:...|#tags`.
//!
//! Also its service checks: `_sc|name|status|d:...|h:...|#tags|m:message`, the message last.

use agent_api::{Batch, Builder};
use std::net::IpAddr;

/// Reads an event and adds it to `out`, or says what is wrong with it.
pub(super) fn read(line: &str, from: Option<IpAddr>, now: i64, out: &mut Batch) -> Result<(), &'static str> {
    let (lengths, rest) = line
        .strip_prefix("_e{")
        .and_then(|l| l.split_once("}:"))
        .ok_or("event does not begin with _e{title length,text length}:")?;
    let (title_len, text_len) = lengths.split_once(',').ok_or("event has no two lengths")?;
    let (Ok(title_len), Ok(text_len)) = (title_len.parse::<usize>(), text_len.parse::<usize>()) else {
        return Err("event has a length that is no number");
    };
    let text_at = title_len.checked_add(1).ok_or("event is shorter than its lengths say")?;
    let end = text_at.checked_add(text_len).ok_or("event is shorter than its lengths say")?;
    let (Some(title), Some(text), Some(rest)) = (rest.get(..title_len), rest.get(text_at..end), rest.get(end..)) else {
        return Err("event is shorter than its lengths say");
    };
    if title.is_empty() || text.is_empty() {
        return Err("event has an empty title or text");
    }
    let mut event = Event { source: from.map(|ip| ip.to_string()), ..Event::default() };
    if !rest.is_empty() {
        let parts = rest.strip_prefix('|').ok_or("event is longer than its lengths say")?;
        parts.split('|').try_for_each(|part| event.part(part))?;
    }
    event.add(title, text, now, out);
    Ok(())
}

#[derive(Default)]
struct Event<'a> {
    source: Option<String>,
    aggregation_key: Option<&'a str>,
    alert: Option<&'a str>,
    priority: Option<&'a str>,
    happened: Option<i64>,
    source_type: Option<&'a str>,
    tags: Vec<(&'a str, &'a str)>,
}

impl<'a> Event<'a> {
    fn part(&mut self, part: &'a str) -> Result<(), &'static str> {
        if let Some(tags) = part.strip_prefix('#') {
            self.tags.extend(super::datadog_tags(tags));
            return Ok(());
        }
        let Some((key, value)) = part.split_once(':') else {
            return Err("event has a part that is unknown");
        };
        match (key, value) {
            ("d", when) => self.happened = when.parse().ok().or(self.happened),
            ("p", "low" | "normal") => self.priority = Some(value),
            ("t", "error" | "warning" | "success" | "info") => self.alert = Some(value),
            ("p" | "t", _) => {}
            ("h", host) => self.source = Some(host.to_owned()),
            ("k", key) => self.aggregation_key = Some(key),
            ("s", kind) => self.source_type = Some(kind),
            _ => return Err("event has a part that is unknown"),
        }
        Ok(())
    }

    fn add(self, title: &str, text: &str, now: i64, out: &mut Batch) {
        let mut metric: Builder<'_> = out
            .metric(title)
            .field("alert_type", self.alert.unwrap_or("info"))
            .field("text", text.replace("\\n", "\n").as_str())
            .field("priority", self.priority.unwrap_or("normal"))
            .time(now);
        if let Some(happened) = self.happened {
            metric.add_field("ts", happened);
        }
        if let Some(kind) = self.source_type {
            metric.add_field("source_type_name", kind);
        }
        if let Some(key) = self.aggregation_key {
            metric.add_tag("aggregation_key", key);
        }
        self.add_source(&mut metric);
    }

    /// Adds where it is from and its tags.
    fn add_source(&self, metric: &mut Builder<'_>) {
        if let Some(source) = &self.source {
            metric.add_tag("source", source);
        }
        for (key, value) in &self.tags {
            // `host` is the agent's own tag; Datadog means by it what it means by `h:`.
            metric.add_tag(if *key == "host" { "source" } else { key }, value);
        }
    }
}

/// Reads a service check and adds it to `out`, or says what is wrong with it.
pub(super) fn read_check(line: &str, from: Option<IpAddr>, now: i64, out: &mut Batch) -> Result<(), &'static str> {
    let rest = line.strip_prefix("_sc|").ok_or("service check does not begin with _sc|")?;
    // A message may have bars of its own.
    let (rest, message) = match rest.split_once("|m:") {
        Some((rest, message)) => (rest, Some(message)),
        None => (rest, None),
    };
    let mut parts = rest.split('|');
    let (Some(name), Some(status)) = (parts.next().filter(|name| !name.is_empty()), parts.next()) else {
        return Err("service check has no name or no status");
    };
    let (status, text) = match status {
        "0" => (0i64, "ok"),
        "1" => (1, "warning"),
        "2" => (2, "critical"),
        "3" => (3, "unknown"),
        _ => return Err("service check has a status other than 0 to 3"),
    };
    let mut check = Event { source: from.map(|ip| ip.to_string()), ..Event::default() };
    for part in parts {
        match part.split_once(':') {
            _ if part.starts_with('#') => check.part(part)?,
            Some(("d" | "h", _)) => check.part(part)?,
            _ => return Err("service check has a part that is unknown"),
        }
    }
    let time = check.happened.and_then(|seconds| seconds.checked_mul(1_000_000_000)).unwrap_or(now);
    let mut metric = out.metric("statsd_service_check").field("status", status).field("status_text", text).time(time);
    if let Some(message) = message {
        metric.add_field("message", message.replace("\\n", "\n").as_str());
    }
    metric.add_tag("check_name", name);
    check.add_source(&mut metric);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<String, &'static str> {
        let mut out = Batch::new();
        super::read(line, Some([127, 0, 0, 1].into()), 7, &mut out)?;
        Ok(format!("{:?}", out.at(0)))
    }

    #[test]
    fn service_checks() {
        let read = |line: &str| {
            let mut out = Batch::new();
            read_check(line, Some([127, 0, 0, 1].into()), 7, &mut out).map(|()| format!("{:?}", out.at(0)))
        };
        assert_eq!(
            read("_sc|db|2|d:12|h:web|#env:prod,flag|m:down|for\\ngood").unwrap(),
            "statsd_service_check,check_name=db,env=prod,flag=true,source=web status=Int(2),status_text=Str(\"critical\"),\
             message=Str(\"down|for\\ngood\") 12000000000"
        );
        assert_eq!(
            read("_sc|a b|0").unwrap(),
            "statsd_service_check,check_name=a b,source=127.0.0.1 status=Int(0),status_text=Str(\"ok\") 7"
        );
        for bad in ["_sc|db", "_sc||0", "_sc|db|4", "_sc|db|ok", "_sc|db|0|zz", "_sc|db|0|p:low", "_sc"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn events() {
        assert_eq!(
            read("_e{5,9}:title|some text").unwrap(),
            "title,source=127.0.0.1 alert_type=Str(\"info\"),text=Str(\"some text\"),priority=Str(\"normal\") 7"
        );
        assert_eq!(
            read("_e{1,4}:t|a\\nb|d:12|p:low|t:error|h:web|k:key|s:app|#env:prod,flag").unwrap(),
            "t,aggregation_key=key,env=prod,flag=true,source=web alert_type=Str(\"error\"),text=Str(\"a\\nb\"),\
             priority=Str(\"low\"),ts=Int(12),source_type_name=Str(\"app\") 7"
        );
        assert!(read("_e{1,1}:t|x|#host:web").unwrap().starts_with("t,source=web "));
        for bad in [
            "_e{50,9}:title|some text",
            "_e{0,1}:|x",
            "_e{1,0}:t|",
            "_e{1}:t|x",
            "_e{a,1}:t|x",
            "_e{18446744073709551615,18446744073709551615}:t|x",
            "_e:t|x",
            "_e{1,1}:t|x|zz",
            "_e{1,1}:t|xx",
            "_e{1,1}:t|x\u{e4}",
            "_e{1,1}:\u{e4}|x",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
