//! Reading text, line by line. Samples of one point stand next to each other, so only the point at hand is kept.

use super::family::{Family, Point, Type};
use crate::exposition::mapping::Mapping;
use crate::exposition::sample::{self, Sample};
use agent_api::*;
use agent_golang::number::parse_float;
use std::borrow::Cow;

/// Adds the metrics of a document; with an error some may have been added.
pub(super) fn parse(text: &str, mapping: &Mapping, times: bool, to: &mut Batch) -> Result<(), ParseError> {
    let mut reader = Reader { mapping, times, family: None, point: None, to };
    let mut ended = false;
    let mut number = 0;
    for line in text.split_terminator('\n') {
        number += 1;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let result = match line {
            _ if ended => Err("there is more behind # EOF"),
            "" => Err("a line is blank"),
            "# EOF" => {
                ended = true;
                Ok(())
            }
            _ => match line.strip_prefix("# ") {
                Some(said) => reader.metadata(said),
                None => reader.sample(line),
            },
        };
        if let Err(cause) = result {
            let mut error = ParseError::default();
            error.add(number, line, cause);
            return Err(error);
        }
    }
    reader.end_point();
    if ended { Ok(()) } else { Err(ParseError::whole("the document does not end with # EOF")) }
}

struct Reader<'a, 'b> {
    mapping: &'b Mapping,
    times: bool,
    family: Option<Family<'a>>,
    point: Option<Point<'a>>,
    to: &'b mut Batch,
}

