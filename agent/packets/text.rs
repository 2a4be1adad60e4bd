//! Addresses, times and numbers as text, by hand: a report has a dozen of them for every flow, and what formats anything
//! costs more than counting the flow's packets did.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Adds a number.
#[inline]
pub fn number(out: &mut String, number: u64) {
    out.push_str(itoa::Buffer::new().format(number));
}

/// Adds an address, as `IpAddr` is displayed.
#[inline]
pub fn address(out: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => ipv4(out, v4),
        IpAddr::V6(v6) => ipv6(out, v6),
    }
}

fn ipv4(out: &mut String, address: Ipv4Addr) {
    let mut text = Ascii::<15>::new();
    for (i, octet) in address.octets().into_iter().enumerate() {
        if i > 0 {
            text.push(b'.');
        }
        if octet >= 100 {
            text.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            text.push(b'0' + octet / 10 % 10);
        }
        text.push(b'0' + octet % 10);
    }
    out.push_str(text.as_str());
}

/// RFC 5952: the first of the longest runs of zeros becomes `::`, if it is longer than one.
fn ipv6(out: &mut String, address: Ipv6Addr) {
    let segments = address.segments();
    if let [0, 0, 0, 0, 0, 0xffff, ..] = segments {
        out.push_str("::ffff:");
        return ipv4(out, Ipv4Addr::from_bits(address.to_bits() as u32));
    }
    let (mut from, mut length, mut run) = (8, 1, 0);
    for (i, segment) in segments.iter().enumerate() {
        run = if *segment == 0 { run + 1 } else { 0 };
        if run > length {
            (from, length) = (i + 1 - run, run);
        }
    }
    let mut text = Ascii::<39>::new();
    let mut i = 0;
    while i < 8 {
        if i == from {
            text.push(b':');
            i += length;
            if i == 8 {
                text.push(b':');
            }
            continue;
        }
        if i > 0 {
            text.push(b':');
        }
        let digits = (16 - segments[i].leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            text.push(b"0123456789abcdef"[usize::from(segments[i] >> (4 * digit) & 15)]);
        }
        i += 1;
    }
    out.push_str(text.as_str());
}

/// Adds a time in nanoseconds since 1970, as RFC 3339 has it, in UTC, with as many digits behind the second as it needs.
pub fn time(out: &mut String, nanoseconds: i64) {
    const DAY: i64 = 86_400;
    let (seconds, fraction) = (nanoseconds.div_euclid(1_000_000_000), nanoseconds.rem_euclid(1_000_000_000));
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let mut text = Ascii::<30>::new();
    text.digits(year, 4);
    text.push(b'-');
    text.digits(month, 2);
    text.push(b'-');
    text.digits(day, 2);
    text.push(b'T');
    text.digits(of_day / 3600, 2);
    text.push(b':');
    text.digits(of_day / 60 % 60, 2);
    text.push(b':');
    text.digits(of_day % 60, 2);
    if fraction > 0 {
        text.push(b'.');
        text.digits(fraction, 9);
        while text.bytes[text.length - 1] == b'0' {
            text.length -= 1;
        }
    }
    text.push(b'Z');
    out.push_str(text.as_str());
}

/// Year, month and day of a day since 1970, by eras of 400 years that begin in March, so that the day which may be missing is the last one.
fn date(day: i64) -> (i64, i64, i64) {
    // From the first of March of the year 0 to 1970.
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    // Months from March have 153 days in five.
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + later, month, day)
}

/// A short text of ASCII whose greatest length is known.
struct Ascii<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Ascii<N> {
    fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    /// The last digits of a number, with zeros in front.
    #[inline]
    fn digits(&mut self, mut number: i64, count: usize) {
        for place in (self.length..self.length + count).rev() {
            self.bytes[place] = b'0' + (number % 10) as u8;
            number /= 10;
        }
        self.length += count;
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Random;

    fn shown(write: impl FnOnce(&mut String)) -> String {
        let mut text = String::from("x");
        write(&mut text);
        text.split_off(1)
    }

    #[test]
    fn addresses_are_as_the_standard_library_has_them() {
        let mut random = Random(99);
        for _ in 0..20_000 {
            // Many zeros, of which runs are made.
            let segments: [u16; 8] = std::array::from_fn(|_| match random.below(4) {
                0 => 0,
                1 => random.below(16) as u16,
                2 => 0xffff >> random.below(16),
                _ => random.below(1 << 16) as u16,
            });
            let (v4, v6) = (Ipv4Addr::from_bits(random.below(1 << 32) as u32), Ipv6Addr::from(segments));
            for ip in [IpAddr::V4(v4), IpAddr::V6(v6), IpAddr::V6(v4.to_ipv6_mapped())] {
                assert_eq!(shown(|out| address(out, ip)), ip.to_string());
            }
        }
        for text in ["::", "::1", "1::", "0.0.0.0", "255.255.255.255", "1:0:0:2::", "::ffff:0:0", "1:0:2:3:4:5:6:7"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(shown(|out| address(out, ip)), ip.to_string());
        }
    }

    #[test]
    fn times() {
        for (nanoseconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (951_827_696_789_000_000, "2000-02-29T12:34:56.789Z"),
            (4_107_542_400_000_000_010, "2100-03-01T00:00:00.00000001Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
            (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
        ] {
            assert_eq!(shown(|out| time(out, nanoseconds)), text);
        }
    }

    #[test]
    fn numbers() {
        for n in [0, 9, 10, u64::MAX] {
            assert_eq!(shown(|out| number(out, n)), n.to_string());
        }
    }
}
