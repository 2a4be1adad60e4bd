//! Large files, which several parsers read side by side.

use super::*;
use agent_api::options::{Item, Setting, Span};
use std::fmt::Write;
use std::sync::{Arc, Mutex};

/// An environment with the parser of a format, with a list of patterns if there is one.
fn env(format: &'static str, patterns: Option<&'static str>) -> Env {
    let mut env = Env::new("inputs.file");
    let inner = env.clone();
    env.parsers = Some(Arc::new(move || {
        let entry = plugin::find(plugin::Family::Parsers, format).unwrap();
        let plugin::Build::Parser(build) = entry.build else { panic!("{format} is no parser") };
        let (mut table, span) = (options::Table::default(), Span::default());
        if let Some(pattern) = patterns {
            let value = Setting::Array(vec![Item { value: Setting::Str(pattern.to_owned()), span }]);
            table.set("grok_patterns", span, Item { value, span });
        }
        Ok(build(&table, &inner)?)
    }));
    env
}

/// What is said of a file: of the metrics handed on while it is read, and those of one that keeps all.
fn shipped_and_kept(name: &str, text: &str, env: &Env) -> [(Vec<String>, String); 2] {
    let path = std::env::temp_dir().join(format!("agent-file-{name}-{}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let shown = |batch: &mut Batch| batch.iter().map(|m| format!("{m:?}")).collect::<Vec<_>>();
    let tag = |batch: &mut Batch| batch.set_tag("of", "this");
    let read = |out: &mut Collector| {
        let result = read::file(&path, Encoding::new("").unwrap(), env, out, Some(&tag));
        result.map_or_else(|e| format!("{e:#}"), |()| String::new())
    };
    let shipped = Arc::<Mutex<Vec<String>>>::default();
    let into = shipped.clone();
    let mut out = Collector::shipping(move |mut batch| into.lock().unwrap().extend(shown(&mut batch)));
    let error = read(&mut out);
    shipped.lock().unwrap().extend(shown(&mut out.take()));
    let mut kept = Collector::new();
    let error_too = read(&mut kept);
    std::fs::remove_file(&path).unwrap();
    let shipped = std::mem::take(&mut *shipped.lock().unwrap());
    [(shipped, error), (shown(&mut kept.take()), error_too)]
}

#[test]
fn a_large_file_read_by_several_gives_the_same_in_the_same_order() {
    let mut text = String::new();
    for i in 0..60_000 {
        let field = if i % 10_000 == 9_999 { "oops" } else { "i" };
        writeln!(text, "m{},t=x {field}{}v={i}i {i}", i % 7, if field == "i" { "" } else { " " }).unwrap();
    }
    assert!(text.len() as u64 > read::LARGE);
    let [shipped, kept] = shipped_and_kept("lines", &text, &env("influx", None));
    assert_eq!(kept.0.len(), 59_994);
    assert!(kept.1.contains("line 10000"), "{}", kept.1);
    assert!(shipped == kept);
}

#[test]
fn equal_times_are_moved_apart_over_all_parts() {
    // Some hundreds of lines a second, so that every part begins within one.
    let text: String = (0..40_000).fold(String::new(), |mut text, i| {
        writeln!(text, "{} value {i}", 1_700_000_000 + i / 700).unwrap();
        text
    });
    let env = env("grok", Some(r#"%{NUMBER:time:ts-epoch} value %{NUMBER:value:int}"#));
    let [shipped, kept] = shipped_and_kept("apart", &text, &env);
    assert_eq!((kept.0.len(), kept.1.as_str()), (40_000, ""));
    let times: std::collections::HashSet<&str> = kept.0.iter().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(times.len(), 40_000);
    assert!(shipped == kept);
}

#[test]
fn a_file_read_in_pieces_is_whole_however_long_it_is() {
    let path = std::env::temp_dir().join(format!("agent-file-pieces-{}", std::process::id()));
    let bytes: Vec<u8> = (0..1001u32).map(|i| i as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    for workers in 1..6 {
        // It was that long when it was asked; now it may be longer or shorter.
        for size in [0, 1, 500, 1000, 1001, 1002, 1200, 5000] {
            let mut file = std::fs::File::open(&path).unwrap();
            let read = read::by_several(&mut file, size, workers).unwrap();
            assert!(read == bytes[..size.min(1001)], "{size} bytes by {workers}");
            let mut rest = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut rest).unwrap();
            assert!(rest == bytes[read.len()..], "{size} bytes by {workers}");
        }
    }
    std::fs::remove_file(&path).unwrap();
}
