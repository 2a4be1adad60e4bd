//! CEL: every text compiles to an expression that ends within its steps, or to an error.
#![no_main]

use agent_cel::{Field, Program, Subject};
use libfuzzer_sys::fuzz_target;

struct Metric;

impl Subject for Metric {
    fn name(&self) -> &str {
        "cpu"
    }
    fn time_ns(&self) -> i64 {
        1_790_000_000_000_000_000
    }
    fn tag(&self, key: &str) -> Option<&str> {
        (key == "host").then_some("a")
    }
    fn tag_count(&self) -> usize {
        1
    }
    fn tag_at(&self, _: usize) -> Option<(&str, &str)> {
        Some(("host", "a"))
    }
    fn field(&self, key: &str) -> Option<Field<'_>> {
        (0..self.field_count()).filter_map(|i| self.field_at(i)).find(|f| f.0 == key).map(|f| f.1)
    }
    fn field_count(&self) -> usize {
        5
    }
    fn field_at(&self, place: usize) -> Option<(&str, Field<'_>)> {
        Some(match place {
            0 => ("i", Field::Int(i64::MIN)),
            1 => ("u", Field::Uint(u64::MAX)),
            2 => ("f", Field::Float(0.5)),
            3 => ("b", Field::Bool(true)),
            _ => ("s", Field::Str("text")),
        })
    }
}

fuzz_target!(|source: &str| {
    match Program::compile(source) {
        Ok(program) => {
            if let Err(error) = program.test(&Metric) {
                assert!(!error.to_string().is_empty());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
