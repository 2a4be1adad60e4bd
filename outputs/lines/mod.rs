//! Metrics as lines of one body, with the place of each: what the outputs for InfluxDB have in common.
//!
//! A server may refuse a body as too large, may name its database by a tag, may take one part and refuse another. So all
//! metrics of a write are serialised once, one behind the other and group by group, and every request is a slice of that one
//! text; the agent is told in the end which metrics are where.

use agent_api::options::{Item, Setting, Span};
use agent_api::plugin::{BoxSerializer, Build, Family, find};
use agent_api::*;
use bytes::Bytes;
use std::ops::Range;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// The serializer of line protocol, found in the registry as the outputs know no format.
pub(crate) fn influx(env: &Env, options: &[(&str, Setting)]) -> Result<BoxSerializer> {
    let Some(Build::Serializer(make)) = find(Family::Serializers, "influx").map(|entry| entry.build) else {
        bail!("this binary was built without the serializer influx");
    };
    let mut table = Table::default();
    for (key, value) in options {
        table.set(key, Span::default(), Item { value: value.clone(), span: Span::default() });
    }
    Ok(make(&table, env)?)
}

/// A metric with its place in the write.
pub(crate) type Placed<'a> = (usize, MetricRef<'a>);

/// Writes metrics as lines; keeps its memory from write to write.
pub(crate) struct Lines {
    serializer: BoxSerializer,
    memory: Vec<u8>,
    scratch: Batch,
}

/// The metrics of a write as one text.
pub(crate) struct Sheet {
    text: Bytes,
    /// For each line of the sheet: where it ends in the text, and the place of its metric in the write.
    lines: Vec<(usize, usize)>,
    /// The lines of each group.
    pub(crate) groups: Vec<Range<usize>>,
    /// Places of metrics that cannot be written as lines.
    poison: Vec<usize>,
    poison_cause: Option<Error>,
}

impl Lines {
    pub(crate) fn new(serializer: BoxSerializer) -> Self {
        Lines { serializer, memory: Vec::new(), scratch: Batch::new() }
    }

    /// Writes the groups one after the other, leaving the tags `without` out.
    pub(crate) fn write(&mut self, groups: &[Vec<Placed<'_>>], without: &[&str]) -> Sheet {
        let mut text = std::mem::take(&mut self.memory);
        let mut sheet =
            Sheet { text: Bytes::new(), lines: Vec::new(), groups: Vec::new(), poison: Vec::new(), poison_cause: None };
        sheet.lines.reserve(groups.iter().map(Vec::len).sum());
        for group in groups {
            let from = sheet.lines.len();
            for &(place, metric) in group {
                let start = text.len();
                let written = if without.is_empty() {
                    self.serializer.serialize(metric, &mut text)
                } else {
                    self.scratch.clear();
                    let row = self.scratch.push(metric);
                    for tag in without {
                        self.scratch.at_mut(row).remove_tag(tag);
                    }
                    self.serializer.serialize(self.scratch.at(row), &mut text)
                };
                match written {
                    Ok(()) => sheet.lines.push((text.len(), place)),
                    Err(cause) => {
                        text.truncate(start);
                        sheet.poison.push(place);
                        sheet.poison_cause.get_or_insert(cause);
                    }
                }
            }
            sheet.groups.push(from..sheet.lines.len());
        }
        sheet.text = Bytes::from(text);
        sheet
    }

    /// Takes the memory of a sheet back.
    pub(crate) fn reuse(&mut self, sheet: Sheet) {
        self.memory = agent_net::coding::reclaim(sheet.text);
    }
}

impl Sheet {
    /// The text of some lines; shares the memory.
    pub(crate) fn text(&self, lines: &Range<usize>) -> Bytes {
        self.text.slice(self.start(lines.start)..self.start(lines.end))
    }

    fn start(&self, line: usize) -> usize {
        match line.checked_sub(1) {
            Some(before) => self.lines[before].0,
            None => 0,
        }
    }

    /// How many lines of a range, from its begin, have at most so many bytes together.
    pub(crate) fn fitting(&self, lines: &Range<usize>, bytes: usize) -> usize {
        let start = self.start(lines.start);
        self.lines[lines.clone()].partition_point(|(end, _)| end - start <= bytes)
    }

    fn places(&self, lines: &Range<usize>) -> impl Iterator<Item = usize> {
        self.lines[lines.clone()].iter().map(|line| line.1)
    }

    /// What is to be told to the agent about this sheet, with nothing written yet.
    pub(crate) fn outcome(&mut self) -> Outcome {
        Outcome { rejected: std::mem::take(&mut self.poison), cause: self.poison_cause.take(), ..Outcome::default() }
    }
}

/// What became of the metrics of a write.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    written: Vec<usize>,
    rejected: Vec<usize>,
    kept: usize,
    cause: Option<Error>,
    after: Option<Duration>,
}

impl Outcome {
    /// These lines are done.
    pub(crate) fn write(&mut self, sheet: &Sheet, lines: &Range<usize>) {
        self.written.extend(sheet.places(lines));
    }

    /// These lines can never be written.
    pub(crate) fn reject(&mut self, sheet: &Sheet, lines: &Range<usize>, cause: Error) {
        self.rejected.extend(sheet.places(lines));
        self.cause.get_or_insert(cause);
    }

    /// These lines are to be tried again, not before `after`.
    pub(crate) fn keep(&mut self, lines: &Range<usize>, cause: Option<Error>, after: Option<Duration>) {
        self.kept += lines.len();
        if let Some(cause) = cause {
            self.cause.get_or_insert(cause);
        }
        self.after = self.after.max(after);
    }

    /// Puts what another part of the write came to with this one.
    pub(crate) fn join(&mut self, other: Outcome) {
        self.written.extend(other.written);
        self.rejected.extend(other.rejected);
        self.kept += other.kept;
        self.after = self.after.max(other.after);
        if let Some(cause) = other.cause {
            self.cause.get_or_insert(cause);
        }
    }

    /// The result of the write.
    pub(crate) fn result(mut self) -> Result<(), WriteError> {
        let cause = self.cause.take().unwrap_or_else(|| anyhow!("not everything was written"));
        self.written.sort_unstable();
        self.rejected.sort_unstable();
        match (self.written.is_empty(), self.rejected.is_empty(), self.kept) {
            (_, true, 0) => Ok(()),
            (_, false, 0) => Err(WriteError::Reject { indices: self.rejected, cause }),
            (true, true, _) => Err(WriteError::Retry { cause, after: self.after }),
            _ => Err(WriteError::Partial { written: self.written, rejected: self.rejected, cause }),
        }
    }
}
