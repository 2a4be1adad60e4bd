//! What a batch keeps through borrowing, changing, copying and cutting.

use super::*;

fn batch() -> Batch {
    let mut batch = Batch::new();
    batch.metric("cpu").tag("b", "2").tag("a", "1").field("x", 1.5).field("n", 3i64).time(7);
    batch.metric("mem").field("used", 9u64).field("ok", true).field("s", "text").time(8);
    batch
}

#[test]
fn a_built_metric_has_sorted_tags_and_its_fields_in_order() {
    let batch = batch();
    assert_eq!(batch.at(0).tags().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
    assert_eq!(batch.at(1).fields().map(|f| f.0).collect::<Vec<_>>(), ["used", "ok", "s"]);
    assert_eq!(batch.at(1).field("s"), Some(Value::Str("text")));
}

#[test]
fn of_a_key_given_twice_the_last_value_stays() {
    let mut batch = Batch::new();
    batch.metric("m").tag("k", "1").tag("k", "2").field("f", 1i64).field("g", 2i64).field("f", 3i64);
    assert_eq!(batch.at(0).tags().collect::<Vec<_>>(), [("k", "2")]);
    assert_eq!(batch.at(0).fields().collect::<Vec<_>>(), [("f", Value::Int(3)), ("g", Value::Int(2))]);
    let many: Vec<String> = (0..40).map(|i| format!("f{}", i % 20)).collect();
    batch.metric("w").fields(many.iter().enumerate().map(|(i, k)| (k, Value::Int(i as i64))));
    assert_eq!(batch.at(1).fields().len(), 20);
    assert_eq!(batch.at(1).field("f3"), Some(Value::Int(23)));
}

#[test]
fn many_tags_are_sorted_as_few_are() {
    let mut batch = Batch::new();
    let keys: Vec<String> = (0..200).map(|i| format!("k{:03}", i * 7919 % 150)).collect();
    batch.metric("m").tags(keys.iter().enumerate().map(|(i, k)| (k, i.to_string()))).field("f", 1i64);
    let got: Vec<&str> = batch.at(0).tags().map(|t| t.0).collect();
    assert_eq!(got.len(), 150);
    assert!(got.is_sorted());
    let last = keys.iter().rposition(|k| k == got[42]).expect("it was given");
    assert_eq!(batch.at(0).tag(got[42]), Some(last.to_string().as_str()));
}

#[test]
fn a_metric_without_fields_is_not_added() {
    let mut batch = Batch::new();
    batch.metric("m").tag("k", "1");
    batch.metric("m").field("f", 1i64).discard();
    assert!(batch.is_empty() && batch.tags.is_empty() && batch.fields.is_empty());
}

#[test]
fn editing_one_metric_leaves_its_neighbours_alone() {
    let mut batch = batch();
    let before = batch.at(1).to_owned();
    let mut m = batch.at_mut(0);
    m.set_tag("aa", "new");
    m.set_tag("a", "changed");
    m.rename_tag("b", "z");
    m.set_field("y", false);
    m.set_field("x", "now text");
    m.rename_field("n", "count");
    m.set_name("cpu2");
    let m = batch.at(0);
    assert_eq!(m.tags().collect::<Vec<_>>(), [("a", "changed"), ("aa", "new"), ("z", "2")]);
    assert_eq!(
        m.fields().collect::<Vec<_>>(),
        [("x", Value::Str("now text")), ("count", Value::Int(3)), ("y", Value::Bool(false))]
    );
    assert_eq!(m.name(), "cpu2");
    assert_eq!(batch.at(1), before.read());
}

#[test]
fn the_series_follows_name_and_tags_and_nothing_else() {
    let mut batch = batch();
    batch.hash();
    let series = batch.at(0).series();
    batch.at_mut(0).set_field("x", 2.0);
    assert_eq!(batch.at(0).series(), series);
    batch.at_mut(0).set_tag("a", "other");
    assert_ne!(batch.at(0).series(), series);
    batch.at_mut(0).set_tag("a", "1");
    assert_eq!(batch.at(0).series(), series);
}

#[test]
fn partitions_never_change() {
    // FNV-1a of "cpu\nhost\nx\n", computed apart.
    let mut want = 0xcbf2_9ce4_8422_2325u64;
    for b in b"cpu\nhost\nx\n" {
        want = (want ^ *b as u64).wrapping_mul(0x100_0000_01b3);
    }
    assert_eq!(partition("cpu", [("host", "x")].into_iter()), want);
}

#[test]
fn borrowed_texts_survive_copying_to_other_batches() {
    let body = Body::from("cpu,host=a usage=1.25 0");
    let mut batch = Batch::new();
    let mut borrower = Borrower::new(&mut batch, &body).expect("an empty batch borrows");
    let mut m = borrower.metric(0, 3);
    m.tag((4, 8), (9, 10));
    m.decimal((11, 16), (17, 21));
    m.time(0);
    drop(m);
    let m = batch.at(0);
    assert_eq!((m.name(), m.tag("host"), m.field("usage")), ("cpu", Some("a"), Some(Value::Float(1.25))));
    assert_eq!(m.raw_fields().next().and_then(FieldRef::decimal), Some("1.25"));
    let mut other = Batch::new();
    other.metric("first").field("f", 1i64);
    other.push(m);
    assert_eq!(other.at(1), m);
    assert_eq!(m.to_owned().read(), m);
}

#[test]
fn views_cut_without_copying_and_settle_each_share_once() {
    let outcome = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = outcome.clone();
    let mut b = batch();
    b.set_receipt(Receipt::new(move |o| seen.lock().expect("one thread").push(o)));
    let mut view = View::all(b);
    let front = view.split_front(1);
    assert_eq!((front.at(0).name(), view.at(0).name()), ("cpu", "mem"));
    front.settle(Settled::Delivered);
    assert!(outcome.lock().expect("one thread").is_empty());
    view.settle(Settled::Rejected);
    assert_eq!(*outcome.lock().expect("one thread"), [Outcome::Rejected]);
}

#[test]
fn pieces_share_a_receipt_and_are_what_the_batch_was() {
    let of = |metrics: i64| {
        let (tell, told) = std::sync::mpsc::channel();
        let mut batch = Batch::new();
        (0..metrics).for_each(|i| drop(batch.metric("m").field("f", i)));
        batch.set_receipt(Receipt::new(move |o| tell.send(o).expect("the test listens")));
        batch.set_cargo(std::sync::Arc::new(7u8));
        batch.set_urges();
        (batch, told)
    };
    for (metrics, most, sizes) in
        [(5, 2, &[2, 2, 1][..]), (4, 2, &[2, 2]), (2, 2, &[2]), (0, 2, &[0]), (2, 0, &[1, 1]), (3, usize::MAX, &[3])]
    {
        let (batch, told) = of(metrics);
        let pieces: Vec<Batch> = batch.pieces(most).collect();
        assert_eq!(pieces.iter().map(Batch::len).collect::<Vec<_>>(), sizes);
        let values = pieces.iter().flat_map(Batch::iter).map(|m| m.field("f")).collect::<Vec<_>>();
        assert_eq!(values, (0..metrics).map(|i| Some(Value::Int(i))).collect::<Vec<_>>());
        for (i, piece) in pieces.into_iter().enumerate() {
            assert!(told.try_recv().is_err(), "not before the last piece");
            assert_eq!((piece.cargo().is_some(), piece.urges()), (i == 0, i + 1 == sizes.len()));
            View::all(piece).settle(Settled::Delivered);
        }
        assert_eq!(told.recv(), Ok(Outcome::Delivered));
    }
    let (batch, told) = of(3);
    batch.pieces(2).next().into_iter().for_each(|first| View::all(first).settle(Settled::Delivered));
    assert_eq!(told.recv(), Ok(Outcome::Lost), "nobody asked for the second piece");
}

#[test]
fn a_share_that_vanishes_counts_as_lost() {
    let (tell, told) = std::sync::mpsc::channel();
    let receipt = Receipt::new(move |o| tell.send(o).expect("the test listens"));
    receipt.clone().settle(Settled::Delivered);
    drop(receipt);
    assert_eq!(told.recv(), Ok(Outcome::Lost));
}

#[test]
fn times_are_rounded_from_the_year_1_halves_up() {
    let mut batch = Batch::new();
    for t in [1_500_000_000, 1_499_999_999, -1] {
        batch.metric("m").field("f", 1i64).time(t);
    }
    batch.metric("m").field("f", 1i64);
    batch.settle_times(42, 1_000_000_000);
    assert_eq!(batch.iter().map(|m| m.time()).collect::<Vec<_>>(), [2_000_000_000, 1_000_000_000, 0, 0]);
}

#[test]
fn a_part_of_a_chunk_spans_views() {
    let mut chunk = Chunk::from(batch());
    chunk.push(View::all(batch()));
    let part = chunk.part(1, 3);
    assert_eq!(part.iter().map(|m| m.name()).collect::<Vec<_>>(), ["mem", "cpu"]);
}

#[test]
fn retain_keeps_the_order() {
    let mut batch = batch();
    batch.at_mut(0).duplicate();
    batch.retain(|m| m.name() == "cpu");
    assert_eq!(batch.len(), 2);
    assert_eq!(batch.at(0), batch.at(1));
}

#[test]
fn tags_and_fields_are_changed_by_their_place() {
    let mut batch = batch();
    let after = batch.at(1).to_owned();
    let mut m = batch.at_mut(0);
    assert_eq!((m.tag_len(), m.field_len()), (2, 2));
    assert_eq!((m.tag_at(1), m.field_at(0)), (("b", "2"), ("x", Value::Float(1.5))));
    m.set_tag_at(1, "two words");
    m.set_field_at(1, "three");
    m.remove_field_at(0);
    let m = batch.at(0);
    assert!(!m.clean());
    assert_eq!(m.tags().collect::<Vec<_>>(), [("a", "1"), ("b", "two words")]);
    assert_eq!(m.fields().collect::<Vec<_>>(), [("n", Value::Str("three"))]);
    assert_eq!(batch.at(1), after.read());
}

#[test]
fn rows_are_arranged_and_left_out() {
    let mut batch = batch();
    let copy = batch.duplicate(0) as u32;
    batch.at_mut(copy as usize).set_name("copy");
    batch.arrange(&[1, copy, 1]);
    assert_eq!(batch.iter().map(|m| m.name()).collect::<Vec<_>>(), ["mem", "copy"]);
}

#[test]
fn a_metric_has_a_time_once_it_is_given_one() {
    let mut batch = Batch::new();
    batch.metric("m").field("f", 1i64);
    assert!(!batch.at(0).has_time());
    batch.settle_times(5, 0);
    assert!(batch.at(0).has_time() && batch.at(0).time() == 5);
}

#[test]
fn fields_are_put_in_the_order_of_their_keys() {
    let mut batch = batch();
    let before = batch.at(1).to_owned();
    batch.at_mut(1).sort_fields();
    assert_eq!(batch.at(1).fields().map(|f| f.0).collect::<Vec<_>>(), ["ok", "s", "used"]);
    assert_eq!(batch.at(1), before.read());
}

/// Changes at random against a plain model, on neighbours that must not disturb each other.
#[test]
fn many_changes_give_what_a_model_gives() {
    use std::collections::BTreeMap;
    let mut batch = Batch::new();
    let mut models = vec![(BTreeMap::new(), Vec::<(String, i64)>::new()); 5];
    for (i, (_, fields)) in models.iter_mut().enumerate() {
        batch.metric("m").field("f0", i as i64);
        fields.push(("f0".to_owned(), i as i64));
    }
    let mut seed = 1u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % below
    };
    for step in 0..20_000 {
        let row = random(5) as usize;
        let (tags, fields) = &mut models[row];
        let (a, b) = (format!("k{}", random(9)), format!("k{}", random(9)));
        let mut m = batch.at_mut(row);
        match random(6) {
            0 | 1 => {
                m.set_tag(&a, &b);
                tags.insert(a, b);
            }
            2 => assert_eq!(m.remove_tag(&a), tags.remove(&a).is_some()),
            3 => {
                let value = tags.get(&a).cloned();
                assert_eq!(m.rename_tag(&a, &b), value.is_some());
                if let Some(value) = value {
                    tags.remove(&a);
                    tags.insert(b, value);
                }
            }
            4 => {
                m.set_field(&a, step);
                match fields.iter_mut().find(|f| f.0 == a) {
                    Some(field) => field.1 = step,
                    None => fields.push((a, step)),
                }
            }
            _ if fields.len() > 1 => {
                assert_eq!(m.remove_field(&a), fields.iter().any(|f| f.0 == a));
                fields.retain(|f| f.0 != a);
            }
            _ => {}
        }
        if step % 500 == 0 {
            m.duplicate();
        }
    }
    for (row, (tags, fields)) in models.iter().enumerate() {
        let m = batch.at(row);
        assert!(m.tags().eq(tags.iter().map(|(k, v)| (k.as_str(), v.as_str()))), "{m:?}");
        assert!(m.fields().eq(fields.iter().map(|(k, v)| (k.as_str(), Value::Int(*v)))), "{m:?}");
    }
}

