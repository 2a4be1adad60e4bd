//! Cutting a batch into pieces of a size, made one after the other as they are asked for.
//!
//! Most batches are one piece, which costs nothing; of a large one at most a piece is there twice at a time.

use super::Batch;

/// What is left of a batch that is cut. A batch dropped with pieces still to come counts as lost.
#[derive(Debug)]
struct Pieces {
    batch: Option<Batch>,
    /// The row that the next piece begins with.
    next: usize,
    most: usize,
}

impl Batch {
    /// The batch in pieces of at most `most` metrics, at least 1, in order; all share its receipt and its guard. The first one has its
    /// cargo, the last one urges if it did. It stays as it is where it is no larger.
    pub fn pieces(self, most: usize) -> impl Iterator<Item = Batch> {
        Pieces { batch: Some(self), next: 0, most: most.max(1) }
    }
}

impl Iterator for Pieces {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let from = self.next;
        let batch = self.batch.as_mut()?;
        let end = batch.len().min(from.saturating_add(self.most));
        let last = end == batch.len();
        if from == 0 && last {
            return self.batch.take();
        }
        let mut piece = Batch::new();
        (from..end).for_each(|row| _ = piece.push(batch.at(row)));
        piece.guard.clone_from(&batch.guard);
        piece.cargo = batch.cargo.take();
        if last {
            piece.receipt = batch.receipt.take();
            piece.urges = batch.urges;
            self.batch = None;
        } else {
            piece.receipt.clone_from(&batch.receipt);
            self.next = end;
        }
        Some(piece)
    }
}
