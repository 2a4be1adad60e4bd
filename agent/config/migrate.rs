//! A configuration in the words of today: what older versions of Telegraf took and 1.40 refuses is exchanged where it stands.
//!
//! Nothing else of the text is touched, so that comments, blanks and the order stay. What changes is found by doing to each
//! table what loading it does, and what loading it refuses to do: options are told from each other by their places in the file.

use super::errors::{Errors, File, Files, position};
use super::explain::{bare, quoted};
use super::legacy;
use super::load::tables;
use super::plugin::Found;
use super::toml::{self, Text};
use super::{Config, Sources};
use agent_api::options::{Entry, Setting, Span, Table};
use agent_api::plugin;
use std::ops::Range;

/// A file with what was done to it.
#[derive(Debug, PartialEq)]
pub struct Migrated {
    /// The file as it is called, with the new text.
    pub file: File,
    /// What was done, a line for each plugin; none if there was nothing to do.
    pub notes: Vec<String>,
}

impl Config {
    /// Exchanges old names of plugins and options in every file. Fails where one cannot be read or is no TOML.
    pub fn migrate(sources: &Sources) -> Result<Vec<Migrated>, Errors> {
        let readings = sources.read();
        let files: Vec<File> = readings.files.into_iter().map(|reading| reading.file).collect();
        let (mut list, mut done) = (readings.problems, Vec::new());
        for (i, file) in (0..).zip(&files) {
            let (root, mut problems) = toml::read(&Text::new(i, &file.text, false));
            let found = tables::plugins(&root, |_, _| true, &mut problems);
            list.append(&mut problems);
            done.push(rewrite(file, &root, &found));
        }
        if list.is_empty() { Ok(done) } else { Err(Errors::new(Files::new(files), list)) }
    }
}

fn rewrite(file: &File, root: &Table, found: &[Found<'_>]) -> Migrated {
    let mut headers = Vec::new();
    headers_of(root, &file.text, &mut headers);
    headers.sort_unstable();
    let mut rewriting = Rewriting { text: &file.text, headers, edits: Vec::new() };
    let notes: Vec<String> = found.iter().filter_map(|found| rewriting.plugin(found)).collect();
    Migrated { file: File { name: file.name.clone(), text: rewriting.finished() }, notes }
}

/// Where the headers of a table and of those within it begin.
fn headers_of(table: &Table, text: &str, headers: &mut Vec<usize>) {
    let from = table.span.from as usize;
    if text[from..].starts_with('[') && !headers.contains(&from) {
        headers.push(from);
    }
    for entry in table.entries() {
        for table in tables_in(&entry.item.value) {
            headers_of(table, text, headers);
        }
    }
}

fn tables_in(value: &Setting) -> Vec<&Table> {
    match value {
        Setting::Table(table) => vec![table],
        Setting::Array(list) => list.iter().flat_map(|item| tables_in(&item.value)).collect(),
        _ => Vec::new(),
    }
}

struct Rewriting<'t> {
    text: &'t str,
    headers: Vec<usize>,
    edits: Vec<(Range<usize>, String)>,
}

