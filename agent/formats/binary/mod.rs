//! Binary messages of a fixed make: numbers and texts one after the other, to the bit.

mod bits;
mod entry;
mod parser;
mod serializer;

pub use parser::Messages;
pub use serializer::Writer;

#[cfg(test)]
mod tests;

use agent_api::{Result, bail};

/// The order of bytes in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// `le`, `be`, or that of this machine.
    fn parse(text: &str) -> Result<Order> {
        match text {
            "le" | "little" => Ok(Order::Little),
            "be" | "big" => Ok(Order::Big),
            "" | "host" if cfg!(target_endian = "big") => Ok(Order::Big),
            "" | "host" => Ok(Order::Little),
            other => bail!("endianness: {other:?} is not be, le or host"),
        }
    }
}

/// Bytes in hexadecimal digits, perhaps behind `0x`.
fn hex(text: &str) -> Result<Vec<u8>> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let value = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8; 2]| Some(value(pair[0])? << 4 | value(pair[1])?);
    let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
    match pairs.iter().map(pair).collect::<Option<Vec<u8>>>() {
        Some(bytes) if odd.is_empty() => Ok(bytes),
        _ => bail!("{:?} is no number of bytes in hexadecimal digits", text.chars().take(60).collect::<String>()),
    }
}
