//! Templates of NetFlow version 9 and IPFIX: what each exporter said its records look like, kept over restarts.
//!
//! Whoever can send packets can invent exporters and templates, so all of it is bounded: exporters, templates of one, fields of one
//! template, and fields altogether. The exporter that was heard least recently goes first.

use super::elements::{ENTERPRISE, Element, Elements, Target};
use super::wire::Reader;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// Most exporters that templates are kept of.
const EXPORTERS: usize = 4096;
/// Most templates of one exporter.
const TEMPLATES: usize = 2048;
/// Most fields of a template.
pub(super) const FIELDS: usize = 2048;
/// Most fields of all templates together.
const ALL_FIELDS: usize = 1 << 18;
/// Missing templates of one exporter that are told of.
const MISSING: usize = 64;

/// The length of a field that says its length in each record.
const VARIABLE: u16 = 0xffff;

/// The protocol that a template is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Version {
    V9,
    Ipfix,
}

/// What a template is known by within an exporter: protocol, observation domain or source id, and number.
pub(super) type Id = (Version, u32, u16);

/// One field of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    element: Element,
    length: u16,
}

/// A template, ready to read records.
#[derive(Debug)]
pub(super) struct Template {
    fields: Vec<Field>,
    columns: Vec<Column>,
    /// Number of fields that are scopes; they come first. None for records of flows.
    scopes: Option<u16>,
    /// Bytes of the shortest record.
    shortest: usize,
}

/// Where a value of a record goes.
#[derive(Debug)]
struct Column {
    length: u16,
    targets: Box<[Target]>,
}

impl Template {
    fn new(version: Version, fields: Vec<Field>, scopes: Option<u16>, elements: &Elements) -> Self {
        let columns = fields.iter().map(|f| Column {
            length: f.length,
            targets: match version {
                Version::V9 => Elements::v9(f.element.number),
                Version::Ipfix => elements.ipfix(f.element),
            }
            .into(),
        });
        let shortest = fields.iter().map(|f| if f.length == VARIABLE { 1 } else { usize::from(f.length) }).sum();
        Template { columns: columns.collect(), fields, scopes, shortest }
    }

    /// True for options: facts about the exporter.
    pub(super) fn is_options(&self) -> bool {
        self.scopes.is_some()
    }

    /// Number of fields that a record becomes, at most.
    pub(super) fn width(&self) -> usize {
        self.columns.iter().map(|c| c.targets.len()).sum()
    }

    /// Takes the next record off a set and shows each value with its targets. False where no whole record is left: what remains
    /// then is padding (RFC 7011, 3.3.1).
    pub(super) fn record<'a>(&self, set: &mut Reader<'a>, mut each: impl FnMut(&[Target], &'a [u8])) -> bool {
        if self.shortest == 0 || set.len() < self.shortest {
            return false;
        }
        // A record is looked at as a whole before a part of it is used.
        let Some(end) = self.end(*set) else {
            *set = Reader(&[]);
            return false;
        };
        for column in &self.columns {
            let Some(value) = column.value(set) else { return false };
            each(&column.targets, value);
        }
        debug_assert_eq!(set.len(), end);
        true
    }

    /// Bytes that are left after the next record; None if it is not whole.
    fn end(&self, mut set: Reader<'_>) -> Option<usize> {
        for column in &self.columns {
            column.value(&mut set)?;
        }
        Some(set.len())
    }
}

impl Column {
    fn value<'a>(&self, set: &mut Reader<'a>) -> Option<&'a [u8]> {
        let length = match self.length {
            // RFC 7011, section 7: one byte of length, or 255 and two.
            VARIABLE => match set.u8()? {
                255 => usize::from(set.u16()?),
                short => usize::from(short),
            },
            fixed => usize::from(fixed),
        };
        set.take(length)
    }
}

/// All templates of all exporters.
#[derive(Debug, Default)]
pub(super) struct Templates {
    exporters: HashMap<IpAddr, Exporter>,
    /// Fields of all templates.
    fields: usize,
    /// Counts packets, to know who was heard last.
    clock: u64,
    /// Something is not as it was stored.
    changed: bool,
}

