//! Tells a stream what became of its messages.
//!
//! A message that was delivered is acknowledged. One that was lost on its way, refused or dropped is given back, and comes again after a
//! while that grows with each time. While messages are under way the stream is told so, as it would send them again after the `ack_wait` of
//! the consumer. If one comes twice nevertheless, because an answer got lost with a connection, it is known by its number in the stream.
//!
//! Answers outlive the reader: what is under way when it stops is answered as long as the agent runs.

use agent_api::metric::Outcome;
use agent_api::plugin;
use agent_net::nats::client::jetstream::AckKind;
use agent_net::nats::client::{Client, Subject};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::mpsc;

/// So many messages that were delivered are known again.
const KNOWN: usize = 16 << 10;
/// The longest time after which a message that was refused comes again: 1 s doubled so often.
const DOUBLINGS: u32 = 8;

/// The answers to the messages of one consumer.
#[derive(Clone)]
pub(super) struct Answers {
    known: Arc<Mutex<Known>>,
    /// As many at most as messages are under way or come again.
    tell: mpsc::UnboundedSender<(Subject, AckKind)>,
}

/// Messages by their numbers in the stream.
#[derive(Default)]
struct Known {
    /// With the subject on which the answer is awaited.
    under_way: HashMap<u64, Subject>,
    delivered: HashSet<u64>,
    /// The same, oldest first.
    order: VecDeque<u64>,
}

impl Answers {
    /// Begins to answer by `client`; the consumer waits for `ack_wait`.
    pub(super) fn new(client: Client, ack_wait: Duration) -> Self {
        let (tell, answers) = mpsc::unbounded_channel();
        let known = Arc::<Mutex<Known>>::default();
        let every = (ack_wait / 3).max(Duration::from_millis(100));
        plugin::outlive(answer(client, answers, Arc::downgrade(&known), every));
        Answers { known, tell }
    }

    /// Takes note of a message that came; `reply` is the subject on which its answer is awaited. False if it is known already: it
    /// need not be taken again.
    pub(super) fn came(&self, number: u64, reply: Subject) -> bool {
        let mut known = lock(&self.known);
        if known.delivered.contains(&number) {
            self.say(reply, AckKind::Ack);
            return false;
        }
        known.under_way.insert(number, reply).is_none()
    }

    /// What is to be told the outcome of a message that came for the `times`th time.
    pub(super) fn outcome(&self, number: u64, times: i64) -> impl FnOnce(Outcome) + Send + 'static {
        let answers = self.clone();
        move |outcome| {
            let pause = match outcome {
                Outcome::Delivered => return answers.conclude(number, AckKind::Ack),
                Outcome::Lost => Duration::from_secs(1),
                Outcome::Rejected => {
                    let doublings = u32::try_from(times.max(1) - 1).unwrap_or(u32::MAX).min(DOUBLINGS);
                    Duration::from_secs(1 << doublings)
                }
            };
            answers.conclude(number, AckKind::Nak(Some(pause)));
        }
    }

    /// Nobody can ever read this message.
    pub(super) fn unreadable(&self, number: u64) {
        self.conclude(number, AckKind::Term);
    }

    /// Gives a message back that was not taken.
    pub(super) fn give_back(&self, reply: Subject) {
        self.say(reply, AckKind::Nak(None));
    }

    fn conclude(&self, number: u64, kind: AckKind) {
        let mut known = lock(&self.known);
        let reply = known.under_way.remove(&number);
        if !matches!(kind, AckKind::Nak(_)) && known.delivered.insert(number) {
            known.order.push_back(number);
            if known.order.len() > KNOWN
                && let Some(oldest) = known.order.pop_front()
            {
                known.delivered.remove(&oldest);
            }
        }
        drop(known);
        if let Some(reply) = reply {
            self.say(reply, kind);
        }
    }

    fn say(&self, reply: Subject, kind: AckKind) {
        // Who sends them ends only with the agent.
        let _ended = self.tell.send((reply, kind));
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends answers until nobody has any more to give, and tells the stream what is under way.
async fn answer(
    client: Client,
    mut answers: mpsc::UnboundedReceiver<(Subject, AckKind)>,
    known: Weak<Mutex<Known>>,
    every: Duration,
) {
    let mut tick = tokio::time::interval(every);
    loop {
        let answer = tokio::select! {
            biased;
            answer = answers.recv() => answer,
            _ = tick.tick() => {
                let Some(known) = known.upgrade() else { return };
                let under_way: Vec<Subject> = lock(&known).under_way.values().cloned().collect();
                for reply in under_way {
                    // An answer that does not arrive lets the message come again, when it is known.
                    let _lost = client.publish(reply, AckKind::Progress.into()).await;
                }
                continue;
            }
        };
        let Some((reply, kind)) = answer else { break };
        let _lost = client.publish(reply, kind.into()).await;
    }
    // The client may go with this, and with it what it has not written yet.
    let _lost = client.flush().await;
}
