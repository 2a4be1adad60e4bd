//! The devices that libpcap can capture from: interfaces, and on some systems other things that have packets.

#![allow(unsafe_code)]

use crate::library::{Library, Listed, Message, NAME, text};
use std::ptr;

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name: `eth0`, on Windows `\Device\NPF_{...}`.
    pub name: String,
    /// What it is, where the system says so: on Windows the name of the adapter.
    pub description: Option<String>,
    /// It is up.
    pub up: bool,
}

/// `PCAP_IF_UP`.
const UP: u32 = 2;
/// Devices at most; what the library says is as long as the system likes.
const MAX_DEVICES: usize = 4096;

/// All devices, sorted by name.
///
/// # Errors
/// libpcap is not there, or cannot list them. Without the right to capture some systems list none.
pub fn devices() -> Result<Vec<Device>, String> {
    let library = Library::load()?;
    let (mut first, mut message): (*const Listed, Message) = (ptr::null(), [0; 256]);
    // SAFETY: the list is ours to be filled, and the message has the length that the library expects.
    if unsafe { (library.findalldevs)(&mut first, message.as_mut_ptr()) } != 0 {
        // SAFETY: the library has written a C string to it.
        let why = unsafe { text(message.as_ptr()) };
        return Err(format!("list the devices: {}", why.unwrap_or_else(|| format!("{NAME} does not say why"))));
    }
    let (mut all, mut at) = (Vec::new(), first);
    while !at.is_null() && all.len() < MAX_DEVICES {
        // SAFETY: what is not null is a device of the list, with C strings or null, until `freealldevs`.
        let (listed, name, description) = unsafe { (&*at, text((*at).name), text((*at).description)) };
        if let Some(name) = name {
            all.push(Device { name, description, up: listed.flags & UP != 0 });
        }
        at = listed.next;
    }
    // SAFETY: the list came from `findalldevs` and is not used any more.
    unsafe { (library.freealldevs)(first) };
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_devices() {
        let all = match devices() {
            Ok(all) => all,
            Err(e) => return eprintln!("left out: {e}"),
        };
        // To whom may not capture the library lists nothing, or what needs no right.
        if all.is_empty() {
            return eprintln!("left out: no right to capture");
        }
        let known = crate::interfaces().expect("a list");
        let lo = known.iter().find(|i| i.name == "lo").expect("lo");
        let device = all.iter().find(|device| device.name == "lo").unwrap_or_else(|| panic!("{all:?}"));
        assert_eq!(device.up, lo.up);
    }
}
