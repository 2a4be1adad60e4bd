//! Filter expressions to programs, by the libpcap of the host.
//!
//! The library is loaded when an expression has to be compiled, so the agent neither needs it to be built nor to start. Its interface is
//! that of libpcap 0.8 and later, which has not changed since 2003 where it is used here.

#![allow(unsafe_code)]

use crate::filter::{Filter, Instruction};
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;

#[cfg(target_os = "macos")]
const NAMES: [&CStr; 1] = [c"libpcap.dylib"];
#[cfg(not(target_os = "macos"))]
const NAMES: [&CStr; 3] = [c"libpcap.so.0.8", c"libpcap.so.1", c"libpcap.so"];

/// `PCAP_NETMASK_UNKNOWN`: only needed for the broadcast addresses of IPv4.
const NO_NETMASK: c_uint = u32::MAX;

/// `struct bpf_insn`.
#[repr(C)]
struct Step {
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
}

/// `struct bpf_program`.
#[repr(C)]
struct Program {
    length: c_uint,
    steps: *mut Step,
}

type OpenDead = unsafe extern "C" fn(c_int, c_int) -> *mut c_void;
type Compile = unsafe extern "C" fn(*mut c_void, *mut Program, *const c_char, c_int, c_uint) -> c_int;
type Error = unsafe extern "C" fn(*mut c_void) -> *mut c_char;
type FreeCode = unsafe extern "C" fn(*mut Program);
type Close = unsafe extern "C" fn(*mut c_void);

/// The functions that are used.
struct Library {
    open_dead: OpenDead,
    compile: Compile,
    error: Error,
    free_code: FreeCode,
    close: Close,
}

impl Library {
    fn load() -> Result<Self, String> {
        let missing = "libpcap is not installed (Debian: libpcap0.8), which compiles filters; or give the program that tcpdump -ddd prints";
        let library = NAMES
            .iter()
            // SAFETY: the names are C strings. Loading runs the library's initialisers, and libpcap has none that matter.
            .map(|name| unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) })
            .find(|library| !library.is_null())
            .ok_or(missing)?;
        let symbol = |name: &CStr| {
            // SAFETY: `library` was loaded above and is never unloaded.
            let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
            if symbol.is_null() { Err(format!("libpcap has no {}", name.to_string_lossy())) } else { Ok(symbol) }
        };
        // SAFETY: these are the functions of those names in pcap.h; their parameters and results are as declared above.
        unsafe {
            Ok(Self {
                open_dead: std::mem::transmute::<*mut c_void, OpenDead>(symbol(c"pcap_open_dead")?),
                compile: std::mem::transmute::<*mut c_void, Compile>(symbol(c"pcap_compile")?),
                error: std::mem::transmute::<*mut c_void, Error>(symbol(c"pcap_geterr")?),
                free_code: std::mem::transmute::<*mut c_void, FreeCode>(symbol(c"pcap_freecode")?),
                close: std::mem::transmute::<*mut c_void, Close>(symbol(c"pcap_close")?),
            })
        }
    }
}

/// The program of an expression such as `tcp port 443`, for a kind of link (a `LINKTYPE_` number).
///
/// # Errors
/// libpcap is not there, or does not understand the expression.
pub fn compile(expression: &str, link: u16, snaplen: u32) -> Result<Filter, String> {
    let text = CString::new(expression).map_err(|_| "the filter contains a zero byte".to_owned())?;
    let library = Library::load()?;
    let snaplen = c_int::try_from(snaplen).unwrap_or(c_int::MAX);
    // SAFETY: both are numbers; the result is null or a handle that lives until `close`.
    let handle = unsafe { (library.open_dead)(c_int::from(link), snaplen) };
    if handle.is_null() {
        return Err("libpcap gives no handle".to_owned());
    }
    let mut program = Program { length: 0, steps: ptr::null_mut() };
    // SAFETY: the handle lives, `program` is ours to be filled, and the text is a C string that lives as long as the call.
    let done = unsafe { (library.compile)(handle, &mut program, text.as_ptr(), 1, NO_NETMASK) };
    let result = if done == 0 {
        // SAFETY: after success `steps` points to `length` steps, until `free_code`.
        let steps = unsafe { std::slice::from_raw_parts(program.steps, program.length as usize) };
        let steps = steps.iter().map(|s| Instruction { code: s.code, jt: s.jt, jf: s.jf, k: s.k }).collect();
        // SAFETY: it was filled by `compile` and is not used any more.
        unsafe { (library.free_code)(&mut program) };
        Filter::new(steps)
    } else {
        // SAFETY: the text belongs to the handle, which still lives.
        let why = unsafe { CStr::from_ptr((library.error)(handle)) };
        Err(why.to_string_lossy().into_owned())
    };
    // SAFETY: the handle is not used any more.
    unsafe { (library.close)(handle) };
    result
}
