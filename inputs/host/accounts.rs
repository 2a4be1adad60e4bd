//! Names of users, from the host's `passwd`.
//!
//! Read by hand: the C library's lookup would ask the container's files and may go out to the network.

use super::{Reader, scan};
use std::path::Path;

/// The name of a user id, or the number where no line has it.
pub fn user_name(passwd: &[u8], uid: u32) -> String {
    entries(passwd).find(|e| e.1 == uid).map_or_else(|| uid.to_string(), |e| scan::text(e.0).into_owned())
}

/// The id of a user; a name that is a number stands for itself.
pub fn user_id(passwd: &[u8], name: &str) -> Option<u32> {
    entries(passwd).find(|e| e.0 == name.as_bytes()).map(|e| e.1).or_else(|| name.parse().ok())
}

/// The contents of `passwd`; empty where it cannot be read.
pub fn passwd<'a>(reader: &'a mut Reader, etc: &Path) -> &'a [u8] {
    reader.read(&etc.join("passwd")).unwrap_or_default()
}

fn entries(passwd: &[u8]) -> impl Iterator<Item = (&[u8], u32)> {
    scan::lines(passwd).filter_map(|line| {
        let mut parts = line.split(|&b| b == b':');
        let (name, uid) = (parts.next()?, parts.nth(1)?);
        Some((name, u32::try_from(scan::uint(uid)?).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\nbroken\nanna:x:1000:1000::/home/anna:/bin/sh\n";

    #[test]
    fn finds_names_and_ids() {
        assert_eq!(user_name(PASSWD, 1000), "anna");
        assert_eq!(user_name(PASSWD, 7), "7");
        assert_eq!(user_id(PASSWD, "root"), Some(0));
        assert_eq!(user_id(PASSWD, "33"), Some(33));
        assert_eq!(user_id(PASSWD, "ben"), None);
    }
}
