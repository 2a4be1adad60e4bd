//! What ping programs print: those of Linux and the BSDs, and that of Windows in any language.

use super::statistics::{Report, loss};
use agent_api::{Context, Result, Value, anyhow, ensure};

/// Fields of the output of a program of Linux or a BSD, with the code that it ended with (0 or that of lost packets).
pub(super) fn unix(text: &str, code: i64) -> Result<Report> {
    let (mut packets, mut times, mut ttl) = (None, None, None);
    for line in text.lines() {
        if line.contains("transmitted") && line.contains("received") {
            packets = Some(transmitted(line).with_context(|| format!("read {:?}", cut(line)))?);
        } else if line.contains("min/avg/max") {
            times = Some(round_trip(line).with_context(|| format!("read {:?}", cut(line)))?);
        } else if ttl.is_none() {
            ttl = ["ttl=", "hlim="].iter().find_map(|key| number_after(line, key));
        }
    }
    let (sent, received) = packets.ok_or_else(|| anyhow!("the output has no statistics: {:?}", cut(text.trim())))?;
    let mut report = Report::failed(code, None);
    report.add("packets_transmitted", Value::Int(sent));
    report.add("packets_received", Value::Int(received));
    report.add("percent_packet_loss", Value::Float(loss(sent, received)));
    if let Some(ttl) = ttl {
        report.add("ttl", Value::Int(ttl));
    }
    let names = ["minimum_response_ms", "average_response_ms", "maximum_response_ms", "standard_deviation_ms"];
    for (name, time) in names.iter().zip(times.unwrap_or_default()) {
        report.add(name, Value::Float(time));
    }
    Ok(report)
}

/// `5 packets transmitted, 4 received, ...` or `5 packets transmitted, 4 packets received, ...`
fn transmitted(line: &str) -> Result<(i64, i64)> {
    let mut numbers = line.split(", ").map(|part| part.split(' ').next().unwrap_or_default().parse::<i64>());
    let (sent, received) = (numbers.next().context("no number")??, numbers.next().context("one number only")??);
    ensure!(sent >= 0 && received >= 0, "negative number");
    Ok((sent, received))
}

/// `rtt min/avg/max/mdev = 3.250/4.500/6.750/1.125 ms`; some have no deviation.
fn round_trip(line: &str) -> Result<Vec<f64>> {
    let (_, values) = line.split_once("= ").context("no equals sign")?;
    let values = values.split(' ').next().unwrap_or_default();
    let times: Vec<f64> = values.split('/').map(str::parse).collect::<Result<_, _>>()?;
    ensure!((3..=4).contains(&times.len()) && times.iter().all(|t| t.is_finite()), "not three or four times");
    Ok(times)
}

/// Fields of the output of Windows' ping. Words differ from language to language, so numbers are told by their places: lines with
/// three equals signs and a number behind each are the packets, then the times.
pub(super) fn windows(text: &str) -> Result<Report> {
    let (mut replies, mut found) = (0i64, Vec::new());
    for line in text.lines() {
        if number_after(line, "TTL=").is_some() {
            replies += 1;
        } else if let Some(three) = three_numbers(line) {
            found.push(three);
        }
    }
    let [sent, received, _lost] =
        *found.first().with_context(|| format!("the output has no statistics: {:?}", cut(text.trim())))?;
    let mut report = Report::failed(0, None);
    report.add("packets_transmitted", Value::Int(sent));
    report.add("packets_received", Value::Int(received));
    report.add("reply_received", Value::Int(replies));
    report.add("percent_packet_loss", Value::Float(loss(sent, received)));
    report.add("percent_reply_loss", Value::Float(loss(sent, replies)));
    if let Some([least, most, mean]) = found.get(1) {
        report.add("minimum_response_ms", Value::Float(*least as f64));
        report.add("maximum_response_ms", Value::Float(*most as f64));
        report.add("average_response_ms", Value::Float(*mean as f64));
    }
    Ok(report)
}

/// The first three numbers that stand behind an equals sign each.
fn three_numbers(line: &str) -> Option<[i64; 3]> {
    let mut numbers = line.split('=').skip(1).map(|part| leading_number(part.trim_start()));
    Some([numbers.next()??, numbers.next()??, numbers.next()??])
}

fn number_after(line: &str, key: &str) -> Option<i64> {
    line.split_once(key).and_then(|(_, rest)| leading_number(rest))
}

fn leading_number(text: &str) -> Option<i64> {
    text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())].parse().ok()
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}
