//! The registry: every plugin that was linked in, found by family and name.

use super::env::{BoxParser, BoxSerializer};
use super::*;
use crate::options::Fields;

/// The families of plugins, named as their tables in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Family {
    Inputs,
    Processors,
    Aggregators,
    Outputs,
    SecretStores,
    Parsers,
    Serializers,
}

impl Family {
    /// The name of its table.
    pub fn name(self) -> &'static str {
        match self {
            Family::Inputs => "inputs",
            Family::Processors => "processors",
            Family::Aggregators => "aggregators",
            Family::Outputs => "outputs",
            Family::SecretStores => "secretstores",
            Family::Parsers => "parsers",
            Family::Serializers => "serializers",
        }
    }
}

type Make<T> = fn(&Table, &Env) -> Result<T, BuildError>;

/// How a plugin is made.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub enum Build {
    Input(Make<Box<dyn DynInput>>),
    Listener(Make<Box<dyn DynListener>>),
    Processor(Make<Box<dyn DynProcessor>>),
    Aggregator(Make<Box<dyn DynAggregator>>),
    Output(Make<Box<dyn DynOutput>>),
    SecretStore(Make<Box<dyn DynSecretStore>>),
    Parser(Make<BoxParser>),
    Serializer(Make<BoxSerializer>),
}

/// A registered plugin.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its family.
    pub family: Family,
    /// Its name.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    /// Whether the options of a data format share its table.
    pub format: Format,
    /// True if it looks at what only Linux has.
    pub linux: bool,
    /// How it is made.
    pub build: Build,
    /// The keys that it takes.
    pub keys: fn() -> Vec<&'static str>,
    /// The JSON Schema of its settings.
    pub schema: fn() -> serde_json::Value,
    /// Translates options of older versions.
    pub migrate: fn(&mut Table, &mut Vec<String>),
}

inventory::collect!(Entry);

fn make<T: Plugin>(table: &Table, env: &Env) -> Result<T, BuildError> {
    let settings = T::Settings::load(table)?;
    T::new(settings, env).map_err(BuildError::Plugin)
}

impl Entry {
    const fn of<T: Plugin>(family: Family, build: Build) -> Self {
        Entry {
            family,
            name: T::NAME,
            about: T::ABOUT,
            format: T::FORMAT,
            linux: T::LINUX,
            build,
            keys: <T::Settings as Fields>::keys,
            schema: <T::Settings as Fields>::schema,
            migrate: T::migrate,
        }
    }
    /// The name of the operating system `os` ([`std::env::consts::OS`]) if the plugin cannot work there.
    pub fn missing_on(&self, os: &'static str) -> Option<&'static str> {
        match os {
            _ if !self.linux => None,
            "linux" | "android" => None,
            "windows" => Some("Windows"),
            "macos" => Some("macOS"),
            "freebsd" => Some("FreeBSD"),
            other => Some(other),
        }
    }
    /// The name of this operating system if the plugin cannot work on it.
    pub fn missing_here(&self) -> Option<&'static str> {
        self.missing_on(std::env::consts::OS)
    }

    /// Registers an input that is asked at every interval.
    pub const fn input<T: Input>() -> Self {
        Entry::of::<T>(Family::Inputs, Build::Input(|t, e| Ok(Box::new(make::<T>(t, e)?))))
    }
    /// Registers an input that listens.
    pub const fn listener<T: Listener>() -> Self {
        Entry::of::<T>(Family::Inputs, Build::Listener(|t, e| Ok(Box::new(make::<T>(t, e)?))))
    }
    /// Registers a processor.
    pub const fn processor<T: Processor>() -> Self {
        Entry::of::<T>(Family::Processors, Build::Processor(|t, e| Ok(Box::new(make::<T>(t, e)?))))
    }
    /// Registers an aggregator.
    pub const fn aggregator<T: Aggregator>() -> Self {
        Entry::of::<T>(Family::Aggregators, Build::Aggregator(|t, e| Ok(Box::new(make::<T>(t, e)?))))
    }
    /// Registers an output.
    pub const fn output<T: Output>() -> Self {
        Entry::of::<T>(Family::Outputs, Build::Output(|t, e| Ok(Box::new(make::<T>(t, e)?))))
    }
    /// Registers a secret store.
    pub const fn secret_store<T: SecretStore + Sync>() -> Self {
        Entry::of::<T>(Family::SecretStores, Build::SecretStore(|t, e| Ok(Box::new(make::<T>(t, e)?))))
    }
    /// Registers a parser.
    pub const fn parser<T: Parser>() -> Self {
        Entry::of::<T>(Family::Parsers, Build::Parser(|t, e| Ok(Box::new(make::<T>(t, e)?))))
    }
    /// Registers a serializer.
    pub const fn serializer<T: Serializer>() -> Self {
        Entry::of::<T>(Family::Serializers, Build::Serializer(|t, e| Ok(Box::new(make::<T>(t, e)?))))
    }
}

/// All plugins, sorted by family and name. Two of one name are a mistake of whoever built the binary; a test looks for them.
pub fn entries() -> Vec<&'static Entry> {
    let mut all: Vec<&Entry> = inventory::iter::<Entry>().collect();
    all.sort_by_key(|e| (e.family, e.name));
    all
}

/// All plugins that can work on this system, sorted by family and name.
pub fn here() -> impl Iterator<Item = &'static Entry> {
    entries().into_iter().filter(|e| e.missing_here().is_none())
}

/// The plugin of a name.
pub fn find(family: Family, name: &str) -> Option<&'static Entry> {
    inventory::iter::<Entry>().find(|e| e.family == family && e.name == name)
}

/// The name nearest to `name` among `known`, if one is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|k| (distance(name, k), k))
        .filter(|(d, _)| *d <= most)
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// Edits between two words: insertions, deletions, replacements, swapped neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(100).collect(), b.chars().take(100).collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let swap = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + swap);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, serde::Deserialize, schemars::JsonSchema)]
    struct Settings {}
    struct Probe<const LINUX: bool>;

    impl<const LINUX: bool> Plugin for Probe<LINUX> {
        const NAME: &'static str = "probe";
        const ABOUT: &'static str = "Is somewhere.";
        const LINUX: bool = LINUX;
        type Settings = Settings;
        fn new(_: Settings, _: &Env) -> Result<Self> {
            Ok(Probe)
        }
    }

    impl<const LINUX: bool> Input for Probe<LINUX> {
        async fn gather(&mut self, _: &mut Collector) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_needs_linux_is_missing_elsewhere() {
        let (everywhere, linux) = (Entry::input::<Probe<false>>(), Entry::input::<Probe<true>>());
        for os in ["linux", "windows", "freebsd"] {
            assert_eq!(everywhere.missing_on(os), None);
        }
        assert_eq!(linux.missing_on("linux"), None);
        assert_eq!(linux.missing_on("windows"), Some("Windows"));
        assert_eq!(linux.missing_on("openbsd"), Some("openbsd"));
        assert_eq!(linux.missing_here(), linux.missing_on(std::env::consts::OS));
    }
}
