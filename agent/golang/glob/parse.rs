//! Reads a pattern into a tree, with the leniencies of gobwas/glob: an open brace may stay open, a backslash at the end
//! and a closing brace without an open one are no errors.

use std::iter::Peekable;
use std::str::Chars;

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    /// `*`
    Star,
    /// `**`
    DoubleStar,
    /// `?`
    Single,
    /// `[abc]`, `[!abc]`
    List {
        not: bool,
        chars: String,
    },
    /// `[a-c]`, `[!a-c]`
    Range {
        not: bool,
        low: char,
        high: char,
    },
    /// `{a,b}`
    Choice(Vec<Vec<Node>>),
}

/// Braces nest at most this deep; each level is a level of recursion here and in the regular expression.
const DEEPEST: usize = 50;

pub(super) fn parse(pattern: &str) -> Result<Vec<Node>, &'static str> {
    let mut chars = pattern.chars().peekable();
    sequence(&mut chars, 0)
}

/// Reads up to the end, or inside braces up to a comma or the closing brace, which it leaves.
fn sequence(chars: &mut Peekable<Chars<'_>>, depth: usize) -> Result<Vec<Node>, &'static str> {
    let mut nodes = Vec::new();
    while let Some(&char) = chars.peek() {
        if depth > 0 && matches!(char, ',' | '}') {
            break;
        }
        chars.next();
        match char {
            '*' if chars.next_if_eq(&'*').is_some() => nodes.push(Node::DoubleStar),
            '*' => nodes.push(Node::Star),
            '?' => nodes.push(Node::Single),
            '[' => nodes.push(brackets(chars)?),
            '{' if depth == DEEPEST => return Err("braces nest too deep"),
            '{' => nodes.push(Node::Choice(choice(chars, depth + 1)?)),
            '\\' => push_text(&mut nodes, chars.next()),
            _ => push_text(&mut nodes, Some(char)),
        }
    }
    Ok(nodes)
}

fn push_text(nodes: &mut Vec<Node>, char: Option<char>) {
    let Some(char) = char else { return };
    match nodes.last_mut() {
        Some(Node::Text(text)) => text.push(char),
        _ => nodes.push(Node::Text(char.into())),
    }
}

/// Reads the patterns of a brace and its end.
fn choice(chars: &mut Peekable<Chars<'_>>, depth: usize) -> Result<Vec<Vec<Node>>, &'static str> {
    let mut patterns = vec![sequence(chars, depth)?];
    while chars.next_if_eq(&',').is_some() {
        patterns.push(sequence(chars, depth)?);
    }
    chars.next_if_eq(&'}');
    Ok(patterns)
}

/// Reads what follows `[`, with its end.
fn brackets(chars: &mut Peekable<Chars<'_>>) -> Result<Node, &'static str> {
    const OPEN: &str = "bracket is not closed";
    let not = chars.next_if_eq(&'!').is_some();
    let first = *chars.peek().ok_or(OPEN)?;
    let mut ahead = chars.clone();
    ahead.next();
    if ahead.next() == Some('-') {
        let high = ahead.next().ok_or(OPEN)?;
        *chars = ahead;
        if high < first {
            return Err("range goes from high to low");
        }
        return match chars.next() {
            Some(']') => Ok(Node::Range { not, low: first, high }),
            Some(_) => Err("range does not stand alone in its brackets"),
            None => Err(OPEN),
        };
    }
    let mut list = String::new();
    while let Some(char) = chars.next() {
        match char {
            ']' if list.is_empty() => return Err("brackets are empty"),
            ']' => return Ok(Node::List { not, chars: list }),
            '\\' => list.extend(chars.next()),
            _ => list.push(char),
        }
    }
    Err(OPEN)
}
