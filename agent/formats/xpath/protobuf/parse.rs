//! Reads a `.proto` file: what is needed to decode messages; services and options are passed over.

use super::definition::{Declared, DeclaredField, DeclaredKind, Extension, File};
use super::lex::{Token, tokens};

/// Messages may be nested so deep.
const DEEPEST: usize = 60;

type Result<T> = std::result::Result<T, String>;

/// Reads a file; errors name the line.
pub(super) fn parse(name: &str, text: &str) -> Result<File> {
    let text = text.trim_start_matches('\u{feff}');
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        file: File { name: name.to_owned(), ..File::default() },
        syntax: Syntax::Two,
        implicit: false,
    };
    parser.file()?;
    Ok(parser.file)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Two,
    Three,
    Edition,
}

struct Parser<'t> {
    tokens: Vec<(Token<'t>, usize)>,
    at: usize,
    file: File,
    syntax: Syntax,
    /// Whether an edition's fields of value zero are left out.
    implicit: bool,
}

/// Options that change how a field is read.
#[derive(Default)]
struct Options {
    explicit: Option<bool>,
    delimited: bool,
}

impl<'t> Parser<'t> {
    fn file(&mut self) -> Result<()> {
        while let Some(token) = self.peek() {
            match token {
                Token::Sign(';') => self.at += 1,
                Token::Word("syntax" | "edition") => {
                    self.at += 1;
                    self.sign('=')?;
                    self.syntax = match self.text()? {
                        "proto2" => Syntax::Two,
                        "proto3" => Syntax::Three,
                        edition if edition.starts_with("20") => Syntax::Edition,
                        other => return Err(self.error(format!("unknown syntax {other:.60?}"))),
                    };
                    self.sign(';')?;
                }
                Token::Word("import") => {
                    self.at += 1;
                    if matches!(self.peek(), Some(Token::Word("public" | "weak" | "option"))) {
                        self.at += 1;
                    }
                    let import = self.text()?.to_owned();
                    self.file.imports.push(import);
                    self.sign(';')?;
                }
                Token::Word("package") => {
                    self.at += 1;
                    self.file.package = self.word()?.to_owned();
                    self.sign(';')?;
                }
                Token::Word("option") => self.option()?,
                Token::Word("message") => self.message(&self.file.package.clone(), 0)?,
                Token::Word("enum") => self.enumeration(&self.file.package.clone())?,
                Token::Word("extend") => self.extend(&self.file.package.clone(), 0)?,
                Token::Word("service") => {
                    self.at += 2;
                    self.block()?;
                }
                Token::Word("export" | "local") => self.at += 1,
                _ => return Err(self.unexpected("a definition")),
            }
        }
        Ok(())
    }

    fn message(&mut self, scope: &str, depth: usize) -> Result<()> {
        self.at += 1;
        let name = join(scope, self.word()?);
        self.body(name, depth)
    }

    /// The body of the message `name`.
    fn body(&mut self, name: String, depth: usize) -> Result<()> {
        if depth > DEEPEST {
            return Err(self.error(format!("nested deeper than {DEEPEST} levels")));
        }
        self.sign('{')?;
        let place = self.file.messages.len();
        self.file.messages.push(Declared { name: name.clone(), fields: Vec::new() });
        let mut in_oneof = false;
        loop {
            match self.peek() {
                Some(Token::Sign(';')) => self.at += 1,
                Some(Token::Sign('}')) => {
                    self.at += 1;
                    if !std::mem::take(&mut in_oneof) {
                        return Ok(());
                    }
                }
                Some(Token::Word(word)) if self.begins_definition(word) => match word {
                    "message" => self.message(&name, depth + 1)?,
                    "enum" => self.enumeration(&name)?,
                    "extend" => self.extend(&name, depth)?,
                    "option" => self.option()?,
                    "oneof" => {
                        self.at += 2;
                        self.sign('{')?;
                        in_oneof = true;
                    }
                    _ => self.statement()?,
                },
                Some(Token::Word(_)) => {
                    let field = self.field(&name, in_oneof, depth)?;
                    self.file.messages[place].fields.push(field);
                }
                _ => return Err(self.unexpected("a field")),
            }
        }
    }

    /// Whether a word begins something other than a field: some of these words may be types as well.
    fn begins_definition(&self, word: &str) -> bool {
        let next = |n: usize| self.tokens.get(self.at + n).map(|(token, _)| *token);
        match word {
            "message" | "enum" | "extend" | "oneof" => next(2) == Some(Token::Sign('{')),
            "option" => next(2) != Some(Token::Sign('=')) || !matches!(next(3), Some(Token::Word(n)) if is_number(n)),
            "reserved" | "extensions" => next(2) != Some(Token::Sign('=')),
            _ => false,
        }
    }

