//! Reading the objects of a checked document into metrics: all of them, or those of a part of an array, beside others who read other parts.

use super::number;
use super::parser::bad;
use super::roles::{Role, Roles};
use super::time::TimeKey;
use super::walk::{Leaf, Room, Walk};
use crate::jsontext::{skip_space, unescape};
use agent_api::*;
use agent_golang::number::{FloatStyle, append_float};

/// Makes metrics of objects.
#[derive(Clone)]
pub(super) struct Reader {
    name: String,
    name_key: String,
    time: Option<TimeKey>,
    strict: bool,
    roles: Roles,
    room: Room,
    scratch: String,
}

/// Objects of a document one behind the other, with nothing but commas in between.
#[derive(Clone, Copy)]
pub(super) struct Objects<'a> {
    pub(super) text: &'a str,
    /// Where the first begins.
    pub(super) from: usize,
    /// All that begin before this place belong to it.
    pub(super) to: usize,
}

/// The times of objects in their order; None for one that is to be left out.
pub(super) type Times = Vec<Option<i64>>;

impl Objects<'_> {
    /// Calls `with` on the place of each object; it gives the place behind it.
    fn each(self, mut with: impl FnMut(usize) -> Result<usize, ParseError>) -> Result<(), ParseError> {
        let bytes = self.text.as_bytes();
        let mut at = self.from;
        while at < self.to && bytes.get(at) == Some(&b'{') {
            at = skip_space(bytes, with(at)?);
            if bytes.get(at) == Some(&b',') {
                at = skip_space(bytes, at + 1);
            }
        }
        Ok(())
    }
}

impl Reader {
    /// A reader; its metrics have the `name` where there is no text at `name_key`.
    pub(super) fn new(name: String, name_key: String, time: Option<TimeKey>, strict: bool, roles: Roles) -> Self {
        Reader { name, name_key, time, strict, roles, room: Room::default(), scratch: String::new() }
    }

    /// True if objects have times of their own.
    pub(super) fn has_times(&self) -> bool {
        self.time.is_some()
    }

    /// The times of all objects; nothing where they have none of their own. An error if one is missing or bad and that is to be strict.
    pub(super) fn times(&mut self, objects: Objects<'_>) -> Result<Option<Times>, ParseError> {
        if !self.has_times() {
            return Ok(None);
        }
        let mut times = Vec::new();
        objects.each(|at| self.time(objects.text, at, &mut times))?;
        Ok(Some(times))
    }

    /// Adds the metrics of all objects, with the times that were read of them beforehand.
    pub(super) fn read(
        &mut self,
        objects: Objects<'_>,
        times: Option<&[Option<i64>]>,
        out: &mut Collector,
    ) -> Result<(), ParseError> {
        let mut times = times.map(|times| times.iter());
        objects.each(|at| {
            // An object whose time is bad is stepped over, its metric thrown away.
            let time = times.as_mut().map(|times| times.next().copied().flatten());
            let next = self.object(objects.text, at, time, out)?;
            out.checkpoint();
            Ok(next)
        })
    }

    /// Finds the time of the object at `at`; None is added for one that is to be left out. Gives the place behind the object.
    fn time(&mut self, text: &str, at: usize, times: &mut Times) -> Result<usize, ParseError> {
        let Some(time) = &self.time else { return Ok(at) };
        let mut walk = Walk::new(text, at, &mut self.room);
        let mut result = Err(format!("json_time_key {:?} could not be found", time.key));
        while let Some(leaf) = walk.next() {
            let leaf = leaf.map_err(|cause| bad(text, at, cause))?;
            if walk.key() == time.key {
                result = time.read(leaf, &mut self.scratch);
            }
        }
        match result {
            Ok(time) => times.push(Some(time)),
            Err(_) if !self.strict => times.push(None),
            Err(cause) => return Err(bad(text, at, cause)),
        }
        Ok(walk.at())
    }

    /// The text of the member that names the metric, in `scratch`; false if there is none.
    fn named(&mut self, text: &str, at: usize) -> bool {
        let mut found = false;
        let mut walk = Walk::new(text, at, &mut self.room);
        while let Some(Ok(leaf)) = walk.next() {
            if let Leaf::Text(value, escaped) = leaf
                && walk.key() == self.name_key
            {
                found = true;
                self.scratch.clear();
                if escaped { unescape(value, &mut self.scratch) } else { self.scratch.push_str(value) }
            }
        }
        found
    }

    /// Adds the metric of the object at `at`, unless it has no time although it should; gives the place behind the object.
    fn object(
        &mut self,
        text: &str,
        at: usize,
        time: Option<Option<i64>>,
        out: &mut Collector,
    ) -> Result<usize, ParseError> {
        let by_key = !self.name_key.is_empty() && self.named(text, at);
        let mut m = out.metric(if by_key { &self.scratch } else { &self.name });
        if let Some(Some(time)) = time {
            m = m.time(time);
        }
        let mut walk = Walk::new(text, at, &mut self.room);
        let mut n = 0;
        while let Some(leaf) = walk.next() {
            let leaf = match leaf {
                Ok(leaf) => leaf,
                Err(cause) => {
                    m.discard();
                    return Err(bad(text, at, cause));
                }
            };
            let key = walk.key();
            let role = self.roles.of(key, n);
            n += 1;
            match (role, leaf) {
                (Role::Nothing, _) => {}
                (Role::Tag, Leaf::Text(value, false)) => m.add_tag(key, value),
                (Role::Tag, Leaf::Text(value, true)) => {
                    self.scratch.clear();
                    unescape(value, &mut self.scratch);
                    m.add_tag(key, &self.scratch);
                }
                (Role::Tag, Leaf::Bool(value)) => m.add_tag(key, if value { "true" } else { "false" }),
                (Role::Tag, Leaf::Number(value)) => {
                    self.scratch.clear();
                    append_float(number(value), FloatStyle::Plain, &mut self.scratch);
                    m.add_tag(key, &self.scratch);
                }
                (_, Leaf::Number(value)) => m.add_field(key, number(value)),
                (Role::Field, Leaf::Text(value, false)) => m.add_field(key, value),
                (Role::Field, Leaf::Text(value, true)) => {
                    self.scratch.clear();
                    unescape(value, &mut self.scratch);
                    m.add_field(key, self.scratch.as_str());
                }
                (Role::Field, Leaf::Bool(value)) => m.add_field(key, value),
                (Role::Number, _) => {}
            }
        }
        if time == Some(None) {
            m.discard();
        }
        Ok(walk.at())
    }
}
