//! The input against a real server, where one is installed.

use super::*;
use crate::testing::{Kept, Running, env};
use agent_net::nats::client as nats;
use agent_net::testing::NatsServer;
use nats::jetstream::consumer::{Info, push};
use std::time::Duration as Time;

fn input(server: &NatsServer, own: impl FnOnce(&mut Settings)) -> NatsConsumer {
    let mut settings = Settings { subjects: Vec::new(), ..Settings::default() };
    own(&mut settings);
    let servers = Servers { servers: vec![server.address().to_owned()], ..Servers::default() };
    let settings = With { own: settings, shared: With { own: servers, shared: ClientTls::default() } };
    NatsConsumer::new(settings, &env("inputs.nats_consumer", "influx")).unwrap()
}

async fn run(mut input: NatsConsumer) -> Running {
    input.open().await.unwrap();
    let open = input.open.as_ref().unwrap();
    // The server has taken the subscriptions when it answers something that was sent behind them.
    let _nobody = open.client.request("nobody.is.here", "".into()).await;
    Running::start(input)
}

/// A stream with a consumer, seen by somebody else.
struct Store {
    client: nats::Client,
    context: nats::jetstream::Context,
    stream: nats::jetstream::stream::Stream,
}

impl Store {
    async fn new(server: &NatsServer) -> Self {
        let client = nats::connect(server.address()).await.unwrap();
        let context = nats::jetstream::new(client.clone());
        let config = nats::jetstream::stream::Config {
            name: "own".to_owned(),
            subjects: vec!["own.>".to_owned()],
            ..Default::default()
        };
        let stream = context.create_stream(config).await.unwrap();
        Store { client, context, stream }
    }

    async fn put(&self, subject: &str, text: &str) {
        self.context.publish(subject.to_owned(), text.to_owned().into()).await.unwrap().await.unwrap();
    }

    async fn consumer(&self, name: &str) -> Info {
        self.stream.consumer_info(name).await.unwrap()
    }

    /// Waits until a consumer is as it should be.
    async fn wait(&self, name: &str, done: impl Fn(&Info) -> bool) {
        let mut last = None;
        for _ in 0..250 {
            let info = self.consumer(name).await;
            if done(&info) {
                return;
            }
            last = Some(info);
            tokio::time::sleep(Time::from_millis(20)).await;
        }
        panic!("{last:?}");
    }
}

fn settle(kept: &Kept, how: Settled) {
    kept.take().into_iter().for_each(|batch| View::all(batch).settle(how));
}

