//! The names of values by type, from files such as collectd's types.db(5): `if_octets  rx:DERIVE:0:U, tx:DERIVE:0:U`.

use agent_api::{Context, Result, ensure};
use std::collections::HashMap;

/// The names of the values of each type.
#[derive(Debug, Default)]
pub(super) struct Types(HashMap<String, Vec<String>>);

/// Files are read up to this size.
const LARGEST_FILE: u64 = 16 << 20;

impl Types {
    /// Adds the types of a file, in place of earlier ones of their names.
    pub(super) fn add_file(&mut self, path: &str) -> Result<()> {
        let size = std::fs::metadata(path).with_context(|| format!("read {path:?}"))?.len();
        ensure!(size <= LARGEST_FILE, "read {path:?}: the file has {size} bytes, more than {LARGEST_FILE}");
        self.add(&std::fs::read_to_string(path).with_context(|| format!("read {path:?}"))?)
            .with_context(|| format!("read {path:?}"))
    }

    pub(super) fn add(&mut self, text: &str) -> Result<()> {
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, sources) = line
                .split_once(|c: char| c.is_ascii_whitespace())
                .with_context(|| format!("line {}: {line:?} is a type without values", i + 1))?;
            let mut names = Vec::new();
            for source in sources.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|s| !s.is_empty()) {
                let parts: Vec<&str> = source.split(':').collect();
                let known = parts.len() == 4
                    && matches!(parts[1].to_ascii_uppercase().as_str(), "GAUGE" | "DERIVE" | "COUNTER" | "ABSOLUTE");
                ensure!(known, "line {}: {source:?} is no value with name, type, least and most", i + 1);
                names.push(parts[0].to_owned());
            }
            self.0.insert(name.to_owned(), names);
        }
        Ok(())
    }

    /// The names of the values of a type.
    pub(super) fn names(&self, kind: &str) -> Option<&[String]> {
        self.0.get(kind).map(Vec::as_slice)
    }
}
