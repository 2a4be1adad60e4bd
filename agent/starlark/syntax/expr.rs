//! The parser of expressions, by precedence climbing.

use super::ast::{Arg, Clause, Def, Expr, ExprKind, Stmt, StmtKind};
use super::lex::Token;
use super::parse::Parser;
use crate::error::{Error, Position, Result};
use std::rc::Rc;

/// Operators of two sides, the loosest first. Comparisons do not associate.
const LEVELS: &[&[&str]] = &[
    &["or"],
    &["and"],
    &["not"],
    &["==", "!=", "<", ">", "<=", ">=", "in", "not in"],
    &["|"],
    &["^"],
    &["&"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "//", "%"],
];
const MOST_DEPTH: usize = 200;
const NOT: usize = 2;
const COMPARISON: usize = 3;

impl Parser<'_> {
    /// One or more expressions; with a comma they make a tuple.
    pub(super) fn tests(&mut self) -> Result<Expr> {
        let at = self.position();
        let first = self.test()?;
        if !self.at(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.skip(",") {
            if self.ends_tuple() {
                break;
            }
            items.push(self.test()?);
        }
        self.node(at, ExprKind::Tuple(items))
    }

    fn ends_tuple(&self) -> bool {
        match self.peek() {
            Token::Newline | Token::End => true,
            Token::Sign(sign) => sign.ends_with('=') || matches!(*sign, ")" | "]" | "}" | ";" | ":"),
            _ => false,
        }
    }

    pub(super) fn test(&mut self) -> Result<Expr> {
        self.deeper(|parser| {
            if parser.at("lambda") {
                return parser.lambda(Self::test);
            }
            let then = parser.binary(0)?;
            let at = parser.position();
            if !parser.skip("if") {
                return Ok(then);
            }
            let test = Box::new(parser.binary(0)?);
            parser.want("else")?;
            let other = Box::new(parser.test()?);
            parser.node(at, ExprKind::Cond { test, then: Box::new(then), other })
        })
    }

    /// What may stand behind `in` and `if` of a comprehension: no conditional without brackets.
    fn test_without_cond(&mut self) -> Result<Expr> {
        if self.at("lambda") { self.deeper(|parser| parser.lambda(Self::test_without_cond)) } else { self.binary(0) }
    }

    fn lambda(&mut self, body: fn(&mut Self) -> Result<Expr>) -> Result<Expr> {
        let at = self.position();
        self.step();
        let params = self.params(":")?;
        self.want(":")?;
        let value = body(self)?;
        let body = vec![Stmt { at: value.at, kind: StmtKind::Return(Some(value)) }];
        self.node(at, ExprKind::Lambda(Rc::new(Def { name: "lambda".into(), at, params, body })))
    }

    /// An expression of operators that bind at least as tightly as those of `level`.
    fn binary(&mut self, level: usize) -> Result<Expr> {
        let mut left = if level <= NOT && self.at("not") { self.negation()? } else { self.unary()? };
        let mut compared = None;
        while let Some((operator, found)) = self.operator().filter(|&(_, found)| found >= level) {
            let at = self.position();
            if found == COMPARISON
                && let Some(before) = compared
            {
                return Err(self.error(&format!("{before} does not associate with {operator} (use parens)")));
            }
            compared = (found == COMPARISON).then_some(operator);
            self.step();
            if operator == "not in" {
                self.step();
            }
            let right = self.binary(found + 1)?;
            left = self.node(at, ExprKind::Binary(operator, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expr> {
        let at = self.position();
        self.step();
        let value = self.deeper(|parser| parser.binary(NOT))?;
        self.node(at, ExprKind::Unary("not", Box::new(value)))
    }

    /// The only place where expressions are made: the tree is walked recursively later, so its depth is bounded.
    pub(super) fn node(&self, at: Position, kind: ExprKind) -> Result<Expr> {
        let depth = 1 + kind.depth();
        if depth > MOST_DEPTH {
            return Err(Error::syntax(self.file(), at, "too deep nesting"));
        }
        Ok(Expr { at, depth, kind })
    }

    /// The operator that comes next, with its level.
    fn operator(&self) -> Option<(&'static str, usize)> {
        let Token::Sign(sign) = *self.peek() else { return None };
        let sign = match sign {
            "not" if *self.peek_after() == Token::Sign("in") => "not in",
            "not" => return None,
            _ => sign,
        };
        let level = LEVELS.iter().position(|level| level.contains(&sign))?;
        Some((sign, level))
    }

    fn unary(&mut self) -> Result<Expr> {
        let at = self.position();
        for operator in ["-", "+", "~"] {
            if self.skip(operator) {
                let value = self.deeper(Self::unary)?;
                return self.node(at, ExprKind::Unary(operator, Box::new(value)));
            }
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Expr> {
        let mut value = self.operand()?;
        loop {
            let at = self.position();
            let kind = if self.skip(".") {
                ExprKind::Attr(Box::new(value), self.name()?)
            } else if self.skip("(") {
                let args = self.args()?;
                ExprKind::Call(Box::new(value), args)
            } else if self.skip("[") {
                self.subscript(value)?
            } else {
                return Ok(value);
            };
            value = self.node(at, kind)?;
        }
    }

    fn subscript(&mut self, value: Expr) -> Result<ExprKind> {
        let mut parts: [Option<Box<Expr>>; 3] = [None, None, None];
        if !self.at(":") {
            let index = self.tests()?;
            if self.skip("]") {
                return Ok(ExprKind::Index(Box::new(value), Box::new(index)));
            }
            parts[0] = Some(Box::new(index));
        }
        self.want(":")?;
        if !self.at(":") && !self.at("]") {
            parts[1] = Some(Box::new(self.test()?));
        }
        if self.skip(":") && !self.at("]") {
            parts[2] = Some(Box::new(self.test()?));
        }
        self.want("]")?;
        Ok(ExprKind::Slice(Box::new(value), parts))
    }

    fn args(&mut self) -> Result<Vec<Arg>> {
        let mut args = Vec::new();
        while !self.at(")") {
            let arg = if self.skip("*") {
                Arg::Star(self.test()?)
            } else if self.skip("**") {
                Arg::StarStar(self.test()?)
            } else if matches!(self.peek(), Token::Name(_)) && *self.peek_after() == Token::Sign("=") {
                let name = self.name()?;
                self.step();
                Arg::Named(name, self.test()?)
            } else {
                Arg::Plain(self.test()?)
            };
            args.push(arg);
            if !self.skip(",") {
                break;
            }
        }
        self.want(")")?;
        self.check_args(&args)?;
        Ok(args)
    }

    fn operand(&mut self) -> Result<Expr> {
        let at = self.position();
        let kind = match self.peek().clone() {
            Token::Name(name) => ExprKind::Name(name),
            Token::Int(value) => ExprKind::Int(value),
            Token::Float(value) => ExprKind::Float(value),
            Token::Str(text) => ExprKind::Str(text),
            Token::Bytes(text) => ExprKind::Bytes(text),
            Token::Sign("(") => {
                self.step();
                return self.parenthesized(at);
            }
            Token::Sign("[") => {
                self.step();
                return self.list(at);
            }
            Token::Sign("{") => {
                self.step();
                return self.dict(at);
            }
            _ => return Err(self.unexpected("primary expression")),
        };
        self.step();
        self.node(at, kind)
    }

    fn parenthesized(&mut self, at: Position) -> Result<Expr> {
        if self.skip(")") {
            return self.node(at, ExprKind::Tuple(Vec::new()));
        }
        let value = self.tests()?;
        self.want(")")?;
        Ok(value)
    }

    fn list(&mut self, at: Position) -> Result<Expr> {
        let mut items = Vec::new();
        while !self.at("]") {
            let item = self.test()?;
            if items.is_empty() && self.at("for") {
                return self.comprehension(at, None, item, "]");
            }
            items.push(item);
            if !self.skip(",") {
                break;
            }
        }
        self.want("]")?;
        self.node(at, ExprKind::List(items))
    }

    fn dict(&mut self, at: Position) -> Result<Expr> {
        let mut entries = Vec::new();
        while !self.at("}") {
            let key = self.test()?;
            self.want(":")?;
            let value = self.test()?;
            if entries.is_empty() && self.at("for") {
                return self.comprehension(at, Some(Box::new(key)), value, "}");
            }
            entries.push((key, value));
            if !self.skip(",") {
                break;
            }
        }
        self.want("}")?;
        self.node(at, ExprKind::Dict(entries))
    }

    fn comprehension(&mut self, at: Position, key: Option<Box<Expr>>, value: Expr, close: &str) -> Result<Expr> {
        let mut clauses = Vec::new();
        loop {
            if self.skip("for") {
                let target = self.loop_target()?;
                self.want("in")?;
                clauses.push(Clause::For { target, over: self.test_without_cond()? });
            } else if self.skip("if") {
                clauses.push(Clause::If(self.test_without_cond()?));
            } else {
                break;
            }
            if clauses.len() > 50 {
                return Err(self.error("too many clauses in a comprehension"));
            }
        }
        self.want(close)?;
        self.node(at, ExprKind::Comprehension { key, value: Box::new(value), clauses })
    }

    /// The variables between `for` and `in`.
    pub(super) fn loop_target(&mut self) -> Result<Expr> {
        let at = self.position();
        let first = self.primary()?;
        let target = if self.at(",") {
            let mut items = vec![first];
            while self.skip(",") {
                if self.at("in") {
                    break;
                }
                items.push(self.primary()?);
            }
            self.node(at, ExprKind::Tuple(items))?
        } else {
            first
        };
        self.check_target(&target)?;
        Ok(target)
    }
}
