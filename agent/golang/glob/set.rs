//! Many patterns compiled into one matcher, each in the cheapest form that it has.

use std::collections::HashSet;
use std::fmt::Write;

use memchr::memmem::Finder;
use regex::Regex;

use super::GlobError;
use super::parse::{Node, parse};

/// A compiled list of patterns; it matches what any of them matches.
#[derive(Clone, Debug, Default)]
pub struct Set {
    literals: Literals,
    /// `*` without separators, or `**`.
    everything: bool,
    prefixes: Vec<Box<str>>,
    suffixes: Vec<Box<str>>,
    pieces: Vec<Pieces>,
    /// All other patterns as one expression.
    general: Option<Regex>,
}

impl Set {
    /// Compiles the patterns; `*` and `?` do not match the characters in `separators`.
    pub fn compile(patterns: &[impl AsRef<str>], separators: &[char]) -> Result<Set, GlobError> {
        let mut set = Set::default();
        let mut literals = Vec::new();
        let mut general = Vec::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let nodes = parse(pattern).map_err(|cause| GlobError::new(pattern, cause))?;
            set.sort_in(nodes, separators, &mut literals, &mut general);
        }
        set.literals = Literals::new(literals);
        if !general.is_empty() {
            let expression = expression(&general, separators);
            let first = patterns.first().map_or("", |pattern| pattern.as_ref());
            let regex = Regex::new(&expression).map_err(|_| GlobError::new(first, "the pattern is too large"))?;
            set.general = Some(regex);
        }
        Ok(set)
    }

    /// A set of names that are no patterns.
    pub fn literal(names: &[impl AsRef<str>]) -> Set {
        let names = names.iter().map(|name| name.as_ref().into()).collect();
        Set { literals: Literals::new(names), ..Set::default() }
    }

    /// Whether any of the patterns matches the whole text.
    pub fn is_match(&self, text: &str) -> bool {
        self.everything
            || self.literals.contains(text)
            || self.prefixes.iter().any(|prefix| text.starts_with(&**prefix))
            || self.suffixes.iter().any(|suffix| text.ends_with(&**suffix))
            || self.pieces.iter().any(|pieces| pieces.is_match(text))
            || self.general.as_ref().is_some_and(|regex| regex.is_match(text))
    }

    /// The names, if the set holds nothing but names: a caller may then look them up instead of trying all it has.
    pub fn names(&self) -> Option<impl Iterator<Item = &str>> {
        let only_names = !self.everything
            && self.prefixes.is_empty()
            && self.suffixes.is_empty()
            && self.pieces.is_empty()
            && self.general.is_none();
        only_names.then(|| self.literals.iter())
    }

    /// Puts a pattern where it is matched fastest.
    fn sort_in(
        &mut self,
        mut nodes: Vec<Node>,
        separators: &[char],
        literals: &mut Vec<Box<str>>,
        general: &mut Vec<Vec<Node>>,
    ) {
        if separators.is_empty() {
            for node in &mut nodes {
                if *node == Node::Star {
                    *node = Node::DoubleStar;
                }
            }
            nodes.dedup_by(|a, b| *a == Node::DoubleStar && *b == Node::DoubleStar);
        }
        match &mut nodes[..] {
            [] => literals.push("".into()),
            [Node::Text(text)] => literals.push((&**text).into()),
            [Node::DoubleStar] => self.everything = true,
            [Node::Text(text), Node::DoubleStar] => self.prefixes.push((&**text).into()),
            [Node::DoubleStar, Node::Text(text)] => self.suffixes.push((&**text).into()),
            [Node::Choice(patterns)] => {
                for pattern in std::mem::take(patterns) {
                    self.sort_in(pattern, separators, literals, general);
                }
            }
            _ => match Pieces::new(&nodes) {
                Some(pieces) => self.pieces.push(pieces),
                None => general.push(nodes),
            },
        }
    }
}

/// Names, in a form that fits their number.
#[derive(Clone, Debug)]
enum Literals {
    /// So few that comparing beats hashing.
    Few(Vec<Box<str>>),
    Many(HashSet<Box<str>, foldhash::fast::RandomState>),
}

