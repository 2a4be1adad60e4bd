//! Datagrams: many are received at a time, laid into one body and parsed one after the other into one batch.

use super::Stats;
use crate::parsers::Parsers;
use crate::sockets::Gate;
use agent_api::plugin::BoxParser;
use agent_api::*;
use agent_net::server::{Coding, Drops, Packets};
use std::ops::Range;
use std::sync::Arc;

/// What comes in.
#[derive(Clone)]
pub(super) struct Intake {
    pub(super) gate: Arc<Gate>,
    pub(super) stats: Arc<Stats>,
}

/// Serves until the stop.
pub(super) async fn serve(
    packets: Packets,
    intake: Intake,
    parsers: Parsers,
    out: Sender,
    mut stop: Stop,
) -> Result<()> {
    let (waker, drops, ends) = (packets.waker(), packets.drops(), stop.clone());
    let (parser, shared) = (parsers.take()?, intake.clone());
    let mut running = tokio::task::spawn_blocking(move || receive(packets, &shared, parser, &out, &ends));
    let mut dropped = 0;
    loop {
        tokio::select! {
            biased;
            ended = &mut running => return ended.context("receive")?,
            request = stop.next() => {
                if let Some(now) = drops.as_ref().and_then(Drops::read) {
                    intake.stats.dropped.add(now - dropped);
                    dropped = now;
                }
                if request.is_none() {
                    break;
                }
            }
        }
    }
    waker.wake();
    running.await.context("receive")?
}

fn receive(packets: Packets, intake: &Intake, mut parser: BoxParser, out: &Sender, stop: &Stop) -> Result<()> {
    let mut receiver = packets.receiver();
    let mut collector = Collector::new();
    while !stop.is_stopped() {
        let count = receiver.receive()?;
        if count == 0 {
            continue;
        }
        let allowed = || receiver.iter().filter(|p| intake.gate.allows(p.from)).map(|p| p.bytes);
        let mut bad = ParseError::default();
        let (bytes, places) = lay_out(intake, allowed(), &mut bad);
        intake.stats.packets.add(count as i64);
        intake.stats.bytes.add(bytes.len() as i64);
        let body = Body::new(bytes);
        for place in places {
            if let Err(error) = parser.parse(&body.slice(place.start, place.end), &mut collector) {
                bad.append(error, 0);
            }
        }
        for error in collector.take_errors().0 {
            bad.add(0, "", format_args!("{error:#}"));
        }
        if !collector.batch().is_empty() {
            out.send_live_blocking(collector.take());
        }
        if bad.bad > 0 {
            out.error(anyhow!("parse packets: {bad}"));
        }
    }
    Ok(())
}

/// Packets after each other in one body, unpacked, and where each lies.
fn lay_out<'a>(
    intake: &Intake,
    packets: impl Iterator<Item = &'a [u8]>,
    bad: &mut ParseError,
) -> (Vec<u8>, Vec<Range<usize>>) {
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    for packet in packets.filter(|p| !p.is_empty()) {
        let from = bytes.len();
        if intake.gate.coding == Coding::Identity {
            bytes.extend_from_slice(packet);
        } else {
            match intake.gate.coding.decode(packet, intake.gate.max_unpacked) {
                Ok(plain) => bytes.extend_from_slice(&plain),
                Err(cause) => bad.add(0, "", cause),
            }
        }
        if bytes.len() > from {
            places.push(from..bytes.len());
        }
    }
    (bytes, places)
}
