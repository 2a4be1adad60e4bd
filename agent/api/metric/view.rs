//! Views: which metrics of shared batches an output is given.

use super::*;
use std::sync::Arc;

/// Some metrics of one shared batch, with a share of its receipt.
#[derive(Clone, Debug)]
pub struct View {
    batch: Arc<Batch>,
    rows: Rows,
    receipt: Option<Receipt>,
    guard: Option<Guard>,
}

#[derive(Clone, Debug)]
enum Rows {
    Range(u32, u32),
    List(Arc<[u32]>, u32, u32),
}

impl View {
    /// All metrics of a batch; the view takes over its receipt.
    pub fn all(mut batch: Batch) -> Self {
        let (receipt, guard) = (batch.take_receipt(), batch.take_guard());
        let rows = Rows::Range(0, batch.len() as u32);
        View { batch: Arc::new(batch), rows, receipt, guard }
    }

    /// The same batch, other rows. Shares the receipt.
    pub fn with_rows(&self, rows: Vec<u32>) -> Self {
        let len = rows.len() as u32;
        View { rows: Rows::List(rows.into(), 0, len), ..self.clone() }
    }

    /// Number of metrics.
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Range(from, to) | Rows::List(_, from, to) => (to - from) as usize,
        }
    }

    /// True if there is no metric.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row in the batch of metric `i` of the view. Panics if out of range.
    pub fn row(&self, i: usize) -> u32 {
        match &self.rows {
            Rows::Range(from, _) => from + i as u32,
            Rows::List(list, from, _) => list[*from as usize + i],
        }
    }

    /// Metric `i` of the view. Panics if out of range.
    pub fn at(&self, i: usize) -> MetricRef<'_> {
        self.batch.at(self.row(i) as usize)
    }

    /// All metrics of the view.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = MetricRef<'_>> {
        (0..self.len()).map(|i| self.at(i))
    }

    /// Cuts the view: the first `n` metrics come back, the rest stays.
    pub fn split_front(&mut self, n: usize) -> View {
        let n = n.min(self.len()) as u32;
        let mut front = self.clone();
        match (&mut self.rows, &mut front.rows) {
            (Rows::Range(from, _), Rows::Range(_, to)) | (Rows::List(_, from, _), Rows::List(_, _, to)) => {
                *to = *from + n;
                *from += n;
            }
            _ => {}
        }
        front
    }

    /// The shared batch.
    pub fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    /// The metrics of the view as a batch of their own, to be changed; takes the batch itself where nobody shares it.
    pub fn into_batch(mut self) -> Batch {
        let (receipt, guard) = (self.receipt.take(), self.guard.take());
        let whole = matches!(self.rows, Rows::Range(0, to) if to as usize == self.batch.len());
        let mut batch = if whole {
            Arc::try_unwrap(self.batch).unwrap_or_else(|shared| (*shared).clone())
        } else {
            let mut own = (*self.batch).clone();
            let rows: Vec<Head> = (0..self.len()).map(|i| own.heads[self.row(i) as usize]).collect();
            own.heads = rows;
            own
        };
        if let Some(receipt) = receipt {
            batch.set_receipt(receipt);
        }
        if let Some(guard) = guard {
            batch.set_guard(guard);
        }
        batch
    }

    /// True if a sender waits until these metrics are gone.
    pub fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }

    /// Lets go of the view's share of the guard.
    pub fn drop_guard(&mut self) {
        self.guard = None;
    }

    /// True if a sender waits for the receipt of these metrics.
    pub fn is_tracked(&self) -> bool {
        self.receipt.is_some()
    }

    /// A view of the same metrics without shares of receipt and guard, for whoever only reads.
    pub fn untracked(&self) -> View {
        View { batch: self.batch.clone(), rows: self.rows.clone(), receipt: None, guard: None }
    }

    /// The memory that the view keeps alive, in bytes: its share of the batch by number of metrics.
    pub fn bytes(&self) -> usize {
        if self.batch.is_empty() { 0 } else { self.batch.bytes() * self.len() / self.batch.len() }
    }

    /// Settles the view's share of the receipt.
    pub fn settle(mut self, how: Settled) {
        if let Some(receipt) = self.receipt.take() {
            receipt.settle(how);
        }
    }
}

/// The metrics of one write, in order, over one or more shared batches.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    views: Vec<View>,
    len: usize,
}

impl Chunk {
    /// Number of metrics.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if there is no metric.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Metric `i`. Panics if out of range. Takes time in the number of views.
    pub fn at(&self, i: usize) -> MetricRef<'_> {
        let mut i = i;
        for view in &self.views {
            if i < view.len() {
                return view.at(i);
            }
            i -= view.len();
        }
        panic!("metric out of range");
    }

    /// All metrics in order.
    pub fn iter(&self) -> impl Iterator<Item = MetricRef<'_>> {
        self.views.iter().flat_map(View::iter)
    }

    /// Adds a view at the end.
    pub fn push(&mut self, view: View) {
        self.len += view.len();
        self.views.push(view);
    }

    /// The views in order, to look at.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// The views in order.
    pub fn into_views(self) -> Vec<View> {
        self.views
    }

    /// The part `from..to` of it; shares everything. Panics if out of range.
    pub fn part(&self, from: usize, to: usize) -> Chunk {
        let (mut chunk, mut at) = (Chunk::default(), 0);
        for view in &self.views {
            let (a, b) = (from.max(at), to.min(at + view.len()));
            if a < b {
                let mut piece = view.clone();
                drop_quietly(piece.split_front(a - at));
                let front = piece.split_front(b - a);
                drop_quietly(piece);
                chunk.push(front);
            }
            at += view.len();
        }
        chunk
    }

    /// Settles every share of receipts in it.
    pub fn settle(self, how: Settled) {
        for view in self.views {
            view.settle(how);
        }
    }
}

/// Lets go of an additional share that was only made by cutting: the metrics are in another share.
fn drop_quietly(view: View) {
    view.settle(Settled::Delivered);
}

impl From<View> for Chunk {
    fn from(view: View) -> Self {
        Chunk { len: view.len(), views: vec![view] }
    }
}
impl From<Batch> for Chunk {
    fn from(batch: Batch) -> Self {
        Chunk::from(View::all(batch))
    }
}
