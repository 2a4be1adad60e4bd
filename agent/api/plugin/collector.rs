//! Where inputs, parsers and aggregators put their metrics.

use crate::metric::{Batch, Builder};
use anyhow::Error;

/// Takes metrics in, and hands them on in batches of bounded size when it is told that this is a good moment.
#[derive(Default)]
pub struct Collector {
    batch: Batch,
    ship: Option<Box<dyn FnMut(Batch) + Send>>,
    change: Option<Change>,
    errors: Vec<Error>,
    more_errors: usize,
}

/// What is done to every batch before it is handed on.
type Change = Box<dyn FnMut(&mut Batch) + Send>;

/// A batch is handed on when it has so many metrics: few enough that it stays in the caches from stage to stage ...
const FULL: usize = 1000;
/// ... or occupies so many bytes of its own.
const FULL_BYTES: usize = 256 << 10;
/// So many errors of one call are kept.
const ERRORS: usize = 100;

impl Collector {
    /// A collector that keeps everything until it is taken.
    pub fn new() -> Self {
        Collector::default()
    }

    /// A collector that hands full batches on. `ship` may block until there is room.
    pub fn shipping(ship: impl FnMut(Batch) + Send + 'static) -> Self {
        Collector { ship: Some(Box::new(ship)), ..Collector::default() }
    }

    /// Begins a metric; it is added when the builder is dropped with at least one field.
    pub fn metric(&mut self, name: &str) -> Builder<'_> {
        self.batch.metric(name)
    }

    /// The batch that is being filled.
    pub fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Reports an error that does not end the call; the agent counts and logs it.
    pub fn error(&mut self, error: impl Into<Error>) {
        if self.errors.len() < ERRORS { self.errors.push(error.into()) } else { self.more_errors += 1 }
    }

    /// A good moment to hand a full batch on: call it between metrics wherever a call may add many thousands. May block until
    /// there is room downstream.
    pub fn checkpoint(&mut self) {
        if self.batch.len() >= FULL || self.batch.own_bytes() >= FULL_BYTES {
            self.ship();
        }
    }

    /// Hands on what is there, full or not.
    pub fn ship(&mut self) {
        if let Some(ship) = &mut self.ship
            && !self.batch.is_empty()
        {
            let mut batch = self.batch.take();
            if let Some(change) = &mut self.change {
                change(&mut batch);
            }
            ship(batch);
        }
    }

    /// Lets `change` see every batch that `work` adds before it is handed on, while it is in the caches: for what all metrics of
    /// a source have in common, such as a tag with its address.
    pub fn changing<T>(
        &mut self,
        change: impl FnMut(&mut Batch) + Send + 'static,
        work: impl FnOnce(&mut Collector) -> T,
    ) -> T {
        self.ship();
        let before = self.batch.take();
        self.change = Some(Box::new(change));
        let result = work(self);
        self.ship();
        if let Some(mut change) = self.change.take() {
            change(&mut self.batch);
        }
        if !before.is_empty() {
            let new = std::mem::replace(&mut self.batch, before);
            for metric in new.iter() {
                self.batch.push(metric);
            }
        }
        result
    }

    /// Adds a batch that was filled elsewhere: hands it on at once, or copies it where nothing is handed on.
    pub fn add_batch(&mut self, mut batch: Batch) {
        self.ship();
        match &mut self.ship {
            Some(ship) if !batch.is_empty() => {
                if let Some(change) = &mut self.change {
                    change(&mut batch);
                }
                ship(batch);
            }
            Some(_) => {}
            None if self.batch.is_empty() => self.batch = batch,
            None => {
                for metric in batch.iter() {
                    self.batch.push(metric);
                }
            }
        }
    }

    /// True if `checkpoint` hands batches on.
    pub fn ships(&self) -> bool {
        self.ship.is_some()
    }

    /// Takes the batch.
    pub fn take(&mut self) -> Batch {
        self.batch.take()
    }

    /// Takes the errors, and the number of those that were too many to keep.
    pub fn take_errors(&mut self) -> (Vec<Error>, usize) {
        (std::mem::take(&mut self.errors), std::mem::take(&mut self.more_errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    fn tagged(batch: &Batch) -> Vec<String> {
        batch.iter().map(|m| format!("{}{:?}", m.name(), m.tags().collect::<Vec<_>>())).collect()
    }

    /// Adds a metric before, two within, and one behind.
    fn fill(out: &mut Collector) {
        out.metric("before").field("f", 1i64);
        out.changing(
            |batch| batch.set_tag("k", "v"),
            |out| {
                out.metric("within").tag("k", "old").tag("a", "1").field("f", 1i64);
                let mut other = Batch::new();
                other.metric("other").tag("z", "9").field("f", 1i64);
                out.add_batch(other);
            },
        );
        out.metric("behind").field("f", 1i64);
    }

    const WANT: [&str; 4] =
        ["before[]", r#"within[("a", "1"), ("k", "v")]"#, r#"other[("k", "v"), ("z", "9")]"#, "behind[]"];

    #[test]
    fn what_is_added_meanwhile_is_changed() {
        let mut out = Collector::new();
        fill(&mut out);
        assert_eq!(tagged(out.batch()), WANT);
    }

    #[test]
    fn batches_are_changed_before_they_are_handed_on() {
        let shipped = Arc::<Mutex<Vec<String>>>::default();
        let log = shipped.clone();
        let mut out = Collector::shipping(move |batch| log.lock().expect("nobody panics").extend(tagged(&batch)));
        fill(&mut out);
        out.ship();
        assert_eq!(*shipped.lock().expect("nobody panics"), WANT);
    }
}
