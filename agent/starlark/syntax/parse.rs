//! The parser of statements; expressions are next door.

use super::ast::{Arg, Def, Expr, ExprKind, Name, Param, Stmt, StmtKind};
use super::lex::{self, Token, describe_sign};
use crate::error::{Error, Position, Result};
use std::rc::Rc;

/// Nesting of expressions and of blocks beyond this is refused, as everything here is recursive.
const MOST_DEPTH: usize = 100;

/// Parses a whole script. Errors name file, line and column.
pub(crate) fn parse(source: &str, file: &str) -> Result<Vec<Stmt>> {
    let mut parser = Parser { tokens: lex::tokens(source, file)?, next: 0, file, depth: 0 };
    let mut body = Vec::new();
    while !parser.at_end() {
        parser.statement(&mut body)?;
    }
    Ok(body)
}

pub(super) struct Parser<'a> {
    tokens: Vec<(Token, Position)>,
    next: usize,
    file: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn at_end(&self) -> bool {
        *self.peek() == Token::End
    }

    fn statement(&mut self, out: &mut Vec<Stmt>) -> Result<()> {
        let at = self.position();
        let kind = match self.peek() {
            Token::Newline => {
                self.next += 1;
                return Ok(());
            }
            Token::Sign("def") => self.def()?,
            Token::Sign("if") => self.if_statement()?,
            Token::Sign("for") => self.for_statement()?,
            Token::Sign("while") => {
                self.next += 1;
                let test = self.test()?;
                StmtKind::While(test, self.suite()?)
            }
            _ => return self.simple_line(out),
        };
        out.push(Stmt { at, kind });
        Ok(())
    }

    fn def(&mut self) -> Result<StmtKind> {
        self.next += 1;
        let at = self.position();
        let name = self.name()?;
        self.want("(")?;
        let params = self.params(")")?;
        self.want(")")?;
        let body = self.suite()?;
        Ok(StmtKind::Def(Rc::new(Def { name, at, params, body })))
    }

    fn if_statement(&mut self) -> Result<StmtKind> {
        let mut branches = Vec::new();
        let mut other = Vec::new();
        while branches.is_empty() || self.at("elif") {
            self.step();
            let test = self.test()?;
            branches.push((test, self.suite()?));
        }
        if self.skip("else") {
            other = self.suite()?;
        }
        Ok(StmtKind::If(branches, other))
    }

    fn for_statement(&mut self) -> Result<StmtKind> {
        self.next += 1;
        let target = self.loop_target()?;
        self.want("in")?;
        let over = self.tests()?;
        let body = self.suite()?;
        Ok(StmtKind::For(target, over, body))
    }

    /// The block behind a colon.
    fn suite(&mut self) -> Result<Vec<Stmt>> {
        self.want(":")?;
        let mut body = Vec::new();
        if *self.peek() != Token::Newline {
            self.simple_line(&mut body)?;
            return Ok(body);
        }
        while *self.peek() == Token::Newline {
            self.next += 1;
        }
        if *self.peek() != Token::Indent {
            return Err(self.unexpected("indent"));
        }
        self.next += 1;
        while !matches!(self.peek(), Token::Outdent | Token::End) {
            self.deeper(|parser| parser.statement(&mut body))?;
        }
        if *self.peek() == Token::Outdent {
            self.next += 1;
        }
        Ok(body)
    }

    /// Small statements on one line, separated by semicolons.
    fn simple_line(&mut self, out: &mut Vec<Stmt>) -> Result<()> {
        loop {
            let at = self.position();
            let kind = self.small()?;
            out.push(Stmt { at, kind });
            if !self.skip(";") || matches!(self.peek(), Token::Newline | Token::End) {
                break;
            }
        }
        match self.peek() {
            Token::Newline => {
                self.next += 1;
                Ok(())
            }
            Token::End => Ok(()),
            _ => Err(self.unexpected("newline")),
        }
    }

    fn small(&mut self) -> Result<StmtKind> {
        let plain = match self.peek() {
            Token::Sign("pass") => Some(StmtKind::Pass),
            Token::Sign("break") => Some(StmtKind::Break),
            Token::Sign("continue") => Some(StmtKind::Continue),
            _ => None,
        };
        if let Some(kind) = plain {
            self.next += 1;
            return Ok(kind);
        }
        if self.skip("return") {
            let bare = matches!(self.peek(), Token::Newline | Token::End | Token::Sign(";"));
            return Ok(StmtKind::Return(if bare { None } else { Some(self.tests()?) }));
        }
        if *self.peek() == Token::Sign("load") {
            return self.load();
        }
        let left = self.tests()?;
        let Token::Sign(sign) = *self.peek() else { return Ok(StmtKind::Expr(left)) };
        let operator = match sign {
            "=" => "=",
            "+=" => "+",
            "-=" => "-",
            "*=" => "*",
            "/=" => "/",
            "//=" => "//",
            "%=" => "%",
            "&=" => "&",
            "|=" => "|",
            "^=" => "^",
            "<<=" => "<<",
            ">>=" => ">>",
            _ => return Ok(StmtKind::Expr(left)),
        };
        self.next += 1;
        let right = self.tests()?;
        if operator != "=" {
            if matches!(left.kind, ExprKind::List(_) | ExprKind::Tuple(_)) {
                return Err(Error::syntax(
                    self.file,
                    left.at,
                    "can't use list or tuple expression in augmented assignment",
                ));
            }
            self.check_target(&left)?;
            return Ok(StmtKind::Augmented(operator, left, right));
        }
        self.check_target(&left)?;
        Ok(StmtKind::Assign(left, right))
    }

    fn load(&mut self) -> Result<StmtKind> {
        self.next += 1;
        self.want("(")?;
        let Token::Str(module) = self.peek().clone() else { return Err(self.unexpected("string literal")) };
        self.next += 1;
        let mut names = Vec::new();
        while self.skip(",") {
            match self.peek().clone() {
                Token::Sign(")") => break,
                Token::Str(text) => {
                    self.next += 1;
                    let name: Name = String::from_utf8_lossy(&text).into();
                    names.push((name.clone(), name));
                }
                Token::Name(here) => {
                    self.next += 1;
                    self.want("=")?;
                    let Token::Str(there) = self.peek().clone() else {
                        return Err(self.unexpected("string literal"));
                    };
                    self.next += 1;
                    names.push((here, String::from_utf8_lossy(&there).into()));
                }
                _ => return Err(self.error("load operand must be \"name\" or localname=\"name\"")),
            }
        }
        self.want(")")?;
        if names.is_empty() {
            return Err(self.error("load statement must import at least 1 symbol"));
        }
        Ok(StmtKind::Load(module, names))
    }

    pub(super) fn params(&mut self, close: &str) -> Result<Vec<Param>> {
        let mut params: Vec<Param> = Vec::new();
        let (mut star, mut double, mut defaults) = (false, false, false);
        while !self.at(close) {
            let at = self.position();
            let param = if self.skip("**") {
                double = true;
                Param::StarStar(self.name()?)
            } else if double {
                return Err(self.error("parameter may not follow **kwargs"));
            } else if self.skip("*") {
                if star {
                    return Err(Error::syntax(self.file, at, "multiple * parameters not allowed"));
                }
                star = true;
                Param::Star(if matches!(self.peek(), Token::Name(_)) { Some(self.name()?) } else { None })
            } else {
                let name = self.name()?;
                let default = if self.skip("=") { Some(self.test()?) } else { None };
                if default.is_none() && defaults && !star {
                    let text = "required parameter may not follow optional";
                    return Err(Error::syntax(self.file, at, text));
                }
                defaults |= default.is_some();
                Param::Plain(name, default)
            };
            if let Some(name) = param.name()
                && params.iter().any(|other| other.name() == Some(name))
            {
                return Err(Error::syntax(self.file, at, format!("duplicate parameter: {name}")));
            }
            params.push(param);
            if !self.skip(",") {
                break;
            }
        }
        let bare = params.iter().position(|param| matches!(param, Param::Star(None)));
        if bare.is_some_and(|bare| !matches!(params.get(bare + 1), Some(Param::Plain(..)))) {
            return Err(self.error("bare * must be followed by keyword-only parameters"));
        }
        Ok(params)
    }

    pub(super) fn check_target(&self, target: &Expr) -> Result<()> {
        match &target.kind {
            ExprKind::Name(_) | ExprKind::Attr(..) | ExprKind::Index(..) => Ok(()),
            ExprKind::List(items) | ExprKind::Tuple(items) if !items.is_empty() => {
                items.iter().try_for_each(|item| self.check_target(item))
            }
            ExprKind::List(_) | ExprKind::Tuple(_) => Err(Error::syntax(self.file, target.at, "can't assign to ()")),
            _ => Err(Error::syntax(self.file, target.at, "can't assign to this expression")),
        }
    }

    pub(super) fn check_args(&self, args: &[Arg]) -> Result<()> {
        let mut names: Vec<&Name> = Vec::new();
        let (mut star, mut double) = (false, false);
        for arg in args {
            let problem = match arg {
                Arg::Plain(expr) if double => Some((expr.at, "positional argument may not follow **kwargs".to_owned())),
                Arg::Plain(expr) if star => Some((expr.at, "positional argument may not follow *args".to_owned())),
                Arg::Plain(expr) if !names.is_empty() => {
                    Some((expr.at, "positional argument may not follow named".to_owned()))
                }
                Arg::Named(_, expr) if double => Some((expr.at, "keyword argument may not follow **kwargs".to_owned())),
                Arg::Named(name, expr) if names.contains(&name) => {
                    Some((expr.at, format!("keyword argument {name:?} is repeated")))
                }
                Arg::Star(expr) if double => Some((expr.at, "*args may not follow **kwargs".to_owned())),
                Arg::Star(expr) if star => Some((expr.at, "multiple *args not allowed".to_owned())),
                Arg::StarStar(expr) if double => Some((expr.at, "multiple **kwargs not allowed".to_owned())),
                _ => None,
            };
            if let Some((at, text)) = problem {
                return Err(Error::syntax(self.file, at, text));
            }
            match arg {
                Arg::Named(name, _) => names.push(name),
                Arg::Star(_) => star = true,
                Arg::StarStar(_) => double = true,
                Arg::Plain(_) => {}
            }
        }
        Ok(())
    }

    pub(super) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MOST_DEPTH {
            return Err(self.error("too deep nesting"));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    pub(super) fn file(&self) -> &str {
        self.file
    }

    pub(super) fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    pub(super) fn peek_after(&self) -> &Token {
        self.tokens.get(self.next + 1).map_or(&Token::End, |(token, _)| token)
    }

    pub(super) fn step(&mut self) {
        self.next += 1;
    }

    pub(super) fn position(&self) -> Position {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens.get(self.next.min(last)).map_or(Position::default(), |&(_, at)| at)
    }

    pub(super) fn at(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    pub(super) fn skip(&mut self, sign: &str) -> bool {
        let found = self.at(sign);
        self.next += usize::from(found);
        found
    }

    pub(super) fn want(&mut self, sign: &str) -> Result<()> {
        if self.skip(sign) { Ok(()) } else { Err(self.unexpected(&describe_sign(sign))) }
    }

    pub(super) fn name(&mut self) -> Result<Name> {
        let Token::Name(name) = self.peek().clone() else { return Err(self.unexpected("identifier")) };
        self.next += 1;
        Ok(name)
    }

    pub(super) fn unexpected(&self, wanted: &str) -> Error {
        self.error(&format!("got {}, want {wanted}", self.peek().describe()))
    }

    pub(super) fn error(&self, text: &str) -> Error {
        Error::syntax(self.file, self.position(), text)
    }
}
