//! Limits of the kernel for files, and what is used of them: `/proc/sys/fs`.
//!
//! Formats: <https://docs.kernel.org/admin-guide/sysctl/fs.html>. Files that a kernel does not have are left out.

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<LinuxSysctlFs>());

/// Reads files below `/proc/sys/fs`.
struct LinuxSysctlFs {
    folder: PathBuf,
    reader: Reader,
}

/// It has no settings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {}

impl Plugin for LinuxSysctlFs {
    const NAME: &'static str = "linux_sysctl_fs";
    const ABOUT: &'static str = "Reads the kernel's limits for files and what is used of them.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(_: Settings, env: &Env) -> Result<Self> {
        Ok(LinuxSysctlFs { folder: env.host.proc.join("sys/fs"), reader: Reader::new() })
    }
}

/// Files and the fields of their columns; an empty name stands for a column that says nothing.
const FILES: [(&str, &[&str]); 9] = [
    ("aio-nr", &["aio-nr"]),
    ("aio-max-nr", &["aio-max-nr"]),
    ("dquot-nr", &["dquot-nr"]),
    ("dquot-max", &["dquot-max"]),
    ("super-nr", &["super-nr"]),
    ("super-max", &["super-max"]),
    ("inode-state", &["inode-nr", "inode-free-nr", "inode-preshrink-nr"]),
    ("dentry-state", &["dentry-nr", "dentry-unused-nr", "dentry-age-limit", "dentry-want-pages"]),
    ("file-nr", &["file-nr", "", "file-max"]),
];

impl Input for LinuxSysctlFs {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let mut metric = out.metric("linux_sysctl_fs");
        for (file, names) in FILES {
            let path = self.folder.join(file);
            let Some(text) = self.reader.find(&path)? else { continue };
            for (name, word) in names.iter().zip(scan::words(text)) {
                let value = scan::uint(word)
                    .with_context(|| format!("read {}: invalid number {}", path.display(), scan::quoted(word)))?;
                if !name.is_empty() {
                    metric.add_field(name, value);
                }
            }
        }
        ensure!(metric.field_count() > 0, "read {}: no file that is known", self.folder.display());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    fn sysctl(tree: &Tree) -> Vec<String> {
        gather(&mut LinuxSysctlFs::new(Settings {}, &tree.env()).unwrap())
    }

    #[test]
    fn columns_are_fields() {
        let tree = Tree::of(&[
            ("proc/sys/fs/aio-nr", "100\n"),
            ("proc/sys/fs/inode-state", "124\t13\t0\t0\t0\t0\t0\n"),
            ("proc/sys/fs/file-nr", "542\t0\t9223372036854775807\n"),
        ]);
        assert_eq!(
            sysctl(&tree),
            ["linux_sysctl_fs aio-nr=100u,file-max=9223372036854775807u,file-nr=542u,inode-free-nr=13u,inode-nr=124u,\
              inode-preshrink-nr=0u"]
        );
    }

    #[test]
    fn what_is_missing_or_broken_is_an_error() {
        assert!(sysctl(&Tree::empty())[0].ends_with("/proc/sys/fs: no file that is known"));
        let got = sysctl(&Tree::of(&[("proc/sys/fs/aio-nr", "7\n"), ("proc/sys/fs/file-nr", "5 x")]));
        assert!(got.last().unwrap().ends_with("/proc/sys/fs/file-nr: invalid number \"x\""), "{got:?}");
    }
}
