//! Interrupts by line and processor: of devices (`/proc/interrupts`) and of the kernel itself (`/proc/softirqs`).

mod table;

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use table::Irq;

register!(Entry::input::<Interrupts>());

/// Reads both tables.
struct Interrupts {
    cpu_as_tag: bool,
    proc: PathBuf,
    reader: Reader,
}

/// How the numbers of the processors are told apart.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// One metric for each processor, with the tag `cpu`, and not one with a field for each.
    cpu_as_tag: bool,
}

impl Plugin for Interrupts {
    const NAME: &'static str = "interrupts";
    const ABOUT: &'static str = "Counts interrupts by line and processor.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        Ok(Interrupts { cpu_as_tag: settings.cpu_as_tag, proc: env.host.proc.clone(), reader: Reader::new() })
    }
}

impl Input for Interrupts {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        for (measurement, file) in [("interrupts", "interrupts"), ("soft_interrupts", "softirqs")] {
            let path = self.proc.join(file);
            match self.reader.need(&path) {
                Ok(text) => {
                    for irq in table::parse(text) {
                        report(measurement, &irq, self.cpu_as_tag, out);
                        out.checkpoint();
                    }
                }
                Err(e) => out.error(e),
            }
        }
        Ok(())
    }
}

fn report(measurement: &str, irq: &Irq<'_>, cpu_as_tag: bool, out: &mut Collector) {
    let metric = |out: &mut Collector, number: Option<usize>, fields: &mut dyn FnMut(&mut Builder<'_>)| {
        let mut metric = out.metric(measurement).tag("irq", &scan::text(irq.id));
        for (key, value) in [("type", &irq.kind), ("device", &irq.device)] {
            if !value.is_empty() {
                metric.add_tag(key, value);
            }
        }
        if let Some(number) = number {
            metric.add_tag("cpu", &format!("cpu{number}"));
        }
        fields(&mut metric);
    };
    if cpu_as_tag {
        for (number, count) in irq.counts.iter().enumerate() {
            metric(out, Some(number), &mut |m| m.add_field("count", *count));
        }
    } else {
        metric(out, None, &mut |m| {
            let mut total = 0i64;
            for (number, count) in irq.counts.iter().enumerate() {
                total = total.saturating_add(*count);
                m.add_field(&format!("CPU{number}"), *count);
            }
            m.add_field("total", total);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    const HARD: &str = "           CPU0       CPU1\n  0:        134          0   IO-APIC-edge      timer\nNMI:          1          2   \
                        Non-maskable interrupts\nERR:          5\n";
    const SOFT: &str = "                    CPU0       CPU1\n          HI:          7          8\n";

    fn interrupts(tree: &Tree, cpu_as_tag: bool) -> Vec<String> {
        gather(&mut Interrupts::new(Settings { cpu_as_tag }, &tree.env()).unwrap())
    }

    #[test]
    fn a_line_is_a_metric() {
        let tree = Tree::of(&[("proc/interrupts", HARD), ("proc/softirqs", SOFT)]);
        assert_eq!(
            interrupts(&tree, false),
            [
                "interrupts,device=timer,irq=0,type=IO-APIC-edge CPU0=134i,CPU1=0i,total=134i",
                "interrupts,irq=ERR CPU0=5i,total=5i",
                "interrupts,irq=NMI,type=Non-maskable interrupts CPU0=1i,CPU1=2i,total=3i",
                "soft_interrupts,irq=HI CPU0=7i,CPU1=8i,total=15i",
            ]
        );
    }

    #[test]
    fn or_a_line_and_processor() {
        let tree = Tree::of(&[("proc/interrupts", HARD), ("proc/softirqs", SOFT)]);
        let got = interrupts(&tree, true);
        assert_eq!(got.len(), 7);
        assert_eq!(got[6], "soft_interrupts,cpu=cpu1,irq=HI count=8i");
    }

    #[test]
    fn one_missing_file_leaves_the_other() {
        let got = interrupts(&Tree::of(&[("proc/softirqs", SOFT)]), false);
        assert!(got[0].starts_with("soft_interrupts") && got[1].contains("/proc/interrupts: "), "{got:?}");
    }
}
