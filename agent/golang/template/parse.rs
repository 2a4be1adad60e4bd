//! Builds the tree of a template out of its tokens (Go package `text/template/parse`).

use std::collections::HashMap;

use super::ast::{Branch, Command, Definition, Definitions, Kind, Node, Operand, Pipe};
use super::lex::{Piece, Token, pieces};
use super::tokens::{Place, Scope, Tokens, with_fields};
use super::{DEEPEST, TemplateError, functions};
use crate::number::{parse_float, parse_int, parse_uint};

pub(super) fn parse(source: &str) -> Result<Definitions, TemplateError> {
    let pieces = pieces(source)?;
    let mut parser = Parser {
        pieces: pieces.into_iter(),
        line: 1,
        scope: Scope::new(),
        indices: HashMap::new(),
        templates: vec![None],
        first_uses: Vec::new(),
        depth: 0,
        loops: 0,
    };
    let (body, end) = parser.nodes()?;
    if end != Stop::Source {
        return Err(parser.error(format!("unexpected {}", end.name())));
    }
    parser.templates[0] = Some(Definition { body, slots: parser.scope.most });
    let undefined = parser.first_uses.iter().find(|(_, index, _)| parser.templates[*index].is_none());
    if let Some((line, _, name)) = undefined {
        return Err(TemplateError::new(*line, format!("template {name:?} not defined")));
    }
    Ok(Definitions { templates: parser.templates.into_iter().flatten().collect() })
}

/// What ended a run of nodes.
#[derive(PartialEq)]
enum Stop {
    Source,
    End,
    /// `else`, with what stands after it.
    Else(Vec<Token>),
}

impl Stop {
    fn name(&self) -> &'static str {
        match self {
            Stop::Source => "end of template",
            Stop::End => "{{end}}",
            Stop::Else(_) => "{{else}}",
        }
    }
}

struct Parser<'s> {
    pieces: std::vec::IntoIter<(usize, Piece<'s>)>,
    line: usize,
    scope: Scope,
    /// The number of each template's name.
    indices: HashMap<String, usize>,
    templates: Vec<Option<Definition>>,
    /// Where each template was used: line, number, name.
    first_uses: Vec<(usize, usize, String)>,
    depth: usize,
    /// How many ranges are open here.
    loops: usize,
}

