//! The server as a whole: what lines come to, over loopback where sockets matter.

use super::*;
use crate::testing::Running;
use packet::Bad;
use std::collections::BTreeMap;

fn text(batch: &Batch) -> Vec<String> {
    let mut lines: Vec<String> = batch
        .iter()
        .map(|m| {
            let tags: String = m.tags().filter(|t| t.0 != "metric_type").map(|(k, v)| format!(",{k}={v}")).collect();
            let fields: BTreeMap<&str, String> = m
                .fields()
                .filter(|f| f.0 != "start_time")
                .map(|(k, v)| (k, format!("{v:?}").replace("Int(", "").replace("Float(", "f").replace(')', "")))
                .collect();
            let fields: Vec<String> = fields.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("{}{tags} {} {}", m.name(), m.tag("metric_type").unwrap_or("-"), fields.join(","))
        })
        .collect();
    lines.sort();
    lines
}

fn settings(own: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    own(&mut settings);
    settings
}

/// Intervals of packets, and what each comes to.
fn rounds(settings: &Settings, rounds: &[&str]) -> Vec<Vec<String>> {
    let set = stats::set("statsd_test", &[]);
    let intake = Intake::new(settings.rules().unwrap(), 0, &set);
    let mut told = Vec::new();
    for packet in rounds {
        let mut out = intake.take([(packet.as_bytes(), None)].into_iter(), &mut Bad::default());
        intake.with(|table| {
            table.end_round();
            table.emit_distributions(1, &mut out);
            assert_eq!(table.emit(0, false, 1, &mut out), None);
            table.begin_round(1);
        });
        told.push(text(&out));
    }
    told
}

fn once(own: impl FnOnce(&mut Settings), packet: &str) -> Vec<String> {
    let settings = settings(own);
    let first = rounds(&settings, &[packet]).remove(0);
    // What is known already comes to the same.
    let again = rounds(&settings, &["", packet, packet]);
    if settings.delete_counters {
        assert_eq!(again[2], first);
    }
    first
}

#[test]
fn each_type() {
    let timing = "count=1,lower=f3.0,mean=f3.0,median=f3.0,stddev=f0.0,sum=f3.0,upper=f3.0";
    assert_eq!(
        once(|_| {}, "a:1|c\nb:2|g\nc:3|ms\nd:3|h\ne:5|s\n"),
        [
            "a counter value=1".to_owned(),
            "b gauge value=f2.0".to_owned(),
            format!("c timing {timing}"),
            format!("d histogram {timing}"),
            "e set value=1".to_owned(),
        ]
    );
}

#[test]
fn numbers() {
    let packet = "n:-4|c\np:+3|c\nf:1.7|c\nr:1|c|@0.3\nbig:9223372036854775807|c\nbig:1|c\nx:1|c|@abc\nz:1e3|c\ng:+1.5|g\ng:-0.5|g";
    assert_eq!(
        once(|_| {}, packet),
        [
            "big counter value=9223372036854775807",
            "f counter value=1",
            "g gauge value=f1.0",
            "n counter value=-4",
            "p counter value=3",
            "r counter value=3",
            "x counter value=1",
            "z counter value=1000"
        ]
    );
    assert_eq!(
        once(|s| (s.float_counters, s.float_sets, s.float_timings) = (true, true, true), "a:1.7|c\nb:x|s\nc:2|ms|@0.1"),
        [
            "a counter value=f1.0",
            "b set value=f1.0",
            "c timing count=f10.0,lower=f2.0,mean=f2.0,median=f2.0,stddev=f0.0,sum=f20.0,upper=f2.0"
        ]
    );
}

#[test]
fn bad_lines_do_no_harm() {
    let packet = "nocolon\nx:|c\nx:abc|c\nx:1|zz\n:1|c\nx:1\nx:1|c|@abc\nbad|c\n\n   \na::1|c\nb:1||c\nc:1|c|\n-:-1|ms\ns:-1|s\n\
                  g:NaN|g\ng:inf|g\nq:3|c|#a:1\nok:1|c\n";
    assert_eq!(
        once(|_| {}, packet),
        ["c counter value=1", "ok counter value=1", "q counter value=3", "x counter value=1"]
    );
    assert_eq!(once(|_| {}, "m:1|c:2|c:bad|c:4|c"), ["m counter value=3"]);
    assert_eq!(once(|_| {}, "m:1:2|c"), Vec::<String>::new());
}

