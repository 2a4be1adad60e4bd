//! Dead letters sent again by hand: to the output that refused them, which may know better now.

use super::buffer::Buffer;
use super::dead_letters::{DeadLetters, Letter};
use super::odd;
use super::output::{Ending, Writer};
use super::queue::Queue;
use crate::config::{Built, OutputConfig, Queueing, Surroundings};
use agent_api::metric::{Outcome, Receipt};
use agent_api::{Context, Result, View, anyhow};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Sends letters to an output and removes those that it has written; gives how many.
pub async fn replay(
    output: &OutputConfig,
    letters: &DeadLetters,
    wanted: &[Letter],
    surroundings: &Surroundings,
) -> Result<usize> {
    let Built::Output(plugin) = output.plugin.build(surroundings)? else { return Err(odd(&output.plugin)) };
    let queue = Queue::new(usize::MAX, output.metric_batch_size, Queueing::default());
    let written: Arc<Mutex<BTreeSet<u64>>> = Arc::default();
    for letter in wanted {
        let (id, written) = (letter.id, written.clone());
        let mut batch = letters.open(letter)?.batch().with_context(|| format!("read letter {id}"))?;
        batch.set_receipt(Receipt::new(move |outcome| {
            if outcome == Outcome::Delivered {
                written.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
            }
        }));
        queue.push(View::all(batch));
    }
    let (_ending, told) = watch::channel(Ending::None);
    let log = output.plugin.log();
    let (_handle, mut writer) = Writer::plain(plugin, Buffer::Memory(queue), "replay", log, told);
    writer.open(true, false).await.map_err(|e| anyhow!("connect {}: {e}", output.plugin.log_name()))?;
    writer.flush().await;
    // What could not be written stays, and its receipts say so.
    drop(writer);
    let written = std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner));
    if written.is_empty() { Ok(0) } else { letters.remove(&written) }
}
