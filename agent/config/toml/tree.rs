//! The tables of a file while it is read: what may be extended by a later header, and what is a conflict.

use crate::config::errors::Problem;
use agent_api::options::{Item, Setting, Span, Table};
use std::collections::HashMap;

/// Keys with their places, from the outside in.
pub(super) type Path = Vec<(String, Span)>;

/// A table may have so many keys; lookup in the finished table is linear.
const KEYS: usize = 10_000;

/// A table that is being filled.
pub(super) struct Branch {
    made: Made,
    span: Span,
    entries: Vec<(String, Span, Node)>,
    index: HashMap<String, usize>,
}

/// How a table came about, which decides who may add to it.
#[derive(Clone, Copy, PartialEq)]
enum Made {
    /// By a header of a table below it: its own header may follow.
    Implied,
    /// By its own header, or it is the root or inline.
    Header,
    /// By a dotted key.
    Dotted,
}

enum Node {
    Value(Item),
    Table(Branch),
    Tables(Vec<Branch>),
}

impl Branch {
    pub(super) fn root(span: Span) -> Self {
        Branch::new(Made::Header, span)
    }

    fn new(made: Made, span: Span) -> Self {
        Branch { made, span, entries: Vec::new(), index: HashMap::new() }
    }

    /// Makes the table of a header.
    pub(super) fn define(&mut self, path: &[(String, Span)], list: bool, span: Span) -> Result<(), Problem> {
        let Some(((key, at), parents)) = path.split_last() else { return Ok(()) };
        let mut branch = self;
        for (key, at) in parents {
            branch = match branch.entry(key, *at, || Node::Table(Branch::new(Made::Implied, span)))? {
                (_, Node::Table(table)) => table,
                (first, Node::Tables(tables)) => tables.last_mut().ok_or_else(|| conflict(key, *at, first))?,
                (first, Node::Value(_)) => {
                    return Err(conflict(key, *at, first).hint("a table written as a value is complete"));
                }
            };
        }
        let mut new = false;
        let fresh = || {
            new = true;
            let table = Branch::new(Made::Header, span);
            if list { Node::Tables(vec![table]) } else { Node::Table(table) }
        };
        let (first, node) = branch.entry(key, *at, fresh)?;
        match node {
            _ if new => Ok(()),
            Node::Tables(tables) if list => {
                tables.push(Branch::new(Made::Header, span));
                Ok(())
            }
            Node::Table(table) if !list && table.made == Made::Implied => {
                table.made = Made::Header;
                table.span = span;
                Ok(())
            }
            Node::Table(_) if !list => Err(Problem::at(span, format!("table {key:?} is given twice")).earlier(first)),
            _ => {
                Err(conflict(key, *at, first)
                    .hint("write it everywhere with single or everywhere with double brackets"))
            }
        }
    }

    /// Calls `act` on the table of the header last read under these keys.
    pub(super) fn open(
        &mut self,
        keys: &[String],
        act: impl FnOnce(&mut Branch) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut branch = self;
        for key in keys {
            let node = branch.index.get(key).and_then(|&i| branch.entries.get_mut(i)).map(|(_, _, node)| node);
            branch = match node {
                Some(Node::Table(table)) => table,
                Some(Node::Tables(tables)) if !tables.is_empty() => tables.last_mut().expect("checked to have one"),
                _ => return Ok(()),
            };
        }
        act(branch)
    }

    /// Puts a value in.
    pub(super) fn put(&mut self, path: &[(String, Span)], item: Item) -> Result<(), Problem> {
        let Some(((key, at), parents)) = path.split_last() else { return Ok(()) };
        let mut branch = self;
        for (key, at) in parents {
            branch = match branch.entry(key, *at, || Node::Table(Branch::new(Made::Dotted, *at)))? {
                (_, Node::Table(table)) if table.made == Made::Dotted => table,
                (first, _) => return Err(conflict(key, *at, first)),
            };
        }
        let mut item = Some(item);
        let (first, _) = branch.entry(key, *at, || Node::Value(item.take().expect("made at most once")))?;
        match item {
            None => Ok(()),
            Some(_) => Err(Problem::at(*at, format!("key {key:?} is given twice")).earlier(first)),
        }
    }

    /// The node of a key, made if it is not there, and the place where it was made.
    fn entry(&mut self, key: &str, at: Span, make: impl FnOnce() -> Node) -> Result<(Span, &mut Node), Problem> {
        let i = match self.index.get(key) {
            Some(&i) => i,
            None if self.entries.len() >= KEYS => {
                return Err(Problem::at(at, format!("more than {KEYS} keys in one table")));
            }
            None => {
                self.index.insert(key.to_owned(), self.entries.len());
                self.entries.push((key.to_owned(), at, make()));
                self.entries.len() - 1
            }
        };
        let (_, first, node) = &mut self.entries[i];
        Ok((*first, node))
    }

    pub(super) fn into_table(self) -> Table {
        let mut table = Table::new(self.span);
        for (key, at, node) in self.entries {
            let item = match node {
                Node::Value(item) => item,
                Node::Table(branch) => branch.into_item(),
                Node::Tables(list) => {
                    let span = list.first().map_or(at, |b| b.span);
                    Item { value: Setting::Array(list.into_iter().map(Branch::into_item).collect()), span }
                }
            };
            table.set(&key, at, item);
        }
        table
    }

    fn into_item(self) -> Item {
        let span = self.span;
        Item { value: Setting::Table(self.into_table()), span }
    }
}

/// A key stands for a value in one place and for a table in another, or for one table and for a list of them.
fn conflict(key: &str, at: Span, first: Span) -> Problem {
    Problem::at(at, format!("{key:?} is something else already")).earlier(first)
}
