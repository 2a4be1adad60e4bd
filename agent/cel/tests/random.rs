//! Random sources never panic, and what compiles to a boolean evaluates to a boolean or an error.

use super::Heat;
use crate::{Program, plan};

const PIECES: &[&str] = &[
    "name",
    "tags",
    "fields",
    "time",
    "tags.room",
    "fields.temp",
    "fields.count",
    "fields.note",
    "fields.big",
    "fields.x",
    "now()",
    "1",
    "-9223372036854775808",
    "2u",
    "1.5",
    "0x1f",
    "'a'",
    "\"b\\n\"",
    "b'c'",
    "true",
    "false",
    "null",
    "[]",
    "{}",
    "x",
    "int",
    "type",
    "string",
    "duration('1h')",
    "timestamp(0)",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    ".",
    "+",
    "-",
    "*",
    "/",
    "%",
    "!",
    "&&",
    "||",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    ".size()",
    ".map(x, ",
    ".filter(x, ",
    ".all(x, ",
    ".exists(x, ",
    ".exists_one(x, ",
    "has(",
    "size(",
    "int(",
    "string(",
    "double(",
    "dyn(",
    "type(",
    "math.greatest(",
    "math.abs(",
    ".matches(",
    ".replace(",
    ".split(",
    ".join(",
    ".substring(",
    ".indexOf(",
    ".lastIndexOf(",
    ".charAt(",
    ".format([",
    ".getHours(",
    "json.encode(",
    "base64.decode(",
    ".reverse()",
    ".trim()",
    "'%d %s'",
    "'['",
    "é",
    "\u{0}",
    "//",
    "\n",
    "r'\\d'",
    "'''",
    "`a-b`",
    "1e400",
    "\\",
];

/// Numbers that look random and are the same on each run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn random_tokens_never_panic() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut compiled = 0;
    for _ in 0..40_000 {
        let length = 1 + numbers.below(12);
        let source: String = (0..length).map(|_| PIECES[numbers.below(PIECES.len())]).collect();
        compiled += usize::from(plan(&source).is_ok());
        if let Ok(program) = Program::compile(&source) {
            let _ = program.test(&Heat);
        }
    }
    assert!(compiled > 300, "only {compiled} sources compiled: the test has become blunt");
}

#[test]
fn changed_expressions_never_panic() {
    let rows: Vec<&str> = include_str!("../oracle/cel-go.tsv")
        .lines()
        .filter_map(|row| row.split_once('\t'))
        .map(|(source, _)| source)
        .collect();
    let mut numbers = Numbers(42);
    for _ in 0..20_000 {
        let mut source: Vec<char> = rows[numbers.below(rows.len())].chars().collect();
        let other: Vec<char> = rows[numbers.below(rows.len())].chars().collect();
        let at = numbers.below(source.len() + 1);
        match numbers.below(3) {
            0 => drop(source.splice(at.., other.into_iter().rev().take(8).rev())),
            1 => drop(source.drain(at.min(source.len() - 1)..=at.min(source.len() - 1))),
            _ => source.insert(at, other[numbers.below(other.len())]),
        }
        if let Ok(program) = Program::compile(&String::from_iter(source)) {
            let _ = program.test(&Heat);
        }
    }
}
