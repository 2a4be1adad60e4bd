//! Reads floats: decimal, hexadecimal with a binary exponent, infinity and NaN.

use super::{NumberError, underscores_allowed};

/// Reads a float as Go's `ParseFloat` with 64 bits does.
///
/// Decimal and hexadecimal ("0x1.8p3") numbers, `inf`, `infinity` (with a sign) and `nan` in any case, underscores
/// between digits. A number beyond the largest float is an error, not an infinity.
pub fn parse_float(text: &str) -> Result<f64, NumberError> {
    let plain = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
    if text.as_bytes().iter().all(plain) {
        return decimal(text, text);
    }
    let (negative, number) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if number.eq_ignore_ascii_case("inf") || number.eq_ignore_ascii_case("infinity") {
        return Ok(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    let value = if let [b'0', b'x' | b'X', ..] = number.as_bytes() {
        if !underscores_allowed(number) {
            return Err(NumberError::syntax(text));
        }
        let value = hexadecimal(&number[2..]).ok_or_else(|| NumberError::syntax(text))?;
        if value.is_infinite() {
            return Err(NumberError::range(text));
        }
        value
    } else {
        let bytes = number.as_bytes();
        if !bytes.iter().all(|byte| plain(byte) || *byte == b'_') || !underscores_allowed(number) {
            return Err(NumberError::syntax(text));
        }
        decimal(&number.replace('_', ""), text)?
    };
    Ok(if negative { -value } else { value })
}

/// Reads a text of digits, points, signs and `e`, for which Rust's grammar is Go's.
fn decimal(number: &str, text: &str) -> Result<f64, NumberError> {
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(NumberError::range(text)),
        Err(_) => Err(NumberError::syntax(text)),
    }
}

/// Reads what follows "0x": hexadecimal digits with a point and an exponent of two, which must not be missing.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let mut mantissa = 0_u64;
    // Whether a bit below the mantissa's last one is set: it decides a rounding that would be a tie.
    let mut sticky = false;
    let mut shift = 0_i64;
    let mut seen_digit = false;
    let mut seen_point = false;
    for byte in digits.bytes() {
        let digit = match byte {
            b'_' => continue,
            b'.' if !seen_point => {
                seen_point = true;
                continue;
            }
            _ => u64::from(char::from(byte).to_digit(16)?),
        };
        seen_digit = true;
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | digit;
            shift -= if seen_point { 4 } else { 0 };
        } else {
            sticky |= digit != 0;
            shift += if seen_point { 0 } else { 4 };
        }
    }
    if !seen_digit {
        return None;
    }
    let (sign, exponent) = match exponent.as_bytes().first()? {
        b'-' => (-1, &exponent[1..]),
        b'+' => (1, &exponent[1..]),
        _ => (1, exponent),
    };
    if !exponent.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let mut power = 0_i64;
    for byte in exponent.bytes().filter(|&byte| byte != b'_') {
        let digit = char::from(byte).to_digit(10)?;
        power = (power * 10 + i64::from(digit)).min(100_000);
    }
    Some(scale(mantissa, sticky, shift + sign * power))
}

/// `mantissa` times two to the `power`, rounded to the nearest float, ties to even.
fn scale(mantissa: u64, sticky: bool, power: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let lead = i64::from(mantissa.leading_zeros());
    let mantissa = mantissa << lead;
    // The value is 1.xxx times two to this power.
    let exponent = power - lead + 63;
    if exponent > 1023 {
        return f64::INFINITY;
    }
    // Below the smallest normal number the mantissa loses bits; 64 - 53 bits always go.
    let lost = 11 + (-1022 - exponent).max(0);
    if lost > 64 {
        return 0.0;
    }
    let wide = u128::from(mantissa);
    let kept = (wide >> lost) as u64;
    let rest = wide & ((1 << lost) - 1);
    let half = 1 << (lost - 1);
    let up = rest > half || rest == half && (sticky || kept & 1 == 1);
    let kept = kept + u64::from(up);
    // A normal number adds its exponent in the upper bits; a carry out of the mantissa moves it up by one as it should.
    let biased = (exponent.max(-1022) + 1022) as u64;
    f64::from_bits((biased << 52) + kept)
}
