//! Messages, and the output against a real server where one is installed.

use super::*;
use agent_formats as _;
use agent_net::nats::client as nats;
use agent_net::testing::NatsServer;
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration as Time;

fn output(text: &str) -> Result<Nats> {
    let table: serde_json::Value = serde_json::from_str(text).unwrap();
    let (mut own, mut servers) = (serde_json::Map::new(), serde_json::Map::new());
    for (key, value) in table.as_object().unwrap() {
        let is_own = matches!(key.as_str(), "subject" | "use_batch_format" | "jetstream");
        (if is_own { &mut own } else { &mut servers }).insert(key.clone(), value.clone());
    }
    let settings = With {
        own: serde_json::from_value(own.into())?,
        shared: With { own: serde_json::from_value(servers.into())?, shared: ClientTls::default() },
    };
    let mut env = Env::new("outputs.nats");
    env.serializers = Some(Arc::new(|| {
        let entry = plugin::find(plugin::Family::Serializers, "influx").unwrap();
        let plugin::Build::Serializer(make) = entry.build else { panic!("line protocol can be written") };
        Ok(make(&Table::default(), &Env::new("test"))?)
    }));
    Nats::new(settings, &env)
}

async fn open(server: &NatsServer, options: &str) -> Nats {
    let mut output = output(&format!(r#"{{"servers": ["{}"], {options}}}"#, server.address())).unwrap();
    output.open().await.unwrap();
    output
}

fn metrics(hosts: &[&str]) -> Chunk {
    let mut batch = Batch::new();
    for (i, host) in hosts.iter().enumerate() {
        batch.metric("m").tag("host", host).field("v", i as i64).time(1);
    }
    batch.into()
}

async fn reader(server: &NatsServer, subject: &str) -> nats::Subscriber {
    let client = nats::connect(server.address()).await.unwrap();
    let reader = client.subscribe(subject.to_owned()).await.unwrap();
    client.flush().await.unwrap();
    // The server has taken the subscription when it answers something that was sent behind it.
    let _nobody = client.request("nobody.is.here", "".into()).await;
    reader
}

async fn next(reader: &mut nats::Subscriber) -> (String, String) {
    let message = tokio::time::timeout(Time::from_secs(5), reader.next()).await.expect("a message in time").unwrap();
    (message.subject.to_string(), String::from_utf8(message.payload.to_vec()).unwrap())
}

/// What a stream holds, oldest first.
async fn kept(server: &NatsServer, name: &str) -> Vec<(String, String)> {
    let context = nats::jetstream::new(nats::connect(server.address()).await.unwrap());
    let stream = context.get_stream(name).await.unwrap();
    let (mut all, last) = (Vec::new(), stream.cached_info().state.last_sequence);
    for number in 1..=last {
        let message = stream.get_raw_message(number).await.unwrap();
        all.push((message.subject.to_string(), String::from_utf8(message.payload.to_vec()).unwrap()));
    }
    all
}

fn texts(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_metric_is_a_message_on_its_subject() {
    let Some(server) = NatsServer::start("").await else { return };
    let mut reader = reader(&server, "own.>").await;
    let mut output = open(&server, r#""subject": "own.{{ .Tag \"host\" }}""#).await;
    // A subject with an empty part is none.
    match output.write(&metrics(&["a", "", "b"])).await {
        Err(WriteError::Reject { indices, cause }) => {
            assert_eq!(
                (indices, format!("{cause:#}")),
                (vec![1], "make the subject: \"own.\" is no subject".to_owned())
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(next(&mut reader).await, ("own.a".to_owned(), "m,host=a v=0i 1\n".to_owned()));
    assert_eq!(next(&mut reader).await, ("own.b".to_owned(), "m,host=b v=2i 1\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_a_message_for_each_subject() {
    let Some(server) = NatsServer::start("max_payload: 4096").await else { return };
    let mut reader = reader(&server, "own.*").await;
    let mut all = self::reader(&server, "all").await;
    let mut output = open(&server, r#""subject": "own.{{ .Tag \"host\" }}", "use_batch_format": true"#).await;
    output.write(&metrics(&["a", "b", "a"])).await.unwrap();
    assert_eq!(next(&mut reader).await, ("own.a".to_owned(), "m,host=a v=0i 1\nm,host=a v=2i 1\n".to_owned()));
    assert_eq!(next(&mut reader).await, ("own.b".to_owned(), "m,host=b v=1i 1\n".to_owned()));
    // What is larger than the server takes is divided, and a metric that is larger alone is refused.
    let (long, too_long) = ("x".repeat(1500), "y".repeat(5000));
    let mut output = open(&server, r#""subject": "all", "use_batch_format": true"#).await;
    match output.write(&metrics(&[&long, &too_long, &long, &long])).await {
        Err(WriteError::Reject { indices, .. }) => assert_eq!(indices, [1]),
        other => panic!("{other:?}"),
    }
    let (first, second) = (next(&mut all).await.1, next(&mut all).await.1);
    assert_eq!((first.lines().count(), second.lines().count()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_made_and_hold_what_was_written() {
    let Some(server) = NatsServer::start("").await else { return };
    for (name, mode) in [("one", "false"), ("ahead", "true")] {
        let options = format!(
            r#""subject": "{name}", "jetstream": {{"name": "{name}", "subjects": ["{name}.*"], "async_publish": {mode},
               "storage": "memory", "duplicate_window": "1m", "max_msg_size": 900}}"#
        );
        let mut output = open(&server, &options).await;
        output.write(&metrics(&["a", "b"])).await.unwrap();
        assert_eq!(kept(&server, name).await, texts(&[(name, "m,host=a v=0i 1\n"), (name, "m,host=b v=1i 1\n")]));
        // The stream is taken as it is by who comes second, and refuses what is too large.
        let mut output = open(&server, &options).await;
        match output.write(&metrics(&["c", &"x".repeat(1000), "d"])).await {
            Err(WriteError::Reject { indices, cause }) => {
                assert_eq!(indices, [1]);
                assert!(format!("{cause:#}").contains("message size exceeds maximum"), "{cause:#}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(kept(&server, name).await.len(), 4);
    }
    let context = nats::jetstream::new(nats::connect(server.address()).await.unwrap());
    let stream = context.get_stream("one").await.unwrap();
    let config = &stream.cached_info().config;
    assert_eq!(config.subjects, ["one.*", "one"]);
    assert_eq!(
        (config.storage, config.duplicate_window),
        (nats::jetstream::stream::StorageType::Memory, Time::from_secs(60))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_may_have_arrived_is_kept_once() {
    let Some(server) = NatsServer::start("").await else { return };
    let mut output = open(&server, r#""subject": "own", "jetstream": {"name": "own"}"#).await;
    // Equal metrics are two, though.
    let chunk = metrics(&["a"]);
    output.write(&chunk).await.unwrap();
    output.write(&chunk).await.unwrap();
    assert_eq!(kept(&server, "own").await.len(), 2);
    // The acknowledgement of the second got lost, as far as the output knows.
    let (subject, payload) = ("own".to_owned(), bytes::Bytes::from_static(b"m,host=a v=0i 1\n"));
    output.ids.doubt(messages::Message { subject, payload, places: vec![0] }, 2);
    output.write(&chunk).await.unwrap();
    assert_eq!(kept(&server, "own").await.len(), 2);
    output.write(&chunk).await.unwrap();
    assert_eq!(kept(&server, "own").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_full_is_tried_again() {
    let Some(server) = NatsServer::start("").await else { return };
    let options = r#""subject": "own", "jetstream": {"name": "own", "max_msgs": 1, "discard": "new"}"#;
    let mut output = open(&server, options).await;
    match output.write(&metrics(&["a", "b"])).await {
        Err(WriteError::Partial { written, rejected, cause }) => {
            assert_eq!((written, rejected), (vec![0], vec![]));
            assert!(format!("{cause:#}").contains("maximum messages exceeded"), "{cause:#}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(output.write(&metrics(&["b"])).await, Err(WriteError::Retry { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_come_in_is_told() {
    let Some(server) = NatsServer::start("authorization { user: own, password: \"se cret\" }").await else { return };
    let with = |password: &str| {
        let options = format!(r#""username": "own", "password": "{password}""#);
        output(&format!(r#"{{"servers": ["{}"], {options}}}"#, server.address())).unwrap()
    };
    match with("other").open().await {
        Err(StartError::Retry(e)) => assert!(format!("{e:#}").contains("authorization violation"), "{e:#}"),
        other => panic!("{other:?}"),
    }
    with("se cret").open().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_an_error_that_may_pass() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut output = output(&format!(r#"{{"servers": ["nats://u:secret@{nobody}"]}}"#)).unwrap();
    match output.open().await {
        Err(StartError::Retry(e)) => assert!(!format!("{e:#}").contains("secret"), "{e:#}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_to_be_there_has_to_be() {
    let Some(server) = NatsServer::start("").await else { return };
    let options = r#""jetstream": {"name": "own", "disable_stream_creation": true}"#;
    let mut missing = output(&format!(r#"{{"servers": ["{}"], {options}}}"#, server.address())).unwrap();
    assert!(matches!(missing.open().await, Err(StartError::Retry(_))));
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    for bad in [
        r#"{"subject": ""}"#,
        r#"{"subject": "a b"}"#,
        r#"{"subject": "a.*"}"#,
        r#"{"subject": "{{ .Name"}"#,
        r#"{"servers": ["http://own"]}"#,
        r#"{"jetstream": {}}"#,
        r#"{"jetstream": {"name": "a.b"}}"#,
        r#"{"jetstream": {"name": "a", "no_ack": true}}"#,
        r#"{"jetstream": {"name": "a", "storage": "paper"}}"#,
        r#"{"subject": "{{ .Name }}", "jetstream": {"name": "a"}}"#,
    ] {
        assert!(output(bad).is_err(), "{bad}");
    }
    assert!(
        output(r#"{"subject": "{{ .Name }}", "jetstream": {"name": "a", "disable_stream_creation": true}}"#).is_ok()
    );
}
