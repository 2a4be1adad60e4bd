//! Statements and assignments.

use super::code::{Op, Operator, Reg, Src};
use super::{Compiler, Loop, Place};
use crate::error::{Position, Result};
use crate::syntax::ast::{Expr, ExprKind, Name, Stmt, StmtKind};
use std::collections::HashSet;

impl Compiler<'_> {
    pub(super) fn block(&mut self, body: &[Stmt]) -> Result<()> {
        for stmt in body {
            let mark = self.scope().next;
            self.stmt(stmt)?;
            self.scope().next = mark;
        }
        Ok(())
    }

    fn stmt(&mut self, stmt: &Stmt) -> Result<()> {
        let at = stmt.at;
        match &stmt.kind {
            StmtKind::Expr(value) => {
                if !matches!(value.kind, ExprKind::Str(_)) {
                    self.expr(value)?;
                }
            }
            StmtKind::Assign(target, value) => self.assign(target, value)?,
            StmtKind::Augmented(operator, target, value) => self.augmented(at, operator, target, value)?,
            StmtKind::Def(def) => {
                let src = self.def(def)?;
                self.store_name(&def.name, src, at)?;
            }
            StmtKind::If(branches, other) => self.if_statement(branches, other, at)?,
            StmtKind::For(target, over, body) => self.for_statement(target, over, body, at)?,
            StmtKind::While(test, body) => self.while_statement(test, body, at)?,
            StmtKind::Return(value) => {
                if self.scopes.len() == 1 {
                    return Err(self.error(at, "return statement not within a function"));
                }
                let src = match value {
                    Some(value) => self.expr(value)?,
                    None => self.constant(at, crate::Value::None)?,
                };
                self.emit(at, Op::Return { src });
            }
            StmtKind::Break => {
                let jump = self.emit(at, Op::Jump { target: 0 });
                match self.scope().loops.last_mut() {
                    Some(innermost) => innermost.breaks.push(jump),
                    None => return Err(self.error(at, "break not in a loop")),
                }
            }
            StmtKind::Continue => match self.scope().loops.last() {
                Some(innermost) => {
                    let target = innermost.start;
                    self.emit(at, Op::Jump { target });
                }
                None => return Err(self.error(at, "continue not in a loop")),
            },
            StmtKind::Pass => {}
            StmtKind::Load(module, names) => self.load(&String::from_utf8_lossy(module), names, at)?,
        }
        Ok(())
    }

    fn load(&mut self, module: &str, names: &[(Name, Name)], at: Position) -> Result<()> {
        if self.scopes.len() > 1 {
            return Err(self.error(at, "load statement within a function"));
        }
        for (here, there) in names {
            let value = self.outside.load(self.heap, module, there).map_err(|text| self.error(at, &text))?;
            let src = self.constant(at, value)?;
            self.store_name(here, src, at)?;
        }
        Ok(())
    }

    fn if_statement(&mut self, branches: &[(Expr, Vec<Stmt>)], other: &[Stmt], at: Position) -> Result<()> {
        let mut ends = Vec::new();
        // A variable has a value behind the statement if every way through gives it one.
        let mut everywhere: Option<HashSet<Reg>> = None;
        let meet = |everywhere: &mut Option<HashSet<Reg>>, way: HashSet<Reg>| match everywhere {
            Some(known) => known.retain(|reg| way.contains(reg)),
            None => *everywhere = Some(way),
        };
        for (index, (test, body)) in branches.iter().enumerate() {
            let mark = self.scope().next;
            let jumps = self.jump_if_false(test)?;
            self.scope().next = mark;
            let before = self.scope().assigned.clone();
            self.block(body)?;
            let after = std::mem::replace(&mut self.scope().assigned, before);
            meet(&mut everywhere, after);
            if index + 1 < branches.len() || !other.is_empty() {
                ends.push(self.emit(at, Op::Jump { target: 0 }));
            }
            jumps.into_iter().for_each(|jump| self.land(jump));
        }
        self.block(other)?;
        let last = std::mem::take(&mut self.scope().assigned);
        meet(&mut everywhere, last);
        self.scope().assigned = everywhere.unwrap_or_default();
        ends.into_iter().for_each(|jump| self.land(jump));
        Ok(())
    }

    fn for_statement(&mut self, target: &Expr, over: &Expr, body: &[Stmt], at: Position) -> Result<()> {
        let mark = self.scope().next;
        let src = self.expr(over)?;
        self.scope().next = mark;
        self.emit(over.at, Op::Iterate { src });
        let before = self.scope().assigned.clone();
        let start = self.here();
        let next = self.next_item(target)?;
        self.scope().loops.push(Loop { start, breaks: Vec::new() });
        self.block(body)?;
        self.emit(at, Op::Jump { target: start });
        self.land(next);
        self.end_loop(before);
        self.emit(at, Op::EndLoop);
        Ok(())
    }

    fn while_statement(&mut self, test: &Expr, body: &[Stmt], at: Position) -> Result<()> {
        let before = self.scope().assigned.clone();
        let start = self.here();
        let mark = self.scope().next;
        let jumps = self.jump_if_false(test)?;
        self.scope().next = mark;
        self.scope().loops.push(Loop { start, breaks: Vec::new() });
        self.block(body)?;
        self.emit(at, Op::Jump { target: start });
        jumps.into_iter().for_each(|jump| self.land(jump));
        self.end_loop(before);
        Ok(())
    }

    fn end_loop(&mut self, before: HashSet<Reg>) {
        self.scope().assigned = before;
        let breaks = self.scope().loops.pop().map(|ended| ended.breaks).unwrap_or_default();
        breaks.into_iter().for_each(|jump| self.land(jump));
    }

    /// Takes the next item of the running iteration into `target`; returns the jump at its end.
    pub(super) fn next_item(&mut self, target: &Expr) -> Result<usize> {
        if let ExprKind::Name(name) = &target.kind
            && let Place::Local(variable) = self.resolve(name, target.at)?
            && !variable.cell
        {
            let jump = self.emit(target.at, Op::Next { dst: variable.reg, target: 0 });
            self.scope().assigned.insert(variable.reg);
            return Ok(jump);
        }
        let mark = self.scope().next;
        let dst = self.temp(target.at)?;
        let jump = self.emit(target.at, Op::Next { dst, target: 0 });
        self.store(target, Src(dst))?;
        self.scope().next = mark;
        Ok(jump)
    }

    fn assign(&mut self, target: &Expr, value: &Expr) -> Result<()> {
        match (&target.kind, &value.kind) {
            (ExprKind::Name(name), _) => {
                if let Place::Local(variable) = self.resolve(name, target.at)?
                    && !variable.cell
                {
                    self.expr_to(value, variable.reg)?;
                    self.scope().assigned.insert(variable.reg);
                    return Ok(());
                }
                let src = self.expr(value)?;
                self.store(target, src)
            }
            // `a, b = b, a` needs no tuple, only all the values before the first assignment.
            (ExprKind::Tuple(targets) | ExprKind::List(targets), ExprKind::Tuple(values) | ExprKind::List(values))
                if targets.len() == values.len() =>
            {
                let mut sources = Vec::new();
                for value in values {
                    sources.push(Src(self.temp_of(value)?));
                }
                targets.iter().zip(sources).try_for_each(|(target, src)| self.store(target, src))
            }
            _ => {
                let src = self.expr(value)?;
                self.store(target, src)
            }
        }
    }

    pub(super) fn store(&mut self, target: &Expr, src: Src) -> Result<()> {
        let mark = self.scope().next;
        match &target.kind {
            ExprKind::Name(name) => self.store_name(name, src, target.at)?,
            ExprKind::Attr(object, name) => {
                let object = self.expr(object)?;
                let name = self.symbol(name, target.at)?;
                self.emit(target.at, Op::SetAttr { object, name, src });
            }
            ExprKind::Index(object, key) => match &object.kind {
                ExprKind::Attr(inner, name) => {
                    let object = self.expr(inner)?;
                    let key = self.expr(key)?;
                    let name = self.symbol(name, target.at)?;
                    self.emit(target.at, Op::SetAttrIndex { object, name, key, src });
                }
                _ => {
                    let object = self.expr(object)?;
                    let key = self.expr(key)?;
                    self.emit(target.at, Op::SetIndex { object, key, src });
                }
            },
            ExprKind::Tuple(targets) | ExprKind::List(targets) => {
                let start = self.scope().next;
                for _ in targets {
                    self.temp(target.at)?;
                }
                self.emit(target.at, Op::Unpack { src, start, count: targets.len() as u16 });
                for (reg, target) in (start..).zip(targets) {
                    self.store(target, Src(reg))?;
                }
            }
            _ => return Err(self.error(target.at, "can't assign to this expression")),
        }
        self.scope().next = mark;
        Ok(())
    }

    fn store_name(&mut self, name: &Name, src: Src, at: Position) -> Result<()> {
        match self.resolve(name, at)? {
            Place::Local(variable) => {
                let (reg, cell) = (variable.reg, variable.cell);
                self.emit(at, if cell { Op::StoreCell { cell: reg, src } } else { Op::Move { dst: reg, src } });
                self.scope().assigned.insert(reg);
            }
            Place::Global(global) => {
                self.emit(at, Op::StoreGlobal { global, src });
            }
            Place::Captured(_) | Place::Constant(_) => return Err(self.error(at, "can't assign to this name")),
        }
        Ok(())
    }

    fn augmented(&mut self, at: Position, operator: &str, target: &Expr, value: &Expr) -> Result<()> {
        let Some(operator) = Operator::parse(operator) else { return Err(self.error(at, "unknown operator")) };
        match &target.kind {
            ExprKind::Attr(object, name) => {
                let object = self.expr(object)?;
                let name = self.symbol(name, target.at)?;
                let dst = self.temp(at)?;
                self.emit(target.at, Op::Attr { dst, object, name });
                let b = self.expr(value)?;
                self.emit(at, Op::InPlace { operator, dst, a: Src(dst), b });
                self.emit(target.at, Op::SetAttr { object, name, src: Src(dst) });
            }
            ExprKind::Index(object, key) => {
                let object = self.expr(object)?;
                let key = self.expr(key)?;
                let dst = self.temp(at)?;
                self.emit(target.at, Op::Index { dst, object, key });
                let b = self.expr(value)?;
                self.emit(at, Op::InPlace { operator, dst, a: Src(dst), b });
                self.emit(target.at, Op::SetIndex { object, key, src: Src(dst) });
            }
            _ => {
                let a = self.expr(target)?;
                let b = self.expr(value)?;
                let dst = if a.0 < self.scope().locals { a.0 } else { self.temp(at)? };
                self.emit(at, Op::InPlace { operator, dst, a, b });
                if Src(dst) != a {
                    self.store(target, Src(dst))?;
                }
            }
        }
        Ok(())
    }
}
