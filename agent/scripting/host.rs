//! The objects of a script: metrics and their tags and fields.

use crate::store::Store;
use agent_api::{Batch, Log, Value as Field};
use agent_starlark::{Args, Error, Heap, Host, Level, Object, Result, Symbol, Value};

/// Kinds of objects.
pub(crate) const METRIC: u16 = 0;
pub(crate) const TAGS: u16 = 1;
pub(crate) const FIELDS: u16 = 2;

/// Names of attributes and methods, by the number of their symbol.
pub(crate) const ATTRIBUTES: [&str; 13] = [
    "name",
    "tags",
    "fields",
    "time",
    "clear",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
];
pub(crate) const NAME: Symbol = Symbol(0);
const TAGS_ATTRIBUTE: Symbol = Symbol(1);
const FIELDS_ATTRIBUTE: Symbol = Symbol(2);
const TIME: Symbol = Symbol(3);
/// The first method.
pub(crate) const CLEAR: Symbol = Symbol(4);

/// Functions of the host.
pub(crate) const FUNCTIONS: [&str; 2] = ["Metric", "deepcopy"];

/// The host during one call.
pub(crate) struct Run<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) batch: &'a mut Batch,
    pub(crate) log: &'a Log,
}

pub(crate) fn error<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::new(message))
}

/// The text of a string; an error for any other value.
pub(crate) fn text<'h>(heap: &'h Heap, value: Value, what: &str) -> Result<&'h str> {
    match (heap.str(value), value) {
        (Some(text), _) => Ok(text),
        (None, Value::Str(_)) => error(format!("{what} is not valid UTF-8")),
        (None, _) => error(format!("{what} must be of type 'str', not {}", type_name(heap, value))),
    }
}

fn type_name(heap: &Heap, value: Value) -> &'static str {
    heap.type_of(value).unwrap_or("object")
}

/// The value of a field as a script has it.
pub(crate) fn to_script(heap: &mut Heap, field: Field<'_>) -> Value {
    match field {
        Field::Float(v) => Value::Float(v),
        Field::Int(v) => Value::Int(v),
        Field::Uint(v) => heap.int(v.into()),
        Field::Bool(v) => Value::Bool(v),
        Field::Str(v) => heap.string(v),
    }
}

/// A value of a script as a field holds it.
pub(crate) fn to_field(heap: &Heap, value: Value) -> Result<Field<'_>> {
    match value {
        Value::Float(v) => Ok(Field::Float(v)),
        Value::Int(v) => Ok(Field::Int(v)),
        Value::Bool(v) => Ok(Field::Bool(v)),
        Value::Str(_) => text(heap, value, "field value").map(Field::Str),
        other if heap.integer(other).is_some() => error("field value is too large for a 64-bit integer"),
        other => error(format!("field value cannot be of type {}", type_name(heap, other))),
    }
}

impl Run<'_> {
    /// Refuses to change what a loop runs over.
    pub(crate) fn changes(&self, heap: &Heap, object: Object) -> Result<()> {
        match heap.is_iterated(object) {
            true => error(format!("cannot change {} during iteration", self.type_name(object).to_lowercase())),
            false => Ok(()),
        }
    }

    /// An object for a new row of the batch.
    fn object(&mut self, row: usize) -> Value {
        Value::Host(Object { kind: METRIC, id: self.store.add(row as u32) })
    }

    /// A metric without tags and fields, of now.
    fn new_metric(&mut self, heap: &Heap, args: Args<'_>) -> Result<Value> {
        let [name] = args.unpack(heap, "Metric", ["name"], 1)?;
        let name = text(heap, name.unwrap_or(Value::None), "name")?;
        // A builder adds no metric without a field.
        let now = self.now();
        self.batch.metric(name).field("", 0i64).time(now);
        let row = self.batch.len() - 1;
        self.batch.at_mut(row).remove_field_at(0);
        Ok(self.object(row))
    }

    fn deepcopy(&mut self, heap: &Heap, args: Args<'_>) -> Result<Value> {
        let [metric, _track] = args.unpack(heap, "deepcopy", ["source", "track"], 1)?;
        let Some(Value::Host(Object { kind: METRIC, id })) = metric else {
            return error(format!("deepcopy: got {}, want Metric", type_name(heap, metric.unwrap_or(Value::None))));
        };
        let row = match self.store.row(id) {
            Some(row) => self.batch.duplicate(row as usize),
            None => {
                let copy = self.store.read(self.batch, id)?.to_owned();
                copy.add_to(self.batch)
            }
        };
        Ok(self.object(row))
    }
}

