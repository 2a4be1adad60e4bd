//! How long a call into a script takes: `cargo run --release -p agent-starlark --example bench`.
//!
//! The first script is the yardstick, a processor of a few lines; the others show what single features cost.

use agent_starlark::{Error, Heap, Host, Object, Options, Result, Script, Symbol, Value};
use std::io::Write;
use std::time::Instant;

const SCRIPTS: &[(&str, &str)] = &[
    (
        "four lines",
        "def apply(metric):
  metric.fields['busy'] = 100.0 - metric.fields['usage_idle']
  metric.tags['level'] = 'high' if metric.fields['busy'] > 90.0 else 'low'
  return metric",
    ),
    ("nothing", "def apply(metric):\n  return metric"),
    (
        "state",
        "def apply(metric):
  n = state.get('n', 0) + 1
  state['n'] = n
  metric.fields['n'] = n
  return metric",
    ),
    (
        "texts",
        "def apply(metric):
  key = metric.name.upper() + ':' + metric.tags['level']
  metric.tags['level'] = 'low' if key.startswith('CPU') else key.split(':')[1]
  return metric",
    ),
    (
        "loop of 100",
        "def apply(metric):
  total = 0
  for i in range(100):
    total += i
  metric.fields['n'] = total
  return metric",
    ),
    (
        "function calls",
        "def double(x): return x * 2.0
def apply(metric):
  metric.fields['n'] = double(double(metric.fields['usage_idle']))
  return metric",
    ),
];

struct Toy {
    name: String,
    tags: Vec<(String, String)>,
    fields: Vec<(String, f64)>,
}

const TAGS: u16 = 1;
const FIELDS: u16 = 2;

impl Host for Toy {
    fn type_name(&self, object: Object) -> &'static str {
        ["Metric", "Tags", "Fields"][usize::from(object.kind)]
    }

    fn attr(&mut self, heap: &mut Heap, object: Object, name: Symbol) -> Result<Option<Value>> {
        Ok(match name {
            Symbol(0) => Some(heap.string(&self.name)),
            Symbol(1) => Some(Value::Host(Object { kind: TAGS, ..object })),
            Symbol(2) => Some(Value::Host(Object { kind: FIELDS, ..object })),
            _ => None,
        })
    }

    fn index(&mut self, heap: &mut Heap, object: Object, key: Value) -> Result<Option<Value>> {
        let key = heap.str_bytes(key).ok_or_else(|| Error::new("key must be a string"))?;
        if object.kind == FIELDS {
            return Ok(self
                .fields
                .iter()
                .find(|(name, _)| name.as_bytes() == key)
                .map(|&(_, value)| Value::Float(value)));
        }
        Ok(self.tags.iter().find(|(name, _)| name.as_bytes() == key).map(|(_, value)| heap.string(value)))
    }

    fn set_index(&mut self, heap: &mut Heap, object: Object, key: Value, value: Value) -> Result<()> {
        let key = heap.str(key).ok_or_else(|| Error::new("key must be a string"))?;
        match (object.kind, value) {
            (TAGS, Value::Str(_)) => {
                let text = heap.str(value).unwrap_or_default();
                match self.tags.iter_mut().find(|(name, _)| name == key) {
                    Some((_, old)) => text.clone_into(old),
                    None => self.tags.push((key.to_owned(), text.to_owned())),
                }
            }
            _ => {
                let value = match value {
                    Value::Float(value) => value,
                    Value::Int(value) => value as f64,
                    _ => return Err(Error::new("cannot set field")),
                };
                match self.fields.iter_mut().find(|(name, _)| name == key) {
                    Some((_, old)) => *old = value,
                    None => self.fields.push((key.to_owned(), value)),
                }
            }
        }
        Ok(())
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    const CALLS: u32 = 2_000_000;
    let mut host = Toy {
        name: "cpu".into(),
        tags: vec![("host".into(), "a".into()), ("level".into(), "low".into())],
        fields: vec![("usage_user".into(), 3.0), ("usage_idle".into(), 97.0)],
    };
    let options = Options { attributes: &["name", "tags", "fields"], ..Options::default() };
    let mut out = std::io::stdout().lock();
    for (name, source) in SCRIPTS {
        let mut script = Script::load(source, "bench.star", &options, &mut host)?;
        let apply = script.function("apply").ok_or("the script has no function apply")?;
        let metric = Value::Host(Object { kind: 0, id: 0 });
        let calls = if name.starts_with("loop") { CALLS / 20 } else { CALLS };
        let mut best = f64::MAX;
        for _ in 0..5 {
            let start = Instant::now();
            for _ in 0..calls / 5 {
                script.call(apply, &[metric], &mut host)?;
            }
            best = best.min(start.elapsed().as_nanos() as f64 / f64::from(calls / 5));
        }
        writeln!(out, "{name:16} {best:8.1} ns per call")?;
    }
    Ok(())
}
