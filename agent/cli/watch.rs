//! Watching the configuration: files and folders by notification or by looking, addresses by asking for their date.
//!
//! A notification only says when to look: what has changed is always decided by comparing what is there, so that an editor that
//! moves a file into place, or Kubernetes that exchanges a link, is seen like one that writes.

use super::reload::Reloader;
use super::{args, log};
use crate::remote;
use agent_api::options::Duration as Period;
use agent_api::{Result, anyhow};
use clap::ArgMatches;
use serde::Deserialize;
use serde::de::value::{Error as ValueError, StrDeserializer};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Between two looks, where nothing else is said.
const LOOK: Duration = Duration::from_millis(250);
/// A change has to have been there for so long: whoever writes a file may not be done with it.
const SETTLED: Duration = Duration::from_millis(50);
/// Between two looks where notifications come, for what they do not tell (file systems of other machines).
const RARELY: Duration = Duration::from_secs(30);
/// Folders are searched so deep.
const DEPTH: usize = 64;

/// A length of time given on the command line.
pub(super) fn period(text: &str) -> Result<Duration> {
    let read: std::result::Result<Period, ValueError> = Period::deserialize(StrDeserializer::new(text));
    read.map(|p| p.0).map_err(|e| anyhow!("{e}"))
}

fn given(matches: &ArgMatches, id: &str) -> Option<Duration> {
    matches.get_one::<Duration>(id).copied().filter(|p| !p.is_zero())
}

/// Starts what the flags ask for. `sources` are the names of what was read, `watch` what was there before that.
pub(super) fn start(matches: &ArgMatches, watch: Option<Watch>, sources: &[String], reloader: &Reloader) {
    if let Some(mut watch) = watch {
        if watch.files.is_empty() && watch.directories.is_empty() {
            watch.files = sources.iter().filter(|s| !s.contains("://")).map(PathBuf::from).collect();
            watch.known = watch.look();
        }
        tokio::spawn(watch.run(reloader.clone()));
    }
    if let Some(interval) = given(matches, "config-url-watch-interval") {
        for address in sources.iter().filter(|s| s.contains("://")) {
            tokio::spawn(watch_address(address.clone(), interval, reloader.clone()));
        }
    }
}

/// Reloads when the date of what is at an address has changed.
async fn watch_address(address: String, interval: Duration, reloader: Reloader) {
    let mut known = None;
    loop {
        match remote::last_modified(&address).await {
            Ok(Some(date)) => {
                if known.as_ref().is_some_and(|k| *k != date) {
                    // What it came to is in the log.
                    drop(reloader.ask(&format!("{address} has changed")).await);
                }
                known = Some(date);
            }
            Ok(None) => {
                log().error(format_args!("{address} gives no Last-Modified: changes of it are not seen"));
                return;
            }
            Err(e) => log().error(format_args!("look whether {address} has changed: {e:#}")),
        }
        tokio::time::sleep(interval).await;
    }
}

/// Files and folders that are watched.
pub(super) struct Watch {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
    /// How they were when they were last read.
    known: Look,
    /// The system tells of changes.
    notified: bool,
    interval: Duration,
    settled: Duration,
}

/// What tells one state of the files from another: the path of each, and where it leads, when it was written, its length and
/// what the file system calls it.
type Look = Vec<(PathBuf, Option<(PathBuf, SystemTime, u64, u64)>)>;

#[cfg(unix)]
fn inode(file: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(file)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

impl Watch {
    /// What the flags ask for, if anything; made before the configuration is read, so that no change falls in between.
    pub(super) fn new(matches: &ArgMatches) -> Option<Self> {
        let how = matches.get_one::<String>("watch-config").filter(|how| !how.is_empty())?;
        let list = |id| -> Vec<PathBuf> {
            let given = args::all(matches, id);
            let names = given.iter().flat_map(|v| v.split(','));
            names.filter(|name| !name.is_empty() && !name.contains("://")).map(PathBuf::from).collect()
        };
        let mut watch = Watch {
            files: list("config"),
            directories: list("config-directory"),
            known: Look::new(),
            notified: how != "poll",
            interval: given(matches, "watch-interval").unwrap_or(LOOK),
            settled: given(matches, "watch-debounce-interval").unwrap_or_default().max(SETTLED),
        };
        watch.known = watch.look();
        Some(watch)
    }

    async fn run(mut self, reloader: Reloader) {
        let mut known = std::mem::take(&mut self.known);
        let mut notices = if self.notified { notices::Notices::new() } else { None };
        loop {
            match &mut notices {
                Some(notices) => {
                    self.places(&known).iter().for_each(|place| notices.add(place));
                    // What changed before the place was watched is seen now.
                    if self.look() == known {
                        drop(tokio::time::timeout(RARELY, notices.next()).await);
                    }
                }
                None => tokio::time::sleep(self.interval).await,
            }
            let mut now = self.look();
            if now == known {
                continue;
            }
            loop {
                tokio::time::sleep(self.settled).await;
                let later = self.look();
                if later == now {
                    break;
                }
                now = later;
            }
            known = now;
            // What it came to is in the log.
            drop(reloader.ask("the files of the configuration have changed").await);
        }
    }

    /// Everything as it is now.
    fn look(&self) -> Look {
        let mut files = self.files.clone();
        self.directories.iter().for_each(|directory| find(directory, DEPTH, &mut files));
        let state = |path: &PathBuf| {
            let found = std::fs::metadata(path).ok()?;
            Some((path.canonicalize().ok()?, found.modified().ok()?, found.len(), inode(&found)))
        };
        files.iter().map(|path| (path.clone(), state(path))).collect()
    }

    /// The folders in which something may happen: those of the files, of what they lead to, and all that are searched.
    fn places(&self, look: &Look) -> Vec<PathBuf> {
        let parent = |path: &Path| match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut places: Vec<PathBuf> = self.directories.clone();
        self.directories.iter().for_each(|directory| folders(directory, DEPTH, &mut places));
        for (path, state) in look {
            places.push(parent(path));
            places.extend(state.as_ref().map(|(target, ..)| parent(target)));
        }
        places.sort();
        places.dedup();
        places
    }
}

fn find(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth > 0 && !entry.file_name().to_string_lossy().starts_with("..") {
                find(&path, depth - 1, files);
            }
        } else if path.extension().is_some_and(|e| e == "conf") {
            files.push(path);
        }
    }
    files.sort();
}

