//! Numbers by a picture such as `#,##0.00`: the second argument of `$formatNumber`.
//!
//! Source: XPath and XQuery Functions 3.1, section 4.7, whose pictures JSONata has taken over. Rounding is that of the shortest decimal
//! text, half to even, and a mantissa that rounds up to ten stays ten, as in the library that Telegraf uses.

use agent_api::{Result, bail, ensure};
use agent_golang::number::{FloatStyle, format_float};

/// More digits than this are never asked for in earnest.
const MOST_DIGITS: usize = 1000;

/// The signs of a picture and of what is written.
pub(super) struct Signs {
    decimal: char,
    grouping: char,
    exponent: char,
    digit: char,
    zero: char,
    pattern: char,
    minus: String,
    percent: String,
    per_mille: String,
}

impl Default for Signs {
    fn default() -> Self {
        Signs {
            decimal: '.',
            grouping: ',',
            exponent: 'e',
            digit: '#',
            zero: '0',
            pattern: ';',
            minus: "-".to_owned(),
            percent: "%".to_owned(),
            per_mille: "\u{2030}".to_owned(),
        }
    }
}

impl Signs {
    /// Sets a sign by the name that options have for it.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let word = match name {
            "minus-sign" => Some(&mut self.minus),
            "percent" => Some(&mut self.percent),
            "per-mille" => Some(&mut self.per_mille),
            _ => None,
        };
        if let Some(word) = word {
            *word = value.to_owned();
            return Ok(());
        }
        let place = match name {
            // No value of JSON needs these two.
            "infinity" | "NaN" => return Ok(()),
            "decimal-separator" => &mut self.decimal,
            "grouping-separator" => &mut self.grouping,
            "exponent-separator" => &mut self.exponent,
            "digit" => &mut self.digit,
            "zero-digit" => &mut self.zero,
            "pattern-separator" => &mut self.pattern,
            _ => bail!("unknown option {name:?}"),
        };
        let mut letters = value.chars();
        let (Some(sign), None) = (letters.next(), letters.next()) else {
            bail!("{name:?} must be one character, not {value:?}")
        };
        *place = sign;
        Ok(())
    }

    fn is_zero_to_nine(&self, c: char) -> bool {
        (u32::from(self.zero)..u32::from(self.zero) + 10).contains(&u32::from(c))
    }

    /// Whether a character stands for a place of a number; the sign of an exponent does so only between others.
    fn is_active(&self, c: char) -> bool {
        c == self.decimal || c == self.grouping || c == self.digit || self.is_zero_to_nine(c)
    }
}

/// What a picture says of numbers of one sign.
struct Shape {
    prefix: String,
    suffix: String,
    /// The number is multiplied by this.
    scale: f64,
    /// Fewest digits before the point, and where groups end, counted from the point.
    least_whole: usize,
    whole_groups: Vec<usize>,
    /// Digits behind the point, and where groups end.
    least_fraction: usize,
    most_fraction: usize,
    fraction_groups: Vec<usize>,
    /// Fewest digits of an exponent, and how many digits stand before the point then.
    exponent: Option<(usize, i32)>,
}

/// Writes a number as the picture says.
pub(super) fn format(number: f64, picture: &str, signs: &Signs) -> Result<String> {
    let mut parts = picture.split(signs.pattern);
    let (Some(first), second, None) = (parts.next(), parts.next(), parts.next()) else {
        bail!("the picture {picture:?} has more than two parts")
    };
    let mut shape = Shape::parse(first, signs)?;
    if let Some(second) = second {
        let negative = Shape::parse(second, signs)?;
        if number < 0.0 {
            shape = negative;
        }
    } else if number < 0.0 {
        shape.prefix.insert_str(0, &signs.minus);
    }
    let mut out = shape.prefix.clone();
    shape.write(number.abs() * shape.scale, signs, &mut out);
    out.push_str(&shape.suffix);
    Ok(out)
}