impl Parser<'_> {
    fn error(&self, cause: impl Into<Box<str>>) -> TemplateError {
        TemplateError::new(self.line, cause)
    }

    fn deeper(&mut self) -> Result<(), TemplateError> {
        self.depth += 1;
        match self.depth > DEEPEST {
            true => Err(self.error("template nests too deep")),
            false => Ok(()),
        }
    }

    /// Reads nodes up to the end of the source, an `end` or an `else`.
    fn nodes(&mut self) -> Result<(Vec<Node>, Stop), TemplateError> {
        self.deeper()?;
        let mut nodes = Vec::new();
        let end = loop {
            let Some((line, piece)) = self.pieces.next() else {
                break Stop::Source;
            };
            self.line = line;
            let tokens = match piece {
                Piece::Text(text) => {
                    nodes.push(Node { line, kind: Kind::Text(text.into()) });
                    continue;
                }
                Piece::Action(tokens) => tokens,
            };
            let mut tokens = Tokens::new(tokens);
            tokens.skip_blanks();
            let word = match tokens.peek() {
                Some(Token::Word(word)) => word.clone(),
                _ => String::new(),
            };
            match word.as_str() {
                "end" => {
                    tokens.next();
                    self.finish(&mut tokens)?;
                    break Stop::End;
                }
                "else" => {
                    tokens.next();
                    tokens.skip_blanks();
                    break Stop::Else(tokens.rest());
                }
                "define" => {
                    tokens.next();
                    self.define(&mut tokens)?;
                }
                _ => {
                    let kind = self.action(&word, &mut tokens)?;
                    nodes.push(Node { line, kind });
                }
            }
        };
        self.depth -= 1;
        Ok((nodes, end))
    }

    fn action(&mut self, word: &str, tokens: &mut Tokens) -> Result<Kind, TemplateError> {
        if matches!(word, "if" | "with" | "range" | "template" | "block" | "break" | "continue") {
            tokens.next();
        }
        match word {
            "if" | "with" | "range" => self.branch(word, tokens),
            "template" => {
                let name = self.template_name(tokens)?;
                let pipe = self.optional_pipe(tokens)?;
                let index = self.index(&name);
                self.first_uses.push((self.line, index, name));
                Ok(Kind::Template(index, pipe))
            }
            "block" => {
                let name = self.template_name(tokens)?;
                let pipe = self.pipe(tokens, Place::Action)?;
                let index = self.body_of(&name)?;
                Ok(Kind::Template(index, Some(pipe)))
            }
            "break" | "continue" => {
                self.finish(tokens)?;
                if self.loops == 0 {
                    return Err(self.error(format!("{{{{{word}}}}} outside of {{{{range}}}}")));
                }
                Ok(if word == "break" { Kind::Break } else { Kind::Continue })
            }
            _ => Ok(Kind::Action(self.pipe(tokens, Place::Action)?)),
        }
    }

    /// Reads the rest of `if`, `with` or `range` up to its `end`.
    fn branch(&mut self, word: &str, tokens: &mut Tokens) -> Result<Kind, TemplateError> {
        let alive = self.scope.names.len();
        let place = if word == "range" { Place::Range } else { Place::Action };
        let pipe = self.pipe(tokens, place)?;
        let is_range = usize::from(word == "range");
        self.loops += is_range;
        let inner = self.scope.names.len();
        let (then, end) = self.nodes()?;
        self.loops -= is_range;
        self.scope.names.truncate(inner);
        let otherwise = match end {
            Stop::Source => return Err(self.error(format!("{{{{{word}}}}} has no {{{{end}}}}"))),
            Stop::End => Vec::new(),
            Stop::Else(rest) => self.otherwise(word, rest)?,
        };
        self.scope.names.truncate(alive);
        let branch = Branch { pipe, then, otherwise };
        Ok(match word {
            "if" => Kind::If(branch),
            "with" => Kind::With(branch),
            _ => Kind::Range(branch),
        })
    }

    /// Reads what follows an `else`, which may go on as `else if` or `else with` and then shares its `end`.
    fn otherwise(&mut self, word: &str, rest: Vec<Token>) -> Result<Vec<Node>, TemplateError> {
        let mut tokens = Tokens::new(rest);
        let line = self.line;
        match tokens.peek() {
            None => {
                let (nodes, end) = self.nodes()?;
                match end {
                    Stop::End => Ok(nodes),
                    _ => Err(self.error(format!("expected {{{{end}}}}, found {}", end.name()))),
                }
            }
            Some(Token::Word(next)) if next == word && word != "range" => {
                tokens.next();
                self.deeper()?;
                let kind = self.branch(word, &mut tokens)?;
                self.depth -= 1;
                Ok(vec![Node { line, kind }])
            }
            Some(_) => Err(self.error("unexpected text after else")),
        }
    }

    fn define(&mut self, tokens: &mut Tokens) -> Result<(), TemplateError> {
        let name = self.template_name(tokens)?;
        self.finish(tokens)?;
        self.body_of(&name).map(|_| ())
    }

    /// Reads the body of a definition up to its `end`; gives its number.
    fn body_of(&mut self, name: &str) -> Result<usize, TemplateError> {
        let outer = std::mem::replace(&mut self.scope, Scope::new());
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.nodes()?;
        if end != Stop::End {
            return Err(self.error(format!("definition of {name:?} has no {{{{end}}}}")));
        }
        self.loops = loops;
        let scope = std::mem::replace(&mut self.scope, outer);
        let index = self.index(name);
        self.templates[index] = Some(Definition { body, slots: scope.most });
        Ok(index)
    }

    /// The number of the template of that name, which may come later.
    fn index(&mut self, name: &str) -> usize {
        if let Some(&index) = self.indices.get(name) {
            return index;
        }
        self.templates.push(None);
        let index = self.templates.len() - 1;
        self.indices.insert(name.to_owned(), index);
        index
    }

    fn template_name(&mut self, tokens: &mut Tokens) -> Result<String, TemplateError> {
        tokens.skip_blanks();
        match tokens.next() {
            Some(Token::Text(name)) => Ok(name),
            _ => Err(self.error("expected the name of a template in quotes")),
        }
    }

    fn optional_pipe(&mut self, tokens: &mut Tokens) -> Result<Option<Pipe>, TemplateError> {
        tokens.skip_blanks();
        match tokens.peek() {
            None => Ok(None),
            Some(_) => self.pipe(tokens, Place::Action).map(Some),
        }
    }

    fn finish(&self, tokens: &mut Tokens) -> Result<(), TemplateError> {
        tokens.skip_blanks();
        match tokens.peek() {
            None => Ok(()),
            Some(_) => Err(self.error("unexpected text in action")),
        }
    }

    /// Reads variables to set and commands, up to the end of the action or a closing parenthesis.
    fn pipe(&mut self, tokens: &mut Tokens, place: Place) -> Result<Pipe, TemplateError> {
        self.deeper()?;
        tokens.skip_blanks();
        let (names, declares) = tokens.targets(place == Place::Range);
        let mut commands = Vec::new();
        loop {
            tokens.skip_blanks();
            if let Some(command) = self.command(tokens)? {
                commands.push(command);
            } else {
                return Err(self.error("missing value for command"));
            }
            match tokens.next() {
                Some(Token::Bar) => {}
                None if place != Place::Parentheses => break,
                Some(Token::Close) if place == Place::Parentheses => break,
                None => return Err(self.error("unclosed left parenthesis")),
                Some(Token::Close) => return Err(self.error("unexpected right parenthesis")),
                Some(_) => return Err(self.error("unexpected text in action")),
            }
        }
        for command in &commands[1..] {
            let is_callable = matches!(command.head, Operand::Function(_) | Operand::Fields(..));
            if !is_callable {
                return Err(self.error("non executable command in pipeline"));
            }
        }
        // The names are declared after the commands, which cannot use them yet.
        let mut targets = Vec::new();
        for name in names {
            targets.push(match declares {
                true => self.scope.declare(&name),
                false => self.variable(&name)?,
            });
        }
        self.depth -= 1;
        Ok(Pipe { targets, commands })
    }

    fn variable(&self, name: &str) -> Result<usize, TemplateError> {
        let slot = self.scope.slot(name);
        slot.ok_or_else(|| self.error(format!("undefined variable {name:?}")))
    }

    /// Reads operands up to a bar, a closing parenthesis or the end.
    fn command(&mut self, tokens: &mut Tokens) -> Result<Option<Command>, TemplateError> {
        let mut operands = Vec::new();
        while let Some(operand) = self.operand(tokens)? {
            operands.push(operand);
            match tokens.peek() {
                Some(Token::Blank) => tokens.skip_blanks(),
                None | Some(Token::Bar | Token::Close) => break,
                Some(_) => return Err(self.error("unexpected text in operand")),
            }
        }
        if operands.is_empty() {
            return Ok(None);
        }
        let head = operands.remove(0);
        if let Operand::Nil = head {
            return Err(self.error("nil is not a command"));
        }
        let takes_arguments = matches!(head, Operand::Function(_) | Operand::Fields(..));
        if !operands.is_empty() && !takes_arguments {
            return Err(self.error("can't give argument to non-function"));
        }
        Ok(Some(Command { head, args: operands }))
    }

    /// Reads one operand with the fields after it.
    fn operand(&mut self, tokens: &mut Tokens) -> Result<Option<Operand>, TemplateError> {
        let operand = match tokens.peek() {
            Some(Token::Dot) => Operand::Dot,
            Some(Token::Field(_)) => return Ok(Some(with_fields(Operand::Dot, tokens))),
            Some(Token::Variable(name)) => Operand::Variable(self.variable(name)?),
            Some(Token::Text(text)) => Operand::Text(text.as_str().into()),
            Some(Token::Char(char)) => Operand::Int(i64::from(u32::from(*char))),
            Some(Token::Number(number)) => self.number(number)?,
            Some(Token::Word(word)) => self.word(word)?,
            Some(Token::Open) => {
                tokens.next();
                let pipe = self.pipe(tokens, Place::Parentheses)?;
                return Ok(Some(with_fields(Operand::Pipe(Box::new(pipe)), tokens)));
            }
            _ => return Ok(None),
        };
        tokens.next();
        let has_fields = matches!(operand, Operand::Variable(_) | Operand::Function(_));
        if !has_fields && matches!(tokens.peek(), Some(Token::Field(_) | Token::Dot)) {
            return Err(self.error("unexpected . after term"));
        }
        Ok(Some(with_fields(operand, tokens)))
    }

    fn word(&self, word: &str) -> Result<Operand, TemplateError> {
        Ok(match word {
            "true" => Operand::Bool(true),
            "false" => Operand::Bool(false),
            "nil" => Operand::Nil,
            _ => match functions::find(word) {
                Some(function) => Operand::Function(function),
                None => return Err(self.error(format!("function {word:?} not defined"))),
            },
        })
    }

    fn number(&self, text: &str) -> Result<Operand, TemplateError> {
        if let Ok(number) = parse_int(text, 0) {
            return Ok(Operand::Int(number));
        }
        if let Ok(number) = parse_uint(text, 0) {
            return Ok(Operand::Uint(number));
        }
        match parse_float(text) {
            Ok(number) => Ok(Operand::Float(number)),
            Err(_) => Err(self.error(format!("bad number syntax: {text:?}"))),
        }
    }
}
