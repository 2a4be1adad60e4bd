//! List and dictionary comprehensions: loops with variables of their own, within the function they stand in.

use super::code::{Op, Reg};
use super::{Compiler, names};
use crate::error::{Position, Result};
use crate::syntax::ast::{Clause, Expr, Name};
use std::collections::HashMap;

impl Compiler<'_> {
    pub(super) fn comprehension(
        &mut self,
        key: Option<&Expr>,
        value: &Expr,
        clauses: &[Clause],
        at: Position,
        dst: Reg,
    ) -> Result<()> {
        let mark = self.scope().next;
        let start = match key {
            Some(_) => Op::Dict { dst },
            None => Op::List { dst, start: 0, count: 0 },
        };
        self.emit(at, start);
        // What the first loop runs over is outside of the new block.
        if let Some(Clause::For { over, .. }) = clauses.first() {
            let src = self.expr(over)?;
            self.emit(over.at, Op::Iterate { src });
        }
        self.scope().blocks.push(HashMap::new());
        let mut fresh: Vec<Name> = Vec::new();
        for clause in clauses {
            if let Clause::For { target, .. } = clause {
                names::bind_target(target, &mut |name| {
                    if !fresh.contains(name) {
                        fresh.push(name.clone());
                    }
                });
            }
        }
        for name in &fresh {
            let variable = self.declare(name, at)?;
            if variable.cell {
                self.emit(at, Op::MakeCell { reg: variable.reg });
            }
        }
        self.clauses(key, value, clauses, at, dst, true)?;
        let scope = self.scope();
        scope.blocks.pop();
        scope.assigned.retain(|&reg| reg < mark);
        scope.next = mark;
        Ok(())
    }

    fn clauses(
        &mut self,
        key: Option<&Expr>,
        value: &Expr,
        clauses: &[Clause],
        at: Position,
        dst: Reg,
        first: bool,
    ) -> Result<()> {
        let mark = self.scope().next;
        match clauses.split_first() {
            None => {
                match key {
                    Some(key) => {
                        let key = self.expr(key)?;
                        let src = self.expr(value)?;
                        self.emit(at, Op::SetIndex { object: super::Src(dst), key, src });
                    }
                    None => {
                        let src = self.expr(value)?;
                        self.emit(at, Op::Append { list: dst, src });
                    }
                }
                self.scope().next = mark;
            }
            Some((Clause::If(test), rest)) => {
                let jumps = self.jump_if_false(test)?;
                self.scope().next = mark;
                self.clauses(key, value, rest, at, dst, false)?;
                jumps.into_iter().for_each(|jump| self.land(jump));
            }
            Some((Clause::For { target, over }, rest)) => {
                if !first {
                    let src = self.expr(over)?;
                    self.scope().next = mark;
                    self.emit(over.at, Op::Iterate { src });
                }
                let start = self.here();
                let end = self.next_item(target)?;
                self.clauses(key, value, rest, at, dst, false)?;
                self.emit(at, Op::Jump { target: start });
                self.land(end);
                self.emit(at, Op::EndLoop);
            }
        }
        Ok(())
    }
}
