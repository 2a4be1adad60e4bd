//! Scripts over metrics: what they see, what they return, what they keep.

use super::*;
use agent_api::{Batch, Env, State, Value};

fn program(source: &str) -> Program {
    let settings = Settings { source: source.to_owned(), ..Settings::default() };
    Program::load(&settings, &Env::new("processors.starlark").log).unwrap()
}

fn batch(values: &[i64]) -> Batch {
    let mut batch = Batch::new();
    for &v in values {
        batch.metric("m").tag("k", "a").field("v", v).time(v);
    }
    batch
}

/// Calls `apply` on every metric and keeps what it returns; the errors come back.
fn apply(program: &mut Program, batch: &mut Batch) -> Vec<String> {
    let function = program.function("apply", 1).unwrap();
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for row in 0..batch.len() {
        if let Err(e) = program.call(function, batch, Some(row), &mut rows) {
            errors.push(format!("{e:#}"));
        }
    }
    program.release(batch);
    batch.arrange(&rows);
    errors
}

fn values(batch: &Batch) -> Vec<Value<'_>> {
    batch.iter().map(|m| m.field("v").unwrap()).collect()
}

#[test]
fn a_metric_is_changed_in_its_place() {
    let mut program = program(
        "def apply(metric):\n  metric.fields['w'] = metric.fields['v'] * 0.5\n  metric.tags['k'] += 'b'\n  metric.name = 'n'\n  return metric\n",
    );
    let mut batch = batch(&[1, 2]);
    assert!(apply(&mut program, &mut batch).is_empty());
    assert_eq!(batch.at(1).field("w"), Some(Value::Float(1.0)));
    assert_eq!((batch.at(0).name(), batch.at(0).tag("k")), ("n", Some("ab")));
}

#[test]
fn what_is_no_metric_is_an_error_and_the_metrics_beside_it_pass() {
    let source = "def apply(metric):\n  v = metric.fields['v']\n  return [metric, metric, 1] if v == 1 else None if v == 2 else 'x'\n";
    let mut batch = batch(&[1, 2, 3]);
    let errors = apply(&mut program(source), &mut batch);
    assert_eq!(values(&batch), [Value::Int(1)]);
    assert!(errors.len() == 2 && errors[0].contains("returned int") && errors[1].contains("returned string"));
}

#[test]
fn only_the_name_keeps_anything() {
    let of = |body: &str| {
        program(&format!("{body}\ndef apply(metric):\n  metric.tags['state'] = 'hot' # state\n  return metric\n"))
    };
    assert!(!of("").keeps_state());
    assert!(!of("x = {'state': 1}['state']").keeps_state());
    for uses in ["state = {}", "alias = [state]", "f = lambda m: state.get(m)", "def f(x=state):\n  pass"] {
        assert!(of(uses).keeps_state(), "{uses}");
    }
}

#[test]
fn state_keeps_metrics_beyond_their_batch() {
    let source = "state = {}\ndef apply(metric):\n  last = state.get('m')\n  state['m'] = metric\n  return last\n";
    let mut program = program(source);
    assert!(program.keeps_state());
    let mut first = batch(&[1, 2]);
    apply(&mut program, &mut first);
    assert_eq!(values(&first), [Value::Int(1)]);
    drop(first);
    let mut second = batch(&[3]);
    apply(&mut program, &mut second);
    assert_eq!(values(&second), [Value::Int(2)]);
}

#[test]
fn a_kept_metric_passes_again_each_time_it_is_returned() {
    let source = "state = {}\ndef apply(metric):\n  first = state.setdefault('m', metric)\n  return [first, metric]\n";
    let mut metrics = batch(&[1, 2, 3]);
    assert_eq!(apply(&mut program(source), &mut metrics), Vec::<String>::new());
    assert_eq!(values(&metrics), [1, 1, 2, 1, 3].map(Value::Int));
}

