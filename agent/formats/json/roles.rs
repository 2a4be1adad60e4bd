//! What becomes of the values of each key.

use agent_golang::glob::Filter;

/// What becomes of the values of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Tag,
    /// Every value is a field.
    Field,
    /// Only numbers are fields.
    Number,
    Nothing,
}

/// Knows the role of a key. The keys of one object are mostly those of the object before, in the same order.
#[derive(Clone)]
pub(super) struct Roles {
    tags: Filter,
    texts: Filter,
    /// The key of the time.
    skip: Option<String>,
    seen: Vec<(String, Role)>,
}

/// So many keys are remembered.
const SEEN: usize = 256;

impl Roles {
    /// Values of keys that `tags` matches become tags, texts and booleans of those that `texts` matches become fields; that of `skip` neither.
    pub(super) fn new(tags: Filter, texts: Filter, skip: Option<String>) -> Self {
        Roles { tags, texts, skip, seen: Vec::new() }
    }

    /// The role of the key of the leaf `n` of an object.
    #[inline]
    pub(super) fn of(&mut self, key: &str, n: usize) -> Role {
        match self.seen.get(n) {
            Some((seen, role)) if seen == key => *role,
            _ => self.find(key, n),
        }
    }

    fn find(&mut self, key: &str, n: usize) -> Role {
        let role = if key.is_empty() || self.skip.as_deref() == Some(key) {
            Role::Nothing
        } else if self.tags.is_match(key) {
            Role::Tag
        } else if self.texts.is_match(key) {
            Role::Field
        } else {
            Role::Number
        };
        if n < self.seen.len() {
            self.seen[n] = (key.to_owned(), role);
        } else if n == self.seen.len() && n < SEEN {
            self.seen.push((key.to_owned(), role));
        }
        role
    }
}
