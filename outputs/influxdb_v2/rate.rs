//! So many bytes in so much time.

use agent_api::{Result, ensure};
use std::time::{Duration, Instant};

/// Counts what was sent in the current window; a window begins with the first look after the last one ended.
#[derive(Debug)]
pub(super) struct Rate {
    limit: u64,
    period: Duration,
    begin: Option<Instant>,
    used: u64,
}

impl Rate {
    /// A limit of 0 is none.
    pub(super) fn new(limit: u64, period: Duration) -> Result<Self> {
        ensure!(limit == 0 || !period.is_zero(), "rate_limit needs a rate_limit_period above 0");
        Ok(Rate { limit, period, begin: None, used: 0 })
    }

    /// The bytes that may still be sent and whether the window is untouched; None without a limit.
    pub(super) fn room(&mut self) -> Option<(u64, bool)> {
        if self.limit == 0 {
            return None;
        }
        if self.begin.is_none_or(|begin| begin.elapsed() >= self.period) {
            self.begin = Some(Instant::now());
            self.used = 0;
        }
        Some((self.limit.saturating_sub(self.used), self.used == 0))
    }

    /// Takes note of what was sent.
    pub(super) fn spend(&mut self, bytes: u64) {
        self.used = self.used.saturating_add(bytes);
    }

    /// How long until the next window.
    pub(super) fn wait(&self) -> Duration {
        self.begin.map(|begin| self.period.saturating_sub(begin.elapsed())).unwrap_or_default()
    }
}
