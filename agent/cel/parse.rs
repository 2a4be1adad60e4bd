//! Turns tokens into the syntax tree, by precedence climbing, and expands the macros on the way.
//!
//! The height of the tree is bounded here, and nested brackets with it, so that every later pass may recurse.

use crate::ast::{Expr, ExprKind};
use crate::error::Mistake;
use crate::macros;
use crate::token::{Token, tokens};
use crate::value::Value;

/// How deep an expression may be nested.
pub(crate) const MAX_DEPTH: usize = 100;

const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

const LITERALS: [&str; 3] = ["true", "false", "null"];

/// The binary operators by level, the loosest first; `&&` and `||` are no functions.
const OPERATORS: [(usize, &str, &str); 14] = [
    (0, "||", ""),
    (1, "&&", ""),
    (2, "==", "_==_"),
    (2, "!=", "_!=_"),
    (2, "<=", "_<=_"),
    (2, ">=", "_>=_"),
    (2, "<", "_<_"),
    (2, ">", "_>_"),
    (2, "in", "@in"),
    (3, "+", "_+_"),
    (3, "-", "_-_"),
    (4, "*", "_*_"),
    (4, "/", "_/_"),
    (4, "%", "_%_"),
];

/// The syntax tree of `source`.
pub(crate) fn parse(source: &str) -> Result<Expr, Mistake> {
    let mut parser = Parser { tokens: tokens(source)?, next: 0, depth: 0 };
    let expr = parser.expr()?;
    match parser.token() {
        Token::End => Ok(expr),
        _ => parser.unexpected("the end"),
    }
}

/// The height of a tree over `children`, or an error if it gets too high.
pub(crate) fn height<'e>(at: usize, children: impl IntoIterator<Item = &'e Expr>) -> Result<usize, Mistake> {
    let height = 1 + children.into_iter().map(|child| child.height).max().unwrap_or(0);
    if height > MAX_DEPTH { Err(too_deep(at)) } else { Ok(height) }
}

pub(crate) fn call(at: usize, function: &str, target: Option<Expr>, args: Vec<Expr>) -> Result<Expr, Mistake> {
    let height = height(at, target.iter().chain(&args))?;
    let kind = ExprKind::Call { function: function.to_owned(), target: target.map(Box::new), args };
    Ok(Expr { at, height, kind })
}

/// `left || right` or `left && right`; a chain becomes one flat node.
fn logic(at: usize, is_or: bool, left: Expr, right: Expr) -> Result<Expr, Mistake> {
    match left {
        Expr { at, height, kind: ExprKind::Logic { or, mut args } } if or == is_or => {
            let height = height.max(1 + right.height);
            args.push(right);
            Ok(Expr { at, height, kind: ExprKind::Logic { or, args } })
        }
        left => {
            let args = vec![left, right];
            Ok(Expr { at, height: height(at, &args)?, kind: ExprKind::Logic { or: is_or, args } })
        }
    }
}

fn too_deep(at: usize) -> Mistake {
    Mistake::new(at, format!("expression is nested more than {MAX_DEPTH} levels deep"))
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
}

impl Parser {
    /// The next token; the last one, `End`, is never passed.
    fn token(&self) -> &Token {
        &self.tokens[self.next].1
    }

    fn at(&self) -> usize {
        self.tokens[self.next].0
    }

    fn advance(&mut self) -> (usize, Token) {
        let (at, token) = &mut self.tokens[self.next];
        if *token == Token::End {
            return (*at, Token::End);
        }
        self.next += 1;
        (*at, std::mem::replace(token, Token::Sign("")))
    }

    fn sign(&self, wanted: &str) -> bool {
        matches!(self.token(), Token::Sign(sign) if *sign == wanted)
    }

    fn accept(&mut self, wanted: &str) -> Option<usize> {
        self.sign(wanted).then(|| self.advance().0)
    }

