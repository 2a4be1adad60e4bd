//! Parses by binding power: every operator says how strongly it holds on to what stands left of it.

use super::lex::{Lexer, Word};
use super::node::{Node, Operator};
use agent_api::{Context, Result, bail, ensure};

/// Expressions may be nested so deep.
const DEEPEST: usize = 64;
/// An expression may be so long.
const LONGEST: usize = 64 << 10;

pub(super) fn parse(text: &str) -> Result<Node> {
    ensure!(text.len() <= LONGEST, "expression longer than {LONGEST} bytes");
    let mut parser = Parser { lexer: Lexer::new(text), word: Word::End, depth: 0 };
    let parsed = parser.whole();
    parsed.with_context(|| {
        let at = parser.lexer.at().min(text.len());
        let line = text[..at].matches('\n').count() + 1;
        let near: String = text[..at].chars().rev().take(30).collect::<Vec<_>>().into_iter().rev().collect();
        format!("line {line}, behind {near:?}")
    })
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The word at hand.
    word: Word,
    depth: usize,
}

/// The power of an infix operator.
fn power(word: &Word) -> u8 {
    match word {
        Word::Name(name) => match name.as_str() {
            "and" => 30,
            "or" => 25,
            "in" => 40,
            _ => 0,
        },
        Word::Sign(sign) => match *sign {
            "[" | "(" => 80,
            "." => 75,
            "{" => 70,
            "*" | "/" | "%" => 60,
            "+" | "-" | "&" => 50,
            "=" | "!=" | "<" | "<=" | ">" | ">=" | "^" | "~>" => 40,
            "?" => 20,
            ":=" => 10,
            _ => 0,
        },
        _ => 0,
    }
}

fn operator(word: &Word) -> Option<Operator> {
    Some(match word {
        Word::Name(name) => match name.as_str() {
            "and" => Operator::And,
            "or" => Operator::Or,
            "in" => Operator::In,
            _ => return None,
        },
        Word::Sign(sign) => match *sign {
            "*" => Operator::Multiply,
            "/" => Operator::Divide,
            "%" => Operator::Modulo,
            "+" => Operator::Add,
            "-" => Operator::Subtract,
            "&" => Operator::Join,
            "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterEqual,
            "~>" => Operator::Apply,
            _ => return None,
        },
        _ => return None,
    })
}

