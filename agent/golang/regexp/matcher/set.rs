//! Sets of characters, asked one byte at a time.
//!
//! Nearly all classes of log patterns are ASCII plus all or nothing of the rest, so that a table of bytes decides; only a class
//! such as `[µ]` has to decode.

use regex_syntax::hir::{ClassBytes, ClassUnicode};

/// What can come at a place: bytes that a character may begin with, and whether the pattern may end there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct First {
    bytes: [u64; 4],
    /// The pattern may end without another character.
    pub(super) empty: bool,
}

impl First {
    pub(super) const END: First = First { bytes: [0; 4], empty: true };

    pub(super) fn byte(byte: u8) -> First {
        let mut first = First::default();
        first.add(byte);
        first
    }

    pub(super) fn add(&mut self, byte: u8) {
        self.bytes[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    #[inline]
    pub(super) fn has(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte >> 6)] >> (byte & 63) & 1 != 0
    }

    /// Whether the pattern can go on at a place of a text.
    #[inline]
    pub(super) fn allows(&self, byte: Option<&u8>) -> bool {
        self.empty || byte.is_some_and(|&byte| self.has(byte))
    }

    pub(super) fn union(&self, other: &First) -> First {
        let mut bytes = self.bytes;
        bytes.iter_mut().zip(other.bytes).for_each(|(own, other)| *own |= other);
        First { bytes, empty: self.empty || other.empty }
    }

    pub(super) fn is_disjoint(&self, other: &First) -> bool {
        self.bytes.iter().zip(other.bytes).all(|(own, other)| own & other == 0)
    }

    /// The byte, if it is one and nothing else.
    pub(super) fn only(&self) -> Option<u8> {
        let count: u32 = self.bytes.iter().map(|word| word.count_ones()).sum();
        if self.empty || count != 1 {
            return None;
        }
        (0..=255).find(|&byte| self.has(byte))
    }
}

/// A set of characters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Set {
    /// By byte: ASCII exactly, and whether a character beyond it can be in the set.
    pub(super) table: [bool; 256],
    high: High,
}

/// Which characters beyond ASCII are in a set.
#[derive(Clone, Debug, PartialEq)]
enum High {
    None,
    All,
    /// Ranges, ascending.
    Some(Vec<(char, char)>),
}

impl Set {
    pub(super) fn unicode(class: &ClassUnicode) -> Set {
        let mut table = [false; 256];
        let mut high = Vec::new();
        for range in class.ranges() {
            for byte in 0..128u8 {
                table[usize::from(byte)] |= (range.start()..=range.end()).contains(&char::from(byte));
            }
            if range.end() >= '\u{80}' {
                high.push((range.start().max('\u{80}'), range.end()));
            }
        }
        let high = match high[..] {
            [] => High::None,
            [('\u{80}', char::MAX)] => High::All,
            _ => High::Some(high),
        };
        table[128..].fill(high != High::None);
        Set { table, high }
    }

    /// None if it holds bytes that are no characters.
    pub(super) fn bytes(class: &ClassBytes) -> Option<Set> {
        class.to_unicode_class().map(|class| Set::unicode(&class))
    }

    pub(super) fn char(char: char) -> Set {
        Set::unicode(&ClassUnicode::new([regex_syntax::hir::ClassUnicodeRange::new(char, char)]))
    }

    pub(super) fn first(&self) -> First {
        let mut first = First::default();
        for byte in 0..=255u8 {
            // No character begins with 0x80 to 0xbf.
            if self.table[usize::from(byte)] && !(0x80..0xc0).contains(&byte) {
                first.add(byte);
            }
        }
        first
    }

    /// Whether the table alone decides.
    pub(super) fn is_plain(&self) -> bool {
        !matches!(self.high, High::Some(_))
    }

    /// Whether it is every character but the line feed.
    pub(super) fn is_dot(&self) -> bool {
        self.high == High::All && (0..128).all(|byte| self.table[byte] == (byte != usize::from(b'\n')))
    }

    /// The place behind the character at `at`, if it is in the set.
    #[inline]
    pub(super) fn step(&self, text: &str, at: usize) -> Option<usize> {
        let byte = *text.as_bytes().get(at)?;
        if !self.table[usize::from(byte)] {
            return None;
        }
        if byte < 0x80 {
            return Some(at + 1);
        }
        let char = text.get(at..)?.chars().next()?;
        let has = match &self.high {
            High::None => false,
            High::All => true,
            High::Some(ranges) => {
                let after = ranges.partition_point(|range| range.1 < char);
                ranges.get(after).is_some_and(|range| range.0 <= char)
            }
        };
        has.then_some(at + char.len_utf8())
    }

    /// The place behind as many characters of the set as there are, at most `most` (`u32::MAX` is any number).
    #[inline]
    pub(super) fn skip(&self, text: &str, mut at: usize, most: u32) -> usize {
        if most == u32::MAX && self.is_plain() {
            let rest = &text.as_bytes()[at..];
            return at + rest.iter().position(|&byte| !self.table[usize::from(byte)]).unwrap_or(rest.len());
        }
        let mut left = most;
        while left > 0
            && let Some(next) = self.step(text, at)
        {
            at = next;
            left -= u32::from(left != u32::MAX);
        }
        at
    }
}
