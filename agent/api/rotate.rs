//! A file that is renamed when it is large or old enough, for logs and for outputs.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When a file is renamed, and how many renamed ones are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Age at which a file is renamed; 0 for never.
    pub interval: Duration,
    /// Size in bytes at which a file is renamed; 0 for never.
    pub max_size: u64,
    /// How many renamed files are kept; -1 for all.
    pub max_archives: i64,
}

impl Rotation {
    /// True if files are ever renamed.
    pub fn happens(&self) -> bool {
        self.max_size > 0 || !self.interval.is_zero()
    }
}

/// A file opened for appending. What one `write` call is given always stays in one file.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    file: File,
    size: u64,
    since: Instant,
    rotation: Rotation,
}

impl RotatingFile {
    /// Opens or makes the file.
    pub fn open(path: impl Into<PathBuf>, rotation: Rotation) -> io::Result<Self> {
        let path = path.into();
        let file = append(&path)?;
        let size = file.metadata()?.len();
        Ok(RotatingFile { path, file, size, since: Instant::now(), rotation })
    }

    /// The size of the file as it is now, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn due(&self) -> bool {
        self.rotation.max_size > 0 && self.size >= self.rotation.max_size
            || !self.rotation.interval.is_zero() && self.since.elapsed() >= self.rotation.interval
    }

    /// Renames the file to `name.DATE-SECONDS.ending` and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (stem, ending) = parts(&self.path);
        // Seconds are the finest grain of the name: of two renames in one second the later gets the next free one.
        let archive = (now..).map(|s| format!("{stem}.{}-{s}{ending}", date(now))).map(|n| self.path.with_file_name(n));
        if let Some(archive) = archive.into_iter().find(|a| !a.exists()) {
            std::fs::rename(&self.path, archive)?;
        }
        self.file = append(&self.path)?;
        self.size = 0;
        self.since = Instant::now();
        self.purge()
    }

    /// Removes the oldest renamed files beyond the number to keep.
    fn purge(&self) -> io::Result<()> {
        let Ok(keep) = usize::try_from(self.rotation.max_archives) else { return Ok(()) };
        let (stem, ending) = parts(&self.path);
        let folder = self.path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut archives: Vec<(String, PathBuf)> = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            if let Some(mark) = name.strip_prefix(&format!("{stem}.")).and_then(|n| n.strip_suffix(&ending))
                && is_mark(mark)
            {
                archives.push((mark.to_owned(), path));
            }
        }
        archives.sort();
        let over = archives.len().saturating_sub(keep);
        archives.into_iter().take(over).try_for_each(|(_, path)| std::fs::remove_file(path))
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        if self.due() {
            self.rotate()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    options.open(path)
}

/// Makes the folder of a file where it is missing, for its owner only.
pub fn make_folder_of(file: &Path) -> io::Result<()> {
    let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty() && !f.exists()) else { return Ok(()) };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The name without its ending, and the ending with its point.
fn parts(path: &Path) -> (String, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match name.rfind('.').filter(|i| *i > 0) {
        Some(i) => (name[..i].to_owned(), name[i..].to_owned()),
        None => (name, String::new()),
    }
}

/// True for `2026-11-21-1795240175`.
fn is_mark(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == 4 && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

/// The day of a time in seconds since the epoch, UTC (H. Hinnant, "chrono-compatible low-level date algorithms").
fn date(seconds: u64) -> String {
    let days = (seconds / 86_400) as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn days() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_400), "2000-02-29");
        assert_eq!(date(1_795_240_175), "2026-11-21");
    }

    #[test]
    fn is_renamed_when_large_and_old_ones_go() {
        let temporary = tempfile::tempdir().expect("there is room");
        let folder = temporary.path().join("own");
        let rotation = Rotation { max_size: 5, max_archives: 2, ..Rotation::default() };
        make_folder_of(&folder.join("a.log")).expect("the folder can be made");
        let mut file = RotatingFile::open(folder.join("a.log"), rotation).expect("the folder can be made");
        for text in ["12345", "67890", "x", "abcdef", "y"] {
            file.write_all(text.as_bytes()).expect("there is room");
        }
        let names = names(&folder);
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(names[2], "a.log");
        let read = |n: &str| std::fs::read_to_string(folder.join(n)).expect("it is there");
        assert_eq!((read(&names[0]), read(&names[1]), read("a.log")), ("67890".into(), "xabcdef".into(), "y".into()));
    }

    #[test]
    fn other_files_are_no_archives() {
        assert!(is_mark("2026-11-21-1795240175"));
        assert!(!is_mark("2026-11-21") && !is_mark("old") && !is_mark("2026-11-21-17x"));
    }
}
