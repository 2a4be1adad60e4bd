//! Parsers for listeners: one for each connection or document that is worked on at the time, kept for the next.

use agent_api::plugin::{BoxParser, ParserMaker};
use agent_api::*;
use std::sync::{Mutex, PoisonError};

/// Parsers of one kind, made when needed and kept for the next document.
pub(crate) struct Parsers {
    make: ParserMaker,
    free: Mutex<Vec<BoxParser>>,
}

impl Parsers {
    /// Parsers that `make` makes; one is made now, so that options that do not fit are found.
    pub(crate) fn new(make: ParserMaker) -> Result<Self> {
        let first = make()?;
        Ok(Parsers { make, free: Mutex::new(vec![first]) })
    }

    /// Those of the plugin's data format.
    pub(crate) fn of(env: &Env) -> Result<Self> {
        Parsers::new(env.parsers.clone().context("no data format")?)
    }

    /// A parser, as new.
    pub(crate) fn take(&self) -> Result<BoxParser> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match free {
            Some(mut parser) => {
                parser.reset();
                Ok(parser)
            }
            None => (self.make)(),
        }
    }

    /// Takes a parser back.
    pub(crate) fn give(&self, parser: BoxParser) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(parser);
    }
}
