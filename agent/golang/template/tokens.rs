//! What the parser reads from and notes down: the tokens of one action, and the variables in scope.

use super::ast::Operand;
use super::lex::Token;

/// The tokens of one action, last one first.
pub(super) struct Tokens {
    reversed: Vec<Token>,
}

impl Tokens {
    pub(super) fn new(mut tokens: Vec<Token>) -> Tokens {
        tokens.reverse();
        Tokens { reversed: tokens }
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.reversed.last()
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        self.reversed.pop()
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.peek() == Some(&Token::Blank) {
            self.next();
        }
    }

    pub(super) fn rest(mut self) -> Vec<Token> {
        self.reversed.reverse();
        self.reversed
    }

    /// Takes `$x :=`, `$x =` or, for a range, `$i, $x :=` off the start; the names, and whether they are new.
    pub(super) fn targets(&mut self, pair: bool) -> (Vec<String>, bool) {
        let mut names = Vec::new();
        let mut length = 0;
        for token in self.reversed.iter().rev() {
            length += 1;
            match token {
                Token::Blank => {}
                Token::Variable(name) if names.is_empty() => names.push(name.clone()),
                Token::Variable(name) if pair && names.len() == 1 => names.push(name.clone()),
                Token::Comma if pair && names.len() == 1 => {}
                Token::Declare | Token::Assign if !names.is_empty() => {
                    let declares = *token == Token::Declare;
                    self.reversed.truncate(self.reversed.len() - length);
                    return (names, declares);
                }
                _ => break,
            }
        }
        (Vec::new(), false)
    }
}

/// The variables that are alive, each in the slot of its position.
pub(super) struct Scope {
    pub(super) names: Vec<String>,
    /// How many were alive at once at most.
    pub(super) most: usize,
}

impl Scope {
    pub(super) fn new() -> Scope {
        Scope { names: vec!["$".to_owned()], most: 1 }
    }

    pub(super) fn declare(&mut self, name: &str) -> usize {
        self.names.push(name.to_owned());
        self.most = self.most.max(self.names.len());
        self.names.len() - 1
    }

    pub(super) fn slot(&self, name: &str) -> Option<usize> {
        self.names.iter().rposition(|own| own == name)
    }
}

/// Takes the fields that follow without a blank.
pub(super) fn with_fields(operand: Operand, tokens: &mut Tokens) -> Operand {
    let mut fields = Vec::new();
    while let Some(Token::Field(name)) = tokens.peek() {
        fields.push(name.as_str().into());
        tokens.next();
    }
    match fields.is_empty() {
        true => operand,
        false => Operand::Fields(Box::new(operand), fields),
    }
}

/// Where a pipeline stands.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Action,
    Range,
    Parentheses,
}