#[test]
fn metrics_are_made_and_copied() {
    let source = "TOP = Metric('top')\ndef apply(metric):\n  m = Metric('new')\n  m.fields['v'] = 7\n  c = deepcopy(metric)\n  c.fields['v'] = 8\n  t = deepcopy(TOP)\n  t.fields['v'] = 9\n  return metric, m, c, t\n";
    let mut metrics = batch(&[1]);
    assert_eq!(apply(&mut program(source), &mut metrics), Vec::<String>::new());
    assert_eq!(values(&metrics), [1, 7, 8, 9].map(Value::Int));
    assert_eq!((metrics.at(1).name(), metrics.at(2).tag("k"), metrics.at(3).name()), ("new", Some("a"), "top"));
    let frozen = "TOP = Metric('top')\ndef apply(metric):\n  TOP.fields['v'] = 1\n  return TOP\n";
    assert!(apply(&mut program(frozen), &mut batch(&[1]))[0].contains("frozen"));
}

#[test]
fn plain_state_outlives_a_restart() {
    let source = "state = {'n': 0, 'fn': len}\ndef apply(metric):\n  state['n'] += 1\n  state['t'] = (1, 2.5, 'x', [None, True])\n  metric.fields['v'] = state['n']\n  return metric\n";
    let state = State::default();
    let mut first = program(source);
    apply(&mut first, &mut batch(&[1, 2]));
    first.save(&state);
    let mut second = program(source);
    second.restore(&state);
    let mut metrics = batch(&[1]);
    assert_eq!(apply(&mut second, &mut metrics), Vec::<String>::new());
    assert_eq!(values(&metrics), [Value::Int(3)]);
}

#[test]
fn tags_and_fields_are_dictionaries() {
    let source = "def apply(metric):\n  t = metric.tags\n  t.update({'a': '1'}, b='2')\n  f = metric.fields\n  f['s'] = '%s|%s|%s|%s' % (t, t.pop('a'), t.popitem(), t.setdefault('c', '3'))\n  f['n'] = len(t.items()) + len(f.keys()) + len(t.values())\n  f['has'] = 'c' in t and t.get('none') == None\n  f.pop('v')\n  t.clear()\n  return metric\n";
    let mut metrics = batch(&[1]);
    assert_eq!(apply(&mut program(source), &mut metrics), Vec::<String>::new());
    let m = metrics.at(0);
    assert_eq!(m.field("s"), Some(Value::Str("{\"c\": \"3\", \"k\": \"a\"}|1|(\"b\", \"2\")|3")));
    assert_eq!([m.field("n"), m.field("has"), m.field("v")], [Some(Value::Int(6)), Some(Value::Bool(true)), None]);
    assert_eq!(m.tags().len(), 0);
}

#[test]
fn mistakes_are_errors_and_nothing_more() {
    let case = |body: &str| {
        let source = format!("def apply(metric):\n  f = metric.fields\n  t = metric.tags\n  {body}\n  return metric\n");
        apply(&mut program(&source), &mut batch(&[1])).len()
    };
    let bodies = [
        "t['x'] = 5",
        "f['x'] = None",
        "f['x'] = 1 << 63",
        "f[1] = 1",
        "metric.name = 5",
        "metric.time = 'now'",
        "metric.tags = {}",
        "metric.colour = 1",
        "f['x'] = t['none']",
        "t.pop('none')",
        "f['x'] = [f.update([('w', 1)]) for k in f]",
        "t.update([('a', 1)])",
    ];
    assert_eq!(bodies.map(case), [1; 12]);
}

#[test]
fn a_script_that_does_not_fit_is_refused() {
    let refused = |source: &str| {
        let settings = Settings { source: source.to_owned(), ..Settings::default() };
        let program = Program::load(&settings, &Env::new("processors.starlark").log);
        program.and_then(|p| p.function("apply", 1)).map(drop).is_err()
    };
    assert_eq!(["", "def apply(m)\n", "x = 1", "def apply(a, b): pass", "apply = 1"].map(refused), [true; 5]);
}
