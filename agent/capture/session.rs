//! Packets of a device through libpcap, where there is no ring of our own.
//!
//! The library is never let wait for packets: whether its patience ends where none comes differs by system and version, and what wakes it
//! (`pcap_breakloop`) can be lost. On Unix its descriptor is waited for here; Windows has none, there it is looked every 10 ms.

#![allow(unsafe_code)]

use crate::compile::compile_for;
use crate::filter::Filter;
use crate::library::{Counts, Header, Library, Message, NAME, Program, from_library, text};
use crate::{Drops, Frame, Options};
use std::ffi::{CString, c_int, c_void};
use std::io;
use std::ptr;
use std::time::Duration;

/// Milliseconds after which what has come is handed over, however little it is.
const PATIENCE: c_int = 50;
/// So long nothing is looked at where there is no descriptor: short enough for a buffer of a few MB at 1 Gbit/s.
const NAP: Duration = Duration::from_millis(10);
/// Packets that are handed on before the caller is let look at other things.
const MANY: usize = 4096;
/// `PCAP_TSTAMP_PRECISION_NANO`.
const NANO: c_int = 1;

/// A device that is captured from.
#[derive(Debug)]
pub struct Session {
    handle: Handle,
    link: u16,
    /// Nanoseconds of one in the fraction of a time.
    unit: i64,
    /// What the library had counted when it was asked last.
    counted: Counts,
    warning: Option<String>,
}

impl Session {
    /// Opens a device, whose packets are kept from the call on.
    ///
    /// # Errors
    /// libpcap is not there (`Unsupported`), there is no such device (`NotFound`), the right is missing (`PermissionDenied`), or what it says.
    pub fn open(device: &str, options: Options) -> io::Result<Self> {
        let library = Library::load().map_err(|e| io::Error::new(io::ErrorKind::Unsupported, e))?;
        let (name, mut message): (CString, Message) = (CString::new(device)?, [0; 256]);
        // SAFETY: the name is a C string, and the message has the length that the library expects.
        let pcap = unsafe { (library.create)(name.as_ptr(), message.as_mut_ptr()) };
        if pcap.is_null() {
            // SAFETY: the library has written a C string to it.
            return Err(io::Error::other(unsafe { text(message.as_ptr()) }.unwrap_or_default()));
        }
        let handle = Handle { library, pcap };
        let number = |n: usize| c_int::try_from(n).unwrap_or(c_int::MAX);
        // SAFETY: the handle was just made and is not yet active; these fail only with one that is.
        unsafe {
            (library.set_snaplen)(pcap, number(options.snaplen as usize));
            (library.set_promisc)(pcap, c_int::from(options.promiscuous));
            (library.set_timeout)(pcap, PATIENCE);
            (library.set_buffer_size)(pcap, number(options.ring));
            if let Some(set) = library.set_tstamp_precision {
                // Where there are no nanoseconds it stays with microseconds.
                set(pcap, NANO);
            }
        }
        // SAFETY: the handle lives.
        let status = unsafe { (library.activate)(pcap) };
        if status < 0 {
            return Err(handle.failure(status));
        }
        // SAFETY: the handle is active now.
        let (link, precision) =
            unsafe { ((library.datalink)(pcap), library.get_tstamp_precision.map(|get| get(pcap))) };
        handle.never_wait()?;
        Ok(Session {
            warning: (status > 0).then(|| handle.said(status)),
            handle,
            link: from_library(link),
            unit: if precision == Some(NANO) { 1 } else { 1000 },
            counted: Counts::default(),
        })
    }

    /// The kind of its links: a `LINKTYPE_` number.
    #[must_use]
    pub fn link(&self) -> u16 {
        self.link
    }

    /// What could not be as it was wanted, such as promiscuous mode.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Takes only packets that an expression such as `tcp port 443` wants.
    ///
    /// # Errors
    /// libpcap does not understand the expression.
    pub fn want(&mut self, expression: &str) -> Result<(), String> {
        // SAFETY: the handle is active.
        let filter = unsafe { compile_for(self.handle.library, self.handle.pcap, expression) }?;
        self.filter(&filter)
    }

    /// Takes only packets that a program wants.
    ///
    /// # Errors
    /// libpcap refuses the program.
    pub fn filter(&mut self, filter: &Filter) -> Result<(), String> {
        let mut steps = filter.steps().to_vec();
        // A filter has at most 4096 steps.
        let mut program = Program { length: steps.len() as u32, steps: steps.as_mut_ptr() };
        // SAFETY: the handle lives, and the program as long as the call, of which the library keeps a copy.
        let status = unsafe { (self.handle.library.setfilter)(self.handle.pcap, &mut program) };
        if status < 0 { Err(self.handle.said(status)) } else { Ok(()) }
    }

