//! Makes parsers and serializers for tests, and shows what they gave as text.

use agent_api::options::{Item, Setting, Span};
use agent_api::*;

pub(crate) fn text(text: &str) -> Setting {
    Setting::Str(text.to_owned())
}

pub(crate) fn list(texts: &[&str]) -> Setting {
    let span = Span::default();
    Setting::Array(texts.iter().map(|t| Item { value: text(t), span }).collect())
}

/// Builds a plugin named `inputs.test` from options.
pub(crate) fn build<P: Plugin>(options: &[(&str, Setting)]) -> Result<P> {
    let span = Span::default();
    let mut table = Table::default();
    for (key, value) in options {
        table.set(key, span, Item { value: value.clone(), span });
    }
    P::new(P::Settings::load(&table)?, &Env::new("inputs.test"))
}

/// What a parser gives, a line for each metric; those without a time have 0.
pub(crate) fn read<P: Parser>(parser: &mut P, document: &str) -> (String, Option<String>) {
    let mut out = Collector::new();
    let error = parser.parse(&Body::from(document), &mut out).err().map(|e| e.to_string());
    let mut batch = out.take();
    batch.settle_times(0, 0);
    let lines: Vec<String> = batch.iter().map(|m| format!("{m:?}")).collect();
    (lines.join("\n"), error)
}

/// What a parser with these options gives of a document that it can read.
pub(crate) fn parse<P: Parser>(document: &str, options: &[(&str, Setting)]) -> String {
    let (lines, error) = read(&mut build::<P>(options).unwrap(), document);
    assert!(error.is_none(), "{document:?}: {error:?}");
    lines
}

/// What a serializer with these options writes, metric by metric.
pub(crate) fn write<S: Serializer>(batch: &Batch, options: &[(&str, Setting)]) -> String {
    let (mut serializer, mut out) = (build::<S>(options).unwrap(), Vec::new());
    for metric in batch.iter() {
        serializer.serialize(metric, &mut out).unwrap();
    }
    String::from_utf8(out).unwrap()
}

/// Pieces put together at random, the same at every run.
pub(crate) fn random_texts(parts: &[&str], longest: usize, count: usize) -> impl Iterator<Item = String> {
    let mut seed = 7u64;
    let mut next = move |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n as u64) as usize
    };
    let parts: Vec<String> = parts.iter().map(|p| (*p).to_owned()).collect();
    (0..count).map(move |_| (0..next(longest)).map(|_| parts[next(parts.len())].as_str()).collect())
}
