//! Go's text/template with the functions of sprig (Go package `text/template`, Masterminds/sprig v3).
//!
//! A [`Template`] is compiled once into a tree: variables are slots, functions are resolved, literals are ready values. To
//! run it over a metric then costs little more than the look-ups in the metric; a chain such as
//! `{{ .Tag "node" }}.{{ .Tag "region" }}` allocates nothing but its output. What it works on comes in as a [`Value`]; a
//! program's own things implement [`Object`].
//!
//! A template is part of a configuration and runs inside of the agent, so it is bounded in output, memory, steps and
//! depth (see [`Limits`]). Left out of sprig: what asks the network, parses URLs, or makes keys and passwords.
//!
//! ```
//! use agent_golang::template::{Template, Value};
//!
//! let template = Template::compile("{{ range . }}{{ . | upper }},{{ end }}").unwrap();
//! let data = Value::list(["a".into(), "b".into()]);
//! assert_eq!(template.render(data).unwrap(), "A,B,");
//! ```

mod access;
mod ast;
mod compare;
mod escape;
mod exec;
mod functions;
mod json;
mod lex;
mod parse;
mod print;
mod printf;
mod tokens;
mod unit;
mod value;

use std::fmt;
use std::sync::Arc;

pub use unit::Unit;
pub use value::{List, Map, MemberError, Object, Text, Value};

use crate::time::Zone;

/// What a template may use up at most in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of output.
    pub output: usize,
    /// Bytes of all texts and lists that functions make.
    pub memory: usize,
    /// Actions and function calls.
    pub steps: usize,
}

impl Default for Limits {
    /// 16 MiB of output, 64 MiB of memory, a million steps.
    fn default() -> Limits {
        Limits { output: 16 << 20, memory: 64 << 20, steps: 1_000_000 }
    }
}

/// Parentheses, blocks, templates that call templates and values in values nest at most this deep.
const DEEPEST: usize = 100;
/// No text, list or width made by a function is larger than this.
const LARGEST: usize = 16 << 20;
/// Comparing and copying look at no more values than this: lists in lists may share what would otherwise be endless.
const MOST_VISITED: usize = 1_000_000;

/// A compiled template.
#[derive(Debug)]
pub struct Template {
    definitions: ast::Definitions,
    limits: Limits,
    local: Arc<Zone>,
}

/// Why a template cannot be compiled or run, with the line of the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    line: usize,
    cause: Box<str>,
}

impl TemplateError {
    fn new(line: usize, cause: impl Into<Box<str>>) -> TemplateError {
        TemplateError { line, cause: cause.into() }
    }

    /// The line of the template, from 1.
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template line {}: {}", self.line, self.cause)
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// Compiles a template; unknown functions and variables are errors here, unknown fields when it runs.
    pub fn compile(source: &str) -> Result<Template, TemplateError> {
        Ok(Template { definitions: parse::parse(source)?, limits: Limits::default(), local: Arc::new(Zone::local()) })
    }

    /// The same template with another zone than the host's for what Go calls the local one (`date`, `now`).
    pub fn with_local_zone(self, zone: Zone) -> Template {
        Template { local: Arc::new(zone), ..self }
    }

    /// The same template with other limits.
    pub fn with_limits(self, limits: Limits) -> Template {
        Template { limits, ..self }
    }

    /// Runs the template with `data` as its dot.
    pub fn render<'a>(&'a self, data: Value<'a>) -> Result<String, TemplateError> {
        let mut out = String::new();
        self.render_into(data, &mut out)?;
        Ok(out)
    }

    /// Appends what the template gives for `data`; on an error `out` holds what came before it.
    pub fn render_into<'a>(&'a self, data: Value<'a>, out: &mut String) -> Result<(), TemplateError> {
        exec::run(&self.definitions, self.limits, &self.local, data, out)
    }
}

#[cfg(test)]
mod tests;
