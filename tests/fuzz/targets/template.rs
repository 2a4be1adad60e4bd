//! Go's templates: every text compiles to a template that ends within its limits, or to an error.
#![no_main]

use agent_golang::template::{Limits, Template, Value};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { output: 1 << 20, memory: 4 << 20, steps: 10_000 };

fuzz_target!(|source: &str| {
    let Ok(template) = Template::compile(source) else { return };
    let template = template.with_limits(LIMITS);
    let list = Value::list(["a".into(), "b".into()]);
    let map = Value::map([("name".into(), "cpu".into()), ("list".into(), list)]);
    match template.render(map) {
        Ok(text) => assert!(text.len() <= LIMITS.output),
        Err(error) => assert!(error.line() > 0),
    }
});
