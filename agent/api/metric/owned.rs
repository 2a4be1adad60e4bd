//! A metric on its own, for state that outlives a batch.

use super::*;

/// A metric that owns its texts: what processors and aggregators keep, and what tests write.
#[derive(Clone, Debug)]
pub struct Metric {
    batch: Box<Batch>,
}

impl Metric {
    /// The metric to read.
    pub fn read(&self) -> MetricRef<'_> {
        self.batch.at(0)
    }

    /// The metric to change.
    pub fn edit(&mut self) -> MetricMut<'_> {
        self.batch.at_mut(0)
    }

    /// Adds a copy to a batch and gives its row.
    pub fn add_to(&self, batch: &mut Batch) -> usize {
        batch.push(self.read())
    }

    /// Memory that it holds, in bytes.
    pub fn bytes(&self) -> usize {
        self.batch.bytes() + size_of::<Batch>()
    }
}

impl From<MetricRef<'_>> for Metric {
    fn from(metric: MetricRef<'_>) -> Self {
        let mut batch = Box::new(Batch::new());
        // An arena that is not empty keeps `push` from sharing the body, which would hold a whole file for one metric.
        batch.arena.push(' ');
        batch.push(metric);
        Metric { batch }
    }
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.read() == other.read()
    }
}
