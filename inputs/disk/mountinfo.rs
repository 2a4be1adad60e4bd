//! The lines of `mountinfo`, see proc_pid_mountinfo(5), and what sysfs adds to a device.

use crate::host::scan;
use agent_api::HostPaths;
use std::path::{Path, PathBuf};

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// The device as the table names it.
    pub(super) device: String,
    /// Major and minor number of the device, as `8:1`.
    pub(super) numbers: String,
    /// Where it is mounted.
    pub(super) path: PathBuf,
    /// Kind of the file system.
    pub(super) kind: String,
    /// Options of the mount, and `bind` where only a part of the file system is mounted.
    pub(super) options: Vec<String>,
}

impl Mount {
    /// Whether it can be written to.
    pub(super) fn mode(&self) -> &'static str {
        let has = |option: &str| self.options.iter().any(|o| o == option);
        match (has("rw"), has("ro")) {
            (true, _) => "rw",
            (_, true) => "ro",
            _ => "unknown",
        }
    }
}

/// Reads a line; nothing if it has too few columns.
pub(super) fn parse(line: &[u8]) -> Option<Mount> {
    let mut words = scan::words(line).skip(2);
    let numbers = scan::text(words.next()?).into_owned();
    let root = words.next()?;
    let path = path_of(scan::unescaped(words.next()?));
    let mut options: Vec<String> = scan::text(words.next()?).split(',').map(str::to_owned).collect();
    if root != b"/" {
        options.push("bind".to_owned());
    }
    let mut words = words.skip_while(|w| *w != b"-").skip(1);
    let kind = scan::text(words.next()?).into_owned();
    let device = scan::text(&scan::unescaped(words.next()?)).into_owned();
    Some(Mount { device, numbers, path, kind, options })
}

/// A drive of Windows, with the path that Telegraf gives it: `\\C:`. It may be named as `C:` in the settings.
pub(super) fn of_drive(drive: agent_windows::Drive) -> Mount {
    let mode = if drive.read_only { "ro" } else { "rw" };
    let path = format!("\\{}", drive.name).into();
    Mount { device: drive.name, numbers: String::new(), path, kind: drive.kind, options: vec![mode.to_owned()] }
}

#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> PathBuf {
    scan::text(&bytes).into_owned().into()
}

/// The device without `/dev/`. The root device and mapped devices have a name of their own below their known one.
pub(super) fn device(mount: &Mount, host: &HostPaths) -> String {
    let Some(name) = mount.device.strip_prefix("/dev/") else { return mount.device.clone() };
    let link = if name == "root" {
        std::fs::read_link(host.sys.join("dev/block").join(&mount.numbers)).ok()
    } else if name.starts_with("mapper/") {
        std::fs::canonicalize(host.dev.join(name)).ok()
    } else {
        None
    };
    match link.as_deref().and_then(Path::file_name) {
        Some(real) => real.to_string_lossy().into_owned(),
        None => name.to_owned(),
    }
}

/// The name of a mapped device, as `vg-root`. The kernel calls these `dm-0` and so on; to look for others costs a call each time.
pub(super) fn label(device: &str, host: &HostPaths) -> Option<String> {
    if !device.starts_with("dm-") || device.contains('/') {
        return None;
    }
    let text = std::fs::read_to_string(host.sys.join("block").join(device).join("dm/name")).ok()?;
    Some(text.trim().to_owned()).filter(|t| !t.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const LINE: &[u8] = br"25 22 8:2 /sub /bound\040dir ro,relatime shared:4 master:1 - xfs /dev/own\0402 rw";

    #[test]
    fn reads_a_line() {
        let mount = parse(LINE).unwrap();
        assert_eq!(mount.path, Path::new("/bound dir"));
        assert_eq!((mount.device.as_str(), mount.kind.as_str(), mount.mode()), ("/dev/own 2", "xfs", "ro"));
        assert_eq!(
            (mount.numbers.as_str(), mount.options),
            ("8:2", ["ro", "relatime", "bind"].map(str::to_owned).into())
        );
        let plain = parse(b"22 1 8:1 / / rw - ext4 /dev/own1 rw").unwrap();
        assert_eq!((plain.mode(), plain.options), ("rw", vec!["rw".to_owned()]));
        assert_eq!(parse(b"22 1 8:1 / / rw shared:1"), None);
    }

    #[test]
    fn a_drive_is_a_mount() {
        let drive = agent_windows::Drive { name: "C:".to_owned(), kind: "NTFS".to_owned(), ..Default::default() };
        let mount = of_drive(drive);
        assert_eq!((mount.path.to_str(), mount.device.as_str(), mount.mode()), (Some("\\C:"), "C:", "rw"));
        assert_eq!(mount.kind, "NTFS");
    }

    #[test]
    fn takes_anything() {
        noise(LINE, |text| {
            parse(text);
        });
    }
}
