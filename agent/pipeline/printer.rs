//! The output of `--test`: line protocol on standard output.

use super::buffer::Buffer;
use super::link::OutputHandle;
use super::output::{Ending, Writer};
use super::queue::Queue;
use crate::config::Queueing;
use agent_api::plugin::{DynOutput, Future};
use agent_api::stats::Counter;
use agent_api::{Chunk, Log, StartError, WriteError};
use tokio::sync::watch;

/// Prints every metric, `> ` before each line.
pub(super) fn printer(ending: watch::Receiver<Ending>) -> (OutputHandle, Writer) {
    let log = Log::new("agent", None, Counter::default());
    let output = Box::new(Printer { writer: agent_formats::influx::Writer::readable() });
    Writer::plain(output, Buffer::Memory(Queue::new(usize::MAX, 1000, Queueing::default())), "test", log, ending)
}

struct Printer {
    writer: agent_formats::influx::Writer,
}

impl DynOutput for Printer {
    fn open(&mut self) -> Future<'_, Result<(), StartError>> {
        Box::pin(async { Ok(()) })
    }

    fn write<'a>(&'a mut self, metrics: &'a Chunk) -> Future<'a, Result<(), WriteError>> {
        let mut out = Vec::new();
        for metric in metrics.iter() {
            let start = out.len();
            out.extend_from_slice(b"> ");
            let before = out.len();
            if agent_api::Serializer::serialize(&mut self.writer, metric, &mut out).is_err() || out.len() == before {
                out.truncate(start);
            }
        }
        Box::pin(async move { Ok(std::io::Write::write_all(&mut std::io::stdout().lock(), &out)?) })
    }

    fn flush(&mut self) -> Future<'_, Result<(), WriteError>> {
        Box::pin(async { Ok(()) })
    }
}