fn has(count: usize) -> impl Fn(&[String]) -> bool {
    move |lines| lines.len() >= count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_a_group_share_the_messages() {
    let Some(server) = NatsServer::start("").await else { return };
    let reader = || input(&server, |s| s.subjects = vec!["own.*".to_owned()]);
    let (one, two) = (run(reader()).await, run(reader()).await);
    let client = nats::connect(server.address()).await.unwrap();
    for i in 0..20 {
        client.publish(format!("own.{i}"), format!("m v={i}i {i}").into()).await.unwrap();
    }
    client.flush().await.unwrap();
    for _ in 0..250 {
        if one.kept.lines().len() + two.kept.lines().len() >= 20 {
            break;
        }
        tokio::time::sleep(Time::from_millis(20)).await;
    }
    one.interval().await;
    let (one, two) = (one.stop().await, two.stop().await);
    let mut all = one.lines();
    assert!(!all.is_empty() && all.len() < 20);
    all.extend(two.lines());
    all.sort();
    let mut want: Vec<String> = (0..20).map(|i| format!("m,subject=own.{i} v={i}i {i}")).collect();
    want.sort();
    assert_eq!(all, want);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_exceeds_the_limits_is_dropped_and_told() {
    let Some(server) = NatsServer::start("").await else { return };
    let reader = input(&server, |s| {
        s.subjects = vec!["own".to_owned()];
        s.max_undelivered_messages = 1;
        s.pending_message_limit = 3;
        s.pending_bytes_limit = 10;
    });
    let running = run(reader).await;
    let client = nats::connect(server.address()).await.unwrap();
    // One is under way, one is in the hand, three may wait but only one has room.
    for i in 0..6 {
        client.publish("own", format!("m v={i} 1").into()).await.unwrap();
        client.flush().await.unwrap();
        if i == 0 {
            running.kept.wait(has(1)).await;
        }
        tokio::time::sleep(Time::from_millis(20)).await;
    }
    for _ in 0..250 {
        if !running.kept.errors().is_empty() {
            break;
        }
        tokio::time::sleep(Time::from_millis(20)).await;
    }
    let errors = running.kept.errors();
    assert!(errors[0].contains("messages on \"own\" were dropped"), "{errors:?}");
    for _ in 0..3 {
        assert_eq!(running.kept.wait(has(1)).await.len(), 1);
        settle(&running.kept, Settled::Delivered);
    }
    tokio::time::sleep(Time::from_millis(50)).await;
    assert_eq!(running.stop().await.lines().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_told_when_its_messages_are_delivered() {
    let Some(server) = NatsServer::start("").await else { return };
    let store = Store::new(&server).await;
    for i in 0..5 {
        store.put("own.a", &format!("m v={i}i {i}")).await;
    }
    let reader = || {
        input(&server, |s| {
            s.jetstream_subjects = vec!["own.a".to_owned()];
            s.max_undelivered_messages = 3;
        })
    };
    let running = run(reader()).await;
    // No more are taken than may be under way, and none is acknowledged before it is delivered.
    let lines = running.kept.wait(has(3)).await;
    assert_eq!(lines[0], "m,subject=own.a v=0i 0");
    store.wait("telegraf_consumers", |i| i.num_ack_pending == 3 && i.ack_floor.stream_sequence == 0).await;
    assert_eq!(running.kept.lines().len(), 3);
    settle(&running.kept, Settled::Delivered);
    running.kept.wait(has(2)).await;
    settle(&running.kept, Settled::Delivered);
    store.wait("telegraf_consumers", |i| i.num_ack_pending == 0 && i.ack_floor.stream_sequence == 5).await;
    assert!(running.stop().await.errors().is_empty());
    // The next run goes on where this one stopped.
    let running = run(reader()).await;
    store.put("own.a", "m v=5i 5").await;
    assert_eq!(running.kept.wait(has(1)).await, ["m,subject=own.a v=5i 5"]);
    // What is delivered after the stop is acknowledged, too.
    let kept = running.stop().await;
    settle(&kept, Settled::Delivered);
    store.wait("telegraf_consumers", |i| i.num_ack_pending == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_or_refused_comes_again() {
    let Some(server) = NatsServer::start("").await else { return };
    let store = Store::new(&server).await;
    store.put("own.a", "m v=0i 0").await;
    store.put("own.a", "m v=1i 1").await;
    let running = run(input(&server, |s| s.jetstream_subjects = vec!["own.a".to_owned()])).await;
    assert_eq!(running.kept.wait(has(2)).await.len(), 2);
    let mut both = running.kept.take().into_iter();
    View::all(both.next().unwrap()).settle(Settled::Rejected);
    drop(both.next());
    let again = running.kept.wait(has(2)).await;
    assert_eq!(again.len(), 2, "{again:?}");
    settle(&running.kept, Settled::Delivered);
    store.wait("telegraf_consumers", |i| i.num_ack_pending == 0 && i.num_redelivered == 0).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_can_read_comes_once() {
    let Some(server) = NatsServer::start("").await else { return };
    let store = Store::new(&server).await;
    store.put("own.a", "no metric").await;
    store.put("own.a", "").await;
    store.put("own.a", "m v=1i 1").await;
    let running = run(input(&server, |s| s.jetstream_subjects = vec!["own.a".to_owned()])).await;
    assert_eq!(running.kept.wait(has(1)).await.len(), 1);
    settle(&running.kept, Settled::Delivered);
    store.wait("telegraf_consumers", |i| i.num_ack_pending == 0 && i.ack_floor.stream_sequence == 3).await;
    let errors = running.stop().await.errors();
    assert!(errors.len() == 1 && errors[0].contains("read a message on \"own.a\""), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_for_long_is_not_sent_again() {
    let Some(server) = NatsServer::start("").await else { return };
    let store = Store::new(&server).await;
    let config = nats::jetstream::consumer::pull::Config {
        durable_name: Some("telegraf_consumers".to_owned()),
        filter_subject: "own.a".to_owned(),
        ack_policy: nats::jetstream::consumer::AckPolicy::Explicit,
        ack_wait: Time::from_millis(600),
        ..Default::default()
    };
    store.stream.create_consumer(config).await.unwrap();
    store.put("own.a", "m v=0i 0").await;
    let running = run(input(&server, |s| s.jetstream_subjects = vec!["own.a".to_owned()])).await;
    running.kept.wait(has(1)).await;
    tokio::time::sleep(Time::from_millis(1500)).await;
    let info = store.consumer("telegraf_consumers").await;
    assert_eq!((info.num_ack_pending, info.num_redelivered, info.delivered.consumer_sequence), (1, 0, 1));
    settle(&running.kept, Settled::Delivered);
    store.wait("telegraf_consumers", |i| i.num_ack_pending == 0).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_pushes_is_read_as_it_is() {
    let Some(server) = NatsServer::start("").await else { return };
    let store = Store::new(&server).await;
    // What Telegraf makes.
    let config = push::Config {
        durable_name: Some("telegraf_consumers".to_owned()),
        deliver_subject: store.client.new_inbox(),
        deliver_group: Some("telegraf_consumers".to_owned()),
        filter_subject: "own.a".to_owned(),
        ..Default::default()
    };
    store.stream.create_consumer(config).await.unwrap();
    store.put("own.a", "m v=0i 0").await;
    let running = run(input(&server, |s| s.jetstream_subjects = vec!["own.a".to_owned()])).await;
    assert_eq!(running.kept.wait(has(1)).await, ["m,subject=own.a v=0i 0"]);
    settle(&running.kept, Settled::Delivered);
    store.wait("telegraf_consumers", |i| i.num_ack_pending == 0 && i.ack_floor.stream_sequence == 1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_subject_has_its_consumer_however_many_are_read() {
    let Some(server) = NatsServer::start("").await else { return };
    let store = Store::new(&server).await;
    for subject in ["own.a", "own.b"] {
        store.put(subject, "m v=0i 0").await;
    }
    let read = |subjects: &[&str]| {
        let subjects = subjects.iter().map(|s| (*s).to_owned()).collect();
        input(&server, |s| {
            s.jetstream_subjects = subjects;
            s.queue_group = "g".to_owned();
        })
    };
    let running = run(read(&["own.a", "own.b"])).await;
    running.kept.wait(has(2)).await;
    settle(&running.kept, Settled::Delivered);
    store.wait("g-own_a", |i| i.num_ack_pending == 0 && i.num_pending == 0).await;
    store.wait("g-own_b", |i| i.num_ack_pending == 0 && i.num_pending == 0).await;
    running.stop().await;
    // One of them alone goes on, too.
    let running = run(read(&["own.b"])).await;
    store.put("own.b", "m v=1i 1").await;
    assert_eq!(running.kept.wait(has(1)).await, ["m,subject=own.b v=1i 1"]);
    settle(&running.kept, Settled::Delivered);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_was_removed_ends_the_reader() {
    let Some(server) = NatsServer::start("").await else { return };
    let store = Store::new(&server).await;
    let mut reader = input(&server, |s| s.jetstream_subjects = vec!["own.a".to_owned()]);
    reader.open().await.unwrap();
    let (out, stop) = (Sender::new(Arc::<Kept>::default()), tokio_util::sync::CancellationToken::new());
    let task = tokio::spawn(async move { reader.listen(out, Stop::new(stop, None)).await });
    store.wait("telegraf_consumers", |i| i.num_waiting > 0).await;
    store.stream.delete_consumer("telegraf_consumers").await.unwrap();
    let ended = tokio::time::timeout(Time::from_secs(10), task).await.expect("it ends in time").unwrap();
    assert!(format!("{:#}", ended.unwrap_err()).contains("was removed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_not_there_may_come() {
    let Some(server) = NatsServer::start("").await else { return };
    let mut reader = input(&server, |s| s.jetstream_subjects = vec!["own.a".to_owned()]);
    assert!(matches!(reader.open().await, Err(StartError::Retry(_))));
    let _store = Store::new(&server).await;
    reader.open().await.unwrap();
}
