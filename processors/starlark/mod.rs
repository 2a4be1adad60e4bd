//! Calls the function `apply` of a Starlark script with every metric. What metrics look like in a script is in `agent-scripting`.

use crate::complaints::Complaints;
use agent_api::*;
use agent_scripting::{Function, Program, Settings};

register!(Entry::processor::<Starlark>());

/// The loaded script.
struct Starlark {
    program: Program,
    apply: Function,
    /// The rows that the script has returned.
    rows: Vec<u32>,
    state: State,
    complaints: Complaints,
}

impl Plugin for Starlark {
    const NAME: &'static str = "starlark";
    const ABOUT: &'static str = "Calls a Starlark script with every metric.";
    type Settings = Settings;

    /// Reads the script, and runs its top level: a script that is wrong is a mistake of the settings.
    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let mut program = Program::load(&settings, &env.log)?;
        let apply = program.function("apply", 1)?;
        program.restore(&env.state);
        Ok(Starlark {
            program,
            apply,
            rows: Vec::new(),
            state: env.state.clone(),
            complaints: Complaints::new(&env.log),
        })
    }
}

impl Processor for Starlark {
    fn scope(&self) -> Scope {
        if self.program.keeps_state() { Scope::Everything } else { Scope::Metric }
    }

    fn apply(&mut self, batch: &mut Batch) {
        self.rows.clear();
        for row in 0..batch.len() {
            if let Err(e) = self.program.call(self.apply, batch, Some(row), &mut self.rows) {
                self.complaints.add(format_args!("{e:#}"));
            }
        }
        self.program.release(batch);
        batch.arrange(&self.rows);
    }

    fn finish(&mut self, _: &mut Batch) {
        self.program.save(&self.state);
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.program.held_bytes())
    }
}
