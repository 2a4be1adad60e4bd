//! Finds the named groups of a pattern, fast: for parsers that take lines apart.
//!
//! A general engine finds where a match begins and ends at the speed of a table, but to say where its groups are it falls back to
//! simulations that are ten to a hundred times slower. Patterns of log lines hardly need that: what follows a run of characters
//! mostly cannot begin with one of them, so that the next byte decides. This matcher backtracks over characters, runs of characters
//! and alternatives, looks one byte ahead to leave out what cannot match, and has a budget for each text. Where the budget
//! does not do, or the pattern is not of this kind, the engine answers; both mean the same, which the tests check.

mod program;
mod run;
mod set;

use super::{RegexpError, cause, translate};
use memchr::memmem::Finder;
use program::Program;
use regex::{CaptureLocations, Regex};
use regex_syntax::hir::{Hir, HirKind};
use run::{NOWHERE, State};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// A compiled pattern in Go's syntax; cloning shares it.
#[derive(Clone, Debug)]
pub struct Matcher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pattern: Box<str>,
    /// For the engine.
    translated: Box<str>,
    /// The name of each group, the whole match (which has none) first.
    names: Box<[Option<Box<str>>]>,
    /// For each group the slot of its begin; only groups with a name have one.
    slots: Box<[Option<u32>]>,
    /// The number of slots.
    width: usize,
    program: Option<Program>,
    /// A text without which nothing matches.
    needed: Option<Finder<'static>>,
    engine: OnceLock<Result<Regex, RegexpError>>,
}

/// Where the groups of a match are; kept from search to search so that nothing is allocated.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    state: State,
    locations: Option<CaptureLocations>,
}

impl Groups {
    /// Begin and end in bytes of the group that begins at a slot; see [`Matcher::groups`].
    #[inline]
    pub fn at(&self, slot: usize) -> Option<(usize, usize)> {
        match (self.state.slots.get(slot), self.state.slots.get(slot + 1)) {
            (Some(&from), Some(&to)) if from != NOWHERE && to != NOWHERE => Some((from as usize, to as usize)),
            _ => None,
        }
    }
}

/// The engine may use so many bytes for a program.
const ENGINE_BYTES: usize = 64 << 20;
/// Longer programs are tried with the engine when they are compiled, as it may find them too large.
const LONG: usize = 2_000;

impl Matcher {
    /// Compiles a pattern in Go's syntax. One that is in use already is shared: every file that is followed has a parser of its
    /// own, but their patterns are the same.
    pub fn compile(pattern: &str) -> Result<Matcher, RegexpError> {
        static IN_USE: Mutex<BTreeMap<Box<str>, Weak<Inner>>> = Mutex::new(BTreeMap::new());
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inner) = in_use.get(pattern).and_then(Weak::upgrade) {
            return Ok(Matcher(inner));
        }
        let inner = Arc::new(Inner::compile(pattern)?);
        in_use.retain(|_, inner| inner.strong_count() > 0);
        in_use.insert(pattern.into(), Arc::downgrade(&inner));
        Ok(Matcher(inner))
    }

    /// The groups that have a name: the name and the slot that [`Groups::at`] takes.
    pub fn groups(&self) -> impl Iterator<Item = (&str, usize)> {
        let pairs = self.0.names.iter().zip(&self.0.slots);
        pairs.filter_map(|(name, slot)| Some((name.as_deref()?, slot.as_ref().copied()? as usize)))
    }

    /// Finds the leftmost match and notes its groups. An error means that the engine cannot be built for this pattern.
    pub fn find(&self, text: &str, groups: &mut Groups) -> Result<bool, RegexpError> {
        let inner = &*self.0;
        if let Some(needed) = &inner.needed
            && needed.find(text.as_bytes()).is_none()
        {
            return Ok(false);
        }
        groups.state.slots.resize(inner.width, NOWHERE);
        if let Some(program) = &inner.program
            && let Ok(found) = run::search(program, text, &mut groups.state)
        {
            return Ok(found);
        }
        inner.ask_engine(text, groups)
    }
}

impl Inner {
    fn compile(pattern: &str) -> Result<Inner, RegexpError> {
        let translated = translate::translate(pattern).map_err(|cause| RegexpError::new(pattern, cause))?;
        let hir = regex_syntax::Parser::new().parse(&translated.pattern).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            RegexpError::new(pattern, last.trim_start_matches("error: "))
        })?;
        let mut count = 0;
        let slots: Box<[Option<u32>]> = translated
            .names
            .iter()
            .map(|name| {
                name.as_ref().map(|_| {
                    count += 2;
                    count - 2
                })
            })
            .collect();
        let program = program::compile(&hir, &slots);
        let inner = Inner {
            pattern: pattern.into(),
            translated: translated.pattern.into(),
            names: translated.names.into(),
            slots,
            width: count as usize,
            needed: needed(&hir).map(|text| Finder::new(text).into_owned()),
            program,
            engine: OnceLock::new(),
        };
        if inner.program.as_ref().is_none_or(|program| program.steps.len() > LONG) {
            inner.engine().map_err(Clone::clone)?;
        }
        Ok(inner)
    }

    fn engine(&self) -> Result<&Regex, &RegexpError> {
        let engine = self.engine.get_or_init(|| {
            let built = regex::RegexBuilder::new(&self.translated).size_limit(ENGINE_BYTES).build();
            built.map_err(|error| RegexpError::new(&self.pattern, cause(&error)))
        });
        engine.as_ref()
    }

    fn ask_engine(&self, text: &str, groups: &mut Groups) -> Result<bool, RegexpError> {
        let engine = self.engine().map_err(Clone::clone)?;
        // Asking where comes first: most texts that come here do not match, and that is known soon.
        let Some(found) = engine.find(text) else { return Ok(false) };
        let wanted = engine.captures_len();
        let locations = match &mut groups.locations {
            Some(own) if own.len() == wanted => own,
            own => own.insert(engine.capture_locations()),
        };
        if engine.captures_read_at(locations, text, found.start()).is_none() {
            return Ok(false);
        }
        for (group, slot) in self.slots.iter().enumerate() {
            let Some(slot) = slot else { continue };
            let place = locations.get(group);
            let place = place.and_then(|(from, to)| Some((u32::try_from(from).ok()?, u32::try_from(to).ok()?)));
            let (from, to) = place.unwrap_or((NOWHERE, NOWHERE));
            groups.state.slots[*slot as usize] = from;
            groups.state.slots[*slot as usize + 1] = to;
        }
        Ok(true)
    }
}

/// The longest text, of at least two bytes, that every match has to have.
fn needed(hir: &Hir) -> Option<&[u8]> {
    let found = match hir.kind() {
        HirKind::Literal(literal) => Some(&literal.0[..]),
        HirKind::Capture(capture) => needed(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => needed(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(needed).max_by_key(|text| text.len()),
        _ => None,
    };
    found.filter(|text| text.len() >= 2)
}

#[cfg(test)]
mod tests;
