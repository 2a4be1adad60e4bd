//! What the kernel is asked by the number of a question. Its answers are numbers and texts in the memory of who asks.
#![allow(unsafe_code)]

use std::io;
use windows_sys::Wdk::System::SystemInformation::{NtQuerySystemInformation, SYSTEM_INFORMATION_CLASS};
use windows_sys::Win32::Foundation::{RtlNtStatusToDosError, STATUS_INFO_LENGTH_MISMATCH};

/// No answer is longer, in bytes.
pub(crate) const LIMIT: usize = 16 << 20;

/// Asks the kernel, with more room until it suffices. The answer is taken as numbers of 8 bytes, to which all of it is aligned.
pub(crate) fn query(class: SYSTEM_INFORMATION_CLASS) -> io::Result<Vec<u64>> {
    let mut room = vec![0u64; 1024];
    loop {
        let (size, mut len) = (room.len() * 8, 0u32);
        // SAFETY: the kernel writes at most `size` bytes, which `room` has, and `len`; both live as long as the call.
        let status = unsafe { NtQuerySystemInformation(class, room.as_mut_ptr().cast(), size as u32, &mut len) };
        match status {
            0.. => {
                // In place: texts in the answer are told by their address.
                room.truncate((len as usize).div_ceil(8));
                return Ok(room);
            }
            STATUS_INFO_LENGTH_MISMATCH if size < LIMIT => room.resize(room.len() * 4, 0),
            status => return Err(error(status)),
        }
    }
}

/// A status of the kernel as an error.
pub(crate) fn error(status: i32) -> io::Error {
    // SAFETY: it takes any number.
    let code = unsafe { RtlNtStatusToDosError(status) };
    io::Error::from_raw_os_error(code as i32)
}
