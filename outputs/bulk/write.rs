//! Writing by the bulk interface: pairs of lines, an answer for each document.

use super::cluster::{Call, Cluster};
use super::document::{Floats, action, document, id};
use agent_api::*;
use agent_net::client::Answer;
use serde::Deserialize;
use std::ops::Range;
use std::time::Duration;

/// Documents of one write, and what became of them.
pub(crate) struct Bulk {
    /// Pairs of lines.
    text: Vec<u8>,
    /// For each document where it ends in the text, and the place of its metric in the write.
    documents: Vec<(usize, usize)>,
    /// By place.
    fate: Vec<Fate>,
    cause: Option<Error>,
    after: Option<Duration>,
}

/// What became of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    Written,
    Rejected,
}

/// What a bulk answer says of each document.
#[derive(Deserialize)]
struct Said {
    errors: bool,
    #[serde(default)]
    items: Vec<std::collections::BTreeMap<String, Item>>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    error: serde_json::Value,
}

impl Bulk {
    /// For the metrics of one write.
    pub(crate) fn new(metrics: usize) -> Self {
        Bulk { text: Vec::new(), documents: Vec::new(), fate: vec![Fate::Kept; metrics], cause: None, after: None }
    }

    /// Adds the metric of a place. `kind` is `index` or `create`; `parts` are what its line says beside an identifier, which is
    /// made where `with_id` says so.
    pub(crate) fn add(
        &mut self,
        place: usize,
        metric: MetricRef<'_>,
        kind: &str,
        parts: &[(&str, &str)],
        with_id: bool,
        floats: Floats,
    ) {
        let before = self.text.len();
        let own = if with_id { id(metric) } else { String::new() };
        let mut all = parts.to_vec();
        // The order in which clients write them.
        all.insert(all.len().min(1), ("_id", &own));
        action(kind, &all, &mut self.text);
        match document(metric, floats, &mut self.text) {
            Ok(()) => self.documents.push((self.text.len(), place)),
            Err(e) => {
                self.text.truncate(before);
                self.reject(place, e);
            }
        }
    }

    /// The metric of a place cannot be written.
    pub(crate) fn reject(&mut self, place: usize, cause: Error) {
        self.fate[place] = Fate::Rejected;
        self.cause.get_or_insert(cause);
    }

    /// Sends all documents that were added; `request` says how. Halves what is too large, and stops when the cluster takes no more:
    /// false then.
    pub(crate) async fn send(&mut self, cluster: &mut Cluster, request: &Call, kind: &'static str) -> bool {
        let (all, mut left, mut goes_on) = (0..self.documents.len(), Vec::new(), true);
        left.push(all);
        while let Some(range) = left.pop().filter(|r| !r.is_empty()) {
            let from = range.start.checked_sub(1).map_or(0, |before| self.documents[before].0);
            let body = self.text[from..self.documents[range.end - 1].0].to_vec();
            match cluster.send(&request.clone().json(kind, body)).await {
                Err(cause) => {
                    self.cause = Some(cause);
                    goes_on = false;
                }
                Ok(answer) if answer.status.as_u16() == 413 && range.len() > 1 => {
                    let middle = range.start + range.len() / 2;
                    left.push(middle..range.end);
                    left.push(range.start..middle);
                }
                Ok(answer) => goes_on = self.settle(&answer, range),
            }
            if !goes_on {
                break;
            }
        }
        self.text.clear();
        self.documents.clear();
        goes_on
    }

    /// Takes note of an answer; false if nothing more should be sent now.
    fn settle(&mut self, answer: &Answer, range: Range<usize>) -> bool {
        let status = answer.status;
        let cause = || anyhow!("write documents: status {status}: {}", answer.excerpt());
        match status.as_u16() {
            200..=299 => {}
            // Not the documents are wrong but the password, the time or the load.
            401 | 403 | 407 | 408 | 425 | 429 | 500.. => {
                self.cause = Some(cause());
                self.after = answer.retry_after();
                return false;
            }
            _ => {
                for document in range {
                    self.reject(self.documents[document].1, cause());
                }
                return true;
            }
        }
        let said: Said = match serde_json::from_slice(&answer.body) {
            Ok(said) => said,
            Err(e) => {
                self.cause = Some(Error::new(e).context("write documents: read the answer"));
                return false;
            }
        };
        if said.errors && said.items.len() != range.len() {
            self.cause = Some(anyhow!("write documents: {} answers to {} documents", said.items.len(), range.len()));
            return false;
        }
        for (i, document) in range.enumerate() {
            let place = self.documents[document].1;
            let item = said.items.get(i).and_then(|item| item.iter().next()).filter(|_| said.errors);
            match item.map(|(kind, item)| (kind.as_str(), item.status, item)) {
                None | Some((_, 0..=299, _)) => self.fate[place] = Fate::Written,
                // What is to be made is there already.
                Some(("create", 409, _)) => self.fate[place] = Fate::Written,
                Some((_, 408 | 429 | 500.., item)) => {
                    self.cause.get_or_insert_with(|| item.cause());
                }
                Some((_, _, item)) => self.reject(place, item.cause()),
            }
        }
        true
    }

    /// The result of the write.
    pub(crate) fn result(self) -> Result<(), WriteError> {
        let places = |fate| (0..self.fate.len()).filter(|i| self.fate[*i] == fate).collect::<Vec<_>>();
        let (written, rejected) = (places(Fate::Written), places(Fate::Rejected));
        let Some(cause) = self.cause else { return Ok(()) };
        match (written.len(), rejected.len()) {
            (0, 0) => Err(WriteError::Retry { cause, after: self.after }),
            (w, r) if w + r == self.fate.len() => match r {
                0 => Ok(()),
                _ => Err(WriteError::Reject { indices: rejected, cause }),
            },
            _ => Err(WriteError::Partial { written, rejected, cause }),
        }
    }
}

impl Item {
    /// What the server says, cut at 300 characters.
    fn cause(&self) -> Error {
        let text = match (&self.error["type"], &self.error["reason"]) {
            (serde_json::Value::String(kind), serde_json::Value::String(reason)) => format!("{kind}: {reason}"),
            _ => self.error.to_string(),
        };
        anyhow!("write a document: status {}: {}", self.status, text.chars().take(300).collect::<String>())
    }
}
