//! Writes every metric to the standard output and passes it on: to see what happens between two processors.

use crate::complaints::Complaints;
use agent_api::plugin::BoxSerializer;
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::io::Write;

register!(Entry::processor::<Printer>());

/// Prints metrics in a data format.
struct Printer {
    sorts: bool,
    serializer: BoxSerializer,
    text: Vec<u8>,
    complaints: Complaints,
}

/// How metrics are printed. The options of the data format, which is line protocol if none is named, stand beside these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Whether fields are printed in the order of their keys. They keep that order on their way.
    influx_sort_fields: bool,
}

impl Plugin for Printer {
    const NAME: &'static str = "printer";
    const ABOUT: &'static str = "Prints metrics and passes them on.";
    const FORMAT: Format = Format::Serializes("influx");
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        Ok(Printer {
            sorts: settings.influx_sort_fields,
            serializer: env.serializer()?,
            text: Vec::new(),
            complaints: Complaints::new(&env.log),
        })
    }
}

impl Processor for Printer {
    /// One worker, so that the lines come in the order of the metrics.
    fn scope(&self) -> Scope {
        Scope::Everything
    }

    fn apply(&mut self, batch: &mut Batch) {
        if self.sorts {
            batch.each(|m| m.sort_fields());
        }
        self.text.clear();
        for metric in batch.iter() {
            let before = self.text.len();
            if let Err(e) = self.serializer.serialize(metric, &mut self.text) {
                self.text.truncate(before);
                self.complaints.add(format_args!("print metric {:?}: {e:#}", metric.name()));
            }
        }
        // In one piece, since an output may write to the standard output as well.
        let mut out = std::io::stdout().lock();
        if let Err(e) = out.write_all(&self.text).and_then(|()| out.flush()) {
            self.complaints.add(format_args!("write to standard output: {e}"));
        }
    }
}
