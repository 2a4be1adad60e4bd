//! The queue as its output and its senders see it.

use super::*;
use agent_api::{Batch, Value};

fn view(range: std::ops::Range<i64>) -> View {
    let mut batch = Batch::new();
    for i in range {
        batch.metric("m").field("f", i);
    }
    View::all(batch)
}

fn numbers(chunk: &Chunk) -> Vec<i64> {
    chunk.iter().filter_map(|m| if let Some(Value::Int(v)) = m.field("f") { Some(v) } else { None }).collect()
}

#[test]
fn gives_exact_batches_across_views_in_order() {
    let queue = Queue::new(100, 4, Queueing::default());
    queue.push(view(0..3));
    assert!(queue.take(true).is_empty());
    queue.push(view(3..9));
    assert_eq!(numbers(&queue.take(true)), [0, 1, 2, 3]);
    assert_eq!(numbers(&queue.take(true)), [4, 5, 6, 7]);
    assert!(queue.take(true).is_empty());
    assert_eq!(numbers(&queue.take(false)), [8]);
    assert_eq!(queue.len(), 0);
}

#[test]
fn what_is_urgent_is_no_full_batch() {
    let queue = Queue::new(100, 4, Queueing::default());
    queue.push(view(0..6));
    queue.urge();
    queue.push(view(6..7));
    assert_eq!(numbers(&queue.take(true)), [0, 1, 2, 3]);
    assert_eq!(numbers(&queue.take(true)), [4, 5, 6]);
    queue.push(view(7..8));
    assert!(queue.take(true).is_empty());
}

#[test]
fn drops_the_oldest_and_counts_them() {
    let queue = Queue::new(5, 2, Queueing::default());
    queue.push(view(0..4));
    let taken = queue.take(true);
    queue.push(view(4..8));
    queue.put_back(taken);
    assert_eq!((queue.len(), queue.take_dropped(), queue.take_dropped()), (5, 3, 0));
    assert_eq!(numbers(&queue.take(false)), [3, 4]);
}

#[test]
fn a_failing_output_gives_credit_back() {
    let queue = Queue::new(5, 2, Queueing::default());
    let guard: agent_api::metric::Guard = std::sync::Arc::new(());
    let watch = std::sync::Arc::downgrade(&guard);
    let mut batch = Batch::new();
    batch.metric("m").field("f", 1i64);
    batch.set_guard(guard);
    queue.push(View::all(batch));
    assert!(watch.upgrade().is_some());
    queue.set_failing(true);
    assert!(watch.upgrade().is_none());
    assert_eq!(queue.len(), 1);
}

#[test]
fn what_became_of_metrics_whose_sender_waited_is_taken_while_the_output_works() {
    let queue = Queue::new(10, 2, Queueing::default());
    let guarded = |range: std::ops::Range<i64>| {
        let mut batch = Batch::new();
        range.for_each(|i| drop(batch.metric("m").field("f", i)));
        batch.set_guard(std::sync::Arc::new(()));
        View::all(batch)
    };
    queue.push(guarded(0..20));
    assert_eq!((queue.len(), queue.dropped()), (20, 0));
    // What could not wait has the half that is its own.
    queue.push(view(20..25));
    assert_eq!((queue.len(), queue.dropped()), (25, 0));
    queue.push(view(25..26));
    assert_eq!((queue.len(), queue.take_dropped()), (25, 1));
    queue.push(view(26..32));
    assert_eq!((queue.len(), queue.take_dropped()), (25, 6));
    // Nobody waits for an output that fails.
    queue.set_failing(true);
    queue.push(view(32..33));
    assert_eq!((queue.len(), queue.take_dropped()), (10, 16));
    assert_eq!(numbers(&queue.take(false)), [16, 17]);
}

#[test]
fn what_waits_for_a_failing_output_keeps_its_order() {
    let queue = Queue::new(10_000, 3000, Queueing::default());
    queue.push(view(0..10));
    queue.set_failing(true);
    let tried = queue.take(false);
    for from in (10..4000).step_by(7) {
        queue.push(view(from..(from + 7).min(4000)));
    }
    queue.push(view(4000..5500));
    queue.put_back(tried);
    assert_eq!(queue.len(), 5500);
    let (first, second) = (queue.take(true), queue.take(false));
    assert_eq!([numbers(&first), numbers(&second)].concat(), (0..5500).collect::<Vec<i64>>());
    assert_eq!(queue.len(), 0);
}

#[test]
fn drops_the_newest_where_asked() {
    let queue = Queue::new(5, 10, Queueing { full: Full::DropNewest, ..Queueing::default() });
    queue.push(view(0..4));
    queue.push(view(4..8));
    queue.push(view(8..9));
    assert_eq!((queue.take_dropped(), numbers(&queue.take(false))), (4, vec![0, 1, 2, 3, 4]));
}

#[test]
fn drops_nothing_where_senders_wait() {
    let queue = Queue::new(5, 4, Queueing { full: Full::Block, ..Queueing::default() });
    queue.push(view(0..4));
    assert!(queue.has_room());
    queue.push(view(4..8));
    assert!(!queue.has_room());
    let taken = queue.take(true);
    assert!(queue.has_room());
    queue.put_back(taken);
    assert_eq!((queue.take_dropped(), queue.len(), queue.has_room()), (0, 8, false));
}

#[test]
fn holds_no_more_bytes_than_it_may() {
    for full in [Full::DropOldest, Full::DropNewest] {
        let queue = Queue::new(1_000_000, 1000, Queueing { full, max_bytes: Some(20_000), ..Queueing::default() });
        for failing in [false, true] {
            queue.set_failing(failing);
            for from in (0..3000).step_by(10) {
                queue.push(view(from..from + 10));
                assert!(queue.lock().bytes <= 20_000);
            }
            assert!(queue.len() > 100);
        }
        let (len, dropped) = (queue.len(), queue.take_dropped());
        assert_eq!(len + dropped, 6000);
        while !queue.take(false).is_empty() {}
        let inner = queue.lock();
        assert_eq!((inner.bytes, inner.len), (0, 0));
    }
}

#[test]
fn gives_the_newest_first_where_asked() {
    let queue = Queue::new(100, 4, Queueing { order: Order::NewestFirst, ..Queueing::default() });
    queue.push(view(0..3));
    queue.push(view(3..9));
    let taken = queue.take(true);
    assert_eq!(numbers(&taken), [5, 6, 7, 8]);
    queue.push(view(9..11));
    queue.put_back(taken);
    let given: Vec<Vec<i64>> = (0..4).map(|_| numbers(&queue.take(false))).collect();
    assert_eq!(given, [vec![7, 8, 9, 10], vec![3, 4, 5, 6], vec![0, 1, 2], vec![]]);
}
