//! libpcap of this host, or that of Npcap on Windows: found and loaded when it is needed.
//!
//! Linked, it would have to be there for the agent to start at all, for something that most configurations never ask for. Its interface is that
//! of libpcap 1.0 (2008), which only ever grew; what came later and is useful, but can be missed, is optional here.

#![allow(unsafe_code)]

use crate::filter::Instruction;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::OnceLock;

/// `struct bpf_program`: steps that the library has made, or that it is given.
#[repr(C)]
pub(crate) struct Program {
    pub(crate) length: c_uint,
    pub(crate) steps: *mut Instruction,
}

/// `struct pcap_if`: one of a list of devices.
#[repr(C)]
pub(crate) struct Listed {
    pub(crate) next: *const Listed,
    pub(crate) name: *const c_char,
    pub(crate) description: *const c_char,
    addresses: *const c_void,
    pub(crate) flags: c_uint,
}

/// `struct timeval`; on Windows its numbers have 32 bits.
#[cfg(windows)]
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Time {
    pub(crate) tv_sec: std::ffi::c_long,
    pub(crate) tv_usec: std::ffi::c_long,
}
#[cfg(not(windows))]
pub(crate) use libc::timeval as Time;

/// `struct pcap_pkthdr`. macOS appends a comment, which nobody reads here.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) time: Time,
    pub(crate) captured: u32,
    pub(crate) wire: u32,
}

/// `struct pcap_stat`, with room for what Windows appends.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) received: c_uint,
    pub(crate) dropped: c_uint,
    pub(crate) interface: c_uint,
    more: [c_uint; 5],
}

/// What the library is called on this system, for messages.
pub const NAME: &str = if cfg!(windows) { "Npcap" } else { "libpcap" };

/// `PCAP_ERRBUF_SIZE`.
pub(crate) type Message = [c_char; 256];

