//! Candidate d: the batch of this crate, columns over one body; once with every number parsed as the others do, once with
//! floats left in the form in which they were read until somebody asks for them, as the parser of the agent does.

use crate::Held;
use crate::line::{self, Writer};
use agent_api::metric::Borrower;
use agent_api::{Batch, Body, Value};

#[derive(Clone)]
pub(crate) struct Parsed(Batch);

#[derive(Clone)]
pub(crate) struct Decimals(Batch);

fn parse(block: String, decimals: bool) -> Batch {
    let body = Body::from(block);
    let (mut batch, text) = (Batch::new(), body.text());
    let mut to = Borrower::new(&mut batch, &body).expect("an empty batch borrows from any text");
    for l in line::lines(&text) {
        let (from, end) = l.name();
        let mut metric = to.metric(from, end);
        l.tags().for_each(|(k, v)| metric.tag(k, v));
        for (key, value) in l.fields() {
            // The lines have no float that is longer than its shortest form; the parser of the agent looks.
            if decimals {
                metric.decimal(key, value);
            } else {
                metric.field(key, Value::Float(line::number(line::cut(&text, value))));
            }
        }
        metric.time(line::TIME);
    }
    batch
}

fn change(batch: &mut Batch, key: &str, value: &str) {
    batch.each(|metric| metric.set_tag(key, value));
}

fn write(batch: &Batch, out: &mut Vec<u8>) {
    for metric in batch.iter() {
        let tags = metric.tags().map(|(k, v)| (k.as_bytes(), v.as_bytes()));
        let mut line = Writer::head(metric.name().as_bytes(), tags, out);
        for field in metric.raw_fields() {
            if let Some(text) = field.decimal() {
                line.text(field.key().as_bytes(), text);
            } else if let Value::Float(v) = field.value() {
                line.float(field.key().as_bytes(), v);
            }
        }
        line.end(metric.time());
    }
}

impl Held for Parsed {
    type Shared = ();
    const ABOUT: &'static str = "columns over one body (chosen)";
    const ALLOCATIONS: &'static str = "0, 0";

    fn parse(block: String, (): &mut ()) -> Self {
        Parsed(parse(block, false))
    }
    fn change(&mut self, key: &str, value: &str, (): &mut ()) {
        change(&mut self.0, key, value);
    }
    fn write(&self, out: &mut Vec<u8>) {
        write(&self.0, out);
    }
}

impl Held for Decimals {
    type Shared = ();
    const ABOUT: &'static str = "the same, floats left as text";
    const ALLOCATIONS: &'static str = "0, 0";

    fn parse(block: String, (): &mut ()) -> Self {
        Decimals(parse(block, true))
    }
    fn change(&mut self, key: &str, value: &str, (): &mut ()) {
        change(&mut self.0, key, value);
    }
    fn write(&self, out: &mut Vec<u8>) {
        write(&self.0, out);
    }
}
