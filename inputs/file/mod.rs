//! Reads whole files at every interval, in any format.

mod read;
#[cfg(test)]
mod tests;

use crate::encoding::Encoding;
use crate::globpath::GlobPath;
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

register!(Entry::input::<File>());

/// Reads its files anew each time.
struct File {
    settings: Settings,
    encoding: Encoding,
    env: Env,
}

/// Which files, and what their metrics get.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Files to read; `*`, `?`, `[...]` and `**` are looked up at every interval.
    files: Vec<String>,
    /// Encoding of the files: `utf-8`, `utf-16le`, `utf-16be`; nothing takes the bytes as they are.
    character_encoding: String,
    /// Tag that gets the name of the file, without its folder; nothing for none.
    file_tag: String,
    /// Tag that gets the whole path of the file; nothing for none.
    file_path_tag: String,
}

impl Plugin for File {
    const NAME: &'static str = "file";
    const ABOUT: &'static str = "Reads whole files.";
    const FORMAT: Format = Format::Parses("influx");
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let encoding = Encoding::new(&settings.character_encoding)?;
        Ok(File { settings, encoding, env: env.clone() })
    }
}

impl Input for File {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        plugin::blocking(|| {
            for pattern in &self.settings.files {
                match self.matching(pattern) {
                    Ok(files) => files.iter().for_each(|file| self.read(file, out)),
                    Err(e) => out.error(e),
                }
            }
        });
        Ok(())
    }
}

impl File {
    /// The files that a pattern names. A plain path is taken as it is, so that a missing file is an error.
    fn matching(&self, pattern: &str) -> Result<Vec<PathBuf>> {
        let glob = GlobPath::new(pattern)?;
        if glob.is_plain() {
            return Ok(vec![PathBuf::from(pattern)]);
        }
        let files = glob.files();
        ensure!(!files.is_empty(), "could not find file: {pattern:?} matches nothing");
        Ok(files)
    }

    /// Reads one file; what is wrong with it is reported, and what can be read is kept.
    fn read(&self, file: &Path, out: &mut Collector) {
        let put = |batch: &mut Batch| self.tag(batch, file);
        let tagged = !(self.settings.file_tag.is_empty() && self.settings.file_path_tag.is_empty());
        if let Err(e) = read::file(file, self.encoding, &self.env, out, tagged.then_some(&put)) {
            out.error(e.context(format!("could not parse {:?}", file.display())));
        }
    }

    /// Puts on the tags that say where a metric is from.
    fn tag(&self, batch: &mut Batch, file: &Path) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let path = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
        let path = path.to_string_lossy();
        for (key, value) in [(&self.settings.file_tag, &name), (&self.settings.file_path_tag, &path)] {
            if !key.is_empty() {
                batch.each(|m| m.set_tag(key, value));
            }
        }
    }
}
