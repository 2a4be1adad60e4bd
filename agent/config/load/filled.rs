//! The tables of a file with its environment variables filled in.

use crate::config::Sources;
use crate::config::errors::Problem;
use crate::config::toml::{self, Text};
use crate::config::variables::{self, Syntax, Unfilled};
use agent_api::options::{Item, Setting, Span, Table};
use std::borrow::Cow;

/// Reads a file. `replaced` says that bytes which were no UTF-8 have been replaced in it.
pub(super) fn root(sources: &Sources, file: u32, shown: &str, replaced: bool, problems: &mut Vec<Problem>) -> Table {
    let syntax = if sources.old_variables { Syntax::Plain } else { Syntax::Escapes };
    let environment = &*sources.environment;
    if !sources.non_strict {
        let (mut root, mistakes) = toml::read(&Text::new(file, shown, replaced));
        problems.extend(mistakes);
        Filling { syntax, environment, problems }.fill(&mut root);
        return root;
    }
    let plain = variables::without_comments(shown);
    let mut seams = Vec::new();
    let text = match variables::fill(&plain, syntax, environment, Some(&mut seams)) {
        Ok(text) => text.into_owned(),
        Err(Unfilled { at, cause }) => {
            let span = Span { file, from: at as u32, to: at as u32 + 1 };
            problems.push(Problem::at(span, cause.to_string()));
            return Table::default();
        }
    };
    let (root, mistakes) = toml::read(&Text::filled(file, shown, text, seams, replaced));
    problems.extend(mistakes);
    root
}

struct Filling<'a> {
    syntax: Syntax,
    environment: variables::Lookup<'a>,
    problems: &'a mut Vec<Problem>,
}

impl Filling<'_> {
    /// Fills in the variables in all texts of a table, but not in keys.
    fn fill(&mut self, table: &mut Table) {
        for entry in table.entries_mut() {
            self.fill_item(&mut entry.item);
        }
    }

    fn fill_item(&mut self, item: &mut Item) {
        match &mut item.value {
            Setting::Str(text) => match variables::fill(text, self.syntax, self.environment, None) {
                Ok(Cow::Borrowed(_)) => {}
                Ok(Cow::Owned(filled)) => *text = filled,
                Err(unfilled) => self.problems.push(Problem::at(item.span, unfilled.cause.to_string())),
            },
            Setting::Array(list) => list.iter_mut().for_each(|item| self.fill_item(item)),
            Setting::Table(table) => self.fill(table),
            _ => {}
        }
    }
}
