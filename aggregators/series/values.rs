//! Values of any type as states of fields, texts included.

use agent_api::{Kind, Value};

/// Keeps values in slots of [`Values::WIDTH`] words: what it is, and the bits of a number or nothing. A slot that once held a text
/// keeps the room for the next one.
#[derive(Default)]
pub struct Values {
    texts: Vec<String>,
    /// Numbers of texts that no slot uses.
    free: Vec<u32>,
}

const FLOAT: u64 = 1;
const INT: u64 = 2;
const UINT: u64 = 3;
const BOOL: u64 = 4;
const TEXT: u64 = 5;
/// The type takes the low byte of the first word, the number of the text, counted from 1, the upper half.
const TYPE: u64 = 0xff;

impl Values {
    /// Words of a slot.
    pub const WIDTH: usize = 2;

    /// Puts a value into a slot.
    pub fn set(&mut self, slot: &mut [u64], value: Value<'_>) {
        let (kind, bits) = match value {
            Value::Float(v) => (FLOAT, v.to_bits()),
            Value::Int(v) => (INT, v as u64),
            Value::Uint(v) => (UINT, v),
            Value::Bool(v) => (BOOL, u64::from(v)),
            Value::Str(text) => {
                let number = self.room(slot);
                let own = &mut self.texts[number as usize];
                own.clear();
                own.push_str(text);
                slot[0] = (u64::from(number) + 1) << 32;
                (TEXT, 0)
            }
        };
        slot[0] = (slot[0] & !TYPE) | kind;
        slot[1] = bits;
    }

    /// The value of a slot; None if it was never set or was cleared.
    pub fn get(&self, slot: &[u64]) -> Option<Value<'_>> {
        Some(match slot[0] & TYPE {
            FLOAT => Value::Float(f64::from_bits(slot[1])),
            INT => Value::Int(slot[1] as i64),
            UINT => Value::Uint(slot[1]),
            BOOL => Value::Bool(slot[1] != 0),
            TEXT => Value::Str(&self.texts[number(slot)?]),
            _ => return None,
        })
    }

    /// Empties a slot.
    pub fn clear(slot: &mut [u64]) {
        slot[0] &= !TYPE;
    }

    /// Takes back the room of a slot that is not used again.
    pub fn release(&mut self, slot: &[u64]) {
        if let Some(number) = number(slot) {
            self.texts[number] = String::new();
            self.free.push(number as u32);
        }
    }

    /// Memory of all texts.
    pub fn bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(String::capacity).sum();
        texts + self.texts.capacity() * size_of::<String>() + self.free.capacity() * size_of::<u32>()
    }

    /// Forgets everything; every slot must be gone.
    pub fn reset(&mut self) {
        *self = Values::default();
    }

    /// The number of the text of a slot, a free one if it has none yet.
    fn room(&mut self, slot: &[u64]) -> u32 {
        if let Some(number) = number(slot) {
            return number as u32;
        }
        self.free.pop().unwrap_or_else(|| {
            self.texts.push(String::new());
            // The table of the slots is full long before 2^32 texts.
            (self.texts.len() - 1) as u32
        })
    }
}

/// The number of the text of a slot.
fn number(slot: &[u64]) -> Option<usize> {
    ((slot[0] >> 32) as usize).checked_sub(1)
}

/// Kinds of metrics as words of state.
pub struct Kinds;

const KINDS: [Kind; 5] = [Kind::Untyped, Kind::Counter, Kind::Gauge, Kind::Summary, Kind::Histogram];

impl Kinds {
    /// The word of a kind.
    pub fn word(kind: Kind) -> u64 {
        KINDS.iter().position(|k| *k == kind).map_or(0, |i| i as u64)
    }

    /// The kind of a word.
    pub fn kind(word: u64) -> Kind {
        KINDS.get(word as usize).copied().unwrap_or_default()
    }
}
