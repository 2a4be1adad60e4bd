//! Semantic versions (semver.org 2.0.0; Masterminds/semver v3, which sprig's `semver` and `semverCompare` ask).

use std::cmp::Ordering;

use super::{Args, Function};
use crate::template::{Text, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("semver", 1, semver),
    Function::new("semverCompare", 2, |args| {
        let version = Version::parse(args.text(1)?).ok_or("invalid semantic version")?;
        Ok(satisfies(args.text(0)?, &version).ok_or("improper constraint")?.into())
    }),
];

/// A map of the parts of a version.
fn semver<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let text = args.text(0)?;
    let Version { numbers: [major, minor, patch], before, build } =
        Version::parse(text).ok_or("invalid semantic version")?;
    let entry = |key: &'static str, value: Value<'a>| (Text::from(key), value);
    Ok(Value::map([
        entry("Major", major.into()),
        entry("Minor", minor.into()),
        entry("Patch", patch.into()),
        entry("Prerelease", before.to_owned().into()),
        entry("Metadata", build.to_owned().into()),
        entry("Original", Value::Text(text.clone())),
    ]))
}

/// A version; numbers that are not given are 0.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Version<'t> {
    numbers: [u64; 3],
    /// What stands behind a hyphen: the version comes before that of its numbers alone.
    before: &'t str,
    /// What stands behind a plus sign; it does not count when versions are compared.
    build: &'t str,
}

impl<'t> Version<'t> {
    fn parse(text: &'t str) -> Option<Version<'t>> {
        let (version, given) = Version::partial(text)?;
        (given > 0).then_some(version)
    }

    /// A version in which numbers at the end may be wildcards, and how many are given.
    fn partial(text: &'t str) -> Option<(Version<'t>, usize)> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        let (text, before) = text.split_once('-').map_or((text, None), |(text, before)| (text, Some(before)));
        let (mut numbers, mut given, mut count) = ([0; 3], None, 0);
        for (i, part) in text.split('.').enumerate() {
            let number = numbers.get_mut(i)?;
            count += 1;
            if matches!(part, "x" | "X" | "*") {
                given = given.or(Some(i));
                continue;
            }
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            if given.is_none() {
                *number = part.parse().ok()?;
            }
        }
        let named = |name: Option<&str>| {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            name.is_none_or(|name| name.split('.').all(|part| !part.is_empty() && part.bytes().all(is_word)))
        };
        let before_is_plain = before.is_none_or(|before| {
            let has_zero =
                |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
            !before.split('.').any(has_zero)
        });
        let version = Version { numbers, before: before.unwrap_or_default(), build: build.unwrap_or_default() };
        (named(before) && named(build) && before_is_plain).then_some((version, given.unwrap_or(count)))
    }

    fn compare(&self, other: &Version<'_>) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| compare_names(self.before, other.before))
    }
}

/// Names behind a hyphen: none is the latest, else part by part, numbers as numbers and before texts.
fn compare_names(one: &str, other: &str) -> Ordering {
    if one.is_empty() || other.is_empty() {
        return one.is_empty().cmp(&other.is_empty());
    }
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Whether a version fits one of the alternatives of a constraint; None if it is none.
fn satisfies(constraint: &str, version: &Version<'_>) -> Option<bool> {
    let mut any = false;
    for alternative in constraint.split("||") {
        let mut all = true;
        // A range is two comparisons.
        let ranges = alternative.replace(',', " ");
        let words: Vec<&str> = ranges.split_whitespace().collect();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            at += 1;
            if words.get(at) == Some(&"-") {
                all &= compares(">=", word, version)? & compares("<=", words.get(at + 1)?, version)?;
                at += 2;
                continue;
            }
            let end = word.find(|c: char| !"=!<>~^".contains(c)).unwrap_or(word.len());
            let (operator, mut operand) = word.split_at(end);
            if operand.is_empty() {
                operand = words.get(at)?;
                at += 1;
            }
            all &= compares(operator, operand, version)?;
        }
        if words.is_empty() {
            return None;
        }
        any |= all;
    }
    Some(any)
}

/// Whether a version fits one comparison.
fn compares(operator: &str, operand: &str, version: &Version<'_>) -> Option<bool> {
    let (bound, given) = Version::partial(operand)?;
    let order = version.compare(&bound);
    let [major, minor, patch] = version.numbers;
    let [own_major, own_minor, own_patch] = bound.numbers;
    // What comes before a release is only meant where the constraint says so.
    let is_meant = version.before.is_empty() || !bound.before.is_empty();
    let same_given = version.numbers[..given] == bound.numbers[..given];
    let fits = match operator {
        "" | "=" if given == 3 => order == Ordering::Equal,
        "" | "=" => order != Ordering::Less && same_given,
        // Every other version is another one, whatever it comes before.
        "!=" if given == 3 => return Some(order != Ordering::Equal),
        "!=" => !same_given,
        ">" if given == 3 => order == Ordering::Greater,
        ">" => version.numbers[..given] > bound.numbers[..given],
        ">=" | "=>" => order != Ordering::Less,
        "<" => order == Ordering::Less,
        "<=" | "=<" if given == 3 => order != Ordering::Greater,
        "<=" | "=<" => version.numbers[..given] <= bound.numbers[..given],
        "~" | "~>" => order != Ordering::Less && version.numbers[..given.min(2)] == bound.numbers[..given.min(2)],
        "^" => {
            let same = match given {
                0 => true,
                _ if own_major > 0 || given == 1 => major == own_major,
                _ if own_minor > 0 || given == 2 => major == 0 && minor == own_minor,
                _ => (major, minor, patch) == (0, 0, own_patch),
            };
            order != Ordering::Less && same
        }
        _ => return None,
    };
    Some(fits && is_meant)
}