#[test]
fn names_and_tags() {
    assert_eq!(
        once(|s| s.templates = vec!["host.measurement.field".to_owned()], "web1.disk.free:5|g\nweb1.disk.used:6|g"),
        ["disk,host=web1 gauge free=f5.0,used=f6.0"]
    );
    // Tags in another order are the same series.
    assert_eq!(once(|_| {}, "a.b,x=1,y=2:1|c\na.b,y=2,x=1:2|c"), ["a_b,x=1,y=2 counter value=3"]);
    assert_eq!(
        once(
            |s| s.templates = vec!["measurement.measurement.field".to_owned()],
            "svc.req.time:5|ms\nsvc.req.time:7|ms"
        ),
        [
            "svc_req timing time_count=2,time_lower=f5.0,time_mean=f6.0,time_median=f6.0,time_stddev=f1.0,time_sum=f12.0,time_upper=f7.0"
        ]
    );
}

#[test]
fn datadog() {
    let own = |s: &mut Settings| (s.datadog_extensions, s.datadog_distributions) = (true, true);
    assert_eq!(
        once(
            own,
            "page.views:1|c|#env:prod,flag,url:http://x,empty:\npage.views:2|c|#flag,env:prod,empty:,url:http://x\n"
        ),
        ["page_views,empty=true,env=prod,flag=true,url=http://x counter value=3"]
    );
    assert_eq!(
        once(own, "c:1|c\nm:1:2:3|c|@0.5|#a:b\nt:1|c|c:in-7\nt:1|c|T165|#a:1\nd:1|d\nd:2|d\nn:1|c:2|c:4|c"),
        [
            "c counter value=1",
            "d distribution value=f1.0",
            "d distribution value=f2.0",
            "m,a=b counter value=12",
            "n counter value=7",
            "t counter value=1",
            "t,a=1 counter value=1",
        ]
    );
    let keep = |s: &mut Settings| (s.datadog_extensions, s.datadog_keep_container_tag) = (true, true);
    assert_eq!(once(keep, "t:1|c|#a:b|c:in-7\nd:1|d"), ["t,a=b,container=in-7 counter value=1"]);
    let event = once(own, "_e{1,1}:t|x|#k:v\n_e{9,9}:t|x");
    assert_eq!(event, ["t,k=v - alert_type=Str(\"info\",priority=Str(\"normal\",text=Str(\"x\""]);
}

#[test]
fn what_is_kept_over_intervals() {
    let keep = settings(|s| {
        (s.delete_counters, s.delete_gauges, s.delete_sets, s.delete_timings) = (false, false, false, false);
    });
    let told = rounds(&keep, &["c:4|c\ng:1|g\ns:a|s\nt:1|ms", "", "c:3|c\ng:+1|g\ns:b|s\ns:a|s\nt:3|ms"]);
    assert_eq!(told[0], told[1]);
    assert_eq!(told[2][..3], ["c counter value=7", "g gauge value=f2.0", "s set value=2"]);
    assert!(told[2][3].contains("count=2,"));
    let delete = rounds(&Settings::default(), &["c:4|c\ng:1|g\ns:a|s", "", "c:3|c\ng:+1|g\ns:b|s"]);
    assert!(delete[1].is_empty());
    assert_eq!(delete[2], ["c counter value=3", "g gauge value=f1.0", "s set value=1"]);
}

#[test]
fn old_values_expire() {
    let keep = settings(|s| (s.delete_gauges, s.max_ttl) = (false, Duration::millis(30)));
    let intake = Intake::new(keep.rules().unwrap(), 0, &stats::set("statsd_test", &[]));
    let tell = || {
        let mut out = Batch::new();
        intake.with(|t| {
            t.tick();
            t.end_round();
            t.emit(0, false, 1, &mut out);
        });
        out.len()
    };
    intake.take([(b"g:1|g".as_slice(), None)].into_iter(), &mut Bad::default());
    assert_eq!(tell(), 1);
    std::thread::sleep(std::time::Duration::from_millis(60));
    assert_eq!((tell(), tell()), (1, 0));
}

