//! Puts lines together that belong to one event: by a pattern, or while a quotation is open.

use agent_api::{Context, Duration, Result};
use agent_golang::regexp::Regexp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How events of several lines are put together; a pattern or a quotation switches it on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Regular expression of lines that belong to another line.
    pattern: String,
    /// To which line they belong: `previous` or `next`.
    match_which_line: Which,
    /// Lines that do not match belong to another line, in place of those that do.
    invert_match: bool,
    /// Quotation marks that join all lines between them: `ignore`, `single-quotes`, `double-quotes`, `backticks`. A backslash
    /// before a mark takes its meaning away.
    quotation: Quotation,
    /// Keeps the line ends within an event.
    preserve_newline: bool,
    /// An event ends when no line came for so long.
    timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            pattern: String::new(),
            match_which_line: Which::default(),
            invert_match: false,
            quotation: Quotation::default(),
            preserve_newline: false,
            timeout: Duration::secs(5),
        }
    }
}

/// To which line a line belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Which {
    #[default]
    #[serde(alias = "")]
    Previous,
    Next,
}

/// Quotation marks that join lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Quotation {
    #[default]
    #[serde(alias = "")]
    Ignore,
    SingleQuotes,
    DoubleQuotes,
    Backticks,
}

/// An event that is being put together.
#[derive(Clone)]
pub(super) struct Multiline {
    pattern: Option<Regexp>,
    quote: Option<u8>,
    settings: Settings,
    event: String,
    lines: usize,
    in_quote: bool,
}

/// An event is ended when it is longer than this, in bytes.
const LONGEST: usize = 4 << 20;

impl Multiline {
    /// None if lines are events.
    pub(super) fn new(settings: &Settings) -> Result<Option<Self>> {
        let pattern = match settings.pattern.as_str() {
            "" => None,
            pattern => {
                Some(Regexp::compile(pattern).map_err(|e| agent_api::anyhow!("{e}")).context("multiline pattern")?)
            }
        };
        let quote = match settings.quotation {
            Quotation::Ignore => None,
            Quotation::SingleQuotes => Some(b'\''),
            Quotation::DoubleQuotes => Some(b'"'),
            Quotation::Backticks => Some(b'`'),
        };
        if pattern.is_none() && quote.is_none() {
            return Ok(None);
        }
        let settings = settings.clone();
        Ok(Some(Multiline { pattern, quote, settings, event: String::new(), lines: 0, in_quote: false }))
    }

    /// How long a line may be waited for.
    pub(super) fn timeout(&self) -> std::time::Duration {
        *self.settings.timeout
    }

    /// Lines that wait for others.
    pub(super) fn waiting(&self) -> usize {
        self.lines
    }

    /// Takes a line; gives the event that ends with it or before it.
    pub(super) fn add(&mut self, line: &str) -> Option<String> {
        let was_in_quote = self.in_quote;
        let continues = self.quotes(line) | self.matches(line);
        if continues || was_in_quote {
            self.append(line);
            let ended = !continues && self.settings.match_which_line == Which::Next;
            return if ended || self.event.len() > LONGEST { self.flush() } else { None };
        }
        match self.settings.match_which_line {
            Which::Previous => {
                let before = self.flush();
                self.append(line);
                before
            }
            Which::Next => {
                self.append(line);
                self.flush()
            }
        }
    }

    /// Ends the event.
    pub(super) fn flush(&mut self) -> Option<String> {
        let lines = std::mem::take(&mut self.lines);
        self.in_quote = false;
        (lines > 0).then(|| std::mem::take(&mut self.event))
    }

    fn append(&mut self, line: &str) {
        if self.lines > 0 && self.settings.preserve_newline {
            self.event.push('\n');
        }
        self.event.push_str(line);
        self.lines += 1;
    }

    fn matches(&self, line: &str) -> bool {
        self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(line) != self.settings.invert_match)
    }

    /// True if a quotation is open behind the line.
    fn quotes(&mut self, line: &str) -> bool {
        let Some(quote) = self.quote else { return false };
        let mut escaped = false;
        for b in line.bytes() {
            if b == b'\\' {
                escaped = !escaped;
                continue;
            }
            self.in_quote ^= b == quote && !escaped;
            escaped = false;
        }
        self.in_quote
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn events(settings: serde_json::Value, lines: &str) -> Vec<String> {
        let mut multiline = Multiline::new(&serde_json::from_value(settings).unwrap()).unwrap().unwrap();
        let mut events: Vec<String> = lines.lines().filter_map(|line| multiline.add(line)).collect();
        events.extend(multiline.flush());
        assert_eq!(multiline.waiting(), 0);
        events
    }

    #[test]
    fn lines_belong_to_the_one_before_or_after() {
        let previous = json!({"pattern": r"^\s"});
        assert_eq!(events(previous, "a\n b\n c\nd\ne\n f"), ["a b c", "d", "e f"]);
        let next = json!({"pattern": r"\\$", "match_which_line": "next", "preserve_newline": true});
        assert_eq!(events(next, "a\\\nb\\\nc\nd\ne\\"), ["a\\\nb\\\nc", "d", "e\\"]);
        let inverted = json!({"pattern": "^2024", "invert_match": true});
        assert_eq!(events(inverted, "2024 a\nb\n2024 c"), ["2024 ab", "2024 c"]);
    }

    #[test]
    fn quotations_join_all_lines_between_their_marks() {
        for which in ["previous", "next"] {
            let settings = json!({"quotation": "double-quotes", "match_which_line": which, "preserve_newline": true});
            let lines = "a \"one\ntwo \\\" still\nthree\" end\nb\nc \"\\\\\"\nd";
            let expected = ["a \"one\ntwo \\\" still\nthree\" end", "b", "c \"\\\\\"", "d"];
            assert_eq!(events(settings, lines), expected, "{which}");
        }
        assert_eq!(events(json!({"quotation": "backticks"}), "a `\nb\nc` d\ne"), ["a `bc` d", "e"]);
    }

    #[test]
    fn nothing_is_put_together_unless_asked_for() {
        assert!(Multiline::new(&Settings::default()).unwrap().is_none());
        assert!(Multiline::new(&serde_json::from_value(json!({"pattern": "("})).unwrap()).is_err());
    }
}
