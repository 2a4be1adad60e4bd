//! The forms of files of kernel statistics (kstat): a line a value, or a line of names and one of numbers.
//!
//! The first line says what kind of file it is. Types of values are those of Solaris: 1 and 2 are signed and unsigned numbers of
//! 32 bits, 3 and 4 of 64 bits, 7 is a text.

use agent_api::Value;

/// A value as it stands in the file, and its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat<'a> {
    kind: &'a str,
    text: &'a str,
}

impl<'a> Stat<'a> {
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The value in the type of the file, or as a signed number whatever it is: then counters beyond half of their range are
    /// negative, as they always were.
    pub(super) fn field(&self, native: bool) -> Value<'a> {
        match (self.text.parse::<i64>(), self.text.parse::<u64>()) {
            (_, Ok(value)) if native && matches!(self.kind, "2" | "4") => Value::Uint(value),
            (Ok(value), _) => Value::Int(value),
            (_, Ok(value)) => Value::Int(value as i64),
            _ => Value::Str(self.text),
        }
    }
}

/// Hands on every value of a file of lines.
pub(super) fn each<'a>(text: &'a str, mut each: impl FnMut(&'a str, Stat<'a>)) {
    for line in text.lines().skip(2) {
        let Some((name, rest)) = line.trim().split_once(char::is_whitespace) else { continue };
        let Some((kind, value)) = rest.trim_start().split_once(char::is_whitespace) else { continue };
        each(name, Stat { kind, text: value.trim() });
    }
}

/// Names and numbers of a file of columns.
pub(super) fn columns(text: &str) -> impl Iterator<Item = (&str, i64)> {
    let mut lines = text.lines().skip(1);
    let names = lines.next().unwrap_or("").split_whitespace();
    let values = lines.next().unwrap_or("").split_whitespace();
    names.zip(values).filter_map(|(name, value)| Some((name, value.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const LINES: &str = "5 1 0x01\nname type data\nhits   4    55\ndataset_name 7 tank/my home\nbad\n";

    #[test]
    fn reads_both_forms() {
        let mut got = Vec::new();
        each(LINES, |name, value| got.push((name, value.text())));
        assert_eq!(got, [("hits", "55"), ("dataset_name", "tank/my home")]);
        assert_eq!(columns("1 2\na b c\n1 x 3 4\n").collect::<Vec<_>>(), [("a", 1), ("c", 3)]);
    }

    #[test]
    fn takes_anything() {
        noise(LINES.as_bytes(), |text| {
            let text = String::from_utf8_lossy(text);
            each(&text, |_, value| drop(format!("{:?}", value.field(true))));
            columns(&text).count();
        });
    }
}
