//! The forms of files in control groups.
//!
//! | form | fields |
//! | --- | --- |
//! | one number | `file` |
//! | numbers, one a line or side by side | `file.0`, `file.1` ... |
//! | lines of keys and a number | `file.key`, `file.key.key` |
//! | lines of a key and pairs `name=number` | `file.key.name` |
//!
//! The word `max` stands for the largest number.

use crate::host::scan;
use agent_api::Value;

/// Hands on every value; false if the text has no known form, then none is.
pub(super) fn each(text: &[u8], file: &str, mut each: impl FnMut(&str, Value<'static>)) -> bool {
    let lines: Vec<Vec<&[u8]>> = scan::lines(text).map(|l| scan::words(l).collect()).collect();
    let lines: Vec<Vec<&[u8]>> = lines.into_iter().filter(|l| !l.is_empty()).collect();
    let mut found = Vec::new();
    let numbers: Option<Vec<Value<'static>>> = lines.iter().flatten().map(|w| number(w)).collect();
    match numbers {
        Some(numbers) if numbers.len() == 1 => found.push((file.to_owned(), numbers[0])),
        Some(numbers) => found.extend(numbers.into_iter().enumerate().map(|(i, n)| (format!("{file}.{i}"), n))),
        None => {
            for line in &lines {
                let Some(fields) = keyed(line, file) else { return false };
                found.extend(fields);
            }
        }
    }
    found.iter().for_each(|(key, value)| each(key, *value));
    true
}

/// The fields of a line that begins with a key.
fn keyed(line: &[&[u8]], file: &str) -> Option<Vec<(String, Value<'static>)>> {
    let (last, keys) = line.split_last()?;
    if keys.is_empty() {
        return None;
    }
    if let Some(value) = number(last) {
        let keys = keys.iter().map(|k| scan::text(k)).collect::<Vec<_>>().join(".");
        return Some(vec![(format!("{file}.{keys}"), value)]);
    }
    let key = scan::text(line.first()?);
    let pair = |word: &&[u8]| {
        let (name, value) = scan::split_once(word, b'=')?;
        Some((format!("{file}.{key}.{}", scan::text(name)), number(value)?))
    };
    line[1..].iter().map(pair).collect()
}

fn number(word: &[u8]) -> Option<Value<'static>> {
    if word == b"max" {
        return Some(Value::Int(i64::MAX));
    }
    scan::int(word).map(Value::Int).or_else(|| scan::float(word).map(Value::Float))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    fn values(text: &str) -> Option<Vec<(String, Value<'static>)>> {
        let mut got = Vec::new();
        each(text.as_bytes(), "f", |key, value| got.push((key.to_owned(), value))).then_some(got)
    }

    fn pairs(pairs: &[(&str, i64)]) -> Option<Vec<(String, Value<'static>)>> {
        Some(pairs.iter().map(|(k, v)| ((*k).to_owned(), Value::Int(*v))).collect())
    }

    #[test]
    fn forms_are_told_by_their_contents() {
        assert_eq!(values("5\n"), pairs(&[("f", 5)]));
        assert_eq!(values("max\n"), pairs(&[("f", i64::MAX)]));
        assert_eq!(values("1\n2\n"), pairs(&[("f.0", 1), ("f.1", 2)]));
        assert_eq!(values("max 2 \n"), pairs(&[("f.0", i64::MAX), ("f.1", 2)]));
        assert_eq!(values("a 1\nb -2\n"), pairs(&[("f.a", 1), ("f.b", -2)]));
        assert_eq!(values("8:0 Read 1\nTotal 2\n"), pairs(&[("f.8:0.Read", 1), ("f.Total", 2)]));
        assert_eq!(values("8:0 r=1 w=2\n8:1 r=3\n"), pairs(&[("f.8:0.r", 1), ("f.8:0.w", 2), ("f.8:1.r", 3)]));
        assert_eq!(values("some avg10=1.5"), Some(vec![("f.some.avg10".to_owned(), Value::Float(1.5))]));
        assert_eq!(values(""), pairs(&[]));
        assert_eq!(values("some words here!\n"), None);
        assert_eq!(values("a 1\nword\n"), None);
    }

    #[test]
    fn takes_anything() {
        noise(b"8:0 rbytes=100 wbytes=200\n8:1 Read 5\nmax 100\n", |text| {
            each(text, "f", |_, _| {});
        });
    }
}
