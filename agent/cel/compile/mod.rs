//! Types the syntax tree and turns it into a plan, in one walk.
//!
//! Types are checked as CEL checks them: each call must fit an overload of its function, where `dyn` fits
//! everything. The types are then forgotten, since the plan looks at the values it gets; what is constant is computed here.

mod plan;

use crate::NoSubject;
use crate::ast::{Expr, ExprKind, Loop, LoopKind};
use crate::error::{Mistake, Outcome, excerpt};
use crate::eval::{Context, LoopNode, Node};
use crate::functions::{self, Constancy};
use crate::types::{Signature, Type, Unifier};
use crate::value::{Kind, Value};
use plan::{MIXED, OPERATORS, ORDERED, index, plan};

/// Steps a constant may take; bigger ones are left to each evaluation.
const MAX_CONSTANT_STEPS: usize = 10_000;

/// Nodes of a type; beyond, it is `dyn`, since a map of maps could double with every level.
const MAX_TYPE_WEIGHT: usize = 200;

/// The plan for `expr`, and the type of its result.
pub(crate) fn compile(expr: &Expr) -> Result<(Node, Type), Mistake> {
    let mut compiler = Compiler { unifier: Unifier::default(), scope: Vec::new(), looped: false };
    let typed = compiler.compile(expr)?;
    let result = compiler.unifier.resolve(&typed.of, true);
    Ok((typed.node, result))
}

/// How much of a value is known while compiling.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// It depends on the metric.
    Varies,
    /// It is the same for every metric.
    Constant,
    /// It is written out, at most converted: then a conversion that fails is a mistake of the source.
    Literal,
}

struct Typed {
    of: Type,
    node: Node,
    known: Known,
    /// The types of the items, where this is a list written out.
    items: Vec<Type>,
}

struct Compiler {
    unifier: Unifier,
    /// The variables of the loops around; the place is the slot at run time.
    scope: Vec<(String, Type)>,
    /// Whether a loop was seen.
    looped: bool,
}

impl Compiler {
    fn compile(&mut self, expr: &Expr) -> Result<Typed, Mistake> {
        match &expr.kind {
            ExprKind::Literal(value) => Ok(literal(type_of(value), value.clone())),
            ExprKind::Ident(name) => self.ident(expr.at, name),
            ExprKind::Select { operand, field, test } => self.select(expr, operand, field, *test),
            ExprKind::Call { function, target, args } => self.call(expr, function, target.as_deref(), args),
            ExprKind::Logic { or, args } => self.logic(*or, args),
            ExprKind::List(items) => self.list(items),
            ExprKind::Map(entries) => self.map(entries),
            ExprKind::Loop(inner) => self.run_over(inner),
        }
    }

    fn ident(&self, at: usize, name: &str) -> Result<Typed, Mistake> {
        if let Some(slot) = self.scope.iter().rposition(|(known, _)| known == name) {
            return Ok(plain(self.scope[slot].1.clone(), Node::Local(slot)));
        }
        let name = name.trim_start_matches('.');
        let map_of = |value| Type::Map(Box::new(Type::String), Box::new(value));
        Ok(match name {
            "name" => plain(Type::String, Node::Name),
            "tags" => plain(map_of(Type::String), Node::Const(Value::Tags)),
            "fields" => plain(map_of(Type::Dyn), Node::Const(Value::Fields)),
            "time" => plain(Type::Timestamp, Node::Time),
            _ => return named_type(name).ok_or_else(|| undeclared(at, name)),
        })
    }

    fn select(&mut self, expr: &Expr, operand: &Expr, field: &str, test: bool) -> Result<Typed, Mistake> {
        if !test && let Some(known) = expr.dotted().and_then(|name| named_type(&name)) {
            return Ok(known);
        }
        let operand = self.compile(operand)?;
        let of = match self.unifier.resolve(&operand.of, false) {
            Type::Map(_, value) => *value,
            Type::Dyn => Type::Dyn,
            variable @ Type::Var(_) => {
                self.unifier.assign(&[(&Type::Dyn, &variable)]);
                Type::Dyn
            }
            other => {
                return Err(Mistake::new(expr.at, format!("type '{other}' does not support field selection")));
            }
        };
        let key = Value::Text(field.into());
        if test {
            let node = match operand.node {
                Node::Const(Value::Tags) => Node::HasTag(field.into()),
                Node::Const(Value::Fields) => Node::HasField(field.into()),
                node => Node::Has(Box::new(node), field.into()),
            };
            return Ok(fold(Typed { known: operand.known.min(Known::Constant), ..plain(Type::Bool, node) }));
        }
        let node = index(operand.node, Node::Const(key));
        Ok(fold(Typed { known: operand.known.min(Known::Constant), ..plain(of, node) }))
    }

    fn logic(&mut self, or: bool, args: &[Expr]) -> Result<Typed, Mistake> {
        let mut nodes = Vec::with_capacity(args.len());
        let mut known = Known::Constant;
        for arg in args {
            let typed = self.test(arg)?;
            known = known.min(typed.known);
            nodes.push(typed.node);
        }
        Ok(fold(Typed { known, ..plain(Type::Bool, Node::Logic { or, args: nodes.into() }) }))
    }

