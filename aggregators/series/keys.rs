//! Texts that many series share, kept once and known by number.

use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Keys of fields by number.
#[derive(Default)]
pub(super) struct Keys {
    texts: Vec<Box<str>>,
    numbers: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
}

impl Keys {
    /// The number of a text; None when numbers are used up.
    pub(super) fn intern(&mut self, text: &str) -> Option<u32> {
        let (texts, hasher) = (&self.texts, &self.hasher);
        let hash = hasher.hash_one(text);
        if let Some(&number) = self.numbers.find(hash, |&n| *texts[n as usize] == *text) {
            return Some(number);
        }
        let number = u32::try_from(texts.len()).ok()?;
        self.numbers.insert_unique(hash, number, |&n| hasher.hash_one(&*texts[n as usize]));
        self.texts.push(text.into());
        Some(number)
    }

    /// Memory of all texts.
    pub(super) fn bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.len() + size_of::<Box<str>>()).sum();
        texts + self.numbers.allocation_size()
    }

    /// The text of a number that `intern` gave.
    pub(super) fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }
}
