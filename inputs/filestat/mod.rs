//! Whether files exist, how large they are and when they were changed.
//!
//! Sums of files are computed on a thread of their own: a file may be large, or on a disk that sleeps.

use crate::globpath::GlobPath;
use agent_api::*;
use md5::{Digest, Md5};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

register!(Entry::input::<Filestat>());

/// Looks at files.
struct Filestat {
    /// The patterns as they were given, and compiled.
    files: Arc<[(String, GlobPath)]>,
    md5: bool,
}

/// Which files are looked at.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Paths or patterns: `*`, `?`, `[...]`, `{a,b}` stand for parts of one name, `**` for any number of folders.
    files: Vec<String>,
    /// Report the MD5 sum of the contents; reads each file whole each time.
    md5: bool,
}

impl Plugin for Filestat {
    const NAME: &'static str = "filestat";
    const ABOUT: &'static str = "Looks whether files exist, how large and how old they are.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let compile = |text: String| GlobPath::new(&text).map(|glob| (text, glob));
        let files = settings.files.into_iter().map(compile).collect::<Result<_>>().context("files")?;
        Ok(Filestat { files, md5: settings.md5 })
    }
}

/// What was found: the path or, without one, the pattern that found nothing.
struct Found {
    name: String,
    file: Option<Result<Metadata>>,
    sum: Option<Result<String>>,
}

impl Input for Filestat {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let (files, md5) = (self.files.clone(), self.md5);
        let look = move || files.iter().flat_map(|(text, glob)| find(text, glob, md5)).collect::<Vec<_>>();
        for found in tokio::task::spawn_blocking(look).await.context("look at files")? {
            report(found, out);
        }
        Ok(())
    }
}

fn find(text: &str, glob: &GlobPath, md5: bool) -> Vec<Found> {
    let look = |path: &Path| {
        let file = match path.metadata() {
            Ok(meta) => Some(Ok(meta)),
            // It was there a moment ago, or is a link that leads nowhere.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => Some(Err(e).with_context(|| format!("look at {}", path.display()))),
        };
        let sum =
            matches!(&file, Some(Ok(_)) if md5).then(|| sum(path).with_context(|| format!("read {}", path.display())));
        Found { name: path.to_string_lossy().into_owned(), file, sum }
    };
    let found: Vec<Found> = glob.matches().iter().map(|p| look(p)).collect();
    if found.is_empty() { vec![Found { name: text.to_owned(), file: None, sum: None }] } else { found }
}

/// The MD5 sum in hexadecimal digits.
fn sum(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Md5::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => digest.update(&buffer[..n]),
        }
    }
    Ok(digest.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

fn report(found: Found, out: &mut Collector) {
    let mut errors = Vec::new();
    let mut metric = out.metric("filestat").tag("file", &found.name);
    metric.add_field("exists", i64::from(found.file.is_some()));
    match found.file {
        Some(Ok(meta)) => {
            metric.add_field("size_bytes", i64::try_from(meta.len()).unwrap_or(i64::MAX));
            let changed = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
            let nanos = changed.and_then(|t| i64::try_from(t.as_nanos()).ok());
            metric.add_field("modification_time", nanos.unwrap_or(0));
        }
        Some(Err(e)) => errors.push(e),
        None => {}
    }
    match found.sum {
        Some(Ok(sum)) => metric.add_field("md5_sum", &sum),
        Some(Err(e)) => errors.push(e),
        None => {}
    }
    drop(metric);
    errors.into_iter().for_each(|e| out.error(e));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    /// The metrics, with paths below the tree and without times.
    fn filestat(tree: &Tree, patterns: &[&str], md5: bool) -> Vec<String> {
        let files = patterns.iter().map(|p| tree.path().join(p).to_string_lossy().into_owned()).collect();
        let lines = gather(&mut Filestat::new(Settings { files, md5 }, &tree.env()).unwrap());
        let root = format!("{}/", tree.path().display());
        let short = |line: String| {
            let line = line.replace(&root, "");
            let parts = line.split(',').filter(|p| !p.starts_with("modification_time="));
            parts.collect::<Vec<_>>().join(",")
        };
        lines.into_iter().map(short).collect()
    }

    #[test]
    fn files_are_looked_at() {
        let tree = Tree::of(&[("d/a.log", "1"), ("d/e/b.log", "22")]);
        assert_eq!(
            filestat(&tree, &["d/a.log", "d/none", "d/*.txt", "d/**.log"], false),
            [
                "filestat,file=d/*.txt exists=0i",
                "filestat,file=d/a.log exists=1i,size_bytes=1i",
                "filestat,file=d/a.log exists=1i,size_bytes=1i",
                "filestat,file=d/e/b.log exists=1i,size_bytes=2i",
                "filestat,file=d/none exists=0i",
            ]
        );
    }

    #[test]
    fn sums_are_computed() {
        let tree = Tree::of(&[("a", "hello\n"), ("d/keep", "")]);
        assert_eq!(
            filestat(&tree, &["a"], true),
            ["filestat,file=a exists=1i,md5_sum=\"b1946ac92492d2347c6235b4d2611184\",size_bytes=6i"]
        );
        let got = filestat(&tree, &["d"], true);
        assert!(got[0].starts_with("filestat,file=d exists=1i") && got[1].starts_with("error: read d: "), "{got:?}");
    }

    #[test]
    fn times_are_nanoseconds() {
        let tree = Tree::of(&[("a", "")]);
        let files = vec![tree.path().join("a").to_string_lossy().into_owned()];
        let got = gather(&mut Filestat::new(Settings { files, md5: false }, &tree.env()).unwrap());
        let time = got[0].split("modification_time=").nth(1).and_then(|t| t.split('i').next()).unwrap();
        let age = agent_api::plugin::now() - time.parse::<i64>().unwrap();
        assert!((0..60_000_000_000).contains(&age), "{got:?}");
    }

    #[test]
    fn bad_patterns_are_refused() {
        let settings = Settings { files: vec!["a/[".to_owned()], md5: false };
        assert!(format!("{:#}", Filestat::new(settings, &Tree::empty().env()).err().unwrap()).contains("a/["));
    }
}
