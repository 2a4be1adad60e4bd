//! Handing listening sockets from a plugin to the one that takes its place at a reload.
//!
//! While a plugin is opened what it binds is noted. When another takes its place and binds the same address, it gets a second
//! descriptor of the same socket: from then on both accept, then the old one stops, and the kernel refuses nobody in between.

use super::Drops;
use super::address::{Address, SocketFile};
use super::relay::Relay;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The sockets that a plugin has bound; cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Sockets(Arc<Mutex<Vec<Bound>>>);

/// A socket with where it was asked to be.
#[derive(Debug)]
pub(super) struct Bound {
    asked: Address,
    at: Option<SocketAddr>,
    only_v6: bool,
    pub(super) socket: socket2::Socket,
    pub(super) file: Option<Arc<SocketFile>>,
    /// For its connections, once another has taken it over.
    pub(super) relay: Arc<Relay>,
}

/// The sockets of plugins that are about to leave; each can be taken over once.
#[derive(Debug, Default)]
pub struct Leaving(Mutex<Vec<Bound>>);

tokio::task_local! {
    static SCOPE: (Sockets, Arc<Leaving>);
}

impl Sockets {
    /// True if nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Opens a plugin: what it binds is noted here, and it may take over what is leaving.
    pub async fn open<T>(&self, leaving: &Arc<Leaving>, open: impl Future<Output = T>) -> T {
        SCOPE.scope((self.clone(), leaving.clone()), open).await
    }

    /// Forgets what an earlier opening bound.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Says that those who have taken these sockets over go on with them: connections are to be handed on, or left after their next
    /// answer, and not closed at once.
    pub fn hand_over(&self) {
        self.lock().iter().for_each(|bound| bound.relay.hand_over());
    }

    /// Packets that the kernel has dropped at datagram sockets, as they came faster than they were read; None where there is no
    /// such socket or the kernel does not say.
    pub fn kernel_drops(&self) -> Option<i64> {
        let all = self.lock();
        all.iter().filter(|b| !b.asked.is_stream()).filter_map(|b| Drops::of(&b.socket)?.read()).reduce(|a, b| a + b)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Bound>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leaving {
    /// Adds the sockets of a plugin.
    pub fn add(&self, sockets: &Sockets) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A descriptor that cannot be had is one that is bound anew.
        all.extend(sockets.lock().iter().filter_map(Bound::again));
    }

    /// True if nothing can be taken over.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Bound {
    fn again(&self) -> Option<Bound> {
        Some(Bound {
            asked: self.asked.clone(),
            at: self.at,
            only_v6: self.only_v6,
            socket: self.socket.try_clone().ok()?,
            file: self.file.clone(),
            relay: self.relay.clone(),
        })
    }
}

/// The socket at an address (`at` where that is one of IP), if one is leaving that the plugin being opened may take over.
pub(super) fn take(asked: &Address, at: Option<SocketAddr>, only_v6: bool) -> Option<Bound> {
    let fits = |bound: &Bound| {
        let same_at = at.is_some() && bound.at == at;
        bound.only_v6 == only_v6 && bound.asked.is_stream() == asked.is_stream() && (bound.asked == *asked || same_at)
    };
    SCOPE
        .try_with(|(_, leaving)| -> Option<Bound> {
            let mut leaving = leaving.0.lock().unwrap_or_else(PoisonError::into_inner);
            let bound = leaving.iter().position(fits).map(|i| leaving.remove(i))?;
            bound.relay.take();
            Some(bound)
        })
        .ok()
        .flatten()
}

/// Notes a socket of the plugin being opened; gives the relay to who takes it over.
pub(super) fn note(
    asked: &Address,
    socket: &socket2::Socket,
    only_v6: bool,
    file: Option<Arc<SocketFile>>,
) -> Arc<Relay> {
    let relay = Arc::new(Relay::default());
    // Outside of an opening by the agent, as in tests of plugins, nobody asks.
    let _nobody_asks = SCOPE.try_with(|(sockets, _)| {
        if let Ok(socket) = socket.try_clone() {
            let at = socket.local_addr().ok().and_then(|a| a.as_socket());
            sockets.lock().push(Bound { asked: asked.clone(), at, only_v6, socket, file, relay: relay.clone() });
        }
    });
    relay
}
