//! Memory in pages: runs of words that never move, found by a 32-bit address, freed from the front.
//!
//! One growing list would be copied when it grows and so need three times its size for a moment; pages do not.

/// Words of a page: 256 KiB.
pub(super) const PAGE: usize = 1 << BITS;
const BITS: u32 = 15;

/// Runs of words in pages. A run longer than a page has a page of its own.
#[derive(Default)]
pub(super) struct Pages {
    pages: Vec<Vec<u64>>,
    /// Pages before this one are freed.
    freed: usize,
}

/// Page and place in it.
fn place(at: u32) -> (usize, usize) {
    ((at >> BITS) as usize, at as usize & (PAGE - 1))
}

impl Pages {
    /// A new run of zeros; None when the addresses are used up.
    pub(super) fn alloc(&mut self, len: usize) -> Option<u32> {
        let full = self.pages.last().is_none_or(|page| page.len() + len > PAGE);
        if full {
            if self.pages.len() >> (u32::BITS - BITS) != 0 {
                return None;
            }
            // The first page grows, so that a small table stays small.
            let room = if self.pages.is_empty() { len } else { PAGE.max(len) };
            self.pages.push(Vec::with_capacity(room));
        }
        let number = self.pages.len() - 1;
        let page = &mut self.pages[number];
        let offset = page.len();
        page.resize(offset + len, 0);
        Some((number as u32) << BITS | offset as u32)
    }

    /// `len` words from an address on.
    pub(super) fn run(&self, at: u32, len: usize) -> &[u64] {
        self.run_after(at, 0, len)
    }

    /// `len` words, `skip` words after an address of the same run.
    pub(super) fn run_after(&self, at: u32, skip: usize, len: usize) -> &[u64] {
        let (page, offset) = place(at);
        &self.pages[page][offset + skip..offset + skip + len]
    }

    /// `len` words from an address on, to change.
    pub(super) fn run_mut(&mut self, at: u32, len: usize) -> &mut [u64] {
        self.run_after_mut(at, 0, len)
    }

    /// `len` words, `skip` words after an address of the same run, to change.
    pub(super) fn run_after_mut(&mut self, at: u32, skip: usize, len: usize) -> &mut [u64] {
        let (page, offset) = place(at);
        &mut self.pages[page][offset + skip..offset + skip + len]
    }

    /// Memory of all pages.
    pub(super) fn bytes(&self) -> usize {
        self.pages.iter().map(|page| page.capacity() * size_of::<u64>()).sum()
    }

    /// Frees the pages before the one of this address.
    pub(super) fn free_before(&mut self, at: u32) {
        let (page, _) = place(at);
        for old in &mut self.pages[self.freed.min(page)..page] {
            *old = Vec::new();
        }
        self.freed = self.freed.max(page);
    }
}