/// Declares the functions of the library: those that have to be there, and those that may be.
macro_rules! functions {
    {
        needed { $($(#[$when:meta])* $field:ident: $name:literal $kind:ty;)* }
        optional { $($extra:ident: $called:literal $like:ty;)* }
    } => {
        /// Functions of pcap.h, by their names there without `pcap_`.
        pub(crate) struct Library {
            $($(#[$when])* pub(crate) $field: $kind,)*
            $(pub(crate) $extra: Option<$like>,)*
        }

        impl Library {
            /// Takes the functions from where `symbol` finds them.
            fn bind(symbol: impl Fn(&CStr) -> Option<*const c_void>) -> Result<Self, String> {
                let needed = |name: &CStr| symbol(name).ok_or_else(|| format!("{NAME} is too old: it has no {}", name.to_string_lossy()));
                Ok(Library {
                    // SAFETY: the function of this name in pcap.h has these parameters and this result.
                    $($(#[$when])* $field: unsafe { std::mem::transmute::<*const c_void, $kind>(needed($name)?) },)*
                    // SAFETY: as above.
                    $($extra: symbol($called).map(|at| unsafe { std::mem::transmute::<*const c_void, $like>(at) }),)*
                })
            }
        }
    };
}

functions! {
    needed {
        open_dead: c"pcap_open_dead" unsafe extern "C" fn(c_int, c_int) -> *mut c_void;
        compile: c"pcap_compile" unsafe extern "C" fn(*mut c_void, *mut Program, *const c_char, c_int, c_uint) -> c_int;
        freecode: c"pcap_freecode" unsafe extern "C" fn(*mut Program);
        setfilter: c"pcap_setfilter" unsafe extern "C" fn(*mut c_void, *mut Program) -> c_int;
        geterr: c"pcap_geterr" unsafe extern "C" fn(*mut c_void) -> *mut c_char;
        statustostr: c"pcap_statustostr" unsafe extern "C" fn(c_int) -> *const c_char;
        findalldevs: c"pcap_findalldevs" unsafe extern "C" fn(*mut *const Listed, *mut c_char) -> c_int;
        freealldevs: c"pcap_freealldevs" unsafe extern "C" fn(*const Listed);
        create: c"pcap_create" unsafe extern "C" fn(*const c_char, *mut c_char) -> *mut c_void;
        set_snaplen: c"pcap_set_snaplen" unsafe extern "C" fn(*mut c_void, c_int) -> c_int;
        set_promisc: c"pcap_set_promisc" unsafe extern "C" fn(*mut c_void, c_int) -> c_int;
        set_timeout: c"pcap_set_timeout" unsafe extern "C" fn(*mut c_void, c_int) -> c_int;
        set_buffer_size: c"pcap_set_buffer_size" unsafe extern "C" fn(*mut c_void, c_int) -> c_int;
        activate: c"pcap_activate" unsafe extern "C" fn(*mut c_void) -> c_int;
        datalink: c"pcap_datalink" unsafe extern "C" fn(*mut c_void) -> c_int;
        setnonblock: c"pcap_setnonblock" unsafe extern "C" fn(*mut c_void, c_int, *mut c_char) -> c_int;
        next_ex: c"pcap_next_ex" unsafe extern "C" fn(*mut c_void, *mut *const Header, *mut *const u8) -> c_int;
        stats: c"pcap_stats" unsafe extern "C" fn(*mut c_void, *mut Counts) -> c_int;
        close: c"pcap_close" unsafe extern "C" fn(*mut c_void);
        #[cfg(unix)]
        get_selectable_fd: c"pcap_get_selectable_fd" unsafe extern "C" fn(*mut c_void) -> c_int;
    }
    optional {
        set_tstamp_precision: c"pcap_set_tstamp_precision" unsafe extern "C" fn(*mut c_void, c_int) -> c_int;
        get_tstamp_precision: c"pcap_get_tstamp_precision" unsafe extern "C" fn(*mut c_void) -> c_int;
        init: c"pcap_init" unsafe extern "C" fn(c_uint, *mut c_char) -> c_int;
    }
}

impl Library {
    /// The library of this host. What was found once stays loaded; what was not is looked for anew.
    pub(crate) fn load() -> Result<&'static Self, String> {
        static LOADED: OnceLock<Library> = OnceLock::new();
        if let Some(loaded) = LOADED.get() {
            return Ok(loaded);
        }
        let library = Self::bind(system::load()?)?;
        if let Some(init) = library.init {
            // Texts are in UTF-8, also on Windows, where they otherwise depend on the language of the system.
            let (utf8, mut message): (c_uint, Message) = (1, [0; 256]);
            // SAFETY: the message has the length that the library expects. What it answers does not matter: without it texts are as they were.
            let _answer = unsafe { init(utf8, message.as_mut_ptr()) };
        }
        Ok(LOADED.get_or_init(|| library))
    }
}

/// A text of the library; none if it is null or empty.
///
/// # Safety
/// `text` is null or a C string that lives as long as the call.
pub(crate) unsafe fn text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned()).filter(|text| !text.is_empty())
}

/// `DLT_RAW`: the one kind of link among those that the agent knows whose number in the library (`DLT_`) depends on the system, and is not the one
/// in files (`LINKTYPE_`).
const RAW: c_int = if cfg!(target_os = "openbsd") { 14 } else { 12 };

/// The number of the library for one of files.
pub(crate) fn to_library(link: u16) -> c_int {
    if link == 101 { RAW } else { c_int::from(link) }
}

/// The number of files for one of the library.
pub(crate) fn from_library(link: c_int) -> u16 {
    // Numbers have 16 bits in files, too; what has more is nothing that is known.
    if link == RAW { 101 } else { u16::try_from(link).unwrap_or(u16::MAX) }
}

#[cfg(unix)]
mod system {
    use std::ffi::{CStr, c_void};

    const NAMES: &[&CStr] = if cfg!(target_vendor = "apple") {
        &[c"/usr/lib/libpcap.A.dylib", c"libpcap.dylib"]
    } else {
        &[c"libpcap.so.0.8", c"libpcap.so.1", c"libpcap.so.8", c"libpcap.so"]
    };

    pub(super) fn load() -> Result<impl Fn(&CStr) -> Option<*const c_void>, String> {
        if cfg!(all(target_env = "musl", target_feature = "crt-static")) {
            return Err("libpcap cannot be loaded by this agent, which is static".to_owned());
        }
        let library = NAMES
            .iter()
            // SAFETY: the names are C strings. Loading runs the library's initialisers, and libpcap has none that matter.
            .map(|name| unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) })
            .find(|library| !library.is_null())
            .ok_or("libpcap is not installed (Debian: libpcap0.8)")?;
        Ok(move |name: &CStr| {
            // SAFETY: the library was loaded above and is never unloaded.
            let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
            (!symbol.is_null()).then_some(symbol.cast_const())
        })
    }
}

#[cfg(windows)]
mod system {
    use std::ffi::{CStr, c_void};
    use windows_sys::Win32::System::LibraryLoader::{
        GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LOAD_WITH_ALTERED_SEARCH_PATH, LoadLibraryExW,
    };
    use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;

    pub(super) fn load() -> Result<impl Fn(&CStr) -> Option<*const c_void>, String> {
        let wide = |text: &str| text.encode_utf16().chain([0]).collect::<Vec<u16>>();
        let npcap = wide(&format!("{}\\Npcap\\wpcap.dll", folder().ok_or("Windows does not tell its folder")?));
        // In its own folder, with what else it needs from there; or in that of the system, where Npcap puts it for programs made for WinPcap. Nowhere else:
        // a library that lies beside the agent is not to be taken for it.
        let places = [(npcap, LOAD_WITH_ALTERED_SEARCH_PATH), (wide("wpcap.dll"), LOAD_LIBRARY_SEARCH_SYSTEM32)];
        let library = places
            .iter()
            // SAFETY: the names end with a zero; the parameter between is reserved. The library's initialisers have nothing that matters.
            .map(|(name, how)| unsafe { LoadLibraryExW(name.as_ptr(), std::ptr::null_mut(), *how) })
            .find(|library| !library.is_null())
            .ok_or("Npcap is not installed (https://npcap.com)")?;
        Ok(move |name: &CStr| {
            // SAFETY: the library was loaded above and is never unloaded, and the name is a C string.
            let symbol = unsafe { GetProcAddress(library, name.as_ptr().cast()) };
            symbol.map(|symbol| symbol as *const c_void)
        })
    }

    /// `C:\Windows\System32`, by the system and not by a variable that anyone may set.
    fn folder() -> Option<String> {
        let mut path = [0u16; 260];
        // SAFETY: the buffer has the length that is told.
        let length = unsafe { GetSystemDirectoryW(path.as_mut_ptr(), path.len() as u32) };
        path.get(..length as usize).filter(|path| !path.is_empty()).map(String::from_utf16_lossy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_files_and_in_the_library() {
        assert_eq!((to_library(101), from_library(RAW)), (RAW, 101));
        for link in [0, 1, 9, 105, 108, 113, 127, 228, 229, 276] {
            assert_eq!(from_library(to_library(link)), link);
        }
        assert_eq!(from_library(-1), u16::MAX);
    }

    #[test]
    fn a_library_without_a_function() {
        let nothing = Library::bind(|_| None).err().expect("nothing is there");
        assert_eq!(nothing, format!("{NAME} is too old: it has no pcap_open_dead"));
    }
}
