//! NetFlow version 9 (RFC 3954) and IPFIX (RFC 7011): messages of sets, whose records look as templates say.

use super::decoder::{Decoder, Out, other_version};
use super::template::{Template, Version};
use super::wire::Reader;
use agent_api::Builder;
use std::net::IpAddr;

/// A record of a byte becomes two fields at most; templates with fields of no length must not make more of a packet than this.
const FIELDS_BEYOND: usize = 4096;

/// Reads a message.
pub(super) fn read(
    decoder: &mut Decoder,
    (from, source): (IpAddr, &str),
    bytes: &[u8],
    out: &mut Out<'_>,
) -> Result<(), String> {
    let mut message = Reader(bytes);
    let short = || "shorter than its header".to_owned();
    let (version, domain, tag) = match message.u16().ok_or_else(short)? {
        // Count, uptime, seconds, sequence, source id.
        9 => (Version::V9, message.take(14).and_then(|_| message.u32()).ok_or_else(short)?, "NetFlowV9"),
        // Length, seconds, sequence, observation domain.
        10 => {
            let length = usize::from(message.u16().ok_or_else(short)?);
            let domain = message.take(8).and_then(|_| message.u32()).ok_or_else(short)?;
            if (16..bytes.len()).contains(&length) {
                message = Reader(&bytes[16..length]);
            }
            (Version::Ipfix, domain, "IPFIX")
        }
        other => return Err(other_version(other.into())),
    };
    let mut sets = Sets { decoder, from, source, version, domain, tag, fields_left: 2 * bytes.len() + FIELDS_BEYOND };
    let mut first_error = None;
    while message.len() >= 4 {
        let (id, length) = (message.u16().ok_or_else(short)?, message.u16().ok_or_else(short)?);
        let Some(length) = usize::from(length).checked_sub(4) else {
            return Err(format!("set {id} is shorter than its header"));
        };
        let cut = length > message.len();
        let set = Reader(message.take(length.min(message.len())).unwrap_or_default());
        let mut read = sets.set(id, set, out);
        if cut && read.is_ok() {
            read = Err(format!("set {id} is cut off"));
        }
        // The sets behind one that is wrong are read all the same.
        first_error = first_error.or(read.err());
    }
    first_error.map_or(Ok(()), Err)
}

/// The sets of a message.
struct Sets<'a> {
    decoder: &'a mut Decoder,
    from: IpAddr,
    source: &'a str,
    version: Version,
    domain: u32,
    tag: &'static str,
    fields_left: usize,
}

impl Sets<'_> {
    fn set(&mut self, id: u16, set: Reader<'_>, out: &mut Out<'_>) -> Result<(), String> {
        let options = match (self.version, id) {
            (Version::V9, 0) | (Version::Ipfix, 2) => false,
            (Version::V9, 1) | (Version::Ipfix, 3) => true,
            (_, 0..256) => return Err(format!("a set of number {id}, which is reserved")),
            _ => return self.data(id, set, out),
        };
        let Decoder { templates, elements, .. } = &mut *self.decoder;
        templates.read_set(self.from, (self.version, self.domain), options, set, elements).map_err(str::to_owned)
    }

    fn data(&mut self, id: u16, mut set: Reader<'_>, out: &mut Out<'_>) -> Result<(), String> {
        let Decoder { templates, log, missing, scratch, .. } = &mut *self.decoder;
        let exporter = templates.heard(self.from);
        let key = (self.version, self.domain, id);
        let Some(template) = exporter.template(key) else {
            missing.inc();
            if exporter.miss(key) {
                log.warn(format_args!(
                    "template {id} of {} (domain {}) is not known yet: its records are passed over until it is sent",
                    self.source, self.domain
                ));
            }
            return Ok(());
        };
        let name = if template.is_options() { "netflow_options" } else { "netflow" };
        let mut wrong = None;
        loop {
            if template.width() > self.fields_left {
                return Err(format!("set {id} has more fields than bytes"));
            }
            let mut metric = out.batch.metric(name).tag("source", self.source).tag("version", self.tag);
            if !record(template, &mut set, &mut metric, scratch, &mut wrong) {
                metric.discard();
                break;
            }
            self.fields_left -= template.width();
        }
        wrong.map_or(Ok(()), Err)
    }
}

/// Adds the fields of a record; false if there is none any more. A value that does not fit its type is left out.
fn record(
    template: &Template,
    set: &mut Reader<'_>,
    metric: &mut Builder<'_>,
    scratch: &mut String,
    wrong: &mut Option<String>,
) -> bool {
    template.record(set, |targets, raw| {
        for (name, kind) in targets {
            if !kind.add(name, raw, metric, scratch) && wrong.is_none() {
                *wrong = Some(format!("a value of {name} has {} bytes", raw.len()));
            }
        }
    })
}
