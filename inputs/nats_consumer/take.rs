//! Makes metrics of a message and hands them on.

use crate::parsers::Parsers;
use agent_api::metric::Outcome;
use agent_api::{Log, Receipt, Sender, Settled, anyhow};
use agent_net::nats::client::Message;
use tokio::sync::OwnedSemaphorePermit;

/// What the readers of all subjects share.
pub(super) struct Taker {
    pub(super) parsers: Parsers,
    pub(super) out: Sender,
    pub(super) log: Log,
}

impl Taker {
    /// Hands the metrics of a message on with the tag `subject`; `done` is told when they have been delivered, and `permit` is given
    /// back then. False if the message cannot be read: nothing of it is handed on, and `done` is told nothing.
    pub(super) async fn take(
        &self,
        message: Message,
        permit: OwnedSemaphorePermit,
        done: impl FnOnce(Outcome) + Send + 'static,
    ) -> bool {
        let subject = message.subject.as_str();
        let mut parsed = match self.parsers.parse(message.payload.to_vec()).await {
            Ok(parsed) if parsed.bad.bad == 0 => parsed,
            Ok(parsed) => {
                self.out.error(anyhow!("read a message on {subject:?}: {}", parsed.bad));
                return false;
            }
            Err(e) => {
                self.out.error(e.context(format!("read a message on {subject:?}")));
                return false;
            }
        };
        if parsed.batches.is_empty() {
            self.log.debug(format_args!("a message on {subject:?} has no metrics in it"));
        }
        parsed.set_tag("subject", subject);
        let receipt = Receipt::new(move |outcome| {
            drop(permit);
            done(outcome);
        });
        for mut batch in parsed.batches {
            batch.set_receipt(receipt.clone());
            self.out.send(batch).await;
        }
        receipt.settle(Settled::Delivered);
        true
    }
}