#[test]
fn names_of_a_list_are_as_those_given_one_by_one() {
    static NAMES: [&str; 3] = ["a", "b c", "d"];
    static OTHERS: [&str; 2] = ["d", "a"];
    fn add(batch: &mut Batch, fields: &[(&'static [&'static str], usize, i64)]) {
        let mut m = batch.metric("m");
        fields.iter().for_each(|(names, i, value)| m.add_field_of(names, *i, *value));
    }
    let mut batch = Batch::new();
    add(&mut batch, &[(&NAMES, 0, 1), (&NAMES, 2, 2)]);
    add(&mut batch, &[(&NAMES, 1, 2)]);
    // A name that was given before, in any way.
    add(&mut batch, &[(&NAMES, 0, 1), (&NAMES, 2, 2), (&NAMES, 0, 3)]);
    add(&mut batch, &[(&NAMES, 0, 1), (&OTHERS, 0, 2), (&OTHERS, 1, 3)]);
    let mut m = batch.metric("m").field("d", 1i64);
    m.add_field_of(&NAMES, 2, "x");
    drop(m.field("b", 3i64));
    let lines: Vec<String> = batch.iter().map(|m| format!("{:?}", m.fields().collect::<Vec<_>>())).collect();
    let expected = [
        r#"[("a", Int(1)), ("d", Int(2))]"#,
        r#"[("b c", Int(2))]"#,
        r#"[("a", Int(3)), ("d", Int(2))]"#,
        r#"[("a", Int(3)), ("d", Int(2))]"#,
        r#"[("d", Str("x")), ("b", Int(3))]"#,
    ];
    assert_eq!(lines, expected);
    assert_eq!(batch.heads.iter().map(|h| h.clean).collect::<Vec<_>>(), [true, false, true, true, true]);
    // What is taken out takes its names along.
    let mut taken = batch.take();
    add(&mut batch, &[(&NAMES, 2, 1)]);
    add(&mut taken, &[(&OTHERS, 0, 2)]);
    assert_eq!((batch.at(0).field("d"), taken.at(5).field("d")), (Some(Value::Int(1)), Some(Value::Int(2))));
}

