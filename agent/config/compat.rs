//! Which plugins and options of a Telegraf configuration this agent has, line by line.
//!
//! For somebody who thinks of changing over: nothing is opened or built, variables are left as they are.

use super::errors::{File, Files, Problem};
use super::load::tables;
use super::plugin::{Found, Remarks};
use super::toml::{self, Text};
use super::{AgentSettings, Config, common};
use agent_api::options::{Entry, Setting, Span, Table};
use std::fmt::Write;

impl Config {
    /// The page for a file: a summary, then a line for each plugin and option.
    pub fn compat(file: &str, text: &str) -> String {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let files = Files::new(vec![File { name: file.to_owned(), text: text.to_owned() }]);
        let mut survey = Survey { files, lines: Vec::new(), plugins: Count::default(), options: Count::default() };
        let (root, problems) = toml::read(&Text::new(0, text, false));
        survey.file(&root, problems);
        survey.page(file)
    }
}

#[derive(Default)]
struct Count {
    good: usize,
    all: usize,
}

struct Survey {
    files: Files,
    /// Place in the file, what stands there, what is said of it.
    lines: Vec<(u32, String, String)>,
    plugins: Count,
    options: Count,
}

const SUPPORTED: &str = "supported";

impl Survey {
    fn file(&mut self, root: &Table, mut problems: Vec<Problem>) {
        if let Some(Setting::Table(table)) = root.get("agent").map(|item| &item.value) {
            self.lines.push((table.span.from, "[agent]".to_owned(), SUPPORTED.to_owned()));
            for entry in table.entries() {
                self.agent_option(entry, table.span);
            }
        }
        for found in tables::plugins(root, |_, _| true, &mut problems) {
            self.plugin(&found);
        }
        for problem in problems {
            let span = problem.span.unwrap_or_default();
            self.lines.push((span.from, String::new(), said(&problem)));
        }
    }

    fn agent_option(&mut self, entry: &Entry, span: Span) {
        let mut single = Table::new(span);
        single.set(&entry.key, entry.at, entry.item.clone());
        let (mut problems, mut notes) = (Vec::new(), Vec::new());
        AgentSettings::default().merge(&single, &mut problems, &mut notes);
        let verdict = problems.first().map(said).or(notes.pop()).unwrap_or_else(|| SUPPORTED.to_owned());
        self.option(entry, problems.is_empty(), verdict);
    }

    fn plugin(&mut self, found: &Found<'_>) {
        let mut remarks = Remarks::default();
        let split = found.split(&self.files, &mut remarks);
        self.plugins.all += 1;
        let at_header = |p: &Problem| p.span == Some(found.span);
        let verdict = match (&split, remarks.notes.first()) {
            (None, _) => remarks.problems.iter().find(|p| at_header(p)).map_or_else(String::new, said),
            (Some(split), Some(note)) if split.instance.entry.name != found.name => note.clone(),
            _ => SUPPORTED.to_owned(),
        };
        self.plugins.good += usize::from(split.is_some());
        self.lines.push((found.span.from, format!("[[{}]]", found.full_name()), verdict));
        let kept = |key: &str| {
            split.as_ref().is_some_and(|s| {
                let formats = s.instance.parser.iter().chain(&s.instance.serializer);
                s.instance.table.has(key) || formats.into_iter().any(|(_, table)| table.has(key))
            })
        };
        for entry in found.table.entries() {
            let within = |span: Span| span.from >= entry.at.from && span.to <= entry.item.span.to.max(entry.at.to);
            let problem = remarks.problems.iter().find(|p| p.span.is_some_and(within));
            let note = remarks.notes.iter().find(|note| names(note, &entry.key));
            let verdict = match (problem, note) {
                (Some(problem), _) => said(problem),
                (None, Some(note)) => note.clone(),
                _ if split.is_none() => continue,
                _ if kept(&entry.key) || common::names().any(|name| name == entry.key) => SUPPORTED.to_owned(),
                _ => "translated".to_owned(),
            };
            self.option(entry, problem.is_none(), verdict);
        }
    }

    fn option(&mut self, entry: &Entry, good: bool, verdict: String) {
        self.options.all += 1;
        self.options.good += usize::from(good);
        self.lines.push((entry.at.from, format!("  {}", entry.key), verdict));
    }

    fn page(mut self, file: &str) -> String {
        let (plugins, options) = (&self.plugins, &self.options);
        let mut out = format!(
            "{file}: {} of {} plugins and {} of {} of their options are supported\n",
            plugins.good, plugins.all, options.good, options.all
        );
        self.lines.sort_by_key(|(at, ..)| *at);
        let width = self.lines.iter().map(|(_, what, _)| what.chars().count()).max().unwrap_or(0).min(40);
        for (at, what, verdict) in &self.lines {
            let (line, _) = self.files.position(Span { file: 0, from: *at, to: *at }).unwrap_or_default();
            let _ = writeln!(out, "{line:>6}  {what:width$}  {verdict}");
        }
        out
    }
}

/// True if a note is about the option.
fn names(note: &str, key: &str) -> bool {
    note.split(|c: char| c != '_' && !c.is_alphanumeric()).any(|word| word == key)
}

/// A problem on one line.
fn said(problem: &Problem) -> String {
    let unused = "configuration specified the fields";
    let message = if problem.message.contains(unused) { "unknown option" } else { &problem.message };
    match problem.hints.first().filter(|hint| !hint.starts_with("valid names")) {
        Some(hint) => format!("{message}; {hint}"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_verdict() {
        let text = "[agent]\n  interval = \"10s\"\n  intervall = 1\n  utc = true\n[[inputs.probe]]\n  timeout = 1\n  old_files = []\n\
            \x20 file = 1\n  namepass = [\"$X\"]\n  plain_depth = 1\n[[inputs.gnmi]]\n  addresses = []\n[[inputs.io]]\n[[outputs.prob]]\n[[x";
        let page = Config::compat("t.conf", text);
        let lines: Vec<&str> = page.lines().map(str::trim).collect();
        for (line, want) in [
            "t.conf: 2 of 4 plugins and 6 of 8 of their options are supported",
            "1  [agent]           supported",
            "2    interval        supported",
            "3    intervall       agent: unknown option \"intervall\"; did you mean \"interval\"?",
            "4    utc             agent: utc has no effect any more and can be removed",
            "5  [[inputs.probe]]  supported",
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(lines[line], want, "{page}");
        }
        for want in [
            "7    old_files       old_files is now spelled files",
            "8    file            unknown option; did you mean \"files\"?",
            "9    namepass        supported",
            "10    plain_depth     supported",
            "11  [[inputs.gnmi]]   undefined but requested input: gnmi; inputs.gnmi is a plugin of Telegraf that is not supported yet",
            "13  [[inputs.io]]     it is now called inputs.diskio",
            "14  [[outputs.prob]]  undefined but requested output: prob; did you mean \"probe\"?",
            "15                    expected \"]]\" at the end of the header",
        ] {
            assert!(lines.iter().any(|l| l.starts_with(want)), "{want}\n---\n{page}");
        }
    }
}
