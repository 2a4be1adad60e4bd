//! Traffic of disks, partitions and other block devices.
//!
//! Counters come from `/proc/diskstats`; names, tags and serial numbers beyond the kernel's own from what udev has stored. From
//! the second gathering on there are also the averages that `iostat` shows. On Windows the drives with letters are asked (`windows`).

mod diskstats;
mod udev;
mod windows;

use crate::host::{Reader, scan};
use agent_api::*;
use agent_golang::glob::Filter;
use agent_windows::Traffic;
use diskstats::Counters;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;
use udev::{Properties, Udev};

register!(Entry::input::<Diskio>());

/// Reads `/proc/diskstats`.
struct Diskio {
    settings: Settings,
    log: Log,
    host: HostPaths,
    /// Set if `devices` holds a pattern.
    filter: Option<Filter>,
    reader: Reader,
    udev: Udev,
    before: HashMap<String, Counters>,
    at: Option<Instant>,
    /// What the drives of Windows had told.
    drives: HashMap<String, Traffic>,
}

/// Which devices are reported, and how they are named.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Names of devices; empty means all. Where one of them is a pattern (as `sd*`), all are, and they match links of a device
    /// too, as `disk/by-id/nvme-*`; else links may be given as they are, as `/dev/disk/by-id/nvme-own`.
    devices: Vec<String>,
    /// Properties that udev has of a device (`udevadm info -q property -n sda`) to be added as tags.
    device_tags: Vec<String>,
    /// Names in place of the kernel's, as `$DM_VG_NAME/$DM_LV_NAME`: the first of which udev has all properties is taken.
    name_templates: Vec<String>,
    /// Leave out the tag `serial`.
    skip_serial_number: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { devices: vec![], device_tags: vec![], name_templates: vec![], skip_serial_number: true }
    }
}

impl Plugin for Diskio {
    const NAME: &'static str = "diskio";
    const ABOUT: &'static str = "Reads the traffic of disks.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let pattern = settings.devices.iter().any(|d| d.contains(['*', '?', '[']));
        let filter = pattern.then(|| Filter::compile(&settings.devices, &[])).transpose().context("devices")?;
        Ok(Diskio {
            settings,
            log: env.log.clone(),
            host: env.host.clone(),
            filter,
            reader: Reader::new(),
            udev: Udev::new(&env.host),
            before: HashMap::new(),
            at: None,
            drives: HashMap::new(),
        })
    }
}

impl Input for Diskio {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        if cfg!(windows) {
            let asked = tokio::task::spawn_blocking(agent_windows::traffic).await.context("ask for the drives")?;
            return self.drives(asked.context("ask for the drives")?, out);
        }
        let chosen = self.chosen();
        let now = Instant::now();
        let elapsed = self.at.replace(now).map_or(0.0, |at| (now - at).as_millis() as f64);
        let path = self.host.proc.join("diskstats");
        // What udev and sysfs tell is read into a buffer of its own.
        let mut other = Reader::new();
        for line in scan::lines(self.reader.need(&path)?) {
            let Some((name, now)) = diskstats::parse(line) else { continue };
            let name = scan::text(name);
            if now.is_zero() || chosen.as_ref().is_some_and(|c| c.iter().all(|c| *c != name)) {
                continue;
            }
            let wants_more = self.filter.is_some()
                || !self.settings.device_tags.is_empty()
                || !self.settings.name_templates.is_empty();
            let more = if wants_more { self.udev.properties(&name, &mut other, &self.log) } else { None };
            if let Some(filter) = &self.filter
                && !filter.is_match(&name)
                && !more.is_some_and(|p| p.links().any(|l| filter.is_match(l)))
            {
                continue;
            }
            let mut metric = out.metric("diskio").kind(Kind::Counter);
            metric.add_tag("name", &self::name(&name, &self.settings.name_templates, more));
            for key in &self.settings.device_tags {
                if let Some(value) = more.and_then(|p| p.find(key)) {
                    metric.add_tag(key, value);
                }
            }
            if let Ok(text) = other.read(&self.host.sys.join("block").join(&*name).join("wwid")) {
                metric.add_tag("wwid", scan::text(text).trim_end_matches('\n'));
            }
            if !self.settings.skip_serial_number {
                let serial = self.udev.serial(&name, &mut other);
                metric.add_tag("serial", serial.as_deref().unwrap_or("unknown"));
            }
            for (key, value) in now.fields() {
                metric.add_field(key, value);
            }
            match self.before.get_mut(&*name) {
                Some(before) => {
                    for (key, value) in now.averages(before, elapsed).into_iter().flatten() {
                        metric.add_field(key, value);
                    }
                    *before = now;
                }
                None => drop(self.before.insert(name.into_owned(), now)),
            }
        }
        Ok(())
    }
}

impl Diskio {
    /// The kernel's names of the devices that were chosen by name or link; nothing where all or patterns were.
    fn chosen(&self) -> Option<Vec<String>> {
        if self.filter.is_some() || self.settings.devices.is_empty() {
            return None;
        }
        let kernel_name = |device: &String| {
            let real = std::fs::canonicalize(self.host.dev.join(device.trim_start_matches("/dev/")));
            let real = real.unwrap_or_else(|_| Path::new(device).to_owned());
            real.file_name().map_or_else(|| device.clone(), |n| n.to_string_lossy().into_owned())
        };
        Some(self.settings.devices.iter().map(kernel_name).collect())
    }
}

/// The name by the first template of which all properties are known, else the kernel's.
fn name(device: &str, templates: &[String], properties: Option<&Properties>) -> String {
    let filled = properties.and_then(|p| templates.iter().find_map(|t| fill_in(t, p)));
    filled.unwrap_or_else(|| device.to_owned())
}

/// Replaces `$KEY` and `${KEY}`; nothing if a key is not known. A dollar sign that begins neither stays.
fn fill_in(template: &str, properties: &Properties) -> Option<String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let braced = after.strip_prefix('{');
        let text = braced.unwrap_or(after);
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
        let (key, behind) = text.split_at(end);
        let behind = if braced.is_some() { behind.strip_prefix('}') } else { Some(behind) };
        match behind {
            Some(behind) if !key.is_empty() => {
                out.push_str(properties.find(key)?);
                rest = behind;
            }
            _ => {
                out.push('$');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests;
