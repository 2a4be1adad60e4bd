//! JSON.

use super::json_document;
use super::parser::Source;
use super::settings::{Section, Settings};
use agent_api::{Body, Result};
use agent_xpath::Document;

/// The format `xpath_json`.
pub(super) struct Json;

impl Source for Json {
    const NAME: &'static str = "xpath_json";
    const ABOUT: &'static str = "JSON, taken apart by XPath.";

    fn new(_: &Settings) -> Result<Self> {
        Ok(Json)
    }

    fn own_sections(settings: &mut Settings) -> &mut Vec<Section> {
        &mut settings.xpath_json
    }

    fn read(&self, body: &Body) -> Result<Document, String> {
        json_document::read(&body.text())
    }
}
