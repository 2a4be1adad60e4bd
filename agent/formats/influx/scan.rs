//! Finds the bytes that give a line its structure: comma, equals sign, blank, line feed, quote and backslash; and all other
//! control characters, which no ordinary line has outside of texts.
//!
//! One pass over the text gives their places as a list; the parser then steps from place to place and never looks at the
//! bytes between. The compares are written so that the compiler makes SIMD code of them on every platform.

/// Appends the places of all structural bytes of `text`, each plus `base`.
pub(super) fn structure(text: &[u8], base: u32, places: &mut Vec<u32>) {
    let mut at = base;
    let (blocks, rest) = text.as_chunks::<64>();
    for block in blocks {
        push(mask(block), at, places);
        at += 64;
    }
    let mask = rest.iter().enumerate().fold(0u64, |m, (i, b)| m | (u64::from(is_structural(*b)) << i));
    push(mask, at, places);
}

/// A bit for each structural byte of 64. The compares become SIMD instructions; eight bytes of 0 or 1 are then gathered
/// into eight bits by one multiplication, which puts byte i at bit 56 + i.
fn mask(block: &[u8; 64]) -> u64 {
    let mut flags = [0u8; 64];
    for (flag, b) in flags.iter_mut().zip(block) {
        *flag = u8::from(*b == b',')
            | u8::from(*b == b'=')
            | u8::from(*b <= b' ')
            | u8::from(*b == b'"')
            | u8::from(*b == b'\\');
    }
    let (words, _) = flags.as_chunks::<8>();
    words.iter().enumerate().fold(0, |mask, (i, word)| {
        mask | (u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i)
    })
}

fn push(mut mask: u64, at: u32, places: &mut Vec<u32>) {
    while mask != 0 {
        places.push(at + mask.trailing_zeros());
        mask &= mask - 1;
    }
}

const fn is_structural(b: u8) -> bool {
    matches!(b, b',' | b'=' | b'"' | b'\\' | ..=b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_plain_loop_finds() {
        let mut seed = 42u32;
        for len in 0..300 {
            let text: Vec<u8> = (0..len)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    b"ab,= \n\t\"\\\xc3\xa4"[(seed >> 16) as usize % 11]
                })
                .collect();
            let mut places = Vec::new();
            structure(&text, 7, &mut places);
            let want: Vec<u32> = (0..len).filter(|i| is_structural(text[*i as usize])).map(|i| i + 7).collect();
            assert_eq!(places, want);
        }
    }
}
