//! What is read and written, and that reading gives back what was written.

use super::*;
use crate::testing::build;
use crate::wire::{Message, put_bytes, put_double, put_number, put_varint};
use agent_api::options::Setting;
use agent_api::*;

fn read(version: i64, request: &[u8]) -> (Vec<String>, Option<String>) {
    let mut parser = build::<RemoteWrite>(&[("prometheus_metric_version", Setting::Int(version))]).unwrap();
    let mut out = Collector::new();
    let error = parser.parse(&Body::new(request.to_vec()), &mut out).err().map(|e| e.to_string());
    out.batch().settle_times(0, 0);
    (out.batch().iter().map(|m| format!("{m:?}")).collect(), error)
}

/// A request of one series.
fn request(labels: &[(&str, &str)], rest: &[u8]) -> Vec<u8> {
    let (mut series, mut request) = (Vec::new(), Vec::new());
    for (name, value) in labels {
        let mut label = Vec::new();
        put_bytes(1, name.as_bytes(), &mut label);
        put_bytes(2, value.as_bytes(), &mut label);
        put_bytes(1, &label, &mut series);
    }
    series.extend(rest);
    put_bytes(1, &series, &mut request);
    request
}

fn sample(value: f64, millis: i64) -> Vec<u8> {
    let (mut sample, mut out) = (Vec::new(), Vec::new());
    put_double(1, value, &mut sample);
    put_number(2, millis as u64, &mut sample);
    put_bytes(2, &sample, &mut out);
    out
}

#[test]
fn samples() {
    let samples = [sample(1.5, 1_600_000_000_123), sample(f64::NAN, 5), sample(2.0, 0)].concat();
    let request = request(&[("__name__", "hits"), ("job", "é")], &samples);
    let (lines, error) = read(1, &request);
    assert_eq!(error, None);
    assert_eq!(lines, ["hits,job=é value=Float(1.5) 1600000000123000000", "hits,job=é value=Float(2.0) 0"]);
    let (lines, _) = read(0, &request);
    assert_eq!(lines[0], "prometheus_remote_write,job=é hits=Float(1.5) 1600000000123000000");
    assert!(build::<RemoteWrite>(&[("prometheus_metric_version", Setting::Int(3))]).is_err());
}

#[test]
fn a_bad_series_is_told_and_the_others_are_kept() {
    let good = request(&[("__name__", "a")], &sample(1.0, 1));
    let document = [request(&[("job", "x")], &sample(1.0, 1)), good.clone()].concat();
    let (lines, error) = read(1, &document);
    assert_eq!((lines.len(), error.as_deref()), (1, Some("a series has no name")));
    let (lines, error) = read(1, &[good.clone(), vec![0x0a, 9]].concat());
    assert_eq!((lines.len(), error.is_some()), (1, true));
    for cut in 1..good.len() {
        assert!(read(2, &good[..cut]).1.is_some());
    }
}

fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

fn span(field: u8, offset: i64, length: u64, out: &mut Vec<u8>) {
    let mut span = Vec::new();
    put_number(1, zigzag(offset), &mut span);
    put_number(2, length, &mut span);
    put_bytes(field, &span, out);
}

fn packed(field: u64, numbers: impl IntoIterator<Item = Vec<u8>>, out: &mut Vec<u8>) {
    let list: Vec<u8> = numbers.into_iter().flatten().collect();
    put_varint(field << 3 | 2, out);
    put_varint(list.len() as u64, out);
    out.extend(list);
}

fn double(v: f64) -> Vec<u8> {
    v.to_le_bytes().to_vec()
}

/// The histogram of the recorded case `float_histogram`.
fn float_histogram() -> Vec<u8> {
    let (mut h, mut out) = (Vec::new(), Vec::new());
    put_double(2, 16.0, &mut h);
    put_double(3, 158.63, &mut h);
    put_double(5, 0.001, &mut h);
    span(8, 0, 2, &mut h);
    packed(10, [2.0, 3.0].map(double), &mut h);
    span(11, 0, 4, &mut h);
    span(11, 2, 1, &mut h);
    packed(13, [2.0, 1.0, 3.0, 2.0, 3.0].map(double), &mut h);
    put_number(15, 1_740_375_855, &mut h);
    put_bytes(4, &h, &mut out);
    out
}

