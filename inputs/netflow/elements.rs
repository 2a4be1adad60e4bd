//! Which fields an information element becomes: the registry in `elements.csv`, and the files that users give for enterprises.
//!
//! Names are looked up when a template comes, never for a record.

use super::value::Kind;
use agent_api::{Context, Result, anyhow, bail, ensure};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

/// A field that an element becomes.
pub(super) type Target = (Cow<'static, str>, Kind);

/// What is known of elements.
#[derive(Debug, Default)]
pub(super) struct Elements {
    /// What users say of enterprises, by enterprise and number.
    private: HashMap<(u32, u16), (String, Kind)>,
}

/// A field of a template, as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// The number; with the bit for enterprises in options templates, and with CERT's bit for the way back.
    pub(super) number: u16,
    /// The enterprise that it is of.
    pub(super) enterprise: Option<u32>,
}

/// An element of the way back: enterprises mark theirs by it (RFC 5103 uses an enterprise of its own instead).
const REVERSE: u16 = 0x4000;
/// The number is of an enterprise.
pub(super) const ENTERPRISE: u16 = 0x8000;
/// Longest file of mappings.
const MAX_FILE: u64 = 4 << 20;

/// The registry, by number.
static PUBLIC: LazyLock<HashMap<u16, Vec<(&'static str, Kind)>>> = LazyLock::new(|| {
    let mut public: HashMap<u16, Vec<_>> = HashMap::new();
    for line in include_str!("elements.csv").lines().filter(|l| !l.starts_with('#')) {
        let mut words = line.splitn(3, ',');
        if let (Some(Ok(number)), Some(name), Some(kind)) = (words.next().map(str::parse), words.next(), words.next()) {
            public.entry(number).or_default().extend(Kind::named(kind).map(|k| (name, k)));
        }
    }
    public
});

impl Elements {
    /// Adds a file of lines `enterprise.number,name,type`.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<()> {
        use std::io::Read;
        let read = || -> std::io::Result<String> {
            let mut text = String::new();
            std::fs::File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
            Ok(text)
        };
        let text = read().with_context(|| format!("read {}", path.display()))?;
        for (i, line) in text.lines().enumerate() {
            self.add_line(line).with_context(|| format!("{} line {}", path.display(), i + 1))?;
        }
        Ok(())
    }

    fn add_line(&mut self, line: &str) -> Result<()> {
        if line.starts_with('#') || line.trim().is_empty() {
            return Ok(());
        }
        let words: Vec<&str> = line.split(',').map(|w| w.trim().trim_matches('"')).collect();
        let [id, name, kind, ..] = words[..] else { bail!("{line:?} is not of the form enterprise.number,name,type") };
        let number = id.split_once('.').and_then(|(e, n)| Some((e.parse().ok()?, n.parse().ok()?)));
        let number = number.with_context(|| {
            format!("key {id:?} is not of the form enterprise.number; maybe this is another kind of file")
        })?;
        let known = Kind::named(kind).filter(|_| Kind::PUBLIC.contains(&kind));
        let known = known
            .ok_or_else(|| anyhow!("type {kind:?} of {id} is unknown, expected one of {}", Kind::PUBLIC.join(", ")))?;
        ensure!(!name.is_empty(), "{id} has no name");
        ensure!(self.private.insert(number, (name.to_owned(), known)).is_none(), "{id} stands twice");
        Ok(())
    }

    /// How many elements of enterprises users have named.
    pub(super) fn private_len(&self) -> usize {
        self.private.len()
    }

    /// The fields of an element of IPFIX.
    pub(super) fn ipfix(&self, element: Element) -> Vec<Target> {
        let (number, back) = (element.number & !REVERSE, element.number & REVERSE != 0);
        let reversed = |name: &str| if back { format!("rev_{name}").into() } else { Cow::Owned(name.to_owned()) };
        if let Some(enterprise) = element.enterprise {
            // Options templates keep the enterprise bit in the names of fields; users may name the element either way.
            let plain = number & !ENTERPRISE;
            let named = self.private.get(&(enterprise, number)).or_else(|| self.private.get(&(enterprise, plain)));
            return vec![match named {
                Some((name, kind)) => (reversed(name), *kind),
                None => (format!("type_{enterprise}_{}", reversed(&number.to_string())).into(), Kind::Hex),
            }];
        }
        match PUBLIC.get(&number) {
            Some(targets) if back => targets.iter().map(|(name, kind)| (reversed(name), *kind)).collect(),
            Some(targets) => targets.iter().map(|(name, kind)| (Cow::Borrowed(*name), *kind)).collect(),
            None => vec![(format!("type_{number}").into(), Kind::Hex)],
        }
    }

    /// The fields of a field type of NetFlow version 9; scopes are read as field types, too.
    pub(super) fn v9(number: u16) -> Vec<Target> {
        match PUBLIC.get(&number) {
            Some(targets) => targets.iter().map(|(name, kind)| (Cow::Borrowed(*name), *kind)).collect(),
            None => vec![(format!("type_{number}").into(), Kind::Hex)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_registry_is_read() {
        let lines = include_str!("elements.csv").lines().filter(|l| !l.starts_with('#'));
        let (mut fields, mut last) = (0, 0);
        for line in lines {
            let [number, name, kind] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let number: u16 = number.parse().unwrap();
            assert!(number >= last, "{line} is out of order");
            last = number;
            assert_eq!(name.is_empty(), kind == "skip", "{line}");
            assert!(kind == "skip" || Kind::named(kind).is_some(), "{line}");
            fields += usize::from(kind != "skip");
        }
        assert_eq!(PUBLIC.values().map(Vec::len).sum::<usize>(), fields);
        assert_eq!(Elements::v9(267), []);
        assert_eq!(Elements::v9(32).len(), 2);
        assert_eq!(Elements::v9(339), [("type_339".into(), Kind::Hex)]);
    }

    fn names(elements: &Elements, number: u16, enterprise: Option<u32>) -> Vec<String> {
        elements.ipfix(Element { number, enterprise }).into_iter().map(|t| t.0.into_owned()).collect()
    }

    #[test]
    fn enterprises_and_ways_back() {
        let mut elements = Elements::default();
        assert_eq!(names(&elements, 8, None), ["src"]);
        assert_eq!(names(&elements, 0x4000 | 8, None), ["rev_src"]);
        assert_eq!(names(&elements, 0x4000 | 999, None), ["type_999"]);
        assert_eq!(names(&elements, 0x4000 | 40, Some(6871)), ["type_6871_rev_40"]);
        assert_eq!(names(&elements, 0x8000 | 100, Some(6871)), ["type_6871_32868"]);
        elements.add_line("6871.40, app , uint").unwrap();
        elements.add_line("# 6871.41,x,y").unwrap();
        elements.add_line("6871.100,\"labels\",hex").unwrap();
        assert_eq!(names(&elements, 0x4000 | 40, Some(6871)), ["rev_app"]);
        assert_eq!(names(&elements, 40, Some(6871)), ["app"]);
        assert_eq!(names(&elements, 0x8000 | 100, Some(6871)), ["labels"]);
        assert_eq!(elements.private_len(), 2);
        for (line, cause) in [
            ("6871.40,again,uint", "stands twice"),
            ("40,x,uint", "not of the form"),
            ("1.2,x,byte0", "expected one of uint, int"),
            ("1.2,x", "not of the form"),
            ("1.2,,uint", "no name"),
        ] {
            let error = elements.add_line(line).unwrap_err().to_string();
            assert!(error.contains(cause), "{line}: {error}");
        }
    }
}
