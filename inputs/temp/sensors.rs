//! The sensors below `/sys/class/hwmon` and the zones below `/sys/class/thermal`.
//!
//! Formats: <https://docs.kernel.org/hwmon/sysfs-interface.html>, <https://docs.kernel.org/driver-api/thermal/sysfs-api.html>;
//! both give thousandths of a degree Celsius. A sensor that cannot be read (a device that sleeps) is left out.

use crate::host::{Reader, scan};
use std::path::{Path, PathBuf};

/// A sensor and what it shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sensor {
    /// Name of its chip.
    chip: String,
    /// What it stands for, in lower case; may be empty.
    label: String,
    /// The device of the chip; may be empty.
    pub(super) device: String,
    /// Degrees Celsius.
    pub(super) degrees: f64,
    /// Other values, by name.
    pub(super) others: Vec<(String, f64)>,
}

impl Sensor {
    /// Chip and label; `blank` stands for blanks of the label.
    pub(super) fn name(&self, blank: &str) -> String {
        match self.label.is_empty() {
            true => self.chip.clone(),
            false => format!("{}_{}", self.chip, self.label.replace(' ', blank)),
        }
    }
}

/// All sensors of chips; `all` reads their other values too.
pub(super) fn hwmon(folder: &Path, all: bool, reader: &mut Reader) -> Vec<Sensor> {
    let chips = children(folder, "hwmon");
    let direct: Vec<Sensor> = chips.iter().flat_map(|c| of_chip(c, all, reader)).collect();
    if !direct.is_empty() {
        return direct;
    }
    // Kernels before 3.12 have the values one folder below.
    chips.iter().flat_map(|c| of_chip(&c.join("device"), all, reader)).collect()
}

fn of_chip(folder: &Path, all: bool, reader: &mut Reader) -> Vec<Sensor> {
    let files = children(folder, "temp");
    let names: Vec<&str> = files.iter().filter_map(|f| f.file_name()?.to_str()).collect();
    let inputs = names.iter().filter_map(|n| n.strip_suffix("_input"));
    let mut sensors = Vec::new();
    for sensor in inputs {
        let Some(degrees) = degrees(&folder.join(format!("{sensor}_input")), reader) else { continue };
        let device = std::fs::read_link(folder.join("device")).ok();
        let device = device.as_deref().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
        let device = device.unwrap_or_default();
        let label = line(&folder.join(format!("{sensor}_label")), reader).unwrap_or_default();
        let chip = line(&folder.join("name"), reader).unwrap_or_else(|| device.clone());
        let values = names.iter().filter_map(|n| n.strip_prefix(sensor)?.strip_prefix('_'));
        let others = values.filter(|v| all && !matches!(*v, "input" | "label")).filter_map(|v| {
            let value = self::degrees(&folder.join(format!("{sensor}_{v}")), reader)?;
            Some((v.to_owned(), value))
        });
        let others = others.collect();
        sensors.push(Sensor { chip, label: label.to_lowercase(), device, degrees, others });
    }
    sensors
}

/// All thermal zones.
pub(super) fn zones(folder: &Path, reader: &mut Reader) -> Vec<Sensor> {
    let zones = children(folder, "thermal_zone").into_iter().filter_map(|zone| {
        let chip = line(&zone.join("type"), reader)?;
        let degrees = degrees(&zone.join("temp"), reader)?;
        Some(Sensor { chip, label: String::new(), device: String::new(), degrees, others: Vec::new() })
    });
    zones.collect()
}

/// Files and folders whose names begin with `prefix`, sorted.
fn children(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let named = |e: &std::fs::DirEntry| e.file_name().to_str().is_some_and(|n| n.starts_with(prefix));
    let mut paths: Vec<PathBuf> = entries.flatten().filter(named).map(|e| e.path()).collect();
    paths.sort();
    paths
}

fn line(path: &Path, reader: &mut Reader) -> Option<String> {
    Some(scan::text(reader.read(path).ok()?).trim().to_owned())
}

fn degrees(path: &Path, reader: &mut Reader) -> Option<f64> {
    Some(scan::float(reader.read(path).ok()?.trim_ascii())? / 1000.0)
}