    /// Compiles what must be a boolean.
    fn test(&mut self, expr: &Expr) -> Result<Typed, Mistake> {
        let typed = self.compile(expr)?;
        if self.unifier.assign(&[(&typed.of, &Type::Bool)]) {
            return Ok(typed);
        }
        let found = self.unifier.resolve(&typed.of, true);
        Err(Mistake::new(expr.at, format!("expected type 'bool' but found '{found}'")))
    }

    fn list(&mut self, items: &[Expr]) -> Result<Typed, Mistake> {
        let mut of = None;
        let mut nodes = Vec::with_capacity(items.len());
        let mut types = Vec::with_capacity(items.len());
        let mut known = Known::Literal;
        for item in items {
            let typed = self.compile(item)?;
            of = Some(self.join(of, &typed.of));
            known = known.min(typed.known);
            types.push(self.unifier.resolve(&typed.of, false));
            nodes.push(typed.node);
        }
        let of = of.unwrap_or_else(|| self.unifier.fresh());
        let of = self.bounded(Type::List(Box::new(of)));
        let list = Typed { known, ..plain(of, Node::List(nodes.into())) };
        Ok(Typed { items: types, ..fold(list) })
    }

    fn map(&mut self, entries: &[(Expr, Expr)]) -> Result<Typed, Mistake> {
        let (mut keys, mut values) = (None, None);
        let mut nodes = Vec::with_capacity(entries.len());
        let mut known = Known::Literal;
        for (key, value) in entries {
            let (key, value) = (self.compile(key)?, self.compile(value)?);
            keys = Some(self.join(keys, &key.of));
            values = Some(self.join(values, &value.of));
            known = known.min(key.known).min(value.known);
            nodes.push((key.node, value.node));
        }
        let keys = keys.unwrap_or_else(|| self.unifier.fresh());
        let values = values.unwrap_or_else(|| self.unifier.fresh());
        let of = self.bounded(Type::Map(Box::new(keys), Box::new(values)));
        Ok(fold(Typed { known, ..plain(of, Node::Map(nodes.into())) }))
    }

    fn join(&mut self, known: Option<Type>, found: &Type) -> Type {
        match known {
            None => found.clone(),
            Some(known) => self.unifier.join(&known, found),
        }
    }

    fn bounded(&self, of: Type) -> Type {
        let of = self.unifier.resolve(&of, false);
        if of.weight() > MAX_TYPE_WEIGHT { Type::Dyn } else { of }
    }

