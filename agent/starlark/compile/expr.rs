//! Expressions, and the jumps that tests of statements compile to.

use super::code::{Op, Operator, Reg, Src, Unary};
use super::{Compiler, Place};
use crate::error::{Position, Result};
use crate::heap::Other;
use crate::syntax::ast::{Expr, ExprKind, Name};
use crate::value::Value;

/// Longer lists are built item by item.
const MOST_ITEMS: usize = 1_000;

impl Compiler<'_> {
    /// Compiles an expression to wherever its value is least trouble.
    pub(super) fn expr(&mut self, expr: &Expr) -> Result<Src> {
        if let Some(value) = self.literal(expr) {
            return self.constant(expr.at, value);
        }
        if let ExprKind::Name(name) = &expr.kind {
            match self.resolve(name, expr.at)? {
                Place::Local(variable) if !variable.cell => {
                    self.check_set(variable.reg, variable.reg, name, expr.at)?;
                    return Ok(Src(variable.reg));
                }
                Place::Constant(value) => return self.constant(expr.at, value),
                _ => {}
            }
        }
        self.temp_of(expr).map(Src)
    }

    /// Compiles an expression to a new temporary register.
    pub(super) fn temp_of(&mut self, expr: &Expr) -> Result<Reg> {
        let dst = self.temp(expr.at)?;
        self.expr_to(expr, dst)?;
        Ok(dst)
    }

    /// Compiles an expression to `dst`, which is written by the last instruction only.
    pub(super) fn expr_to(&mut self, expr: &Expr, dst: Reg) -> Result<()> {
        let mark = self.scope().next;
        let at = expr.at;
        match &expr.kind {
            ExprKind::Name(name) => self.name_to(name, at, dst)?,
            ExprKind::Unary(operator, value) => {
                if let Some(value) = self.literal(expr) {
                    let src = self.constant(at, value)?;
                    self.emit(at, Op::Move { dst, src });
                } else {
                    let src = self.expr(value)?;
                    let operator = match *operator {
                        "not" => Unary::Not,
                        "-" => Unary::Minus,
                        "+" => Unary::Plus,
                        _ => Unary::Invert,
                    };
                    self.emit(at, Op::Unary { operator, dst, src });
                }
            }
            ExprKind::Binary(operator @ ("and" | "or"), left, right) => {
                let temp = self.building_place(dst, at)?;
                self.expr_to(left, temp)?;
                let src = Src(temp);
                let op =
                    if *operator == "and" { Op::JumpIfNot { src, target: 0 } } else { Op::JumpIf { src, target: 0 } };
                let jump = self.emit(at, op);
                self.expr_to(right, temp)?;
                self.land(jump);
                self.built(temp, dst, at);
            }
            ExprKind::Binary(operator, left, right) => {
                let Some(operator) = Operator::parse(operator) else {
                    return Err(self.error(at, "unknown operator"));
                };
                let a = self.expr(left)?;
                let b = self.expr(right)?;
                self.emit(at, Op::Binary { operator, dst, a, b });
            }
            ExprKind::Cond { test, then, other } => {
                let jumps = self.jump_if_false(test)?;
                self.scope().next = mark;
                self.expr_to(then, dst)?;
                let end = self.emit(at, Op::Jump { target: 0 });
                jumps.into_iter().for_each(|jump| self.land(jump));
                self.expr_to(other, dst)?;
                self.land(end);
            }
            ExprKind::Attr(object, name) => {
                let object = self.expr(object)?;
                let name = self.symbol(name, at)?;
                self.emit(at, Op::Attr { dst, object, name });
            }
            ExprKind::Index(object, key) => match &object.kind {
                ExprKind::Attr(inner, name) => {
                    let object = self.expr(inner)?;
                    let key = self.expr(key)?;
                    let name = self.symbol(name, at)?;
                    self.emit(at, Op::AttrIndex { dst, object, name, key });
                }
                _ => {
                    let object = self.expr(object)?;
                    let key = self.expr(key)?;
                    self.emit(at, Op::Index { dst, object, key });
                }
            },
            ExprKind::Slice(object, parts) => {
                let start = self.temp_of(object)?;
                for part in parts {
                    match part {
                        Some(part) => {
                            self.temp_of(part)?;
                        }
                        None => {
                            self.value_to_temp(Value::None, at)?;
                        }
                    }
                }
                self.emit(at, Op::Slice { dst, start });
            }
            ExprKind::Call(function, args) => self.call(function, args, at, dst)?,
            // Registers are too few for a table of thousands of items.
            ExprKind::List(items) if items.len() > MOST_ITEMS => {
                let list = self.building_place(dst, at)?;
                self.emit(at, Op::List { dst: list, start: 0, count: 0 });
                for item in items {
                    let inner = self.scope().next;
                    let src = self.expr(item)?;
                    self.emit(at, Op::Append { list, src });
                    self.scope().next = inner;
                }
                self.built(list, dst, at);
            }
            ExprKind::List(items) => {
                let (start, count) = self.items(items, at)?;
                self.emit(at, Op::List { dst, start, count });
            }
            ExprKind::Tuple(items) => {
                let (start, count) = self.items(items, at)?;
                self.emit(at, Op::Tuple { dst, start, count });
            }
            ExprKind::Dict(entries) => {
                let dict = self.building_place(dst, at)?;
                self.emit(at, Op::Dict { dst: dict });
                for (key, value) in entries {
                    let inner = self.scope().next;
                    let key = self.expr(key)?;
                    let src = self.expr(value)?;
                    self.emit(at, Op::Entry { dict, key, src });
                    self.scope().next = inner;
                }
                self.built(dict, dst, at);
            }
            ExprKind::Comprehension { key, value, clauses } => {
                let temp = self.building_place(dst, at)?;
                self.comprehension(key.as_deref(), value, clauses, at, temp)?;
                self.built(temp, dst, at);
            }
            ExprKind::Lambda(def) => {
                let src = self.def(def)?;
                self.emit(at, Op::Move { dst, src });
            }
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Str(_) | ExprKind::Bytes(_) => {
                let value = self.literal(expr).unwrap_or(Value::None);
                let src = self.constant(at, value)?;
                self.emit(at, Op::Move { dst, src });
            }
        }
        self.scope().next = mark;
        Ok(())
    }

    /// The jumps that are taken if `test` is false.
    pub(super) fn jump_if_false(&mut self, test: &Expr) -> Result<Vec<usize>> {
        let at = test.at;
        match &test.kind {
            ExprKind::Binary("and", left, right) => {
                let mut jumps = self.jump_if_false(left)?;
                jumps.extend(self.jump_if_false(right)?);
                Ok(jumps)
            }
            ExprKind::Unary("not", value) => {
                let src = self.expr(value)?;
                Ok(vec![self.emit(at, Op::JumpIf { src, target: 0 })])
            }
            ExprKind::Binary("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in", left, right) => {
                let ExprKind::Binary(operator, ..) = &test.kind else { return Ok(Vec::new()) };
                let Some(operator) = Operator::parse(operator) else { return Ok(Vec::new()) };
                let a = self.expr(left)?;
                let b = self.expr(right)?;
                Ok(vec![self.emit(at, Op::JumpUnless { operator, a, b, target: 0 })])
            }
            _ => {
                let src = self.expr(test)?;
                Ok(vec![self.emit(at, Op::JumpIfNot { src, target: 0 })])
            }
        }
    }

    fn name_to(&mut self, name: &Name, at: Position, dst: Reg) -> Result<()> {
        match self.resolve(name, at)? {
            Place::Local(variable) if variable.cell => {
                self.emit(at, Op::LoadCell { dst, cell: variable.reg });
                self.check_set(variable.reg, dst, name, at)
            }
            Place::Local(variable) => {
                self.check_set(variable.reg, variable.reg, name, at)?;
                self.emit(at, Op::Move { dst, src: Src(variable.reg) });
                Ok(())
            }
            Place::Captured(index) => {
                self.emit(at, Op::LoadCaptured { dst, index });
                let text = self.text(name.as_bytes());
                let name = self.constant(at, text)?;
                self.emit(at, Op::CheckSet { reg: dst, name });
                Ok(())
            }
            Place::Global(global) => {
                self.emit(at, Op::LoadGlobal { dst, global });
                Ok(())
            }
            Place::Constant(value) => {
                let src = self.constant(at, value)?;
                self.emit(at, Op::Move { dst, src });
                Ok(())
            }
        }
    }

    /// Checks that `found`, read from `variable`, is a value, unless that is known already.
    fn check_set(&mut self, variable: Reg, found: Reg, name: &Name, at: Position) -> Result<()> {
        if self.scope().assigned.contains(&variable) {
            return Ok(());
        }
        if variable >= self.scope().locals {
            return Err(self.error(at, &format!("local variable {name} referenced before assignment")));
        }
        let text = self.text(name.as_bytes());
        let name = self.constant(at, text)?;
        self.emit(at, Op::CheckSet { reg: found, name });
        Ok(())
    }

    /// Where to build a value step by step: not in a variable, which the steps may still read.
    fn building_place(&mut self, dst: Reg, at: Position) -> Result<Reg> {
        if dst < self.scope().locals { self.temp(at) } else { Ok(dst) }
    }

    fn built(&mut self, temp: Reg, dst: Reg, at: Position) {
        if temp != dst {
            self.emit(at, Op::Move { dst, src: Src(temp) });
        }
    }

    fn items(&mut self, items: &[Expr], at: Position) -> Result<(Reg, u16)> {
        let start = self.scope().next;
        for item in items {
            self.temp_of(item)?;
        }
        let count = u16::try_from(items.len()).map_err(|_| self.error(at, "too many items"))?;
        Ok((start, count))
    }

    pub(super) fn value_to_temp(&mut self, value: Value, at: Position) -> Result<Reg> {
        let dst = self.temp(at)?;
        let src = self.constant(at, value)?;
        self.emit(at, Op::Move { dst, src });
        Ok(dst)
    }

    /// The value of a literal, with its sign.
    fn literal(&mut self, expr: &Expr) -> Option<Value> {
        Some(match &expr.kind {
            ExprKind::Int(value) => self.heap.int(*value),
            ExprKind::Float(value) => Value::Float(*value),
            ExprKind::Str(text) => self.text(text),
            ExprKind::Bytes(bytes) => self.heap.other(Other::Bytes(bytes.as_ref().into())),
            ExprKind::Unary("-", value) => match value.kind {
                ExprKind::Int(value) => self.heap.int(value.checked_neg()?),
                ExprKind::Float(value) => Value::Float(-value),
                _ => return None,
            },
            _ => return None,
        })
    }
}