/// Those of one exporter.
#[derive(Debug, Default)]
pub(super) struct Exporter {
    templates: HashMap<Id, Template>,
    missing: HashSet<Id>,
    heard: u64,
}

impl Exporter {
    /// A template.
    pub(super) fn template(&self, id: Id) -> Option<&Template> {
        self.templates.get(&id)
    }

    /// Notes that a template is missing; true if that is news.
    pub(super) fn miss(&mut self, id: Id) -> bool {
        self.missing.len() < MISSING && self.missing.insert(id)
    }
}

impl Templates {
    /// An exporter of which a packet has come.
    pub(super) fn heard(&mut self, from: IpAddr) -> &mut Exporter {
        self.clock += 1;
        if !self.exporters.contains_key(&from) {
            while self.exporters.len() >= EXPORTERS {
                self.forget_one(from);
            }
        }
        let exporter = self.exporters.entry(from).or_default();
        exporter.heard = self.clock;
        exporter
    }

    /// Number of templates.
    pub(super) fn len(&self) -> usize {
        self.exporters.values().map(|e| e.templates.len()).sum()
    }

    /// Reads a set of templates (`options` false) or options templates; what is wrong with it, if anything.
    pub(super) fn read_set(
        &mut self,
        from: IpAddr,
        (version, domain): (Version, u32),
        options: bool,
        mut set: Reader<'_>,
        elements: &Elements,
    ) -> Result<(), &'static str> {
        while set.len() >= 4 {
            let number = set.u16().unwrap_or(0);
            let id = (version, domain, number);
            // Padding of zeros may be long enough to look like a template.
            if number == 0 {
                break;
            }
            let head = Head::read(version, options, &mut set).ok_or("a template is cut off")?;
            if head.fields == 0 && version == Version::Ipfix {
                self.withdraw(from, id, options);
                continue;
            }
            if head.fields > FIELDS {
                return Err("a template has too many fields");
            }
            let mut fields = Vec::with_capacity(head.fields);
            for _ in 0..head.fields {
                fields.push(Field::read(version, options, &mut set).ok_or("a template is cut off")?);
            }
            if number < 256 {
                return Err("a template has a number below 256");
            }
            self.put(from, id, fields, head.scopes, elements);
        }
        Ok(())
    }

    fn put(&mut self, from: IpAddr, id: Id, fields: Vec<Field>, scopes: Option<u16>, elements: &Elements) {
        let exporter = self.heard(from);
        exporter.missing.remove(&id);
        if exporter.templates.get(&id).is_some_and(|t| t.fields == fields && t.scopes == scopes) {
            return;
        }
        if let Some(old) = exporter.templates.remove(&id) {
            self.fields -= old.fields.len();
        } else if exporter.templates.len() >= TEMPLATES {
            // Which one goes does not matter: no exporter of the kind that has so many is an honest one.
            if let Some(any) = exporter.templates.keys().next().copied()
                && let Some(old) = exporter.templates.remove(&any)
            {
                self.fields -= old.fields.len();
            }
        }
        while self.fields + fields.len() > ALL_FIELDS && self.exporters.len() > 1 {
            self.forget_one(from);
        }
        if self.fields + fields.len() > ALL_FIELDS {
            // Only this exporter is left.
            self.fields = 0;
            self.exporters.clear();
        }
        self.fields += fields.len();
        let template = Template::new(id.0, fields, scopes, elements);
        self.exporters.entry(from).or_default().templates.insert(id, template);
        self.changed = true;
    }

    /// RFC 7011, 8.1: a template without fields takes one back; the number of the set itself means all of that kind.
    fn withdraw(&mut self, from: IpAddr, (version, domain, number): Id, options: bool) {
        let Some(exporter) = self.exporters.get_mut(&from) else { return };
        let fields = &mut self.fields;
        let changed = &mut self.changed;
        exporter.templates.retain(|id, t| {
            let all = number < 256 && t.is_options() == options && (id.0, id.1) == (version, domain);
            let goes = *id == (version, domain, number) || all;
            if goes {
                *fields -= t.fields.len();
                *changed = true;
            }
            !goes
        });
    }

    /// Forgets the exporter that was heard least recently, but not `keep`.
    fn forget_one(&mut self, keep: IpAddr) {
        let oldest = self.exporters.iter().filter(|e| *e.0 != keep).min_by_key(|e| e.1.heard).map(|e| *e.0);
        if let Some(gone) = oldest.and_then(|oldest| self.exporters.remove(&oldest)) {
            self.fields -= gone.templates.values().map(|t| t.fields.len()).sum::<usize>();
            self.changed = true;
        }
    }

    /// What is to be stored, if it is not as it was.
    pub(super) fn changes(&mut self) -> Option<Vec<Stored>> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let mut all: Vec<Stored> = Vec::with_capacity(self.len());
        for (from, exporter) in &self.exporters {
            all.extend(exporter.templates.iter().map(|(id, t)| Stored::of(*from, *id, t)));
        }
        all.sort_by_key(|s| (s.exporter, s.version, s.domain, s.id));
        Some(all)
    }

    /// Has `changes` tell everything again.
    pub(super) fn mark(&mut self) {
        self.changed = true;
    }

    /// Takes in what was stored, as if it had been sent.
    pub(super) fn restore(&mut self, stored: Vec<Stored>, elements: &Elements) {
        for template in stored {
            let version = if template.version == 9 { Version::V9 } else { Version::Ipfix };
            if template.fields.len() > FIELDS || template.id < 256 {
                continue;
            }
            let fields = template
                .fields
                .iter()
                .map(|&(number, length, enterprise)| Field { element: Element { number, enterprise }, length });
            let id = (version, template.domain, template.id);
            self.put(template.exporter, id, fields.collect(), template.scopes, elements);
        }
        self.changed = false;
    }
}

