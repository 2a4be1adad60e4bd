//! Events of Datadog's dialect: `_e{5,4}:title|text|d:...|p:...|t:...|h:...|s:...|k:...|#tags`.

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
        if let Some(source) = &self.source {
            metric.add_tag("source", source);
        }
        if let Some(key) = self.aggregation_key {
            metric.add_tag("aggregation_key", key);
        }
        for (key, value) in self.tags {
            // `host` is the agent's own tag; Datadog means by it what it means by `h:`.
            metric.add_tag(if key == "host" { "source" } else { key }, value);
        }
    }
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
