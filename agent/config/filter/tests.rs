//! What filters select and change.

use super::*;
use agent_api::stats::Counter;

fn list(entries: &[&str]) -> List {
    List { entries: entries.iter().map(|e| (*e).to_owned()).collect(), at: Span::default() }
}

fn lists(entries: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    entries.iter().map(|(key, values)| ((*key).to_owned(), list(values).entries)).collect()
}

fn compile(options: &FilterOptions) -> (Filter, Vec<String>) {
    let mut problems = Vec::new();
    let filter = options.compile(Log::new("inputs.x", None, Counter::default()), &mut problems);
    (filter, problems.into_iter().map(|p| p.message).collect())
}

fn metrics() -> Batch {
    let mut batch = Batch::new();
    batch.metric("cpu").tag("env", "prod").tag("zone", "eu-1").field("load", 1.5).field("note", "x");
    batch.metric("cpu.load").tag("env", "test").field("load", 2i64);
    batch.metric("{cpu,mem}").field("note", "y");
    batch.metric("mem").tag("zone", "us-1").field("used", 3u64).field("ok", true);
    batch
}

/// The names of the metrics that are selected.
fn selected(options: &FilterOptions) -> Vec<String> {
    let (filter, problems) = compile(options);
    assert_eq!(problems, [""; 0]);
    metrics().iter().filter(|m| filter.selects(*m)).map(|m| m.name().to_owned()).collect()
}

#[test]
fn nothing_given_selects_all_and_changes_nothing() {
    let (filter, _) = compile(&FilterOptions::default());
    assert!(filter.0.is_none() && filter.selects_all() && filter.modifies_nothing());
    assert_eq!(selected(&FilterOptions::default()).len(), 4);
}

#[test]
fn names() {
    for (pass, drop, separators, want) in [
        (list(&["cpu", "mem"]), list(&[]), "", vec!["cpu", "mem"]),
        (list(&["cpu*"]), list(&["*load"]), "", vec!["cpu"]),
        (list(&["{cpu,mem}"]), list(&[]), "", vec!["{cpu,mem}"]),
        (list(&["{cpu,mem}"]), list(&[]), "/", vec!["cpu", "mem"]),
        (list(&["{cpu,mem}", "x?"]), list(&[]), "", vec!["cpu", "mem"]),
        (list(&["*"]), list(&[]), ".", vec!["cpu", "{cpu,mem}", "mem"]),
        (list(&[]), list(&["[cm]*"]), "", vec!["{cpu,mem}"]),
    ] {
        let options = FilterOptions {
            namepass: pass,
            namedrop: drop,
            namepass_separator: separators.to_owned(),
            ..FilterOptions::default()
        };
        assert_eq!(selected(&options), want, "{options:?}");
    }
}

#[test]
fn tags() {
    for (pass, drop, want) in [
        (lists(&[("env", &["*"])]), lists(&[]), vec!["cpu", "cpu.load"]),
        (lists(&[("env", &["prod"]), ("zone", &["us-?"])]), lists(&[]), vec!["cpu", "mem"]),
        (lists(&[("env", &["*"])]), lists(&[("zone", &["eu-*"])]), vec!["cpu.load"]),
        (lists(&[("env", &[])]), lists(&[]), vec![]),
        (lists(&[]), lists(&[("zone", &[])]), vec!["cpu", "cpu.load", "{cpu,mem}", "mem"]),
        (lists(&[("e*", &["prod"])]), lists(&[]), vec![]),
    ] {
        let options = FilterOptions { tagpass: pass, tagdrop: drop, ..FilterOptions::default() };
        assert_eq!(selected(&options), want, "{options:?}");
    }
}

#[test]
fn expressions() {
    for (source, want) in [
        ("name == 'cpu'", vec!["cpu"]),
        // An expression that fails lets the metric pass: here those without the tag.
        ("tags.env == 'test'", vec!["cpu.load", "{cpu,mem}", "mem"]),
        ("'env' in tags && tags.env == 'test'", vec!["cpu.load"]),
        ("'used' in fields && fields.used > 2", vec!["mem"]),
        ("tags.size() == 2 && fields.exists(f, f == 'note')", vec!["cpu"]),
    ] {
        let options = FilterOptions { metricpass: source.to_owned(), ..FilterOptions::default() };
        assert_eq!(selected(&options), want, "{source}");
    }
}

#[test]
fn fields_and_tags_are_taken_out() {
    let options = FilterOptions {
        fieldinclude: list(&["*o*", "used"]),
        fieldexclude: list(&["note"]),
        tagexclude: list(&["zone"]),
        ..FilterOptions::default()
    };
    let (filter, _) = compile(&options);
    assert!(filter.selects_all() && !filter.modifies_nothing());
    let mut batch = metrics();
    filter.modify_all(&mut batch);
    let left: Vec<String> = batch
        .iter()
        .map(|m| {
            let tags: Vec<&str> = m.tags().map(|(k, _)| k).collect();
            let fields: Vec<&str> = m.fields().map(|(k, _)| k).collect();
            format!("{} {} {}", m.name(), tags.join(","), fields.join(","))
        })
        .collect();
    assert_eq!(left, ["cpu env load", "cpu.load env load", "mem  used,ok"]);
}

#[test]
fn bad_patterns_name_their_option() {
    let options = FilterOptions {
        namepass: list(&["cpu["]),
        namedrop: list(&["[a-"]),
        tagpass: lists(&[("env", &["[*"])]),
        fieldexclude: list(&["[x"]),
        taginclude: list(&["[x"]),
        metricpass: "name ==".to_owned(),
        ..FilterOptions::default()
    };
    let (_, problems) = compile(&options);
    let keys: Vec<&str> = problems.iter().filter_map(|p| p.split(": ").next()).collect();
    assert_eq!(keys, ["namepass", "namedrop", "tagpass.env", "fieldexclude", "taginclude", "metricpass"]);
}