#[test]
fn of_few_some_and_many_keys_the_last_values_stay() {
    for (fields, keys) in [(16, 5), (17, 17), (30, 7), (128, 128), (128, 100), (129, 129), (300, 150)] {
        let mut batch = Batch::new();
        batch.metric("before").field("k1", true);
        let names: Vec<String> = (0..fields).map(|i| format!("k{}", i * 31 % keys)).collect();
        batch.metric("m").fields(names.iter().enumerate().map(|(i, k)| (k, Value::Int(i as i64))));
        let mut expected: Vec<(&str, Value<'_>)> = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let value = Value::Int(i as i64);
            match expected.iter_mut().find(|f| f.0 == name) {
                Some(first) => first.1 = value,
                None => expected.push((name, value)),
            }
        }
        assert_eq!(batch.at(1).fields().collect::<Vec<_>>(), expected, "{fields} of {keys}");
    }
}

#[test]
fn keys_of_any_length_are_told_apart_at_every_byte() {
    let key = |len: usize, other: Option<usize>| -> String {
        (0..len).map(|i| if Some(i) == other { 'z' } else { char::from(b'a' + (i % 20) as u8) }).collect()
    };
    let mut batch = Batch::new();
    let mut m = batch.metric("m");
    for len in 0..40 {
        m.add_tag(&key(len, None), "v");
        m.add_field(&key(len, None), len as i64);
    }
    drop(m);
    for len in 0..40 {
        let found = batch.at(0).field(&key(len, None));
        assert_eq!((batch.at(0).tag(&key(len, None)), found), (Some("v"), Some(Value::Int(len as i64))));
        for i in 0..len {
            let other = key(len, Some(i));
            assert_eq!((batch.at(0).tag(&other), batch.at(0).field(&other)), (None, None), "{other}");
        }
    }
    // New keys come in order, whatever their first bytes have in common.
    let mut m = batch.at_mut(0);
    for key in ["b", "ab", "abcdefghz", "", "ä", "abc\u{0}"] {
        m.set_tag(key, "new");
        assert_eq!(m.tag(key), Some("new"));
    }
    let keys: Vec<&str> = batch.at(0).tags().map(|(key, _)| key).collect();
    assert!(keys.is_sorted() && keys.contains(&"ä"), "{keys:?}");
    assert_eq!(batch.at(0).field_keys().len(), 40);
}
