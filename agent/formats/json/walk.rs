//! Walks over the leaves of an object: texts, numbers and booleans, each with the keys on the way to it joined by `_`.
//!
//! The document was checked before, so the walk does not look for errors; on a broken document it ends early. It holds one buffer for keys
//! and a stack of what is open, so that an object of any depth costs no recursion and a flat one no copy of its keys.

use crate::jsontext::{number_end, plain_end, skip_space, string_end, unescape};

/// A value that is neither object, array nor null.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Leaf<'a> {
    /// What stands between the quotes, and whether there are escapes in it.
    Text(&'a str, bool),
    /// A number as it is written.
    Number(&'a str),
    /// A boolean.
    Bool(bool),
}

/// Room for keys, kept from object to object.
#[derive(Clone, Default)]
pub(super) struct Room {
    /// The key of the leaf, where it is not simply a piece of the document.
    key: String,
    open: Vec<Open>,
    /// Bytes of keys that were put together for this object.
    spent: usize,
}

/// An object or array that the walk is in.
#[derive(Clone)]
struct Open {
    list: bool,
    /// The index of the next element of a list.
    next: usize,
    /// So much of the key is that of the object or array, `_` included.
    prefix: usize,
}

/// The keys of one object may come to so many bytes: long keys above many leaves would otherwise cost their product.
const KEYS_MAX: usize = 256 << 20;

pub(super) struct Walk<'a, 'r> {
    text: &'a str,
    at: usize,
    room: &'r mut Room,
    /// Where in the document the key is, if it is there as it is.
    place: Option<(usize, usize)>,
}

impl<'a, 'r> Walk<'a, 'r> {
    /// Walks over the object that begins at `at`.
    pub(super) fn new(text: &'a str, at: usize, room: &'r mut Room) -> Self {
        room.key.clear();
        room.open.clear();
        room.open.push(Open { list: false, next: 0, prefix: 0 });
        room.spent = 0;
        Walk { text, at: at + 1, room, place: None }
    }

    /// Where the walk is: behind the object, when it has ended.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The key of the leaf that `next` gave last.
    pub(super) fn key(&self) -> &str {
        match self.place {
            Some((from, to)) => &self.text[from..to],
            None => &self.room.key,
        }
    }

    /// The next leaf; `Err` if the keys take too much room.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Result<Leaf<'a>, &'static str>> {
        let bytes = self.text.as_bytes();
        loop {
            self.at = skip_space(bytes, self.at);
            match bytes.get(self.at)? {
                b',' => {
                    self.at += 1;
                    continue;
                }
                b'}' | b']' => {
                    self.at += 1;
                    self.room.open.pop();
                    if self.room.open.is_empty() {
                        return None;
                    }
                    continue;
                }
                _ => {}
            }
            self.read_key()?;
            if self.room.spent > KEYS_MAX {
                return Some(Err("the keys of an object take too much room"));
            }
            let from = self.at;
            match bytes.get(from)? {
                b'"' => {
                    let mut end = plain_end(bytes, from + 1);
                    let escaped = bytes.get(end) == Some(&b'\\');
                    if escaped {
                        end = string_end(bytes, from).checked_sub(1)?;
                    }
                    self.at = end + 1;
                    return Some(Ok(Leaf::Text(self.text.get(from + 1..end)?, escaped)));
                }
                first @ (b'{' | b'[') => {
                    if let Some((from, to)) = self.place.take() {
                        self.room.key.clear();
                        self.room.key.push_str(&self.text[from..to]);
                    }
                    if !self.room.key.is_empty() {
                        self.room.key.push('_');
                    }
                    self.room.open.push(Open { list: *first == b'[', next: 0, prefix: self.room.key.len() });
                    self.at += 1;
                }
                b'n' => self.at += 4,
                b't' => {
                    self.at += 4;
                    return Some(Ok(Leaf::Bool(true)));
                }
                b'f' => {
                    self.at += 5;
                    return Some(Ok(Leaf::Bool(false)));
                }
                _ => {
                    self.at = number_end(bytes, from);
                    return Some(Ok(Leaf::Number(self.text.get(from..self.at)?)));
                }
            }
        }
    }

    /// Reads the key of an element, or counts it, and steps to the value.
    #[inline]
    fn read_key(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        let open = self.room.open.last_mut()?;
        if open.list {
            self.place = None;
            self.room.key.truncate(open.prefix);
            self.room.key.push_str(itoa::Buffer::new().format(open.next));
            self.room.spent += self.room.key.len();
            open.next += 1;
            return Some(());
        }
        let from = self.at + 1;
        let mut end = plain_end(bytes, from);
        if bytes.get(end) == Some(&b'\\') || open.prefix > 0 {
            end = string_end(bytes, self.at).checked_sub(1)?;
            self.place = None;
            self.room.key.truncate(open.prefix);
            unescape(self.text.get(from..end)?, &mut self.room.key);
            self.room.spent += self.room.key.len();
        } else {
            self.place = Some((from, end));
        }
        let colon = skip_space(bytes, end + 1);
        self.at = skip_space(bytes, colon + 1);
        Some(())
    }
}
