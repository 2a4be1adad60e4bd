//! Values while an expression runs, and what the language says of them: truth, equality, text.

use super::functions::Builtin;
use super::node::Node;
use crate::jsontext::Tree;
use agent_golang::regexp::Regexp;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A value; copying it shares what is large. `'e` is the expression.
#[derive(Clone)]
pub(super) enum Value<'e> {
    /// Nothing, which is not null: members of that value are left out.
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    /// Whole numbers of a metric, as long as nothing is computed with them.
    Int(i64),
    Uint(u64),
    Text(Rc<str>),
    List(Rc<List<'e>>),
    Map(Rc<Map<'e>>),
    Function(Rc<Function<'e>>),
}

pub(super) type Map<'e> = BTreeMap<Rc<str>, Value<'e>>;

/// An array.
#[derive(Clone, Default)]
pub(super) struct List<'e> {
    pub(super) items: Vec<Value<'e>>,
    /// It collects results: one of one result is that result, one of none is nothing.
    pub(super) sequence: bool,
    /// Even so it stays an array.
    pub(super) keep: bool,
    /// It is written as null while it is empty.
    pub(super) nullable: bool,
}

/// Something that can be called.
pub(super) enum Function<'e> {
    Builtin(&'static Builtin),
    Lambda {
        parameters: &'e [String],
        body: &'e Node,
        input: Value<'e>,
        scope: Rc<Scope<'e>>,
    },
    Partial(Value<'e>, Vec<Option<Value<'e>>>),
    /// The first, then the second with its result.
    Chain(Value<'e>, Value<'e>),
    Regex(&'e Regexp),
    Transform {
        pattern: &'e Node,
        update: &'e Node,
        delete: Option<&'e Node>,
        scope: Rc<Scope<'e>>,
    },
}

/// Variables.
#[derive(Default)]
pub(super) struct Scope<'e> {
    pub(super) variables: RefCell<BTreeMap<&'e str, Value<'e>>>,
    pub(super) parent: Option<Rc<Scope<'e>>>,
}

impl<'e> Scope<'e> {
    pub(super) fn find(&self, name: &str) -> Option<Value<'e>> {
        let mut scope = self;
        loop {
            if let Some(value) = scope.variables.borrow().get(name) {
                return Some(value.clone());
            }
            scope = scope.parent.as_deref()?;
        }
    }
}

impl<'e> Value<'e> {
    pub(super) fn text(text: &str) -> Self {
        Value::Text(Rc::from(text))
    }

    pub(super) fn list(items: Vec<Value<'e>>) -> Self {
        Value::List(Rc::new(List { items, sequence: false, ..List::default() }))
    }

    /// What `$map` and `$filter` give: an array even of one element, which is null if there is none.
    pub(super) fn gathered(items: Vec<Value<'e>>) -> Self {
        Value::List(Rc::new(List { items, nullable: true, ..List::default() }))
    }

    /// What a collection of results is.
    pub(super) fn results(mut items: Vec<Value<'e>>) -> Self {
        match items.len() {
            0 => Value::Undefined,
            1 => items.remove(0),
            _ => Value::List(Rc::new(List { items, sequence: true, ..List::default() })),
        }
    }

    pub(super) fn map(map: Map<'e>) -> Self {
        Value::Map(Rc::new(map))
    }

    pub(super) fn from_tree(tree: Tree) -> Self {
        match tree {
            Tree::Null => Value::Null,
            Tree::Bool(v) => Value::Bool(v),
            Tree::Number(v) => Value::Number(v),
            Tree::Int(v) => Value::Int(v),
            Tree::Uint(v) => Value::Uint(v),
            Tree::Text(v) => Value::Text(v.into()),
            Tree::List(items) => Value::list(items.into_iter().map(Value::from_tree).collect()),
            Tree::Map(map) => Value::map(map.into_iter().map(|(k, v)| (k.into(), Value::from_tree(v))).collect()),
        }
    }

    /// The value as JSON; functions are empty texts. None for nothing.
    pub(super) fn to_tree(&self) -> Option<Tree> {
        Some(match self {
            Value::Undefined => return None,
            Value::Null => Tree::Null,
            Value::Bool(v) => Tree::Bool(*v),
            Value::Number(v) => Tree::Number(*v),
            Value::Int(v) => Tree::Int(*v),
            Value::Uint(v) => Tree::Uint(*v),
            Value::Text(v) => Tree::Text(v.to_string()),
            Value::List(list) if list.nullable && list.items.is_empty() => Tree::Null,
            Value::List(list) => Tree::List(list.items.iter().filter_map(Value::to_tree).collect()),
            Value::Map(map) => Tree::Map(map.iter().filter_map(|(k, v)| Some((k.to_string(), v.to_tree()?))).collect()),
            Value::Function(_) => Tree::Text(String::new()),
        })
    }

    pub(super) fn is_undefined(&self) -> bool {
        matches!(self, Value::Undefined)
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Value::Number(v) => Some(*v),
            Value::Int(v) => Some(*v as f64),
            Value::Uint(v) => Some(*v as f64),
            _ => None,
        }
    }

    /// The elements of an array, the value itself otherwise, nothing of nothing.
    pub(super) fn items(&self) -> &[Value<'e>] {
        match self {
            Value::Undefined => &[],
            Value::List(list) => &list.items,
            value => std::slice::from_ref(value),
        }
    }

    /// Whether the value counts as true.
    pub(super) fn truth(&self) -> bool {
        match self {
            Value::Undefined | Value::Null | Value::Function(_) => false,
            Value::Bool(v) => *v,
            Value::Text(v) => !v.is_empty(),
            Value::List(list) => list.items.iter().any(Value::truth),
            Value::Map(map) => !map.is_empty(),
            number => number.number().is_some_and(|v| v != 0.0),
        }
    }

    pub(super) fn equals(&self, other: &Value<'e>) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Uint(a), Value::Uint(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                a.items.len() == b.items.len() && a.items.iter().zip(&b.items).all(|(a, b)| a.equals(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|((k, a), (l, b))| k == l && a.equals(b))
            }
            (Value::Function(a), Value::Function(b)) => Rc::ptr_eq(a, b),
            (a, b) => matches!((a.number(), b.number()), (Some(a), Some(b)) if a == b),
        }
    }

    /// What `$type` and messages call it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Undefined => "nothing",
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) | Value::Int(_) | Value::Uint(_) => "number",
            Value::Text(_) => "string",
            Value::List(_) => "array",
            Value::Map(_) => "object",
            Value::Function(_) => "function",
        }
    }

    /// The value as text: itself, or as JSON.
    pub(super) fn to_text(&self) -> String {
        match self {
            Value::Undefined => String::new(),
            Value::Text(text) => text.to_string(),
            value => {
                let mut out = Vec::new();
                value.to_tree().unwrap_or_default().write(&mut out);
                let text = String::from_utf8_lossy(&out).into_owned();
                // Only what is written as a document has its angle brackets escaped.
                text.replace("\\u003c", "<").replace("\\u003e", ">").replace("\\u0026", "&")
            }
        }
    }
}
