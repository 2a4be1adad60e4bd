//! What a service manager is told.

/// Tells systemd (`Type=notify`) that everything has been started; nothing happens without one.
/// Protocol: sd_notify(3), a datagram `READY=1` to the socket named by `NOTIFY_SOCKET`.
#[cfg(unix)]
pub fn ready() {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let sent = std::os::unix::net::UnixDatagram::unbound().and_then(|socket| send(&socket, &path));
    if let Err(e) = sent {
        agent_api::Log::new("agent", None, agent_api::stats::Counter::default())
            .warn(format_args!("cannot notify the service manager: {e}"));
    }
}

#[cfg(unix)]
fn send(socket: &std::os::unix::net::UnixDatagram, path: &std::ffi::OsStr) -> std::io::Result<usize> {
    #[cfg(target_os = "linux")]
    if let Some(name) = std::os::unix::ffi::OsStrExt::as_bytes(path).strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        return socket.send_to_addr(b"READY=1", &address);
    }
    socket.send_to(b"READY=1", path)
}

/// There is no such manager here.
#[cfg(not(unix))]
pub fn ready() {}
