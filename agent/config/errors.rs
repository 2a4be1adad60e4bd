//! What is wrong with a configuration, with its place: all of it at once, each with its line and a caret.
//!
//! A user who mends a file wants every mistake in one run, so nothing in this module stops at the first. The texts of the
//! files are kept for as long as the configuration lives, since plugins find mistakes later, when they are built.

use agent_api::options::{OptionError, Span};
use std::fmt;
use std::sync::Arc;

/// The texts of all sources; [`Span::file`] is an index into them. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Files(Arc<[(File, Lines)]>);

/// Where the lines of a text begin.
type Lines = Vec<u32>;

/// One source as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Its path or address as the user gave it.
    pub name: String,
    /// Its text, before variables are filled in.
    pub text: String,
}

impl Files {
    /// Files in the order in which they were read.
    pub fn new(files: Vec<File>) -> Self {
        let with_lines = |file: File| {
            let ends = file.text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
            let lines = std::iter::once(0).chain(ends.map(|(i, _)| i as u32 + 1)).collect();
            (file, lines)
        };
        Files(files.into_iter().map(with_lines).collect())
    }

    /// The file of a number.
    pub fn at(&self, file: u32) -> Option<&File> {
        self.0.get(file as usize).map(|(file, _)| file)
    }

    /// All files in order.
    pub fn iter(&self) -> impl Iterator<Item = &File> {
        self.0.iter().map(|(file, _)| file)
    }

    /// The text of a place; empty if it is in none of the files.
    pub fn text(&self, span: Span) -> &str {
        self.at(span.file).and_then(|f| f.text.get(span.from as usize..span.to as usize)).unwrap_or_default()
    }

    /// Line and column of the beginning of a place, both from 1; the column counts characters.
    pub fn position(&self, span: Span) -> Option<(usize, usize)> {
        let (file, lines) = self.0.get(span.file as usize)?;
        let line = lines.partition_point(|start| *start <= span.from);
        let start = *lines.get(line.checked_sub(1)?)? as usize;
        Some((line, file.text.get(start..span.from as usize)?.chars().count() + 1))
    }

    /// `telegraf.conf:12`, for sentences.
    pub fn place(&self, span: Span) -> String {
        match (self.at(span.file), self.position(span)) {
            (Some(file), Some((line, _))) => format!("{}:{line}", file.name),
            _ => String::new(),
        }
    }
}

/// Line and column of a byte, both from 1.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    (before.bytes().filter(|b| *b == b'\n').count() + 1, before[start..].chars().count() + 1)
}

/// One mistake.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problem {
    /// What is wrong, without its place.
    pub message: String,
    /// Where, unless it is about no place in a file.
    pub span: Option<Span>,
    /// Where what it collides with stands.
    pub earlier: Option<Span>,
    /// What may help, a sentence each.
    pub hints: Vec<String>,
}

impl Problem {
    /// A mistake at a place.
    pub fn at(span: Span, message: impl Into<String>) -> Self {
        Problem { message: message.into(), span: Some(span), ..Problem::default() }
    }

