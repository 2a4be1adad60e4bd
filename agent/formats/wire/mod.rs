//! The wire format of protocol buffers (protobuf.dev/programming-guides/encoding), read and written by hand: the messages of
//! Prometheus have a handful of fields each, and what is read may be borrowed and written in place, which generated code does not do.

#[cfg(any(test, feature = "prometheusremotewrite"))]
mod write;

#[cfg(any(test, feature = "prometheusremotewrite"))]
pub(crate) use write::{put_bytes, put_double, put_number, put_varint, varint_len};

/// What is wrong with a message.
pub(crate) type Malformed = &'static str;

/// The fields of a message, in the order in which they stand.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a>(&'a [u8]);

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Message<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Message(bytes)
    }

    /// The next field with its number; None at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Wire<'a>)>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = varint(&mut self.0).ok_or(CUT)?;
        let value = match key & 7 {
            0 => Wire::Varint(varint(&mut self.0).ok_or(CUT)?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.take()?)),
            2 => {
                let len = varint(&mut self.0).and_then(|n| usize::try_from(n).ok()).ok_or(CUT)?;
                let (bytes, rest) = self.0.split_at_checked(len).ok_or(CUT)?;
                self.0 = rest;
                Wire::Bytes(bytes)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(self.take()?)),
            _ => return Err("a field of a message has no known type"),
        };
        Ok(Some((key >> 3, value)))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(CUT)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

const CUT: Malformed = "a message ends within a field";

impl<'a> Wire<'a> {
    pub(crate) fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self {
            Wire::Bytes(bytes) => Ok(bytes),
            _ => Err("a number stands where a text or message belongs"),
        }
    }

    pub(crate) fn text(self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "a text is no UTF-8")
    }

    pub(crate) fn message(self) -> Result<Message<'a>, Malformed> {
        self.bytes().map(Message)
    }

    pub(crate) fn double(self) -> Result<f64, Malformed> {
        match self {
            Wire::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err("a float has no eight bytes"),
        }
    }

    pub(crate) fn number(self) -> Result<u64, Malformed> {
        match self {
            Wire::Varint(n) => Ok(n),
            _ => Err("a whole number is none"),
        }
    }

    /// A number of type `int32` or `int64`.
    pub(crate) fn signed(self) -> Result<i64, Malformed> {
        self.number().map(|n| n as i64)
    }

    #[cfg(feature = "prometheusremotewrite")]
    /// A number of type `sint32` or `sint64`.
    pub(crate) fn zigzag(self) -> Result<i64, Malformed> {
        self.number().map(unzigzag)
    }
}

#[cfg(any(test, feature = "prometheusremotewrite"))]
/// The number that stands for `n` in types `sint32` and `sint64`.
pub(crate) fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

/// Takes a number of seven bits a byte from the front; None if it is cut or longer than ten bytes.
pub(crate) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for i in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let numbers = [0, 1, 127, 128, 300, 1 << 35, u64::MAX];
        for n in numbers {
            let mut out = Vec::new();
            put_number(3, n, &mut out);
            assert_eq!(out.len(), 1 + varint_len(n), "{n}");
            put_double(1, -0.5, &mut out);
            put_bytes(15, "é".as_bytes(), &mut out);
            let mut message = Message::new(&out);
            assert_eq!(message.next(), Ok(Some((3, Wire::Varint(n)))));
            let (field, value) = message.next().unwrap().unwrap();
            assert_eq!((field, value.double()), (1, Ok(-0.5)));
            let (field, value) = message.next().unwrap().unwrap();
            assert_eq!((field, value.text()), (15, Ok("é")));
            assert_eq!(message.next(), Ok(None));
            for cut in 1..out.len() {
                let mut message = Message::new(&out[..cut]);
                while let Ok(Some(_)) = message.next() {}
            }
        }
        assert_eq!([0, 1, 2, 3, u64::MAX].map(unzigzag), [0, -1, 1, -2, i64::MIN]);
    }

    #[test]
    fn what_is_malformed_is_said() {
        for (bytes, cause) in [
            (&[0x80][..], CUT),
            (&[0x0a, 5, 1], CUT),
            (&[0x0b], "a field of a message has no known type"),
            (&[0xff; 11], CUT),
        ] {
            assert_eq!(Message::new(bytes).next(), Err(cause));
        }
        assert!(Wire::Varint(1).double().is_err() && Wire::Varint(1).bytes().is_err());
        assert!(Wire::Fixed32(1).number().is_err() && Wire::Bytes(&[0xff]).text().is_err());
    }
}
