//! Types of settings that users spell in more than one way.

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, RwLock};

/// A length of time: `"10s"`, `"1h30m"`, `"1.5d"`, or a bare number of seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub std::time::Duration);

impl Duration {
    /// So many seconds.
    pub const fn secs(n: u64) -> Self {
        Duration(std::time::Duration::from_secs(n))
    }
    /// So many milliseconds.
    pub const fn millis(n: u64) -> Self {
        Duration(std::time::Duration::from_millis(n))
    }
    /// True if it is 0.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl std::ops::Deref for Duration {
    type Target = std::time::Duration;
    fn deref(&self) -> &std::time::Duration {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Duration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"10s\"")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Duration, E> {
                let nanos = agent_golang::duration::parse_setting(v).map_err(E::custom)?;
                u64::try_from(nanos)
                    .map(|n| Duration(std::time::Duration::from_nanos(n)))
                    .map_err(|_| E::custom(format_args!("negative duration {v:?}")))
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Duration, E> {
                u64::try_from(v).map(Duration::secs).map_err(|_| E::custom(format_args!("negative duration {v}")))
            }
            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Duration, E> {
                std::time::Duration::try_from_secs_f64(v)
                    .map(Duration)
                    .map_err(|_| E::custom(format_args!("duration {v} out of range")))
            }
        }
        reader.deserialize_any(V)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&agent_golang::duration::format(i64::try_from(self.0.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// A number of bytes: `"10MB"`, `"64MiB"`, or a bare number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Size;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"10MiB\"")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Size, E> {
                let bytes = agent_golang::size::parse(v).map_err(E::custom)?;
                u64::try_from(bytes).map(Size).map_err(|_| E::custom(format_args!("negative size {v:?}")))
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Size, E> {
                u64::try_from(v).map(Size).map_err(|_| E::custom(format_args!("negative size {v}")))
            }
        }
        reader.deserialize_any(V)
    }
}

impl fmt::Display for Size {
    /// In the largest unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, bytes) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
            if self.0 >= bytes && self.0.is_multiple_of(bytes) {
                return write!(f, "{}{unit}", self.0 / bytes);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// A text that nobody may see: never printed, and with `@{store:key}` in it taken from a secret store at each use.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

/// Gives the value of `@{store:key}`.
pub type SecretResolver = dyn Fn(&str, &str) -> crate::Result<String> + Send + Sync;

static RESOLVER: RwLock<Option<Arc<SecretResolver>>> = RwLock::new(None);

thread_local! {
    /// References seen while settings are read, for the loader to check.
    static SEEN: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

/// Sets who resolves references to secret stores, for the whole process.
pub fn resolve_secrets_with(resolver: Arc<SecretResolver>) {
    *RESOLVER.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(resolver);
}

/// The references (store, key) in secrets that this thread has read since it was last asked.
pub fn link_secrets() -> Vec<(String, String)> {
    SEEN.take()
}

impl Secret {
    /// A secret of its own text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// True if nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The references to secret stores in it: store and key of each.
    pub fn references(&self) -> Vec<(String, String)> {
        let (mut found, mut rest) = (Vec::new(), self.0.as_str());
        while let Some((_, store, key, after)) = reference(rest) {
            found.push((store.to_owned(), key.to_owned()));
            rest = after;
        }
        found
    }

    /// The value, references filled in. Fails if a store does not answer.
    pub fn reveal(&self) -> crate::Result<String> {
        let mut out = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some((before, store, key, after)) = reference(rest) {
            let resolver = RESOLVER.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            let resolver = resolver.ok_or_else(|| crate::anyhow!("resolve @{{{store}:{key}}}: no secret store"))?;
            out.push_str(before);
            out.push_str(&resolver(store, key)?);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Compares in a time that does not tell where the first difference is.
    pub fn matches(&self, given: &str) -> crate::Result<bool> {
        let want = self.reveal()?;
        let differences = want.bytes().zip(given.bytes()).fold(0u8, |sum, (a, b)| sum | (a ^ b));
        Ok(differences == 0 && want.len() == given.len())
    }
}

/// The first `@{store:key}`: text before, store, key, text after.
fn reference(text: &str) -> Option<(&str, &str, &str, &str)> {
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric());
    let mut from = 0;
    while let Some(at) = text[from..].find("@{").map(|i| i + from) {
        if let Some(end) = text[at..].find('}').map(|i| i + at)
            && let Some((store, key)) = text[at + 2..end].split_once(':')
            && word(store)
            && word(key)
        {
            return Some((&text[..at], store, key, &text[end + 1..]));
        }
        from = at + 2;
    }
    None
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = String;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<String, E> {
                Ok(v.to_owned())
            }
            /// A password may be a number, and then it is often written without quotes.
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<String, E> {
                Ok(v.to_string())
            }
        }
        let secret = Secret(reader.deserialize_any(V)?);
        SEEN.with_borrow_mut(|seen| seen.extend(secret.references()));
        Ok(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(none)" } else { "Secret(***)" })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(if self.0.is_empty() { "" } else { "***" })
    }
}

/// All three are spelled as texts in documentation.
macro_rules! text_schema {
    ($($type:ty, $name:literal, $extra:expr;)+) => { $(
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $extra
            }
        }
    )+ };
}
text_schema! {
    Duration, "Duration", schemars::json_schema!({ "type": ["string", "number"], "format": "duration" });
    Size, "Size", schemars::json_schema!({ "type": ["string", "integer"], "format": "size" });
    Secret, "Secret", schemars::json_schema!({ "type": ["string", "integer"], "format": "secret" });
}
