//! A document while a section reads it: what queries give, and the names of what they select.

use super::section::{Query, Selection};
use agent_golang::number::{FloatStyle, append_float, parse_int};
use agent_xpath::{Answer, Data, Document, Expression, Fault, Kind, NodeId, Work};
use std::borrow::Cow;
use std::collections::HashMap;

/// What a query gives.
pub(super) enum Found<'d> {
    Nothing,
    Text(Cow<'d, str>),
    Float(f64),
    Int(i64),
    Uint(u64),
    Bool(bool),
    Bytes(&'d [u8]),
}

impl Found<'_> {
    pub(super) fn tag(&self, style: FloatStyle) -> Option<Cow<'_, str>> {
        Some(match self {
            Found::Nothing => return None,
            Found::Text(text) => Cow::Borrowed(text),
            Found::Float(value) => {
                let mut out = String::new();
                append_float(*value, style, &mut out);
                Cow::Owned(out)
            }
            Found::Int(value) => Cow::Owned(value.to_string()),
            Found::Uint(value) => Cow::Owned(value.to_string()),
            Found::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Found::Bytes(bytes) => String::from_utf8_lossy(bytes),
        })
    }

    /// As a whole number; the fraction of a number is cut off, that of a text is an error, as in Telegraf. NaN is nothing.
    pub(super) fn integer(&self) -> Result<Option<i64>, String> {
        Ok(Some(match self {
            Found::Nothing => return Ok(None),
            Found::Text(text) => parse_int(text, 10).map_err(|e| e.to_string())?,
            Found::Float(value) if value.is_nan() => return Ok(None),
            Found::Float(value) => *value as i64,
            Found::Int(value) => *value,
            Found::Uint(value) => i64::try_from(*value).map_err(|_| format!("{value} is too large for an integer"))?,
            Found::Bool(value) => i64::from(*value),
            Found::Bytes(_) => return Err("bytes are no integer".to_owned()),
        }))
    }
}

/// A document that is being read by a section.
pub(super) struct Reading<'d> {
    document: &'d Document,
    work: &'d Work,
    native: bool,
    /// The element of an array whose number was asked for last, with the number: the next is mostly the one behind it.
    numbered: Option<(NodeId, usize)>,
}

impl<'d> Reading<'d> {
    pub(super) fn new(document: &'d Document, work: &'d Work, native: bool) -> Self {
        Reading { document, work, native, numbered: None }
    }

    /// The nodes that become metrics.
    pub(super) fn select(&mut self, query: &Query) -> Result<Vec<NodeId>, String> {
        let root = self.document.root();
        query.expression.select(self.document, root, root, self.work).map_err(|e| failed(query, &e))
    }

    /// How many nodes a query selects; None if it is none.
    pub(super) fn count(&mut self, query: &str) -> Option<usize> {
        let root = self.document.root();
        Expression::compile(query).ok()?.select(self.document, root, root, self.work).ok().map(|nodes| nodes.len())
    }

