//! Isolation: which metrics of a chunk are to blame where an output refuses all of it and does not say.

#![cfg_attr(test, allow(clippy::unwrap_used))]

use super::output::{Writer, release};
use agent_api::{Chunk, WriteError};

impl Writer {
    /// Writes the halves of a chunk that was refused as a whole, and of what is refused of them, until those stand alone that are
    /// to blame. False if something has to be tried again.
    pub(super) async fn isolate(&mut self, chunk: Chunk, refusal: WriteError) -> bool {
        // So many refusals in a row say that there is nothing in it that will be taken.
        let patience = 2 * (chunk.len().ilog2() + 4);
        let (mut last, mut in_a_row) = (refusal, 1);
        let mut parts = halves(&chunk);
        release(chunk);
        while let Some(part) = parts.pop() {
            if in_a_row > patience {
                let cause = agent_api::anyhow!("{last}");
                let indices = (0..part.len()).collect();
                if !self.conclude(part, Err(WriteError::Reject { indices, cause })).await {
                    parts.into_iter().for_each(|part| self.link.queue.put_back(part));
                    return false;
                }
                continue;
            }
            match self.send(&part).await {
                Err(e) if refuses_all(&e, part.len()) => {
                    parts.extend(halves(&part));
                    release(part);
                    (last, in_a_row) = (e, in_a_row + 1);
                }
                result => {
                    in_a_row = if result.is_ok() { 0 } else { in_a_row + 1 };
                    let goes_on = matches!(result, Ok(()) | Err(WriteError::Reject { .. }));
                    if !goes_on {
                        // The last first, so that the order stays.
                        parts.drain(..).for_each(|part| self.link.queue.put_back(part));
                    }
                    if !self.conclude(part, result).await {
                        parts.into_iter().for_each(|part| self.link.queue.put_back(part));
                        return false;
                    }
                }
            }
        }
        true
    }
}

/// True if an error refuses every metric of a chunk of several, so that it does not say which is to blame.
pub(super) fn refuses_all(error: &WriteError, len: usize) -> bool {
    len > 1 && matches!(error, WriteError::Reject { indices, .. } if indices.len() == len)
}

/// The halves of a chunk, the second first.
fn halves(chunk: &Chunk) -> Vec<Chunk> {
    let (len, half) = (chunk.len(), chunk.len() / 2);
    vec![chunk.part(half, len), chunk.part(0, half)]
}

#[cfg(test)]
mod tests {
    use super::super::buffer::Buffer;
    use super::super::dead_letters::{DeadLetters, Refused};
    use super::super::output::{Ending, Writer};
    use super::super::queue::Queue;
    use crate::config::{Keys, Queueing};
    use agent_api::metric::{Outcome, Receipt};
    use agent_api::plugin::{DynOutput, Future};
    use agent_api::stats::Counter;
    use agent_api::{Batch, Chunk, Log, StartError, Value, View, WriteError, anyhow};
    use std::sync::{Arc, Mutex};

    /// Refuses what has a bad metric in it, and fails at some requests.
    struct Server {
        bad: fn(i64) -> bool,
        fails_at: &'static [usize],
        requests: Arc<Mutex<usize>>,
        written: Arc<Mutex<Vec<i64>>>,
    }

    impl DynOutput for Server {
        fn open(&mut self) -> Future<'_, Result<(), StartError>> {
            Box::pin(async { Ok(()) })
        }

        fn write<'a>(&'a mut self, metrics: &'a Chunk) -> Future<'a, Result<(), WriteError>> {
            let mut requests = self.requests.lock().unwrap();
            *requests += 1;
            let numbers: Vec<i64> = metrics.iter().map(number).collect();
            let result = if self.fails_at.contains(&requests) {
                Err(WriteError::retry(anyhow!("503")))
            } else if numbers.iter().any(|i| (self.bad)(*i)) {
                Err(WriteError::reject_all(numbers.len(), anyhow!("400 bad metric")))
            } else {
                self.written.lock().unwrap().extend(numbers);
                Ok(())
            };
            Box::pin(async { result })
        }

