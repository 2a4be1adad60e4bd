//! Generators and clients of `scripts/bench`, and in `ceiling` the loops it is judged by; standard library only:
//! `rustc -O --edition 2024 generate.rs`.

mod ceiling;
mod packets;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Result, Write};
use std::net::{TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

const USAGE: &str =
    "generate lines N SERIES FILE | json N FILE | access N FILE | post ADDRESS PATH FILE LINES-A-BODY CONNECTIONS
       | udp ADDRESS RATE SECONDS | ceiling lines|json|access FILE OUT
       | trace PACKETS SNAP FILE | shift FILE TIMES OUT | bare FILE";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().expect(USAGE);
    match args[..] {
        ["lines", n, series, file] => lines(number(n), number(series), &mut create(file)?),
        ["json", n, file] => json(number(n), &mut create(file)?),
        ["access", n, file] => access(number(n), &mut create(file)?),
        ["post", address, path, file, per, connections] => {
            post(address, path, &std::fs::read(file)?, number(per) as usize, number(connections))
        }
        ["udp", address, rate, seconds] => udp(address, number(rate), number(seconds)),
        ["trace", n, snap, file] => packets::trace(number(n), number(snap) as usize, &mut create(file)?),
        ["shift", from, times, file] => packets::shift(from, number(times), &mut create(file)?),
        ["bare", file] => packets::bare(file),
        ["ceiling", what, file, out] => ceiling::run(what, file, out),
        _ => panic!("usage: {USAGE}"),
    }
}

fn create(file: &str) -> Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(1 << 20, File::create(file)?))
}

/// SplitMix64 (Steele, Lea, Flood 2014), always from the same seed.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Random(20_261_121)
    }
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len() as u64) as usize]
    }
}

/// Line protocol without times: three tags, three floats, an integer; about 130 bytes a line.
fn lines(n: u64, series: u64, out: &mut impl Write) -> Result<()> {
    let mut r = Random::new();
    for i in 0..n {
        let s = i % series;
        writeln!(
            out,
            "disk_use,device=nvme{}n1,node=node-{s:07},site=fra{} busy={}.{:04},free={}.{:06},queue={}.{:03},reads={}i",
            s % 4,
            s % 7,
            r.below(100),
            r.below(10_000),
            r.below(100),
            r.below(1_000_000),
            r.below(64),
            r.below(1000),
            r.below(1_000_000)
        )?;
    }
    out.flush()
}

/// One array of flat objects: three texts, three numbers, a boolean.
fn json(n: u64, out: &mut impl Write) -> Result<()> {
    let mut r = Random::new();
    out.write_all(b"[")?;
    for i in 0..n {
        write!(
            out,
            "{}{{\"node\":\"node-{:04}\",\"site\":\"fra{}\",\"job\":\"job {}\",\"code\":{},\"size\":{},\"took\":{}.{:06},\"cached\":{}}}",
            if i == 0 { "" } else { "," },
            i % 2000,
            i % 7,
            r.below(9000),
            [0, 0, 0, 1, 137][r.below(5) as usize],
            r.below(80_000),
            r.below(4),
            r.below(1_000_000),
            r.below(3) == 0
        )?;
    }
    out.write_all(b"]\n")?;
    out.flush()
}

/// An access log in the combined format.
fn access(n: u64, out: &mut impl Write) -> Result<()> {
    let mut r = Random::new();
    for i in 0..n {
        writeln!(
            out,
            "192.0.2.{} - {} [21/Nov/2026:09:{:02}:{:02} +0000] \"{} /{}/{} HTTP/1.1\" {} {} \"https://example.org/{}\" \"{}\"",
            r.below(256),
            r.of(&["-", "-", "anna", "ben"]),
            i / 60_000 % 60,
            i / 1000 % 60,
            r.of(&["GET", "GET", "POST", "HEAD"]),
            r.of(&["shop", "img", "feed", "v2/orders"]),
            r.below(200_000),
            r.of(&["200", "200", "304", "404", "502"]),
            r.below(90_000),
            r.of(&["", "start", "search"]),
            r.of(&[
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "curl/8.17.0",
                "kube-probe/1.34"
            ])
        )?;
    }
    out.flush()
}

/// Posts all of `text` once, `per` lines a body, each connection waiting for the answer before it sends the next body.
fn post(address: &str, path: &str, text: &[u8], per: usize, connections: u64) -> Result<()> {
    let ends: Vec<usize> = text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
    let bodies: Vec<(&[u8], u64)> = (0..ends.len())
        .step_by(per)
        .map(|from| {
            let to = (from + per).min(ends.len());
            (&text[if from == 0 { 0 } else { ends[from - 1] }..ends[to - 1]], (to - from) as u64)
        })
        .collect();
    let (next, taken, refused) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let start = Instant::now();
    std::thread::scope(|threads| {
        for _ in 0..connections {
            threads.spawn(|| {
                let mut connection = BufReader::new(TcpStream::connect(address).expect("the agent listens"));
                while let Some((body, lines)) = bodies.get(next.fetch_add(1, Relaxed)) {
                    let ok = exchange(&mut connection, path, body).expect("the agent answers");
                    if ok { &taken } else { &refused }.fetch_add(*lines, Relaxed);
                }
            });
        }
    });
    println!(
        "{{\"taken\": {}, \"refused\": {}, \"seconds\": {}}}",
        taken.into_inner(),
        refused.into_inner(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// One request and its answer; true if the status is 2xx.
fn exchange(connection: &mut BufReader<TcpStream>, path: &str, body: &[u8]) -> Result<bool> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n\r\n", body.len());
    connection.get_mut().write_all(head.as_bytes())?;
    connection.get_mut().write_all(body)?;
    let (mut line, mut ok, mut length) = (String::new(), None, 0);
    loop {
        line.clear();
        if connection.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        ok.get_or_insert(line.split(' ').nth(1).is_some_and(|code| code.starts_with('2')));
        if let Some((key, value)) = line.split_once(':')
            && key.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim_end().is_empty() {
            break;
        }
    }
    std::io::copy(&mut connection.take(length), &mut std::io::sink())?;
    Ok(ok == Some(true))
}

/// Counters of statsd, one a datagram, so many a second where the machine can; they add up to the number sent.
fn udp(address: &str, rate: u64, seconds: u64) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(address)?;
    let packets: Vec<String> = (0..500).map(|i| format!("shop.cart{i}.add:1|c")).collect();
    let (start, end, mut sent) = (Instant::now(), Duration::from_secs(seconds), 0u64);
    while start.elapsed() < end {
        let due = start.elapsed().as_micros() as u64 * rate / 1_000_000;
        // A machine that is too slow for the rate sends fewer, not longer.
        while sent < due && start.elapsed() < end {
            socket.send(packets[sent as usize % packets.len()].as_bytes())?;
            sent += 1;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    println!("{{\"sent\": {sent}, \"seconds\": {}}}", start.elapsed().as_secs_f64());
    Ok(())
}