    pub(super) fn ask(&self, query: &Query, node: NodeId) -> Result<Found<'d>, String> {
        let root = if query.absolute { self.document.root() } else { node };
        let answer = query.expression.answer(self.document, root, root, self.work).map_err(|e| failed(query, &e))?;
        Ok(match answer {
            Answer::Node(None) => Found::Nothing,
            Answer::Node(Some(node)) => self.value(node),
            Answer::Number(number) => Found::Float(number),
            Answer::Text(text) => Found::Text(Cow::Owned(text)),
            Answer::Bool(value) => Found::Bool(value),
        })
    }

    /// The value of a node: its text, or with native types what it is in the source.
    fn value(&self, node: NodeId) -> Found<'d> {
        if !self.native {
            return Found::Text(self.document.text(node));
        }
        match self.document.data(node) {
            Data::None | Data::Null => Found::Nothing,
            Data::Bool(value) => Found::Bool(value),
            Data::Int(value) => Found::Int(value),
            Data::Uint(value) => Found::Uint(value),
            Data::Float(value) => Found::Float(value),
            Data::Float32(value) => Found::Float(f64::from(value)),
            Data::Text(place) => Found::Text(Cow::Borrowed(self.document.slice(place))),
            Data::Bytes(place) => Found::Bytes(self.document.bytes(place)),
            Data::List | Data::Map => Found::Text(super::show::plain(self.document, node)),
        }
    }

    /// The fields or tags of a selection, with names that differ.
    pub(super) fn many(
        &mut self,
        many: &Selection,
        node: NodeId,
        mut each: impl FnMut(&str, Found<'d>),
    ) -> Result<(), String> {
        let nodes = many.nodes.expression.select(self.document, node, node, self.work);
        // How often a name was wanted, for the number behind it.
        let mut used: HashMap<String, usize> = HashMap::new();
        for selected in nodes.map_err(|e| failed(&many.nodes, &e))? {
            let own = match &many.name {
                None => self.own_name(selected),
                Some(query) => match self.ask(query, selected)? {
                    Found::Text(text) => text,
                    _ => return Err(format!("the query for names {:?} gives no text", query.text())),
                },
            };
            let mut name = self.name(own, selected, node, many.expand)?;
            if let Some(count) = used.get(&name).copied() {
                let free = (count..).map(|i| (i + 1, format!("{name}_{i}"))).find(|(_, n)| !used.contains_key(n));
                let (count, free) = free.expect("numbers do not end");
                used.insert(name, count);
                name = free;
            }
            let found = match &many.value {
                None => self.value(selected),
                Some(query) => self.ask(query, selected)?,
            };
            each(&name, found);
            used.insert(name, 1);
        }
        Ok(())
    }

    /// The name of a node with its prefix.
    fn own_name(&self, node: NodeId) -> Cow<'d, str> {
        match (self.document.kind(node), self.document.prefix(node)) {
            (Kind::Text | Kind::Comment | Kind::Root, _) => Cow::Borrowed(""),
            (_, "") => Cow::Borrowed(self.document.name(node)),
            (_, prefix) => Cow::Owned(format!("{prefix}:{}", self.document.name(node))),
        }
    }

    /// The name of a field or tag; elements of arrays, which have no name, take that of the array and their number.
    fn name(&mut self, own: Cow<'_, str>, node: NodeId, selected: NodeId, expand: bool) -> Result<String, String> {
        let mut name = own.into_owned();
        if name.is_empty() {
            let parent = self.document.parent(node);
            if self.document.kind(node) == Kind::Text {
                name = parent.map(|p| self.document.name(p).to_owned()).unwrap_or_default();
            } else if let (Some(parent), Some(number)) = (parent, self.number(node)?) {
                name = if expand { number.to_string() } else { format!("{}_{number}", self.document.name(parent)) };
            }
        }
        if !expand {
            return Ok(name);
        }
        let mut parts = vec![name];
        let mut above = self.document.parent(node);
        while let Some(node) = above.filter(|n| *n != selected) {
            self.work.take().map_err(|e| e.to_string())?;
            let mut part = self.document.name(node).to_owned();
            if let Some(number) = self.number(node)? {
                part.push_str(&number.to_string());
            }
            parts.push(part);
            above = self.document.parent(node);
        }
        parts.reverse();
        Ok(parts.join("_"))
    }

    /// The number of an element of an array, from 0.
    fn number(&mut self, node: NodeId) -> Result<Option<usize>, String> {
        let Some(parent) = self.document.parent(node) else { return Ok(None) };
        if self.document.data(parent) != Data::List {
            return Ok(None);
        }
        let (mut number, mut at) = (0, node);
        while let Some(before) = self.document.previous(at) {
            number += 1;
            if let Some((known, count)) = self.numbered
                && known == before
            {
                number += count;
                break;
            }
            self.work.take().map_err(|e| e.to_string())?;
            at = before;
        }
        self.numbered = Some((node, number));
        Ok(Some(number))
    }
}

fn failed(query: &Query, fault: &Fault) -> String {
    format!("query {:?}: {fault}", query.text())
}