        fn flush(&mut self) -> Future<'_, Result<(), WriteError>> {
            Box::pin(async { Ok(()) })
        }
    }

    fn number(metric: agent_api::MetricRef<'_>) -> i64 {
        match metric.field("i") {
            Some(Value::Int(i)) => i,
            _ => -1,
        }
    }

    /// What was written, what is among the dead letters, requests, and how it ended.
    async fn run(n: i64, bad: fn(i64) -> bool, fails_at: &'static [usize]) -> (Vec<i64>, Vec<i64>, usize, Outcome) {
        let written: Arc<Mutex<Vec<i64>>> = Arc::default();
        let requests: Arc<Mutex<usize>> = Arc::default();
        let server = Server { bad, fails_at, requests: requests.clone(), written: written.clone() };
        let queue = Buffer::Memory(Queue::new(10_000, 1000, Queueing::default()));
        let log = Log::new("outputs.test", None, Counter::default());
        let (_ending, told) = tokio::sync::watch::channel(Ending::None);
        let (_handle, mut writer) = Writer::plain(Box::new(server), queue, "test", log, told);
        let folder = super::super::disk::tests::Folder::new();
        let kept = || DeadLetters::new(folder.0.join("letters"), "outputs.test".to_owned(), Keys::default());
        let letters = kept();
        writer.dead_letters = Some(Arc::new(kept()));
        let (tell, mut told) = tokio::sync::oneshot::channel();
        let mut batch = Batch::new();
        for i in 0..n {
            batch.metric("m").field("i", i).time(i);
        }
        batch.set_receipt(Receipt::new(move |outcome| assert!(tell.send(outcome).is_ok())));
        writer.link.queue.push(View::all(batch));
        for _ in 0..4 {
            writer.flush().await;
        }
        assert_eq!(writer.link.queue.len(), 0);
        let (found, bad) = letters.read().unwrap();
        assert_eq!(bad, 0);
        let found: Vec<Refused> = found.iter().map(|letter| letters.open(letter).unwrap()).collect();
        assert!(found.iter().all(|l| l.reason == "400 bad metric" && l.metric.starts_with("m i=")));
        let dead = found.iter().map(|l| number(l.batch().unwrap().at(0))).collect();
        let (written, requests) = (written.lock().unwrap().clone(), *requests.lock().unwrap());
        (written, dead, requests, told.try_recv().unwrap())
    }

    #[tokio::test]
    async fn bad_metrics_stand_alone_in_the_end() {
        let (written, dead, requests, outcome) = run(1000, |i| i % 333 == 1, &[]).await;
        assert_eq!(dead, [1, 334, 667]);
        assert_eq!(written, (0..1000).filter(|i| i % 333 != 1).collect::<Vec<i64>>());
        assert_eq!(outcome, Outcome::Rejected);
        assert!(requests <= 3 * 2 * 10 + 1, "{requests}");
        let (written, dead, requests, outcome) = run(1000, |_| false, &[]).await;
        assert_eq!((written.len(), dead.len(), requests, outcome), (1000, 0, 1, Outcome::Delivered));
    }

    #[tokio::test]
    async fn what_fails_meanwhile_is_tried_again_and_nothing_twice() {
        for fails_at in [&[2][..], &[3], &[5], &[9, 10]] {
            let (written, dead, _, outcome) = run(100, |i| i == 41, fails_at).await;
            assert_eq!((dead, outcome), (vec![41], Outcome::Rejected));
            assert_eq!(written, (0..100).filter(|i| *i != 41).collect::<Vec<i64>>());
        }
    }

    #[tokio::test]
    async fn a_chunk_with_nothing_good_in_it_does_not_cost_a_request_a_metric() {
        let (written, dead, requests, _) = run(1000, |_| true, &[]).await;
        assert!(requests < 50, "{requests}");
        assert_eq!((written.len(), dead), (0, (0..1000).collect::<Vec<i64>>()));
    }
}
