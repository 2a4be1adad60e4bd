//! Connections on their way from a listener that leaves to the one that has taken over its socket.
//!
//! Where the bytes of a connection are messages, whoever has read the last whole one may leave the rest to another: the client
//! notices nothing. The relay is made with the socket, so it is there before anybody leaves, and it outlives both.

use super::{Peer, Stream, Unpacker};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A connection that changes hands between two messages.
#[derive(Debug)]
pub struct Moving {
    /// The connection, with the TLS session that it has begun with.
    pub stream: Stream,
    /// Who connected.
    pub peer: Peer,
    /// In the middle of what is packed.
    pub unpacker: Unpacker,
    /// What was read and unpacked, and is no whole message yet.
    pub rest: Vec<u8>,
}

/// What a listener and the one that takes over its socket share.
#[derive(Debug, Default)]
pub(super) struct Relay {
    stage: Mutex<Stage>,
    /// A connection has been given.
    given: Notify,
    /// The one that took over has ended, or has been replaced itself.
    over: CancellationToken,
}

#[derive(Debug, Default)]
enum Stage {
    /// The listener has its socket for itself.
    #[default]
    Own,
    /// Another has a descriptor of the socket, and may come to nothing.
    Taken,
    /// Another goes on with the socket; connections wait for it.
    HandedOver(VecDeque<Moving>),
    /// So does yet another by now, whose relay this is.
    Replaced(Arc<Relay>),
    /// Nobody goes on with it any more.
    Over,
}

impl Relay {
    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another has got a descriptor of the socket.
    pub(super) fn take(&self) {
        let mut stage = self.lock();
        if matches!(*stage, Stage::Own) {
            *stage = Stage::Taken;
        }
    }

    /// The listener is about to leave; who has a descriptor of its socket goes on.
    pub(super) fn hand_over(&self) {
        let mut stage = self.lock();
        if matches!(*stage, Stage::Taken) {
            *stage = Stage::HandedOver(VecDeque::new());
        }
    }

    /// True if another goes on with the socket.
    pub(super) fn is_handed_over(&self) -> bool {
        matches!(*self.lock(), Stage::HandedOver(_) | Stage::Replaced(_))
    }

    /// Gives a connection to who goes on; gives it back if there is nobody.
    pub(super) fn give(&self, moving: Moving) -> Result<(), Box<Moving>> {
        let next = match &mut *self.lock() {
            Stage::HandedOver(waiting) => {
                waiting.push_back(moving);
                self.given.notify_one();
                return Ok(());
            }
            Stage::Replaced(next) => next.clone(),
            Stage::Own | Stage::Taken | Stage::Over => return Err(Box::new(moving)),
        };
        next.give(moving)
    }

    /// The next connection that was given; waits for ever where none comes.
    pub(super) async fn next(&self) -> Moving {
        loop {
            if let Stage::HandedOver(waiting) = &mut *self.lock()
                && let Some(moving) = waiting.pop_front()
            {
                return moving;
            }
            self.given.notified().await;
        }
    }

    /// Who had taken over ends; `own` is its own relay, from which another may have taken over in turn.
    pub(super) fn leave(&self, own: &Arc<Relay>) {
        let replaced = own.is_handed_over();
        let mut stage = self.lock();
        let before = std::mem::take(&mut *stage);
        *stage = match &before {
            // It has come to nothing before the listener left.
            Stage::Own | Stage::Taken => return,
            _ if replaced => Stage::Replaced(own.clone()),
            _ => Stage::Over,
        };
        drop(stage);
        if let Stage::HandedOver(waiting) = before {
            // Where nobody is left they are closed.
            waiting.into_iter().for_each(|moving| drop(own.give(moving)));
        }
        self.over.cancel();
    }

    /// Ends when nobody goes on with the socket any more.
    pub(super) async fn ended(self: Arc<Self>) {
        let mut relay = self;
        loop {
            relay.over.cancelled().await;
            let next = match &*relay.lock() {
                Stage::Replaced(next) => next.clone(),
                _ => return,
            };
            relay = next;
        }
    }
}
