//! Which interfaces are wanted of those that are there.

use super::{Method, Settings};
use agent_api::{Result, anyhow};
use agent_capture::{Device, devices};
use agent_golang::glob::Glob;

/// Interfaces at once.
const MAX_INTERFACES: usize = 256;

/// What the settings ask for.
pub(super) struct Wanted {
    /// All that are up.
    any: bool,
    /// Names and descriptions, one of which each interface has that is meant.
    named: Vec<String>,
    patterns: Vec<Glob>,
    method: Method,
}

impl Wanted {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let is_any = |name: &&String| *name == "any" || *name == "*";
        let (named, patterns): (Vec<&String>, _) =
            settings.interfaces.iter().filter(|name| !is_any(name)).partition(|name| is_name(name));
        let patterns = patterns.into_iter().map(|pattern| Glob::compile(pattern, &[])).collect::<Result<_, _>>();
        Ok(Wanted {
            any: settings.interfaces.iter().any(|name| is_any(&name)),
            named: named.into_iter().cloned().collect(),
            patterns: patterns.map_err(|e| anyhow!("interfaces: {e}"))?,
            method: settings.method,
        })
    }

    /// The interfaces of this host that are wanted, sorted.
    ///
    /// # Errors
    /// They cannot be listed.
    pub(super) fn present(&self) -> Result<Vec<Device>, String> {
        if self.something() { Ok(self.of(all(self.method)?)) } else { Ok(Vec::new()) }
    }

    /// True if any interface is asked for.
    pub(super) fn something(&self) -> bool {
        self.any || !self.named.is_empty() || !self.patterns.is_empty()
    }

    fn of(&self, all: Vec<Device>) -> Vec<Device> {
        all.into_iter().filter(|device| self.wants(device)).take(MAX_INTERFACES).collect()
    }

    fn wants(&self, device: &Device) -> bool {
        let called =
            |text: &str| self.named.iter().any(|name| name == text) || self.patterns.iter().any(|p| p.is_match(text));
        (self.any && device.up) || called(&device.name) || device.description.as_deref().is_some_and(called)
    }

    /// Names that no interface has of those that are there. They are tried all the same: what opens them says why it cannot be.
    pub(super) fn missing(&self, present: &[Device]) -> Vec<Device> {
        let there = |name: &&String| present.iter().any(|d| d.name == **name || d.description.as_ref() == Some(*name));
        let missing = self.named.iter().filter(|name| !there(name));
        missing.map(|name| Device { name: name.clone(), description: None, up: false }).collect()
    }
}

/// A name is what has no wildcards, or begins as the names of Windows do, which have braces.
fn is_name(text: &str) -> bool {
    text.starts_with(r"\Device\") || !text.contains(['*', '?', '[', '{'])
}

/// All interfaces of this host, those that can be captured from in the way that is given.
pub(super) fn all(method: Method) -> Result<Vec<Device>, String> {
    #[cfg(target_os = "linux")]
    {
        let interfaces = agent_capture::interfaces().map_err(|e| format!("list the interfaces: {e}"))?;
        let mut all: Vec<Device> =
            interfaces.into_iter().map(|i| Device { name: i.name, description: None, up: i.up }).collect();
        if method == Method::Libpcap {
            // Devices that are no interfaces, such as `usbmon1`: not among "all that are up", and what they are is no name for them.
            let others: Vec<Device> =
                devices()?.into_iter().filter(|d| !all.iter().any(|i| i.name == d.name)).collect();
            all.extend(others.into_iter().map(|device| Device { description: None, up: false, ..device }));
        }
        Ok(all)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _the_only_one = method;
        devices()
    }
}

/// What an interface is called in metrics: on Windows what it is, as its name tells nobody anything.
pub(super) fn label(device: &Device) -> &str {
    match &device.description {
        Some(description) if device.name.starts_with(r"\Device\") => description,
        _ => &device.name,
    }
}

/// The interfaces that are there, if none of them is called so. By the list, as not every library says so when it cannot open one.
pub(super) fn others(name: &str, method: Method) -> Option<String> {
    let all = all(method).ok()?;
    (!all.iter().any(|device| device.name == name)).then(|| shown(&all))
}

/// Interfaces in a message.
pub(super) fn shown(all: &[Device]) -> String {
    if all.is_empty() {
        return "none".to_owned();
    }
    let one = |device: &Device| match &device.description {
        Some(description) => format!("{} ({description})", device.name),
        None => device.name.clone(),
    };
    let mut some: Vec<String> = all.iter().take(20).map(one).collect();
    if all.len() > some.len() {
        some.push(format!("and {} more", all.len() - some.len()));
    }
    some.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = r"\Device\NPF_{7A0B5C1D-0000-4000-8000-4E6574446576}";

    fn chosen(wanted: &[&str]) -> (Vec<String>, Vec<String>) {
        let interfaces = wanted.iter().map(|name| (*name).to_owned()).collect();
        let wanted = Wanted::new(&Settings { interfaces, ..Settings::default() }).unwrap();
        let device = |name: &str, description: Option<&str>, up| Device {
            name: name.to_owned(),
            description: description.map(str::to_owned),
            up,
        };
        let all = vec![
            device("eth0", None, true),
            device("eth1", None, false),
            device("wlan0", None, true),
            device(NAME, Some("Some (R) Adapter #2"), true),
        ];
        let present = wanted.of(all);
        let missing = wanted.missing(&present).into_iter().map(|d| d.name).collect();
        (present.iter().map(|d| label(d).to_owned()).collect(), missing)
    }

    #[test]
    fn names_patterns_and_all() {
        let is = |wanted: &[&str], present: &[&str], missing: &[&str]| {
            let owned = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
            assert_eq!(chosen(wanted), (owned(present), owned(missing)), "{wanted:?}");
        };
        is(&["eth1", "ppp0"], &["eth1"], &["ppp0"]);
        is(&["eth*"], &["eth0", "eth1"], &[]);
        is(&["{eth,wlan}0", "dummy*"], &["eth0", "wlan0"], &[]);
        is(&["any"], &["eth0", "wlan0", "Some (R) Adapter #2"], &[]);
        is(&["*", "eth1"], &["eth0", "eth1", "wlan0", "Some (R) Adapter #2"], &[]);
        // The name of Windows is no pattern, although it has braces; what the adapter is called is as good.
        is(&[NAME], &["Some (R) Adapter #2"], &[]);
        is(&["Some (R) Adapter #2"], &["Some (R) Adapter #2"], &[]);
        is(&["Some*#[0-9]"], &["Some (R) Adapter #2"], &[]);
        is(&[r"\Device\NPF_{0}"], &[], &[r"\Device\NPF_{0}"]);
    }

    #[test]
    fn a_pattern_that_is_none() {
        let settings = Settings { interfaces: vec!["eth[".to_owned()], ..Settings::default() };
        assert!(Wanted::new(&settings).err().unwrap().to_string().starts_with("interfaces: "));
    }
}
