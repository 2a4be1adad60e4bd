//! Words of an expression. What a `/` or `-` means depends on what stands before, so the parser asks for one word at a time.

use agent_api::{Result, anyhow, bail};
use agent_golang::regexp::Regexp;

#[derive(Clone, Debug)]
pub(super) enum Word {
    End,
    /// An operator or bracket.
    Sign(&'static str),
    Name(String),
    /// A name in backquotes, which is never an operator.
    Quoted(String),
    Variable(String),
    Text(String),
    Number(f64),
    Regex(Box<Regexp>),
}

impl Word {
    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(self, Word::Sign(s) if *s == sign)
    }
}

/// Longest first, so that the first that fits is meant.
const SIGNS: [&str; 33] = [
    "..", ":=", "!=", ">=", "<=", "**", "~>", ".", "[", "]", "{", "}", "(", ")", ",", "@", "#", ";", ":", "?", "+",
    "-", "*", "/", "%", "|", "=", "<", ">", "^", "&", "!", "~",
];

#[derive(Clone)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Lexer { text, at: 0 }
    }

    /// How much was read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next word; where a value may begin, `/` begins a regular expression.
    pub(super) fn next(&mut self, value: bool) -> Result<Word> {
        self.skip()?;
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else { return Ok(Word::End) };
        match first {
            '"' | '\'' => return self.string(first).map(Word::Text),
            '`' => {
                let end = rest[1..].find('`').ok_or_else(|| anyhow!("name without closing backquote"))?;
                self.at += end + 2;
                return Ok(Word::Quoted(rest[1..end + 1].to_owned()));
            }
            '/' if value => return self.regex(),
            '0'..='9' => return self.number(),
            _ => {}
        }
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            self.at += sign.len();
            return Ok(Word::Sign(sign));
        }
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| c.is_whitespace() || "./[]{}(),@#;:?+-*%|=<>^&!~\"'`".contains(*c))
            .map_or(rest.len(), |(i, _)| i);
        self.at += end;
        Ok(match rest[..end].strip_prefix('$') {
            Some(name) => Word::Variable(name.to_owned()),
            None => Word::Name(rest[..end].to_owned()),
        })
    }

    fn skip(&mut self) -> Result<()> {
        loop {
            let rest = &self.text[self.at..];
            self.at += rest.len() - rest.trim_start().len();
            if !self.text[self.at..].starts_with("/*") {
                return Ok(());
            }
            let end = self.text[self.at..].find("*/").ok_or_else(|| anyhow!("comment without an end"))?;
            self.at += end + 2;
        }
    }

    fn string(&mut self, quote: char) -> Result<String> {
        let mut out = String::new();
        let mut chars = self.text[self.at + 1..].char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at += i + 2;
                    let mut plain = String::new();
                    crate::jsontext::unescape(&out, &mut plain);
                    return Ok(plain);
                }
                '\\' => {
                    let Some((_, escaped)) = chars.next() else { break };
                    if !"\"'\\/bfnrtu".contains(escaped) {
                        bail!("unknown escape \\{escaped}");
                    }
                    out.push('\\');
                    out.push(escaped);
                }
                c => out.push(c),
            }
        }
        bail!("text without closing quote")
    }

    fn number(&mut self) -> Result<Word> {
        let bytes = &self.text.as_bytes()[self.at..];
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        let mut end = digits(0);
        // Two points are a range.
        if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let start = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            if digits(start) > start {
                end = digits(start);
            }
        }
        let text = &self.text[self.at..self.at + end];
        self.at += end;
        let number: f64 = text.parse()?;
        agent_api::ensure!(number.is_finite(), "number out of range: {text}");
        Ok(Word::Number(number))
    }

    fn regex(&mut self) -> Result<Word> {
        let rest = &self.text[self.at + 1..];
        let bytes = rest.as_bytes();
        let (mut at, mut class) = (0, false);
        loop {
            match bytes.get(at) {
                None => bail!("regular expression without an end"),
                Some(b'\\') => at += 1,
                Some(b'[') => class = true,
                Some(b']') => class = false,
                Some(b'/') if !class => break,
                Some(_) => {}
            }
            at += 1;
        }
        let flags = rest[at + 1..].bytes().take_while(|b| matches!(b, b'i' | b'm')).count();
        let (pattern, flag) = (&rest[..at], &rest[at + 1..at + 1 + flags]);
        agent_api::ensure!(!pattern.is_empty(), "empty regular expression");
        let pattern = if flag.is_empty() { pattern.to_owned() } else { format!("(?{flag}){pattern}") };
        self.at += at + 2 + flags;
        let pattern = pattern.replace("\\/", "/");
        Ok(Word::Regex(Box::new(Regexp::compile(&pattern)?)))
    }
}
