//! Compiles a pattern into instructions of a backtracking matcher.

use super::set::{First, Set};
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    /// What can come at each step.
    pub(super) first: Vec<First>,
    pub(super) sets: Vec<Set>,
    pub(super) literals: Vec<Box<[u8]>>,
    /// It matches at the begin of a text or not at all.
    pub(super) anchored: bool,
}

/// One instruction; those that do not say otherwise go on with the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Byte(u8),
    /// A text, by number.
    Literal(u32),
    /// One character of a set.
    Char(u32),
    Run(Run),
    /// The first way, and if it fails the second.
    Split(u32, u32),
    Jump(u32),
    /// Notes the place.
    Save(u32),
    Look(Look),
    End,
}

/// Characters of one set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) set: u32,
    pub(super) least: u32,
    /// `u32::MAX` is any number.
    pub(super) most: u32,
    pub(super) how: How,
}

/// How many characters a run takes first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum How {
    /// As many as there are, and then fewer.
    Many,
    /// As many as there are: what follows cannot begin with one of them.
    All,
    /// As few as are allowed, and then more.
    Few,
    /// The same over any characters of the line, and what follows begins with this byte.
    Until(u8),
}

/// Longer programs are left to the engine.
const MOST_STEPS: usize = 20_000;

/// Compiles; None for what backtracking does not do well: loops over what may be empty, and very long programs. `slots` says
/// for each group at which slot its begin is noted.
pub(super) fn compile(hir: &Hir, slots: &[Option<u32>]) -> Option<Program> {
    let mut compiler = Compiler { steps: Vec::new(), sets: Vec::new(), literals: Vec::new(), slots };
    compiler.emit(hir)?;
    compiler.push(Step::End)?;
    let Compiler { mut steps, sets, literals, .. } = compiler;
    let first = first(&steps, &sets, &literals);
    for (step, follow) in steps.iter_mut().zip(&first[1..]) {
        if let Step::Run(run) = step {
            run.how = sharpen(run, &sets, follow);
        }
    }
    let anchored = hir.properties().look_set_prefix().contains(Look::Start);
    Some(Program { steps, first, sets, literals, anchored })
}

/// A run that need not try as much, as what follows decides.
fn sharpen(run: &Run, sets: &[Set], follow: &First) -> How {
    let set = &sets[run.set as usize];
    match run.how {
        How::Many if !follow.empty && set.first().is_disjoint(follow) => How::All,
        How::Few if run.most == u32::MAX && set.is_dot() => follow.only().map_or(How::Few, How::Until),
        how => how,
    }
}

struct Compiler<'s> {
    steps: Vec<Step>,
    sets: Vec<Set>,
    literals: Vec<Box<[u8]>>,
    slots: &'s [Option<u32>],
}

