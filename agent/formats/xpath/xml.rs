//! XML.
//!
//! Tokens come from quick-xml; entities beyond the five of XML are errors, so nothing can be made to grow, and nothing outside of the
//! document is ever read. As in Telegraf, blanks between elements are texts that only count as first children and in the text of an
//! element, the document itself has no text, and declarations of namespaces are attributes as well.

use super::parser::Source;
use super::settings::{Section, Settings};
use agent_api::{Body, Result};
use agent_xpath::{Builder, Data, Document, Kind, TooLarge};
use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;

/// The format `xml`.
pub(super) struct Xml;

impl Source for Xml {
    const NAME: &'static str = "xml";
    const ABOUT: &'static str = "XML, taken apart by XPath.";
    const TYPED: bool = false;

    fn new(_: &Settings) -> Result<Self> {
        Ok(Xml)
    }

    fn own_sections(settings: &mut Settings) -> &mut Vec<Section> {
        &mut settings.xml
    }

    fn read(&self, body: &Body) -> Result<Document, String> {
        let text = decode(body)?;
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = Reader::from_str(text);
        Xml::document(&mut reader, text).map_err(|cause| {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(text.len()).min(text.len());
            let line = 1 + text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count();
            format!("read XML: line {line}: {cause}")
        })
    }
}

impl Xml {
    fn document(reader: &mut Reader<&[u8]>, text: &str) -> Result<Document, String> {
        let mut nodes = Nodes::new(text.len());
        loop {
            match reader.read_event().map_err(|e| e.to_string())? {
                Event::Start(tag) => nodes.open(&tag)?,
                Event::Empty(tag) => {
                    nodes.open(&tag)?;
                    nodes.close();
                }
                Event::End(_) => {
                    nodes.flush()?;
                    nodes.close();
                }
                Event::Text(part) => nodes.push(&lines(part.into_inner())),
                Event::GeneralRef(name) => match name.resolve_char_ref().map_err(|e| e.to_string())? {
                    Some(c) => nodes.push(c.encode_utf8(&mut [0; 4])),
                    None => {
                        let name = name.into_inner();
                        let text = resolve_predefined_entity(&name);
                        nodes.push(text.ok_or_else(|| format!("unknown entity {:.60?}", &*name))?);
                    }
                },
                Event::CData(part) => {
                    nodes.flush()?;
                    nodes.push(&lines(part.into_inner()));
                    nodes.add(false)?;
                }
                Event::Comment(text) => {
                    nodes.flush()?;
                    nodes.builder.leaf(Kind::Comment, &text.into_inner()).map_err(too_large)?;
                }
                Event::Decl(_) | Event::PI(_) | Event::DocType(_) => nodes.flush()?,
                Event::Eof => break,
            }
        }
        if nodes.builder.depth() > 0 {
            return Err("an element is not closed".to_owned());
        }
        Ok(nodes.builder.finish(Data::None))
    }
}

/// The document being made.
struct Nodes {
    builder: Builder,
    /// The text since the last tag.
    text: String,
    /// Prefix, URI and the depth of the element that declares it.
    spaces: Vec<(String, String, usize)>,
}

/// So many declarations of namespaces may hold at one place.
const SPACES: usize = 1000;

impl Nodes {
    fn new(bytes: usize) -> Self {
        let mut builder = Builder::new(|document, node| match document.kind(node) {
            Kind::Root => Cow::Borrowed(""),
            _ => document.inner_text(node),
        });
        builder.reserve(bytes);
        Nodes { builder, text: String::new(), spaces: Vec::new() }
    }

    fn push(&mut self, text: &str) {
        // Texts beside the outermost element are blanks.
        if self.builder.depth() > 0 {
            self.text.push_str(text);
        }
    }

    fn flush(&mut self) -> Result<(), String> {
        self.add(true)
    }

