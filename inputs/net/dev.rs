//! The lines of `/proc/net/dev`, see proc_pid_net(5).

use crate::host::scan;

/// Counters of an interface in the order of the columns: received and sent bytes, packets, errors, dropped ...
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters([u64; 16]);

/// Name and counters of a line; nothing for the two lines of the head. A name may hold a colon (an alias of old), and the last columns, which
/// are not reported, may be missing.
pub(super) fn parse(line: &[u8]) -> Option<(&[u8], Counters)> {
    let colon = line.iter().rposition(|&b| b == b':')?;
    let name = line[..colon].trim_ascii();
    let mut counters = Counters::default();
    let mut words = scan::words(&line[colon + 1..]);
    for (i, counter) in counters.0.iter_mut().enumerate() {
        match words.next() {
            Some(word) => *counter = scan::uint(word)?,
            None if i > 12 => break,
            None => return None,
        }
    }
    (!name.is_empty()).then_some((name, counters))
}

impl Counters {
    /// The counters that are reported.
    pub(super) fn fields(&self) -> [(&'static str, u64); 8] {
        let c = &self.0;
        [
            ("bytes_sent", c[8]),
            ("bytes_recv", c[0]),
            ("packets_sent", c[9]),
            ("packets_recv", c[1]),
            ("err_in", c[2]),
            ("err_out", c[10]),
            ("drop_in", c[3]),
            ("drop_out", c[11]),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const LINE: &[u8] = b"  eth0:0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16";

    #[test]
    fn reads_a_line() {
        let (name, counters) = parse(LINE).unwrap();
        assert_eq!(name, b"eth0:0");
        assert_eq!(counters.0, std::array::from_fn(|i| i as u64 + 1));
        assert_eq!(parse(b" face |bytes    packets errs drop|bytes"), None);
        assert_eq!(parse(b"eth0: 1 2 3"), None);
    }

    #[test]
    fn takes_anything() {
        noise(LINE, |text| {
            parse(text);
        });
    }
}
