//! Login records, see utmp(5).

use std::collections::HashSet;

/// Bytes of a record on Linux, the same on machines of 32 and 64 bits.
const RECORD: usize = 384;
/// The type of a record of a user who is logged in (`USER_PROCESS`).
const USER: u16 = 7;
/// Where the name of the user stands, ended by a zero byte if it is shorter.
const NAME: std::ops::Range<usize> = 44..76;

/// Number of logins, and of different users among them.
pub(super) fn users(records: &[u8]) -> (i64, i64) {
    let (records, _cut_off) = records.as_chunks::<RECORD>();
    let names = records.iter().filter(|r| u16::from_ne_bytes([r[0], r[1]]) == USER).map(|r| {
        let name = &r[NAME];
        &name[..name.iter().position(|&b| b == 0).unwrap_or(name.len())]
    });
    let unique: HashSet<&[u8]> = names.clone().collect();
    (names.count() as i64, unique.len() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    fn record(kind: u8, name: &str) -> Vec<u8> {
        let mut record = vec![0; RECORD];
        record[usize::from(cfg!(target_endian = "big"))] = kind;
        record[NAME.start..NAME.start + name.len()].copy_from_slice(name.as_bytes());
        record
    }

    #[test]
    fn counts_users_once() {
        let long = "n".repeat(32);
        let all =
            [record(2, "reboot"), record(7, "anna"), record(7, &long), record(8, "gone"), record(7, "anna")].concat();
        assert_eq!(users(&all), (3, 2));
        assert_eq!(users(&all[..RECORD * 2 - 1]), (0, 0));
    }

    #[test]
    fn takes_anything() {
        noise(&record(7, "anna"), |text| {
            let (all, unique) = users(text);
            assert!(unique <= all);
        });
    }
}