    /// Adds the text since the last tag; if it `may` be, it is blank where there is nothing but white space in it.
    fn add(&mut self, may: bool) -> Result<(), String> {
        if !self.text.is_empty() {
            let node = self.builder.leaf(Kind::Text, &self.text).map_err(too_large)?;
            if may && self.text.trim().is_empty() {
                self.builder.set_blank(node);
            }
            self.text.clear();
        }
        Ok(())
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        self.flush()?;
        let (prefix, local) = split(tag.name().0);
        let element = self.builder.open(local).map_err(too_large)?;
        let depth = self.builder.depth();
        if !tag.attributes_raw().trim_ascii().is_empty() {
            for attribute in tag.attributes().with_checks(false) {
                let attribute = attribute.map_err(|e| e.to_string())?;
                let value = unescape(&attribute.value).map_err(|e| e.to_string())?;
                let name = attribute.key.0;
                if let Some(declared) = name.strip_prefix("xmlns") {
                    if declared.is_empty() || declared.starts_with(':') {
                        self.spaces.push((
                            declared.trim_start_matches(':').to_owned(),
                            value.clone().into_owned(),
                            depth,
                        ));
                    }
                    if self.spaces.len() > SPACES {
                        return Err(format!("more than {SPACES} declarations of namespaces"));
                    }
                }
                let (prefix, local) = split(name);
                let attribute = self.builder.attribute(local, &lines(value)).map_err(too_large)?;
                if !prefix.is_empty() {
                    let uri = uri(&self.spaces, prefix);
                    self.builder.set_space(attribute, prefix, uri).map_err(too_large)?;
                }
            }
        }
        let uri = uri(&self.spaces, prefix);
        if !(prefix.is_empty() && uri.is_empty()) {
            self.builder.set_space(element, prefix, uri).map_err(too_large)?;
        }
        Ok(())
    }

    fn close(&mut self) {
        let depth = self.builder.depth();
        while self.spaces.last().is_some_and(|(_, _, own)| *own >= depth) {
            self.spaces.pop();
        }
        self.builder.close();
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

/// The URI that a prefix stands for.
fn uri<'s>(spaces: &'s [(String, String, usize)], prefix: &str) -> &'s str {
    spaces.iter().rev().find(|(own, _, _)| own == prefix).map_or("", |(_, uri, _)| uri)
}

/// Line ends as XML has them: a line feed, whatever they were.
fn lines(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { text }
}

fn too_large(error: TooLarge) -> String {
    error.to_string()
}

/// The document as text: as the mark at its beginning says, else as its declaration says, else UTF-8.
fn decode(body: &Body) -> Result<Cow<'_, str>, String> {
    let bytes = body.bytes();
    if encoding_rs::Encoding::for_bom(bytes).is_some_and(|(encoding, _)| encoding != encoding_rs::UTF_8) {
        return Ok(encoding_rs::UTF_8.decode(bytes).0);
    }
    let Some(label) = declared(bytes) else { return Ok(body.text()) };
    let encoding = encoding_rs::Encoding::for_label(label)
        .ok_or_else(|| format!("read XML: unknown encoding {:.60?}", String::from_utf8_lossy(label)))?;
    if encoding == encoding_rs::UTF_8
        || std::str::from_utf8(label).is_ok_and(|l| l.starts_with("utf-16") || l.starts_with("UTF-16"))
    {
        // A declaration that can be read byte by byte is not of two bytes a character, whatever it says.
        return Ok(body.text());
    }
    Ok(encoding.decode_without_bom_handling(bytes).0)
}

/// The name of the encoding in the declaration.
fn declared(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).strip_prefix(b"<?xml")?;
    let declaration = &rest[..rest.len().min(200)];
    let declaration = &declaration[..declaration.windows(2).position(|w| w == b"?>")?];
    let at = declaration.windows(8).position(|w| w == b"encoding")?;
    let value = declaration[at + 8..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    let end = value.iter().position(|b| b == quote)?;
    Some(&value[..end])
}
