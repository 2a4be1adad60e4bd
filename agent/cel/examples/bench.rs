//! Prints the nanoseconds one evaluation takes, for typical expressions: `cargo run --release -p agent-cel --example bench`.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use agent_cel::{CompileError, Field, Program, Subject};

const EXPRESSIONS: [&str; 15] = [
    "true",
    "name == 'cpu'",
    "fields.x > 3 && tags.host == 'a'",
    "fields.usage > 20 || fields.missing > 1",
    "tags.absent == '1' || tags.host == 'a'",
    "has(tags.host) && tags.host.startsWith('a')",
    "name in ['mem', 'disk', 'cpu']",
    "name in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'cpu']",
    "fields.x % 2 == 1",
    "tags.host.matches('^a[0-9]*$')",
    "time > now() - duration('24h')",
    "time.getHours() >= 8",
    "time.getHours('America/New_York') >= 8",
    "tags.exists(k, tags[k] == 'hall')",
    "fields.exists(f, type(fields[f]) in [int, uint, double] && fields[f] > 20.0)",
];

fn main() -> Result<(), CompileError> {
    for source in EXPRESSIONS {
        let program = Program::compile(source)?;
        let mut rounds = 1_000_u32;
        let nanos = loop {
            let start = Instant::now();
            for _ in 0..rounds {
                let _ = black_box(program.test(black_box(&Usage)));
            }
            let elapsed = start.elapsed();
            if elapsed.as_millis() >= 200 {
                break elapsed.as_nanos() / u128::from(rounds);
            }
            rounds *= 2;
        };
        println!("{nanos:>6} ns  {source}");
    }
    Ok(())
}

struct Usage;

const TAGS: [(&str, &str); 3] = [("cpu", "cpu0"), ("host", "a"), ("room", "hall")];
const FIELDS: [(&str, Field<'static>); 3] =
    [("note", Field::Str("Fan On")), ("usage", Field::Float(21.5)), ("x", Field::Int(5))];

impl Subject for Usage {
    fn name(&self) -> &str {
        "cpu"
    }

    fn time_ns(&self) -> i64 {
        1_700_000_000_000_000_000
    }

    fn tag(&self, key: &str) -> Option<&str> {
        TAGS.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    fn tag_count(&self) -> usize {
        TAGS.len()
    }

    fn tag_at(&self, place: usize) -> Option<(&str, &str)> {
        TAGS.get(place).copied()
    }

    fn field(&self, key: &str) -> Option<Field<'_>> {
        FIELDS.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    fn field_count(&self) -> usize {
        FIELDS.len()
    }

    fn field_at(&self, place: usize) -> Option<(&str, Field<'_>)> {
        FIELDS.get(place).copied()
    }
}
