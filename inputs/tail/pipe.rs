//! Reads a named pipe for as long as the agent runs: it is held open, so that writers may come and go.

use super::Shared;
use super::reader::Reader;
use agent_api::{Sender, Stop};
use std::path::PathBuf;
use std::sync::Arc;

/// Reads until the agent stops.
#[cfg(unix)]
pub(super) async fn follow(shared: Arc<Shared>, path: PathBuf, out: Sender, stop: Stop) {
    use tokio::io::AsyncReadExt;
    use tokio::net::unix::pipe::OpenOptions;

    let opened = OpenOptions::new().read_write(true).open_receiver(&path).map_err(agent_api::Error::from);
    let opened = opened.and_then(|pipe| Ok((pipe, Reader::new(&shared, &path, None)?)));
    // There is no end to catch up with.
    shared.catch_up();
    let (mut pipe, mut reader) = match opened {
        Ok(opened) => opened,
        Err(e) => return out.error(e.context(format!("open pipe {}", path.display()))),
    };
    let mut buffer = vec![0; 64 << 10];
    loop {
        let patience = reader.patience();
        let timed_out = async {
            match patience {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let read = tokio::select! {
            () = stop.stopped() => break,
            () = timed_out => {
                reader.flush(&out).await;
                continue;
            }
            read = pipe.read(&mut buffer) => read,
        };
        match read {
            Ok(n) => reader.push(&buffer[..n]),
            Err(e) => {
                out.error(agent_api::anyhow!("read pipe {}: {e}", path.display()));
                break;
            }
        }
        if !reader.take(&out, &stop).await {
            break;
        }
    }
    reader.flush(&out).await;
}

/// There are no named pipes in the file system of other systems.
#[cfg(not(unix))]
pub(super) async fn follow(shared: Arc<Shared>, path: PathBuf, out: Sender, _: Stop) {
    let _none = Reader::new(&shared, &path, None);
    shared.catch_up();
    out.error(agent_api::anyhow!("open pipe {}: this system has no pipes in folders", path.display()));
}