impl Compiler<'_> {
    fn push(&mut self, step: Step) -> Option<usize> {
        self.steps.push(step);
        (self.steps.len() <= MOST_STEPS).then_some(self.steps.len() - 1)
    }

    fn here(&self) -> u32 {
        self.steps.len() as u32
    }

    fn set(&mut self, set: Set) -> u32 {
        let known = self.sets.iter().position(|own| *own == set);
        known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        }) as u32
    }

    fn emit(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => match literal.0[..] {
                [byte] => {
                    self.push(Step::Byte(byte))?;
                }
                _ => {
                    self.literals.push(literal.0.clone());
                    self.push(Step::Literal(self.literals.len() as u32 - 1))?;
                }
            },
            HirKind::Class(class) => {
                let set = class_set(class)?;
                let set = self.set(set);
                self.push(Step::Char(set))?;
            }
            HirKind::Look(look) => {
                let known = matches!(
                    look,
                    Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::WordAscii | Look::WordAsciiNegate
                );
                self.push(Step::Look(known.then_some(*look)?))?;
            }
            HirKind::Repetition(repetition) => self.repetition(repetition)?,
            HirKind::Capture(capture) => match self.slots.get(capture.index as usize).copied().flatten() {
                Some(slot) => {
                    self.push(Step::Save(slot))?;
                    self.emit(&capture.sub)?;
                    self.push(Step::Save(slot + 1))?;
                }
                None => self.emit(&capture.sub)?,
            },
            HirKind::Concat(parts) => {
                for part in parts {
                    self.emit(part)?;
                }
            }
            HirKind::Alternation(ways) => {
                let mut ends = Vec::new();
                for (i, way) in ways.iter().enumerate() {
                    if i + 1 == ways.len() {
                        self.emit(way)?;
                        break;
                    }
                    let split = self.push(Step::Split(0, 0))?;
                    let begin = self.here();
                    self.emit(way)?;
                    ends.push(self.push(Step::Jump(0))?);
                    self.steps[split] = Step::Split(begin, self.here());
                }
                for end in ends {
                    self.steps[end] = Step::Jump(self.here());
                }
            }
        }
        Some(())
    }

    fn repetition(&mut self, repetition: &Repetition) -> Option<()> {
        let Repetition { min, max, greedy, sub } = repetition;
        if let Some(set) = single(sub) {
            let set = self.set(set);
            let how = if *greedy { How::Many } else { How::Few };
            self.push(Step::Run(Run { set, least: *min, most: max.unwrap_or(u32::MAX), how }))?;
            return Some(());
        }
        for _ in 0..*min {
            self.emit(sub)?;
        }
        let split = |way: u32, past: u32| if *greedy { Step::Split(way, past) } else { Step::Split(past, way) };
        let Some(max) = max else {
            // A round without a character would go on for ever.
            if sub.properties().minimum_len().unwrap_or(0) == 0 {
                return None;
            }
            let at = self.push(Step::Split(0, 0))?;
            self.emit(sub)?;
            self.push(Step::Jump(at as u32))?;
            self.steps[at] = split(at as u32 + 1, self.here());
            return Some(());
        };
        let mut splits = Vec::new();
        for _ in *min..*max {
            splits.push(self.push(Step::Split(0, 0))?);
            self.emit(sub)?;
        }
        for at in splits {
            self.steps[at] = split(at as u32 + 1, self.here());
        }
        Some(())
    }
}

fn class_set(class: &Class) -> Option<Set> {
    match class {
        Class::Unicode(class) => Some(Set::unicode(class)),
        Class::Bytes(class) => Set::bytes(class),
    }
}

/// The set of what is always one character.
fn single(hir: &Hir) -> Option<Set> {
    match hir.kind() {
        HirKind::Class(class) => class_set(class),
        HirKind::Literal(literal) => {
            let mut chars = std::str::from_utf8(&literal.0).ok()?.chars();
            let char = chars.next()?;
            chars.next().is_none().then(|| Set::char(char))
        }
        _ => None,
    }
}

/// What can come at each step, by going over all steps until nothing is new.
fn first(steps: &[Step], sets: &[Set], literals: &[Box<[u8]>]) -> Vec<First> {
    let mut all = vec![First::default(); steps.len() + 1];
    loop {
        let mut changed = false;
        for (at, step) in steps.iter().enumerate().rev() {
            let new = match step {
                Step::Byte(byte) => First::byte(*byte),
                Step::Literal(literal) => literals[*literal as usize].first().map_or(all[at + 1], |b| First::byte(*b)),
                Step::Char(set) => sets[*set as usize].first(),
                Step::Run(run) => {
                    let own = sets[run.set as usize].first();
                    if run.least == 0 { own.union(&all[at + 1]) } else { own }
                }
                Step::Split(a, b) => all[*a as usize].union(&all[*b as usize]),
                Step::Jump(to) => all[*to as usize],
                Step::Save(_) | Step::Look(_) => all[at + 1],
                Step::End => First::END,
            };
            changed |= new != all[at];
            all[at] = new;
        }
        if !changed {
            return all;
        }
    }
}