    fn field(&mut self, scope: &str, in_oneof: bool, depth: usize) -> Result<DeclaredField> {
        let line = self.line();
        let mut explicit = in_oneof || self.syntax == Syntax::Two || self.syntax == Syntax::Edition && !self.implicit;
        let mut repeated = false;
        let labelled = matches!(self.tokens.get(self.at + 1), Some((Token::Word(_), _)))
            && matches!(self.tokens.get(self.at + 2), Some((Token::Word(_) | Token::Sign('<'), _)));
        if labelled && let Some(Token::Word(label @ ("optional" | "required" | "repeated"))) = self.peek() {
            self.at += 1;
            explicit |= label != "repeated";
            repeated = label == "repeated";
        }
        let kind = self.word()?;
        if kind == "group" && !matches!(self.tokens.get(self.at + 1), Some((Token::Sign('='), _))) {
            return Err(self.unexpected("a group"));
        }
        if kind == "map" && self.peek() == Some(Token::Sign('<')) {
            self.at += 1;
            let key = self.word()?.to_owned();
            self.sign(',')?;
            let value = self.word()?.to_owned();
            self.sign('>')?;
            let name = self.word()?.to_owned();
            let (number, _) = self.number_and_options()?;
            self.sign(';')?;
            return Ok(DeclaredField {
                name,
                number,
                kind: DeclaredKind::Map(key, value),
                repeated: true,
                explicit,
                line,
            });
        }
        let name = self.word()?.to_owned();
        let (number, options) = self.number_and_options()?;
        if kind == "group" {
            let full = join(scope, &name);
            self.body(full.clone(), depth + 1)?;
            let name = name.to_lowercase();
            return Ok(DeclaredField { name, number, kind: DeclaredKind::Group(full), repeated, explicit: true, line });
        }
        self.sign(';')?;
        let kind = match (options.delimited, kind) {
            (true, message) => DeclaredKind::Group(message.to_owned()),
            (false, kind) => DeclaredKind::Named(kind.to_owned()),
        };
        Ok(DeclaredField { name, number, kind, repeated, explicit: options.explicit.unwrap_or(explicit), line })
    }

    fn number_and_options(&mut self) -> Result<(u32, Options)> {
        self.sign('=')?;
        let word = self.word()?;
        let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
        let number = match digits {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => word.parse(),
        };
        let number = number.ok().filter(|n| (1..1 << 29).contains(n));
        let number = number.ok_or_else(|| self.error(format!("{word:.60?} is no number of a field")))?;
        let mut options = Options::default();
        if self.peek() == Some(Token::Sign('[')) {
            let from = self.at;
            self.balanced('[', ']')?;
            let mut words = self.tokens[from..self.at].iter().filter_map(|(token, _)| match token {
                Token::Word(word) => Some(*word),
                _ => None,
            });
            while let Some(word) = words.next() {
                match word {
                    "features.field_presence" => options.explicit = Some(words.next() != Some("IMPLICIT")),
                    "features.message_encoding" => options.delimited = words.next() == Some("DELIMITED"),
                    _ => {}
                }
            }
        }
        Ok((number, options))
    }

    fn enumeration(&mut self, scope: &str) -> Result<()> {
        self.at += 1;
        let name = join(scope, self.word()?);
        self.file.enums.push(name);
        self.block()
    }

    fn extend(&mut self, scope: &str, depth: usize) -> Result<()> {
        self.at += 1;
        let target = self.word()?.to_owned();
        self.sign('{')?;
        loop {
            match self.peek() {
                Some(Token::Sign(';')) => self.at += 1,
                Some(Token::Sign('}')) => {
                    self.at += 1;
                    return Ok(());
                }
                _ => {
                    let line = self.line();
                    let mut field = self.field(scope, false, depth)?;
                    field.explicit = true;
                    let (target, scope) = (target.clone(), scope.to_owned());
                    self.file.extensions.push(Extension { target, scope, field, line });
                }
            }
        }
    }

    /// An option; that of an edition which leaves fields of value zero out is heeded.
    fn option(&mut self) -> Result<()> {
        let from = self.at;
        self.statement()?;
        let words: Vec<Token<'_>> = self.tokens[from..self.at].iter().map(|(token, _)| *token).collect();
        if let [_, Token::Word("features.field_presence"), _, Token::Word(presence), ..] = words[..] {
            self.implicit = presence == "IMPLICIT";
        }
        Ok(())
    }

    /// Passes everything up to a semicolon, blocks included.
    fn statement(&mut self) -> Result<()> {
        loop {
            match self.peek() {
                Some(Token::Sign(';')) => {
                    self.at += 1;
                    return Ok(());
                }
                Some(Token::Sign('{')) => self.block()?,
                Some(_) => self.at += 1,
                None => return Err(self.unexpected("a semicolon")),
            }
        }
    }

    /// Passes a block in braces.
    fn block(&mut self) -> Result<()> {
        self.balanced('{', '}')
    }

    fn balanced(&mut self, open: char, close: char) -> Result<()> {
        self.sign(open)?;
        let mut depth = 1;
        while depth > 0 {
            match self.peek() {
                Some(Token::Sign(c)) if c == open => depth += 1,
                Some(Token::Sign(c)) if c == close => depth -= 1,
                Some(_) => {}
                None => return Err(self.unexpected(&format!("{close:?}"))),
            }
            self.at += 1;
        }
        Ok(())
    }

    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).map(|(token, _)| *token)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(_, line)| *line)
    }

    fn word(&mut self) -> Result<&'t str> {
        match self.peek() {
            Some(Token::Word(word)) => {
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    fn text(&mut self) -> Result<&'t str> {
        match self.peek() {
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.unexpected("a text in quotes")),
        }
    }

    fn sign(&mut self, sign: char) -> Result<()> {
        if self.peek() == Some(Token::Sign(sign)) {
            self.at += 1;
            return Ok(());
        }
        Err(self.unexpected(&format!("{sign:?}")))
    }

    fn unexpected(&self, wanted: &str) -> String {
        let found = match self.peek() {
            Some(Token::Word(word)) => format!("{word:.60?}"),
            Some(Token::Text(text)) => format!("the text {text:.60?}"),
            Some(Token::Sign(sign)) => format!("{sign:?}"),
            None => "the end".to_owned(),
        };
        self.error(format!("expected {wanted}, not {found}"))
    }

    fn error(&self, cause: String) -> String {
        format!("line {}: {cause}", self.line())
    }
}

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}
