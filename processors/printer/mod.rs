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
    serializer: BoxSerializer,
    text: Vec<u8>,
    complaints: Complaints,
}

/// It has no settings but those of the data format, which is line protocol if none is named.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {}

impl Plugin for Printer {
    const NAME: &'static str = "printer";
    const ABOUT: &'static str = "Prints metrics and passes them on.";
    const FORMAT: Format = Format::Serializes("influx");
    type Settings = Settings;

    fn new(_: Settings, env: &Env) -> Result<Self> {
        Ok(Printer { serializer: env.serializer()?, text: Vec::new(), complaints: Complaints::new(&env.log) })
    }
}

impl Processor for Printer {
    /// One worker, so that the lines come in the order of the metrics.
    fn scope(&self) -> Scope {
        Scope::Everything
    }

    fn apply(&mut self, batch: &mut Batch) {
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
