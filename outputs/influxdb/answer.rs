//! What the answer to a write means.
//!
//! InfluxDB 1 tells by the words of its error more than by its status. What can never be written is dropped, as Telegraf does;
//! but a wrong password and "slow down" are kept, which Telegraf drops.

use agent_api::{Error, anyhow};
use agent_net::client::Answer;
use serde::Deserialize;
use std::time::Duration;

/// What became of a body.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Taken; perhaps the server dropped some of it, which is to be logged.
    Written(Option<String>),
    TooLarge(Error),
    NoDatabase(Error),
    Rejected(Error),
    /// To be tried again, not before the time the server asked for.
    Refused(Error, Option<Duration>),
    /// No answer.
    Unreachable(Error),
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    pub(super) error: String,
}

/// Reads the answer to a write; `shown` is the address for messages.
pub(super) fn verdict(answer: &Answer, shown: &str) -> Verdict {
    if answer.status.is_success() {
        return Verdict::Written(None);
    }
    let problem = serde_json::from_slice::<Problem>(&answer.body);
    let readable = answer.body.is_empty() || problem.is_ok();
    let text = match &problem {
        Ok(problem) => problem.error.chars().take(300).collect(),
        Err(_) => answer.excerpt(),
    };
    let says = |words: &str| problem.as_ref().is_ok_and(|p| p.error.contains(words));
    let separator = if text.is_empty() { "" } else { ": " };
    let message = format!("write to {shown}: status {}{separator}{text}", answer.status);
    let status = answer.status.as_u16();
    if says("hinted handoff queue not empty") {
        return Verdict::Written(None);
    }
    if says("points beyond retention policy") || says("partial write") {
        return Verdict::Written(Some(message));
    }
    let cause = anyhow!(message);
    if says("unable to parse") || says("retention policy not found") {
        return Verdict::Rejected(cause);
    }
    if says("database not found") {
        return Verdict::NoDatabase(cause);
    }
    match status {
        413 => Verdict::TooLarge(cause),
        // Not the metrics are wrong but the password, the time or the load.
        401 | 403 | 407 | 408 | 425 => Verdict::Refused(cause, None),
        429 | 503 => Verdict::Refused(cause, answer.retry_after()),
        // A page of a proxy says nothing about the metrics.
        400..=499 if readable => Verdict::Rejected(cause),
        _ => Verdict::Refused(cause, None),
    }
}
