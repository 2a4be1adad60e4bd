//! Runs a program over a text, with what is left to try on a stack and a bound on the work.

use super::program::{How, Program, Run, Step};
use super::set::{First, Set};
use regex_syntax::hir::Look;

/// No place.
pub(super) const NOWHERE: u32 = u32::MAX;

/// What a search needs and leaves behind.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Begin and end of each group.
    pub(super) slots: Vec<u32>,
    stack: Vec<Frame>,
}

/// What is done when nothing else is left to try.
#[derive(Clone, Copy, Debug)]
enum Frame {
    Restore {
        slot: u32,
        old: u32,
    },
    Go {
        pc: u32,
        at: u32,
    },
    /// A run that may end earlier, not before `low`.
    Shrink {
        pc: u32,
        low: u32,
        at: u32,
    },
    /// A run that may take more, at most `left` characters.
    Grow {
        pc: u32,
        at: u32,
        left: u32,
    },
}

/// So many bytes that a run looks at in one go cost as much as a step.
const GO: usize = 8;

/// The pattern takes more work than is reasonable for a text of this length: another method is better.
#[derive(Debug, PartialEq)]
pub(super) struct GaveUp;

/// Finds the leftmost match, the first in the order of the pattern's alternatives, and notes its groups.
pub(super) fn search(program: &Program, text: &str, state: &mut State) -> Result<bool, GaveUp> {
    // Places have 32 bits.
    if text.len() >= NOWHERE as usize {
        return Err(GaveUp);
    }
    let bytes = text.as_bytes();
    let lead = &program.first[0];
    let mut budget = 16 * text.len() + 2048;
    let mut start = 0;
    loop {
        if !lead.empty {
            let Some(found) = bytes[start..].iter().position(|&byte| lead.has(byte)) else { return Ok(false) };
            if program.anchored && found > 0 {
                return Ok(false);
            }
            start += found;
        }
        if matches(program, text, start, state, &mut budget)? {
            return Ok(true);
        }
        if program.anchored || start == bytes.len() {
            return Ok(false);
        }
        start += 1;
        while start < bytes.len() && !text.is_char_boundary(start) {
            start += 1;
        }
    }
}

/// Whether the program matches at `start`.
fn matches(program: &Program, text: &str, start: usize, state: &mut State, budget: &mut usize) -> Result<bool, GaveUp> {
    let bytes = text.as_bytes();
    let State { slots, stack } = state;
    slots.fill(NOWHERE);
    stack.clear();
    let (mut pc, mut at) = (0, start);
    // Without anything left to try there is nothing to restore.
    let mut choices = 0usize;
    // Bytes that the runs of the last step looked at.
    let mut seen = 0;
    loop {
        *budget = budget.checked_sub(1 + std::mem::take(&mut seen) / GO).ok_or(GaveUp)?;
        let went_on = match program.steps[pc] {
            Step::Byte(byte) if bytes.get(at) == Some(&byte) => {
                at += 1;
                true
            }
            Step::Byte(_) => false,
            Step::Literal(literal) => {
                let literal = &program.literals[literal as usize];
                let found = bytes[at..].starts_with(literal);
                at += if found { literal.len() } else { 0 };
                found
            }
            Step::Char(set) => match program.sets[set as usize].step(text, at) {
                Some(next) => {
                    at = next;
                    true
                }
                None => false,
            },
            Step::Run(run) => match begin(program, pc, &run, text, at, &mut seen) {
                Some((next, frame)) => {
                    if let Some(frame) = frame {
                        stack.push(frame);
                        choices += 1;
                    }
                    at = next;
                    true
                }
                None => false,
            },
            Step::Split(a, b) => {
                let next = bytes.get(at);
                let (first, second) = (&program.first[a as usize], &program.first[b as usize]);
                if first.allows(next) {
                    if second.allows(next) {
                        stack.push(Frame::Go { pc: b, at: at as u32 });
                        choices += 1;
                    }
                    pc = a as usize;
                    continue;
                }
                if second.allows(next) {
                    pc = b as usize;
                    continue;
                }
                false
            }
            Step::Jump(to) => {
                pc = to as usize;
                continue;
            }
            Step::Save(slot) => {
                if choices > 0 {
                    stack.push(Frame::Restore { slot, old: slots[slot as usize] });
                }
                slots[slot as usize] = at as u32;
                true
            }
            Step::Look(look) => holds(look, bytes, at),
            Step::End => return Ok(true),
        };
        if went_on {
            pc += 1;
            continue;
        }
        loop {
            *budget = budget.checked_sub(1 + std::mem::take(&mut seen) / GO).ok_or(GaveUp)?;
            match stack.pop() {
                None => return Ok(false),
                Some(Frame::Restore { slot, old }) => slots[slot as usize] = old,
                Some(Frame::Go { pc: to, at: from }) => {
                    (pc, at) = (to as usize, from as usize);
                    choices -= 1;
                    break;
                }
                Some(frame) => {
                    choices -= 1;
                    if let Some((run, next, again)) = resume(program, frame, text, &mut seen) {
                        if let Some(again) = again {
                            stack.push(again);
                            choices += 1;
                        }
                        (pc, at) = (run + 1, next);
                        break;
                    }
                }
            }
        }
    }
}

