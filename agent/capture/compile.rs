//! Filter expressions to programs, by the libpcap of the host, for packets of files and of the kernel's ring.

#![allow(unsafe_code)]

use crate::filter::Filter;
use crate::library::{Library, NAME, Program, text, to_library};
use std::ffi::{CString, c_int, c_uint, c_void};
use std::ptr;

/// `PCAP_NETMASK_UNKNOWN`: only needed for the broadcast addresses of IPv4.
const NO_NETMASK: c_uint = u32::MAX;

/// The program of an expression such as `tcp port 443`, for a kind of link (a `LINKTYPE_` number).
///
/// # Errors
/// libpcap is not there, or does not understand the expression.
pub fn compile(expression: &str, link: u16, snaplen: u32) -> Result<Filter, String> {
    let library = Library::load()
        .map_err(|e| format!("{e}, which compiles filters; or give the program that tcpdump -ddd prints"))?;
    let snaplen = c_int::try_from(snaplen).unwrap_or(c_int::MAX);
    // SAFETY: both are numbers; the result is null or a handle that lives until `close`.
    let handle = unsafe { (library.open_dead)(to_library(link), snaplen) };
    if handle.is_null() {
        return Err(format!("{NAME} gives no handle"));
    }
    // SAFETY: the handle was just opened.
    let result = unsafe { compile_for(library, handle, expression) };
    // SAFETY: the handle is not used any more.
    unsafe { (library.close)(handle) };
    result
}

/// The program of an expression for what a handle is open for.
///
/// # Safety
/// The handle is one of this library, and activated if it is of a device.
pub(crate) unsafe fn compile_for(library: &Library, handle: *mut c_void, expression: &str) -> Result<Filter, String> {
    let expression = CString::new(expression).map_err(|_| "the filter contains a zero byte".to_owned())?;
    let mut program = Program { length: 0, steps: ptr::null_mut() };
    // SAFETY: the handle lives, `program` is ours to be filled, and the text is a C string that lives as long as the call.
    let done = unsafe { (library.compile)(handle, &mut program, expression.as_ptr(), 1, NO_NETMASK) };
    if done != 0 {
        // SAFETY: the text belongs to the handle, which still lives.
        let why = unsafe { text((library.geterr)(handle)) };
        return Err(why.unwrap_or_else(|| format!("{NAME} does not say why")));
    }
    // SAFETY: after success `steps` points to `length` steps, until `freecode`.
    let steps = unsafe { std::slice::from_raw_parts(program.steps, program.length as usize) }.to_vec();
    // SAFETY: it was filled by `compile` and is not used any more.
    unsafe { (library.freecode)(&mut program) };
    Filter::new(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UDP from port 9 to port 10, without the header of a link.
    const UDP: [u8; 28] = [0x45, 0, 0, 28, 0, 0, 0, 0, 9, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 10, 0, 8, 0, 0];

    #[test]
    fn expressions() {
        if let Err(e) = Library::load() {
            eprintln!("left out: {e}");
            return;
        }
        let frame = [&[2; 12][..], &[8, 0], &UDP].concat();
        // Ethernet, and links that are IP packets and no more, whose number in the library is another one.
        for (link, packet) in [(1, frame.as_slice()), (101, &UDP), (228, &UDP)] {
            let wants = |expression| compile(expression, link, 2048).expect(expression).wants(packet, 60);
            assert!(wants("udp port 10") && !wants("udp port 11") && !wants("tcp"), "{link}");
        }
        let mistake = compile("udp prot 10", 1, 2048).expect_err("a mistake");
        assert!(mistake.contains("syntax error"), "{mistake}");
        assert!(compile("udp\0", 1, 2048).is_err());
    }
}
