//! Why a message cannot be read, in the words that users of syslog receivers look for.

use crate::Message;
use std::fmt;

/// A message that cannot be read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken<'a> {
    /// What stood before the fault, if that is at least a priority (and a version, where there is one).
    pub read: Option<Box<Message<'a>>>,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was expected in its place.
    pub expected: &'static str,
    /// Bytes before the place.
    pub column: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [col {}]", self.expected, self.column)
    }
}
impl std::error::Error for Fault {}

pub(crate) const PRIORITY: &str = "expecting a priority value within angle brackets";
pub(crate) const PRIORITY_VALUE: &str = "expecting a priority value in the range 1-191 or equal to 0";
pub(crate) const VERSION: &str = "expecting a version value in the range 1-999";
pub(crate) const TIMESTAMP: &str = "expecting a RFC3339MICRO timestamp or a nil value";
pub(crate) const STAMP: &str = "expecting a Stamp timestamp";
pub(crate) const HOSTNAME: &str = "expecting an hostname (from 1 to max 255 US-ASCII characters) or a nil value";
pub(crate) const APPNAME: &str = "expecting an app-name (from 1 to max 48 US-ASCII characters) or a nil value";
pub(crate) const PROCID: &str = "expecting a procid (from 1 to max 128 US-ASCII characters) or a nil value";
pub(crate) const MSGID: &str = "expecting a msgid (from 1 to max 32 US-ASCII characters) or a nil value";
pub(crate) const DATA: &str = "expecting structured data (`[id name=\"value\" ...]` once or more) or a nil value";
pub(crate) const DATA_ID: &str =
    "expecting a structured data element id (from 1 to max 32 US-ASCII characters; except `=`, ` `, `]`, and `\"`)";
pub(crate) const DATA_TWICE: &str = "duplicate structured data element id";
pub(crate) const PARAM: &str = "expecting a structured data parameter (`name=\"value\"`)";
pub(crate) const CONTENT: &str = "expecting a content part composed by visible characters only";
/// The message ended where more was needed, or something else stands there than what separates its parts.
pub(crate) const PARSING: &str = "parsing error";
