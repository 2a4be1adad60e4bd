//! Takes the control sequences of terminals out of text: colours, cursor moves, titles (ECMA-48, 5.4 and 5.6).

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// The bytes without control sequences. Sequences that are not ended before the line ends are cut there.
pub(super) fn strip(bytes: Vec<u8>) -> Vec<u8> {
    if memchr::memchr(ESCAPE, &bytes).is_none() {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = &bytes[..];
    while let Some(at) = memchr::memchr(ESCAPE, rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        rest = &rest[sequence(rest)..];
    }
    out.extend_from_slice(rest);
    out
}

/// How many bytes behind an escape belong to its sequence.
fn sequence(rest: &[u8]) -> usize {
    let until = |from: usize, is_last: &dyn Fn(u8) -> bool| {
        let tail = &rest[from..];
        match tail.iter().position(|b| is_last(*b) || *b == b'\n') {
            Some(at) if tail[at] != b'\n' => from + at + 1,
            Some(at) => from + at,
            None => rest.len(),
        }
    };
    match rest.first() {
        Some(b'[') => until(1, &|b| (0x40..=0x7e).contains(&b)),
        // A title or a link ends with a bell or with escape and a backslash; the latter is taken out as the next sequence.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => match memchr::memchr3(BELL, ESCAPE, b'\n', rest) {
            Some(at) if rest[at] == BELL => at + 1,
            Some(at) => at,
            None => rest.len(),
        },
        Some(0x20..=0x2f) => until(1, &|b| (0x30..=0x7e).contains(&b)),
        Some(0x30..=0x7e) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_control_sequences_go() {
        for (text, plain) in [
            ("plain", "plain"),
            ("\x1b[31mred\x1b[0m and \x1b[1;32;40mgreen\x1b[m", "red and green"),
            ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"),
            ("a\x1b(Bb\x1b7c\x1b[2Kd\x1b", "abcd"),
            ("a\x1b[31\nb\x1b]0;t\nc", "a\nb\nc"),
            ("ä\x1b[1mö", "äö"),
        ] {
            assert_eq!(String::from_utf8(strip(text.into())).unwrap(), plain, "{text:?}");
        }
    }

    #[test]
    fn no_line_end_is_ever_lost() {
        let mut x = 3u64;
        for _ in 0..3000 {
            let text: Vec<u8> = (0..12)
                .map(|_| {
                    x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    b"\x1b[]0m;\n\x07\\aP("[(x >> 59) as usize % 12]
                })
                .collect();
            let lines = |bytes: &[u8]| bytes.iter().filter(|b| **b == b'\n').count();
            assert_eq!(lines(&strip(text.clone())), lines(&text), "{text:?}");
        }
    }
}