    /// A mistake that is in no file.
    pub fn new(message: impl Into<String>) -> Self {
        Problem { message: message.into(), ..Problem::default() }
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says where what it collides with stands.
    #[must_use]
    pub fn earlier(mut self, span: Span) -> Self {
        self.earlier = Some(span);
        self
    }

    /// Puts the plugin's name before the message.
    #[must_use]
    pub fn of(mut self, plugin: &str) -> Self {
        self.message = format!("plugin {plugin}: {}", self.message);
        self
    }
}

impl From<OptionError> for Problem {
    /// The reader of settings lists every name that a table knows; the nearest becomes a hint instead.
    fn from(error: OptionError) -> Self {
        let plain = Problem { message: without_secret(&error.message), span: error.span, ..Problem::default() };
        let Some((path, rest)) = error.message.split_once("unknown field `") else { return plain };
        let Some((key, known)) = rest.split_once('`') else { return plain };
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        Problem { message: format!("{path}unknown option {key:?}"), hints: name_hints(key, &known), ..plain }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
impl std::error::Error for Problem {}

/// At most so many names are listed in a hint ...
const LISTED: usize = 40;
/// ... and so many where one of them is near.
const LISTED_WITH_NEAR: usize = 12;

/// The nearest of the names that would have been valid, and all of them unless they are too many.
pub(super) fn name_hints(name: &str, known: &[&str]) -> Vec<String> {
    let mut hints = Vec::new();
    if let Some(near) = agent_api::plugin::nearest(name, known.iter().copied()) {
        hints.push(format!("did you mean {near:?}?"));
    }
    if known.is_empty() {
        hints.push("no options are known here".to_owned());
    } else if known.len() <= if hints.is_empty() { LISTED } else { LISTED_WITH_NEAR } {
        let mut known = known.to_vec();
        known.sort_unstable();
        hints.push(format!("valid names are {}", known.join(", ")));
    }
    hints
}

/// Everything that is wrong, in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Errors {
    files: Files,
    list: Vec<Problem>,
}

impl Errors {
    /// Problems in `files`, sorted by place; those without a place come first. The same problem twice is shown once.
    pub fn new(files: Files, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|p| p.span.map(|s| (s.file, s.from)));
        list.dedup();
        Errors { files, list }
    }

    /// The problems.
    pub fn problems(&self) -> &[Problem] {
        &self.list
    }
}

/// At most so many problems are written out.
const SHOWN: usize = 50;

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.list.iter().take(SHOWN).enumerate() {
            f.write_str(if i > 0 { "\n" } else { "" })?;
            show(f, &self.files, problem)?;
        }
        match self.list.len() {
            0 | 1 => Ok(()),
            n if n > SHOWN => write!(f, "\n{n} mistakes in the configuration, {SHOWN} shown"),
            n => write!(f, "\n{n} mistakes in the configuration"),
        }
    }
}
impl std::error::Error for Errors {}

/// `file:line:column: message`, the line with a caret, the hints.
fn show(f: &mut fmt::Formatter<'_>, files: &Files, problem: &Problem) -> fmt::Result {
    if let Some(span) = problem.span
        && let Some(file) = files.at(span.file)
    {
        let (line, column) = files.position(span).unwrap_or((1, 1));
        write!(f, "{}:{line}:{column}: {}", file.name, problem.message)?;
        let (excerpt, before, marked) = excerpt(&file.text, span);
        let number = line.to_string();
        let (gap, indent) = (" ".repeat(number.len()), " ".repeat(before));
        write!(f, "\n  {number} | {excerpt}\n  {gap} | {indent}{}", "^".repeat(marked))?;
    } else {
        f.write_str(&problem.message)?;
    }
    if let Some(earlier) = problem.earlier {
        write!(f, "\n  hint: the first is at {}", files.place(earlier))?;
    }
    for hint in &problem.hints {
        write!(f, "\n  hint: {hint}")?;
    }
    Ok(())
}

/// A line is shown from this many characters before the place ...
const BEFORE: usize = 60;
/// ... to this many after it.
const AFTER: usize = 60;

/// The line of a place as it may be shown, the characters before the place and the characters that it covers.
fn excerpt(text: &str, span: Span) -> (String, usize, usize) {
    let from = span.from as usize;
    let from = if text.is_char_boundary(from) { from } else { 0 };
    let start = text[..from].rfind('\n').map_or(0, |i| i + 1);
    let end = text[from..].find('\n').map_or(text.len(), |i| from + i);
    let line = concealed(text[start..end].trim_end());
    let column = text[start..from].chars().count();
    let covered = text.get(from..(span.to as usize).min(end)).map_or(1, |t| t.trim_end().chars().count());
    let first = column.saturating_sub(BEFORE);
    let shown: String =
        line.chars().skip(first).take(BEFORE + AFTER).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before = column - first;
    let room = shown.chars().count().saturating_sub(before).max(1);
    (shown, before, covered.clamp(1, room))
}

/// What stands in keys whose values nobody may see.
const HIDDEN: [&str; 11] = [
    "password",
    "buffer_key",
    "buffer_old_keys",
    "passphrase",
    "passwd",
    "token",
    "secret",
    "credential",
    "api_key",
    "apikey",
    "community",
];