impl Host for Run<'_> {
    fn type_name(&self, object: Object) -> &'static str {
        match object.kind {
            TAGS => "Tags",
            FIELDS => "Fields",
            _ => "Metric",
        }
    }

    fn attr(&mut self, heap: &mut Heap, object: Object, name: Symbol) -> Result<Option<Value>> {
        if object.kind != METRIC {
            return Ok(None);
        }
        Ok(match name {
            FIELDS_ATTRIBUTE => Some(Value::Host(Object { kind: FIELDS, ..object })),
            TAGS_ATTRIBUTE => Some(Value::Host(Object { kind: TAGS, ..object })),
            NAME => Some(heap.string(self.store.read(self.batch, object.id)?.name())),
            TIME => Some(Value::Int(self.store.read(self.batch, object.id)?.time())),
            _ => None,
        })
    }

    fn set_attr(&mut self, heap: &mut Heap, object: Object, name: Symbol, value: Value) -> Result<()> {
        if object.kind != METRIC {
            return error(format!("cannot set .{} of {}", heap.symbol_name(name), self.type_name(object)));
        }
        let mut metric = self.store.edit(self.batch, object.id)?;
        match name {
            NAME => metric.set_name(text(heap, value, "name")?),
            TIME => match value {
                Value::Int(time) => metric.set_time(time),
                other => return error(format!("time must be of type 'int', not {}", type_name(heap, other))),
            },
            TAGS_ATTRIBUTE | FIELDS_ATTRIBUTE => return error(format!("cannot set {}", heap.symbol_name(name))),
            _ => return error(format!("cannot assign to field '{}'", heap.symbol_name(name))),
        }
        Ok(())
    }

    fn attributes(&self, object: Object) -> &'static [&'static str] {
        match object.kind {
            METRIC => &["fields", "name", "tags", "time"],
            _ => &ATTRIBUTES[CLEAR.0 as usize..],
        }
    }

    fn index(&mut self, heap: &mut Heap, object: Object, key: Value) -> Result<Option<Value>> {
        let metric = self.store.read(self.batch, object.id)?;
        let key = text(heap, key, "key")?;
        match object.kind {
            TAGS => Ok(metric.tag(key).map(|value| heap.string(value))),
            FIELDS => Ok(metric.field(key).map(|value| to_script(heap, value))),
            _ => error("unhandled index operation on Metric"),
        }
    }

    fn set_index(&mut self, heap: &mut Heap, object: Object, key: Value, value: Value) -> Result<()> {
        self.changes(heap, object)?;
        let mut metric = self.store.edit(self.batch, object.id)?;
        let key = text(heap, key, "key")?;
        match object.kind {
            TAGS => metric.set_tag(key, text(heap, value, "tag value")?),
            FIELDS => metric.set_field(key, to_field(heap, value)?),
            _ => return error("Metric value does not support item assignment"),
        }
        Ok(())
    }

    fn contains(&mut self, heap: &mut Heap, object: Object, key: Value) -> Result<bool> {
        let metric = self.store.read(self.batch, object.id)?;
        let key = text(heap, key, "key")?;
        match object.kind {
            TAGS => Ok(metric.tag(key).is_some()),
            FIELDS => Ok(metric.field(key).is_some()),
            _ => error("unknown binary op: string in Metric"),
        }
    }

    fn keys(&mut self, heap: &mut Heap, object: Object) -> Result<Option<Vec<Value>>> {
        let metric = self.store.read(self.batch, object.id)?;
        Ok(match object.kind {
            TAGS => Some(metric.tags().map(|(key, _)| heap.string(key)).collect()),
            FIELDS => Some(metric.fields().map(|(key, _)| heap.string(key)).collect()),
            _ => None,
        })
    }

    fn len(&self, object: Object) -> Option<usize> {
        let metric = self.store.read(self.batch, object.id).ok()?;
        match object.kind {
            TAGS => Some(metric.tags().len()),
            FIELDS => Some(metric.fields().len()),
            _ => None,
        }
    }

    fn has_method(&self, object: Object, name: Symbol) -> bool {
        object.kind != METRIC && (CLEAR.0..ATTRIBUTES.len() as u16).contains(&name.0)
    }

    fn call_method(&mut self, heap: &mut Heap, object: Object, name: Symbol, args: Args<'_>) -> Result<Option<Value>> {
        match self.has_method(object, name) {
            true => self.dict_method(heap, object, name, args).map(Some),
            false => Ok(None),
        }
    }

    fn call(&mut self, heap: &mut Heap, function: u16, args: Args<'_>) -> Result<Value> {
        match FUNCTIONS.get(usize::from(function)) {
            Some(&"Metric") => self.new_metric(heap, args),
            _ => self.deepcopy(heap, args),
        }
    }

    fn text(&mut self, heap: &mut Heap, object: Object) -> String {
        let Ok(metric) = self.store.read(self.batch, object.id) else { return "<gone>".to_owned() };
        let mut quoted = |text: &str| {
            let value = heap.string(text);
            heap.simple_repr(value)
        };
        let tags: Vec<String> = metric.tags().map(|(k, v)| format!("{}: {}", quoted(k), quoted(v))).collect();
        let name = quoted(metric.name());
        let fields = metric.fields().map(|(key, value)| {
            let (key, value) = (heap.string(key), to_script(heap, value));
            format!("{}: {}", heap.simple_repr(key), heap.simple_repr(value))
        });
        let fields: Vec<String> = fields.collect();
        let (tags, fields) = (tags.join(", "), fields.join(", "));
        match object.kind {
            TAGS => format!("{{{tags}}}"),
            FIELDS => format!("{{{fields}}}"),
            _ => format!("Metric({name}, tags={{{tags}}}, fields={{{fields}}}, time={})", metric.time()),
        }
    }

    fn print(&mut self, text: &str) {
        self.log.debug(text);
    }

    fn log(&mut self, level: Level, text: &str) {
        match level {
            Level::Debug => self.log.debug(text),
            Level::Info => self.log.info(text),
            Level::Warn => self.log.warn(text),
            Level::Error => self.log.error(text),
        }
    }
}
