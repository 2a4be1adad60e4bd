//! What draws by chance (sprig, "UUID Functions", "Random", `shuffle`): for names and identities, not for secrets.

use std::hash::{BuildHasher, RandomState};

use super::{Args, Function, repeat};
use crate::template::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("uuidv4", 0, |_| Ok(uuid().into())),
    Function::new("randInt", 2, |args| {
        let (least, end) = (args.int(0)?, args.int(1)?);
        let count = end.checked_sub(least).filter(|&count| count > 0).ok_or("there is no number between the two")?;
        Ok((least + Random::new().below(count as u64) as i64).into())
    }),
    Function::new("randAlpha", 1, |args| drawn(args, |byte| byte.is_ascii_alphabetic())),
    Function::new("randNumeric", 1, |args| drawn(args, |byte| byte.is_ascii_digit())),
    Function::new("randAlphaNum", 1, |args| drawn(args, |byte| byte.is_ascii_alphanumeric())),
    Function::new("randAscii", 1, |args| drawn(args, |byte| byte.is_ascii_graphic() || *byte == b' ')),
    Function::new("shuffle", 1, |args| {
        let mut random = Random::new();
        let mut chars: Vec<char> = args.text(0)?.chars().collect();
        for last in (1..chars.len()).rev() {
            chars.swap(last, random.below(last as u64 + 1) as usize);
        }
        Ok(chars.into_iter().collect::<String>().into())
    }),
];

/// Random bits: the standard library keys its hash tables with those of the system.
struct Random {
    hash: RandomState,
    drawn: u64,
}

impl Random {
    fn new() -> Random {
        Random { hash: RandomState::new(), drawn: 0 }
    }

    fn next(&mut self) -> u64 {
        self.drawn += 1;
        self.hash.hash_one(self.drawn)
    }

    /// A number below `count`, which is not zero.
    fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(count)) >> 64) as u64
    }
}

/// RFC 9562, 5.4.
fn uuid() -> String {
    let mut random = Random::new();
    let (high, low) = (random.next(), random.next());
    let (time, middle, version) = (high >> 32, high >> 16 & 0xffff, high & 0x0fff | 0x4000);
    let (variant, node) = (low >> 48 & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
    format!("{time:08x}-{middle:04x}-{version:04x}-{variant:04x}-{node:012x}")
}

/// So many characters of those wanted.
fn drawn<'a>(args: &Args<'_, 'a>, wanted: fn(&u8) -> bool) -> Result<Value<'a>, String> {
    let count = usize::try_from(args.int(0)?).map_err(|_| "negative count")?;
    let mut text = repeat(" ", count)?.into_bytes();
    let characters: Vec<u8> = (0..128).filter(wanted).collect();
    let mut random = Random::new();
    for byte in &mut text {
        *byte = characters[random.below(characters.len() as u64) as usize];
    }
    Ok(String::from_utf8_lossy(&text).into_owned().into())
}
