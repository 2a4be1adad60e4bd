//! The thread that reads the files: a round an interval.

use super::Plan;
use super::find::{Found, Stamp};
use super::read;
use agent_api::{Batch, Context, Error, Request, Result, Sender, Stop, bail};
use std::collections::HashMap;
use std::fs::{File, FileTimes};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Files that will be complete so soon are waited for.
const SOON: Duration = Duration::from_secs(1);
/// After the stop a file may be read on for so long; the agent waits for 5 s.
const LAST: Duration = Duration::from_secs(3);

/// What the thread has.
pub(super) struct Worker {
    plan: Arc<Plan>,
    out: Sender,
    stop: Stop,
    /// When the stop was seen.
    stopped: Option<Instant>,
    /// A file was not read to its end because of the stop.
    abandoned: bool,
    /// Files that have been read and are there still.
    left: HashMap<PathBuf, Left>,
}

/// A file that has been read and could not be moved, or is to stay.
struct Left {
    stamp: Stamp,
    /// Where it is to be moved.
    to: Option<PathBuf>,
}

impl Worker {
    pub(super) fn new(plan: Arc<Plan>, out: Sender, stop: Stop) -> Self {
        Worker { plan, out, stop, stopped: None, abandoned: false, left: HashMap::new() }
    }

    /// Reads files whenever it is asked to, until nobody can ask any more.
    pub(super) fn run(mut self, mut asked: mpsc::Receiver<Request>) {
        while let Some(_answered_when_dropped) = asked.blocking_recv() {
            if let Err(e) = self.round() {
                self.out.error(e);
            }
        }
    }

    fn round(&mut self) -> Result<()> {
        let (plan, begun) = (self.plan.clone(), Instant::now());
        loop {
            let look = plan.selection.look()?;
            self.left.retain(|path, _| plan.selection.folder.join(path).exists());
            self.read_all(look.ready);
            match look.next.filter(|wait| begun.elapsed() + *wait <= SOON) {
                Some(wait) => std::thread::sleep(wait),
                None => return Ok(()),
            }
        }
    }

    fn read_all(&mut self, mut files: Vec<Found>) {
        let plan = self.plan.clone();
        files.retain(|file| !self.has_read(file));
        files.truncate(plan.files);
        for (done, file) in files.iter().enumerate() {
            plan.stats.queued.set(i64::try_from(files.len() - done).unwrap_or(i64::MAX));
            if self.stop.is_stopped() {
                break;
            }
            if let Err(e) = self.read(file) {
                self.out.error(e.context(format!("read {}", plan.selection.folder.join(&file.below).display())));
            }
        }
        plan.stats.queued.set(0);
    }

    /// Whether a file is only here because it could not be moved, or is to stay. Tries to move it again.
    fn has_read(&mut self, file: &Found) -> bool {
        let Some(left) = self.left.get(&file.below).filter(|left| left.stamp == file.stamp) else { return false };
        if let Some(to) = &left.to
            && move_to(&self.plan.selection.folder.join(&file.below), to, self.plan.keep_times).is_ok()
        {
            self.left.remove(&file.below);
        }
        true
    }

    fn read(&mut self, file: &Found) -> Result<()> {
        let plan = self.plan.clone();
        let path = plan.selection.folder.join(&file.below);
        let parser = plan.env.parser()?;
        let result = read::file(&path, plan.method, parser, &mut |batch| self.send(batch, &path));
        if self.abandoned {
            return result;
        }
        let (folder, counters) = match &result {
            Ok(()) => (Some(&plan.finished), &plan.stats.read),
            // It was taken away meanwhile.
            Err(e) if is_missing(e) => return Ok(()),
            Err(_) => (plan.errors.as_ref(), &plan.stats.dropped),
        };
        counters.iter().for_each(|counter| counter.inc());
        let to = folder.map(|folder| folder.join(&file.below));
        let moved = to.as_ref().map(|to| move_to(&path, to, plan.keep_times));
        if !matches!(moved, Some(Ok(()))) {
            // Reading it again at every interval would send its metrics again.
            self.left.insert(file.below.clone(), Left { stamp: file.stamp, to });
        }
        if let Some(Err(e)) = moved {
            self.out.error(e);
        }
        result
    }

    /// Hands metrics on as far as there is room for them.
    fn send(&mut self, mut batch: Batch, path: &Path) -> Result<()> {
        let plan = self.plan.clone();
        if !plan.file_tag.is_empty() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            batch.each(|metric| metric.set_tag(&plan.file_tag, &name));
        }
        if self.gave_up() || !plan.credit.take(&mut batch, || self.gave_up()) {
            self.abandoned = true;
            bail!("stopped; it will be read again from its begin");
        }
        self.out.send_blocking(batch);
        Ok(())
    }

    /// Whether the agent stops and has waited long enough.
    fn gave_up(&mut self) -> bool {
        self.stop.is_stopped() && self.stopped.get_or_insert_with(Instant::now).elapsed() > LAST
    }
}

fn is_missing(error: &Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::NotFound)
}

/// Moves a file, also to another file system; one of the same name there is replaced.
fn move_to(from: &Path, to: &Path, keep_times: bool) -> Result<()> {
    let moved = (|| {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        match std::fs::rename(from, to) {
            Err(e) if e.kind() == ErrorKind::CrossesDevices => {
                copy(from, to, keep_times)?;
                std::fs::remove_file(from)
            }
            result => result,
        }
    })();
    moved.with_context(|| format!("move {} to {}", from.display(), to.display()))
}

/// Copies a file, with its times where they are to be kept.
fn copy(from: &Path, to: &Path, keep_times: bool) -> std::io::Result<()> {
    let old = from.metadata()?;
    std::fs::copy(from, to)?;
    if keep_times {
        let times = FileTimes::new().set_accessed(old.accessed()?).set_modified(old.modified()?);
        File::options().write(true).open(to)?.set_times(times)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;
    use std::time::SystemTime;

    #[test]
    fn a_copy_keeps_its_times_where_that_is_wanted() {
        let tree = Tree::of(&[("a", "text")]);
        let (from, to) = (tree.path().join("a"), tree.path().join("b"));
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        File::options().write(true).open(&from).unwrap().set_times(FileTimes::new().set_modified(old)).unwrap();
        copy(&from, &to, true).unwrap();
        assert_eq!(
            (std::fs::read_to_string(&to).unwrap().as_str(), to.metadata().unwrap().modified().unwrap()),
            ("text", old)
        );
        copy(&from, &to, false).unwrap();
        assert!(to.metadata().unwrap().modified().unwrap() > old);
    }
}
