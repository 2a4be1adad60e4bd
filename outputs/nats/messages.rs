//! Makes messages of metrics: one for each metric, or one for each subject of a batch, none larger than the servers take.

use agent_api::plugin::BoxSerializer;
use agent_api::*;
use agent_formats::templated::MetricTemplate;
use bytes::Bytes;
use std::collections::HashMap;

/// Where metrics are published.
pub(super) enum Subject {
    /// All on one subject.
    Fixed(String),
    /// Each on its own.
    Template(MetricTemplate),
}

/// A message that is to be published.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) payload: Bytes,
    /// Places in the chunk of the metrics in it, ascending.
    pub(super) places: Vec<usize>,
}

/// What became of the metrics of a chunk.
#[derive(Default)]
pub(super) struct Made {
    pub(super) messages: Vec<Message>,
    /// Places of metrics that the format leaves out.
    pub(super) left_out: Vec<usize>,
    /// Places of metrics that cannot be published, and why.
    pub(super) rejected: Vec<(usize, Error)>,
}

/// Headers and protocol may take so much of what the servers take, in bytes.
const HEADERS: usize = 256;

/// Makes messages of at most `largest` bytes, headers included.
pub(super) fn make(
    chunk: &Chunk,
    subject: &Subject,
    batches: bool,
    largest: usize,
    serializer: &mut BoxSerializer,
) -> Made {
    let mut maker = Maker { chunk, serializer, largest: largest.saturating_sub(HEADERS), made: Made::default() };
    if batches {
        for (subject, places) in maker.groups(subject) {
            maker.add(&subject, places);
        }
    } else {
        for place in 0..chunk.len() {
            if let Some(subject) = maker.subject(subject, place) {
                maker.add(&subject, vec![place]);
            }
        }
    }
    maker.made
}

struct Maker<'a> {
    chunk: &'a Chunk,
    serializer: &'a mut BoxSerializer,
    largest: usize,
    made: Made,
}

impl Maker<'_> {
    /// The metrics of each subject, in the order in which the subjects came.
    fn groups(&mut self, subject: &Subject) -> Vec<(String, Vec<usize>)> {
        if let Subject::Fixed(subject) = subject {
            return vec![(subject.clone(), (0..self.chunk.len()).collect())];
        }
        let (mut groups, mut index) = (Vec::<(String, Vec<usize>)>::new(), HashMap::new());
        for place in 0..self.chunk.len() {
            let Some(own) = self.subject(subject, place) else { continue };
            match index.get(&own) {
                Some(&group) => {
                    let (_, places): &mut (String, Vec<usize>) = &mut groups[group];
                    places.push(place);
                }
                None => {
                    index.insert(own.clone(), groups.len());
                    groups.push((own, vec![place]));
                }
            }
        }
        groups
    }

    fn subject(&mut self, subject: &Subject, place: usize) -> Option<String> {
        let template = match subject {
            Subject::Fixed(subject) => return Some(subject.clone()),
            Subject::Template(template) => template,
        };
        let mut text = String::new();
        let rendered = template.render(self.chunk.at(place), &mut text).map_err(|e| anyhow!("{e}"));
        match rendered.and_then(|()| check_subject(&text)) {
            Ok(()) => Some(text),
            Err(e) => {
                self.made.rejected.push((place, e.context("make the subject")));
                None
            }
        }
    }

    /// Adds the message of some metrics, or those of its halves where it is too large.
    fn add(&mut self, subject: &str, mut places: Vec<usize>) {
        let mut payload = Vec::new();
        let written = match places.as_slice() {
            [place] => self.serializer.serialize(self.chunk.at(*place), &mut payload),
            _ => self.serializer.serialize_batch(&select(self.chunk, &places), &mut payload),
        };
        if let Err(e) = written {
            if places.len() > 1 {
                return self.halve(subject, places);
            }
            self.made.rejected.extend(places.into_iter().map(|p| (p, anyhow!("serialize metric: {e:#}"))));
        } else if payload.is_empty() {
            self.made.left_out.append(&mut places);
        } else if payload.len() <= self.largest {
            self.made.messages.push(Message { subject: subject.to_owned(), payload: payload.into(), places });
        } else if places.len() > 1 {
            self.halve(subject, places);
        } else {
            let (len, largest) = (payload.len(), self.largest);
            let cause = || anyhow!("a message of {len} bytes is larger than the {largest} that the server takes");
            self.made.rejected.extend(places.into_iter().map(|p| (p, cause())));
        }
    }

    fn halve(&mut self, subject: &str, mut places: Vec<usize>) {
        let second = places.split_off(places.len() / 2);
        self.add(subject, places);
        self.add(subject, second);
    }
}

/// The metrics at some places, ascending, for whoever only reads.
fn select(chunk: &Chunk, places: &[usize]) -> Chunk {
    let (mut out, mut from, mut rest) = (Chunk::default(), 0, places);
    for view in chunk.views() {
        let to = from + view.len();
        let here = rest.partition_point(|place| *place < to);
        let rows: Vec<u32> = rest[..here].iter().map(|place| view.row(place - from)).collect();
        if !rows.is_empty() {
            out.push(view.untracked().with_rows(rows));
        }
        (from, rest) = (to, &rest[here..]);
    }
    out
}

/// Refuses subjects that servers refuse: empty parts, blanks, and wildcards.
pub(super) fn check_subject(subject: &str) -> Result<()> {
    let part_is_good = |part: &str| {
        !part.is_empty() && part != "*" && part != ">" && !part.bytes().any(|b| b.is_ascii_whitespace() || b == 0)
    };
    ensure!(subject.split('.').all(part_is_good), "{:?} is no subject", subject.chars().take(60).collect::<String>());
    Ok(())
}
