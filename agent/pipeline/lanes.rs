//! Several requests at once, for outputs that allow it (`max_concurrent_requests`): each is written by an instance of the plugin of its own.
//!
//! Chunks are taken in order and may arrive in another; what has to be tried again goes back in order. While the output fails one
//! request at a time is tried, as its breaker wants it.

use super::isolate::refuses_all;
use super::limit::Limit;
use super::output::Writer;
use agent_api::plugin::DynOutput;
use agent_api::{Chunk, Settled, StartError, WriteError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The instances that write beside each other, those that are not writing just now.
pub(super) struct Lanes {
    idle: Vec<Lane>,
    pub(super) limit: Limit,
}

struct Lane {
    output: Box<dyn DynOutput>,
    opened: bool,
}

/// A request that is over.
struct Done {
    lane: Lane,
    /// Its place in the order of requests.
    number: u64,
    chunk: Chunk,
    result: Result<(), WriteError>,
    took: Duration,
}

impl Lanes {
    /// Lanes of these instances, none of which is open yet.
    pub(super) fn new(outputs: Vec<Box<dyn DynOutput>>) -> Self {
        let limit = Limit::new(outputs.len());
        Lanes { idle: outputs.into_iter().map(|output| Lane { output, opened: false }).collect(), limit }
    }

    /// True if there is more than one.
    pub(super) fn several(&self) -> bool {
        self.limit.most() > 1
    }
}

impl Lane {
    async fn write(&mut self, chunk: &Chunk) -> Result<(), WriteError> {
        if !self.opened {
            self.output.open().await.map_err(|(StartError::Retry(e) | StartError::Fatal(e))| WriteError::retry(e))?;
            self.opened = true;
        }
        self.output.write(chunk).await
    }
}

impl Writer {
    /// Writes chunks beside each other, `left` metrics or a little more, until there is nothing more or something fails. With `full`
    /// only full batches.
    pub(super) async fn side_by_side(&mut self, full: bool, mut left: usize) {
        let link = self.link.clone();
        let (mut under_way, mut next, mut goes_on) = (JoinSet::new(), 0u64, true);
        let mut again: Vec<(u64, Chunk)> = Vec::new();
        loop {
            let most = if link.queue.failing() { 1 } else { self.lanes.limit.now() };
            while goes_on
                && left > 0
                && under_way.len() < most
                && !self.hands_over()
                && let Some(mut lane) = self.lanes.idle.pop()
            {
                let chunk = link.queue.take(full).await;
                if chunk.is_empty() {
                    self.lanes.idle.push(lane);
                    left = 0;
                    break;
                }
                left = left.saturating_sub(chunk.len());
                link.writing.add(chunk.len() as i64);
                let (account, number) = (link.account.clone(), next);
                next += 1;
                under_way.spawn(async move {
                    let started = Instant::now();
                    let result = account.metered(Box::pin(lane.write(&chunk))).await;
                    Done { lane, number, chunk, result, took: started.elapsed() }
                });
            }
            let at_once = under_way.len();
            let done = match under_way.join_next().await {
                None => break,
                Some(Ok(done)) => done,
                // As if it had been called here.
                Some(Err(e)) => match e.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => break,
                },
            };
            self.lanes.idle.push(done.lane);
            let (len, chunk) = (done.chunk.len(), done.chunk);
            link.stats.write_time.add(i64::try_from(done.took.as_nanos()).unwrap_or(i64::MAX));
            match done.result {
                Ok(()) => {
                    self.log.debug(format_args!("Wrote batch of {len} metrics in {:?}", done.took));
                    link.queue.settle(chunk, Settled::Delivered);
                    self.count_written(len);
                    if goes_on {
                        self.succeeded();
                    }
                    if len == link.queue.batch() {
                        self.lanes.limit.succeeded(done.took, at_once);
                    }
                }
                Err(WriteError::Retry { cause, after }) => {
                    // Those that were under way beside it fail for the same reason.
                    if goes_on {
                        self.lanes.limit.failed();
                        self.failed(&cause, after);
                    }
                    goes_on = false;
                    again.push((done.number, chunk));
                    continue;
                }
                Err(e) if refuses_all(&e, len) => goes_on &= self.isolate(chunk, e).await,
                result => goes_on &= self.conclude(chunk, result).await,
            }
            self.say_refused();
            link.writing.add(-(len as i64));
            self.show();
        }
        again.sort_by_key(|(number, _)| *number);
        for (_, chunk) in again.into_iter().rev() {
            link.writing.add(-(chunk.len() as i64));
            link.queue.put_back(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::buffer::Buffer;
    use super::super::output::Ending;
    use super::super::queue::Queue;
    use super::*;
    use crate::config::Queueing;
    use agent_api::metric::{Outcome, Receipt};
    use agent_api::plugin::Future;
    use agent_api::stats::Counter;
    use agent_api::{Batch, Log, Value, View};
    use std::sync::{Arc, Mutex, PoisonError};

    /// A server that several instances write to.
    #[derive(Default)]
    struct Server {
        under_way: usize,
        most: usize,
        requests: usize,
        opened: usize,
        written: Vec<i64>,
        /// Requests that fail, by their number.
        fails: Vec<usize>,
        /// Metrics that are refused.
        bad: Vec<i64>,
    }

    #[derive(Clone, Default)]
    struct Instance(Arc<Mutex<Server>>);

    impl Instance {
        fn server(&self) -> std::sync::MutexGuard<'_, Server> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl DynOutput for Instance {
        fn open(&mut self) -> Future<'_, Result<(), StartError>> {
            self.server().opened += 1;
            Box::pin(async { Ok(()) })
        }

        fn write<'a>(&'a mut self, metrics: &'a Chunk) -> Future<'a, Result<(), WriteError>> {
            Box::pin(async move {
                let number = {
                    let mut server = self.server();
                    server.requests += 1;
                    server.under_way += 1;
                    server.most = server.most.max(server.under_way);
                    server.requests
                };
                // Later ones are quicker, so that requests overtake each other.
                tokio::time::sleep(Duration::from_millis(6 - (number % 5) as u64)).await;
                let mut server = self.server();
                server.under_way -= 1;
                let numbers: Vec<i64> = metrics.iter().filter_map(number_of).collect();
                if server.fails.contains(&number) {
                    return Err(WriteError::retry(agent_api::anyhow!("503")));
                }
                if numbers.iter().any(|i| server.bad.contains(i)) {
                    return Err(WriteError::reject_all(numbers.len(), agent_api::anyhow!("400")));
                }
                server.written.extend(numbers);
                Ok(())
            })
        }

        fn flush(&mut self) -> Future<'_, Result<(), WriteError>> {
            Box::pin(async { Ok(()) })
        }
    }

    fn number_of(metric: agent_api::MetricRef<'_>) -> Option<i64> {
        metric.field("i").and_then(|value| if let Value::Int(i) = value { Some(i) } else { None })
    }

    /// A writer of several instances, with metrics that wait for it, ten to a request.
    fn writer(
        server: Server,
        instances: usize,
        metrics: i64,
    ) -> (Writer, Instance, std::sync::mpsc::Receiver<Outcome>) {
        let instance = Instance(Arc::new(Mutex::new(server)));
        let (tell, told) = std::sync::mpsc::channel();
        let queue = Buffer::Memory(Queue::new(100_000, 10, Queueing::default()));
        let mut batch = Batch::new();
        (0..metrics).for_each(|i| drop(batch.metric("m").field("i", i)));
        batch.set_receipt(Receipt::new(move |outcome| _ = tell.send(outcome)));
        queue.push(View::all(batch));
        let log = Log::new("outputs.test", None, Counter::default());
        let ending = tokio::sync::watch::channel(Ending::None).1;
        let (_, mut writer) = Writer::plain(Box::new(instance.clone()), queue, "test", log, ending);
        let another = |_| Box::new(instance.clone()) as Box<dyn DynOutput>;
        writer.lanes = Lanes::new((0..instances).map(another).collect());
        (writer, instance, told)
    }

    fn sorted(server: &Instance) -> Vec<i64> {
        let mut written = server.server().written.clone();
        written.sort_unstable();
        written
    }

    #[tokio::test]
    async fn requests_go_side_by_side_and_each_metric_once() {
        let (mut writer, server, told) = writer(Server::default(), 4, 2000);
        writer.flush().await;
        assert_eq!(sorted(&server), (0..2000).collect::<Vec<i64>>());
        let (most, requests, opened) = {
            let server = server.server();
            (server.most, server.requests, server.opened)
        };
        // How many at once depends on how long they take; the first success allows a second. One more instance is for what is refused.
        assert!((2..=4).contains(&most) && (3..=5).contains(&opened), "{most} {opened}");
        assert_eq!(requests, 200);
        assert_eq!((told.try_recv(), writer.link.writing.read()), (Ok(Outcome::Delivered), 0));
        let writing = writer.link.writing();
        assert!((2..=4).contains(&writing.requests) && writing.most_requests == 4, "{writing:?}");
    }

    #[tokio::test]
    async fn what_fails_goes_back_in_order_and_one_at_a_time_is_tried() {
        let server = Server { fails: vec![30, 31, 32], ..Server::default() };
        let (mut writer, server, told) = writer(server, 4, 2000);
        writer.flush().await;
        let first = sorted(&server);
        assert!(first.len() < 2000 && writer.link.queue.failing());
        assert_eq!(writer.link.queued().metrics, 2000 - first.len());
        assert_eq!(writer.link.writing().breaker, super::super::board::Breaker::HalfOpen);
        // What waits is in order: the first of it is the first that was not written.
        let missing: Vec<i64> = (0..2000).filter(|i| first.binary_search(i).is_err()).collect();
        let chunk = writer.link.queue.take(false).await;
        let front: Vec<i64> = chunk.iter().filter_map(number_of).collect();
        assert_eq!(front, missing[..10]);
        writer.link.queue.put_back(chunk);
        let next = server.server().requests + 1;
        server.server().fails = vec![next];
        writer.flush().await;
        assert_eq!(sorted(&server).len(), first.len(), "one request, which failed");
        writer.flush().await;
        assert_eq!(sorted(&server), (0..2000).collect::<Vec<i64>>());
        assert_eq!(told.try_recv(), Ok(Outcome::Delivered));
        assert_eq!(writer.link.writing().breaker, super::super::board::Breaker::Closed);
    }

    #[tokio::test]
    async fn what_is_refused_stands_alone_in_the_end() {
        let server = Server { bad: vec![41, 777], ..Server::default() };
        let (mut writer, server, told) = writer(server, 4, 1000);
        writer.flush().await;
        assert_eq!(sorted(&server), (0..1000).filter(|i| ![41, 777].contains(i)).collect::<Vec<i64>>());
        assert_eq!((told.try_recv(), writer.link.account.rejected.read()), (Ok(Outcome::Rejected), 2));
        assert_eq!(writer.link.queued().metrics, 0);
    }
}