#[test]
fn temporality() {
    let set = settings(|s| s.enable_aggregation_temporality = true);
    let told = rounds(&set, &["c:1|c\ng:1|g"]).remove(0);
    assert_eq!(told, ["c,temporality=delta counter value=1", "g gauge value=f1.0"]);
}

#[test]
fn buckets_that_come_no_more_are_forgotten() {
    let intake = Intake::new(Settings::default().rules().unwrap(), 0, &stats::set("statsd_test", &[]));
    for round in 0..20 {
        let mut sums = 0;
        for i in 0..10_000 {
            let line = if i % 10 == 0 { format!("kept.{i}:1|c") } else { format!("name.{round}.{i}:1|c") };
            intake.take([(line.as_bytes(), None)].into_iter(), &mut Bad::default());
        }
        intake.with(|t| {
            t.end_round();
            let (mut at, mut out) = (Some(0), Batch::new());
            while let Some(from) = at {
                at = t.emit(from, false, 1, &mut out);
            }
            sums += out.len();
            t.begin_round(1);
            assert!(t.known() <= 30_000, "{}", t.known());
        });
        assert_eq!(sums, 10_000);
    }
}

#[test]
fn invented_names_are_bounded() {
    let mut rules = Settings::default().rules().unwrap();
    rules.max_bytes = 1_000_000;
    let intake = Intake::new(rules, 0, &stats::set("statsd_test", &[]));
    for i in 0..20_000 {
        intake.take([(format!("name{i}:x{i}|s").as_bytes(), None)].into_iter(), &mut Bad::default());
    }
    assert!((1000..5000).contains(&intake.with(|t| t.known())));
}

#[test]
fn random_bytes_do_no_harm() {
    let intake = Intake::new(
        settings(|s| (s.datadog_extensions, s.datadog_distributions) = (true, true)).rules().unwrap(),
        0,
        &stats::set("statsd_test", &[]),
    );
    let mut seed = 11u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    let words = [
        "a", "b.c", ":", "|", "c", "g", "ms", "s", "d", "h", "@", "#", "0.1", "-1", "\n", ",", "=", "_e{1,1}:",
        "\u{e4}", "1e999", "c:x", "\0",
    ];
    for _ in 0..20_000 {
        let text: String = (0..next() % 20).map(|_| words[next() % words.len()]).collect();
        let mut bytes = text.into_bytes();
        if next() % 4 == 0 && !bytes.is_empty() {
            let i = next() % bytes.len();
            bytes[i] = next() as u8;
        }
        intake.take([(bytes.as_slice(), None)].into_iter(), &mut Bad::default());
    }
    let mut out = Batch::new();
    intake.with(|t| t.emit(0, false, 1, &mut out));
    assert!(out.iter().all(|m| !m.name().is_empty()));
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let env = Env::new("inputs.statsd");
    for own in [
        |s: &mut Settings| s.protocol = "sctp".to_owned(),
        |s: &mut Settings| s.percentiles = vec![101.0],
        |s: &mut Settings| s.service_address = "nowhere".to_owned(),
        |s: &mut Settings| s.templates = vec!["field*.measurement*".to_owned()],
        |s: &mut Settings| s.sanitize_name_method = "own".to_owned(),
    ] {
        assert!(Statsd::new(settings(own), &env).is_err());
    }
}

