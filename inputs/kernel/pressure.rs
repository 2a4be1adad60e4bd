//! Pressure stall information: the share of time in which tasks waited for a resource.
//!
//! Format: <https://docs.kernel.org/accounting/psi.html>. For the processor `full` means nothing on a whole machine; the
//! kernel writes zeros there, and it is left out.

use crate::host::{Reader, scan};
use agent_api::{Collector, Context, Kind, Result, ensure};
use std::path::Path;

/// Adds the metrics of all resources.
pub(super) fn gather(folder: &Path, reader: &mut Reader, out: &mut Collector) -> Result<()> {
    for resource in ["cpu", "memory", "io"] {
        let path = folder.join(resource);
        let text = reader.need(&path)?;
        for line in scan::lines(text).filter(|l| !l.is_empty()) {
            let stall =
                parse(line).with_context(|| format!("read {}: invalid line {}", path.display(), scan::quoted(line)))?;
            if resource == "cpu" && stall.kind == "full" {
                continue;
            }
            let tags = [("resource", resource), ("type", stall.kind)];
            out.metric("pressure").tags(tags).kind(Kind::Counter).field("total", stall.total);
            let mut metric = out.metric("pressure").tags(tags).kind(Kind::Gauge);
            for (name, value) in AVERAGES.iter().zip(stall.averages) {
                metric.add_field(name, value);
            }
        }
        ensure!(!text.is_empty(), "read {}: empty", path.display());
    }
    Ok(())
}

const AVERAGES: [&str; 3] = ["avg10", "avg60", "avg300"];

/// One line: shares in percent over 10, 60 and 300 seconds, and the sum in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stall {
    kind: &'static str,
    averages: [f64; 3],
    total: u64,
}

fn parse(line: &[u8]) -> Option<Stall> {
    let mut words = scan::words(line);
    let kind = match words.next()? {
        b"some" => "some",
        b"full" => "full",
        _ => return None,
    };
    let mut stall = Stall { kind, averages: [0.0; 3], total: 0 };
    for word in words {
        let (key, value) = scan::split_once(word, b'=')?;
        match AVERAGES.iter().position(|a| a.as_bytes() == key) {
            Some(at) => stall.averages[at] = scan::float(value)?,
            None if key == b"total" => stall.total = scan::uint(value)?,
            None => {}
        }
    }
    Some(stall)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const LINE: &[u8] = b"some avg10=0.12 avg60=1.5 avg300=2.00 total=77";

    #[test]
    fn reads_a_line() {
        assert_eq!(parse(LINE), Some(Stall { kind: "some", averages: [0.12, 1.5, 2.0], total: 77 }));
        assert_eq!(parse(b"any avg10=0.12"), None);
        assert_eq!(parse(b"full avg10=x"), None);
    }

    #[test]
    fn takes_anything() {
        noise(LINE, |text| {
            parse(text);
        });
    }
}
