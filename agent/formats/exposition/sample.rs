//! Reads one sample of the text forms, with all that they allow: blanks, escapes, names in quotes, a comma behind the last label.
//!
//! Sources: prometheus.io/docs/instrumenting/exposition_formats and the OpenMetrics specification 1.0.

use std::borrow::Cow;

/// A name or value, borrowed unless it had an escape.
pub(crate) type Text<'a> = Cow<'a, str>;

/// A sample, but for what stands behind its labels.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample<'a> {
    pub(crate) name: Text<'a>,
    /// In the order in which they stand; labels without a value are as good as none and left out.
    pub(crate) labels: Vec<(Text<'a>, Text<'a>)>,
    /// Value, timestamp and what follows, without blanks around them.
    pub(crate) rest: &'a str,
}

/// Reads a line.
pub(crate) fn read(line: &str) -> Result<Sample<'_>, &'static str> {
    let mut at = Reader { text: line.trim_matches(BLANKS) };
    let mut name = at.word(is_name).map(Cow::Borrowed);
    let mut labels = Vec::new();
    if name.is_some() && !at.text.starts_with('{') && !at.text.starts_with(BLANKS) && !at.text.is_empty() {
        return Err("a name has a character that needs quotes");
    }
    at.blanks();
    if at.take('{') {
        loop {
            at.blanks();
            if at.take('}') {
                break;
            }
            let quoted = at.text.starts_with('"');
            let key = if quoted { at.quoted()? } else { Cow::Borrowed(at.word(is_label).ok_or(NO_LABEL)?) };
            at.blanks();
            if at.take('=') {
                at.blanks();
                let value = at.quoted()?;
                if key == "__name__" {
                    return Err("the label __name__ is reserved");
                }
                if !value.is_empty() {
                    labels.push((key, value));
                }
            } else if quoted && name.is_none() {
                name = Some(key);
            } else {
                return Err("a label has no value");
            }
            at.blanks();
            if !at.take(',') && !at.text.starts_with('}') {
                return Err("expected a comma or a closing brace behind a label");
            }
        }
    }
    match name.filter(|n| !n.is_empty()) {
        Some(name) => Ok(Sample { name, labels, rest: at.text.trim_start_matches(BLANKS) }),
        None => Err("a sample has no name"),
    }
}

/// Splits the rest of a sample into words.
pub(crate) fn words(rest: &str) -> impl Iterator<Item = &str> {
    rest.split(BLANKS).filter(|w| !w.is_empty())
}

/// What stands between words; a carriage return belongs to the end of a line that has one.
pub(crate) const BLANKS: [char; 3] = [' ', '\t', '\r'];
const NO_LABEL: &str = "a label has no name";

/// True for bytes of a name that needs no quotes.
pub(crate) fn is_name(b: u8) -> bool {
    is_label(b) || b == b':'
}

/// True for bytes of the name of a label that needs no quotes.
pub(crate) fn is_label(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// Takes a text in quotes from the front, and gives what stands behind it.
pub(crate) fn quoted(text: &str) -> Result<(Text<'_>, &str), &'static str> {
    let mut reader = Reader { text };
    let quoted = reader.quoted()?;
    Ok((quoted, reader.text))
}

struct Reader<'a> {
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn blanks(&mut self) {
        self.text = self.text.trim_start_matches(BLANKS);
    }

    fn take(&mut self, c: char) -> bool {
        match self.text.strip_prefix(c) {
            Some(rest) => {
                self.text = rest;
                true
            }
            None => false,
        }
    }

    /// A word that does not begin with a digit.
    fn word(&mut self, fits: fn(u8) -> bool) -> Option<&'a str> {
        let len = self.text.bytes().position(|b| !fits(b)).unwrap_or(self.text.len());
        if len == 0 || self.text.as_bytes()[0].is_ascii_digit() {
            return None;
        }
        let (word, rest) = self.text.split_at(len);
        self.text = rest;
        Some(word)
    }

    /// A text in quotes. A backslash counts before backslash, quote and n; elsewhere it stands for itself, as in the paths that
    /// some programs write unescaped.
    fn quoted(&mut self) -> Result<Text<'a>, &'static str> {
        let text = self.text.strip_prefix('"').ok_or("expected a text in quotes")?;
        let bytes = text.as_bytes();
        let (mut end, mut escaped) = (0, false);
        loop {
            end += memchr::memchr2(b'"', b'\\', &bytes[end..]).ok_or("a quote is not closed")?;
            if bytes[end] == b'"' {
                break;
            }
            escaped = true;
            end = (end + 2).min(bytes.len());
        }
        self.text = &text[end + 1..];
        Ok(if escaped { Cow::Owned(unescape(&text[..end])) } else { Cow::Borrowed(&text[..end]) })
    }
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some(c @ ('\\' | '"')) => plain.push(c),
                Some('n') => plain.push('\n'),
                other => {
                    plain.push('\\');
                    plain.extend(other);
                }
            },
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        match read(line) {
            Ok(s) => format!("{}{:?} {}", s.name, s.labels, s.rest),
            Err(e) => e.to_owned(),
        }
    }

    #[test]
    fn samples_of_all_kinds() {
        for (line, want) in [
            ("a 1", r#"a[] 1"#),
            ("  a:b_c9{} \t 1 2 \r", r#"a:b_c9[] 1 2"#),
            (r#"a{b="c",d="e"}1"#, r#"a[("b", "c"), ("d", "e")] 1"#),
            (r#"a { b = "c" , } 1 # {x="y"} 2"#, r##"a[("b", "c")] 1 # {x="y"} 2"##),
            (r#"a{b="",c="{},=# "} 1"#, r##"a[("c", "{},=# ")] 1"##),
            (r#"a{p="c:\\x\"\n\d"} 1"#, r#"a[("p", "c:\\x\"\n\\d")] 1"#),
            (r#"{"größe.x","l.m"="v"} 3"#, r#"größe.x[("l.m", "v")] 3"#),
            (r#"a{"l m"="v"} 3"#, r#"a[("l m", "v")] 3"#),
            ("1a 1", "a sample has no name"),
            ("größe 1", "a name has a character that needs quotes"),
            ("a-1", "a name has a character that needs quotes"),
            (r#"{} 1"#, "a sample has no name"),
            (r#"{""} 1"#, "a sample has no name"),
            (r#"a{"b"} 1"#, "a label has no value"),
            (r#"a{b} 1"#, "a label has no value"),
            (r#"a{1b="c"} 1"#, NO_LABEL),
            (r#"a{b="c" d="e"} 1"#, "expected a comma or a closing brace behind a label"),
            (r#"a{b=c} 1"#, "expected a text in quotes"),
            (r#"a{b="c} 1"#, "a quote is not closed"),
            (r#"a{b="c\"#, "a quote is not closed"),
            (r#"a{b="c","#, NO_LABEL),
            (r#"a{__name__="c"} 1"#, "the label __name__ is reserved"),
        ] {
            assert_eq!(shown(line), want, "{line}");
        }
        assert_eq!(words(" 1\t 2 ").collect::<Vec<_>>(), ["1", "2"]);
    }
}
