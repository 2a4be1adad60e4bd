//! Durations and sizes as texts.

/// Nanoseconds of a Go duration with days, or of a bare number of seconds; "" is 0.
pub(super) fn parse_duration(text: &str) -> Result<i64, String> {
    let bad = || format!("invalid duration {text:?}");
    if text.is_empty() || text == "0" {
        return Ok(0);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return if seconds.is_finite() { Ok((seconds * 1e9) as i64) } else { Err(bad()) };
    }
    let (sign, mut rest) = match text.as_bytes()[0] {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let mut total = 0f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(bad)?;
        let number: f64 = rest[..end].parse().map_err(|_| bad())?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            "d" => 86_400e9,
            _ => return Err(bad()),
        };
        total += number * unit;
        rest = &rest[end..];
    }
    if total > i64::MAX as f64 { Err(bad()) } else { Ok((sign * total).round() as i64) }
}

/// A duration as text: the largest unit that divides it.
pub(super) fn format_duration(nanos: u128) -> String {
    for (unit, size) in
        [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000)]
    {
        if nanos >= size && nanos.is_multiple_of(size) {
            return format!("{}{unit}", nanos / size);
        }
    }
    if nanos == 0 { "0s".to_owned() } else { format!("{nanos}ns") }
}

/// Bytes of a size with a unit.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let bad = || format!("invalid size {text:?}");
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let unit: f64 = match &text[end..] {
        "" | "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        _ => return Err(bad()),
    };
    let number: f64 = text[..end].parse().map_err(|_| bad())?;
    Ok((number * unit) as u64)
}
