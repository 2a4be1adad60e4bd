//! The macros: calls whose arguments are not values, rewritten while parsing.
//!
//! A call that has a macro's name but not its number of arguments is left as it is; the checker then knows no such function.

use crate::ast::{Expr, ExprKind, Loop, LoopKind};
use crate::error::Mistake;
use crate::parse::{call, height};
use crate::value::Value;

/// `name(args)`: `has`, or a plain call.
pub(crate) fn function(at: usize, name: &str, mut args: Vec<Expr>) -> Result<Expr, Mistake> {
    if name != "has" || args.len() != 1 {
        return call(at, name, None, args);
    }
    let mut argument = args.remove(0);
    match &mut argument.kind {
        ExprKind::Select { test: test @ false, .. } => *test = true,
        _ => {
            return Err(Mistake::new(argument.at, "invalid argument to has() macro: expected a field like tags.x"));
        }
    }
    Ok(argument)
}

/// `target.name(args)`: a loop, `math.greatest`, `math.least`, or a plain call.
pub(crate) fn method(at: usize, target: Expr, name: &str, args: Vec<Expr>) -> Result<Expr, Mistake> {
    let math = matches!(&target.kind, ExprKind::Ident(_)) && target.dotted().as_deref() == Some("math");
    match (name, args.len()) {
        ("greatest", _) if math => extremum(at, "math.greatest()", "math.@max", args),
        ("least", _) if math => extremum(at, "math.least()", "math.@min", args),
        ("all", 2) => comprehension(at, LoopKind::All, target, false, args),
        ("exists", 2) => comprehension(at, LoopKind::Exists, target, false, args),
        ("exists_one", 2) => comprehension(at, LoopKind::ExistsOne, target, false, args),
        ("map", 2) => comprehension(at, LoopKind::Collect, target, false, args),
        ("map", 3) | ("filter", 2) => comprehension(at, LoopKind::Collect, target, true, args),
        _ => call(at, name, Some(target), args),
    }
}

fn comprehension(at: usize, kind: LoopKind, range: Expr, filtered: bool, args: Vec<Expr>) -> Result<Expr, Mistake> {
    let height = height(at, [&range].into_iter().chain(&args))?;
    let mut args = args.into_iter();
    let variable = match args.next() {
        Some(Expr { kind: ExprKind::Ident(name), .. }) => name,
        other => {
            return Err(Mistake::new(other.map_or(at, |expr| expr.at), "argument must be a simple name"));
        }
    };
    let filter = if filtered { args.next() } else { None };
    let body = args.next();
    let kind = ExprKind::Loop(Box::new(Loop { kind, range, variable, filter, body }));
    Ok(Expr { at, height, kind })
}

/// Literals that are no numbers are refused here, as there is no overload for a list of any values.
fn extremum(at: usize, shown: &str, function: &str, args: Vec<Expr>) -> Result<Expr, Mistake> {
    let refuse = |at, what: &str| Err(Mistake::new(at, format!("{shown} {what}")));
    match args.as_slice() {
        [] => return refuse(at, "requires at least one argument"),
        [single] => {
            let numeric = match &single.kind {
                ExprKind::List(items) => !items.is_empty() && items.iter().all(maybe_number),
                _ => maybe_number(single),
            };
            if !numeric {
                return refuse(single.at, "invalid single argument value");
            }
        }
        several => {
            if let Some(wrong) = several.iter().find(|arg| !maybe_number(arg)) {
                return refuse(wrong.at, "simple literal arguments must be numeric");
            }
        }
    }
    if args.len() < 3 {
        return call(at, function, None, args);
    }
    let list = Expr { at, height: height(at, &args)?, kind: ExprKind::List(args) };
    call(at, function, None, vec![list])
}

fn maybe_number(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Literal(value) => {
            matches!(value, Value::Int(_) | Value::Uint(_) | Value::Double(_))
        }
        ExprKind::List(_) | ExprKind::Map(_) => false,
        _ => true,
    }
}
