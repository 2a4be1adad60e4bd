//! Writes metrics to files or to standard output, in any format, with rotation and compression.

mod compression;
#[cfg(test)]
mod tests;

use agent_api::rotate::{RotatingFile, Rotation};
use agent_api::*;
use compression::Compression;
use schemars::JsonSchema;
use serde::Deserialize;
use std::io::Write;

register!(Entry::output::<File>());

/// Appends to each of its files what the serializer made of the metrics.
struct File {
    settings: Settings,
    serializer: plugin::BoxSerializer,
    compression: Option<Compression>,
    targets: Vec<(String, Target)>,
    /// What is to be written, used again each time.
    buffer: Vec<u8>,
    log: Log,
}

/// Where it is written and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Files to append to; `stdout` is standard output.
    files: Vec<String>,
    /// Writes each batch as one document of the format instead of a document for each metric.
    use_batch_format: bool,
    /// Age at which a file is renamed and a new one begun; 0 for never.
    rotation_interval: Duration,
    /// Size at which a file is renamed and a new one begun; 0 for never.
    rotation_max_size: Size,
    /// How many renamed files are kept; -1 for all.
    rotation_max_archives: i64,
    /// `zstd`, `gzip` or `zlib`; nothing for none.
    compression_algorithm: String,
    /// Level of the compression; -1 for the default of the algorithm (zstd: 1, 3, 7, 11; gzip and zlib: 0, 1, 9).
    compression_level: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            files: vec!["stdout".to_owned()],
            use_batch_format: false,
            rotation_interval: Duration::default(),
            rotation_max_size: Size::default(),
            rotation_max_archives: 5,
            compression_algorithm: String::new(),
            compression_level: -1,
        }
    }
}

enum Target {
    Stdout,
    File(RotatingFile),
}

impl Plugin for File {
    const NAME: &'static str = "file";
    const ABOUT: &'static str = "Writes metrics to files.";
    const FORMAT: Format = Format::Serializes("influx");
    type Settings = Settings;

    fn new(mut settings: Settings, env: &Env) -> Result<Self> {
        if settings.files.is_empty() {
            settings.files.push("stdout".to_owned());
        }
        let compression = Compression::new(&settings.compression_algorithm, settings.compression_level)?;
        let serializer = env.serializer()?;
        Ok(File { settings, serializer, compression, targets: Vec::new(), buffer: Vec::new(), log: env.log.clone() })
    }
}

impl Output for File {
    async fn open(&mut self) -> Result<(), StartError> {
        let rotation = Rotation {
            interval: *self.settings.rotation_interval,
            max_size: self.settings.rotation_max_size.0,
            max_archives: self.settings.rotation_max_archives,
        };
        self.targets.clear();
        for file in &self.settings.files {
            let target = match file.as_str() {
                "stdout" => Target::Stdout,
                _ => Target::File(RotatingFile::open(file, rotation).with_context(|| format!("open {file:?}"))?),
            };
            self.targets.push((file.clone(), target));
        }
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let result = match self.settings.use_batch_format {
            true => self.write_batch(metrics, &mut buffer).await,
            // With rotation each document is written by itself, as a file ends between two documents.
            false if self.rotates() => plugin::blocking(|| self.write_each(metrics, &mut buffer)),
            false => self.write_all(metrics, &mut buffer).await,
        };
        // A rare large batch should not be remembered by its memory.
        if buffer.capacity() <= KEPT {
            self.buffer = buffer;
        }
        result
    }
}

/// More memory than this is not kept for the next write.
const KEPT: usize = 8 << 20;

/// Metrics that cannot be written.
#[derive(Default)]
struct Refused {
    places: Vec<usize>,
    why: Option<agent_api::Error>,
}

impl Refused {
    fn or_ok(self) -> Result<(), WriteError> {
        match self.why {
            Some(cause) => Err(WriteError::Reject { indices: self.places, cause }),
            None => Ok(()),
        }
    }
}

impl File {
    async fn write_batch(&mut self, metrics: &Chunk, buffer: &mut Vec<u8>) -> Result<(), WriteError> {
        if let Err(e) = self.serializer.serialize_batch(metrics, buffer) {
            return Err(WriteError::reject_all(metrics.len(), e.context("serialize")));
        }
        Ok(plugin::briefly(|| self.put(buffer)).await?)
    }

    fn rotates(&self) -> bool {
        self.settings.rotation_max_size.0 > 0 || !self.settings.rotation_interval.is_zero()
    }

    async fn write_all(&mut self, metrics: &Chunk, buffer: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut refused = Refused::default();
        for (place, metric) in metrics.iter().enumerate() {
            self.serialize(place, metric, buffer, &mut refused);
        }
        match plugin::briefly(|| self.put(buffer)).await {
            Ok(()) => refused.or_ok(),
            Err(cause) => Err(WriteError::Partial { written: Vec::new(), rejected: refused.places, cause }),
        }
    }

    fn write_each(&mut self, metrics: &Chunk, buffer: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut refused = Refused::default();
        for (place, metric) in metrics.iter().enumerate() {
            self.serialize(place, metric, buffer, &mut refused);
            if let Err(cause) = self.put(buffer) {
                let rejected = refused.places;
                let written = (0..place).filter(|i| rejected.binary_search(i).is_err()).collect();
                return Err(WriteError::Partial { written, rejected, cause });
            }
            buffer.clear();
        }
        refused.or_ok()
    }

    /// Appends a metric, or notes that it cannot be written.
    fn serialize(&mut self, place: usize, metric: MetricRef<'_>, buffer: &mut Vec<u8>, refused: &mut Refused) {
        let before = buffer.len();
        if let Err(e) = self.serializer.serialize(metric, buffer) {
            buffer.truncate(before);
            refused.places.push(place);
            refused.why.get_or_insert(e.context("serialize"));
        }
    }

    /// Writes to every file. What one file refuses is still written to the others; a second attempt would write twice to
    /// those, so an error is only returned if no file took it.
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let packed = self.compression.as_mut().map(|c| c.pack(bytes)).transpose()?;
        let bytes = packed.as_deref().unwrap_or(bytes);
        let (mut good, mut failed) = (0, None);
        for (name, target) in &mut self.targets {
            let written = match target {
                Target::Stdout => {
                    let mut out = std::io::stdout().lock();
                    out.write_all(bytes).and_then(|()| out.flush())
                }
                Target::File(file) => file.write_all(bytes),
            };
            match written {
                Ok(()) => good += 1,
                Err(e) => failed = Some(anyhow!(e).context(format!("write {name:?}"))),
            }
        }
        match failed {
            Some(e) if good == 0 => Err(e),
            Some(e) => {
                self.log.error(format_args!("{e:#}"));
                Ok(())
            }
            None => Ok(()),
        }
    }
}
