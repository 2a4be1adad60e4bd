//! Checks of Nagios: how a check ends is its result, so it becomes a field of `nagios_state`.
//!
//! The format makes that metric from the texts of the check; only who ran the check knows its state.

use super::run::Ended;
use agent_api::plugin::BoxParser;
use agent_api::{Body, Collector, Context, Result};

/// The metric with the state.
const STATE: &str = "nagios_state";
/// The state of a check that did not come to an end by itself.
const UNKNOWN: i64 = 3;

/// Adds the metrics of a check. One that could not be run, or was ended, has the state 3 and says why.
pub(super) fn read(ended: Result<Ended>, parser: &mut BoxParser, out: &mut Collector) -> Result<()> {
    let ended = match ended {
        Ok(ended) => ended,
        Err(cause) => {
            let why = format!("{cause:#}");
            drop(out.metric(STATE).field("service_output", why.as_str()).field("state", UNKNOWN));
            return Err(cause);
        }
    };
    let state = ended.status.code().map_or(UNKNOWN, i64::from);
    let mut check = Collector::new();
    parser.reset();
    let complaint = ended.said.complaint();
    let parsed = parser.parse(&Body::new(ended.said.output), &mut check);
    let mut told = false;
    check.batch().each(|metric| {
        if metric.name() == STATE {
            metric.set_field("state", state);
            told = true;
        }
    });
    if !told {
        let mut metric = check.metric(STATE);
        if let Some(complaint) = &complaint {
            metric.add_field("service_output", complaint.as_str());
        }
        metric.add_field("state", state);
    }
    out.add_batch(check.take());
    parsed.context("read its output")
}
