//! From when to when a certificate is good: read off its DER (RFC 5280, section 4.1).
//!
//! webpki checks the time only as part of a chain; a certificate that is believed by itself has no chain.

use super::verify::bad_encoding;
use rustls::{CertificateError, Error};
use rustls_pki_types::{CertificateDer, UnixTime};

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// An error if `now` is not within the certificate's validity.
pub(super) fn check(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (from, to) = validity(certificate).ok_or_else(bad_encoding)?;
    let now = now.as_secs() as i64;
    if now < from {
        return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
    }
    if now > to {
        return Err(Error::InvalidCertificate(CertificateError::Expired));
    }
    Ok(())
}

/// First and last good second since the Unix epoch.
fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if let Some((_, after)) = element(rest, VERSION) {
        rest = after;
    }
    // The serial number, the algorithm and the issuer stand before it.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        rest = element(rest, tag)?.1;
    }
    let (times, _) = element(rest, SEQUENCE)?;
    let (from, after) = time(times)?;
    Some((from, time(after)?.0))
}

/// The content of the element of this tag at the begin, and what comes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk()?;
    if found != tag {
        return None;
    }
    let (len, rest) = match first {
        0..=127 => (first as usize, rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked((first & 0x7f) as usize)?;
            (bytes.iter().fold(0usize, |n, b| n << 8 | *b as usize), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}

/// A time of either form, in UTC to the second, as the RFC demands.
fn time(der: &[u8]) -> Option<(i64, &[u8])> {
    let (text, rest, year_digits) = match element(der, UTC_TIME) {
        Some((text, rest)) => (text, rest, 2),
        None => {
            let (text, rest) = element(der, GENERALIZED_TIME)?;
            (text, rest, 4)
        }
    };
    let digits = text.strip_suffix(b"Z")?;
    if digits.len() != year_digits + 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number =
        |from: usize, len: usize| digits[from..from + len].iter().fold(0i64, |n, d| n * 10 + (d - b'0') as i64);
    let year = match (year_digits, number(0, year_digits)) {
        (2, y) if y < 50 => 2000 + y,
        (2, y) => 1900 + y,
        (_, y) => y,
    };
    let at = |i: usize| number(year_digits + 2 * i, 2);
    let (month, day) = (at(0), at(1));
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some((days(year, month, day) * 86_400 + at(2) * 3600 + at(3) * 60 + at(4), rest))
}

/// Days since the Unix epoch of a day of the Gregorian calendar, counted from March so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 2, 29), 11_016);
        assert_eq!(days(2024, 3, 1), 19_783);
    }

    #[test]
    fn times_of_both_forms() {
        let utc = b"\x17\x0d700101000001Z";
        assert_eq!(time(utc), Some((1, &[][..])));
        let general = b"\x18\x0f20500101000000Zrest";
        assert_eq!(time(general), Some((2_524_608_000, &b"rest"[..])));
        assert_eq!(time(b"\x17\x0d7001010000011"), None);
        assert_eq!(time(b"\x17\xff"), None);
    }
}