    /// Calls `each` for packets in the order in which they came; false if there is none within the time, which may be cut
    /// short.
    ///
    /// # Errors
    /// The device is gone, or what the library says.
    pub fn each(&mut self, patience: Duration, mut each: impl FnMut(Frame<'_>)) -> io::Result<bool> {
        if self.take(&mut each)? {
            return Ok(true);
        }
        self.handle.wait(patience)?;
        self.take(&mut each)
    }

    /// Hands on what is there; false if there is nothing.
    fn take(&self, each: &mut impl FnMut(Frame<'_>)) -> io::Result<bool> {
        for taken in 0..MANY {
            let (mut header, mut bytes): (*const Header, *const u8) = (ptr::null(), ptr::null());
            // SAFETY: the handle lives, and both pointers are ours to be set.
            match unsafe { (self.handle.library.next_ex)(self.handle.pcap, &mut header, &mut bytes) } {
                1 => {
                    // SAFETY: after 1 both point to the packet, which lies there until the next call; `each` cannot keep it.
                    let (header, bytes) =
                        unsafe { (*header, std::slice::from_raw_parts(bytes, (*header).captured as usize)) };
                    each(self.frame(&header, bytes));
                }
                0 => return Ok(taken > 0),
                status => return Err(self.handle.failure(status)),
            }
        }
        Ok(true)
    }

    fn frame<'a>(&self, header: &Header, bytes: &'a [u8]) -> Frame<'a> {
        // On some systems the parts have 32 bits.
        #[allow(clippy::useless_conversion)]
        let (seconds, fraction) = (i64::from(header.time.tv_sec), i64::from(header.time.tv_usec));
        let time = seconds.saturating_mul(1_000_000_000).saturating_add(fraction.saturating_mul(self.unit));
        // The library puts tags back where they were, and leaves out what loopback shows twice.
        Frame { bytes, wire: header.wire, time, vlan: None, outgoing: false }
    }

    /// What was counted since the last call.
    ///
    /// # Errors
    /// The device is gone.
    pub fn drops(&mut self) -> io::Result<Drops> {
        let mut counts = Counts::default();
        // SAFETY: the handle lives, and the structure has room for what every system tells.
        let status = unsafe { (self.handle.library.stats)(self.handle.pcap, &mut counts) };
        if status < 0 {
            return Err(self.handle.failure(status));
        }
        let before = std::mem::replace(&mut self.counted, counts);
        Ok(Drops {
            packets: counts.received.wrapping_sub(before.received),
            dropped: counts.dropped.wrapping_sub(before.dropped),
            // On Linux it is not the library that knows it best.
            interface: if cfg!(target_os = "linux") { 0 } else { counts.interface.wrapping_sub(before.interface) },
        })
    }
}

/// A handle of the library, closed when it is dropped.
struct Handle {
    library: &'static Library,
    pcap: *mut c_void,
}

// SAFETY: no function of the library depends on the thread that calls it.
unsafe impl Send for Handle {}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Handle").field(&self.pcap).finish()
    }
}

impl Handle {
    /// What the library says of what it could not do, or not as it should.
    fn said(&self, status: c_int) -> String {
        // SAFETY: the handle lives, the texts are C strings; that of the handle is copied before anything else is called.
        let said =
            unsafe { text((self.library.geterr)(self.pcap)).or_else(|| text((self.library.statustostr)(status))) };
        said.unwrap_or_else(|| format!("{NAME} says {status}"))
    }

    fn failure(&self, status: c_int) -> io::Error {
        let kind = match status {
            // No such device.
            -5 => io::ErrorKind::NotFound,
            // Not permitted; not permitted to see what is for others.
            -8 | -11 => io::ErrorKind::PermissionDenied,
            // The interface is not up.
            -9 => io::ErrorKind::NetworkDown,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self.said(status))
    }

    fn never_wait(&self) -> io::Result<()> {
        let mut message: Message = [0; 256];
        // SAFETY: the handle lives, and the message has the length that the library expects.
        if unsafe { (self.library.setnonblock)(self.pcap, 1, message.as_mut_ptr()) } < 0 {
            // SAFETY: the library has written a C string to it.
            return Err(io::Error::other(unsafe { text(message.as_ptr()) }.unwrap_or_default()));
        }
        Ok(())
    }

    /// Waits until there may be something.
    #[cfg(unix)]
    fn wait(&self, patience: Duration) -> io::Result<()> {
        // SAFETY: the handle lives.
        let fd = unsafe { (self.library.get_selectable_fd)(self.pcap) };
        if fd < 0 {
            std::thread::sleep(patience.min(NAP));
            return Ok(());
        }
        let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let millis = c_int::try_from(patience.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: one structure, which lives as long as the call. What is wrong with the descriptor the library says when it is read from.
        if unsafe { libc::poll(&mut poll, 1, millis) } < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
        }
        Ok(())
    }

    /// Waits a little.
    #[cfg(windows)]
    fn wait(&self, patience: Duration) -> io::Result<()> {
        std::thread::sleep(patience.min(NAP));
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is not used any more.
        unsafe { (self.library.close)(self.pcap) };
    }
}
