//! From flows to messages: templates, sets of records, sequence numbers.

use super::columns::{COLUMNS, Way};
use super::flow::{Flow, Shape};
use agent_api::Chunk;
use std::time::{Duration, Instant};

/// The protocol that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V9,
    Ipfix,
}

/// How flows are exported.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) version: Version,
    /// Observation domain, or source id.
    pub(super) domain: u32,
    /// Most bytes of a message, if its first record fits.
    pub(super) room: usize,
    /// One record for both directions (RFC 5103).
    pub(super) biflows: bool,
    /// How often templates are said again; never where who listens cannot miss them.
    pub(super) refresh: Option<Duration>,
}

/// The exporter and what its collector has been told.
#[derive(Debug)]
pub(super) struct Exporter {
    rules: Rules,
    /// The template of each shape has the number of its place, from `FIRST_ID`.
    shapes: Vec<Shape>,
    /// So many have been told in this session.
    told: usize,
    told_at: Option<Instant>,
    sequence: u32,
    begun: Instant,
}

/// A message, but for the parts of its header that are known when it goes out.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) bytes: Vec<u8>,
    /// Places of the metrics that are in it.
    pub(super) metrics: Vec<usize>,
    /// Records of data, or templates.
    pub(super) records: u32,
}

/// What a chunk of metrics comes to.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) messages: Vec<Message>,
    /// Places of metrics that are no flows.
    pub(super) rejected: Vec<usize>,
    /// What is wrong with the first of them.
    pub(super) cause: String,
}

/// Numbers of templates begin here (RFC 7011, 3.4.1).
const FIRST_ID: u16 = 256;
/// More shapes than anything honest has; then all begin anew.
const SHAPES: usize = 512;
/// The enterprise whose elements are those of the way back (RFC 5103, 6.1).
const REVERSE: u32 = 29305;

impl Exporter {
    pub(super) fn new(rules: Rules) -> Self {
        Exporter { rules, shapes: Vec::new(), told: 0, told_at: None, sequence: 0, begun: Instant::now() }
    }

    /// A collector that was told nothing.
    pub(super) fn begin_session(&mut self) {
        (self.told, self.told_at, self.sequence) = (0, None, 0);
    }

    /// Lays flows out in messages: records of one shape together, both directions of a flow in one message.
    pub(super) fn plan(&mut self, metrics: &Chunk) -> Plan {
        let mut plan = Plan::default();
        let mut flows = Vec::with_capacity(metrics.len());
        for (i, metric) in metrics.iter().enumerate() {
            match Flow::read(metric) {
                Ok(flow) => flows.push((flow, i)),
                Err(cause) => {
                    if plan.rejected.is_empty() {
                        plan.cause = cause;
                    }
                    plan.rejected.push(i);
                }
            }
        }
        flows.sort_by_key(|(flow, _)| flow.shape());
        let mut open = Open::default();
        for (flow, i) in flows {
            let records = self.records(flow);
            let mut written = Vec::with_capacity(2);
            for record in records.into_iter().flatten() {
                let id = self.id(record.shape());
                let mut bytes = Vec::with_capacity(128);
                record.write(&mut bytes);
                written.push((id, bytes));
            }
            let needed: usize = written.iter().map(|w| w.1.len() + 4).sum();
            if open.message.bytes.len() + needed > self.rules.room && open.message.records > 0 {
                open.close(&mut plan.messages);
            }
            for (id, bytes) in written {
                open.add(self.rules.version, id, &bytes);
            }
            open.message.metrics.push(i);
        }
        open.close(&mut plan.messages);
        plan
    }

