//! Methods of bytes.

use super::{Args, Cx};
use crate::error::Result;
use crate::heap::{Method, Other, Pieces};
use crate::value::Value;

pub(super) const METHODS: &[(&str, Method)] = &[("elems", elems)];

fn elems(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    args.none("elems")?;
    Ok(cx.heap.other(Other::Pieces { of: receiver, kind: Pieces::ByteElems }))
}
