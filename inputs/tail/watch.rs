//! Says that something has changed: folders are watched by inotify where that is asked for and possible.
//!
//! It only makes followers look sooner. They look from time to time anyway, since not every file system tells.

use super::WatchMethod;
use agent_api::Log;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How a follower is told to look.
#[derive(Clone)]
pub(super) struct Wake {
    changed: Arc<Notify>,
    /// It looks so often if it is not told.
    every: Duration,
}

impl Wake {
    /// Ends when there may be something new.
    pub(super) async fn wait(&self) {
        tokio::select! {
            () = self.changed.notified() => {}
            () = tokio::time::sleep(self.every) => {}
        }
    }
}

/// Without being told a follower looks so often.
const POLL: Duration = Duration::from_millis(250);
/// It looks so often although it would be told.
const DOUBT: Duration = Duration::from_secs(1);

/// Watches the folders of all files.
pub(super) struct Watch {
    #[cfg(target_os = "linux")]
    folders: Option<Arc<linux::Folders>>,
}

impl Watch {
    /// Falls back to looking from time to time where the system cannot tell.
    pub(super) fn new(method: WatchMethod, log: &Log) -> Self {
        #[cfg(target_os = "linux")]
        {
            let folders = (method == WatchMethod::Inotify).then(linux::Folders::new).transpose().unwrap_or_else(|e| {
                log.warn(format_args!("inotify: {e:#}; looking at the files from time to time instead"));
                None
            });
            Watch { folders }
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _both_poll = (method, log);
            Watch {}
        }
    }

    /// Watches a file.
    pub(super) fn add(&self, path: &Path) -> Wake {
        let changed = Arc::<Notify>::default();
        #[cfg(target_os = "linux")]
        let told = self.folders.as_ref().is_some_and(|folders| folders.add(path, &changed));
        #[cfg(not(target_os = "linux"))]
        let told = !path.exists() && path.exists();
        Wake { changed, every: if told { DOUBT } else { POLL } }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use agent_api::Result;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    use std::collections::HashMap;
    use std::ffi::{OsStr, OsString};
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;
    use std::sync::{Arc, Mutex, PoisonError};
    use tokio::sync::Notify;

    /// Followers by the number of the watch of their folder and their name in it.
    type Followers = HashMap<i32, HashMap<OsString, Vec<Arc<Notify>>>>;

    /// One inotify instance for all folders, with a thread that reads it.
    pub(super) struct Folders {
        queue: OwnedFd,
        followers: Mutex<Followers>,
    }

    impl Folders {
        pub(super) fn new() -> Result<Arc<Self>> {
            let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
            let folders = Arc::new(Folders { queue, followers: Mutex::default() });
            let weak = Arc::downgrade(&folders);
            std::thread::Builder::new().name("inotify".to_owned()).spawn(move || {
                while let Some(folders) = weak.upgrade() {
                    if folders.wait().is_err() {
                        return;
                    }
                }
            })?;
            Ok(folders)
        }

        /// Watches the folder of a file; false if that cannot be done.
        pub(super) fn add(&self, path: &Path, changed: &Arc<Notify>) -> bool {
            // A link is followed: what it leads to is what changes.
            let Ok(path) = path.canonicalize() else { return false };
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return false };
            let what = WatchFlags::MODIFY
                | WatchFlags::CREATE
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE;
            let Ok(number) = inotify::add_watch(&self.queue, folder, what) else { return false };
            let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
            followers.entry(number).or_default().entry(name.to_owned()).or_default().push(changed.clone());
            true
        }

        /// Waits for changes for a moment and tells the followers.
        fn wait(&self) -> Result<()> {
            let moment = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
            match poll(&mut [PollFd::new(&self.queue, PollFlags::IN)], Some(&moment)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(()),
                Ok(_) => {}
                Err(e) => return Err(e.into()),
            }
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut events = inotify::Reader::new(&self.queue, &mut buffer);
            while let Ok(event) = events.next() {
                let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                self.tell(event.wd(), name);
            }
            Ok(())
        }

        fn tell(&self, number: i32, name: Option<&OsStr>) {
            let followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
            let of_folder = followers.get(&number);
            match name {
                Some(name) => of_folder.and_then(|f| f.get(name)).into_iter().flatten().for_each(|n| n.notify_one()),
                // The queue was too short, or the folder itself is gone.
                None => followers.values().flat_map(HashMap::values).flatten().for_each(|n| n.notify_one()),
            }
        }
    }
}
