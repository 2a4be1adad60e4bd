//! The drives of Windows.
//!
//! What udev has is not there: `device_tags` and `name_templates` do nothing, and of serial numbers nothing is known.

use super::Diskio;
use agent_api::*;
use agent_windows::Traffic;
use std::io;

impl Diskio {
    /// Reports the drives that are wanted. Some count nothing, as those in memory; if none does that is an error.
    pub(super) fn drives(&mut self, all: Vec<(String, io::Result<Traffic>)>, out: &mut Collector) -> Result<()> {
        let (mut told, mut refused) = (false, None);
        for (name, traffic) in all {
            let wanted = match &self.filter {
                Some(filter) => filter.is_match(&name),
                None => self.settings.devices.is_empty() || self.settings.devices.contains(&name),
            };
            if !wanted {
                continue;
            }
            match traffic {
                Ok(now) => {
                    told = true;
                    let before = self.drives.insert(name.clone(), now);
                    report(&name, &now, before.as_ref(), !self.settings.skip_serial_number, out);
                }
                Err(error) => refused = Some(anyhow!(error).context(format!("ask drive {name} for its counters"))),
            }
        }
        match refused {
            Some(error) if !told => Err(error),
            _ => Ok(()),
        }
    }
}

fn report(name: &str, now: &Traffic, before: Option<&Traffic>, serial: bool, out: &mut Collector) {
    let mut metric = out.metric("diskio").tag("name", name).kind(Kind::Counter);
    if serial {
        metric.add_tag("serial", "unknown");
    }
    for (field, value) in [
        ("reads", now.reads),
        ("writes", now.writes),
        ("read_bytes", now.read_bytes),
        ("write_bytes", now.write_bytes),
        ("read_time", now.read_time),
        ("write_time", now.write_time),
        ("iops_in_progress", now.in_progress),
    ] {
        metric.add_field(field, value);
    }
    let since = |of: fn(&Traffic) -> u64| of(now).checked_sub(of(before?)).map(|n| n as f64);
    let requests = since(|t| t.reads).zip(since(|t| t.writes)).map(|(r, w)| r + w).filter(|n| *n > 0.0);
    let time = since(|t| t.read_time).zip(since(|t| t.write_time)).map(|(r, w)| r + w);
    if let (Some(requests), Some(time)) = (requests, time) {
        metric.add_field("io_await", time / requests);
    }
}
