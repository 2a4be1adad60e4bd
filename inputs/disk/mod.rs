//! Space of the mounted file systems.
//!
//! Which there are stands in `mountinfo`; each is then asked for its space. That question can hang for as long as a network
//! file system does, so it is asked on a thread where nobody else waits.

mod mountinfo;

use crate::host::{Reader, os, scan};
use agent_api::*;
use mountinfo::Mount;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

register!(Entry::input::<Disk>());

/// Reads `mountinfo` and asks for the space of each mount.
struct Disk {
    settings: Settings,
    log: Log,
    tables: Vec<PathBuf>,
    host: HostPaths,
    reader: Reader,
    failed: HashSet<PathBuf>,
}

/// Which mounts are reported.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Only these mount points; empty means all.
    mount_points: Vec<String>,
    /// Leave out file systems of these kinds, as `tmpfs`.
    ignore_fs: Vec<String>,
    /// Leave out mounts that have one of these options, as `ro`; `bind` stands for a part of a file system that is mounted
    /// at a second place.
    ignore_mount_opts: Vec<String>,
}

impl Plugin for Disk {
    const NAME: &'static str = "disk";
    const ABOUT: &'static str = "Reads how full the mounted file systems are.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        // The mounts of process 1 are those of the machine, also for an agent whose service has mounts of its own.
        let tables = match std::env::var_os("HOST_PROC_MOUNTINFO") {
            Some(table) if !table.is_empty() => vec![PathBuf::from(table)],
            _ => ["1/mountinfo", "self/mountinfo"].map(|t| env.host.proc.join(t)).into(),
        };
        Ok(Disk {
            settings,
            log: env.log.clone(),
            tables,
            host: env.host.clone(),
            reader: Reader::new(),
            failed: HashSet::new(),
        })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        if table.rename("mountpoints", "mount_points") {
            notes.push("mountpoints is now mount_points".to_owned());
        }
    }
}

impl Input for Disk {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        if cfg!(windows) {
            return self.drives(out).await;
        }
        let mut mounts = self.mounts()?;
        mounts.retain(|m| self.wants(m));
        let prefix = self.host.mount_prefix.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let ask = |m: Mount| {
                let space = os::space(&place(&prefix, &m.path));
                (m, space)
            };
            mounts.into_iter().map(ask).collect::<Vec<_>>()
        });
        for (mount, space) in asked.await.context("ask for space")? {
            match space {
                Ok(space) if space.total > 0 => self.report(&mount, space, out),
                Ok(_) => {}
                Err(e) => {
                    if self.failed.insert(mount.path.clone()) {
                        self.log.debug(format_args!("no space of {}: {e}", mount.path.display()));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Where a mount point of the host is for this process.
fn place(prefix: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix("/") {
        Ok(below) if !prefix.as_os_str().is_empty() && !path.starts_with(prefix) => prefix.join(below),
        _ => path.to_owned(),
    }
}

/// The mount point as the host sees it.
fn shown(prefix: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix(prefix) {
        Ok(below) if !prefix.as_os_str().is_empty() => Path::new("/").join(below),
        _ => path.to_owned(),
    }
}

impl Disk {
    /// All mounts, from the first table that can be read.
    fn mounts(&mut self) -> Result<Vec<Mount>> {
        let mut failed = None;
        for table in &self.tables {
            match self.reader.need(table) {
                Ok(text) => return Ok(scan::lines(text).filter_map(mountinfo::parse).collect()),
                Err(e) => failed = Some(e),
            }
        }
        Err(failed.unwrap_or_else(|| anyhow!("no table of mounts")))
    }

    /// The drives of Windows, in place of mounts.
    async fn drives(&self, out: &mut Collector) -> Result<()> {
        let asked = tokio::task::spawn_blocking(agent_windows::drives).await.context("ask for the drives")?;
        for drive in asked.context("ask for the drives")? {
            let space =
                os::Space { total: drive.total, available: drive.available, free: drive.free, ..Default::default() };
            let mount = mountinfo::of_drive(drive);
            if self.wants(&mount) && space.total > 0 {
                self.report(&mount, space, out);
            }
        }
        Ok(())
    }

    fn wants(&self, mount: &Mount) -> bool {
        let Settings { mount_points, ignore_fs, ignore_mount_opts } = &self.settings;
        let shown = shown(&self.host.mount_prefix, &mount.path);
        // Asking an automounter for space would mount what it stands for.
        mount.kind != "autofs"
            && (mount_points.is_empty()
                || mount_points.iter().any(|p| Path::new(p) == shown || Path::new(p) == mount.path)
                || cfg!(windows) && mount_points.contains(&mount.device))
            && !ignore_fs.contains(&mount.kind)
            && !mount.options.iter().any(|o| ignore_mount_opts.contains(o))
    }

    fn report(&self, mount: &Mount, space: os::Space, out: &mut Collector) {
        let device = mountinfo::device(mount, &self.host);
        let path = shown(&self.host.mount_prefix, &mount.path);
        let used = space.total.saturating_sub(space.free);
        let inodes_used = space.inodes.saturating_sub(space.inodes_free);
        let percent = |part: u64, all: u64| if all > 0 { 100.0 * part as f64 / all as f64 } else { 0.0 };
        let mut metric = out.metric("disk").kind(Kind::Gauge);
        metric.add_tag("path", &path.to_string_lossy());
        metric.add_tag("device", &device);
        metric.add_tag("fstype", &mount.kind);
        metric.add_tag("mode", mount.mode());
        if let Some(label) = mountinfo::label(&device, &self.host) {
            metric.add_tag("label", &label);
        }
        metric.add_field("total", space.total);
        metric.add_field("free", space.available);
        metric.add_field("used", used);
        // What is kept for root counts as neither used nor free, as in df.
        metric.add_field("used_percent", percent(used, used.saturating_add(space.available)));
        metric.add_field("inodes_total", space.inodes);
        metric.add_field("inodes_free", space.inodes_free);
        metric.add_field("inodes_used", inodes_used);
        metric.add_field("inodes_used_percent", percent(inodes_used, space.inodes));
    }
}

#[cfg(test)]
mod tests;
