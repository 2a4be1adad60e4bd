//! Which metric each object of a script stands for.
//!
//! An object that a script holds must keep its meaning for as long as it is held, but rows of a batch are gone when the batch goes
//! on. So objects are numbers of slots, and a slot holds a row of the batch at hand or, once the batch has gone on, a copy.

use agent_api::{Batch, Metric, MetricMut, MetricRef};
use agent_starlark::{Error, Result};

/// The metrics that objects stand for.
#[derive(Default)]
pub(crate) struct Store {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The slots below are of metrics made at the top of the script, which nothing can change.
    frozen: u32,
}

enum Slot {
    Free,
    /// A row of the batch at hand.
    Row(u32),
    Own(Metric),
}

impl Store {
    /// A slot for a row of the batch at hand.
    pub(crate) fn add(&mut self, row: u32) -> u32 {
        match self.free.pop() {
            Some(id) => {
                self.slots[id as usize] = Slot::Row(row);
                id
            }
            None => {
                self.slots.push(Slot::Row(row));
                self.slots.len() as u32 - 1
            }
        }
    }

    /// The row of a slot, if it is one of the batch at hand.
    pub(crate) fn row(&self, id: u32) -> Option<u32> {
        match self.slots.get(id as usize) {
            Some(Slot::Row(row)) => Some(*row),
            _ => None,
        }
    }

    pub(crate) fn read<'a>(&'a self, batch: &'a Batch, id: u32) -> Result<MetricRef<'a>> {
        match self.slots.get(id as usize) {
            Some(Slot::Row(row)) => Ok(batch.at(*row as usize)),
            Some(Slot::Own(metric)) => Ok(metric.read()),
            Some(Slot::Free) | None => Err(Error::new("the metric is gone")),
        }
    }

    pub(crate) fn edit<'a>(&'a mut self, batch: &'a mut Batch, id: u32) -> Result<MetricMut<'a>> {
        if id < self.frozen {
            return Err(Error::new("cannot modify frozen metric"));
        }
        match self.slots.get_mut(id as usize) {
            Some(Slot::Row(row)) => Ok(batch.at_mut(*row as usize)),
            Some(Slot::Own(metric)) => Ok(metric.edit()),
            Some(Slot::Free) | None => Err(Error::new("the metric is gone")),
        }
    }

    /// The top of the script has run: what it made stays, and cannot be changed.
    pub(crate) fn freeze(&mut self, batch: &Batch) {
        for slot in &mut self.slots {
            if let Slot::Row(row) = slot {
                *slot = Slot::Own(batch.at(*row as usize).to_owned());
            }
        }
        self.frozen = self.slots.len() as u32;
    }

    /// Lets go of all but the frozen slots, after a call of a script that can keep nothing.
    pub(crate) fn reset(&mut self) {
        self.slots.truncate(self.frozen as usize);
    }

    /// The batch at hand goes on: the rows that are held become copies, the rest is let go.
    pub(crate) fn detach(&mut self, batch: &Batch, is_held: impl Fn(u32) -> bool) {
        for (id, slot) in self.slots.iter_mut().enumerate().skip(self.frozen as usize) {
            match slot {
                Slot::Free => {}
                _ if !is_held(id as u32) => {
                    *slot = Slot::Free;
                    self.free.push(id as u32);
                }
                Slot::Row(row) => *slot = Slot::Own(batch.at(*row as usize).to_owned()),
                Slot::Own(_) => {}
            }
        }
    }
}
