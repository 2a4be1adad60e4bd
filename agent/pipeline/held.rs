//! Memory by plugin: what processors and aggregators say that they hold on to between calls.
//!
//! Nobody but the plugin knows: memory that is allocated in a call of one plugin travels with the batch and is freed in a call of
//! another. So plugins are asked, every few seconds at most, and one that does not say is shown as not known.

use super::account::Account;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A plugin is asked so often at most.
const PAUSE: Duration = Duration::from_secs(5);

/// What an instance of a plugin holds, in the plugin's account as long as the value lives.
pub(super) struct Holding {
    account: Arc<Account>,
    bytes: Option<i64>,
    next: Instant,
}

impl Holding {
    pub(super) fn new(account: &Arc<Account>) -> Self {
        Holding { account: account.clone(), bytes: None, next: Instant::now() }
    }

    /// Asks if it is time to.
    pub(super) fn look(&mut self, ask: impl FnOnce() -> Option<usize>) {
        let now = Instant::now();
        if now >= self.next {
            self.next = now + PAUSE;
            self.note(ask());
        }
    }

    /// Notes what the instance holds now.
    pub(super) fn note(&mut self, bytes: Option<usize>) {
        let bytes = bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        let before = std::mem::replace(&mut self.bytes, bytes);
        self.account.holders.add(i64::from(bytes.is_some()) - i64::from(before.is_some()));
        self.account.held.add(bytes.unwrap_or(0) - before.unwrap_or(0));
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.note(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_has_the_sum_of_the_instances_that_say_and_live() {
        let account = Arc::new(Account::default());
        let (mut one, mut two, mut mute) = (Holding::new(&account), Holding::new(&account), Holding::new(&account));
        mute.look(|| None);
        assert_eq!(account.held(), None);
        one.look(|| Some(100));
        two.look(|| Some(30));
        assert_eq!(account.held(), Some(130));
        one.look(|| Some(1_000_000));
        assert_eq!(account.held(), Some(130), "asked again at once");
        one.note(Some(7));
        drop(two);
        assert_eq!(account.held(), Some(7));
        drop((one, mute));
        assert_eq!(account.held(), None);
    }
}
