//! Which names a block binds, and which names its inner functions mention: what has to be known before compiling it.

use crate::syntax::ast::{Arg, Clause, Def, Expr, ExprKind, Name, Param, Stmt, StmtKind};
use std::collections::HashSet;

/// The names that statements bind, in order, without those of inner functions and comprehensions.
pub(super) fn bound(body: &[Stmt]) -> Vec<Name> {
    let mut names = Vec::new();
    let mut seen = HashSet::new();
    bind_block(body, &mut |name: &Name| {
        if seen.insert(name.clone()) {
            names.push(name.clone());
        }
    });
    names
}

fn bind_block(body: &[Stmt], add: &mut dyn FnMut(&Name)) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign(target, _) | StmtKind::Augmented(_, target, _) => bind_target(target, add),
            StmtKind::Def(def) => add(&def.name),
            StmtKind::If(branches, other) => {
                branches.iter().for_each(|(_, body)| bind_block(body, add));
                bind_block(other, add);
            }
            StmtKind::For(target, _, body) => {
                bind_target(target, add);
                bind_block(body, add);
            }
            StmtKind::While(_, body) => bind_block(body, add),
            StmtKind::Load(_, names) => names.iter().for_each(|(here, _)| add(here)),
            _ => {}
        }
    }
}

/// The names that an assignment to `target` binds.
pub(super) fn bind_target(target: &Expr, add: &mut dyn FnMut(&Name)) {
    match &target.kind {
        ExprKind::Name(name) => add(name),
        ExprKind::List(items) | ExprKind::Tuple(items) => items.iter().for_each(|item| bind_target(item, add)),
        _ => {}
    }
}

/// All names that functions inside of this block mention. Some may be their own; a variable that needlessly counts
/// as shared is a little slower and nothing else.
pub(super) fn mentioned_inside(body: &[Stmt]) -> HashSet<Name> {
    let mut walk = Walk { names: HashSet::new(), inside: 0 };
    walk.block(body);
    walk.names
}

/// True if the name stands anywhere in the block as a name, and not only in a text, a comment or as an attribute.
pub(super) fn mentions(body: &[Stmt], name: &str) -> bool {
    let mut walk = Walk { names: HashSet::new(), inside: 1 };
    walk.block(body);
    walk.names.contains(name)
}

struct Walk {
    names: HashSet<Name>,
    inside: usize,
}

impl Walk {
    fn block(&mut self, body: &[Stmt]) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Expr(value) | StmtKind::Return(Some(value)) => self.expr(value),
                StmtKind::Assign(target, value) | StmtKind::Augmented(_, target, value) => {
                    self.expr(target);
                    self.expr(value);
                }
                StmtKind::Def(def) => self.def(def),
                StmtKind::If(branches, other) => {
                    for (test, body) in branches {
                        self.expr(test);
                        self.block(body);
                    }
                    self.block(other);
                }
                StmtKind::For(target, over, body) => {
                    self.expr(target);
                    self.expr(over);
                    self.block(body);
                }
                StmtKind::While(test, body) => {
                    self.expr(test);
                    self.block(body);
                }
                StmtKind::Return(None) | StmtKind::Break | StmtKind::Continue | StmtKind::Pass | StmtKind::Load(..) => {
                }
            }
        }
    }

    fn def(&mut self, def: &Def) {
        for param in &def.params {
            if let Param::Plain(_, Some(default)) = param {
                self.expr(default);
            }
        }
        self.inside += 1;
        self.block(&def.body);
        self.inside -= 1;
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(name) => {
                if self.inside > 0 {
                    self.names.insert(name.clone());
                }
            }
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Str(_) | ExprKind::Bytes(_) => {}
            ExprKind::Unary(_, value) | ExprKind::Attr(value, _) => self.expr(value),
            ExprKind::Binary(_, a, b) | ExprKind::Index(a, b) => {
                self.expr(a);
                self.expr(b);
            }
            ExprKind::Cond { test, then, other } => {
                self.expr(test);
                self.expr(then);
                self.expr(other);
            }
            ExprKind::Slice(value, parts) => {
                self.expr(value);
                parts.iter().flatten().for_each(|part| self.expr(part));
            }
            ExprKind::Call(function, args) => {
                self.expr(function);
                for arg in args {
                    match arg {
                        Arg::Plain(value) | Arg::Named(_, value) | Arg::Star(value) | Arg::StarStar(value) => {
                            self.expr(value);
                        }
                    }
                }
            }
            ExprKind::List(items) | ExprKind::Tuple(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Dict(entries) => {
                for (key, value) in entries {
                    self.expr(key);
                    self.expr(value);
                }
            }
            ExprKind::Comprehension { key, value, clauses } => {
                key.iter().for_each(|key| self.expr(key));
                self.expr(value);
                for clause in clauses {
                    match clause {
                        Clause::For { target, over } => {
                            self.expr(target);
                            self.expr(over);
                        }
                        Clause::If(test) => self.expr(test),
                    }
                }
            }
            ExprKind::Lambda(def) => self.def(def),
        }
    }
}