    fn run_over(&mut self, inner: &Loop) -> Result<Typed, Mistake> {
        let range = self.compile(&inner.range)?;
        let element = match self.unifier.resolve(&range.of, false) {
            Type::List(item) => *item,
            Type::Map(key, _) => *key,
            Type::Dyn => Type::Dyn,
            variable @ Type::Var(_) => {
                self.unifier.assign(&[(&Type::Dyn, &variable)]);
                Type::Dyn
            }
            other => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                return Err(Mistake::new(inner.range.at, message));
            }
        };
        self.scope.push((inner.variable.clone(), element.clone()));
        self.looped = true;
        let filter = inner.filter.as_ref().map(|filter| self.test(filter)).transpose()?;
        let body = match &inner.body {
            Some(body) if inner.kind == LoopKind::Collect => Some(self.compile(body)?),
            Some(body) => Some(self.test(body)?),
            None => None,
        };
        self.scope.pop();
        let of = match (inner.kind, &body) {
            (LoopKind::Collect, Some(body)) => Type::List(Box::new(body.of.clone())),
            (LoopKind::Collect, None) => Type::List(Box::new(element)),
            _ => Type::Bool,
        };
        let of = self.bounded(of);
        let node = LoopNode {
            kind: inner.kind,
            range: range.node,
            filter: filter.map(|typed| typed.node),
            body: body.map(|typed| typed.node),
        };
        Ok(plain(of, Node::Loop(Box::new(node))))
    }

    fn call(&mut self, expr: &Expr, name: &str, target: Option<&Expr>, args: &[Expr]) -> Result<Typed, Mistake> {
        // `math.abs(x)` looks like a method of `math`.
        let qualified = target.and_then(Expr::dotted).map(|prefix| format!("{prefix}.{name}"));
        let function = qualified.as_deref().and_then(functions::find);
        let (target, function) = match function {
            Some(_) => (None, function),
            None => (target, functions::find(name)),
        };
        let operator = OPERATORS.iter().find(|(known, _)| *known == name);
        let signatures = match (operator, function) {
            (Some((_, signatures)), _) => signatures,
            (None, Some(function)) => function.signatures,
            (None, None) => {
                if let Some(root) = target.filter(|target| target.dotted().is_some())
                    && self.compile(root).is_err()
                {
                    return Err(undeclared(expr.at, &qualified.unwrap_or_else(|| name.to_owned())));
                }
                return Err(undeclared(expr.at, name));
            }
        };
        let mut parts = Vec::with_capacity(args.len() + 1);
        for part in target.into_iter().chain(args) {
            parts.push(self.compile(part)?);
        }
        let types: Vec<&Type> = parts.iter().map(|part| &part.of).collect();
        let Some(of) = self.overload(signatures, target.is_some(), &types) else {
            let shown = function.map_or(name, |function| function.name).replace("math.@max", "math.greatest");
            let message = self.no_overload(&shown.replace("math.@min", "math.least"), target.is_some(), &types);
            return Err(Mistake::new(expr.at, message));
        };
        let of = self.bounded(of);
        if name == "format"
            && let [template, values] = parts.as_slice()
            && let (Node::Const(template), Some(ExprKind::List(_))) =
                (&template.node, args.first().map(|arg| &arg.kind))
        {
            functions::check_format(template.text().unwrap_or(""), &values.items)
                .map_err(|message| Mistake::new(expr.at, message))?;
        }
        let most = function.map_or(Known::Constant, |function| match function.constancy() {
            Constancy::Volatile => Known::Varies,
            Constancy::Pure => Known::Constant,
            Constancy::Conversion => Known::Literal,
        });
        let known = parts.iter().map(|part| part.known).fold(most, Known::min);
        let nodes: Vec<Node> = parts.into_iter().map(|part| part.node).collect();
        let node = plan(name, function, nodes, expr.at)?;
        let typed = Typed { known, ..plain(of, node) };
        if known == Known::Literal
            && let Err(fault) = constant_value(&typed.node)
        {
            return Err(Mistake::new(expr.at, crate::EvalError::from(fault).to_string()));
        }
        Ok(fold(typed))
    }

    /// The type of the result, if an overload fits; `dyn`, if several do and differ.
    fn overload(&mut self, signatures: &[&str], method: bool, args: &[&Type]) -> Option<Type> {
        let mut result: Option<Type> = None;
        let mixed: &[&str] = if self.looped && std::ptr::eq(signatures, ORDERED) { &MIXED } else { &[] };
        for text in signatures.iter().chain(mixed) {
            let signature = Signature::read(text, &mut self.unifier);
            if signature.method != method || signature.parameters.len() != args.len() {
                continue;
            }
            let pairs: Vec<_> = args.iter().copied().zip(&signature.parameters).collect();
            if self.unifier.assign(&pairs) {
                let found = self.unifier.resolve(&signature.result, false);
                result = Some(match result {
                    Some(known) if known != found => Type::Dyn,
                    _ => found,
                });
            }
        }
        result
    }

    fn no_overload(&self, name: &str, method: bool, args: &[&Type]) -> String {
        let shown: Vec<String> = args.iter().map(|arg| self.unifier.resolve(arg, true).to_string()).collect();
        let applied = match shown.split_first() {
            Some((target, rest)) if method => format!("{target}.({})", rest.join(", ")),
            _ => format!("({})", shown.join(", ")),
        };
        format!("found no matching overload for '{name}' applied to '{applied}'")
    }
}

fn undeclared(at: usize, name: &str) -> Mistake {
    Mistake::new(at, format!("undeclared reference to '{}'", excerpt(name)))
}

fn plain(of: Type, node: Node) -> Typed {
    Typed { of, node, known: Known::Varies, items: Vec::new() }
}

fn literal(of: Type, value: Value<'static>) -> Typed {
    Typed { known: Known::Literal, ..plain(of, Node::Const(value)) }
}

/// Computes what is constant; what fails keeps failing at each evaluation.
fn fold(mut typed: Typed) -> Typed {
    if typed.known >= Known::Constant
        && !matches!(typed.node, Node::Const(_))
        && let Ok(value) = constant_value(&typed.node).map(Value::into_owned)
    {
        typed.node = Node::Const(value);
    }
    typed
}

fn constant_value(node: &Node) -> Outcome<'_> {
    node.value(&mut Context::new(&NoSubject, MAX_CONSTANT_STEPS))
}

fn type_of(value: &Value<'_>) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Uint(_) => Type::Uint,
        Value::Double(_) => Type::Double,
        Value::Str(_) | Value::Text(_) => Type::String,
        Value::Bytes(_) => Type::Bytes,
        _ => Type::Dyn,
    }
}

/// A type called by its name, as in `type(x) == int`.
fn named_type(name: &str) -> Option<Typed> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name)?;
    let of = match kind {
        Kind::Null => Type::Null,
        Kind::Bool => Type::Bool,
        Kind::Int => Type::Int,
        Kind::Uint => Type::Uint,
        Kind::Double => Type::Double,
        Kind::String => Type::String,
        Kind::Bytes => Type::Bytes,
        Kind::Timestamp => Type::Timestamp,
        Kind::Duration => Type::Duration,
        Kind::List => Type::List(Box::new(Type::Dyn)),
        Kind::Map => Type::Map(Box::new(Type::Dyn), Box::new(Type::Dyn)),
        Kind::Type => Type::Meta(Box::new(Type::Dyn)),
    };
    Some(literal(Type::Meta(Box::new(of)), Value::Kind(kind)))
}
