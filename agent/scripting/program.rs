//! A loaded script and the calls into it.

use crate::Settings;
use crate::host::{ATTRIBUTES, FUNCTIONS, METRIC, Run};
use crate::store::Store;
use agent_api::{Batch, Context, Log, Result, anyhow, bail, ensure};
use agent_starlark::{Error, Function, Object, Options, Plain, Script, Value};

/// A script that is called with metrics.
pub struct Program {
    pub(crate) script: Script,
    store: Store,
    pub(crate) log: Log,
    keeps_state: bool,
}

/// Most loop turns and calls of one call: a second or so, where a script for metrics needs a few dozen.
const STEPS: u64 = 100_000_000;

impl Program {
    /// Loads the script and runs its top level.
    pub fn load(settings: &Settings, log: &Log) -> Result<Program> {
        let (source, file) = settings.text()?;
        let constants: Vec<(&str, Plain)> = settings.constants.iter().map(|(k, v)| (k.as_str(), v.plain())).collect();
        let options = Options {
            attributes: &ATTRIBUTES,
            functions: &FUNCTIONS,
            constants: &constants,
            steps: Some(STEPS),
            ..Options::default()
        };
        let (mut store, mut batch) = (Store::default(), Batch::new());
        let mut run = Run { store: &mut store, batch: &mut batch, log };
        let script = Script::load(&source, &file, &options, &mut run).map_err(trace).context("load script")?;
        store.freeze(&batch);
        let keeps_state = script.keeps_state();
        Ok(Program { script, store, log: log.clone(), keeps_state })
    }

    /// Memory of the script's values, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.script.heap().bytes()
    }

    /// The function of this name, which has to take so many parameters.
    pub fn function(&self, name: &str, parameters: usize) -> Result<Function> {
        let Some(function) = self.script.function(name) else { bail!("the script defines no function {name}") };
        let own = self.script.parameters(function);
        ensure!(own == parameters, "the function {name} takes {own} parameters, but {parameters} are needed");
        Ok(function)
    }

    /// False if nothing that a call does can be seen by a later one.
    pub fn keeps_state(&self) -> bool {
        self.keeps_state
    }

    /// Calls a function with the metric of a row, or with nothing, and appends the rows of the metrics that it returns: none, one,
    /// or those of a list. New metrics are at the end of the batch. An error says what went wrong; metrics that stand in a list
    /// beside something else are appended nevertheless.
    pub fn call(
        &mut self,
        function: Function,
        batch: &mut Batch,
        row: Option<usize>,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        let before = batch.len() as u32;
        let argument = row.map(|row| Value::Host(Object { kind: METRIC, id: self.store.add(row as u32) }));
        let args = argument.as_slice();
        let mut run = Run { store: &mut self.store, batch, log: &self.log };
        let result = match self.script.call(function, args, &mut run) {
            Ok(result) => self.returned(result, batch, row, before, out),
            Err(e) => Err(trace(e)),
        };
        if !self.keeps_state {
            self.store.reset();
        }
        result
    }

    /// Has to be called before a batch goes on: copies what the script still holds of it.
    pub fn release(&mut self, batch: &Batch) {
        if self.keeps_state {
            let held = self.script.held_objects();
            self.store.detach(batch, |id| held.binary_search_by_key(&id, |object| object.id).is_ok());
        }
    }

    fn returned(
        &mut self,
        result: Value,
        batch: &mut Batch,
        row: Option<usize>,
        before: u32,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        let heap = self.script.heap();
        let one = [result];
        let values = match result {
            Value::None => return Ok(()),
            Value::List(_) | Value::Tuple(_) => heap.items(result).unwrap_or_default(),
            _ => &one,
        };
        let (start, mut wrong) = (out.len(), None);
        for &value in values {
            let Value::Host(Object { kind: METRIC, id }) = value else {
                wrong = wrong.or(heap.type_of(value).or(Some("tags or fields")));
                continue;
            };
            let own = match self.store.row(id) {
                Some(row) => row,
                None => self.store.read(batch, id).map_err(trace)?.to_owned().add_to(batch) as u32,
            };
            let is_new = own >= before || Some(own as usize) == row;
            if out[start..].contains(&own) {
                continue;
            }
            // A metric that an earlier call has passed on already and the script has kept goes on once more, as it is now.
            out.push(match !is_new && out[..start].contains(&own) {
                true => batch.duplicate(own as usize) as u32,
                false => own,
            });
        }
        match wrong {
            Some(kind) => Err(anyhow!("the script returned {kind}, not a metric, a list of metrics or None")),
            None => Ok(()),
        }
    }
}

/// The error with the places in the script.
fn trace(error: Error) -> agent_api::Error {
    anyhow!("{}", error.traceback())
}
