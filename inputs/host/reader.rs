//! Reads small files again and again into one buffer.
//!
//! The files of `/proc` and `/sys` have no size until they are read, and what stands there was written by others: a reading
//! is bounded, and the buffer stays for the next one.

use agent_api::{Context, Result, anyhow};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The largest file that is read whole, in bytes. `/proc/stat` of 4096 processors with all their interrupts has 1 MB.
const LIMIT: usize = 16 << 20;
/// The size of the first buffer, in bytes.
const FIRST: usize = 4096;
/// The least size of a page of memory, in bytes.
const PAGE: usize = 4096;
/// The size of a piece of a file that is read line by line, in bytes; also the longest line.
const PIECE: usize = 64 << 10;

/// A buffer for the contents of files.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: Vec<u8>,
}

impl Reader {
    /// A reader without a buffer yet.
    pub fn new() -> Self {
        Reader::default()
    }

    /// The contents of a file; an error names it.
    pub fn need(&mut self, path: &Path) -> Result<&[u8]> {
        self.read(path).with_context(|| format!("read {}", path.display()))
    }

    /// The contents of a file, or nothing where there is none; other errors name it.
    pub fn find(&mut self, path: &Path) -> Result<Option<&[u8]>> {
        match self.read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("read {}", path.display())),
        }
    }

    /// The contents of a file.
    pub fn read(&mut self, path: &Path) -> io::Result<&[u8]> {
        self.drain(&mut File::open(path)?)
    }

    /// What is left to read of an open file.
    pub fn drain(&mut self, file: &mut impl Read) -> io::Result<&[u8]> {
        let mut len = 0;
        loop {
            if len == self.buffer.len() {
                if len >= LIMIT {
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {LIMIT} bytes")));
                }
                self.buffer.resize((len * 2).clamp(FIRST, LIMIT), 0);
            }
            match file.read(&mut self.buffer[len..]) {
                Ok(0) => break,
                Ok(n) => len += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(&self.buffer[..len])
    }

    /// What the kernel writes of an open file in one piece, such as the `stat` of a process: a read that leaves room was all of it.
    #[cfg(target_os = "linux")]
    pub fn record(&mut self, file: &File) -> io::Result<&[u8]> {
        use std::os::unix::fs::FileExt;
        if self.buffer.len() < FIRST {
            self.buffer.resize(FIRST, 0);
        }
        let len = file.read_at(&mut self.buffer, 0)?;
        Ok(&self.buffer[..len])
    }

    /// Hands on every line of a file of any size, without its end; an error names the file. What is left of a line beyond
    /// 64 KiB is not handed on.
    pub fn lines(&mut self, path: &Path, each: impl FnMut(&[u8])) -> Result<()> {
        self.pieces(path, 0, each)
    }

    /// The same for a table of the kernel whose lines have at most `longest` bytes. It hands out as many whole lines as fit a page
    /// (fs/seq_file.c), so that a read which leaves room for another has had the last one; to ask whether there are more can be as dear
    /// as the table.
    pub fn table(&mut self, path: &Path, longest: usize, each: impl FnMut(&[u8])) -> Result<()> {
        self.pieces(path, PAGE.saturating_sub(longest), each)
    }

    /// Hands on lines up to the end, or to a read of fewer than `enough` bytes.
    fn pieces(&mut self, path: &Path, enough: usize, mut each: impl FnMut(&[u8])) -> Result<()> {
        let context = || format!("read {}", path.display());
        let mut file = File::open(path).with_context(context)?;
        if self.buffer.len() < PIECE {
            self.buffer.resize(PIECE, 0);
        }
        let (mut len, mut skip) = (0, false);
        loop {
            let n = match file.read(&mut self.buffer[len..PIECE]) {
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(anyhow!(e)).with_context(context),
            };
            len += n;
            let mut from = 0;
            while let Some(end) = self.buffer[from..len].iter().position(|&b| b == b'\n') {
                if !std::mem::take(&mut skip) {
                    each(&self.buffer[from..from + end]);
                }
                from += end + 1;
            }
            if n == 0 || (n < enough && from == len) {
                if from < len && !skip {
                    each(&self.buffer[from..len]);
                }
                return Ok(());
            }
            if from == 0 && len == PIECE {
                if !std::mem::replace(&mut skip, true) {
                    each(&self.buffer[..len]);
                }
                len = 0;
            } else {
                self.buffer.copy_within(from..len, 0);
                len -= from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn reads_files_of_any_length_into_one_buffer() {
        let tree = Tree::empty();
        let mut reader = Reader::new();
        for len in [0, 1, FIRST - 1, FIRST, FIRST + 1, 3 * FIRST] {
            let path = tree.write("f", &"x".repeat(len));
            assert_eq!(reader.read(&path).unwrap().len(), len);
        }
    }

    #[test]
    fn refuses_what_is_too_large() {
        let mut reader = Reader::new();
        let error = reader.drain(&mut io::repeat(b'x')).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn names_the_file_that_is_missing() {
        let error = Reader::new().need(Path::new("/does/not/exist")).unwrap_err();
        assert!(format!("{error:#}").starts_with("read /does/not/exist: "), "{error:#}");
        assert!(Reader::new().find(Path::new("/does/not/exist")).unwrap().is_none());
    }

    #[test]
    fn hands_on_lines_across_pieces() {
        let tree = Tree::empty();
        let lines: Vec<String> = (0..20_000).map(|i| format!("line {i}")).collect();
        for text in [lines.join("\n"), lines.join("\n") + "\n"] {
            let path = tree.write("f", &text);
            let mut got = Vec::new();
            Reader::new().lines(&path, |l| got.push(String::from_utf8(l.to_vec()).unwrap())).unwrap();
            assert_eq!(got, lines);
        }
    }

    #[test]
    fn tables_of_any_length_are_read_whole() {
        let tree = Tree::empty();
        for count in [0, 1, 28, 29, 30, 31, 32, 33, 64, 1000] {
            let path = tree.write("f", &format!("{:127}\n", "x").repeat(count));
            let mut got = 0;
            Reader::new().table(&path, 128, |_| got += 1).unwrap();
            assert_eq!(got, count);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_record_is_read_again_from_its_beginning() {
        let file = File::open("/proc/self/stat").unwrap();
        let mut reader = Reader::new();
        for _ in 0..2 {
            assert!(reader.record(&file).unwrap().ends_with(b"\n"));
        }
    }

    #[test]
    fn cuts_lines_that_are_too_long() {
        let tree = Tree::empty();
        let path = tree.write("f", &format!("a\n{}\nb\n{}", "x".repeat(3 * PIECE), "y".repeat(2 * PIECE + 1)));
        let mut got = Vec::new();
        Reader::new().lines(&path, |l| got.push((l[0], l.len()))).unwrap();
        assert_eq!(got, [(b'a', 1), (b'x', PIECE), (b'b', 1), (b'y', PIECE)]);
    }
}
