//! What is read, what is written, and that reading gives back what was written.

use super::*;
use agent_api::*;

fn parse(text: &str) -> (Batch, Option<ParseError>) {
    parse_as(text, "internal")
}

fn parse_as(text: &str, dialect: &str) -> (Batch, Option<ParseError>) {
    let span = options::Span::default();
    let mut table = Table::default();
    table.set("influx_parser_type", span, options::Item { value: options::Setting::Str(dialect.to_owned()), span });
    let settings = <Influx as Plugin>::Settings::load(&table).expect("settings are good");
    let mut parser = <Influx as Plugin>::new(settings, &Env::new("test")).expect("settings are good");
    let mut out = Collector::new();
    let error = Parser::parse(&mut parser, &Body::from(text), &mut out).err();
    (out.take(), error)
}

fn write(batch: &Batch) -> String {
    let mut writer = Writer::readable();
    let mut out = Vec::new();
    for metric in batch.iter() {
        writer.serialize(metric, &mut out).expect("it has a name");
    }
    String::from_utf8(out).expect("line protocol is text")
}

/// Reads and writes; `now` is cut off.
fn through(text: &str) -> String {
    let (batch, error) = parse(text);
    assert!(error.is_none(), "{text:?}: {error:?}");
    write(&batch)
}

#[test]
fn ordinary_lines_come_back_as_they_were() {
    for line in [
        "cpu,cpu=cpu0,host=a usage_idle=98.25,usage_user=1.5 1600000000000000000\n",
        "m v=1i 0\n",
        "m v=18446744073709551615u -5\n",
        "m a=true,b=false 1\n",
        "m s=\"plain text, with = and blanks\" 1\n",
        "m s=\"two\nlines\",z=1 1\n",
        "m s=\"a \\\"quoted\\\" back\\\\slash\" 1\n",
        "north\\ pier\\,left,a\\=b=c\\=d,tide\\ gauge=high\\,\\ rising level\\ cm=31i,p\\=q=2,x\\,y=1 1\n",
    ] {
        assert_eq!(through(line), line);
    }
}

#[test]
fn odd_but_good() {
    assert_eq!(through("\u{feff}m v=1 1\r\n\n  # c\n#x\n   m v=2 2"), "m v=1 1\nm v=2 2\n");
    assert_eq!(through("m,t=a,t=b f=1,g=2,f=3 5\n"), "m,t=b f=3,g=2 5\n");
    assert_eq!(
        through("ff a=1.,b=-0.5,c=1e+3,d=1E-3,e=-0,f=00012.50,g=123456789012345678 1"),
        "ff a=1,b=-0.5,c=1000,d=0.001,e=-0,f=12.5,g=123456789012345680 1\n"
    );
    assert_eq!(through("m,path=C:\\Tools\\new v=1 1"), "m,path=C:\\Tools\\new v=1 1\n");
    assert_eq!(through("m\\=x v=1 1"), "m\\=x v=1 1\n");
    assert_eq!(parse("m\\\\ a\\\\=1 1").0.at(0).field("a\\\\"), Some(Value::Float(1.0)));
    assert_eq!(through("m,t=a\\\\\\ b v=1 1"), "m,t=a\\\\\\ b v=1 1\n");
    assert_eq!(parse("m,t=a\\\"b\\ c v=1 1").0.at(0).tag("t"), Some("a\"b c"));
}

#[test]
fn control_characters_mean_the_same_with_and_without_a_line_end_behind() {
    for line in [
        "\tm v=1 1",
        "\0m v=1 1",
        "m\tx,t=a\tb v=1 1",
        "m,t=a\rb v\u{c}w=1 1",
        "m v=1\t 1",
        "m v=1 1\t",
        "m v=\"a\tb\"\t 1",
    ] {
        let ended = format!("{line}\n");
        assert_eq!(write(&parse(line).0), write(&parse(&ended).0), "{line:?}");
        assert_eq!(parse(line).1.is_some(), parse(&ended).1.is_some(), "{line:?}");
    }
    assert_eq!(through("\tm,t=a\tb v=1 1\n"), "m,t=a\\tb v=1 1\n");
}

