//! Remembers what an expensive function of a text gave, within bounds.
//!
//! Metrics repeat: the same few hosts, paths and units come again at every interval, so a look-up in a table replaces a
//! regular expression nearly always. Where values do not repeat the table would only cost, so it rests for a while.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Most texts that are remembered.
const MOST: usize = 32_768;
/// Longer texts are not remembered, in bytes.
const LONGEST: usize = 256;
/// For so many texts the table is left alone after it has filled up without being of use.
const REST: u32 = 1 << 20;

/// What a function gave for each text; `None` where it leaves the text alone.
#[derive(Default)]
pub struct Memo {
    known: HashTable<Known>,
    hasher: RandomState,
    /// Each text with what was made of it right behind, so that both are mostly on one line of the cache.
    texts: String,
    /// Look-ups that found something since the table was last emptied.
    hits: u64,
    /// So many texts still go by before the table is used again.
    rest: u32,
    /// What `make` writes into.
    made: String,
}

/// A text that was seen before, and what was made of it.
#[derive(Clone, Copy)]
struct Known {
    at: u32,
    len: u16,
    /// Length of what was made.
    made: Option<u16>,
}

impl Known {
    fn text(self, texts: &str) -> &str {
        &texts[self.at as usize..][..usize::from(self.len)]
    }

    fn made(self, texts: &str) -> Option<&str> {
        Some(&texts[self.at as usize + usize::from(self.len)..][..usize::from(self.made?)])
    }
}

impl Memo {
    /// What `make` appends for the text, or gave before; `None` where it says false.
    pub fn get(&mut self, text: &str, make: impl FnOnce(&str, &mut String) -> bool) -> Option<&str> {
        let remembers = text.len() <= LONGEST && self.may_remember();
        let hash = if remembers { self.hasher.hash_one(text) } else { 0 };
        if remembers && let Some(known) = self.known.find(hash, |known| known.text(&self.texts) == text) {
            self.hits += 1;
            return known.made(&self.texts);
        }
        self.made.clear();
        let changed = make(text, &mut self.made);
        if remembers && self.made.len() <= LONGEST {
            // Few and short texts: neither place nor length leaves its range.
            let (at, len) = (self.texts.len() as u32, text.len() as u16);
            let known = Known { at, len, made: changed.then_some(self.made.len() as u16) };
            self.texts.push_str(text);
            if changed {
                self.texts.push_str(&self.made);
            }
            let (hasher, texts) = (&self.hasher, &self.texts);
            self.known.insert_unique(hash, known, |known| hasher.hash_one(known.text(texts)));
        }
        changed.then_some(self.made.as_str())
    }

    fn may_remember(&mut self) -> bool {
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        if self.known.len() >= MOST {
            if self.hits < MOST as u64 {
                self.rest = REST;
            }
            self.hits = 0;
            self.known.clear();
            self.texts.clear();
        }
        self.rest == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shout(text: &str, out: &mut String) -> bool {
        out.push_str(&text.to_uppercase());
        text != "same"
    }

    #[test]
    fn a_text_is_worked_on_once() {
        let (mut memo, mut calls) = (Memo::default(), 0);
        for _ in 0..3 {
            let found = memo.get("a", |t, out| {
                calls += 1;
                shout(t, out)
            });
            assert_eq!(found, Some("A"));
        }
        assert_eq!(memo.get("same", shout), None);
        assert_eq!(memo.get("same", shout), None);
        assert_eq!(calls, 1);
    }

    #[test]
    fn long_texts_are_not_kept_and_the_table_is_bounded() {
        let mut memo = Memo::default();
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(memo.get(&long, shout), Some(long.to_uppercase().as_str()));
        assert!(memo.known.is_empty());
        for i in 0..3 * MOST {
            let text = format!("t{i}");
            assert_eq!(memo.get(&text, shout), Some(text.to_uppercase().as_str()));
        }
        assert!(memo.known.len() <= MOST && memo.rest > 0, "values that never repeat must not be kept");
    }
}
