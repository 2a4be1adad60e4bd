//! Sketches as text, so that another agent can merge them with its own: numbers of seven bits a byte, low ones first, in base64.
//!
//! What is read may come from anywhere: every number is checked, and nothing is made larger than the sketch that it is for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Changes with the form of any sketch, and with what keys hash to.
const VERSION: u64 = 2;

/// A sketch on its way into a text.
pub(super) struct Writing(Vec<u8>);

impl Writing {
    /// Begins with what two sketches must have in common.
    pub(super) fn new(common: u64) -> Self {
        let mut writing = Writing(Vec::new());
        writing.number(VERSION);
        writing.0.extend(common.to_le_bytes());
        writing
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Many numbers: the places of those above 0 where these are few, else all.
    pub(super) fn numbers(&mut self, numbers: impl ExactSizeIterator<Item = u64> + Clone) {
        let used = numbers.clone().filter(|n| *n > 0).count();
        if used > numbers.len() / 2 {
            self.number(0);
            numbers.for_each(|n| self.number(n));
            return;
        }
        self.number(1);
        self.number(used as u64);
        let mut next = 0;
        for (place, number) in (0..).zip(numbers).filter(|(_, n)| *n > 0) {
            self.number(place - next);
            self.number(number);
            next = place + 1;
        }
    }

    pub(super) fn text(&self) -> String {
        STANDARD_NO_PAD.encode(&self.0)
    }
}

/// A sketch on its way out of a text. Nothing is what is no sketch.
pub(super) struct Reading {
    bytes: Vec<u8>,
    at: usize,
}

impl Reading {
    /// Only what has the same in common.
    pub(super) fn new(text: &str, common: u64) -> Option<Self> {
        let mut reading = Reading { bytes: STANDARD_NO_PAD.decode(text).ok()?, at: 0 };
        (reading.number()? == VERSION && reading.take::<8>()? == common.to_le_bytes()).then_some(reading)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = *self.bytes.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(bytes)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return None;
            }
            number |= part << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A number that is at most `most`.
    pub(super) fn below(&mut self, most: usize) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|n| *n <= most)
    }

    /// As many numbers as were written.
    pub(super) fn numbers(&mut self, count: usize) -> Option<Vec<u64>> {
        let mut numbers = vec![0; count];
        match self.number()? {
            0 => numbers.iter_mut().try_for_each(|n| self.number().map(|read| *n = read))?,
            1 => {
                let mut next = 0usize;
                for _ in 0..self.below(count)? {
                    let place = next.checked_add(self.below(count)?)?;
                    *numbers.get_mut(place)? = self.number()?;
                    next = place + 1;
                }
            }
            _ => return None,
        }
        Some(numbers)
    }

    /// True if there is nothing more.
    pub(super) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for numbers in [vec![0; 9], vec![0, 0, 7, 0, 0, u64::MAX], vec![1, 2, 300, 0], vec![]] {
            let mut writing = Writing::new(5);
            writing.numbers(numbers.iter().copied());
            writing.number(300);
            let mut reading = Reading::new(&writing.text(), 5).unwrap();
            assert_eq!(reading.numbers(numbers.len()), Some(numbers));
            assert_eq!(reading.number(), Some(300));
            assert!(reading.is_empty() && reading.number().is_none());
        }
    }

    #[test]
    fn what_is_no_sketch_is_refused() {
        let mut writing = Writing::new(5);
        writing.numbers([0, 1, 0, 0].into_iter());
        let text = writing.text();
        assert!(Reading::new(&text, 6).is_none() && Reading::new("?", 5).is_none() && Reading::new("", 5).is_none());
        assert_eq!(Reading::new(&text, 5).unwrap().numbers(1), None, "for more than there is room for");
        let mut cut = Reading { bytes: vec![0xff; 10], at: 0 };
        assert_eq!(cut.number(), None, "more than 64 bits");
    }
}
