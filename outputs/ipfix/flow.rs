//! One flow on its way: read from a metric, written as one record or, direction by direction, as two.

use super::columns::*;
use agent_api::{MetricRef, Value};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

/// Longest text that is sent, in bytes.
const TEXT: usize = 250;

/// Which columns a record has, a bit each, and its version of IP: what a template is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Shape {
    pub(super) columns: u64,
    pub(super) v6: bool,
}

impl Shape {
    /// The places of the columns, in order.
    pub(super) fn columns(self) -> impl Iterator<Item = usize> {
        (0..COLUMNS.len()).filter(move |i| self.columns >> i & 1 == 1)
    }

    /// Number and length of a column's element in this shape.
    pub(super) fn element(self, column: usize) -> (u16, u16) {
        let Column { element: (v4, v6), length, .. } = COLUMNS[column];
        let length = if length == 0 { if self.v6 { 16 } else { 4 } } else { length };
        (if self.v6 { v6 } else { v4 }, length)
    }
}

/// What is known of a flow.
#[derive(Clone, Debug)]
pub(super) struct Flow<'a> {
    values: [Option<Sent<'a>>; COLUMNS.len()],
    v6: bool,
}

/// Where a field goes: its column, its rank among the names of the column, how it is read.
static FIELDS: LazyLock<HashMap<&'static str, (usize, usize, Read)>> = LazyLock::new(|| {
    let all = COLUMNS.iter().enumerate();
    all.flat_map(|(i, c)| c.fields.iter().enumerate().map(move |(rank, f)| (f.0, (i, rank, f.1)))).collect()
});

impl<'a> Flow<'a> {
    /// Reads a metric; what is wrong with it, if anything.
    pub(super) fn read(metric: MetricRef<'a>) -> Result<Self, String> {
        let mut flow = Flow { values: [None; COLUMNS.len()], v6: false };
        let mut ranks = [usize::MAX; COLUMNS.len()];
        let tags = metric.tags().map(|(k, v)| (k, Value::Str(v)));
        let mut icmp = [None; 2];
        // A field counts before a tag of a name of the same rank.
        for (key, value) in metric.fields().chain(tags) {
            match key {
                "icmp_type" => icmp[0] = number(value),
                "icmp_code" => icmp[1] = number(value),
                _ => {}
            }
            let Some(&(column, rank, how)) = FIELDS.get(key) else { continue };
            if rank < ranks[column] {
                let sent = read(how, value).ok_or_else(|| format!("{key} is {}", quoted(value)))?;
                flow.values[column] = Some(fitting(column, sent).ok_or_else(|| format!("{key} is {}", quoted(value)))?);
                ranks[column] = rank;
            }
        }
        flow.complete(icmp, metric.time())?;
        Ok(flow)
    }

    /// Sees to it that the parts go together.
    fn complete(&mut self, icmp: [Option<u64>; 2], time: i64) -> Result<(), String> {
        let version = |sent| match sent {
            Some(Sent::Address(address)) => Some(matches!(address, IpAddr::V6(_))),
            _ => None,
        };
        match (version(self.values[SRC]), version(self.values[DST])) {
            (Some(src), Some(dst)) if src == dst => self.v6 = src,
            (Some(_), Some(_)) => return Err("src and dst are not of one version of IP".to_owned()),
            _ => return Err("it has no src and dst, so it is no flow".to_owned()),
        }
        if version(self.values[NEXT_HOP]) != Some(self.v6) {
            self.values[NEXT_HOP] = None;
        }
        // 0 is what flows without it have.
        for column in [VLAN, INNER_VLAN, TUNNEL] {
            self.values[column] = self.values[column].filter(|v| *v != Sent::Number(0));
        }
        if let ([Some(kind @ 0..256), Some(code @ 0..256)], Some(Sent::Number(1 | 58))) = (icmp, self.values[PROTOCOL])
        {
            self.values[ICMP] = Some(Sent::Number(kind << 8 | code));
        }
        if self.values[FIRST].is_none() && self.values[LAST].is_none() {
            self.values[LAST] = u64::try_from(time / 1_000_000).ok().map(Sent::Number);
        }
        if matches!(self.values[BACK_PACKETS], None | Some(Sent::Number(0))) {
            self.clear_way_back();
        } else {
            // RFC 5103, 6.3: 1 says that src is who began.
            self.values[BIFLOW] = Some(Sent::Number(1));
        }
        Ok(())
    }

    fn clear_way_back(&mut self) {
        for (value, column) in self.values.iter_mut().zip(&COLUMNS) {
            if matches!(column.way, Way::Back(_)) {
                *value = None;
            }
        }
        self.values[BIFLOW] = None;
    }

    /// The two directions as flows of their own; the way back only where there was one.
    pub(super) fn directions(mut self) -> (Self, Option<Self>) {
        let mut back = None;
        if self.values[BIFLOW].is_some() {
            let mut other = self.clone();
            for (i, column) in COLUMNS.iter().enumerate() {
                if let Way::One(from) = column.way {
                    other.values[i] = self.values[from];
                }
            }
            other.values[NEXT_HOP] = None;
            other.clear_way_back();
            back = Some(other);
        }
        self.clear_way_back();
        (self, back)
    }

    /// Leaves out what only IPFIX can say.
    pub(super) fn without_texts(&mut self) {
        for (value, column) in self.values.iter_mut().zip(&COLUMNS) {
            if column.length == VARIABLE {
                *value = None;
            }
        }
    }

    /// The columns that it has.
    pub(super) fn shape(&self) -> Shape {
        let columns = self.values.iter().enumerate().filter(|v| v.1.is_some()).map(|(i, _)| 1 << i).sum();
        Shape { columns, v6: self.v6 }
    }

    /// Appends the record.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let shape = self.shape();
        for column in shape.columns() {
            let length = usize::from(shape.element(column).1);
            match self.values[column] {
                // Numbers were seen to fit.
                Some(Sent::Number(n)) => out.extend_from_slice(&n.to_be_bytes()[8 - length..]),
                Some(Sent::Address(IpAddr::V4(a))) => out.extend_from_slice(&a.octets()),
                Some(Sent::Address(IpAddr::V6(a))) => out.extend_from_slice(&a.octets()),
                Some(Sent::Mac(mac)) => out.extend_from_slice(&mac),
                Some(Sent::Text(text)) => {
                    // At most 250 bytes, so one byte of length (RFC 7011, section 7).
                    out.push(text.len() as u8);
                    out.extend_from_slice(text.as_bytes());
                }
                None => {}
            }
        }
    }
}

/// The value as it fits into the column; None if it does not.
fn fitting(column: usize, sent: Sent<'_>) -> Option<Sent<'_>> {
    match (sent, COLUMNS[column].length) {
        (Sent::Number(n), length) if length < 8 && n >> (8 * length) > 0 => None,
        (Sent::Text(text), _) => {
            let end = (0..=text.len().min(TEXT)).rev().find(|i| text.is_char_boundary(*i));
            Some(Sent::Text(&text[..end.unwrap_or(0)]))
        }
        (sent, _) => Some(sent),
    }
}

/// A value for a message, cut at 60 characters.
fn quoted(value: Value<'_>) -> String {
    let text = match value {
        Value::Str(text) => text.to_owned(),
        Value::Float(n) => n.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Uint(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
    };
    format!("{:?}", text.chars().take(60).collect::<String>())
}