#[test]
fn bad_lines_are_reported_and_the_good_ones_kept() {
    let text = "good v=1 1\nno fields here\nm,t= v=1 1\nm v=1x 1\nm v=\"open 1\nm v=99999999999999999999i\n,t=a v=1\ngood v=2 2\n";
    let (batch, error) = parse(text);
    assert_eq!(write(&batch), "good v=1 1\ngood v=2 2\n");
    let error = error.expect("six lines are bad");
    assert_eq!(error.bad, 6);
    assert_eq!(error.lines.iter().map(|b| b.line).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
    assert!(
        error.to_string().starts_with("line 2: expected '=' after field \"fields\" in \"no fields here\""),
        "{error}"
    );
}

#[test]
fn tabs_part_a_line_that_cannot_be_read_otherwise() {
    assert_eq!(through("m\tf=1\t5\n"), "m f=1 5\n");
    assert_eq!(through("m,t=a\tf=1i,g=\"x\ty\"\t5\t\n"), "m,t=a f=1i,g=\"x\ty\" 5\n");
    assert_eq!(parse_as("m\tf=1 5\n", "upstream").0.len(), 0);
}

#[test]
fn texts_of_the_two_dialects() {
    assert_eq!(write(&parse_as("a\\=b v=1 1\n", "upstream").0), "a\\=b v=1 1\n");
    let line = "m s=\"a\\tb\\,c\" 1\n";
    assert_eq!(parse_as(line, "upstream").0.at(0).field("s"), Some(Value::Str("a\tb\\,c")));
    assert_eq!(parse(line).0.at(0).field("s"), Some(Value::Str("a\\tb\\,c")));
}

#[test]
fn lines_without_a_time_get_times_of_their_own() {
    let before = plugin::now();
    let (batch, _) = parse("m v=1\nm v=2\nm v=\"x\\\\\"\n");
    let times: Vec<i64> = batch.iter().map(|m| m.time()).collect();
    assert!(times[0] > before && times.windows(2).all(|w| w[0] < w[1]), "{times:?}");
}

#[test]
fn blocks_do_not_show() {
    let mut text = String::new();
    for i in 0..8000 {
        text.push_str(&format!(
            "m{},tag=value{i} f={}.5,s=\"x{}y\" {i}\n",
            i % 7,
            i,
            if i % 50 == 0 { "\n" } else { "," }
        ));
    }
    assert!(text.len() > 3 * (64 << 10));
    let (batch, error) = parse(&text);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(write(&batch), text);
    let long = format!("m s=\"{}\" 1\nm v=1 2\n", "x".repeat(200_000));
    assert_eq!(through(&long), long);
}

#[test]
fn cuts_at_line_ends_but_not_within_texts() {
    let parser = |text: &str| {
        let p = <Influx as Plugin>::new(Default::default(), &Env::new("test")).expect("defaults are good");
        Parser::cut(&p, text.as_bytes()).expect("line protocol can be cut")
    };
    assert_eq!(parser("m v=1\nm v="), 6);
    assert_eq!(parser("m v=\"a\nb"), 0);
    assert_eq!(parser("m v=\"a\nb\"\nx"), 10);
    assert_eq!(parser("m v=1\n# it's \"odd\nm v=1\n"), 24);
    assert_eq!(parser("nothing"), 0);
}

#[test]
fn a_metric_without_a_name_is_refused() {
    let (mut batch, _) = parse("m,k=v a=1 1");
    for name in ["", "\\"] {
        batch.each(|m| m.set_name(name));
        let mut out = Vec::new();
        assert!(Writer::default().serialize(batch.at(0), &mut out).is_err());
        assert!(out.is_empty());
    }
}

#[test]
fn a_backslash_at_the_end_of_a_word_is_left_out() {
    let mut batch = Batch::new();
    batch.metric("m\\").tag("t\\", "a\\").field("\\", 1i64).field("f\\", 2i64).field("\\g", 3i64).time(1);
    assert_eq!(write(&batch), "m,t=a \\g=3i,f=2i 1\n");
}

#[test]
fn long_lines_are_cut_into_several() {
    let (batch, _) = parse("tram,line=7 a=1,b=2,c=\"a text that is far too long\",d=4 9\n");
    let mut writer = Writer { settings: serde_settings(28) };
    let mut out = Vec::new();
    writer.serialize(batch.at(0), &mut out).expect("it has a name");
    assert_eq!(String::from_utf8_lossy(&out), "tram,line=7 a=1,b=2,d=4 9\n");
    let mut writer = Writer { settings: serde_settings(20) };
    out.clear();
    writer.serialize(batch.at(0), &mut out).expect("it has a name");
    assert_eq!(String::from_utf8_lossy(&out), "tram,line=7 a=1 9\ntram,line=7 b=2 9\ntram,line=7 d=4 9\n");
}

fn serde_settings(max: i64) -> super::serializer::Settings {
    let span = options::Span::default();
    let mut table = Table::default();
    table.set("influx_max_line_bytes", span, options::Item { value: options::Setting::Int(max), span });
    table.read().expect("settings are good")
}

#[test]
fn random_texts_never_panic_and_what_was_read_reads_back() {
    let mut seed = 7u64;
    let mut next = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n as u64) as usize
    };
    let parts = [
        "m", ",", "=", " ", "\n", "\"", "\\", "a", "1", "-", ".", "i", "u", "t", "#", "ä", "e5", "\r", "\t", "0",
        "x=1", " 7\n",
    ];
    for _ in 0..20_000 {
        let text: String = (0..next(40)).map(|_| parts[next(parts.len())]).collect();
        let (batch, _) = parse(&text);
        let written = write(&batch);
        let (again, error) = parse(&written);
        assert!(error.is_none(), "{text:?} was written as {written:?}: {error:?}");
        assert_eq!(write(&again), written, "{text:?}");
    }
}

#[test]
fn a_field_without_a_key_leaves_nothing_behind() {
    let mut batch = Batch::new();
    batch.metric("m").field("a", 1.5).field("", 0.25).field("b", 0.25).field("c", 0.25).time(1);
    let mut out = Vec::new();
    Writer::readable().serialize(batch.at(0), &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "m a=1.5,b=0.25,c=0.25 1\n");
}
