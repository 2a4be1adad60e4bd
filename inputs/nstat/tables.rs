//! The two forms of the files: pairs of lines (names, then numbers), and lists of a name and a number a line.

use crate::host::scan;

/// Hands on every counter of `netstat` or `snmp`, named by protocol and name. Values that are no numbers are left out.
pub(super) fn each_of_table(text: &[u8], mut each: impl FnMut(&str, i64)) {
    let mut lines = scan::lines(text).filter(|l| !l.is_empty());
    let mut key = String::new();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let mut names = scan::words(names);
        let mut values = scan::words(values);
        let (Some(protocol), Some(same)) = (names.next(), values.next()) else { continue };
        if protocol != same {
            continue;
        }
        let protocol = scan::text(protocol.strip_suffix(b":").unwrap_or(protocol));
        for (name, value) in names.zip(values) {
            if let Some(value) = scan::int(value) {
                key.clear();
                key.push_str(&protocol);
                key.push_str(&scan::text(name));
                each(&key, value);
            }
        }
    }
}

/// Hands on every counter of `snmp6`.
pub(super) fn each_of_list(text: &[u8], mut each: impl FnMut(&str, i64)) {
    for line in scan::lines(text) {
        let mut words = scan::words(line);
        if let (Some(name), Some(value)) = (words.next(), words.next().and_then(scan::int)) {
            each(&scan::text(name), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    #[test]
    fn lines_that_do_not_belong_together_are_left_out() {
        let mut got = Vec::new();
        each_of_table(b"A: x y\nB: 1 2\nA: x y z\nA: 1 b\nA: x", |k, v| got.push((k.to_owned(), v)));
        assert_eq!(got, [("Ax".to_owned(), 1)]);
    }

    #[test]
    fn takes_anything() {
        noise(b"TcpExt: SyncookiesSent TCPTimeouts\nTcpExt: 0 41\n", |text| {
            each_of_table(text, |_, _| {});
            each_of_list(text, |_, _| {});
        });
    }
}
