//! The parser: reads a document and runs the sections over it.

use super::print::print;
use super::reading::Reading;
use super::section::Prepared;
use super::settings::{Section, Settings};
use crate::scalar::default_name;
use agent_api::log::Level;
use agent_api::*;
use agent_xpath::{Document, Work};

/// A format that can be read as a document.
pub(super) trait Source: Sized + Send + 'static {
    /// The name of the format.
    const NAME: &'static str;
    /// What it is, in one sentence.
    const ABOUT: &'static str;
    /// Whether its values have types.
    const TYPED: bool = true;

    /// Checks its options.
    fn new(settings: &Settings) -> Result<Self>;
    /// The sections under the older name.
    fn own_sections(settings: &mut Settings) -> &mut Vec<Section>;
    /// Reads a document.
    fn read(&self, body: &Body) -> Result<Document, String>;
}

/// The parser of a format by XPath.
pub(super) struct Xpath<S> {
    name: String,
    source: S,
    sections: Vec<Prepared>,
    native: bool,
    print: bool,
    allow_empty: bool,
    trace: bool,
    log: Log,
}

/// The queries to one document may visit so many nodes, which takes a second or two.
const VISITS: u64 = 200_000_000;

impl<S: Source> Plugin for Xpath<S> {
    const NAME: &'static str = S::NAME;
    const ABOUT: &'static str = S::ABOUT;
    type Settings = Settings;

    fn new(mut settings: Settings, env: &Env) -> Result<Self> {
        let source = S::new(&settings)?;
        let older = std::mem::take(S::own_sections(&mut settings));
        settings.xpath.extend(older);
        let sections = settings.xpath.iter().map(Prepared::new).collect::<Result<_>>()?;
        Ok(Xpath {
            name: default_name(env),
            source,
            sections,
            native: settings.xpath_native_types && S::TYPED,
            print: settings.xpath_print_document,
            allow_empty: settings.xpath_allow_empty_selection,
            trace: settings.xpath_trace || env.log.enabled(Level::Trace),
            log: env.log.clone(),
        })
    }
}

impl<S: Source> Parser for Xpath<S> {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let document = self.source.read(body).map_err(ParseError::whole)?;
        if self.print && self.log.enabled(Level::Debug) {
            self.log.debug(format_args!("the document as XML: {}", print(&document)));
        }
        let work = Work::new(VISITS);
        let mut errors = ParseError::default();
        for section in &self.sections {
            let mut reading = Reading::new(&document, &work, self.native);
            let nodes = reading.select(&section.selection).map_err(ParseError::whole)?;
            if nodes.is_empty() {
                self.trace(&mut reading, section);
                if !self.allow_empty {
                    // Nothing of the sections after it is read, as in Telegraf.
                    errors.add(0, "", format_args!("metric_selection {:?} selects nothing", section.selection.text()));
                    return Err(errors);
                }
            }
            for node in nodes {
                if let Err(cause) = section.metric(&mut reading, node, &self.name, out) {
                    errors.add(0, "", cause);
                }
                out.checkpoint();
            }
        }
        errors.or_ok()
    }
}

impl<S: Source> Xpath<S> {
    /// Says how far a selection that leads to nothing gets.
    fn trace(&self, reading: &mut Reading<'_>, section: &Prepared) {
        if !self.trace {
            return;
        }
        let mut query = section.selection.text();
        while let Some((before, _)) = query.rsplit_once('/') {
            query = before.trim_end_matches('/');
            let Some(count) = reading.count(query) else { continue };
            self.log.debug(format_args!("metric_selection: {query:?} selects {count} nodes"));
            if count > 0 {
                break;
            }
        }
    }
}
