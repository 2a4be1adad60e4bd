//! The methods of tags and fields: those of a dictionary.

use crate::host::{Run, TAGS, error, text, to_field, to_script};
use agent_starlark::{Args, Heap, Host, Object, Result, Symbol, Value};

impl Run<'_> {
    pub(crate) fn dict_method(
        &mut self,
        heap: &mut Heap,
        object: Object,
        name: Symbol,
        args: Args<'_>,
    ) -> Result<Value> {
        match heap.symbol_name(name) {
            "clear" => {
                args.none("clear")?;
                self.clear(heap, object)
            }
            "get" => {
                let [key, default] = args.plain::<2>("get", 1)?;
                let found = self.index(heap, object, key.unwrap_or(Value::None))?;
                Ok(found.or(default).unwrap_or(Value::None))
            }
            "items" => {
                args.none("items")?;
                let pairs = self.pairs(heap, object)?.into_iter().map(|(k, v)| heap.tuple(&[k, v])).collect();
                Ok(heap.list(pairs))
            }
            "keys" => {
                args.none("keys")?;
                let keys = self.pairs(heap, object)?.into_iter().map(|(k, _)| k).collect();
                Ok(heap.list(keys))
            }
            "values" => {
                args.none("values")?;
                let values = self.pairs(heap, object)?.into_iter().map(|(_, v)| v).collect();
                Ok(heap.list(values))
            }
            "pop" => {
                let [key, default] = args.plain::<2>("pop", 1)?;
                let key = key.unwrap_or(Value::None);
                match (self.take(heap, object, key)?, default) {
                    (Some(value), _) | (None, Some(value)) => Ok(value),
                    (None, None) => error("pop: missing key"),
                }
            }
            "popitem" => {
                args.none("popitem")?;
                let Some(&(key, value)) = self.pairs(heap, object)?.first() else {
                    return error("popitem: empty dict");
                };
                self.take(heap, object, key)?;
                Ok(heap.tuple(&[key, value]))
            }
            "setdefault" => {
                let [key, default] = args.plain::<2>("setdefault", 1)?;
                let key = key.unwrap_or(Value::None);
                if let Some(value) = self.index(heap, object, key)? {
                    return Ok(value);
                }
                let value = default.unwrap_or(Value::None);
                self.set_index(heap, object, key, value)?;
                Ok(value)
            }
            _ => self.update(heap, object, args),
        }
    }

    /// All keys and values in their order.
    fn pairs(&mut self, heap: &mut Heap, object: Object) -> Result<Vec<(Value, Value)>> {
        let metric = self.store.read(self.batch, object.id)?;
        Ok(match object.kind {
            TAGS => metric.tags().map(|(k, v)| (heap.string(k), heap.string(v))).collect(),
            _ => metric.fields().map(|(k, v)| (heap.string(k), to_script(heap, v))).collect(),
        })
    }

    fn clear(&mut self, heap: &mut Heap, object: Object) -> Result<Value> {
        self.changes(heap, object)?;
        let mut metric = self.store.edit(self.batch, object.id)?;
        match object.kind {
            TAGS => metric.retain_tags(|_, _| false),
            _ => metric.retain_fields(|_| false),
        }
        Ok(Value::None)
    }

    /// Takes an entry out, if it is there.
    fn take(&mut self, heap: &mut Heap, object: Object, key: Value) -> Result<Option<Value>> {
        self.changes(heap, object)?;
        let found = self.index(heap, object, key)?;
        if found.is_some() {
            let mut metric = self.store.edit(self.batch, object.id)?;
            let key = text(heap, key, "key")?;
            match object.kind {
                TAGS => metric.remove_tag(key),
                _ => metric.remove_field(key),
            };
        }
        Ok(found)
    }

    /// From a dictionary or a list of pairs, then from named arguments.
    fn update(&mut self, heap: &mut Heap, object: Object, args: Args<'_>) -> Result<Value> {
        let from = match args.positional() {
            [] => Value::None,
            [one] => *one,
            many => return error(format!("update: got {} arguments, want at most 1", many.len())),
        };
        let mut pairs: Vec<(Value, Value)> = match from {
            Value::None => Vec::new(),
            Value::Dict(_) => heap.entries(from).collect(),
            Value::Host(other) if other.kind != crate::host::METRIC => self.pairs(heap, other)?,
            _ => {
                let Some(items) = heap.items(from) else {
                    let kind = heap.type_of(from).unwrap_or("object");
                    return error(format!("update: got {kind}, want iterable"));
                };
                let pair = |item: &Value| match heap.items(*item) {
                    Some(&[key, value]) => Ok((key, value)),
                    _ => error("update: an element is not a pair"),
                };
                items.iter().map(pair).collect::<Result<_>>()?
            }
        };
        pairs.extend(args.named());
        for &(key, value) in &pairs {
            text(heap, key, "key")?;
            match object.kind {
                TAGS => drop(text(heap, value, "tag value")?),
                _ => drop(to_field(heap, value)?),
            }
        }
        for (key, value) in pairs {
            self.set_index(heap, object, key, value)?;
        }
        Ok(Value::None)
    }
}
