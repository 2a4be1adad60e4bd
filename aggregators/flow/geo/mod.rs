//! Where addresses are and to whose network they belong, by databases in MaxMind's format that the user gives.
//!
//! A database is read whole, once for all instances, when the first flow is reported; at the end of a period one that was replaced is read anew.
//! What cannot be read is an error, and flows go on without it.

#[cfg(test)]
mod tests;

use agent_api::{Collector, Result, anyhow, ensure};
use maxminddb::Reader;
use serde::Deserialize;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

/// The largest database that is read into memory.
const MAX_BYTES: u64 = 1 << 30;

type Database = Reader<Vec<u8>>;
/// One that was read, and when its file had changed last.
type Known = (SystemTime, Arc<Database>);

/// All databases that are in use in this process, by path and time of change.
static IN_USE: Mutex<Vec<(PathBuf, SystemTime, Weak<Database>)>> = Mutex::new(Vec::new());

/// The databases of a task.
#[derive(Default)]
pub(super) struct Geo {
    files: Vec<(PathBuf, Option<Known>)>,
    looked: bool,
    /// What is wrong was said, here or by another instance.
    said: bool,
}

/// What is known of an address; of several databases the first that knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// By ISO 3166, in two letters.
    pub(super) country: Option<&'a str>,
    /// Its English name.
    pub(super) city: Option<&'a str>,
    /// The number of the autonomous system.
    pub(super) asn: Option<u32>,
    /// To whom that belongs.
    pub(super) organization: Option<&'a str>,
}

/// What databases of countries, cities and autonomous systems have under these names.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    country: Option<Country<'a>>,
    #[serde(borrow)]
    city: Option<City<'a>>,
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<&'a str>,
}

#[derive(Deserialize)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Deserialize)]
struct City<'a> {
    #[serde(borrow)]
    names: Option<Names<'a>>,
}

#[derive(Deserialize)]
struct Names<'a> {
    en: Option<&'a str>,
}

impl Geo {
    pub(super) fn new(files: &[String]) -> Self {
        Geo { files: files.iter().map(|file| (PathBuf::from(file), None)).collect(), ..Geo::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Leaves it to another instance to say what is wrong.
    pub(super) fn quiet(&mut self) {
        self.said = true;
    }

    /// Reads the databases when that was not tried yet.
    pub(super) fn ready(&mut self, out: &mut Collector) {
        if !self.looked {
            self.refresh(out);
        }
    }

    /// Reads the databases that are new or were replaced. What is wrong is said once.
    pub(super) fn refresh(&mut self, out: &mut Collector) {
        let said = self.said;
        self.looked = true;
        for (path, database) in &mut self.files {
            let known = database.as_ref().map(|(changed, _)| *changed);
            match open(path, known) {
                Ok(None) => {}
                Ok(fresh) => *database = fresh,
                Err(_) if said => {}
                Err(e) => {
                    out.error(e.context(format!("read {:?}", path.display().to_string())));
                    self.said = true;
                }
            }
        }
    }

    /// What the databases say of an address.
    pub(super) fn place(&self, address: IpAddr) -> Place<'_> {
        let mut place = Place::default();
        for (_, database) in self.files.iter().filter_map(|(_, database)| database.as_ref()) {
            // A database of IPv4 knows nothing of IPv6; one that is damaged here may be good elsewhere.
            let Ok(found) = database.lookup(address) else { continue };
            let Ok(Some(entry)) = found.decode::<Entry<'_>>() else { continue };
            place.country = place.country.or(entry.country.and_then(|c| c.iso_code));
            place.city = place.city.or(entry.city.and_then(|c| c.names).and_then(|n| n.en));
            place.asn = place.asn.or(entry.autonomous_system_number);
            place.organization = place.organization.or(entry.autonomous_system_organization);
        }
        place
    }
}

/// A database, unless it is the one that is known.
fn open(path: &Path, known: Option<SystemTime>) -> Result<Option<Known>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let changed = metadata.modified()?;
    if known == Some(changed) {
        return Ok(None);
    }
    let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    in_use.retain(|(_, _, database)| database.strong_count() > 0);
    let same = in_use.iter().find(|(other, time, _)| other == path && *time == changed);
    if let Some(database) = same.and_then(|(_, _, database)| database.upgrade()) {
        return Ok(Some((changed, database)));
    }
    let size = metadata.len();
    ensure!(size <= MAX_BYTES, "{size} bytes are more than {MAX_BYTES}");
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    let database = Reader::from_source(bytes).map_err(|e| anyhow!("no database of MaxMind's format: {e}"))?;
    let database = Arc::new(database);
    in_use.push((path.to_owned(), changed, Arc::downgrade(&database)));
    Ok(Some((changed, database)))
}
