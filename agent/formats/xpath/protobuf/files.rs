//! Finds and reads the files and what they import.

use super::definition::File;
use super::parse::parse;
use agent_api::{Context, Result, anyhow, bail, ensure};
use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A definition has so many files at most.
const FILES: usize = 1000;
/// A file may be so long, in bytes.
const LONGEST: u64 = 8 << 20;

/// The files and all that they import, each once.
pub(super) fn load(names: &[String], folders: &[String]) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut waiting: Vec<String> = names.iter().rev().cloned().collect();
    while let Some(name) = waiting.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        ensure!(seen.len() <= FILES, "more than {FILES} files of definitions");
        let text = match find(&name, folders) {
            Some(path) => read(&path)?,
            None => match known(&name) {
                Some(text) => text.to_owned(),
                None if folders.is_empty() => bail!("find {name:?}: no such file"),
                None => bail!("find {name:?}: no such file in {}", folders.join(", ")),
            },
        };
        let file = parse(&name, &text).map_err(|cause| anyhow!("read {name:?}: {cause}"))?;
        waiting.extend(file.imports.iter().rev().cloned());
        files.push(file);
    }
    Ok(files)
}

fn find(name: &str, folders: &[String]) -> Option<PathBuf> {
    if folders.is_empty() {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(|| format!("open {}", path.display()))?;
    file.take(LONGEST + 1).read_to_string(&mut text).with_context(|| format!("read {}", path.display()))?;
    ensure!(text.len() as u64 <= LONGEST, "read {}: longer than {LONGEST} bytes", path.display());
    Ok(text)
}

/// The definitions that come with Protocol Buffers, as far as messages in use hold them. The one of options is here for files that define
/// options of their own: no message is made of those.
fn known(name: &str) -> Option<&'static str> {
    Some(match name.strip_prefix("google/protobuf/")? {
        "descriptor.proto" => "syntax = \"proto2\"; package google.protobuf;",
        "any.proto" => {
            "syntax = \"proto3\"; package google.protobuf; message Any { string type_url = 1; bytes value = 2; }"
        }
        "duration.proto" => {
            "syntax = \"proto3\"; package google.protobuf; message Duration { int64 seconds = 1; int32 nanos = 2; }"
        }
        "timestamp.proto" => {
            "syntax = \"proto3\"; package google.protobuf; message Timestamp { int64 seconds = 1; int32 nanos = 2; }"
        }
        "empty.proto" => "syntax = \"proto3\"; package google.protobuf; message Empty {}",
        "field_mask.proto" => {
            "syntax = \"proto3\"; package google.protobuf; message FieldMask { repeated string paths = 1; }"
        }
        "struct.proto" => {
            "syntax = \"proto3\"; package google.protobuf;
            message Struct { map<string, Value> fields = 1; }
            message Value { oneof kind { NullValue null_value = 1; double number_value = 2; string string_value = 3;
                bool bool_value = 4; Struct struct_value = 5; ListValue list_value = 6; } }
            enum NullValue { NULL_VALUE = 0; }
            message ListValue { repeated Value values = 1; }"
        }
        "wrappers.proto" => {
            "syntax = \"proto3\"; package google.protobuf;
            message DoubleValue { double value = 1; } message FloatValue { float value = 1; }
            message Int64Value { int64 value = 1; } message UInt64Value { uint64 value = 1; }
            message Int32Value { int32 value = 1; } message UInt32Value { uint32 value = 1; }
            message BoolValue { bool value = 1; } message StringValue { string value = 1; }
            message BytesValue { bytes value = 1; }"
        }
        _ => return None,
    })
}
