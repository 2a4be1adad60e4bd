//! Follows a path through a text.

use super::path::{ArrayStep, Next, Step};
use super::query::Query;
use super::value::{Found, Members};
use super::{build, modifier, multipath};
use crate::jsontext::skip_space;
use std::borrow::Cow;

/// Paths may lead so deep, modifiers and pipes included.
pub(super) const DEEPEST: usize = 200;

/// Finds what a path leads to in a text that should be JSON.
pub fn find<'a>(text: &'a str, path: &str) -> Found<'a> {
    get(text, path, 0)
}

pub(super) fn get<'a>(text: &'a str, path: &str, depth: usize) -> Found<'a> {
    if depth > DEEPEST {
        return Found::NONE;
    }
    if path.len() > 1 {
        let special = match path.as_bytes()[0] {
            b'@' => modifier::run(text, path, depth + 1),
            b'!' => multipath::literal(path),
            b'[' | b'{' => multipath::run(text, path, depth + 1),
            _ => None,
        };
        if let Some((found, rest)) = special {
            return match rest.strip_prefix(['|', '.']) {
                Some(rest) => pipe(found, rest, depth),
                None => found,
            };
        }
    }
    if let Some(path) = path.strip_prefix("..") {
        return array(text, Members::lines(text), path, depth).unwrap_or(Found::NONE);
    }
    match text.bytes().position(|b| matches!(b, b'{' | b'[')) {
        Some(at) => walk(text, at, path, depth).unwrap_or(Found::NONE),
        None => Found::NONE,
    }
}

/// Applies a path to what was found.
fn pipe<'a>(found: Found<'a>, path: &str, depth: usize) -> Found<'a> {
    match found.into_raw() {
        Cow::Borrowed(text) => get(text, path, depth + 1),
        Cow::Owned(text) => get(&text, path, depth + 1).into_owned(),
    }
}

/// Follows the path from the object or array at `at`. None: look on behind it.
fn walk<'a>(text: &'a str, at: usize, path: &str, depth: usize) -> Option<Found<'a>> {
    if depth > DEEPEST {
        return None;
    }
    if text.as_bytes().get(at) == Some(&b'[') {
        return array(text, Members::new(text, at), path, depth);
    }
    let step = Step::new(path);
    Members::new(text, at)
        .filter(|member| step.matches(member.key))
        .find_map(|member| follow(text, member.at, step.next, depth))
}

/// Goes on from the value at `at`.
fn follow<'a>(text: &'a str, at: usize, next: Next<'_>, depth: usize) -> Option<Found<'a>> {
    match next {
        Next::End => Some(Found::at(text, at)),
        Next::Pipe(path) => Some(pipe(Found::at(text, at), path, depth)),
        Next::Below(path) => match text.as_bytes().get(at) {
            Some(b'{' | b'[') => walk(text, at, path, depth + 1),
            _ => None,
        },
    }
}

fn array<'a>(text: &'a str, mut members: Members<'a>, path: &str, depth: usize) -> Option<Found<'a>> {
    let (found, next) = match ArrayStep::new(path) {
        ArrayStep::Nothing => return None,
        ArrayStep::Index(index, next) => return follow(text, members.nth(index)?.at, next, depth),
        ArrayStep::Count(next) => (Found::built(members.count().to_string()), next),
        ArrayStep::Each(below, next) => {
            let found = members.map(|m| pipe(Found::at(text, m.at), below, depth));
            (build::list(found.filter(Found::exists)), next)
        }
        ArrayStep::Where { query, all: false, next } => {
            let element = members.find(|m| satisfies(text, m.at, &query, depth))?;
            return Some(match next {
                Next::End => Found::at(text, element.at),
                Next::Below(path) | Next::Pipe(path) => pipe(Found::at(text, element.at), path, depth),
            });
        }
        ArrayStep::Where { query, all: true, next } => {
            // What stands below is taken of each element; a pipe is for all of them.
            let (below, next) = match next {
                Next::Below(path) => {
                    let (below, next) = super::path::split_pipe(path);
                    (Some(below), next)
                }
                next => (None, next),
            };
            let found = members.filter(|m| satisfies(text, m.at, &query, depth)).map(|m| {
                let element = Found::at(text, m.at);
                match below {
                    Some(path) => pipe(element, path, depth),
                    None => element,
                }
            });
            (build::list(found.filter(Found::exists)), next)
        }
    };
    Some(match next {
        Next::End => found,
        Next::Below(path) | Next::Pipe(path) => pipe(found, path, depth),
    })
}

fn satisfies(text: &str, at: usize, query: &Query<'_>, depth: usize) -> bool {
    let element = Found::at(text, at);
    let container = element.is_array() || element.is_object();
    match (query.path.is_empty(), container) {
        (true, false) => query.matches(&element),
        (false, true) => query.matches(&pipe(element, query.path, depth)),
        // Likeness to nothing is for elements that could have what is asked for.
        (true, true) => query.matches(&Found::NONE),
        (false, false) => false,
    }
}

/// The first value of the text, white space before it left out.
pub(super) fn whole(text: &str) -> Found<'_> {
    Found::at(text, skip_space(text.as_bytes(), 0))
}
