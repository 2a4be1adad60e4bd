//! The module `log`.

use crate::builtins::{Args, Cx, Function};
use crate::error::Result;
use crate::host::Level;
use crate::value::Value;

pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    ("debug", |cx, args| line(cx, args, "debug", Level::Debug)),
    ("error", |cx, args| line(cx, args, "error", Level::Error)),
    ("info", |cx, args| line(cx, args, "info", Level::Info)),
    ("warn", |cx, args| line(cx, args, "warn", Level::Warn)),
];

fn line(cx: &mut Cx<'_>, args: Args<'_>, function: &str, level: Level) -> Result<Value> {
    let text = args.single(function)?;
    cx.need_str(Some(text), function, "1")?;
    let text = cx.heap.text(text);
    cx.host.log(level, &text);
    Ok(Value::None)
}
