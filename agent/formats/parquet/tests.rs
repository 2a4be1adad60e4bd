//! The parser on files written here; Telegraf's own cases run from outside.

use super::*;
use crate::testing::{build, list, text};
use ::parquet::basic::Compression;
use ::parquet::column::writer::ColumnWriter;
use ::parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use agent_api::options::Setting;
use agent_api::{Body, Collector, Parser, Value};
use std::sync::Arc;

/// What a parser with these options gives of a file, a line for each metric, and its error.
fn read(file: &[u8], options: &[(&str, Setting)]) -> (String, Option<String>) {
    let mut out = Collector::new();
    let mut parser = build::<Parquet>(options).unwrap();
    let error = parser.parse(&Body::new(file.to_vec()), &mut out).err().map(|e| e.to_string());
    let mut batch = out.take();
    batch.settle_times(0, 0);
    let line = |m: agent_api::MetricRef<'_>| {
        let tags: String = m.tags().map(|(k, v)| format!(",{k}={v}")).collect();
        let value = |v: Value<'_>| match v {
            Value::Str(v) => format!("{v:?}"),
            Value::Float(v) => format!("{v}"),
            Value::Int(v) => format!("{v}i"),
            Value::Uint(v) => format!("{v}u"),
            Value::Bool(v) => format!("{v}"),
        };
        let fields: Vec<String> = m.fields().map(|(k, v)| format!("{k}={}", value(v))).collect();
        format!("{}{tags} {} {}", m.name(), fields.join(","), m.time())
    };
    (batch.iter().map(line).collect::<Vec<_>>().join("\n"), error)
}

/// A file with one group of rows; `write` is called for each column in order.
fn file(schema: &str, compression: Compression, mut write: impl FnMut(usize, &mut ColumnWriter<'_>)) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut place = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        write(place, column.untyped());
        column.close().unwrap();
        place += 1;
    }
    group.close().unwrap();
    writer.close().unwrap();
    out
}

fn numbers(compression: Compression, count: usize) -> Vec<u8> {
    file("message m { required int64 v; optional binary host (UTF8); }", compression, |_, column| match column {
        ColumnWriter::Int64ColumnWriter(w) => {
            w.write_batch(&(0..count as i64).collect::<Vec<_>>(), None, None).unwrap();
        }
        ColumnWriter::ByteArrayColumnWriter(w) => {
            let levels: Vec<i16> = (0..count).map(|i| i16::from(i % 3 != 0)).collect();
            let values: Vec<ByteArray> =
                (0..count).filter(|i| i % 3 != 0).map(|i| ByteArray::from(format!("h{i}").into_bytes())).collect();
            w.write_batch(&values, Some(&levels), None).unwrap();
        }
        _ => unreachable!("the schema has two columns"),
    })
}

#[test]
fn every_type() {
    let schema = "message m { required boolean a; required int32 b; required int64 c; required int96 d; required float e;
        required double f; required binary g; required fixed_len_byte_array(2) h; required int32 i (UINT_32); required int64 j (UINT_64);
        required group k { optional int32 l; } repeated int32 n; }";
    let file = file(schema, Compression::UNCOMPRESSED, |place, column| {
        match (place, column) {
            (_, ColumnWriter::BoolColumnWriter(w)) => w.write_batch(&[true], None, None),
            (1, ColumnWriter::Int32ColumnWriter(w)) => w.write_batch(&[-1], None, None),
            (2, ColumnWriter::Int64ColumnWriter(w)) => w.write_batch(&[-2], None, None),
            (_, ColumnWriter::Int96ColumnWriter(w)) => w.write_batch(&[Int96::from(vec![1, 0, 2_440_589])], None, None),
            (_, ColumnWriter::FloatColumnWriter(w)) => w.write_batch(&[0.1], None, None),
            (_, ColumnWriter::DoubleColumnWriter(w)) => w.write_batch(&[0.1], None, None),
            (_, ColumnWriter::ByteArrayColumnWriter(w)) => {
                w.write_batch(&[ByteArray::from(vec![b'x', 0xff])], None, None)
            }
            (_, ColumnWriter::FixedLenByteArrayColumnWriter(w)) => {
                w.write_batch(&[FixedLenByteArray::from(b"hi".to_vec())], None, None)
            }
            (8, ColumnWriter::Int32ColumnWriter(w)) => w.write_batch(&[-1], None, None),
            (9, ColumnWriter::Int64ColumnWriter(w)) => w.write_batch(&[-1], None, None),
            (10, ColumnWriter::Int32ColumnWriter(w)) => w.write_batch(&[5], Some(&[1]), None),
            (_, ColumnWriter::Int32ColumnWriter(w)) => w.write_batch(&[6, 7], Some(&[1, 1]), Some(&[0, 1])),
            _ => unreachable!("the schema has no other columns"),
        }
        .unwrap();
    });
    let expected = "test a=true,b=-1i,c=-2i,d=86400000000001i,e=0.10000000149011612,f=0.1,g=\"x\u{fffd}\",h=\"hi\",\
        i=4294967295i,j=18446744073709551615u,l=5i,n_0=6i,n_1=7i 0";
    assert_eq!(read(&file, &[]), (expected.to_owned(), None));
    let options =
        [("tag_columns", list(&["e", "a", "n"])), ("measurement_column", text("h")), ("timestamp_column", text("c"))];
    let (lines, error) = read(&file, &options);
    assert_eq!(error, None);
    assert!(lines.starts_with("hi,a=true,e=0.1,n_0=6,n_1=7 b=-1i,") && lines.ends_with(" -2000000000"), "{lines}");
}

#[test]
fn rows_of_every_compression_stay_together() {
    use ::parquet::basic::{BrotliLevel, GzipLevel, ZstdLevel};
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4_RAW,
    ] {
        let (lines, error) = read(&numbers(compression, 2500), &[("tag_columns", list(&["host"]))]);
        assert_eq!(error, None, "{compression}");
        let expected =
            (0..2500).map(|i| if i % 3 == 0 { format!("test v={i}i 0") } else { format!("test,host=h{i} v={i}i 0") });
        assert_eq!(lines, expected.collect::<Vec<_>>().join("\n"), "{compression}");
    }
}

#[test]
fn a_bad_time_leaves_the_other_rows_alone() {
    let options = [("timestamp_column", text("host")), ("timestamp_format", text("2006-01-02"))];
    let (lines, error) = read(&numbers(Compression::SNAPPY, 4), &options);
    assert_eq!(lines, "test v=0i 0\ntest v=3i 0");
    let error = error.unwrap();
    assert!(error.starts_with("row 2: timestamp_column: ") && error.contains("row 3: "), "{error}");
}

#[test]
fn broken_files_are_refused() {
    assert!(read(b"", &[]).1.unwrap().starts_with("read Parquet: "));
    assert!(read(b"PAR1 and nothing else PAR1", &[]).1.unwrap().starts_with("read Parquet: "));
    let good = numbers(Compression::SNAPPY, 300);
    let mut refused = 0;
    // Every part of a file, broken in turn: it is read, or refused, and never more.
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        refused += usize::from(read(&bad, &[]).1.is_some());
        refused += usize::from(read(&good[..at], &[]).1.is_some());
    }
    assert!(refused > good.len() / 7, "{refused}");
}
