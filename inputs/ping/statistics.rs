//! From answers to fields.

use agent_api::{Error, Value};
#[cfg(target_os = "linux")]
use std::time::Duration;

/// What there is to say of a host.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) fields: Vec<(String, Value<'static>)>,
    pub(super) problem: Option<Error>,
}

impl Report {
    /// A host that gave no result: 1 if it has no address or does not answer, 2 for anything else.
    pub(super) fn failed(code: i64, problem: Option<Error>) -> Self {
        let mut report = Report { problem, ..Report::default() };
        report.add("result_code", Value::Int(code));
        report
    }

    pub(super) fn add(&mut self, key: &str, value: Value<'static>) {
        self.fields.push((key.to_owned(), value));
    }
}

/// How many packets of a hundred were lost.
pub(super) fn loss(sent: i64, received: i64) -> f64 {
    if sent > 0 { (sent - received) as f64 / sent as f64 * 100.0 } else { 0.0 }
}

/// What came back of the packets to a host.
#[cfg(target_os = "linux")]
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    pub(super) sent: u32,
    /// That of the first answer.
    pub(super) ttl: Option<u8>,
    pub(super) times: Vec<Duration>,
}

#[cfg(target_os = "linux")]
impl Answers {
    pub(super) fn report(mut self, percentiles: &[u8]) -> Report {
        let (sent, received) = (i64::from(self.sent), self.times.len() as i64);
        let mut report = Report::failed(if received > 0 { 0 } else { 1 }, None);
        report.add("packets_transmitted", Value::Int(sent));
        report.add("packets_received", Value::Int(received));
        report.add("percent_packet_loss", Value::Float(loss(sent, received)));
        self.times.sort_unstable();
        let times: Vec<f64> = self.times.iter().map(|t| t.as_secs_f64() * 1000.0).collect();
        let (Some(least), Some(most)) = (times.first(), times.last()) else { return report };
        for p in percentiles {
            report.add(&format!("percentile{p}_ms"), Value::Float(percentile(&times, *p)));
        }
        if let Some(ttl) = self.ttl {
            report.add("ttl", Value::Int(i64::from(ttl)));
        }
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let variance = times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / times.len() as f64;
        report.add("minimum_response_ms", Value::Float(*least));
        report.add("average_response_ms", Value::Float(mean));
        report.add("maximum_response_ms", Value::Float(*most));
        report.add("standard_deviation_ms", Value::Float(variance.sqrt()));
        report
    }
}

/// A percentile of sorted times, the last one at least: method R7 of Hyndman and Fan (1996).
#[cfg(target_os = "linux")]
fn percentile(times: &[f64], percent: u8) -> f64 {
    let last = times.len().saturating_sub(1);
    let rank = f64::from(percent.min(100)) / 100.0 * last as f64;
    let at = (rank as usize).min(last);
    let next = (at + 1).min(last);
    times[at] + (times[next] - times[at]) * (rank - at as f64)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_times() {
        let times = [1.0, 2.0, 3.0, 5.0];
        assert_eq!([0, 50, 100].map(|p| percentile(&times, p)), [1.0, 2.5, 5.0]);
        assert_eq!(percentile(&[7.0], 99), 7.0);
    }

    #[test]
    fn reports_of_answers() {
        let field = |report: &Report, key: &str| report.fields.iter().find(|f| f.0 == key).map(|f| f.1);
        let answers =
            Answers { sent: 4, ttl: Some(57), times: vec![Duration::from_millis(3), Duration::from_millis(1)] };
        let report = answers.report(&[50]);
        assert_eq!(field(&report, "result_code"), Some(Value::Int(0)));
        assert_eq!(field(&report, "percent_packet_loss"), Some(Value::Float(50.0)));
        assert_eq!(field(&report, "percentile50_ms"), Some(Value::Float(2.0)));
        assert_eq!(field(&report, "standard_deviation_ms"), Some(Value::Float(1.0)));
        assert_eq!(field(&report, "ttl"), Some(Value::Int(57)));
        let silent = Answers { sent: 2, ..Answers::default() }.report(&[50]);
        assert_eq!(field(&silent, "result_code"), Some(Value::Int(1)));
        assert_eq!((silent.fields.len(), field(&silent, "percent_packet_loss")), (4, Some(Value::Float(100.0))));
    }
}
