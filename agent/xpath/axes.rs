//! Walks along the axes.
//!
//! Source: XPath 1.0, section 2.2. Forward axes give nodes in document order, reverse axes from the nearest on; attributes and the
//! document itself are no siblings.

use super::document::{Document, NodeId};
use super::evaluate::{Flow, Scope};
use super::expression::{Axis, Test};
use super::node::Kind;
use std::ops::ControlFlow;

impl Test {
    /// Whether a node passes; `axis` tells what kind of node a bare name means.
    pub(crate) fn passes(&self, document: &Document, node: NodeId, axis: Axis) -> bool {
        let named = || {
            document.kind(node)
                == match axis {
                    Axis::Attribute => Kind::Attribute,
                    _ => Kind::Element,
                }
        };
        match self {
            Test::Node => true,
            Test::Nothing => false,
            Test::Text => document.kind(node) == Kind::Text,
            Test::Comment => document.kind(node) == Kind::Comment,
            Test::Any => named(),
            Test::Prefix(prefix) => named() && document.prefix(node) == &**prefix,
            // Prefixes are compared as they are written, since a query cannot declare namespaces.
            Test::Name { prefix, local } => {
                named() && document.name(node) == &**local && document.prefix(node) == &**prefix
            }
        }
    }
}

impl Scope<'_> {
    /// Calls `sink` for every node of an axis that passes a test.
    pub(crate) fn along(&self, axis: Axis, test: &Test, node: NodeId, sink: &mut dyn FnMut(NodeId) -> Flow) -> Flow {
        let document = self.document;
        let mut each = |nodes: &mut dyn Iterator<Item = NodeId>| -> Flow {
            for n in nodes {
                self.work.take()?;
                if test.passes(document, n, axis) && sink(n)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        };
        let ancestors = |from: Option<NodeId>| std::iter::successors(from, |&n| document.parent(n));
        match axis {
            Axis::Itself => each(&mut std::iter::once(node)),
            Axis::Parent => each(&mut document.parent(node).into_iter()),
            Axis::Ancestor => each(&mut ancestors(document.parent(node))),
            Axis::AncestorOrSelf => each(&mut ancestors(Some(node))),
            Axis::Attribute => each(&mut document.attributes(node)),
            Axis::Child => each(&mut document.children(node)),
            Axis::Descendant => each(&mut document.descendants(node)),
            Axis::DescendantOrSelf => each(&mut std::iter::once(node).chain(document.descendants(node))),
            Axis::FollowingSibling => each(&mut std::iter::successors(document.next(node), |&n| document.next(n))),
            Axis::PrecedingSibling => {
                each(&mut std::iter::successors(document.previous(node), |&n| document.previous(n)))
            }
            Axis::Following => {
                let behind = document.end(node)..document.len() as u32;
                each(&mut behind.map(NodeId).filter(|&n| document.is_reached(n)))
            }
            Axis::Preceding => {
                let before = (1..node.0).rev().map(NodeId);
                let outside = |&n: &NodeId| document.is_reached(n) && document.end(n) <= node.0;
                each(&mut before.filter(outside))
            }
        }
    }
}
