//! The interface to the embedding program: hosts, state, constants, collection.

use super::toy::{Metric, OPTIONS, Toy};
use crate::{Object, Options, Plain, Script, Value};

fn load(source: &str, host: &mut Toy) -> Script {
    Script::load(source, "test.star", &OPTIONS, host).unwrap_or_else(|error| panic!("{}", error.traceback()))
}

fn metric(name: &str, fields: &[(&str, f64)]) -> Metric {
    let fields = fields.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    Metric { name: name.to_owned(), fields, ..Metric::default() }
}

#[test]
fn a_script_moves_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<Script>();
}

#[test]
fn metrics_are_read_and_changed() {
    let mut host = Toy::default();
    let mut script = load(
        "def apply(metric):
  metric.fields['busy'] = 100.0 - metric.fields['usage_idle']
  metric.tags['level'] = 'high' if metric.fields['busy'] > 90.0 else 'low'
  metric.fields['busy'] += 1
  metric.name = metric.name.upper() + str(metric.fields.get('nope'))
  metric.time += 5
  return metric",
        &mut host,
    );
    let apply = script.function("apply").unwrap();
    assert_eq!(script.parameters(apply), 1);
    let arg = host.add(metric("cpu", &[("usage_idle", 4.0)]));
    let result = script.call(apply, &[arg], &mut host).unwrap();
    assert!(matches!(result, Value::Host(Object { kind: 0, id: 0 })));
    let found = &host.metrics[0];
    assert_eq!((found.name.as_str(), found.time), ("CPUNone", 5));
    assert_eq!(found.tags["level"], "high");
    assert_eq!(found.fields["busy"], 97.0);
}

#[test]
fn host_objects_fit_into_the_language() {
    let mut host = Toy::default();
    let mut script = load(
        "def apply(m):
  keys = [k for k in m.fields]
  get = m.fields.get
  return [type(m), type(m.tags), keys, 'a' in m.fields, get('a'), dir(m), hasattr(m, 'name'), hasattr(m, 'colour'),
    getattr(m, 'colour', 'none'), str(m), m == m, m == deepcopy(m), sorted(m.fields), m.fields.pop('a'), len([m])]",
        &mut host,
    );
    let apply = script.function("apply").unwrap();
    let arg = host.add(metric("x", &[("b", 2.0), ("a", 1.5)]));
    let result = script.call(apply, &[arg], &mut host).unwrap();
    let text = |index: usize| script.heap().plain(script.heap().items(result).unwrap()[index]).unwrap();
    assert_eq!(text(0), Plain::Str("Metric".into()));
    assert_eq!(text(2), Plain::List(vec![Plain::Str("a".into()), Plain::Str("b".into())]));
    assert_eq!(text(4), Plain::Float(1.5));
    assert_eq!((text(6), text(7), text(8)), (Plain::Bool(true), Plain::Bool(false), Plain::Str("none".into())));
    assert_eq!(
        (text(9), text(10), text(11)),
        (Plain::Str("Metric(\"x\")".into()), Plain::Bool(true), Plain::Bool(false))
    );
    assert_eq!(text(13), Plain::Float(1.5));
    let error = script.call(apply, &[], &mut host).unwrap_err();
    assert_eq!(error.message(), "function apply missing 1 argument (m)");
    for (body, expected) in [
        ("m.colour", "Metric has no .colour field or method"),
        ("m.tagz", "Metric has no .tagz field or method (did you mean .tags?)"),
        ("m.tags['absent']", "key \"absent\" not in Tags"),
        ("m.other()", "Metric has no .other field or method"),
        ("len(m)", "len: value of type Metric has no len"),
        ("m < m", "Metric < Metric not implemented"),
        ("[x for x in m]", "Metric value is not iterable"),
        ("m + 1", "unknown binary op: Metric + int"),
    ] {
        let mut script = load(&format!("def apply(m):\n  return {body}"), &mut host);
        let apply = script.function("apply").unwrap();
        assert_eq!(script.call(apply, &[arg], &mut host).unwrap_err().message(), expected);
    }
}

