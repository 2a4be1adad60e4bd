//! Datagrams: each is a message.

use super::metric::{Messages, Reading};
use crate::sockets::Gate;
use agent_api::*;
use agent_net::server::{Coding, Packets};
use std::sync::Arc;

/// Serves until the stop.
pub(super) async fn serve(
    packets: Packets,
    gate: Arc<Gate>,
    reading: Arc<Reading>,
    out: Sender,
    mut stop: Stop,
) -> Result<()> {
    let (waker, ends) = (packets.waker(), stop.clone());
    let mut running = tokio::task::spawn_blocking(move || receive(packets, &gate, &reading, &out, &ends));
    loop {
        tokio::select! {
            biased;
            ended = &mut running => return ended.context("receive")?,
            // There is nothing to tell at an interval, which has to be said too.
            request = stop.next() => if request.is_none() { break },
        }
    }
    waker.wake();
    running.await.context("receive")?
}

fn receive(packets: Packets, gate: &Gate, reading: &Reading, out: &Sender, stop: &Stop) -> Result<()> {
    let mut receiver = packets.receiver();
    let mut messages = Messages::default();
    while !stop.is_stopped() {
        receiver.receive()?;
        for packet in receiver.iter().filter(|p| gate.allows(p.from)) {
            if gate.coding == Coding::Identity {
                messages.add(packet.bytes, packet.from, reading);
                continue;
            }
            match gate.coding.decode(packet.bytes, gate.max_unpacked) {
                Ok(plain) => messages.add(&plain, packet.from, reading),
                Err(cause) => messages.bad.add(0, "", cause),
            }
        }
        if !messages.batch.is_empty() {
            out.send_live_blocking(messages.batch.take());
        }
        let bad = std::mem::take(&mut messages.bad);
        if bad.bad > 0 {
            out.error(anyhow!("parse packets: {bad}"));
        }
    }
    Ok(())
}
