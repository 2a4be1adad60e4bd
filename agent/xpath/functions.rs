//! The functions: those of XPath 1.0, section 4, and what Telegraf's library adds from 2.0.

use super::document::NodeId;
use super::evaluate::{Fault, Focus, Scope};
use super::expression::{Call, Expr};
use super::node::Kind;
use super::value::Value;
use agent_golang::number::parse_float;
use agent_golang::regexp::Regexp;
use std::borrow::Cow;

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Boolean,
    Ceiling,
    Concat,
    Contains,
    Count,
    EndsWith,
    False,
    Floor,
    Last,
    LocalName,
    LowerCase,
    Matches,
    Name,
    NamespaceUri,
    NormalizeSpace,
    Not,
    Number,
    Position,
    Replace,
    Reverse,
    Round,
    StartsWith,
    String,
    StringJoin,
    StringLength,
    Substring,
    SubstringAfter,
    SubstringBefore,
    Sum,
    Translate,
    True,
}

/// Name, function, fewest and most arguments.
const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("boolean", Function::Boolean, 0, 1),
    ("ceiling", Function::Ceiling, 1, 1),
    ("concat", Function::Concat, 2, usize::MAX),
    ("contains", Function::Contains, 2, 2),
    ("count", Function::Count, 1, 1),
    ("ends-with", Function::EndsWith, 2, 2),
    ("false", Function::False, 0, 0),
    ("floor", Function::Floor, 1, 1),
    ("last", Function::Last, 0, 0),
    ("local-name", Function::LocalName, 0, 1),
    ("lower-case", Function::LowerCase, 1, 1),
    ("matches", Function::Matches, 2, 2),
    ("name", Function::Name, 0, 1),
    ("namespace-uri", Function::NamespaceUri, 0, 1),
    ("normalize-space", Function::NormalizeSpace, 0, 1),
    ("not", Function::Not, 1, 1),
    ("number", Function::Number, 0, 1),
    ("position", Function::Position, 0, 0),
    ("replace", Function::Replace, 3, 3),
    ("reverse", Function::Reverse, 1, 1),
    ("round", Function::Round, 1, 1),
    ("starts-with", Function::StartsWith, 2, 2),
    ("string", Function::String, 0, 1),
    ("string-join", Function::StringJoin, 2, 2),
    ("string-length", Function::StringLength, 0, 1),
    ("substring", Function::Substring, 2, 3),
    ("substring-after", Function::SubstringAfter, 2, 2),
    ("substring-before", Function::SubstringBefore, 2, 2),
    ("sum", Function::Sum, 1, 1),
    ("translate", Function::Translate, 3, 3),
    ("true", Function::True, 0, 0),
];

/// A text that a function makes may be so long.
const LONGEST: usize = 64 << 20;

impl Function {
    pub(crate) fn named(name: &str) -> Option<Function> {
        FUNCTIONS.iter().find(|(own, ..)| *own == name).map(|(_, function, ..)| *function)
    }

    /// Whether it takes these arguments; otherwise what is wrong.
    pub(crate) fn check(self, arguments: &[Expr]) -> Result<(), String> {
        let (fewest, most) =
            FUNCTIONS.iter().find(|(_, own, ..)| *own == self).map_or((0, 0), |(_, _, fewest, most)| (*fewest, *most));
        let count = arguments.len();
        if (fewest..=most).contains(&count) {
            return Ok(());
        }
        Err(match most {
            usize::MAX => format!("takes at least {fewest} arguments, not {count}"),
            _ if fewest == most => format!("takes {fewest} arguments, not {count}"),
            _ => format!("takes {fewest} to {most} arguments, not {count}"),
        })
    }

    /// True if it gives a number.
    pub(crate) fn is_number(self) -> bool {
        use Function::{Ceiling, Count, Floor, Last, Number, Position, Round, StringLength, Sum};
        matches!(self, Ceiling | Count | Floor | Last | Number | Position | Round | StringLength | Sum)
    }
}