    fn expect(&mut self, wanted: &str) -> Result<usize, Mistake> {
        match self.accept(wanted) {
            Some(at) => Ok(at),
            None => self.unexpected(&format!("'{wanted}'")),
        }
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T, Mistake> {
        let found = match self.token() {
            Token::End => "the end".to_owned(),
            Token::Sign(sign) => format!("'{sign}'"),
            Token::Ident(name) => format!("'{name}'"),
            Token::Quoted(name) => format!("'`{name}`'"),
            _ => "a literal".to_owned(),
        };
        Err(Mistake::new(self.at(), format!("syntax error: expected {wanted}, found {found}")))
    }

    fn expr(&mut self) -> Result<Expr, Mistake> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(self.at()));
        }
        let condition = self.operation(0)?;
        let expr = match self.accept("?") {
            None => condition,
            Some(at) => {
                let then = self.operation(0)?;
                self.expect(":")?;
                let otherwise = self.expr()?;
                call(at, "_?_:_", None, vec![condition, then, otherwise])?
            }
        };
        self.depth -= 1;
        Ok(expr)
    }

    /// Operands joined by operators of `least` level or above, the same level from the left.
    fn operation(&mut self, least: usize) -> Result<Expr, Mistake> {
        let mut left = self.unary()?;
        loop {
            let Token::Sign(sign) = self.token() else {
                return Ok(left);
            };
            let Some((level, _, function)) =
                OPERATORS.iter().find(|(level, known, _)| known == sign && *level >= least)
            else {
                return Ok(left);
            };
            let (at, _) = self.advance();
            let right = self.operation(level + 1)?;
            left = if function.is_empty() {
                logic(at, *level == 0, left, right)?
            } else {
                call(at, function, None, vec![left, right])?
            };
        }
    }

    fn unary(&mut self) -> Result<Expr, Mistake> {
        let (sign, function) = match self.token() {
            Token::Sign("!") => ("!", "!_"),
            Token::Sign("-") => ("-", "-_"),
            _ => return self.member(),
        };
        let start = self.at();
        let mut count = 0;
        // The last minus belongs to a number behind it: the least integer has no positive counterpart.
        while self.sign(sign) && !self.negative_number() {
            self.advance();
            count += 1;
        }
        let operand = self.member()?;
        if count % 2 == 0 { Ok(operand) } else { call(start, function, None, vec![operand]) }
    }

    fn negative_number(&self) -> bool {
        let behind = self.tokens.get(self.next + 1).map(|(_, token)| token);
        self.sign("-") && matches!(behind, Some(Token::Int(..) | Token::Double(_)))
    }

    fn member(&mut self) -> Result<Expr, Mistake> {
        let mut expr = self.primary()?;
        loop {
            if let Some(at) = self.accept(".") {
                let name_at = self.at();
                let field = match self.advance().1 {
                    Token::Ident(name) if !LITERALS.contains(&name.as_str()) => name,
                    Token::Quoted(name) if !self.sign("(") => name,
                    _ => {
                        return Err(Mistake::new(name_at, "syntax error: expected a name after '.'"));
                    }
                };
                expr = if self.accept("(").is_some() {
                    let args = self.arguments()?;
                    macros::method(name_at, expr, &field, args)?
                } else {
                    let height = height(at, [&expr])?;
                    let kind = ExprKind::Select { operand: Box::new(expr), field, test: false };
                    Expr { at, height, kind }
                };
            } else if let Some(at) = self.accept("[") {
                let index = self.expr()?;
                self.expect("]")?;
                expr = call(at, "_[_]", None, vec![expr, index])?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, Mistake> {
        let at = self.at();
        let leaf = |kind| Ok(Expr { at, height: 1, kind });
        let literal = |value| leaf(ExprKind::Literal(value));
        match self.token() {
            Token::Sign("(") => {
                self.advance();
                let expr = self.expr()?;
                self.expect(")")?;
                return Ok(expr);
            }
            Token::Sign("[") => {
                self.advance();
                return self.list(at);
            }
            Token::Sign("{") => {
                self.advance();
                return self.map(at);
            }
            Token::Sign(".") => {
                self.advance();
                let at = self.at();
                return match self.advance().1 {
                    Token::Ident(name) if !LITERALS.contains(&name.as_str()) => self.name(at, format!(".{name}")),
                    _ => Err(Mistake::new(at, "syntax error: expected a name after '.'")),
                };
            }
            Token::Sign("-") if self.negative_number() => {
                self.advance();
                return match self.advance().1 {
                    Token::Int(digits, radix) => integer(at, &format!("-{digits}"), radix),
                    Token::Double(number) => literal(Value::Double(-number)),
                    _ => Err(Mistake::new(at, "syntax error: expected a number after '-'")),
                };
            }
            Token::Sign(_) | Token::End | Token::Quoted(_) => return self.unexpected("an operand"),
            _ => {}
        }
        match self.advance().1 {
            Token::Int(digits, radix) => integer(at, &digits, radix),
            Token::Uint(number) => literal(Value::Uint(number)),
            Token::Double(number) => literal(Value::Double(number)),
            Token::Str(text) => literal(Value::Text(text.into())),
            Token::Bytes(bytes) => literal(Value::Bytes(bytes.into())),
            Token::Ident(name) => match name.as_str() {
                "true" => literal(Value::Bool(true)),
                "false" => literal(Value::Bool(false)),
                "null" => literal(Value::Null),
                _ => self.name(at, name),
            },
            _ => Err(Mistake::new(at, "syntax error: expected an operand")),
        }
    }

    /// A variable, a type or the function of a call.
    fn name(&mut self, at: usize, name: String) -> Result<Expr, Mistake> {
        let bare = name.trim_start_matches('.');
        if RESERVED.contains(&bare) {
            return Err(Mistake::new(at, format!("reserved identifier: {bare}")));
        }
        if self.accept("(").is_some() {
            let args = self.arguments()?;
            return macros::function(at, bare, args);
        }
        Ok(Expr { at, height: 1, kind: ExprKind::Ident(name) })
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, Mistake> {
        let mut arguments = Vec::new();
        if self.accept(")").is_some() {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expr()?);
            if self.accept(",").is_none() {
                self.expect(")")?;
                return Ok(arguments);
            }
        }
    }

    /// The items of a list, which may end in a comma or be nothing but one.
    fn list(&mut self, at: usize) -> Result<Expr, Mistake> {
        let mut items = Vec::new();
        let mut more = self.accept(",").is_none();
        while more && !self.sign("]") {
            items.push(self.expr()?);
            more = self.accept(",").is_some();
        }
        self.expect("]")?;
        Ok(Expr { at, height: height(at, &items)?, kind: ExprKind::List(items) })
    }

    fn map(&mut self, at: usize) -> Result<Expr, Mistake> {
        let mut entries = Vec::new();
        let mut more = self.accept(",").is_none();
        while more && !self.sign("}") {
            let key = self.expr()?;
            self.expect(":")?;
            entries.push((key, self.expr()?));
            more = self.accept(",").is_some();
        }
        self.expect("}")?;
        let children = entries.iter().flat_map(|(key, value)| [key, value]);
        Ok(Expr { at, height: height(at, children)?, kind: ExprKind::Map(entries) })
    }
}

fn integer(at: usize, digits: &str, radix: u32) -> Result<Expr, Mistake> {
    match i64::from_str_radix(digits, radix) {
        Ok(number) => Ok(Expr { at, height: 1, kind: ExprKind::Literal(Value::Int(number)) }),
        Err(_) => Err(Mistake::new(at, "invalid int literal")),
    }
}
