//! Lets a Starlark script sum up: `add` takes each metric, `push` gives the results of a period, `reset` begins the next. What
//! metrics look like in a script is in `agent-scripting`.

use agent_api::*;
use agent_scripting::{Function, Program, Settings};

register!(Entry::aggregator::<Starlark>());

/// The loaded script, and the metrics that it was given since it was last asked which of them it still holds.
struct Starlark {
    program: Program,
    add: Function,
    push: Function,
    reset: Function,
    batch: Batch,
    rows: Vec<u32>,
    state: State,
    log: Log,
    /// Failed calls of `add` in this period.
    failed: u64,
}

/// So many metrics or bytes are gathered before the script is asked what it still holds of them.
const MOST: usize = 1000;
const MOST_BYTES: usize = 1 << 20;

impl Plugin for Starlark {
    const NAME: &'static str = "starlark";
    const ABOUT: &'static str = "Lets a Starlark script sum up metrics.";
    type Settings = Settings;

    /// Reads the script, and runs its top level: a script that is wrong is a mistake of the settings.
    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let mut program = Program::load(&settings, &env.log)?;
        let (add, push, reset) =
            (program.function("add", 1)?, program.function("push", 0)?, program.function("reset", 0)?);
        program.restore(&env.state);
        Ok(Starlark {
            program,
            add,
            push,
            reset,
            batch: Batch::new(),
            rows: Vec::new(),
            state: env.state.clone(),
            log: env.log.clone(),
            failed: 0,
        })
    }
}

impl Aggregator for Starlark {
    /// There is one `state`, and `push` is to be called once a period.
    fn scope(&self) -> Scope {
        Scope::Everything
    }

    fn add(&mut self, metric: MetricRef<'_>) {
        let row = self.batch.push(metric);
        self.rows.clear();
        if let Err(e) = self.program.call(self.add, &mut self.batch, Some(row), &mut self.rows) {
            // One line a period: the next metrics are likely to fail in the same way.
            if self.failed == 0 {
                self.log.error(format_args!("call add: {e:#}"));
            }
            self.failed += 1;
        }
        if self.batch.len() >= MOST || self.batch.own_bytes() >= MOST_BYTES {
            self.release();
        }
    }

    fn flush(&mut self, out: &mut Collector) {
        if self.failed > 1 {
            out.error(anyhow!("call add: failed for {} more metrics", self.failed - 1));
        }
        self.failed = 0;
        self.rows.clear();
        if let Err(e) = self.program.call(self.push, &mut self.batch, None, &mut self.rows) {
            out.error(e.context("call push"));
        }
        for row in &self.rows {
            let metric = self.batch.at(*row as usize);
            if metric.fields().len() > 0 {
                out.batch().push(metric);
                out.checkpoint();
            }
        }
        self.rows.clear();
        if let Err(e) = self.program.call(self.reset, &mut self.batch, None, &mut self.rows) {
            out.error(e.context("call reset"));
        }
        self.release();
        self.program.save(&self.state);
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.program.held_bytes() + self.batch.bytes())
    }
}

impl Starlark {
    /// Lets go of the metrics that the script does not hold.
    fn release(&mut self) {
        self.program.release(&self.batch);
        self.batch.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Run, batch, refusal};
    use serde_json::json;

    const KEEPS: &str = "
def add(metric):
  if metric.fields['v'] < 0:
    fail('below zero')
  state.setdefault('all', []).append(metric)
def push():
  sums = {}
  for m in state.get('all', []):
    sums[m.tags['h']] = sums.get(m.tags['h'], 0) + m.fields['v']
  out = [Metric('empty')]
  for h, v in sums.items():
    m = Metric('sum')
    m.tags['h'] = h
    m.fields['v'] = v
    m.time = 5
    out.append(m)
  return out
def reset():
  state.clear()
";

    #[test]
    fn metrics_that_a_script_holds_outlive_their_batch() {
        let mut run = Run::<Starlark>::new(json!({"source": KEEPS}));
        for i in 0..2 * MOST + 7 {
            run.add(&format!("m,h=a{} v={i}i 1", i % 2));
        }
        let n = (2 * MOST + 7) as i64;
        let (even, odd) = ((0..n).step_by(2).sum::<i64>(), (1..n).step_by(2).sum::<i64>());
        assert_eq!(run.flush(), format!("sum,h=a0 v={even}i 5\nsum,h=a1 v={odd}i 5"));
        assert_eq!(run.flush(), "", "reset has cleared the state");
    }

    #[test]
    fn errors_of_a_script_are_reported_and_counted() {
        let mut run = Run::<Starlark>::new(json!({"source": KEEPS}));
        run.add("m,h=a v=-1i 1\nm,h=a v=-2i 1\nm,h=a v=3i 1\nm,h=a v=-4i 1");
        let mut out = Collector::new();
        run.0.flush(&mut out);
        assert_eq!(out.take().len(), 1);
        let errors: Vec<String> = out.take_errors().0.iter().map(|e| format!("{e:#}")).collect();
        assert_eq!(errors, ["call add: failed for 2 more metrics"]);

        let source = "def add(m):\n  pass\ndef push():\n  return 5\ndef reset():\n  return 1 // 0\n";
        let mut run = Run::<Starlark>::new(json!({"source": source}));
        let mut out = Collector::new();
        run.0.flush(&mut out);
        let errors: Vec<String> = out.take_errors().0.iter().map(|e| format!("{e:#}")).collect();
        assert!(errors[0].starts_with("call push: the script returned int"), "{errors:?}");
        assert!(errors[1].starts_with("call reset:"), "{errors:?}");
    }

    #[test]
    fn state_is_kept_over_restarts() {
        let source = "def add(m):\n  state['n'] = state.get('n', 0) + 1\ndef push():\n  m = Metric('n')\n  \
                      m.fields['n'] = state.get('n', 0)\n  m.time = 1\n  return m\ndef reset():\n  pass\n";
        let env = Env::new("starlark");
        let start = || {
            let settings: Settings = serde_json::from_value(json!({"source": source})).unwrap();
            Run(Starlark::new(settings, &env).unwrap())
        };
        let mut first = start();
        batch("m v=1i 1\nm v=1i 1").iter().for_each(|metric| first.0.add(metric));
        assert_eq!(first.flush(), "n n=2i 1");
        assert_eq!(start().flush(), "n n=2i 1");
    }

    #[test]
    fn scripts_without_the_three_functions_are_refused() {
        let why = |source: &str| refusal::<Starlark>(json!({"source": source}));
        assert!(why("def add():\n  pass\n").contains("add takes 0 parameters"));
        assert!(why("def add(m):\n  pass\n").contains("no function push"));
        assert!(why("def add(m):\n  pass\ndef push():\n  pass\n").contains("no function reset"));
        assert!(why("def add(m)\n  pass\n").contains("source:1"));
    }
}