impl<'d> Scope<'d> {
    pub(crate) fn call(&self, call: &Call, focus: Focus) -> Result<Value<'d>, Fault> {
        let number = |i: usize| match call.arguments.get(i) {
            Some(expr) => self.number(expr, focus),
            None => Ok(super::value::number(&self.string(focus.node)?)),
        };
        let text = |i: usize| match call.arguments.get(i) {
            Some(expr) => self.text(expr, focus),
            None => self.string(focus.node),
        };
        Ok(match call.function {
            Function::True => Value::Bool(true),
            Function::False => Value::Bool(false),
            Function::Boolean | Function::Not => {
                let truth = call.arguments.first().map_or(Ok(true), |expr| self.truth(expr, focus))?;
                Value::Bool(truth == (call.function == Function::Boolean))
            }
            Function::Number => Value::Number(number(0)?),
            Function::Ceiling => Value::Number(number(0)?.ceil()),
            Function::Floor => Value::Number(number(0)?.floor()),
            Function::Round => Value::Number(round(number(0)?)),
            Function::Position => Value::Number(self.position(focus) as f64),
            Function::Last => Value::Number(self.last(focus) as f64),
            Function::Count => Value::Number(self.nodes(&call.arguments[0], focus)?.len() as f64),
            Function::Sum => Value::Number(self.sum(&call.arguments[0], focus)?),
            Function::Reverse => {
                let mut nodes = self.nodes(&call.arguments[0], focus)?;
                nodes.reverse();
                Value::Nodes(nodes)
            }
            Function::Name | Function::LocalName | Function::NamespaceUri => {
                let node = match call.arguments.first() {
                    Some(expr) => self.first(expr, focus)?,
                    None => Some(focus.node),
                };
                Value::Text(node.map_or(Cow::Borrowed(""), |n| self.name(call.function, n)))
            }
            Function::Concat => {
                let mut out = String::new();
                for expr in &call.arguments {
                    self.append(&mut out, &self.text(expr, focus)?)?;
                }
                Value::Text(Cow::Owned(out))
            }
            Function::StringJoin => self.join(call, focus)?,
            Function::StartsWith => Value::Bool(text(0)?.starts_with(&*text(1)?)),
            Function::EndsWith => Value::Bool(text(0)?.ends_with(&*text(1)?)),
            Function::Contains => Value::Bool(text(0)?.contains(&*text(1)?)),
            Function::Matches | Function::Replace => return self.by_pattern(call, focus),
            Function::String => Value::Text(text(0)?),
            Function::LowerCase => Value::Text(Cow::Owned(text(0)?.to_lowercase())),
            Function::StringLength => Value::Number(text(0)?.chars().count() as f64),
            Function::NormalizeSpace => {
                let text = text(0)?;
                let words: Vec<&str> = text.split_whitespace().collect();
                Value::Text(Cow::Owned(words.join(" ")))
            }
            Function::Substring => {
                let length = if call.arguments.len() > 2 { number(2)? } else { f64::INFINITY };
                Value::Text(Cow::Owned(substring(&text(0)?, number(1)?, length)))
            }
            Function::SubstringBefore | Function::SubstringAfter => {
                let (text, mark) = (text(0)?, text(1)?);
                let parts = if mark.is_empty() { None } else { text.split_once(&*mark) };
                let (before, after) = parts.unwrap_or_default();
                let part = if call.function == Function::SubstringBefore { before } else { after };
                Value::Text(Cow::Owned(part.to_owned()))
            }
            Function::Translate => Value::Text(Cow::Owned(translate(&text(0)?, &text(1)?, &text(2)?))),
        })
    }

    /// In a predicate the place among what it filters. Outside, as in Telegraf's library, the place among all siblings: that is how
    /// users number the metrics of a selection.
    fn position(&self, focus: Focus) -> usize {
        match focus.position {
            0 => 1 + std::iter::successors(self.document.previous(focus.node), |&n| self.document.previous(n)).count(),
            position => position,
        }
    }

    fn last(&self, focus: Focus) -> usize {
        match (focus.position, self.document.parent(focus.node)) {
            (0, Some(parent)) => self.document.children(parent).count().max(1),
            (0, None) => 1,
            _ => focus.size,
        }
    }

    /// What is no number in a node-set counts nothing.
    fn sum(&self, expr: &Expr, focus: Focus) -> Result<f64, Fault> {
        if !expr.is_nodes() {
            return self.number(expr, focus);
        }
        let mut sum = 0.0;
        self.every(expr, focus, |n| {
            sum += parse_float(&self.string(n)?).unwrap_or_default();
            Ok(())
        })?;
        Ok(sum)
    }

    fn name(&self, function: Function, node: NodeId) -> Cow<'d, str> {
        let document = self.document;
        match function {
            _ if matches!(document.kind(node), Kind::Root | Kind::Text | Kind::Comment) => Cow::Borrowed(""),
            Function::NamespaceUri => Cow::Borrowed(document.uri(node)),
            Function::Name if !document.prefix(node).is_empty() => {
                Cow::Owned(format!("{}:{}", document.prefix(node), document.name(node)))
            }
            _ => Cow::Borrowed(document.name(node)),
        }
    }

    fn join(&self, call: &Call, focus: Focus) -> Result<Value<'d>, Fault> {
        if !call.arguments[0].is_nodes() {
            return Ok(Value::Text(self.text(&call.arguments[0], focus)?));
        }
        let (mut out, mut first) = (String::new(), true);
        let separator = self.text(&call.arguments[1], focus)?;
        self.every(&call.arguments[0], focus, |n| {
            if !std::mem::take(&mut first) {
                out.push_str(&separator);
            }
            self.append(&mut out, &self.string(n)?)
        })?;
        Ok(Value::Text(Cow::Owned(out)))
    }

    /// `matches` and `replace`.
    fn by_pattern(&self, call: &Call, focus: Focus) -> Result<Value<'d>, Fault> {
        let text = self.text(&call.arguments[0], focus)?;
        let made;
        let pattern = match &call.pattern {
            Some(pattern) => pattern,
            None => {
                let pattern = self.text(&call.arguments[1], focus)?;
                made = Regexp::compile(&pattern).map_err(|e| Fault::Argument(e.to_string()))?;
                &made
            }
        };
        if call.function == Function::Matches {
            return Ok(Value::Bool(pattern.is_match(&text)));
        }
        let replacement = pattern.replacement(&self.text(&call.arguments[2], focus)?);
        Ok(Value::Text(Cow::Owned(pattern.replace_all(&text, &replacement).into_owned())))
    }

    fn append(&self, out: &mut String, text: &str) -> Result<(), Fault> {
        if out.len() + text.len() > LONGEST {
            return Err(Fault::Argument("a text longer than 64 MiB".to_owned()));
        }
        out.push_str(text);
        Ok(())
    }
}

/// Halves are rounded up.
fn round(number: f64) -> f64 {
    if number.fract() == -0.5 { number.ceil() } else { number.round() }
}

/// Characters from `start` (1 is the first), `length` of them, both rounded.
fn substring(text: &str, start: f64, length: f64) -> String {
    let (from, to) = (round(start), round(start) + round(length));
    let inside = |(i, c): (usize, char)| {
        let position = i as f64 + 1.0;
        // Written so that NaN takes nothing.
        (position >= from && (position < to || length == f64::INFINITY && !from.is_nan())).then_some(c)
    };
    text.chars().enumerate().filter_map(inside).collect()
}

fn translate(text: &str, from: &str, to: &str) -> String {
    text.chars()
        .filter_map(|c| match from.chars().position(|f| f == c) {
            Some(i) => to.chars().nth(i),
            None => Some(c),
        })
        .collect()
}
