//! The table of statistics: a head that begins with `# `, a row for each proxy and server.
//!
//! Source: HAProxy's management guide, "CSV format".

use agent_api::plugin::now;
use agent_api::{Collector, Context, Result, bail, ensure};

/// Names of columns and what they become.
const NAMES: [(&str, &str); 12] = [
    ("pxname", "proxy"),
    ("svname", "sv"),
    ("act", "active_servers"),
    ("bck", "backup_servers"),
    ("cli_abrt", "cli_abort"),
    ("srv_abrt", "srv_abort"),
    ("hrsp_1xx", "http_response.1xx"),
    ("hrsp_2xx", "http_response.2xx"),
    ("hrsp_3xx", "http_response.3xx"),
    ("hrsp_4xx", "http_response.4xx"),
    ("hrsp_5xx", "http_response.5xx"),
    ("hrsp_other", "http_response.other"),
];
/// The values of the column `type`.
const TYPES: [&str; 4] = ["frontend", "backend", "server", "listener"];
/// Columns that are text.
const TEXTS: [&str; 9] =
    ["status", "check_status", "last_chk", "mode", "tracked", "agent_status", "last_agt", "addr", "cookie"];

/// Adds the metrics of a table.
pub(super) fn add(text: &[u8], server: &str, keep_names: bool, out: &mut Collector) -> Result<()> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let head = lines.next().and_then(|line| line.strip_prefix("# ")).context("no head of a table")?;
    let head = cells(head)?;
    let time = now();
    for line in lines {
        let row = cells(line)?;
        ensure!(row.len() == head.len(), "{} columns below a head of {}", row.len(), head.len());
        let mut metric = out.metric("haproxy").tag("server", server).time(time);
        for (column, value) in head.iter().map(String::as_str).zip(&row).filter(|(_, value)| !value.is_empty()) {
            let renamed = NAMES.iter().find(|n| n.0 == column && !keep_names).map_or(column, |n| n.1);
            match column {
                "pxname" | "svname" => metric.add_tag(renamed, value),
                "type" => match value.parse::<usize>().ok().and_then(|n| TYPES.get(n)) {
                    Some(kind) => metric.add_tag(renamed, kind),
                    None => {
                        metric.discard();
                        bail!("unknown type {:?}", value.chars().take(60).collect::<String>());
                    }
                },
                // Longer forms of check_status and agent_status.
                "check_desc" | "agent_desc" | "" => {}
                text if TEXTS.contains(&text) => metric.add_field(renamed, value.as_str()),
                // -1 says that there was no session yet.
                "lastsess" => {
                    if let Ok(number) = value.parse::<i64>() {
                        metric.add_field(renamed, number);
                    }
                }
                _ => {
                    if let Ok(number) = value.parse::<u64>() {
                        metric.add_field(renamed, number);
                    }
                }
            }
        }
    }
    Ok(())
}

/// The cells of a line; one in quotation marks may hold commas, and two quotation marks for one.
fn cells(line: &str) -> Result<Vec<String>> {
    let (mut cells, mut rest) = (Vec::new(), line);
    loop {
        let (cell, after) = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
            Some(mut quoted) => {
                let mut cell = String::new();
                loop {
                    let (text, after) = quoted.split_once('"').context("a cell is not closed")?;
                    cell.push_str(text);
                    quoted = after;
                    match quoted.strip_prefix('"') {
                        Some(after) => {
                            cell.push('"');
                            quoted = after;
                        }
                        None => break,
                    }
                }
                (cell, quoted)
            }
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => {
                ensure!(after.is_empty(), "text behind a cell in quotation marks");
                return Ok(cells);
            }
        }
    }
}
