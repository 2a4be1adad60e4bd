//! For tests: a host made of files, and the metrics of a gathering as lines.

use agent_api::{Collector, Env, HostPaths, Input, Value};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder of its own for a test, removed when it is dropped.
pub struct Tree(TempDir);

impl Tree {
    /// An empty folder.
    pub fn empty() -> Self {
        Tree(tempfile::tempdir().unwrap())
    }

    /// A folder with files.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let tree = Tree::empty();
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    /// Writes a file below it.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// An environment whose host is this folder.
    pub fn env(&self) -> Env {
        let at = |name: &str| self.path().join(name);
        let host = HostPaths {
            proc: at("proc"),
            sys: at("sys"),
            etc: at("etc"),
            var: at("var"),
            run: at("run"),
            dev: at("dev"),
            root: self.path().to_owned(),
            mount_prefix: PathBuf::new(),
        };
        Env { host, ..Env::new("inputs.test") }
    }
}

/// Gathers once: the metrics as lines with sorted fields, the lines sorted, and then the errors.
pub fn gather(input: &mut impl Input) -> Vec<String> {
    let mut out = Collector::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let result = runtime.block_on(input.gather(&mut out));
    let mut lines = lines(&mut out);
    lines.extend(result.err().map(|e| format!("error: {e:#}")));
    lines
}

/// What was collected: the metrics as lines with sorted fields, the lines sorted, and then the errors.
pub fn lines(out: &mut Collector) -> Vec<String> {
    let mut lines: Vec<String> = out.batch().iter().map(line).collect();
    lines.sort();
    lines.extend(out.take_errors().0.iter().map(|e| format!("error: {e:#}")));
    lines
}

/// A metric as a line.
fn line(metric: agent_api::MetricRef<'_>) -> String {
    let mut text = metric.name().to_owned();
    for (key, value) in metric.tags() {
        text += &format!(",{key}={value}");
    }
    let mut fields: Vec<String> = metric
        .fields()
        .map(|(key, value)| match value {
            Value::Float(v) => format!("{key}={v}"),
            Value::Int(v) => format!("{key}={v}i"),
            Value::Uint(v) => format!("{key}={v}u"),
            Value::Bool(v) => format!("{key}={v}"),
            Value::Str(v) => format!("{key}={v:?}"),
        })
        .collect();
    fields.sort();
    text + " " + &fields.join(",")
}

/// Texts of random bytes and of random pieces of `sample`, for parsers that must take anything.
pub fn noise(sample: &[u8], mut each: impl FnMut(&[u8])) {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for _ in 0..500 {
        let mut text: Vec<u8> = sample.to_vec();
        for _ in 0..=next(8) {
            if text.is_empty() {
                break;
            }
            let at = next(text.len());
            match next(4) {
                0 => text[at] = next(256) as u8,
                1 => text.truncate(at),
                2 => drop(text.remove(at)),
                _ => text.splice(at..at, b" :\n-9(0\t=)".iter().copied().skip(next(10)).take(2)).for_each(drop),
            }
        }
        each(&text);
        let bytes: Vec<u8> = (0..next(64)).map(|_| next(256) as u8).collect();
        each(&bytes);
    }
}
