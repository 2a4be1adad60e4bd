//! Which distribution and kernel it is.
//!
//! Every distribution has left its own file in `/etc` at some time; they are looked for in a fixed order, the older and more
//! special before `os-release`, so that names stay what dashboards know.

use super::Texts;
use crate::host::{Reader, os, scan};
use std::path::Path;

/// Distribution: name, family of names, version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Release {
    platform: String,
    version: String,
}

/// All fields.
pub(super) fn read(etc: &Path, reader: &mut Reader) -> Texts {
    let kernel = os::kernel().unwrap_or_default();
    let machine = if kernel.machine.is_empty() { std::env::consts::ARCH.to_owned() } else { kernel.machine };
    let release = find(&mut |name| {
        // Some distributions leave a file empty just to be known by it; such a file has never counted.
        let text = reader.read(&etc.join(name)).ok().filter(|text| !text.is_empty())?;
        Some(scan::text(text).into_owned())
    });
    vec![
        ("os", std::env::consts::OS.to_owned()),
        ("arch", machine),
        ("platform_family", family(&release.platform).to_owned()),
        ("platform", release.platform),
        ("platform_version", release.version),
        ("kernel_version", kernel.release),
    ]
}

/// Finds the distribution; `file` gives the text of a file in `/etc`.
fn find(file: &mut dyn FnMut(&str) -> Option<String>) -> Release {
    let lsb = file("lsb-release").unwrap_or_default();
    let lsb = |key: &str| value(&lsb, key);
    let release = |platform: &str, version: String| Release { platform: platform.to_owned(), version };
    for name in ["oracle-release", "enterprise-release"] {
        if let Some(text) = file(name) {
            return release("oracle", number_after_release(&text));
        }
    }
    if let Some(text) = file("slackware-version") {
        return release("slackware", text.to_lowercase().replace("slackware", "").trim().to_owned());
    }
    if let Some(text) = file("debian_version") {
        return match lsb("DISTRIB_ID").as_str() {
            "Ubuntu" => release("ubuntu", lsb("DISTRIB_RELEASE")),
            "LinuxMint" => release("linuxmint", lsb("DISTRIB_RELEASE")),
            "Kylin" => release("Kylin", lsb("DISTRIB_RELEASE")),
            "Cumulus Linux" => release("cumuluslinux", lsb("DISTRIB_RELEASE")),
            id @ ("uos" | "Deepin") => release(id, lsb("DISTRIB_RELEASE")),
            _ => release("debian", first_line(&text)),
        };
    }
    for name in ["redhat-release", "system-release"] {
        if let Some(text) = file(name) {
            let text = text.to_lowercase();
            let platform =
                if text.contains("red hat") { "redhat" } else { text.split_whitespace().next().unwrap_or("") };
            return release(platform, number_after_release(&text));
        }
    }
    if let Some(text) = file("gentoo-release") {
        return release("gentoo", number_after_release(&text));
    }
    if let Some(text) = file("SuSE-release") {
        let platform = if text.to_lowercase().contains("opensuse") { "opensuse" } else { "suse" };
        let (version, patches) = (value_spaced(&text, "VERSION"), value_spaced(&text, "PATCHLEVEL"));
        return release(platform, if patches.is_empty() { version } else { format!("{version}.{patches}") });
    }
    if file("arch-release").is_some() {
        return release("arch", lsb("DISTRIB_RELEASE"));
    }
    if let Some(text) = file("alpine-release") {
        return release("alpine", first_line(&text));
    }
    if let Some(text) = file("os-release") {
        let id = value(&text, "ID");
        // Amazon's Linux has two names, of which dashboards know the one of its older file.
        let platform = if id == "amzn" { "amazon".to_owned() } else { id };
        return Release { platform, version: value(&text, "VERSION_ID") };
    }
    release(&lsb("DISTRIB_ID").to_lowercase(), lsb("DISTRIB_RELEASE"))
}

