//! Texts in the event log.
#![allow(unsafe_code)]

use crate::wide;
use std::io;
use std::ptr::{null, null_mut};
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE, RegisterEventSourceW,
    ReportEventW,
};

/// How much a text matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Error,
    Warning,
    Information,
}

/// Most UTF-16 units of a text; the system refuses longer ones (ReportEventW: 31 839 characters).
const LONGEST: usize = 31_000;
/// The number of all our events. Numbers 1 to 1000 of the usual message file are the text alone.
const EVENT: u32 = 1;

/// The event log under the name of a source.
#[derive(Debug)]
pub struct Source(HANDLE);

// SAFETY: the handle is a number of the system's, which may be used from any thread, also from several at once.
unsafe impl Send for Source {}
// SAFETY: as above.
unsafe impl Sync for Source {}

impl Source {
    /// Opens the log of this machine. A source that is not registered may write, too, but is shown with a note about that.
    pub fn open(name: &str) -> io::Result<Self> {
        let name = wide(name);
        // SAFETY: `name` ends with 0 and lives as long as the call; no server is this machine.
        let handle = unsafe { RegisterEventSourceW(null(), name.as_ptr()) };
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Source(handle)) }
    }

    /// Adds a text; of a very long one the begin.
    pub fn write(&self, kind: Kind, text: &str) -> io::Result<()> {
        let kind = match kind {
            Kind::Error => EVENTLOG_ERROR_TYPE,
            Kind::Warning => EVENTLOG_WARNING_TYPE,
            Kind::Information => EVENTLOG_INFORMATION_TYPE,
        };
        let mut text = wide(text);
        if text.len() > LONGEST {
            text.truncate(LONGEST);
            text.push(0);
        }
        let texts = [text.as_ptr()];
        // SAFETY: the handle is open as long as `self`; one text is announced and there, ends with 0 and lives as long as the
        // call; there are no user and no data.
        match unsafe { ReportEventW(self.0, kind, 0, EVENT, null_mut(), 1, 0, texts.as_ptr(), null()) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and is not used afterwards. That it cannot be closed changes nothing.
        let _closed = unsafe { DeregisterEventSource(self.0) };
    }
}
