//! JSONata: expressions that query and rebuild JSON values.
//!
//! Source: the language as documented at docs.jsonata.org, as far as version 1.5 goes, which is what Telegraf's `json_transformation` is written
//! in. Left out are `$eval` and the parent operator. An evaluation is bounded in steps, depth and in what it builds, as expressions can loop.

mod apply;
mod decimal_picture;
mod evaluate;
mod functions;
mod higher;
mod lex;
mod node;
mod parse;
mod path;
mod picture;
mod texts;
mod value;

#[cfg(test)]
mod tests;

use crate::jsontext::Tree;
use agent_api::Result;
use node::Node;

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    root: Node,
}

/// The expression leads to nothing in the value that it was given.
#[derive(Debug)]
pub struct Undefined;

impl std::fmt::Display for Undefined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the expression has no result")
    }
}

impl std::error::Error for Undefined {}

impl Expression {
    /// Compiles an expression; errors name the place.
    pub fn compile(text: &str) -> Result<Expression> {
        Ok(Expression { root: parse::parse(text)? })
    }

    /// Evaluates it on a value. Fails with [`Undefined`] if there is no result.
    pub fn evaluate(&self, input: Tree) -> Result<Tree> {
        evaluate::run(&self.root, input)
    }
}
