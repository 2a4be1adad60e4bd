//! Calls, and the making of functions.

use super::Compiler;
use super::code::{Op, Reg, Src};
use crate::error::{Position, Result};
use crate::syntax::ast::{Arg, Def, Expr, ExprKind, Param};
use crate::value::Value;

impl Compiler<'_> {
    pub(super) fn call(&mut self, function: &Expr, args: &[Arg], at: Position, dst: Reg) -> Result<()> {
        let spread = args.iter().any(|arg| matches!(arg, Arg::Star(_) | Arg::StarStar(_)));
        if let ExprKind::Attr(receiver, name) = &function.kind
            && !spread
        {
            let name = self.symbol(name, function.at)?;
            let start = self.temp_of(receiver)?;
            let (positional, named) = self.args(args, at)?;
            self.emit(at, Op::CallMethod { dst, args: start, name, positional, named });
            return Ok(());
        }
        let function = self.expr(function)?;
        let start = self.scope().next;
        let (positional, named) = self.args(args, at)?;
        let (mut star, mut double) = (false, false);
        for arg in args {
            if let Arg::Star(value) = arg {
                star = true;
                self.temp_of(value)?;
            }
        }
        for arg in args {
            if let Arg::StarStar(value) = arg {
                double = true;
                self.temp_of(value)?;
            }
        }
        let args = start;
        let op = if spread {
            Op::CallSpread { dst, function, args, positional, named, star, double }
        } else {
            Op::Call { dst, function, args, positional, named }
        };
        self.emit(at, op);
        Ok(())
    }

    /// Puts the plain and the named arguments next to each other.
    fn args(&mut self, args: &[Arg], at: Position) -> Result<(u8, u8)> {
        let (mut positional, mut named) = (0usize, 0usize);
        for arg in args {
            if let Arg::Plain(value) = arg {
                self.temp_of(value)?;
                positional += 1;
            }
        }
        for arg in args {
            if let Arg::Named(name, value) = arg {
                let text = self.text(name.as_bytes());
                self.value_to_temp(text, value.at)?;
                self.temp_of(value)?;
                named += 1;
            }
        }
        match (u8::try_from(positional), u8::try_from(named)) {
            (Ok(positional), Ok(named)) => Ok((positional, named)),
            _ => Err(self.error(at, "too many arguments in one call, limit is 255")),
        }
    }

    /// Compiles a function and makes it with its default values.
    pub(super) fn def(&mut self, def: &Def) -> Result<Src> {
        let at = def.at;
        let dst = self.temp(at)?;
        let defaults = self.scope().next;
        let mut after_star = false;
        for param in &def.params {
            match param {
                Param::Plain(_, Some(value)) => {
                    self.temp_of(value)?;
                }
                Param::Plain(_, None) if after_star => {
                    self.value_to_temp(Value::Unset, at)?;
                }
                Param::Star(_) => after_star = true,
                _ => {}
            }
        }
        let code = self.function(def)?;
        self.emit(at, Op::Function { dst, code, defaults });
        self.scope().next = dst + 1;
        Ok(Src(dst))
    }
}