/// The distribution that another comes from.
fn family(platform: &str) -> &'static str {
    match platform {
        "debian" | "ubuntu" | "linuxmint" | "raspbian" | "Kylin" | "cumuluslinux" | "uos" | "Deepin" => "debian",
        "fedora" => "fedora",
        "oracle"
        | "centos"
        | "redhat"
        | "rhel"
        | "scientific"
        | "enterpriseenterprise"
        | "amazon"
        | "xenserver"
        | "cloudlinux"
        | "ibm_powerkvm"
        | "rocky"
        | "almalinux" => "rhel",
        "suse"
        | "opensuse"
        | "opensuse-leap"
        | "opensuse-tumbleweed"
        | "opensuse-tumbleweed-kubic"
        | "sles"
        | "sled"
        | "caasp" => "suse",
        "gentoo" => "gentoo",
        "slackware" => "slackware",
        "arch" | "manjaro" => "arch",
        "exherbo" => "exherbo",
        "alpine" => "alpine",
        "coreos" | "flatcar" => "coreos",
        "solus" => "solus",
        "neokylin" => "neokylin",
        "anolis" => "anolis",
        _ => "",
    }
}

/// The value of `KEY=value`, without quotes.
fn value(text: &str, key: &str) -> String {
    let found = text.lines().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='));
    found.unwrap_or("").trim().trim_matches(['"', '\'']).to_owned()
}

/// The value of `KEY = value`.
fn value_spaced(text: &str, key: &str) -> String {
    let found = text.lines().find_map(|l| l.trim().strip_prefix(key)?.trim_start().strip_prefix('='));
    found.unwrap_or("").trim().to_owned()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("").trim().to_owned()
}

/// The number behind the word `release`, as in `CentOS Linux release 7.9.2009 (Core)`, or with one letter before it.
fn number_after_release(text: &str) -> String {
    let text = text.to_lowercase();
    if text.contains("rawhide") {
        return "rawhide".to_owned();
    }
    let Some((_, behind)) = text.split_once("release ") else { return String::new() };
    let first = usize::from(behind.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
    let end = behind[first..].find(|c: char| !(c.is_ascii_digit() || c == '.')).map_or(behind.len(), |i| first + i);
    if first == 0 { String::new() } else { behind[..end].to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Files<'a> = &'a [(&'a str, &'a str)];

    fn found(files: Files) -> (String, String, &'static str) {
        let r = find(&mut |name| files.iter().find(|f| f.0 == name).map(|f| f.1.to_owned()));
        let family = family(&r.platform);
        (r.platform, r.version, family)
    }

    #[test]
    fn knows_distributions_by_their_files() {
        let os = "NAME=\"Own\"\nID=\"sles\"\nVERSION_ID='15.5'\n";
        let cases: [(Files, [&str; 3]); 13] = [
            (&[("debian_version", "12.5\n"), ("os-release", os)], ["debian", "12.5", "debian"]),
            (
                &[("debian_version", "trixie/sid"), ("lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=24.04\n")],
                ["ubuntu", "24.04", "debian"],
            ),
            (&[("redhat-release", "CentOS Linux release 7.9.2009 (Core)\n")], ["centos", "7.9.2009", "rhel"]),
            (&[("redhat-release", "Red Hat Enterprise Linux release 9.4 (Plow)")], ["redhat", "9.4", "rhel"]),
            (&[("redhat-release", "Fedora release 41 (Rawhide)")], ["fedora", "rawhide", "fedora"]),
            (&[("oracle-release", "Oracle Linux Server release 8.1")], ["oracle", "8.1", "rhel"]),
            (&[("os-release", os), ("alpine-release", "3.20.1\n")], ["alpine", "3.20.1", "alpine"]),
            (&[("os-release", os)], ["sles", "15.5", "suse"]),
            (&[("os-release", "ID=\"amzn\"\nVERSION_ID=\"2023\"\n")], ["amazon", "2023", "rhel"]),
            (&[("redhat-release", "Own Linux release V7Update6")], ["own", "v7", ""]),
            (&[("SuSE-release", "SUSE Own 11\nVERSION = 11\nPATCHLEVEL = 4\n")], ["suse", "11.4", "suse"]),
            (
                &[("debian_version", "x"), ("lsb-release", "DISTRIB_ID=uos\nDISTRIB_RELEASE=20\n")],
                ["uos", "20", "debian"],
            ),
            (&[], ["", "", ""]),
        ];
        for (files, [platform, version, family]) in cases {
            assert_eq!(found(files), (platform.to_owned(), version.to_owned(), family));
        }
    }
}
