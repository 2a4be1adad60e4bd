//! Takes numbers, names and zone abbreviations off the beginning of a text, each by Go's rule for its element.

/// An element that cannot be read.
pub(super) enum Failure {
    Bad,
    Range(&'static str),
}

pub(super) type Step<'a, T> = Result<(T, &'a str), Failure>;

pub(super) fn below<'a>(
    limit: u32,
    what: &'static str,
    target: &mut u32,
    (value, rest): (u32, &'a str),
) -> Result<&'a str, Failure> {
    if value >= limit {
        return Err(Failure::Range(what));
    }
    *target = value;
    Ok(rest)
}

/// Reads between `least` and `most` digits.
pub(super) fn digits(text: &str, least: usize, most: usize) -> Step<'_, u32> {
    let bytes = text.as_bytes();
    let count = leading_digits(text).min(most);
    if count < least {
        return Err(Failure::Bad);
    }
    let value = bytes[..count].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Ok((value, &text[count..]))
}

/// Reads one or two digits, or exactly two.
pub(super) fn number(text: &str, two: bool) -> Step<'_, u32> {
    digits(text, if two { 2 } else { 1 }, 2)
}

/// Finds the first of `names`, cut to `letters`, that the text begins with in any case.
pub(super) fn name<'a>(text: &'a str, names: &[&str], letters: usize) -> Step<'a, usize> {
    for (index, name) in names.iter().enumerate() {
        let wanted = &name[..letters.min(name.len())];
        if let Some(start) = text.get(..wanted.len())
            && start.eq_ignore_ascii_case(wanted)
        {
            return Ok((index, &text[wanted.len()..]));
        }
    }
    Err(Failure::Bad)
}

pub(super) fn leading_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

pub(super) fn begins_fraction(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes, [b'.' | b',', digit, ..] if digit.is_ascii_digit())
}

/// How many bytes at the start are a zone abbreviation, if any: three to five capital letters by certain rules, `GMT` with
/// an offset, or a bare offset in hours.
pub(super) fn abbreviation_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.len() < 3 {
        return None;
    }
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Some(4);
    }
    if let Some(after) = text.strip_prefix("GMT") {
        return Some(3 + signed_hours(after));
    }
    if matches!(bytes[0], b'+' | b'-') {
        return Some(signed_hours(text)).filter(|&length| length > 0);
    }
    match bytes.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count() {
        5 if bytes[4] == b'T' => Some(5),
        4 if bytes[3] == b'T' || text.starts_with("WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

/// The length of `+h`, `-hh` and the like at the start, 0 if there is none or it is more than 23 hours.
fn signed_hours(text: &str) -> usize {
    if !text.starts_with(['+', '-']) {
        return 0;
    }
    let count = leading_digits(&text[1..]);
    match text[1..1 + count].parse::<u64>() {
        Ok(hours) if hours <= 23 => 1 + count,
        _ => 0,
    }
}