impl Rewriting<'_> {
    /// Exchanges what is old of a plugin; says what that was.
    fn plugin(&mut self, found: &Found<'_>) -> Option<String> {
        let (mut name, mut table) = (found.name, found.table.clone());
        if plugin::find(found.family, name).is_none() {
            let translated = legacy::translate(found.family, name, found.table)?;
            (name, table) = (translated.name, translated.table);
        }
        let entry = plugin::find(found.family, name)?;
        let mut notes = Vec::new();
        (entry.migrate)(&mut table, &mut notes);
        legacy::refused(found.family, name, &mut table);
        let keys = (entry.keys)();
        for (old, new) in legacy::COMMON {
            if !keys.contains(&old) && (legacy::is_filter(new) || keys.contains(&new)) {
                table.rename(old, new);
            }
        }
        let before = self.edits.len();
        if name != found.name {
            let mut headers = Vec::new();
            headers_of(found.table, self.text, &mut headers);
            headers.into_iter().for_each(|header| self.rename(header, found.name, name));
        }
        self.exchange(found.table, &table);
        let line = position(self.text, found.span.from as usize).0;
        let full = found.full_name();
        let same = format!("line {line}: {full}: options have new names");
        let note = if name == found.name {
            same
        } else {
            format!("line {line}: {full} is {}.{name} now", found.family.name())
        };
        (self.edits.len() > before).then_some(note)
    }

    /// Gives a plugin another name in a header.
    fn rename(&mut self, header: usize, old: &str, new: &str) {
        let line = self.text[header..].lines().next().unwrap_or_default();
        if let Some(at) = line.find(&format!(".{old}")) {
            let from = header + at + 1;
            self.edits.push((from..from + old.len(), new.to_owned()));
        }
    }

    /// Makes of the text of one table that of another.
    fn exchange(&mut self, old: &Table, new: &Table) {
        for entry in old.entries() {
            match new.entries().iter().find(|e| e.at == entry.at && e.at != new.span) {
                Some(other) => self.entry(entry, other),
                None => self.remove(entry),
            }
        }
        let is_old = |e: &Entry| old.entries().iter().any(|o| o.at == e.at);
        let added: String = new.entries().iter().filter(|e| !is_old(e)).map(|e| self.line(e, old)).collect();
        if !added.is_empty() {
            let at = self.line_end(old.span.from as usize);
            let begin = if self.text[..at].ends_with('\n') { "" } else { "\n" };
            self.edits.push((at..at, format!("{begin}{added}")));
        }
    }

    fn entry(&mut self, old: &Entry, new: &Entry) {
        if old.key != new.key {
            self.edits.push((range(old.at), bare(&new.key)));
        }
        if old.item.value == new.item.value {
            return;
        }
        let (before, after) = (tables_in(&old.item.value), tables_in(&new.item.value));
        if before.is_empty() || before.len() != after.len() {
            self.edits.push((range(old.item.span), written(&new.item.value)));
            return;
        }
        for (old, new) in before.into_iter().zip(after) {
            self.exchange(old, new);
        }
    }

    /// Takes an option out with its line, a table with all that stands under its header.
    fn remove(&mut self, entry: &Entry) {
        let tables = tables_in(&entry.item.value);
        let mut under: Vec<usize> = tables.iter().map(|table| table.span.from as usize).collect();
        under.retain(|from| self.headers.contains(from));
        for from in &under {
            let next = self.headers.iter().find(|header| *header > from);
            self.edits.push((
                self.line_begin(*from)..next.map_or(self.text.len(), |next| self.begin_of(*next)),
                String::new(),
            ));
        }
        if under.is_empty() {
            let span = entry.at.from as usize..(entry.item.span.to as usize).max(entry.at.to as usize);
            self.edits.push((self.line_begin(span.start)..self.line_end(span.end), String::new()));
        }
    }

    /// Where what belongs to a header begins: with the comment right above it.
    fn begin_of(&self, header: usize) -> usize {
        let mut begin = self.line_begin(header);
        while let Some(above) = self.text[..begin].strip_suffix('\n') {
            let line = self.line_begin(above.len());
            if !self.text[line..above.len()].trim_start().starts_with('#') {
                break;
            }
            begin = line;
        }
        begin
    }

    fn line_begin(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |end| at + end + 1)
    }

    /// An option that is new in a table, as a line of its text.
    fn line(&self, entry: &Entry, table: &Table) -> String {
        let first = table.entries().iter().map(|e| e.at.from as usize).find(|at| *at > table.span.from as usize);
        let blanks = first.map_or("  ", |at| {
            let line = &self.text[self.line_begin(at)..at];
            &line[..line.len() - line.trim_start().len()]
        });
        // What was elsewhere in the file is kept as it was written.
        let span = range(entry.item.span);
        let value = if entry.at == table.span { written(&entry.item.value) } else { self.text[span].to_owned() };
        format!("{blanks}{} = {value}\n", bare(&entry.key))
    }

    fn finished(mut self) -> String {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let (mut out, mut at) = (String::with_capacity(self.text.len()), 0);
        for (range, new) in &self.edits {
            // What is within something that was taken out is gone with it.
            if range.start >= at {
                out.push_str(&self.text[at..range.start]);
                out.push_str(new);
                at = range.end;
            }
        }
        out.push_str(&self.text[at..]);
        out
    }
}

fn range(span: Span) -> Range<usize> {
    span.from as usize..span.to as usize
}

/// A value as TOML.
fn written(value: &Setting) -> String {
    match value {
        Setting::Str(text) => quoted(text),
        Setting::Int(v) => v.to_string(),
        Setting::Float(v) => format!("{v:?}").replace("NaN", "nan"),
        Setting::Bool(v) => v.to_string(),
        Setting::Datetime(v) => v.clone(),
        Setting::Array(list) => format!("[{}]", list.iter().map(|i| written(&i.value)).collect::<Vec<_>>().join(", ")),
        Setting::Table(table) => {
            let options: Vec<String> =
                table.entries().iter().map(|e| format!("{} = {}", bare(&e.key), written(&e.item.value))).collect();
            format!("{{ {} }}", options.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrate(text: &str) -> (String, Vec<String>) {
        let (root, mut problems) = toml::read(&Text::new(0, text, false));
        let found = tables::plugins(&root, |_, _| true, &mut problems);
        let migrated = rewrite(&File { name: "t.conf".to_owned(), text: text.to_owned() }, &root, &found);
        (migrated.file.text, migrated.notes)
    }

    #[test]
    fn old_names_are_exchanged_and_nothing_else() {
        let (text, notes) = migrate(
            "# top\n[agent]\n  interval = '1s' # kept\n\n# the probe\n[[inputs.probe]]\n  ## a comment\n  old_files = [ \"a\",\n    'b' ]   # why\n\
             \x20 pass = ['x']\n\n# disks\n[[inputs.io]]\n  old_files = []\n  # inner\n  [inputs.io.tags]\n    io = \"io\"\n\n[[outputs.probe]]\n  files = []",
        );
        assert_eq!(
            text,
            "# top\n[agent]\n  interval = '1s' # kept\n\n# the probe\n[[inputs.probe]]\n  ## a comment\n  files = [ \"a\",\n    'b' ]   # why\n\
             \x20 fieldinclude = ['x']\n\n# disks\n[[inputs.diskio]]\n  files = []\n  # inner\n  [inputs.diskio.tags]\n    io = \"io\"\n\n[[outputs.probe]]\n  files = []",
        );
        assert_eq!(notes, ["line 6: inputs.probe: options have new names", "line 13: inputs.io is inputs.diskio now"]);
    }

    #[test]
    fn what_is_of_today_is_left_alone() {
        for text in ["", "[agent]\n", "[[inputs.probe]]\n  files = ['a']\n[[inputs.unknown]]\n  x = 1\n", "# only\n"] {
            assert_eq!(migrate(text), (text.to_owned(), Vec::new()));
        }
    }
}
