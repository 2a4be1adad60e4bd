//! The disk queue alone, as `buffer_strategy = "disk"` sets it up: packing, appending, group commit; and beside it what this disk
//! takes at all: blocks of 1 MiB, each synced.
//!
//! ```text
//! cargo bench --no-default-features --features agent-formats/influx --bench disk [-- FOLDER]
//! ```
//!
//! The metrics are those of the comparison: three tags, four floats, 140 bytes of line protocol each. Without the argument the
//! files are in the folder of the build.

use agent::pipeline::Alone;
use agent_api::metric::{Body, Borrower};
use agent_api::{Batch, Context, Result, View};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Metrics of a batch, batches that differ, and batches pushed.
const LEN: usize = 1000;
const DISTINCT: usize = 64;
const PUSHED: usize = 4000;
/// Bytes of a block of the ceiling, and blocks.
const BLOCK: usize = 1 << 20;
const BLOCKS: usize = 256;
/// About what a metric takes as line protocol.
const TEXT: usize = 140;

fn main() -> Result<()> {
    let asked = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let folder = asked.map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from).join("disk-bench");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let batches: Vec<View> = (0..DISTINCT).map(batch).collect::<Result<_>>()?;
    let mut out = std::io::stdout().lock();
    for round in 1..=3 {
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder)?;
        let ceiling = ceiling(&folder)?;
        let (began, cpu) = (Instant::now(), cpu()?);
        let bytes = runtime.block_on(async {
            let queue = Alone::open(folder.join("queue")).await;
            for i in 0..PUSHED {
                queue.push(batches[i % DISTINCT].clone()).await;
            }
            queue.close().await
        });
        let (wall, cpu) = (began.elapsed().as_secs_f64(), self::cpu()? - cpu);
        let files = bytes as f64 / 1e6;
        let metrics = (PUSHED * LEN) as f64;
        writeln!(
            out,
            "round {round}: {:.0} MB/s of files, {:.0} MB/s of text by the clock ({wall:.2} s); {:.0} MB of files, {:.2} million metrics a CPU \
             second ({cpu:.2} s); {:.0} bytes a metric; blocks of 1 MiB, each synced: {ceiling:.0} MB/s",
            files / wall,
            metrics * TEXT as f64 / 1e6 / wall,
            files / cpu,
            metrics / 1e6 / cpu,
            bytes as f64 / metrics,
        )?;
    }
    drop(std::fs::remove_dir_all(&folder));
    Ok(())
}

/// A batch as the parser of line protocol makes them: texts and floats stay where they were received.
fn batch(of: usize) -> Result<View> {
    let mut text = String::new();
    let mut lines = Vec::new();
    for i in of * LEN..(of + 1) * LEN {
        let value = |k: usize| ((i * 7919 * k) % 100_000) as f64 / 1000.0;
        let [user, system, idle, iowait] = [3, 5, 7, 11].map(|k| value(k).to_string());
        let (host, rack) = (format!("server{:06}", i % 10_000), format!("r{:03}", i % 100));
        let tags = [("host", &*host), ("rack", &*rack), ("region", "eu-west-1")];
        let fields =
            [("usage_user", &user), ("usage_system", &system), ("usage_idle", &idle), ("usage_iowait", &iowait)];
        let mut put = |word: &str| {
            let at = text.len();
            text.push_str(word);
            text.push(' ');
            (at, at + word.len())
        };
        let name = put("cpu_load");
        let tags = tags.map(|(key, value)| (put(key), put(value)));
        let fields = fields.map(|(key, value)| (put(key), put(value)));
        lines.push((name, tags, fields, 1_790_000_000_000_000_000 + i as i64 * 1_000_000));
    }
    let body = Body::from(text);
    let mut batch = Batch::new();
    let mut borrower = Borrower::new(&mut batch, &body).context("borrow the text")?;
    for (name, tags, fields, time) in lines {
        let mut metric = borrower.metric(name.0, name.1);
        tags.into_iter().for_each(|(key, value)| metric.tag(key, value));
        fields.into_iter().for_each(|(key, value)| metric.decimal(key, value));
        metric.time(time);
    }
    Ok(View::all(batch))
}

/// MB a second of blocks that are synced one by one, as `dd bs=1M oflag=dsync` writes them.
fn ceiling(folder: &Path) -> Result<f64> {
    let block: Vec<u8> = (0..BLOCK).map(|i| (i * 31 % 251) as u8).collect();
    let mut file = File::create(folder.join("ceiling"))?;
    let began = Instant::now();
    for _ in 0..BLOCKS {
        file.write_all(&block)?;
        file.sync_data()?;
    }
    let seconds = began.elapsed().as_secs_f64();
    std::fs::remove_file(folder.join("ceiling"))?;
    Ok((BLOCK * BLOCKS) as f64 / 1e6 / seconds)
}

/// Seconds of CPU that this process has used.
fn cpu() -> Result<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Ok(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}