/// True if the values of a key are not to be shown.
pub(super) fn is_hidden(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    HIDDEN.iter().any(|h| key.contains(h))
}

/// The message of a reader without the value, where the option is a secret: ``token: invalid type: integer `5`, ...``.
fn without_secret(message: &str) -> String {
    let Some((path, rest)) = message.split_once(": invalid ") else { return message.to_owned() };
    match (is_hidden(path), rest.split_once(':'), rest.rfind(", expected ")) {
        (true, Some((what, _)), Some(expected)) => format!("{path}: invalid {what}{}", &rest[expected..]),
        _ => message.to_owned(),
    }
}

/// The line without what is set to a key of a secret.
fn concealed(line: &str) -> String {
    match line.find('=') {
        Some(at) if is_hidden(&line[..at]) && !line[at + 1..].trim().is_empty() => format!("{} ***", &line[..=at]),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, mark: &str, problem: Problem) -> String {
        let from = text.find(mark).unwrap() as u32;
        let span = Span { file: 0, from, to: from + mark.len() as u32 };
        let files = Files::new(vec![File { name: "a.conf".into(), text: text.into() }]);
        Errors::new(files, vec![Problem { span: Some(span), ..problem }]).to_string()
    }

    #[test]
    fn a_problem_shows_its_line_and_a_caret() {
        let text = "[agent]\n\tinterwal = \"10s\"\n";
        assert_eq!(
            shown(text, "interwal", Problem::new("unknown option").hint("did you mean \"interval\"?")),
            "a.conf:2:2: unknown option\n  2 |  interwal = \"10s\"\n    |  ^^^^^^^^\n  hint: did you mean \"interval\"?"
        );
    }

    #[test]
    fn a_place_of_several_lines_is_marked_on_the_first() {
        let shown = shown("x = [\n 1,\n 2]\n", "[\n 1,\n 2]", Problem::new("no list"));
        assert_eq!(shown, "a.conf:1:5: no list\n  1 | x = [\n    |     ^");
    }

    #[test]
    fn values_of_secrets_are_not_shown() {
        let shown = shown("  password = \"hush", "\"hush", Problem::new("text without end"));
        assert!(shown.contains("password = ***") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn messages_do_not_hold_values_of_secrets() {
        let said = |message: &str| Problem::from(OptionError { message: message.into(), span: None }).message;
        assert_eq!(
            said("token: invalid type: integer `5`, expected a string"),
            "token: invalid type, expected a string"
        );
        assert_eq!(
            said("count: invalid type: string \"x\", expected u8"),
            "count: invalid type: string \"x\", expected u8"
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("x = \"{}\" y = 1", "é".repeat(500));
        let shown = shown(&text, "y = 1", Problem::new("twice"));
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].ends_with("y = 1") && lines[1].chars().count() < 130, "{shown}");
        assert_eq!(lines[1].chars().count(), lines[2].chars().count());
    }

    #[test]
    fn problems_come_in_the_order_of_the_files_and_once() {
        let files = Files::new(vec![File { name: "a".into(), text: "x\ny\n".into() }]);
        let (x, y) = (Span { file: 0, from: 0, to: 1 }, Span { file: 0, from: 2, to: 3 });
        let list = vec![Problem::at(y, "second"), Problem::at(x, "first"), Problem::at(y, "second")];
        let text = Errors::new(files, list).to_string();
        assert_eq!(text.matches("second").count(), 1);
        assert!(
            text.find("first") < text.find("second") && text.ends_with("2 mistakes in the configuration"),
            "{text}"
        );
    }

    #[test]
    fn unknown_fields_become_hints() {
        let error = OptionError {
            message: "replace[0]: unknown field `destination`, expected one of `dest`, `tag`".into(),
            span: None,
        };
        let problem = Problem::from(error);
        assert_eq!(problem.message, "replace[0]: unknown option \"destination\"");
        assert_eq!(problem.hints, ["valid names are dest, tag"]);
    }
}