impl Shape {
    fn parse(picture: &str, signs: &Signs) -> Result<Shape> {
        ensure!(!picture.is_empty(), "a picture must not be empty");
        let letters: Vec<char> = picture.chars().collect();
        let first = letters.iter().position(|c| signs.is_active(*c)).unwrap_or(letters.len());
        let last = letters.iter().rposition(|c| signs.is_active(*c)).map_or(first, |at| at + 1);
        let (prefix, active): (String, _) = (letters[..first].iter().collect(), &letters[first..last]);
        let suffix: String = letters[last..].iter().collect();
        let percent = picture.matches(signs.percent.as_str()).count();
        let per_mille = picture.matches(signs.per_mille.as_str()).count();
        ensure!(percent + per_mille <= 1, "more than one percent or per-mille sign in the picture {picture:?}");
        let mut halves = active.split(|c| *c == signs.exponent);
        let mantissa = halves.next().unwrap_or_default();
        let exponent = halves.next();
        ensure!(halves.next().is_none(), "two exponents in the picture {picture:?}");
        ensure!(exponent.is_none() || percent + per_mille == 0, "a percent sign and an exponent in {picture:?}");
        if let Some(passive) = mantissa.iter().find(|c| !signs.is_active(**c)) {
            bail!("{passive:?} stands within the number of the picture {picture:?}");
        }
        let exponent = match exponent {
            None => None,
            Some(digits) if digits.iter().all(|c| signs.is_zero_to_nine(*c)) && !digits.is_empty() => {
                Some(digits.len())
            }
            Some(_) => bail!("the exponent of the picture {picture:?} has something but digits"),
        };
        let mut halves = mantissa.split(|c| *c == signs.decimal);
        let (whole, fraction) = (halves.next().unwrap_or_default(), halves.next());
        ensure!(halves.next().is_none(), "two decimal separators in the picture {picture:?}");
        let fraction = fraction.unwrap_or_default();
        let is_digit = |c: &char| *c != signs.grouping;
        ensure!(whole.iter().chain(fraction).any(is_digit), "no digit in the picture {picture:?}");
        let is_separator = |c: Option<&char>| c.is_some_and(|c| *c == signs.grouping);
        let adjacent = mantissa.windows(2).any(|pair| pair.iter().all(|c| *c == signs.grouping));
        ensure!(
            !adjacent && !is_separator(whole.last()) && !is_separator(fraction.first()),
            "a grouping separator of the picture {picture:?} has no digit beside it"
        );
        let zeros = |part: &[char]| part.iter().filter(|c| signs.is_zero_to_nine(**c)).count();
        let behind = |part: &[char], early: char| {
            let first = part.iter().position(|c| is_digit(c) && (*c == signs.digit) == (early == signs.digit));
            let last = part.iter().rposition(|c| is_digit(c) && (*c == signs.digit) != (early == signs.digit));
            matches!((first, last), (Some(first), Some(last)) if first < last)
        };
        ensure!(!behind(whole, signs.zero), "an optional digit behind a digit in the picture {picture:?}");
        ensure!(!behind(fraction, signs.digit), "a digit behind an optional digit in the picture {picture:?}");
        let (mut least_whole, mut least_fraction) = (zeros(whole), zeros(fraction));
        let mut most_fraction = fraction.iter().filter(|c| is_digit(c)).count();
        ensure!(least_whole.max(most_fraction) <= MOST_DIGITS, "more than {MOST_DIGITS} digits in a picture");
        let before_point = least_whole as i32;
        if least_whole == 0 && most_fraction == 0 {
            match exponent {
                Some(_) => (least_fraction, most_fraction) = (1, 1),
                None => least_whole = 1,
            }
        }
        if exponent.is_some() && least_whole == 0 && whole.contains(&signs.digit) {
            least_whole = 1;
        }
        if least_whole == 0 && least_fraction == 0 {
            least_fraction = 1;
            most_fraction = most_fraction.max(1);
        }
        Ok(Shape {
            prefix,
            suffix,
            scale: if percent > 0 { 100.0 } else { [1.0, 1000.0][per_mille] },
            least_whole,
            whole_groups: groups(whole.iter().rev(), signs.grouping),
            least_fraction,
            most_fraction,
            fraction_groups: groups(fraction.iter(), signs.grouping),
            exponent: exponent.map(|digits| (digits, before_point)),
        })
    }