/// A template as it is stored.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Stored {
    exporter: IpAddr,
    version: u16,
    domain: u32,
    id: u16,
    scopes: Option<u16>,
    /// Number, length, enterprise.
    fields: Vec<(u16, u16, Option<u32>)>,
}

impl Stored {
    fn of(exporter: IpAddr, (version, domain, id): Id, template: &Template) -> Self {
        let version = if version == Version::V9 { 9 } else { 10 };
        let fields = template.fields.iter().map(|f| (f.element.number, f.length, f.element.enterprise)).collect();
        Stored { exporter, version, domain, id, scopes: template.scopes, fields }
    }
}

/// How many fields a template has.
struct Head {
    fields: usize,
    scopes: Option<u16>,
}

impl Head {
    fn read(version: Version, options: bool, set: &mut Reader<'_>) -> Option<Self> {
        let first = set.u16()?;
        Some(match (version, options) {
            (_, false) => Head { fields: first.into(), scopes: None },
            // RFC 3954, 6.1: bytes of the scopes, then bytes of the options, 4 a field.
            (Version::V9, true) => {
                let (scopes, rest) = (first / 4, set.u16()? / 4);
                Head { fields: usize::from(scopes) + usize::from(rest), scopes: Some(scopes) }
            }
            // A withdrawal has no number of scopes (RFC 7011, 8.1).
            (Version::Ipfix, true) if first == 0 => Head { fields: 0, scopes: None },
            (Version::Ipfix, true) => Head { fields: first.into(), scopes: Some(set.u16()?) },
        })
    }
}

impl Field {
    fn read(version: Version, options: bool, set: &mut Reader<'_>) -> Option<Self> {
        let (number, length) = (set.u16()?, set.u16()?);
        let private = version == Version::Ipfix && number & ENTERPRISE != 0;
        let enterprise = if private { Some(set.u32()?) } else { None };
        // Telegraf leaves the bit in the numbers of options templates, and dashboards know them by it.
        let number = if private && !options { number & !ENTERPRISE } else { number };
        Some(Field { element: Element { number, enterprise }, length })
    }
}
