//! Remembers what an expensive function of a text gave, within bounds.
//!
//! Metrics repeat: the same few hosts, paths and units come again at every interval, so a look-up in a table replaces a
//! regular expression nearly always. Where values do not repeat the table would only cost, so it rests for a while.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Most texts that are remembered.
const MOST: usize = 32_768;
/// Longer texts are not remembered, in bytes.
const LONGEST: usize = 256;
/// For so many texts the table is left alone after it has filled up without being of use.
const REST: u32 = 1 << 20;

/// What a function gave for each text; `None` where it leaves the text alone.
#[derive(Default)]
pub struct Memo {
    known: HashMap<Box<str>, u32, RandomState>,
    values: Vec<Option<Box<str>>>,
    /// Look-ups that found something since the table was last emptied.
    hits: u64,
    /// So many texts still go by before the table is used again.
    rest: u32,
    /// What `make` writes into.
    made: String,
}

impl Memo {
    /// What `make` appends for the text, or gave before; `None` where it says false.
    pub fn get(&mut self, text: &str, make: impl FnOnce(&str, &mut String) -> bool) -> Option<&str> {
        let remembers = text.len() <= LONGEST && self.may_remember();
        if remembers && let Some(&i) = self.known.get(text) {
            self.hits += 1;
            return self.values[i as usize].as_deref();
        }
        self.made.clear();
        let changed = make(text, &mut self.made);
        if remembers && self.made.len() <= LONGEST {
            self.known.insert(text.into(), self.values.len() as u32);
            self.values.push(changed.then(|| self.made.as_str().into()));
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
            self.values.clear();
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
