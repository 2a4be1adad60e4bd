//! Makes one metric of several small files, a field or tag each, as sensors of the kernel show them.

mod conversion;

use agent_api::*;
use conversion::Conversion;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

register!(Entry::input::<Multifile>());

/// Reads its files anew each time.
struct Multifile {
    sources: Vec<Source>,
    fail_early: bool,
    log: Log,
}

/// Which files, and what is made of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Folder of the files. Without it the files are named by their whole paths.
    base_dir: String,
    /// Give no metric if a file cannot be read or converted. Otherwise the metric only lacks what the file would give.
    fail_early: bool,
    /// The files.
    file: Vec<FileSettings>,
}

/// A file, and what becomes of it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct FileSettings {
    /// Name of the file in `base_dir`, or its path.
    file: String,
    /// Name of the field or tag; nothing for the name of the file.
    dest: String,
    /// What its text is: `float`, `float(X)` (divided by the Xth power of ten), `int`, `bool`, `tag`, or `string`, which is the default.
    conversion: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { base_dir: String::new(), fail_early: true, file: Vec::new() }
    }
}

/// A file.
struct Source {
    path: PathBuf,
    name: String,
    conversion: Conversion,
}

/// The largest file, in bytes: what is larger is no single value.
const LARGEST: u64 = 1 << 20;

impl Plugin for Multifile {
    const NAME: &'static str = "multifile";
    const ABOUT: &'static str = "Makes one metric of several small files.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let sources = settings.file.iter().map(|file| Source::new(&settings.base_dir, file)).collect::<Result<_>>()?;
        Ok(Multifile { sources, fail_early: settings.fail_early, log: env.log.clone() })
    }
}

impl Source {
    fn new(base: &str, settings: &FileSettings) -> Result<Self> {
        let FileSettings { file, dest, conversion } = settings;
        ensure!(!file.is_empty(), "file: the name of the file is required");
        // A leading slash means nothing below a folder.
        let path =
            if base.is_empty() { PathBuf::from(file) } else { Path::new(base).join(file.trim_start_matches('/')) };
        let name = match dest.as_str() {
            "" => path
                .file_name()
                .with_context(|| format!("file: {file:?} names no file"))?
                .to_string_lossy()
                .into_owned(),
            dest => dest.to_owned(),
        };
        let conversion = Conversion::new(conversion).with_context(|| format!("file {file:?}"))?;
        Ok(Source { path, name, conversion })
    }

    /// The text of the file without blanks and zeros around it.
    fn read(&self) -> Result<String> {
        let mut text = Vec::new();
        File::open(&self.path)?.take(LARGEST + 1).read_to_end(&mut text)?;
        ensure!(text.len() as u64 <= LARGEST, "larger than {} MiB", LARGEST >> 20);
        Ok(String::from_utf8_lossy(&text).trim_matches('\0').trim().to_owned())
    }
}

impl Input for Multifile {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        plugin::blocking(|| {
            let mut metric = out.metric("multifile").kind(Kind::Gauge);
            for source in &self.sources {
                let put = source.read().and_then(|text| source.conversion.put(&source.name, &text, &mut metric));
                let Err(cause) = put else { continue };
                let cause = cause.context(format!("read {}", source.path.display()));
                if self.fail_early {
                    metric.discard();
                    return Err(cause);
                }
                self.log.debug(format_args!("{cause:#}"));
            }
            if metric.field_count() == 0 {
                self.log.debug("no file gave a field, so there is no metric");
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};
    use serde_json::json;

    /// What is gathered of files, given as name, text, conversion and destination.
    fn gathered(fail_early: bool, files: &[(&str, &str, &str, &str)]) -> Vec<String> {
        let tree = Tree::of(&files.iter().map(|f| (f.0, f.1)).collect::<Vec<_>>());
        let list: Vec<_> = files
            .iter()
            .map(|f| json!({"file": f.0, "conversion": f.2, "dest": f.3}))
            .chain(more(fail_early))
            .collect();
        let settings = json!({"base_dir": tree.path(), "fail_early": fail_early, "file": list});
        let mut input = Multifile::new(serde_json::from_value(settings).unwrap(), &tree.env()).unwrap();
        let lines = gather(&mut input);
        lines.into_iter().map(|line| line.replace(&format!("{}/", tree.path().display()), "")).collect()
    }

    /// A file that is not there, where that does not matter.
    fn more(fail_early: bool) -> Option<serde_json::Value> {
        (!fail_early).then(|| json!({"file": "none", "conversion": "int"}))
    }

    #[test]
    fn files_become_fields_and_tags() {
        let files = [
            ("name", " probe 7 \n", "tag", "sensor"),
            ("temp", "23456\n", "float(3)", ""),
            ("press", "101.25", "float", "pressure"),
            ("count", "\0-42\0", "int", ""),
            ("on", "true\n", "bool", ""),
            ("word", "a b", "string", ""),
            ("text", "c", "", ""),
        ];
        assert_eq!(
            gathered(true, &files),
            ["multifile,sensor=probe 7 count=-42i,on=true,pressure=101.25,temp=23.456,text=\"c\",word=\"a b\""]
        );
    }

    #[test]
    fn a_bad_file_spoils_the_metric_unless_it_may_be_missing() {
        let files = [("temp", "20", "int", ""), ("word", "abc", "int", "")];
        assert_eq!(gathered(true, &files), ["error: read word: parse \"abc\": invalid syntax"]);
        assert_eq!(gathered(false, &files), ["multifile temp=20i"]);
        assert_eq!(gathered(true, &[("name", "a", "tag", "")]), [""; 0]);
    }

    #[test]
    fn large_files_are_not_read_whole() {
        let text = "1".repeat((1 << 20) + 1);
        assert_eq!(gathered(true, &[("big", &text, "string", "")]), ["error: read big: larger than 1 MiB"]);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let error = |file| {
            let settings = serde_json::from_value(json!({ "file": [file] })).unwrap();
            format!("{:#}", Multifile::new(settings, &Env::new("x")).err().unwrap())
        };
        assert_eq!(error(json!({"file": "a", "conversion": "hex"})).split(':').next(), Some("file \"a\""));
        assert!(error(json!({"conversion": "int"})).contains("required"));
        assert!(error(json!({"file": "/"})).contains("names no file"));
    }
}