/// Begins a run: where it ends first, and what else is to be tried. Adds the bytes that it looks at to `seen`, as those below do.
#[inline]
fn begin(
    program: &Program,
    pc: usize,
    run: &Run,
    text: &str,
    at: usize,
    seen: &mut usize,
) -> Option<(usize, Option<Frame>)> {
    let set = &program.sets[run.set as usize];
    let mut low = at;
    for _ in 0..run.least {
        low = set.step(text, low)?;
    }
    let left = if run.most == u32::MAX { u32::MAX } else { run.most - run.least };
    let all = |seen: &mut usize| {
        let end = set.skip(text, low, left);
        *seen += end - low;
        end
    };
    match run.how {
        How::All => Some((all(seen), None)),
        How::Many => shrink(program, pc, low, all(seen), text, seen),
        How::Few | How::Until(_) => grow(program, pc, low, left, text, seen),
    }
}

/// Ends a run at or before `at` where what follows can begin.
#[inline]
fn shrink(
    program: &Program,
    pc: usize,
    low: usize,
    mut at: usize,
    text: &str,
    seen: &mut usize,
) -> Option<(usize, Option<Frame>)> {
    let follow = &program.first[pc + 1];
    let bytes = text.as_bytes();
    let from = at;
    loop {
        if follow.allows(bytes.get(at)) && (at == bytes.len() || text.is_char_boundary(at)) {
            let more = at > low;
            *seen += from - at;
            return Some((at, more.then_some(Frame::Shrink { pc: pc as u32, low: low as u32, at: at as u32 })));
        }
        if at <= low {
            *seen += from - at;
            return None;
        }
        at -= 1;
    }
}

/// Ends a run at or behind `at` where what follows can begin.
#[inline]
fn grow(
    program: &Program,
    pc: usize,
    at: usize,
    mut left: u32,
    text: &str,
    seen: &mut usize,
) -> Option<(usize, Option<Frame>)> {
    let Step::Run(run) = program.steps[pc] else { return None };
    let set = &program.sets[run.set as usize];
    let follow = &program.first[pc + 1];
    let bytes = text.as_bytes();
    let found = match run.how {
        How::Until(byte) => {
            let found = memchr::memchr2(byte, b'\n', &bytes[at..]).map_or(bytes.len(), |found| at + found);
            *seen += found - at;
            if bytes.get(found) != Some(&byte) {
                return None;
            }
            found
        }
        _ if left == u32::MAX && set.is_plain() => {
            let end = next_in_line(set, follow, bytes, at);
            let (Ok(found) | Err(found)) = end;
            *seen += found - at;
            end.ok()?
        }
        _ => {
            let mut at = at;
            while !follow.allows(bytes.get(at)) {
                if left == 0 {
                    return None;
                }
                *seen += 1;
                at = set.step(text, at)?;
                left -= u32::from(left != u32::MAX);
            }
            at
        }
    };
    let more = left > 0 && found < bytes.len();
    Some((found, more.then_some(Frame::Grow { pc: pc as u32, at: found as u32, left })))
}

/// The first place from `at` on, over characters of the set, where what follows can begin; else where it ended.
#[inline]
fn next_in_line(set: &Set, follow: &First, bytes: &[u8], at: usize) -> Result<usize, usize> {
    for (i, &byte) in bytes[at..].iter().enumerate() {
        let is_boundary = byte & 0xc0 != 0x80;
        if is_boundary && (follow.empty || follow.has(byte)) {
            return Ok(at + i);
        }
        if !set.table[usize::from(byte)] {
            return Err(at + i);
        }
    }
    if follow.empty { Ok(bytes.len()) } else { Err(bytes.len()) }
}

/// The next way of a run: its step, where it ends, and what else is to be tried.
fn resume(program: &Program, frame: Frame, text: &str, seen: &mut usize) -> Option<(usize, usize, Option<Frame>)> {
    let (pc, (next, again)) = match frame {
        Frame::Shrink { pc, low, at } => {
            (pc as usize, shrink(program, pc as usize, low as usize, at as usize - 1, text, seen)?)
        }
        Frame::Grow { pc, at, left } => {
            let Step::Run(run) = program.steps[pc as usize] else { return None };
            let next = program.sets[run.set as usize].step(text, at as usize)?;
            let left = if left == u32::MAX { left } else { left - 1 };
            (pc as usize, grow(program, pc as usize, next, left, text, seen)?)
        }
        Frame::Restore { .. } | Frame::Go { .. } => return None,
    };
    Some((pc, next, again))
}

/// Whether an assertion holds between the bytes around `at`.
fn holds(look: Look, bytes: &[u8], at: usize) -> bool {
    let word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let before = at.checked_sub(1).and_then(|at| bytes.get(at));
    let after = bytes.get(at);
    match look {
        Look::Start => at == 0,
        Look::End => at == bytes.len(),
        Look::StartLF => before.is_none_or(|byte| *byte == b'\n'),
        Look::EndLF => after.is_none_or(|byte| *byte == b'\n'),
        Look::WordAscii => word(before) != word(after),
        Look::WordAsciiNegate => word(before) == word(after),
        // The compiler lets no other pass.
        _ => false,
    }
}
