//! A queue with no pipeline around it, for `tests/bench/disk.rs`: what is measured is the queue and nothing else.

use super::Disk;
use crate::config::{DiskBuffer, Full, Keys, Queueing};
use agent_api::stats::Counter;
use agent_api::{Log, View};
use std::path::PathBuf;
use std::time::Duration;

/// A disk queue that nothing writes from; whoever pushes waits while it has no room.
#[derive(Debug)]
pub struct Alone {
    disk: Disk,
}

impl Alone {
    /// A queue in a folder, synced as by default.
    pub async fn open(directory: PathBuf) -> Self {
        let settings = DiskBuffer {
            directory: String::new(),
            sync: true,
            sync_interval: Duration::from_millis(50),
            max_bytes: u64::MAX,
            keys: Keys::default(),
        };
        let how = Queueing { full: Full::Block, ..Queueing::default() };
        let log = Log::new("disk", None, Counter::default());
        let disk = Disk::new(directory, &settings, how, 1000, log);
        disk.start();
        disk.opened().await;
        Alone { disk }
    }

    /// Puts metrics at the end, once there is room.
    pub async fn push(&self, view: View) {
        while !self.disk.has_room() {
            let mut room = std::pin::pin!(self.disk.room().notified());
            // From here on no notice is missed.
            room.as_mut().enable();
            if !self.disk.has_room() {
                room.await;
            }
        }
        self.disk.push(view);
    }

    /// Stores and syncs what is left, and gives the bytes of all files.
    pub async fn close(self) -> u64 {
        self.disk.close().await;
        self.disk.bytes()
    }
}