impl Default for Literals {
    fn default() -> Literals {
        Literals::Few(Vec::new())
    }
}

impl Literals {
    fn new(names: Vec<Box<str>>) -> Literals {
        if names.len() <= 4 { Literals::Few(names) } else { Literals::Many(names.into_iter().collect()) }
    }

    fn contains(&self, text: &str) -> bool {
        match self {
            Literals::Few(names) => names.iter().any(|name| **name == *text),
            Literals::Many(names) => names.contains(text),
        }
    }

    fn iter(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Literals::Few(names) => Box::new(names.iter().map(|name| &**name)),
            Literals::Many(names) => Box::new(names.iter().map(|name| &**name)),
        }
    }
}

/// Texts with anything between them: `a*b`, `*a*`, `a*b*c`.
#[derive(Clone, Debug)]
struct Pieces {
    start: Box<str>,
    middle: Vec<Finder<'static>>,
    end: Box<str>,
}

impl Pieces {
    /// `None` if the pattern has other parts than texts and stars that cross everything.
    fn new(nodes: &[Node]) -> Option<Pieces> {
        let mut pieces = Pieces { start: "".into(), middle: Vec::new(), end: "".into() };
        let last = nodes.len() - 1;
        for (index, node) in nodes.iter().enumerate() {
            match node {
                Node::Text(text) if index == 0 => pieces.start = (&**text).into(),
                Node::Text(text) if index == last => pieces.end = (&**text).into(),
                Node::Text(text) => pieces.middle.push(Finder::new(text).into_owned()),
                Node::DoubleStar => {}
                _ => return None,
            }
        }
        Some(pieces)
    }

    /// Takes each text where it is found first, which leaves the most for the later ones.
    fn is_match(&self, text: &str) -> bool {
        let Some(text) = text.as_bytes().strip_prefix(self.start.as_bytes()) else {
            return false;
        };
        let Some(mut rest) = text.strip_suffix(self.end.as_bytes()) else {
            return false;
        };
        for piece in &self.middle {
            match piece.find(rest) {
                Some(at) => rest = &rest[at + piece.needle().len()..],
                None => return false,
            }
        }
        true
    }
}

/// The regular expression for any of the patterns, over the whole text.
fn expression(patterns: &[Vec<Node>], separators: &[char]) -> String {
    let mut inside = String::from("[^");
    for &separator in separators {
        push_class_char(separator, &mut inside);
    }
    inside.push(']');
    let inside = if separators.is_empty() { "." } else { &inside };
    let mut out = String::from(r"\A(?s:");
    push_choice(patterns, inside, &mut out);
    out.push_str(r")\z");
    out
}

fn push_choice(patterns: &[Vec<Node>], inside: &str, out: &mut String) {
    for (index, pattern) in patterns.iter().enumerate() {
        if index > 0 {
            out.push('|');
        }
        for node in pattern {
            push_node(node, inside, out);
        }
    }
}

/// Appends one node; `inside` matches a character that is no separator.
fn push_node(node: &Node, inside: &str, out: &mut String) {
    match node {
        Node::Text(text) => out.push_str(&regex::escape(text)),
        Node::Star => {
            out.push_str(inside);
            out.push('*');
        }
        Node::DoubleStar => out.push_str(".*"),
        Node::Single => out.push_str(inside),
        Node::List { not, chars } => {
            out.push_str(if *not { "[^" } else { "[" });
            for char in chars.chars() {
                push_class_char(char, out);
            }
            out.push(']');
        }
        Node::Range { not, low, high } => {
            out.push_str(if *not { "[^" } else { "[" });
            push_class_char(*low, out);
            out.push('-');
            push_class_char(*high, out);
            out.push(']');
        }
        Node::Choice(patterns) => {
            out.push_str("(?:");
            push_choice(patterns, inside, out);
            out.push(')');
        }
    }
}

/// Appends a character by its number, so that none has a meaning inside a class.
fn push_class_char(char: char, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, r"\x{{{:x}}}", u32::from(char));
}
