//! The macros that run over a list or the keys of a map.

use std::sync::Arc;

use super::{Context, Node};
use crate::Subject;
use crate::ast::LoopKind;
use crate::error::{Fault, Outcome};
use crate::value::Value;

#[derive(Debug)]
pub(crate) struct LoopNode {
    pub(crate) kind: LoopKind,
    pub(crate) range: Node,
    pub(crate) filter: Option<Node>,
    pub(crate) body: Option<Node>,
}

/// What a loop visits: the items of a list, the keys of a map.
enum Elements<'a> {
    Items(Arc<[Value<'a>]>),
    Keys(Arc<[(Value<'a>, Value<'a>)]>),
    Tags,
    Fields,
}

impl<'a> Elements<'a> {
    fn of(range: Value<'a>) -> Result<Self, Fault<'a>> {
        match range {
            Value::List(items) => Ok(Self::Items(items)),
            Value::Map(entries) => Ok(Self::Keys(entries)),
            Value::Tags => Ok(Self::Tags),
            Value::Fields => Ok(Self::Fields),
            other => {
                Err(format!("cannot run over a value of type {}: neither list nor map", other.kind().name()).into())
            }
        }
    }

    fn element(&self, at: usize, subject: &'a dyn Subject) -> Option<Value<'a>> {
        match self {
            Self::Items(items) => items.get(at).cloned(),
            Self::Keys(entries) => entries.get(at).map(|(key, _)| key.clone()),
            Self::Tags => subject.tag_at(at).map(|(key, _)| Value::Str(key)),
            Self::Fields => subject.field_at(at).map(|(key, _)| Value::Str(key)),
        }
    }
}

impl LoopNode {
    /// Runs `visit` with each element as the innermost variable, until it says stop.
    fn each<'a>(
        &'a self,
        context: &mut Context<'a>,
        mut visit: impl FnMut(&mut Context<'a>) -> Result<bool, Fault<'a>>,
    ) -> Result<(), Fault<'a>> {
        let elements = Elements::of(self.range.value(context)?)?;
        let mut at = 0;
        while let Some(element) = elements.element(at, context.subject) {
            context.spend(1)?;
            context.locals.push(element);
            let more = visit(context);
            context.locals.pop();
            if !more? {
                break;
            }
            at += 1;
        }
        Ok(())
    }

    /// `all`, `exists` and `exists_one`.
    pub(super) fn decide<'a>(&'a self, context: &mut Context<'a>) -> Result<bool, Fault<'a>> {
        let Some(body) = &self.body else {
            return Err(Fault::NoSuchOverload(""));
        };
        if self.kind == LoopKind::ExistsOne {
            let mut count = 0_usize;
            self.each(context, |context| {
                count += usize::from(body.test(context)?);
                Ok(true)
            })?;
            return Ok(count == 1);
        }
        let deciding = self.kind == LoopKind::Exists;
        let mut decided = false;
        let mut fault = None;
        self.each(context, |context| {
            match body.test(context) {
                Ok(value) => decided = value == deciding,
                Err(found) => fault = fault.take().or(Some(found)),
            }
            Ok(!decided)
        })?;
        match fault {
            Some(fault) if !decided => Err(fault),
            _ => Ok(decided == deciding),
        }
    }

    /// `map` and `filter`.
    pub(super) fn collect<'a>(&'a self, context: &mut Context<'a>) -> Outcome<'a> {
        let mut items = Vec::new();
        self.each(context, |context| {
            if let Some(filter) = &self.filter
                && !filter.test(context)?
            {
                return Ok(true);
            }
            let item = match &self.body {
                Some(body) => Some(body.value(context)?),
                None => context.locals.last().cloned(),
            };
            items.extend(item);
            Ok(true)
        })?;
        Ok(Value::List(items.into()))
    }
}