fn folders(directory: &Path, depth: usize, all: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok) {
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.push(entry.path());
            folders(&entry.path(), depth - 1, all);
        }
    }
}

#[cfg(target_os = "linux")]
mod notices {
    //! inotify(7).

    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    use rustix::io::Errno;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::path::Path;
    use std::sync::Arc;
    use tokio::sync::Notify;

    /// Says that something has happened in one of the folders that were added.
    pub(super) struct Notices {
        fd: Arc<OwnedFd>,
        happened: Arc<Notify>,
    }

    impl Notices {
        /// None where the system has no more of them: then one has to look.
        pub(super) fn new() -> Option<Self> {
            let fd = Arc::new(inotify::init(CreateFlags::CLOEXEC).ok()?);
            let happened = Arc::new(Notify::new());
            let (own, tell) = (fd.clone(), happened.clone());
            // It waits for as long as the process lives.
            let listen = move || {
                let mut room = [MaybeUninit::uninit(); 4096];
                let mut reader = inotify::Reader::new(&*own, &mut room);
                while matches!(reader.next().map(drop), Ok(()) | Err(Errno::INTR)) {
                    tell.notify_one();
                }
            };
            std::thread::Builder::new().name("watch config".to_owned()).spawn(listen).ok()?;
            Some(Notices { fd, happened })
        }

        /// Watches a folder, too; one that is watched already is no other.
        pub(super) fn add(&self, folder: &Path) {
            let what = WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::MODIFY
                | WatchFlags::ATTRIB;
            // A folder that is not there is seen when its parent tells of it, or at the next look.
            let _missing = inotify::add_watch(&*self.fd, folder, what);
        }

        /// Waits until something has happened since it was last asked.
        pub(super) async fn next(&mut self) {
            self.happened.notified().await;
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod notices {
    //! There are no notifications here: one has to look.

    pub(super) struct Notices;

    impl Notices {
        pub(super) fn new() -> Option<Self> {
            None
        }

        pub(super) fn add(&self, _: &std::path::Path) {}

        pub(super) async fn next(&mut self) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_sees_what_is_written_moved_and_linked() {
        let folder = tempfile::tempdir().expect("there is room");
        let root = folder.path();
        std::fs::create_dir_all(root.join("d/sub")).expect("the folder can be made");
        let write = |name: &str, text: &str| std::fs::write(root.join(name), text).expect("the folder can be written");
        write("a.toml", "1");
        write("d/sub/b.conf", "1");
        write("d/ignored.txt", "1");
        let watch = Watch {
            files: vec![root.join("a.toml")],
            directories: vec![root.join("d")],
            known: Look::new(),
            notified: false,
            interval: LOOK,
            settled: SETTLED,
        };
        let mut last = watch.look();
        assert_eq!(last.len(), 2);
        assert!(watch.places(&last).contains(&root.join("d/sub")));
        let mut changed = || {
            let now = watch.look();
            std::mem::replace(&mut last, now.clone()) != now
        };
        assert!(!changed());
        write("a.toml", "22");
        assert!(changed());
        write("d/ignored.txt", "22");
        assert!(!changed());
        write("d/c.conf", "");
        assert!(changed());
        write("new", "22");
        std::fs::rename(root.join("new"), root.join("a.toml")).expect("both are there");
        assert!(changed());
        std::fs::remove_file(root.join("d/c.conf")).expect("it is there");
        assert!(changed() && !changed());
    }
}