    /// One record, or one for each direction.
    fn records<'a>(&self, mut flow: Flow<'a>) -> [Option<Flow<'a>>; 2] {
        if self.rules.version == Version::V9 {
            flow.without_texts();
        } else if self.rules.biflows {
            return [Some(flow), None];
        }
        let (there, back) = flow.directions();
        [Some(there), back]
    }

    fn id(&mut self, shape: Shape) -> u16 {
        let place = self.shapes.iter().position(|s| *s == shape).unwrap_or_else(|| {
            self.shapes.push(shape);
            self.shapes.len() - 1
        });
        FIRST_ID + place as u16
    }

    /// The messages of templates that have to go out before the next records.
    pub(super) fn templates(&mut self, now: Instant) -> Vec<Message> {
        let due = match (self.told_at, self.rules.refresh) {
            (None, _) => true,
            (Some(at), Some(every)) => now.duration_since(at) >= every,
            (Some(_), None) => false,
        };
        let from = if due { 0 } else { self.told };
        let mut open = Open::default();
        let mut messages = Vec::new();
        for (i, shape) in self.shapes.iter().enumerate().skip(from) {
            let template = template(self.rules.version, FIRST_ID + i as u16, *shape);
            if open.message.bytes.len() + template.len() + 4 > self.rules.room && open.message.records > 0 {
                open.close(&mut messages);
            }
            open.add(self.rules.version, if self.rules.version == Version::V9 { 0 } else { 2 }, &template);
        }
        open.close(&mut messages);
        messages
    }

    /// Notes that the templates have gone out.
    pub(super) fn told(&mut self, now: Instant) {
        let refreshed = match (self.told_at, self.rules.refresh) {
            (Some(at), Some(every)) => now.duration_since(at) >= every,
            (at, _) => at.is_none(),
        };
        if refreshed {
            self.told_at = Some(now);
        }
        self.told = self.shapes.len();
    }

    /// Forgets the shapes if there are far too many, and says so: the numbers of templates change, which a stream takes only from a new
    /// session (RFC 7011, 8.1). To be called between two plans.
    pub(super) fn trim(&mut self) -> bool {
        let trimmed = self.shapes.len() > SHAPES;
        if trimmed {
            self.shapes.clear();
            (self.told, self.told_at) = (0, None);
        }
        trimmed
    }

    /// Fills in the header of a message that goes out at a time in nanoseconds since 1970.
    pub(super) fn head(&self, message: &mut Message, time: i64) {
        let seconds = u32::try_from(time / 1_000_000_000).unwrap_or(u32::MAX);
        let mut head: Vec<u8> = Vec::with_capacity(20);
        match self.rules.version {
            Version::V9 => {
                head.extend(9u16.to_be_bytes());
                head.extend((message.records as u16).to_be_bytes());
                // Milliseconds, which begin anew after 49 days.
                head.extend((self.begun.elapsed().as_millis() as u32).to_be_bytes());
            }
            Version::Ipfix => {
                head.extend(10u16.to_be_bytes());
                head.extend((message.bytes.len() as u16).to_be_bytes());
            }
        }
        for word in [seconds, self.sequence, self.rules.domain] {
            head.extend(word.to_be_bytes());
        }
        message.bytes[..head.len()].copy_from_slice(&head);
    }

    /// Counts a message that has gone out.
    pub(super) fn sent(&mut self, message: &Message) {
        // RFC 7011, 3.1: records of data before this message. RFC 3954, 5.1: messages.
        let step = match self.rules.version {
            Version::V9 => 1,
            Version::Ipfix if message.metrics.is_empty() => 0,
            Version::Ipfix => message.records,
        };
        self.sequence = self.sequence.wrapping_add(step);
    }
}

/// A message that is being filled.
#[derive(Debug, Default)]
struct Open {
    message: Message,
    /// Number and place of the set at the end.
    set: Option<(u16, usize)>,
}

impl Open {
    /// Appends a record or template to the set of a number.
    fn add(&mut self, version: Version, set: u16, bytes: &[u8]) {
        let message = &mut self.message;
        if message.bytes.is_empty() {
            message.bytes.resize(if version == Version::V9 { 20 } else { 16 }, 0);
        }
        let at = match self.set {
            Some((id, at)) if id == set => at,
            _ => {
                self.set = Some((set, message.bytes.len()));
                message.bytes.extend(set.to_be_bytes());
                message.bytes.extend([0, 0]);
                message.bytes.len() - 4
            }
        };
        message.bytes.extend_from_slice(bytes);
        let length = (message.bytes.len() - at) as u16;
        message.bytes[at + 2..at + 4].copy_from_slice(&length.to_be_bytes());
        message.records += 1;
    }

    fn close(&mut self, messages: &mut Vec<Message>) {
        self.set = None;
        if self.message.records > 0 {
            messages.push(std::mem::take(&mut self.message));
        }
    }
}

fn template(version: Version, id: u16, shape: Shape) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend((shape.columns.count_ones() as u16).to_be_bytes());
    for column in shape.columns() {
        let (element, length) = shape.element(column);
        let back = version == Version::Ipfix && matches!(COLUMNS[column].way, Way::Back(_));
        out.extend((if back { element | 0x8000 } else { element }).to_be_bytes());
        out.extend(length.to_be_bytes());
        if back {
            out.extend(REVERSE.to_be_bytes());
        }
    }
    out
}
