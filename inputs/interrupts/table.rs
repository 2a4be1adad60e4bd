//! The tables `/proc/interrupts` and `/proc/softirqs`, see <https://docs.kernel.org/filesystems/proc.html>.

use crate::host::scan;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Irq<'a> {
    /// Number or name of the interrupt.
    pub(super) id: &'a [u8],
    /// Counts by processor, in the order of the columns.
    pub(super) counts: Vec<i64>,
    /// What kind it is, and which devices use it; may be empty.
    pub(super) kind: String,
    pub(super) device: String,
}

/// The lines behind the head, which names the processors.
pub(super) fn parse(text: &[u8]) -> impl Iterator<Item = Irq<'_>> {
    let mut lines = scan::lines(text);
    let processors = lines.next().map_or(0, |head| scan::words(head).count());
    lines.filter_map(move |line| {
        let mut words = scan::words(line);
        let id = words.next()?.strip_suffix(b":")?;
        let mut counts = Vec::with_capacity(processors);
        for word in words.clone().take(processors) {
            match scan::int(word) {
                Some(count) => counts.push(count),
                // Some lines count for all processors together and go on with text.
                None => break,
            }
        }
        let mut rest = words.skip(counts.len()).map(scan::text);
        let numbered = id.iter().all(u8::is_ascii_digit);
        let kind = if numbered { rest.next().unwrap_or_default().into_owned() } else { String::new() };
        let rest = rest.collect::<Vec<_>>().join(" ");
        let (kind, device) = if numbered { (kind, rest) } else { (rest, String::new()) };
        (!counts.is_empty()).then_some(Irq { id, counts, kind, device })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const TABLE: &[u8] =
        b"  CPU0 CPU1\n 24: 1 2 PCI-MSI 65536-edge virtio0, eth0\nTLB: 3 4 TLB shootdowns\nMIS: 5\nbad line\n";

    #[test]
    fn reads_lines() {
        let got: Vec<_> = parse(TABLE).collect();
        assert_eq!(got.len(), 3);
        assert_eq!((got[0].kind.as_str(), got[0].device.as_str()), ("PCI-MSI", "65536-edge virtio0, eth0"));
        assert_eq!((got[1].kind.as_str(), got[1].device.as_str()), ("TLB shootdowns", ""));
        assert_eq!(got[2].counts, [5]);
    }

    #[test]
    fn takes_anything() {
        noise(TABLE, |text| assert!(parse(text).count() <= text.len()));
    }
}
