//! XPath over documents of five formats: `xml`, `xpath_json`, `xpath_msgpack`, `xpath_cbor`, `xpath_protobuf`.
//!
//! Every format is read into the one kind of document that the engine (crate `agent-xpath`) knows; what differs is how its values look
//! as text, which follows Telegraf's libraries, since queries compare and print those texts. A section of the settings then makes a
//! metric of every node that it selects.

#[cfg(feature = "xpath_cbor")]
mod cbor;
#[cfg(feature = "xpath_json")]
mod json;
#[cfg(any(feature = "xpath_json", feature = "xpath_msgpack"))]
mod json_document;
#[cfg(feature = "xpath_msgpack")]
mod msgpack;
mod parser;
mod print;
#[cfg(feature = "xpath_protobuf")]
mod protobuf;
mod reading;
mod section;
mod settings;
mod show;
#[cfg(feature = "xml")]
mod xml;

#[cfg(test)]
mod tests;

use parser::Xpath;

use agent_api::{Entry, register};

#[cfg(all(test, feature = "xpath_msgpack"))]
pub(crate) use msgpack::as_json as msgpack_as_json;

#[cfg(feature = "xml")]
register!(Entry::parser::<Xpath<xml::Xml>>());
#[cfg(feature = "xpath_json")]
register!(Entry::parser::<Xpath<json::Json>>());
#[cfg(feature = "xpath_msgpack")]
register!(Entry::parser::<Xpath<msgpack::MsgPack>>());
#[cfg(feature = "xpath_cbor")]
register!(Entry::parser::<Xpath<cbor::Cbor>>());
#[cfg(feature = "xpath_protobuf")]
register!(Entry::parser::<Xpath<protobuf::Protobuf>>());
