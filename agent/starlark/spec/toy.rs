//! A host with one kind of metric, as small as it can be.

use crate::error::fail;
use crate::{Args, Heap, Host, Level, Object, Options, Result, Symbol, Value};
use std::collections::BTreeMap;

pub(super) const OPTIONS: Options<'static> = Options {
    attributes: &["name", "tags", "fields", "time", "get", "pop"],
    functions: &["Metric", "deepcopy"],
    constants: &[],
    steps: None,
    memory: 256 << 20,
    depth: 5_000,
};

const METRIC: u16 = 0;
const TAGS: u16 = 1;
const FIELDS: u16 = 2;

#[derive(Default)]
pub(super) struct Toy {
    pub(super) metrics: Vec<Metric>,
    pub(super) lines: Vec<String>,
}

#[derive(Clone, Default)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) fields: BTreeMap<String, f64>,
    pub(super) time: i64,
}

impl Toy {
    pub(super) fn add(&mut self, metric: Metric) -> Value {
        self.metrics.push(metric);
        Value::Host(Object { kind: METRIC, id: self.metrics.len() as u32 - 1 })
    }

    fn metric(&mut self, object: Object) -> &mut Metric {
        &mut self.metrics[object.id as usize]
    }
}

impl Host for Toy {
    fn type_name(&self, object: Object) -> &'static str {
        ["Metric", "Tags", "Fields"][usize::from(object.kind)]
    }

    fn attr(&mut self, heap: &mut Heap, object: Object, name: Symbol) -> Result<Option<Value>> {
        Ok(match (object.kind, name) {
            (METRIC, Symbol(0)) => Some(heap.string(&self.metric(object).name)),
            (METRIC, Symbol(1)) => Some(Value::Host(Object { kind: TAGS, ..object })),
            (METRIC, Symbol(2)) => Some(Value::Host(Object { kind: FIELDS, ..object })),
            (METRIC, Symbol(3)) => Some(Value::Int(self.metric(object).time)),
            _ => None,
        })
    }

    fn set_attr(&mut self, heap: &mut Heap, object: Object, name: Symbol, value: Value) -> Result<()> {
        match (name, value) {
            (Symbol(0), Value::Str(_)) => self.metric(object).name = heap.text(value).into_owned(),
            (Symbol(3), Value::Int(time)) => self.metric(object).time = time,
            _ => fail!("cannot set {}", heap.symbol_name(name)),
        }
        Ok(())
    }

    fn attributes(&self, object: Object) -> &'static [&'static str] {
        if object.kind == METRIC { &["name", "tags", "fields", "time"] } else { &["get", "pop"] }
    }

    fn index(&mut self, heap: &mut Heap, object: Object, key: Value) -> Result<Option<Value>> {
        let Some(key) = heap.str(key) else { fail!("key must be a string") };
        Ok(match object.kind {
            TAGS => self.metric(object).tags.get(key).cloned().map(|tag| heap.string(&tag)),
            _ => self.metric(object).fields.get(key).map(|&field| Value::Float(field)),
        })
    }

    fn set_index(&mut self, heap: &mut Heap, object: Object, key: Value, value: Value) -> Result<()> {
        if heap.is_iterated(object) {
            fail!("cannot insert during iteration");
        }
        let key = heap.text(key).into_owned();
        match (object.kind, value) {
            (TAGS, Value::Str(_)) => drop(self.metric(object).tags.insert(key, heap.text(value).into_owned())),
            (FIELDS, Value::Float(value)) => drop(self.metric(object).fields.insert(key, value)),
            (FIELDS, Value::Int(value)) => drop(self.metric(object).fields.insert(key, value as f64)),
            _ => fail!("cannot set {key}"),
        }
        Ok(())
    }

    fn contains(&mut self, heap: &mut Heap, object: Object, key: Value) -> Result<bool> {
        Ok(self.index(heap, object, key)?.is_some())
    }

    fn keys(&mut self, heap: &mut Heap, object: Object) -> Result<Option<Vec<Value>>> {
        Ok(match object.kind {
            TAGS => Some(self.metric(object).tags.keys().map(|key| heap.string(key)).collect()),
            FIELDS => Some(self.metric(object).fields.keys().map(|key| heap.string(key)).collect()),
            _ => None,
        })
    }

    fn has_method(&self, object: Object, name: Symbol) -> bool {
        object.kind != METRIC && matches!(name, Symbol(4 | 5))
    }

    fn call_method(&mut self, heap: &mut Heap, object: Object, name: Symbol, args: Args<'_>) -> Result<Option<Value>> {
        if !self.has_method(object, name) {
            return Ok(None);
        }
        let [key, default] = args.plain::<2>(heap.symbol_name(name), 1)?;
        let found = self.index(heap, object, key.unwrap_or(Value::None))?;
        if name == Symbol(5) {
            let key = heap.text(key.unwrap_or(Value::None)).into_owned();
            self.metric(object).fields.remove(&key);
        }
        Ok(found.or(default).or(Some(Value::None)))
    }

    fn call(&mut self, heap: &mut Heap, function: u16, args: Args<'_>) -> Result<Value> {
        let arg = args.single(OPTIONS.functions[usize::from(function)])?;
        let metric = match (function, arg) {
            (0, _) => Metric { name: heap.text(arg).into_owned(), ..Metric::default() },
            (1, Value::Host(object)) => self.metric(object).clone(),
            _ => fail!("deepcopy: not a metric"),
        };
        Ok(self.add(metric))
    }

    fn text(&mut self, _: &mut Heap, object: Object) -> String {
        format!("Metric({:?})", self.metric(object).name)
    }

    fn print(&mut self, text: &str) {
        self.lines.push(text.to_owned());
    }

    fn log(&mut self, level: Level, text: &str) {
        self.lines.push(format!("{level:?}: {text}"));
    }

    fn now(&self) -> i64 {
        1_700_000_000_000_000_001
    }
}
