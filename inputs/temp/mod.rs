//! Temperatures of the sensors of the machine.
//!
//! Sensors of chips (`hwmon`) are asked first; a machine that has none may still have thermal zones.

mod sensors;

use crate::host::Reader;
use agent_api::*;
use schemars::JsonSchema;
use sensors::Sensor;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<Temp>());

/// Reads sensors below `/sys/class`.
struct Temp {
    settings: Settings,
    class: PathBuf,
    reader: Reader,
}

/// Which sensors are reported, and how they are named.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// `v2`: one metric a sensor, named as `coretemp_core_0`; `v1`: one metric a value (current, maximum, alarm ...), named as
    /// `coretemp_core0_input`, as before Telegraf 1.22.4.
    metric_format: String,
    /// Add the tag `device`, which tells chips of the same name apart.
    add_device_tag: bool,
    /// Report the thermal zones also where there are sensors.
    always_gather_zones: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { metric_format: "v2".to_owned(), add_device_tag: false, always_gather_zones: false }
    }
}

impl Plugin for Temp {
    const NAME: &'static str = "temp";
    const ABOUT: &'static str = "Reads the temperatures of the machine.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(mut settings: Settings, env: &Env) -> Result<Self> {
        if settings.metric_format.is_empty() {
            settings.metric_format = Settings::default().metric_format;
        }
        let format = settings.metric_format.as_str();
        ensure!(["v1", "v2"].contains(&format), "metric_format: unknown {format:?}, known are \"v1\" and \"v2\"");
        Ok(Temp { settings, class: env.host.sys.join("class"), reader: Reader::new() })
    }
}

impl Input for Temp {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let all = self.settings.metric_format == "v1";
        let mut found = sensors::hwmon(&self.class.join("hwmon"), all, &mut self.reader);
        if found.is_empty() || self.settings.always_gather_zones {
            found.extend(sensors::zones(&self.class.join("thermal"), &mut self.reader));
        }
        for sensor in &found {
            if all {
                self.report(&format!("{}_input", sensor.name("")), sensor, sensor.degrees, out);
                for (value, degrees) in &sensor.others {
                    self.report(&format!("{}_{value}", sensor.name("")), sensor, *degrees, out);
                }
            } else {
                self.report(&sensor.name("_"), sensor, sensor.degrees, out);
            }
        }
        Ok(())
    }
}

impl Temp {
    fn report(&self, name: &str, sensor: &Sensor, degrees: f64, out: &mut Collector) {
        let mut metric = out.metric("temp").tag("sensor", name).field("temp", degrees);
        if self.settings.add_device_tag && !sensor.device.is_empty() {
            metric.add_tag("device", &sensor.device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    fn tree() -> Tree {
        Tree::of(&[
            ("sys/class/hwmon/hwmon0/name", "coretemp\n"),
            ("sys/class/hwmon/hwmon0/temp1_input", "45250\n"),
            ("sys/class/hwmon/hwmon0/temp1_label", "Package id 0\n"),
            ("sys/class/hwmon/hwmon0/temp1_max", "90000\n"),
            ("sys/class/hwmon/hwmon0/temp1_crit_alarm", "1\n"),
            ("sys/class/hwmon/hwmon0/temp2_input", "broken\n"),
            ("sys/class/hwmon/hwmon0/temp12_input", "1000\n"),
            ("sys/class/hwmon/hwmon1/name", "acpitz\n"),
            ("sys/class/hwmon/hwmon1/temp1_input", "-3500\n"),
            ("sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n"),
            ("sys/class/thermal/thermal_zone0/temp", "44000\n"),
            ("sys/class/thermal/cooling_device0/type", "Fan\n"),
        ])
    }

    fn temp(tree: &Tree, settings: Settings) -> Vec<String> {
        gather(&mut Temp::new(settings, &tree.env()).unwrap())
    }

    const SENSORS: [&str; 3] =
        ["temp,sensor=acpitz temp=-3.5", "temp,sensor=coretemp temp=1", "temp,sensor=coretemp_package_id_0 temp=45.25"];
    const ZONE: &str = "temp,sensor=x86_pkg_temp temp=44";

    #[test]
    fn sensors_are_named_by_chip_and_label() {
        assert_eq!(temp(&tree(), Settings::default()), SENSORS);
        let got = temp(&tree(), Settings { always_gather_zones: true, ..Settings::default() });
        assert_eq!(got, [&SENSORS[..], &[ZONE]].concat());
    }

    #[test]
    fn zones_stand_in_for_sensors() {
        let tree = tree();
        std::fs::remove_dir_all(tree.path().join("sys/class/hwmon")).unwrap();
        assert_eq!(temp(&tree, Settings::default()), [ZONE]);
        assert_eq!(temp(&Tree::empty(), Settings::default()), [""; 0]);
    }

    #[test]
    fn the_old_format_has_a_metric_a_value() {
        let got = temp(&tree(), Settings { metric_format: "v1".to_owned(), ..Settings::default() });
        assert_eq!(
            got,
            [
                "temp,sensor=acpitz_input temp=-3.5",
                "temp,sensor=coretemp_input temp=1",
                "temp,sensor=coretemp_packageid0_crit_alarm temp=0.001",
                "temp,sensor=coretemp_packageid0_input temp=45.25",
                "temp,sensor=coretemp_packageid0_max temp=90",
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn devices_tell_chips_of_one_name_apart() {
        let tree = tree();
        std::os::unix::fs::symlink("../../coretemp.0", tree.path().join("sys/class/hwmon/hwmon0/device")).unwrap();
        let got = temp(&tree, Settings { add_device_tag: true, ..Settings::default() });
        assert_eq!(got[0], "temp,device=coretemp.0,sensor=coretemp temp=1");
        assert_eq!(got[2], SENSORS[0]);
    }

    #[test]
    fn unknown_formats_are_refused() {
        let settings = Settings { metric_format: "v3".to_owned(), ..Settings::default() };
        assert!(Temp::new(settings, &Tree::empty().env()).err().unwrap().to_string().contains("\"v3\""));
    }
}