#[test]
fn globals_are_frozen_but_not_state() {
    let mut host = Toy::default();
    let source = "seen = {}\nlist = [[1]]\nstate = {'preset': [1]}
def touch_seen(): seen['x'] = 1
def touch_list(): list[0].append(1)
def touch_state():
  state['n'] = state.get('n', 0) + 1
  state['preset'].append(2)
  return state";
    let mut script = load(source, &mut host);
    for (name, expected) in
        [("touch_seen", "cannot insert into frozen hash table"), ("touch_list", "append: cannot append to frozen list")]
    {
        let function = script.function(name).unwrap();
        assert_eq!(script.call(function, &[], &mut host).unwrap_err().message(), expected);
    }
    let function = script.function("touch_state").unwrap();
    script.call(function, &[], &mut host).unwrap();
    script.call(function, &[], &mut host).unwrap();
    let state = script.heap().plain(script.state()).unwrap();
    let preset = Plain::List(vec![Plain::Int(1), Plain::Int(2), Plain::Int(2)]);
    let expected = vec![(Plain::Str("preset".into()), preset), (Plain::Str("n".into()), Plain::Int(2))];
    assert_eq!(state, Plain::Dict(expected));
}

#[test]
fn state_need_not_be_declared_and_can_be_restored() {
    let mut host = Toy::default();
    let mut script = load("def add(): state['n'] = state.get('n', 0) + 1", &mut host);
    let key = script.heap_mut().string("n");
    let state = script.state();
    script.heap_mut().insert(state, key, Value::Int(41)).unwrap();
    let add = script.function("add").unwrap();
    script.call(add, &[], &mut host).unwrap();
    let entries: Vec<_> = script.heap().entries(state).collect();
    assert_eq!(script.heap().text(entries[0].0), "n");
    assert!(matches!(entries[0].1, Value::Int(42)));
}

#[test]
fn constants_are_names() {
    let words = Plain::List(vec![Plain::Str("a".into()), Plain::Str("b".into())]);
    let constants = [("threshold", Plain::Float(2.5)), ("words", words), ("debug", Plain::Bool(true))];
    let options = Options { constants: &constants, ..OPTIONS };
    let script = Script::load("out = [threshold, words, debug]", "c.star", &options, &mut ()).unwrap();
    let out = script.heap().plain(script.global("out").unwrap()).unwrap();
    let words = Plain::List(vec![Plain::Str("a".into()), Plain::Str("b".into())]);
    assert_eq!(out, Plain::List(vec![Plain::Float(2.5), words, Plain::Bool(true)]));
}

#[test]
fn print_and_log_reach_the_host() {
    let mut host = Toy::default();
    load("load('logging.star', 'log')\nprint('a', 1, sep='-')\nlog.warn('w')\nlog.debug('d')", &mut host);
    assert_eq!(host.lines, ["a-1", "Warn: w", "Debug: d"]);
}

#[test]
fn held_objects_are_those_in_state() {
    let mut host = Toy::default();
    let mut script = load(
        "def keep(m):\n  state['last'] = [deepcopy(m)]\n  return deepcopy(m)\ndef drop(): state.clear()",
        &mut host,
    );
    let keep = script.function("keep").unwrap();
    let arg = host.add(metric("x", &[]));
    script.call(keep, &[arg], &mut host).unwrap();
    assert_eq!(script.held_objects(), [Object { kind: 0, id: 1 }]);
    let drop = script.function("drop").unwrap();
    script.call(drop, &[], &mut host).unwrap();
    assert_eq!(script.held_objects(), []);
}

