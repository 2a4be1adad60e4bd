//! What the outputs for Elasticsearch and OpenSearch share: documents, the cluster's nodes, the bulk interface and index templates.
//!
//! What a bulk answer says of each document is acted on: written ones are done, refused ones are rejected, the rest is kept. A batch
//! is never sent again as a whole for the sake of one document.

mod cluster;
mod document;
mod settings;
mod template;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use cluster::{Call, Cluster};
pub(crate) use document::Floats;
pub(crate) use settings::Common;
pub(crate) use template::{Generation, pattern, put_template, template};
pub(crate) use write::Bulk;
