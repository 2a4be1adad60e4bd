//! protobuf: a field becomes an element of its name; the definitions are read from `.proto` files.
//!
//! Source: the language and encoding guides of Protocol Buffers (protobuf.dev), proto2, proto3 and editions. A document is decoded by the
//! definitions into values by field, and then written down in the order of the definition, since on the wire fields may come in any order
//! and pieces.

mod decode;
mod definition;
mod files;
mod lex;
mod link;
mod parse;

#[cfg(test)]
mod tests;

use super::parser::Source;
use super::settings::{Section, Settings};
use agent_api::plugin::nearest;
use agent_api::{Body, Result, bail, ensure};
use agent_xpath::Document;
use definition::Schema;

/// The format `xpath_protobuf`.
pub(super) struct Protobuf {
    schema: Schema,
    message: usize,
    skip: usize,
}

impl Source for Protobuf {
    const NAME: &'static str = "xpath_protobuf";
    const ABOUT: &'static str = "Protocol Buffers, taken apart by XPath.";

    fn new(settings: &Settings) -> Result<Self> {
        let mut names = settings.xpath_protobuf_files.clone();
        let older = &settings.xpath_protobuf_file;
        if !older.is_empty() && !names.contains(older) {
            names.push(older.clone());
        }
        ensure!(!names.is_empty(), "xpath_protobuf_files: no file is given");
        ensure!(!settings.xpath_protobuf_type.is_empty(), "xpath_protobuf_type: no message is given");
        let files = files::load(&names, &settings.xpath_protobuf_import_paths)?;
        let schema = link::link(files)?;
        let name = settings.xpath_protobuf_type.trim_start_matches('.');
        let Some(message) = schema.find(name) else {
            let known = schema.messages.iter().map(|m| &*m.name);
            match nearest(name, known) {
                Some(near) => bail!("xpath_protobuf_type: no message {name:?} in the files, but {near:?}"),
                None => bail!("xpath_protobuf_type: no message {name:?} in the files"),
            }
        };
        Ok(Protobuf { schema, message, skip: settings.xpath_protobuf_skip_bytes })
    }

    fn own_sections(settings: &mut Settings) -> &mut Vec<Section> {
        &mut settings.xpath_protobuf
    }

    fn read(&self, body: &Body) -> Result<Document, String> {
        let bytes = body.bytes();
        let Some(message) = bytes.get(self.skip..) else {
            return Err(format!("read protobuf: {} bytes are less than the {} to skip", bytes.len(), self.skip));
        };
        decode::decode(&self.schema, self.message, message).map_err(|cause| format!("read protobuf: {cause}"))
    }
}