    fn write(&self, number: f64, signs: &Signs, out: &mut String) {
        let mut power = 0;
        let mut mantissa = number;
        if let Some((_, before_point)) = self.exponent
            && number > 0.0
        {
            let first = format_float(number, FloatStyle::Exponent, None);
            let first: i32 = first.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
            power = first + 1 - before_point;
            mantissa = number / 10f64.powi(power);
        }
        let text = format_float(mantissa, FloatStyle::Plain, Some(self.most_fraction));
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let whole = whole.trim_start_matches('0');
        let whole: Vec<char> =
            std::iter::repeat_n('0', self.least_whole.saturating_sub(whole.len())).chain(whole.chars()).collect();
        let kept = fraction.trim_end_matches('0').len().max(self.least_fraction.min(fraction.len()));
        // Digits of the family that the zero begins.
        let digit = |c: char| char::from_u32(u32::from(signs.zero) + u32::from(c) - u32::from('0')).unwrap_or(c);
        for (at, c) in whole.iter().enumerate() {
            let left = whole.len() - at;
            if at > 0 && is_group_end(&self.whole_groups, left) {
                out.push(signs.grouping);
            }
            out.push(digit(*c));
        }
        for (at, c) in fraction[..kept].chars().enumerate() {
            if at == 0 {
                out.push(signs.decimal);
            } else if self.fraction_groups.contains(&at) {
                out.push(signs.grouping);
            }
            out.push(digit(c));
        }
        if let Some((digits, _)) = self.exponent {
            out.push(signs.exponent);
            if power < 0 {
                out.push_str(&signs.minus);
            }
            out.extend(format!("{:0digits$}", power.abs()).chars().map(digit));
        }
    }
}

/// After how many digits a separator comes.
fn groups<'c>(part: impl Iterator<Item = &'c char>, separator: char) -> Vec<usize> {
    let (mut digits, mut ends) = (0, Vec::new());
    for c in part {
        if *c == separator { ends.push(digits) } else { digits += 1 }
    }
    ends
}

/// Groups of one size go on for ever, others are only where the picture has them.
fn is_group_end(ends: &[usize], place: usize) -> bool {
    let Some(size) = ends.first().copied() else { return false };
    let regular = ends.iter().enumerate().all(|(at, end)| *end == size * (at + 1));
    if regular { place.is_multiple_of(size) } else { ends.contains(&place) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: f64, picture: &str) -> String {
        format(number, picture, &Signs::default()).unwrap()
    }

    #[test]
    fn pictures() {
        for (number, picture, want) in [
            (1234.5, "#,##0.00", "1,234.50"),
            (0.14, "01%", "14%"),
            (100.0, "0\u{2030}", "100000\u{2030}"),
            (-5.0, "0;(0)", "(5)"),
            (-1234.567, "$#,##0.0", "-$1,234.6"),
            (0.0, "#", "0"),
            (0.0, "#.#", ".0"),
            (0.5, "#.#", ".5"),
            (1_234_567.0, "#,##,000", "12,34,567"),
            (1_234_567_890.0, "#,#,##0", "123456,7,890"),
            (1_234_567_890.0, "#,##0", "1,234,567,890"),
            (5.0, "0.0,0", "5.0,0"),
            (1.234_567_89, "0.000,000", "1.234,568"),
            (5.0, "x0y", "x5y"),
            (5.0, "0e", "5e"),
            (2.5, "0", "2"),
            (3.5, "0", "4"),
            (0.125, "0.00", "0.12"),
            (1e21, "0", "1000000000000000000000"),
            (12_345.6, "00.000e0", "12.346e3"),
            (0.000_12, "0.0e0", "1.2e-4"),
            (1234.0, "#.0e0", "0.1e4"),
            (1234.0, "000e00", "123e01"),
            (0.0123, "#.##e0", "0.12e-1"),
            (99.99, "0.0e0", "10.0e1"),
            (0.0, "0e0", "0e0"),
        ] {
            assert_eq!(written(number, picture), want, "{number} {picture}");
        }
    }

    #[test]
    fn signs_of_other_languages() {
        let mut signs = Signs::default();
        for (name, value) in [("decimal-separator", ","), ("grouping-separator", "."), ("minus-sign", "~")] {
            signs.set(name, value).unwrap();
        }
        assert_eq!(format(-1234.5, "#.##0,00", &signs).unwrap(), "~1.234,50");
        let mut signs = Signs::default();
        signs.set("zero-digit", "\u{660}").unwrap();
        assert_eq!(format(12.0, "\u{660}", &signs).unwrap(), "\u{661}\u{662}");
        assert!(signs.set("foo", "x").is_err());
        assert!(signs.set("digit", "xy").is_err());
    }

    #[test]
    fn mistakes() {
        for picture in [
            "",
            "abc",
            "0.0.0",
            "0;0;0",
            "0%\u{2030}",
            "0%%",
            "#0#",
            "0#",
            "0.#0",
            "0,",
            "0,.0",
            "0,,0",
            "0e0%",
            "#x0",
            "0e0e0",
        ] {
            assert!(format(5.0, picture, &Signs::default()).is_err(), "{picture}");
        }
    }
}