#[test]
fn arguments_made_by_the_host_survive() {
    let mut host = Toy::default();
    let mut script = load("def f(x): return x + ['end']", &mut host);
    let f = script.function("f").unwrap();
    for _ in 0..3 {
        let text = script.heap_mut().string("made by the host");
        let list = script.heap_mut().list(vec![text]);
        let result = script.call(f, &[list], &mut host).unwrap();
        let items = script.heap().items(result).unwrap().to_vec();
        assert_eq!(script.heap().text(items[0]), "made by the host");
        assert_eq!(script.heap().text(items[1]), "end");
    }
}

/// State that grows, shrinks and holds every kind of value, with collections forced in between.
#[test]
fn collection_keeps_what_is_reachable() {
    let source = "
def make(n):
  key = 'k' + str(n)
  f = lambda x: (key, x, n)
  state[key] = {
    'text': key * 3, 'part': ('prefix-' + key)[7:], 'list': [key, [n, (key, 'deep')]], 'set': set([key, n]),
    'f': f, 'method': key.upper, 'big': 1 << 90, 'bytes': bytes(key), 'elems': key.elems(),
    (key, n): 'tuple key', 'words': (key + ' second third').split(),
  }
  if n >= 5:
    state.pop('k' + str(n - 5))
def check(n):
  for i in range(max([0, n - 4]), n + 1):
    key = 'k' + str(i)
    d = state[key]
    ok = (d['text'] == key + key + key and d['part'] == key and d['list'] == [key, [i, (key, 'deep')]]
      and d['set'] == set([i, key]) and d['f'](7) == (key, 7, i) and d['method']() == 'K' + str(i)
      and d['big'] == 1237940039285380274899124224 and d['bytes'] == bytes(key) and list(d['elems'])[0] == 'k'
      and d[(key, i)] == 'tuple key' and d['words'] == [key, 'second', 'third'])
    if not ok:
      fail('wrong: ' + str(d))
  return len(state)
";
    let mut host = Toy::default();
    let mut script = load(source, &mut host);
    let (make, check) = (script.function("make").unwrap(), script.function("check").unwrap());
    for n in 0..200 {
        script.call(make, &[Value::Int(n)], &mut host).unwrap();
        if n % 3 == 0 {
            script.collect();
        }
        let result = script.call(check, &[Value::Int(n)], &mut host);
        let count = result.unwrap_or_else(|error| panic!("{n}: {}", error.traceback()));
        assert!(matches!(count, Value::Int(count) if count == (n + 1).min(5)));
    }
}

/// A collection in the middle of a call, with values in registers, loops and outer frames.
#[test]
fn collection_during_a_call() {
    let source = "
def churn(n):
  kept = ['first', 'second']
  texts = {}
  def note(i):
    local = 'note-' + str(i)
    junk = ['x' * 1000 for _ in range(3)]
    return local + str(len(junk))
  for word in kept:
    for c in [word + '-a', word + '-b']:
      for i in range(n):
        last = note(i)
      texts[c] = last
  return texts
";
    let mut host = Toy::default();
    let options = Options { memory: 8 << 20, ..OPTIONS };
    let mut script = Script::load(source, "gc.star", &options, &mut host).unwrap();
    let churn = script.function("churn").unwrap();
    let result = script.call(churn, &[Value::Int(3000)], &mut host).unwrap();
    let texts = script.heap().plain(result).unwrap();
    let entry = |name: &str| (Plain::Str(name.into()), Plain::Str("note-29993".into()));
    assert_eq!(texts, Plain::Dict(["first-a", "first-b", "second-a", "second-b"].map(entry).to_vec()));
}

#[test]
fn a_failed_call_leaves_the_script_usable() {
    let mut host = Toy::default();
    let source = "def f(n):\n  for x in state.setdefault('l', [1, 2]):\n    if n == 1: fail('x')\n  state['l'].append(n)\n  return len(state['l'])";
    let mut script = load(source, &mut host);
    let f = script.function("f").unwrap();
    assert!(script.call(f, &[Value::Int(1)], &mut host).is_err());
    assert!(matches!(script.call(f, &[Value::Int(2)], &mut host).unwrap(), Value::Int(3)));
}
