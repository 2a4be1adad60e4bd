//! What waits in the queue of an output goes to another queue, where a reload has changed its options.

use super::buffer::Buffer;
use agent_api::{Log, Settled};
use std::path::Path;

/// Moves what waits in one queue to the end of another. What that has no room for stays where it was if that is on disk, in
/// `directory`; else it gives way by the rules of the new queue.
pub(super) async fn pour(from: &Buffer, to: &Buffer, directory: Option<&Path>, log: &Log) {
    let mut moved = 0;
    loop {
        let chunk = from.take(false).await;
        if chunk.is_empty() {
            break;
        }
        if let Some(directory) = directory
            && !to.takes(chunk.len()).await
        {
            from.put_back(chunk);
            let (left, place) = (from.len(), directory.display());
            log.warn(format_args!("{left} metrics stay in {place}: the new queue has no room for them"));
            break;
        }
        moved += chunk.len();
        chunk.views().iter().for_each(|view| to.push(view.clone()));
        from.settle(chunk, Settled::Delivered);
    }
    if moved > 0 {
        log.info(format_args!("{moved} metrics that waited go on waiting in the new queue"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::Disk;
    use super::super::disk::tests::{Folder, metrics, numbers, settings};
    use super::super::queue::Queue;
    use super::*;
    use crate::config::Queueing;
    use agent_api::stats::Counter;
    use agent_api::{Batch, View};

    fn log() -> Log {
        Log::new("outputs.test", None, Counter::default())
    }

    async fn disk(folder: &Folder, batch: usize) -> Buffer {
        let disk = Disk::new(folder.0.clone(), &settings(1 << 30), Queueing::default(), batch, log());
        disk.start();
        disk.opened().await;
        Buffer::Disk(disk)
    }

    #[tokio::test]
    async fn what_a_smaller_queue_has_no_room_for_stays_on_disk() {
        let folder = Folder::new();
        let (from, to) = (disk(&folder, 10).await, Buffer::Memory(Queue::new(25, 10, Queueing::default())));
        from.push(View::all(metrics(0, 100)));
        pour(&from, &to, Some(&folder.0), &log()).await;
        from.close().await;
        drop(from);
        assert_eq!((to.len(), to.dropped()), (20, 0));
        let (left, mut found) = (disk(&folder, 1000).await, Vec::new());
        found.extend(numbers(&left.take(false).await));
        assert_eq!(found, (20..100).collect::<Vec<i64>>());
    }

    #[tokio::test]
    async fn a_long_queue_is_moved_no_faster_than_the_disk_takes_it() {
        let (before, after) = (Folder::new(), Folder::new());
        let (from, to) = (disk(&before, 1000).await, disk(&after, 1000).await);
        // More than may be in memory for a disk queue.
        let text = "x".repeat(1000);
        for first in (0..60_000).step_by(1000) {
            let mut batch = Batch::new();
            (first..first + 1000).for_each(|i| drop(batch.metric("m").field("i", i).field("t", text.as_str()).time(i)));
            assert!(from.takes(1000).await);
            from.push(View::all(batch));
        }
        pour(&from, &to, Some(&before.0), &log()).await;
        assert_eq!((from.len(), to.len(), to.dropped()), (0, 60_000, 0));
    }
}