#[test]
fn a_native_histogram_in_version_one() {
    let (lines, error) = read(1, &request(&[("__name__", "test_metric_seconds")], &float_histogram()));
    assert_eq!(error, None);
    assert_eq!(
        lines,
        [
            "test_metric_seconds counter_reset_hint=Uint(0),schema=Int(0),zero_threshold=Float(0.001),zero_count=Float(0.0),count=Float(16.0),\
          sum=Float(158.63),-1=Float(3.0),-0.5=Float(5.0),1=Float(7.0),2=Float(8.0),4=Float(11.0),8=Float(13.0),64=Float(16.0),\
          positive_span_0_offset=Int(0),positive_span_0_length=Uint(4),positive_span_1_offset=Int(2),positive_span_1_length=Uint(1),\
          positive_bucket_0=Float(2.0),positive_bucket_1=Float(1.0),positive_bucket_2=Float(3.0),positive_bucket_3=Float(2.0),\
          positive_bucket_4=Float(3.0),negative_span_0_offset=Int(0),negative_span_0_length=Uint(2),negative_bucket_0=Float(2.0),\
          negative_bucket_1=Float(3.0) 1740375855000000"
        ]
    );
}

#[test]
fn a_native_histogram_in_version_two() {
    let (lines, error) = read(2, &request(&[("__name__", "m"), ("k", "v")], &float_histogram()));
    assert_eq!(error, None);
    let lines: Vec<String> =
        lines.iter().map(|l| l.replace("prometheus_remote_write,k=v", "P").replace(" 1740375855000000", "")).collect();
    assert_eq!(
        lines,
        [
            "P m_sum=Float(158.63)",
            "P m_count=Float(16.0)",
            "P,m_le=-1 m=Float(3.0)",
            "P,m_le=-0.5 m=Float(5.0)",
            "P,m_le=1 m=Float(7.0)",
            "P,m_le=2 m=Float(8.0)",
            "P,m_le=4 m=Float(11.0)",
            "P,m_le=8 m=Float(13.0)",
            "P,m_le=64 m=Float(16.0)",
        ]
    );
}

#[test]
fn whole_numbers_and_own_bounds() {
    let (mut h, mut out) = (Vec::new(), Vec::new());
    put_number(1, 10, &mut h);
    put_number(4, zigzag(-53), &mut h);
    put_number(6, 1, &mut h);
    span(11, 0, u64::MAX, &mut h);
    packed(
        12,
        [3, -1, 2].map(|n| {
            let mut v = Vec::new();
            put_varint(zigzag(n), &mut v);
            v
        }),
        &mut h,
    );
    packed(16, [0.5, 1.5].map(double), &mut h);
    put_bytes(4, &h, &mut out);
    let (lines, error) = read(2, &request(&[("__name__", "m")], &out));
    assert_eq!(error, None);
    let lines: Vec<&str> =
        lines.iter().map(|l| l.trim_start_matches("prometheus_remote_write").trim_end_matches(" 0")).collect();
    let want = [
        " m_sum=Float(0.0)",
        " m_count=Float(10.0)",
        ",m_le=0 m=Float(1.0)",
        ",m_le=0.5 m=Float(4.0)",
        ",m_le=1.5 m=Float(6.0)",
        ",m_le=+Inf m=Float(10.0)",
    ];
    assert_eq!(lines, want);
}