impl Parser<'_> {
    fn whole(&mut self) -> Result<Node> {
        self.step(true)?;
        let node = self.expression(0)?;
        match &self.word {
            Word::End => Ok(node),
            word => bail!("unexpected {word:?}"),
        }
    }

    /// Reads the next word; gives the one at hand.
    fn step(&mut self, value: bool) -> Result<Word> {
        let next = self.lexer.next(value)?;
        Ok(std::mem::replace(&mut self.word, next))
    }

    /// Passes a sign that must be there.
    fn pass(&mut self, sign: &str, value: bool) -> Result<()> {
        ensure!(self.word.is(sign), "expected {sign:?}, found {:?}", self.word);
        self.step(value).map(drop)
    }

    fn expression(&mut self, least: u8) -> Result<Node> {
        self.depth += 1;
        ensure!(self.depth <= DEEPEST, "nested too deep");
        let mut left = self.prefix()?;
        // A tree that grows to the left is walked by recursion as well.
        let mut grown = 0;
        while power(&self.word) > least {
            left = self.infix(left)?;
            grown += 1;
            ensure!(grown <= 4 * DEEPEST, "too many operators in a row");
        }
        self.depth -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Node> {
        // A value may follow signs that open something, but not a value.
        let opens = matches!(self.word, Word::Sign("(" | "[" | "{" | "-" | "|" | "^"));
        let word = self.step(opens)?;
        Ok(match word {
            Word::Text(text) => Node::Text(text),
            Word::Number(number) => Node::Number(number),
            Word::Regex(regex) => Node::Regex(regex),
            Word::Variable(name) => Node::Variable(name),
            Word::Quoted(name) => Node::Name(name),
            Word::Name(name) => match name.as_str() {
                "true" => Node::Bool(true),
                "false" => Node::Bool(false),
                "null" => Node::Null,
                "function" | "λ" if self.word.is("(") => self.lambda()?,
                _ => Node::Name(name),
            },
            Word::Sign("*") => Node::Wildcard,
            Word::Sign("**") => Node::Descendants,
            Word::Sign("-") => match self.expression(70)? {
                Node::Number(number) => Node::Number(-number),
                node => Node::Negate(Box::new(node)),
            },
            Word::Sign("(") => {
                let mut list = Vec::new();
                while !self.word.is(")") {
                    list.push(self.expression(0)?);
                    if !self.word.is(";") {
                        break;
                    }
                    self.step(true)?;
                }
                self.pass(")", false)?;
                Node::Block(list)
            }
            Word::Sign("[") => {
                let mut list = Vec::new();
                while !self.word.is("]") {
                    let mut item = self.expression(0)?;
                    if self.word.is("..") {
                        self.step(true)?;
                        item = Node::Range(Box::new(item), Box::new(self.expression(0)?));
                    }
                    list.push(item);
                    if !self.word.is(",") {
                        break;
                    }
                    self.step(true)?;
                }
                self.pass("]", false)?;
                Node::Array(list)
            }
            Word::Sign("{") => Node::Object(None, self.pairs()?),
            Word::Sign("|") => {
                let pattern = self.expression(0)?;
                self.pass("|", true)?;
                let update = self.expression(0)?;
                let mut delete = None;
                if self.word.is(",") {
                    self.step(true)?;
                    delete = Some(Box::new(self.expression(0)?));
                }
                self.pass("|", false)?;
                Node::Transform(Box::new(pattern), Box::new(update), delete)
            }
            word => bail!("expected a value, found {word:?}"),
        })
    }

    /// The pairs of an object, behind its bracket.
    fn pairs(&mut self) -> Result<Vec<(Node, Node)>> {
        let mut pairs = Vec::new();
        while !self.word.is("}") {
            let key = self.expression(0)?;
            self.pass(":", true)?;
            pairs.push((key, self.expression(0)?));
            if !self.word.is(",") {
                break;
            }
            self.step(true)?;
        }
        self.pass("}", false)?;
        Ok(pairs)
    }

    fn lambda(&mut self) -> Result<Node> {
        self.pass("(", false)?;
        let mut parameters = Vec::new();
        while !self.word.is(")") {
            match self.step(false)? {
                Word::Variable(name) => parameters.push(name),
                word => bail!("expected a parameter, found {word:?}"),
            }
            if !self.word.is(",") {
                break;
            }
            self.step(false)?;
        }
        self.pass(")", false)?;
        if self.word.is("<") {
            // A signature only checks types; it is passed over.
            let mut open = 0;
            loop {
                match self.step(false)? {
                    Word::Sign("<") => open += 1,
                    Word::Sign(">") => open -= 1,
                    Word::End => bail!("signature without an end"),
                    _ => {}
                }
                if open == 0 {
                    break;
                }
            }
        }
        self.pass("{", true)?;
        let body = self.expression(0)?;
        self.pass("}", false)?;
        Ok(Node::Lambda(parameters, Box::new(body)))
    }

    fn infix(&mut self, left: Node) -> Result<Node> {
        let least = power(&self.word);
        let sign = self.step(true)?;
        if let Some(operator) = operator(&sign) {
            let right = self.expression(least)?;
            return Ok(Node::Binary(operator, Box::new(left), Box::new(right)));
        }
        let left = Box::new(left);
        Ok(match sign {
            Word::Sign(".") => {
                let step = |node: Node| match node {
                    // In a path a text is a name that could not be written otherwise.
                    Node::Text(name) => Node::Name(name),
                    node => node,
                };
                let right = step(self.expression(least)?);
                match *left {
                    Node::Path(mut steps) => {
                        steps.push(right);
                        Node::Path(steps)
                    }
                    node => Node::Path(vec![step(node), right]),
                }
            }
            Word::Sign("[") if self.word.is("]") => {
                self.step(false)?;
                Node::Keep(left)
            }
            Word::Sign("[") => {
                let filter = self.expression(0)?;
                self.pass("]", false)?;
                Node::Filter(left, Box::new(filter))
            }
            Word::Sign("(") => self.call(left)?,
            Word::Sign("{") => {
                ensure!(!matches!(*left, Node::Object(Some(_), _)), "only one grouping may follow a step");
                Node::Object(Some(left), self.pairs()?)
            }
            Word::Sign("^") => {
                self.pass("(", true)?;
                let mut terms = Vec::new();
                loop {
                    let descending = self.word.is(">");
                    if descending || self.word.is("<") {
                        self.step(true)?;
                    }
                    terms.push((descending, self.expression(0)?));
                    if !self.word.is(",") {
                        break;
                    }
                    self.step(true)?;
                }
                self.pass(")", false)?;
                Node::Sort(left, terms)
            }
            Word::Sign("?") => {
                let then = Box::new(self.expression(0)?);
                let mut other = None;
                if self.word.is(":") {
                    self.step(true)?;
                    other = Some(Box::new(self.expression(0)?));
                }
                Node::Condition(left, then, other)
            }
            Word::Sign(":=") => match *left {
                Node::Variable(name) if !name.is_empty() && name != "$" => {
                    Node::Assign(name, Box::new(self.expression(least - 1)?))
                }
                _ => bail!("only a variable can be assigned to"),
            },
            word => bail!("unexpected {word:?}"),
        })
    }

    fn call(&mut self, function: Box<Node>) -> Result<Node> {
        let (mut arguments, mut open) = (Vec::new(), false);
        while !self.word.is(")") {
            if self.word.is("?") {
                open = true;
                self.step(false)?;
                arguments.push(None);
            } else {
                arguments.push(Some(self.expression(0)?));
            }
            if !self.word.is(",") {
                break;
            }
            self.step(true)?;
        }
        self.pass(")", false)?;
        Ok(if open {
            Node::Partial(function, arguments)
        } else {
            Node::Call(function, arguments.into_iter().flatten().collect())
        })
    }
}
