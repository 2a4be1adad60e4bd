//! Candidates for what a metric is, against each other on what the agent does with one: parse, copy, change, write, drop.
//!
//! `cargo bench -p agent-api --bench metric` prints the tables of docs/decisions/001-metric.md. All candidates are fed by the
//! same scanner (memchr, fast-float2) and written by the same writer (zmij), so that what differs is the representation. Times
//! are the best of some rounds, in nanoseconds a metric on one core; memory is what a process of its own grows by.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

mod columns;
mod inlined;
mod interned;
mod line;
mod sliced;

use std::hint::black_box;
use std::time::Instant;

/// Lines that are parsed.
const LINES: usize = 100_000;
/// Rounds of which the best counts.
const ROUNDS: usize = 7;
/// So much is read and parsed at a time, in bytes.
const BLOCK: usize = 256 << 10;

/// The metrics of one block, in one of the representations. A clone can be changed without the original noticing.
trait Held: Clone {
    /// What blocks share, such as a table of series.
    type Shared: Default;
    /// What it is.
    const ABOUT: &'static str;
    /// Allocations for each metric when it is parsed and when it is copied, by design: with room for all lists made at once, and
    /// what a whole block needs not counted.
    const ALLOCATIONS: &'static str;

    fn parse(block: String, shared: &mut Self::Shared) -> Self;
    /// Gives the tag `key`, which every metric has, another value.
    fn change(&mut self, key: &str, value: &str, shared: &mut Self::Shared);
    /// Appends all metrics as line protocol.
    fn write(&self, out: &mut Vec<u8>);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, mode, candidate, series] = args.as_slice()
        && mode == "memory"
    {
        let series = series.parse().expect("the parent gives a number");
        return println!("{}", memory_of(candidate, series).map_or("-".to_owned(), |bytes| bytes.to_string()));
    }
    for series in [10_000, LINES] {
        println!("{LINES} lines over {series} series, ns for each metric\n");
        println!("| candidate | parse | copy | change a tag | write | drop | sum | bytes | allocations |");
        println!("|---|---:|---:|---:|---:|---:|---:|---:|---|");
        let blocks = line::blocks(LINES, series, BLOCK);
        println!("| the scanner alone | {} | | | | | | | |", best(|| scan(&blocks)));
        measure::<inlined::Metrics>("a", &blocks, series);
        measure::<sliced::Metrics>("b", &blocks, series);
        measure::<interned::Metrics>("c", &blocks, series);
        measure::<columns::Parsed>("d", &blocks, series);
        measure::<columns::Decimals>("d'", &blocks, series);
        println!();
    }
}

/// The best time of some rounds of `work`, in nanoseconds for each metric.
fn best(mut work: impl FnMut()) -> u128 {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_nanos()
    });
    times.min().unwrap_or(0) / LINES as u128
}

/// What all candidates pay: every part found, every number parsed, nothing kept.
fn scan(blocks: &[String]) {
    let (mut bytes, mut sum) = (0, 0.0);
    for block in blocks {
        for line in line::lines(block) {
            bytes += line.name().1;
            bytes += line.tags().map(|(_, value)| value.1).sum::<usize>();
            sum += line.fields().map(|(_, value)| line::number(line::cut(block, value))).sum::<f64>();
        }
    }
    black_box((bytes, sum));
}

/// Times of the five tasks, each the best of some rounds.
fn measure<H: Held>(name: &str, blocks: &[String], series: usize) {
    let mut best = [u128::MAX; 5];
    let mut out = Vec::with_capacity(blocks.iter().map(|b| b.len() * 2).sum());
    for _ in 0..ROUNDS {
        let fresh = blocks.to_vec();
        let (mut shared, mut task) = (H::Shared::default(), 0);
        let mut lap = |start: Instant| {
            best[task] = best[task].min(start.elapsed().as_nanos());
            task += 1;
        };
        let start = Instant::now();
        let held: Vec<H> = fresh.into_iter().map(|block| H::parse(block, &mut shared)).collect();
        lap(start);
        let start = Instant::now();
        let mut copy = held.clone();
        lap(start);
        let start = Instant::now();
        copy.iter_mut().for_each(|metrics| metrics.change("rack", "elsewhere", &mut shared));
        lap(start);
        out.clear();
        let start = Instant::now();
        held.iter().for_each(|metrics| metrics.write(&mut out));
        lap(start);
        assert!(line::same(&out, blocks), "{name} does not write what it read");
        out.clear();
        copy.iter().for_each(|metrics| metrics.write(&mut out));
        assert_eq!(memchr::memmem::find_iter(&out, ",rack=elsewhere,").count(), LINES, "{name} changes the tag");
        let start = Instant::now();
        drop(held);
        lap(start);
    }
    let [parse, copy, change, write, drop] = best.map(|t| t / LINES as u128);
    let sum = parse + copy + change + write + drop;
    let bytes = std::env::current_exe()
        .and_then(|exe| std::process::Command::new(exe).args(["memory", name, &series.to_string()]).output())
        .map_or("-".to_owned(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    println!(
        "| ({name}) {} | {parse} | {copy} | {change} | {write} | {drop} | {sum} | {bytes} | {} |",
        H::ABOUT,
        H::ALLOCATIONS
    );
}

/// By how many bytes for each metric this process grows when it parses all lines; None where that cannot be seen.
fn memory_of(candidate: &str, series: usize) -> Option<u64> {
    fn grown<H: Held>(blocks: &[String]) -> Option<u64> {
        let before = resident()?;
        let mut shared = H::Shared::default();
        let held: Vec<H> = blocks.iter().map(|block| H::parse(block.clone(), &mut shared)).collect();
        let after = resident()?;
        black_box((held, shared));
        Some(after.saturating_sub(before) / LINES as u64)
    }
    let blocks = line::blocks(LINES, series, BLOCK);
    match candidate {
        "a" => grown::<inlined::Metrics>(&blocks),
        "b" => grown::<sliced::Metrics>(&blocks),
        "c" => grown::<interned::Metrics>(&blocks),
        "d" => grown::<columns::Parsed>(&blocks),
        _ => grown::<columns::Decimals>(&blocks),
    }
}

/// Resident memory of this process in bytes (proc(5), VmRSS).
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}