/// Starts a server, lets `send` talk to it, asks once, stops it, and gives what it told.
async fn serve(own: Settings, send: impl FnOnce(std::net::SocketAddr) + Send + 'static) -> (Vec<String>, Vec<String>) {
    let mut plugin = Statsd::new(own, &Env::new("inputs.statsd")).unwrap();
    plugin.open().await.unwrap();
    let at = match plugin.bound.as_ref().unwrap() {
        Bound::Packets(p) => p.local().unwrap(),
        Bound::Connections(c) => c.local().unwrap(),
    };
    let intake = plugin.intake.clone();
    let server = Running::start(plugin);
    tokio::task::spawn_blocking(move || send(at)).await.unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let received = || intake.stats.udp_packets.read() + intake.stats.tcp_bytes.read();
    let mut before = -1;
    while std::time::Instant::now() < deadline && received() != before {
        before = received();
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    }
    server.interval().await;
    let kept = server.stop().await;
    (kept.take().iter().flat_map(text).collect(), kept.errors())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_udp() {
    let own = settings(|s| s.service_address = "127.0.0.1:0".to_owned());
    let (told, errors) = serve(own, |at| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for i in 0..1000 {
            socket.send_to(format!("n:1|c\nm{}:2|c", i % 3).as_bytes(), at).unwrap();
            if i % 100 == 0 {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        }
        socket.send_to(b"bad", at).unwrap();
    })
    .await;
    assert_eq!(told, ["m0 counter value=668", "m1 counter value=666", "m2 counter value=666", "n counter value=1000"]);
    assert_eq!(errors, ["parse line \"bad\": no ':' after the name"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tcp() {
    use std::io::{Read, Write};
    let own = settings(|s| {
        s.protocol = "tcp".to_owned();
        s.service_address = "127.0.0.1:0".to_owned();
        s.max_tcp_connections = 2;
    });
    let (told, _) = serve(own, |at| {
        let mut first = std::net::TcpStream::connect(at).unwrap();
        first.write_all(b"a:1|c\nb:2").unwrap();
        let mut second = std::net::TcpStream::connect(at).unwrap();
        second.write_all(b"a:1|c\n").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        // The third is turned away.
        let mut third = std::net::TcpStream::connect(at).unwrap();
        assert_eq!(third.read(&mut [0; 8]).unwrap_or(0), 0);
        first.write_all(b"|c").unwrap();
    })
    .await;
    assert_eq!(told, ["a counter value=2", "b counter value=2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_hands_connections_on() {
    use agent_net::server::{Leaving, Sockets};
    use std::sync::Arc;
    use tokio::io::AsyncWriteExt;
    let start = |own: fn(&mut Settings)| async move {
        let own = settings(|s| {
            (s.protocol, s.service_address) = ("tcp".to_owned(), "127.0.0.1:0".to_owned());
            own(s);
        });
        let mut plugin = Statsd::new(own, &Env::new("inputs.statsd")).unwrap();
        plugin.open().await.unwrap();
        let Some(Bound::Connections(socket)) = &plugin.bound else { panic!("tcp has connections") };
        (socket.local().unwrap(), plugin.intake.clone(), Running::start(plugin))
    };
    let names = |intake: Arc<Intake>, count| async move {
        for _ in 0..500 {
            if intake.with(|table| table.known()) == count {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let told = |kept: Arc<crate::testing::Kept>| kept.take().iter().flat_map(text).collect::<Vec<_>>();

    let (sockets, leaving) = (Sockets::default(), Arc::new(Leaving::default()));
    let (at, counted, before) = sockets.open(&leaving, start(|_| {})).await;
    let mut client = tokio::net::TcpStream::connect(at).await.unwrap();
    client.write_all(b"a:1|c\nbroken\nhalf:2").await.unwrap();
    names(counted, 1).await;
    leaving.add(&sockets);
    let (again, counting, after) = Sockets::default().open(&leaving, start(|s| s.float_counters = true)).await;
    assert_eq!(again, at);
    sockets.hand_over();
    let kept = before.stop().await;
    assert_eq!(kept.errors(), ["parse line \"broken\": no ':' after the name"]);
    assert_eq!(told(kept), ["a counter value=1"]);
    // An error of the first write after an end comes with the second.
    for bytes in [b"5|c\n".as_slice(), b"b:1|c\n", b"c:1|c"] {
        client.write_all(bytes).await.unwrap();
    }
    drop(client);
    names(counting, 3).await;
    let kept = after.stop().await;
    assert!(kept.errors().is_empty(), "{:?}", kept.errors());
    assert_eq!(told(kept), ["b counter value=f1.0", "c counter value=f1.0", "half counter value=f25.0"]);
}
