//! Comparisons.
//!
//! Source: XPath 1.0, section 3.4: of a node-set one node that compares is enough; a boolean makes the other side a boolean; sizes are
//! always compared as numbers.

use super::evaluate::{Fault, Flow, Focus, Scope, to_truth};
use super::expression::{Expr, Operator};
use super::value::{self, Value};
use std::ops::ControlFlow;

impl Scope<'_> {
    /// Compares two expressions, of a node-set on one side no more nodes than needed.
    pub(crate) fn compare(&self, operator: Operator, left: &Expr, right: &Expr, focus: Focus) -> Result<bool, Fault> {
        let (nodes, other, operator) = match (left.is_nodes(), right.is_nodes()) {
            (true, false) => (left, right, operator),
            (false, true) => (right, left, mirrored(operator)),
            _ => {
                let (a, b) = (self.value(left, focus)?, self.value(right, focus)?);
                return self.compare_values(operator, &a, &b);
            }
        };
        let other = self.value(other, focus)?;
        if let Value::Bool(value) = other {
            let any = self.first(nodes, focus)?.is_some();
            return Ok(by_truth(operator, any, value));
        }
        let mut found = false;
        self.visit(nodes, focus, &mut |n| -> Flow {
            let text = self.string(n)?;
            found = match &other {
                Value::Text(other) => by_text(operator, &text, other),
                other => by_number(operator, value::number(&text), self.to_number(other)?),
            };
            Ok(if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .map(|_| found)
    }

    pub(crate) fn compare_values(
        &self,
        operator: Operator,
        left: &Value<'_>,
        right: &Value<'_>,
    ) -> Result<bool, Fault> {
        Ok(match (left, right) {
            (Value::Bool(_), Value::Nodes(_)) | (Value::Nodes(_), Value::Bool(_)) => {
                by_truth(operator, to_truth(left), to_truth(right))
            }
            (Value::Bool(_), _) | (_, Value::Bool(_)) if matches!(operator, Operator::Equal | Operator::NotEqual) => {
                by_truth(operator, to_truth(left), to_truth(right))
            }
            (Value::Nodes(a), Value::Nodes(b)) => {
                let right: Vec<_> = b.iter().map(|&n| self.string(n)).collect::<Result<_, _>>()?;
                for &n in a {
                    let text = self.string(n)?;
                    for other in &right {
                        self.work.take()?;
                        if by_text(operator, &text, other) {
                            return Ok(true);
                        }
                    }
                }
                false
            }
            (Value::Nodes(nodes), other) => {
                for &n in nodes {
                    if self.compare_single(operator, &Value::Text(self.string(n)?), other)? {
                        return Ok(true);
                    }
                }
                false
            }
            (other, Value::Nodes(_)) => self.compare_values(mirrored(operator), right, other)?,
            _ => self.compare_single(operator, left, right)?,
        })
    }

    fn compare_single(&self, operator: Operator, left: &Value<'_>, right: &Value<'_>) -> Result<bool, Fault> {
        Ok(match (left, right) {
            (Value::Text(a), Value::Text(b)) => by_text(operator, a, b),
            _ => by_number(operator, self.to_number(left)?, self.to_number(right)?),
        })
    }
}

fn by_text(operator: Operator, a: &str, b: &str) -> bool {
    match operator {
        Operator::Equal => a == b,
        Operator::NotEqual => a != b,
        _ => by_number(operator, value::number(a), value::number(b)),
    }
}

fn by_truth(operator: Operator, a: bool, b: bool) -> bool {
    by_number(operator, f64::from(u8::from(a)), f64::from(u8::from(b)))
}

/// A comparison with NaN is false, but for the one that it is different.
fn by_number(operator: Operator, a: f64, b: f64) -> bool {
    match operator {
        Operator::Equal => a == b,
        Operator::NotEqual => a != b,
        Operator::Less => a < b,
        Operator::LessEqual => a <= b,
        Operator::Greater => a > b,
        Operator::GreaterEqual => a >= b,
        _ => false,
    }
}

/// The operator with its sides exchanged.
fn mirrored(operator: Operator) -> Operator {
    match operator {
        Operator::Less => Operator::Greater,
        Operator::LessEqual => Operator::GreaterEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterEqual => Operator::LessEqual,
        same => same,
    }
}