impl<'a> Reader<'a, '_> {
    fn end_point(&mut self) {
        if let (Some(family), Some(point)) = (&self.family, self.point.take()) {
            family.add(&point, self.mapping, self.to);
        }
    }

    /// The family of this name, begun if it is not the one at hand.
    fn family(&mut self, name: Cow<'a, str>) -> &mut Family<'a> {
        if self.family.as_ref().is_none_or(|f| f.name != name) {
            self.end_point();
            self.family = None;
        }
        self.family.get_or_insert_with(|| Family { name, ..Family::default() })
    }

    /// Takes in what stands behind `# `.
    fn metadata(&mut self, said: &'a str) -> Result<(), &'static str> {
        const NO_METADATA: &str = "a comment is none of HELP, TYPE, UNIT and EOF";
        let (word, rest) = said.split_once(' ').ok_or(NO_METADATA)?;
        let (name, value) = if rest.starts_with('"') {
            let (name, value) = sample::quoted(rest)?;
            (name, value.trim_start_matches(' '))
        } else {
            let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
            (Cow::Borrowed(name), value)
        };
        if name.is_empty() {
            return Err("a family has no name");
        }
        match word {
            "HELP" => {
                self.family(name);
            }
            "UNIT" => {
                let fits = name.strip_suffix(value).is_some_and(|stem| stem.ends_with('_'));
                if !value.is_empty() && !fits {
                    return Err("a unit is not the last part of the name");
                }
                self.family(name).unit = value;
            }
            "TYPE" => {
                let kind = match value {
                    "counter" => Type::Counter,
                    "gauge" => Type::Gauge,
                    "histogram" => Type::Histogram,
                    "gaugehistogram" => Type::GaugeHistogram,
                    "summary" => Type::Summary,
                    "info" => Type::Info,
                    "stateset" => Type::StateSet,
                    "unknown" => Type::Unknown,
                    _ => return Err("a type is none of those of OpenMetrics"),
                };
                self.family(name).kind = kind;
            }
            _ => return Err(NO_METADATA),
        }
        Ok(())
    }

    fn sample(&mut self, line: &'a str) -> Result<(), &'static str> {
        let Sample { name, mut labels, rest } = sample::read(line)?;
        let (value, time) = number(rest)?;
        let time = time.filter(|_| self.times);
        let suffix = match &self.family {
            Some(family) => suffix_within(family, &name).map(str::to_owned),
            None => None,
        };
        let suffix = match suffix {
            Some(suffix) => suffix,
            None => {
                self.end_point();
                self.family = Some(Family { name, ..Family::default() });
                String::new()
            }
        };
        let Some(family) = &self.family else { return Ok(()) };
        let part = part(family.kind, &suffix);
        let own = match family.kind {
            Type::Histogram | Type::GaugeHistogram => "le",
            Type::Summary => "quantile",
            Type::StateSet => &*family.name,
            _ => "",
        };
        let own = labels.iter().position(|l| l.0 == own).map(|place| labels.remove(place).1);
        labels.sort();
        if part == Part::Unknown {
            return Ok(());
        }
        if self.point.as_ref().is_none_or(|p| p.labels != labels || p.time != time) {
            self.end_point();
            self.point = Some(Point { labels, time, ..Point::default() });
        }
        let Some(point) = &mut self.point else { return Ok(()) };
        match part {
            Part::Value => point.value = Some(value),
            Part::Count => point.count = value.trunc(),
            Part::Sum => point.sum = Some(value),
            Part::Created => point.created = Some(value),
            Part::State => {
                point.states.push((own.ok_or("a sample of a stateset has no label with its state")?, value > 0.0))
            }
            Part::Bucket | Part::Quantile => {
                let at = own.ok_or("a sample has no label for its bucket or quantile")?;
                let at = parse_float(&at).map_err(|_| "a bucket or quantile is no number")?;
                point.points.push((at, if part == Part::Bucket { value.trunc() } else { value }));
            }
            Part::Info | Part::Unknown => {}
        }
        Ok(())
    }
}

/// What a sample says of its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Value,
    Count,
    Sum,
    Created,
    Bucket,
    Quantile,
    State,
    Info,
    /// Nothing that the specification knows.
    Unknown,
}

/// What a sample says by the end of its name. A counter may stand without `_total`, as it does in pages that were made from older ones.
fn part(kind: Type, suffix: &str) -> Part {
    match (kind, suffix) {
        (Type::Unknown | Type::Gauge, "") | (Type::Counter, "_total" | "") => Part::Value,
        (Type::Histogram | Type::Summary, "_count") | (Type::GaugeHistogram, "_gcount") => Part::Count,
        (Type::Histogram | Type::Summary, "_sum") | (Type::GaugeHistogram, "_gsum") => Part::Sum,
        (Type::Counter | Type::Histogram | Type::Summary, "_created") => Part::Created,
        (Type::Histogram | Type::GaugeHistogram, "_bucket") => Part::Bucket,
        (Type::Summary, "") => Part::Quantile,
        (Type::StateSet, "") => Part::State,
        (Type::Info, "_info" | "") => Part::Info,
        _ => Part::Unknown,
    }
}

/// What a name has behind that of the family; None if it belongs to another family. Families of several samples take in what
/// begins with their name, even if it is not known.
fn suffix_within<'n>(family: &Family<'_>, name: &'n str) -> Option<&'n str> {
    let suffix = name.strip_prefix(&*family.name)?;
    let single = matches!(family.kind, Type::Unknown | Type::Gauge | Type::StateSet);
    (suffix.is_empty() || !single && suffix.starts_with('_')).then_some(suffix)
}

/// Value and time (in nanoseconds since the Unix epoch) of a sample; what stands behind a number sign is an exemplar.
fn number(rest: &str) -> Result<(f64, Option<i64>), &'static str> {
    let rest = match rest.split_once(" # ") {
        Some((rest, exemplar)) if exemplar.starts_with('{') => rest,
        Some(_) => return Err("an exemplar has no labels"),
        None => rest,
    };
    let mut words = sample::words(rest);
    let mut float = |missing| {
        let word = words.next().ok_or(missing)?;
        if word.contains('_') { Err(NO_NUMBER) } else { parse_float(word).map_err(|_| NO_NUMBER) }
    };
    const NO_NUMBER: &str = "a value or time is no number";
    const NO_TIME: &str = "no time";
    let value = float("a sample has no value")?;
    let time = match float(NO_TIME) {
        Err(cause) if cause == NO_TIME => None,
        seconds => {
            // Times have a precision of a millisecond, as in Telegraf.
            let millis = seconds? * 1000.0;
            if millis.is_nan() || millis.abs() >= 9.2e12 {
                return Err("a time is out of range");
            }
            Some(millis as i64 * 1_000_000)
        }
    };
    if words.next().is_some() {
        return Err("there is more than value and time behind a sample");
    }
    Ok((value, time))
}
