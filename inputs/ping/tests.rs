//! Outputs of programs, a program that is a script, and the loopback.

use super::*;

const LINUX: &str = "PING own.example (192.0.2.1) 16(44) bytes of data.\n24 bytes from 192.0.2.1: icmp_seq=1 ttl=57 time=3.25 ms\n\
    24 bytes from 192.0.2.1: icmp_seq=2 ttl=58 time=5 ms\n\n--- own.example ping statistics ---\n\
    3 packets transmitted, 2 received, 33.3333% packet loss, time 0ms\nrtt min/avg/max/mdev = 3.250/4.500/6.750/1.125 ms\n";
const BSD: &str = "PING6(56=40+8+8 bytes) ::1 --> ::1\n16 bytes from ::1, icmp_seq=0 hlim=64 time=0.1 ms\n\
    1 packets transmitted, 1 packets received, 0.0% packet loss\nround-trip min/avg/max = 0.088/0.088/0.088 ms\n";
const WINDOWS: &str = "Ping wird ausgef\u{fc}hrt f\u{fc}r own.example [192.0.2.1] mit 32 Bytes Daten:\r\n\
    Antwort von 192.0.2.1: Bytes=32 Zeit=48ms TTL=52\r\nAntwort von 10.0.0.1: Zielnetz nicht erreichbar.\r\n\r\n\
    Ping-Statistik f\u{fc}r 192.0.2.1:\r\n    Pakete: Gesendet = 4, Empfangen = 2, Verloren = 2\r\n    (50% Verlust),\r\n\
    Ca. Zeitangaben in Millisek.:\r\n    Minimum = 48ms, Maximum = 52ms, Mittelwert = 50ms\r\n";

fn shown(report: &Report) -> String {
    report.fields.iter().map(|(k, v)| format!("{k}={v:?}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn outputs_of_the_systems() {
    assert_eq!(
        shown(&output::unix(LINUX, 0).unwrap()),
        "result_code=Int(0) packets_transmitted=Int(3) packets_received=Int(2) percent_packet_loss=Float(33.33333333333333) \
         ttl=Int(57) minimum_response_ms=Float(3.25) average_response_ms=Float(4.5) maximum_response_ms=Float(6.75) \
         standard_deviation_ms=Float(1.125)"
    );
    let bsd = shown(&output::unix(BSD, 0).unwrap());
    assert!(bsd.contains("ttl=Int(64)") && bsd.ends_with("maximum_response_ms=Float(0.088)"), "{bsd}");
    assert_eq!(
        shown(&output::windows(WINDOWS).unwrap()),
        "result_code=Int(0) packets_transmitted=Int(4) packets_received=Int(2) reply_received=Int(1) \
         percent_packet_loss=Float(50.0) percent_reply_loss=Float(75.0) minimum_response_ms=Float(48.0) \
         maximum_response_ms=Float(52.0) average_response_ms=Float(50.0)"
    );
    for bad in ["", "ttl=57", "x transmitted, y received", "1 transmitted received", "rtt min/avg/max = 1/2"] {
        assert!(output::unix(bad, 0).is_err() && output::windows(bad).is_err(), "{bad}");
    }
}

#[test]
fn takes_anything() {
    for sample in [LINUX, WINDOWS] {
        crate::host::testing::noise(sample.as_bytes(), |text| {
            let text = String::from_utf8_lossy(text);
            let _any = (output::unix(&text, 0).is_ok(), output::windows(&text).is_ok());
        });
    }
}

#[cfg(unix)]
#[test]
fn programs_and_how_they_end() {
    let script = "case $1 in good) echo '1 packets transmitted, 1 received';; lost) echo '1 packets transmitted, 0 received'; exit 1;; \
                  *) echo unknown host >&2; exit 2;; esac";
    let urls = ["good", "lost", "none", "-x"].map(str::to_owned).to_vec();
    let arguments = ["-c", script, "sh"].map(str::to_owned).to_vec();
    let settings = Settings { urls, binary: "/bin/sh".to_owned(), arguments, ..Settings::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut out = Collector::new();
    runtime.block_on(Ping::new(settings, &Env::new("inputs.ping")).unwrap().gather(&mut out)).unwrap();
    let batch = out.take();
    let code = |url: &str| batch.iter().find(|m| m.tag("url") == Some(url))?.field("result_code");
    assert_eq!(["good", "lost", "none", "-x"].map(code), [0, 1, 2, 2].map(|c| Some(Value::Int(c))));
    let errors: Vec<String> = out.take_errors().0.iter().map(|e| format!("{e:#}")).collect();
    assert!(errors.len() == 2 && errors.iter().any(|e| e.contains("unknown host")), "{errors:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_loopback_answers() {
    let settings = Settings {
        method: "native".to_owned(),
        count: 2,
        ping_interval: Duration::millis(1),
        percentiles: vec![50],
        ..Settings::default()
    };
    match native::ping("127.0.0.1", &settings).await {
        Ok(answers) => {
            assert_eq!((answers.sent, answers.times.len()), (2, 2));
            assert!(answers.ttl.is_some());
        }
        // A system that allows no socket has to be told so.
        Err(native::Failure::Other(e)) => assert!(format!("{e:#}").contains("CAP_NET_RAW"), "{e:#}"),
        Err(other) => panic!("{other:?}"),
    }
    let only_v6 = Settings { ipv6: true, ..settings };
    assert!(matches!(native::ping("127.0.0.1", &only_v6).await, Err(native::Failure::Unknown(_))));
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    for own in [
        |s: &mut Settings| s.method = "own".to_owned(),
        |s: &mut Settings| s.size = Size(70_000),
        |s: &mut Settings| s.percentiles = vec![101],
    ] {
        let mut settings = Settings::default();
        own(&mut settings);
        assert!(Ping::new(settings, &Env::new("inputs.ping")).is_err());
    }
}
