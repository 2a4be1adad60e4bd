//! From the text of a script to its syntax tree.

pub(crate) mod ast;
mod expr;
mod lex;
mod literal;
mod parse;

pub(crate) use parse::parse;