/// What is in a packed request: labels, then samples, of each series.
fn unpack(packed: &[u8]) -> Vec<String> {
    let message = snap::raw::Decoder::new().decompress_vec(packed).unwrap();
    let (mut request, mut lines) = (Message::new(&message), Vec::new());
    while let Some((_, series)) = request.next().unwrap() {
        let (mut fields, mut line) = (series.message().unwrap(), String::new());
        while let Some((field, value)) = fields.next().unwrap() {
            let mut pair = value.message().unwrap();
            let (a, b) = (pair.next().unwrap().unwrap().1, pair.next().unwrap().unwrap().1);
            line += &match field {
                1 => format!("{}={} ", a.text().unwrap(), b.text().unwrap()),
                _ => format!("{}@{} ", a.double().unwrap(), b.signed().unwrap()),
            };
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

fn write(batch: Batch, options: &[(&str, Setting)]) -> Vec<String> {
    let (mut writer, mut out) = (build::<Writer>(options).unwrap(), b"before".to_vec());
    writer.serialize_batch(&Chunk::from(batch), &mut out).unwrap();
    assert!(out.starts_with(b"before"));
    unpack(&out[6..])
}

#[test]
fn all_samples_of_a_series_are_written_in_order() {
    let mut batch = Batch::new();
    for (time, value) in [(5, 1.0), (3, 2.0), (5, 3.0)] {
        batch.metric("m").tag("Upper", "u").tag("k", "v").field("f", value).field("s", "text").time(time * 1_000_000);
    }
    batch.metric("m").tag("empty", "").field("ok", true).time(0);
    assert_eq!(write(batch.clone(), &[]), ["Upper=u __name__=m_f k=v 2@3 3@5", "__name__=m_ok 1@0"]);
    let options =
        [("prometheus_sort_metrics", Setting::Bool(true)), ("prometheus_string_as_label", Setting::Bool(true))];
    assert_eq!(write(batch, &options), ["__name__=m_ok 1@0", "Upper=u __name__=m_f k=v s=text 2@3 3@5"]);
}

#[test]
fn histograms_and_summaries() {
    let mut batch = Batch::new();
    let time = 7_000_000;
    batch
        .metric("prometheus")
        .tag("gate", "a")
        .kind(Kind::Histogram)
        .field("h_count", 9.0)
        .field("h_sum", 5.5)
        .time(time);
    batch
        .metric("prometheus")
        .tag("gate", "a")
        .tag("le", "0.50")
        .kind(Kind::Histogram)
        .field("h_bucket", 4.0)
        .time(time);
    batch
        .metric("prometheus")
        .tag("gate", "a")
        .tag("le", "+Inf")
        .kind(Kind::Histogram)
        .field("h_bucket", 8.0)
        .time(time);
    batch
        .metric("prometheus")
        .tag("quantile", "0.9")
        .kind(Kind::Summary)
        .field("s", 2.0)
        .field("s_count", 3i64)
        .time(time);
    batch.metric("prometheus").kind(Kind::Histogram).field("other", 2.0).field("x_count", -1i64).time(time);
    assert_eq!(
        write(batch, &[]),
        [
            "__name__=h_count gate=a 9@7",
            "__name__=h_bucket gate=a le=+Inf 8@7",
            "__name__=h_sum gate=a 5.5@7",
            "__name__=h_bucket gate=a le=0.5 4@7",
            "__name__=s quantile=0.9 2@7",
            "__name__=s_count 3@7",
        ]
    );
}

#[test]
fn what_is_written_is_read_again() {
    let mut batch = Batch::new();
    for i in 0..500i64 {
        let metric = batch.metric("prometheus_remote_write").tag("k", &format!("v\"{}\n", i % 97)).tag("é", "x");
        metric.field(&format!("m{}", i % 3), (i as f64).sqrt()).time((i + 1) * 1_000_000);
    }
    let (mut writer, mut out) = (build::<Writer>(&[]).unwrap(), Vec::new());
    writer.serialize_batch(&Chunk::from(batch.clone()), &mut out).unwrap();
    let message = snap::raw::Decoder::new().decompress_vec(&out).unwrap();
    let (mut lines, error) = read(2, &message);
    assert_eq!(error, None);
    // The name of the metric becomes part of that of the series; a letter beyond ASCII makes no label.
    let mut want: Vec<String> = batch
        .iter()
        .map(|m| format!("{m:?}").replace(" m", " prometheus_remote_write_m").replace(",é=x", ""))
        .collect();
    lines.sort();
    want.sort();
    assert_eq!(lines, want);
}
