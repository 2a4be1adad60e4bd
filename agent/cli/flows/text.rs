//! Tables to read: the largest flows, who talks most, and the shares of protocols.

use super::{Kept, Sink, details};
use agent_packets::metadata::Metadata;
use agent_packets::{Flow, Tally};
use std::collections::HashMap;
use std::io::{self, Write};
use std::net::IpAddr;

/// Lines of a table, unless asked for more.
pub(super) const TOP: usize = 20;
/// Addresses that are told apart.
const MAX_TALKERS: usize = 1 << 20;

/// What was sent and received.
#[derive(Clone, Copy, Default)]
struct Volume {
    flows: u64,
    packets: u64,
    bytes: u64,
    sent: u64,
}

/// Gathers what the tables show.
pub(super) struct Tables<W> {
    out: W,
    top: usize,
    largest: Kept,
    flows: u64,
    talkers: HashMap<IpAddr, Volume>,
    /// What belongs to addresses beyond those told apart.
    others: Volume,
    protocols: HashMap<(u8, u16), Volume>,
    span: Option<(i64, i64)>,
}

impl<W: Write> Tables<W> {
    pub(super) fn new(out: W, top: usize) -> Self {
        Self {
            out,
            top,
            largest: Kept::new(top),
            flows: 0,
            talkers: HashMap::new(),
            others: Volume::default(),
            protocols: HashMap::new(),
            span: None,
        }
    }

    fn talker(&mut self, address: IpAddr, sent: u64, flow: &Flow) {
        let full = self.talkers.len() >= MAX_TALKERS && !self.talkers.contains_key(&address);
        let volume = if full { &mut self.others } else { self.talkers.entry(address).or_default() };
        volume.add(flow);
        volume.sent += sent;
    }

    fn flow_table(&mut self) -> io::Result<()> {
        let largest = self.largest.take();
        let mut table =
            Table::new(&["SOURCE", "DESTINATION", "PROTOCOL", "PACKETS", "", "BYTES", "", "SECONDS", "END", ""], 3);
        for (f, metadata) in &largest {
            let seconds = (f.last.saturating_sub(f.first)) as f64 / 1e9;
            table.row([
                end(f.src, f.src_port),
                end(f.dst, f.dst_port),
                protocol(f.protocol),
                format!("{} >", f.packets[0]),
                format!("< {}", f.packets[1]),
                format!("{} >", scaled(f.bytes[0])),
                format!("< {}", scaled(f.bytes[1])),
                format!("{seconds:.3}"),
                f.ended.name().to_owned(),
                notes(f, metadata),
            ]);
        }
        writeln!(self.out, "Largest flows ({} of {})", largest.len(), self.flows)?;
        table.print(&mut self.out)
    }

    fn talker_table(&mut self) -> io::Result<()> {
        let mut talkers: Vec<(IpAddr, Volume)> = std::mem::take(&mut self.talkers).into_iter().collect();
        let all = talkers.len();
        talkers.sort_unstable_by(|a, b| b.1.bytes.cmp(&a.1.bytes).then(a.0.cmp(&b.0)));
        talkers.truncate(self.top);
        let mut table = Table::new(&["ADDRESS", "FLOWS", "PACKETS", "SENT", "RECEIVED"], 1);
        for (address, volume) in &talkers {
            table.row(volume.row(address.to_string()));
        }
        if self.others.flows > 0 {
            table.row(self.others.row("others".to_owned()));
        }
        writeln!(self.out, "\nTop talkers ({} of {all})", talkers.len())?;
        table.print(&mut self.out)
    }

    fn protocol_table(&mut self) -> io::Result<()> {
        let all: u64 = self.protocols.values().map(|v| v.bytes).sum();
        let mut shares: Vec<(String, Volume)> = std::mem::take(&mut self.protocols)
            .into_iter()
            .map(|((number, port), volume)| {
                (if port > 0 { format!("{} {port}", protocol(number)) } else { protocol(number) }, volume)
            })
            .collect();
        shares.sort_unstable_by(|a, b| b.1.bytes.cmp(&a.1.bytes).then_with(|| a.0.cmp(&b.0)));
        let count = shares.len();
        shares.truncate(self.top);
        let mut table = Table::new(&["PROTOCOL", "FLOWS", "PACKETS", "BYTES", "SHARE"], 1);
        for (name, v) in &shares {
            let share = if all > 0 { v.bytes as f64 * 100.0 / all as f64 } else { 0.0 };
            table.row([
                name.clone(),
                v.flows.to_string(),
                v.packets.to_string(),
                scaled(v.bytes),
                format!("{share:.1} %"),
            ]);
        }
        writeln!(self.out, "\nProtocols ({} of {count})", shares.len())?;
        table.print(&mut self.out)
    }
}

impl<W: Write> Sink for Tables<W> {
    fn flow(&mut self, flow: &Flow, metadata: &Metadata) -> io::Result<()> {
        self.flows += 1;
        self.largest.offer(flow, metadata);
        self.talker(flow.src, flow.bytes[0], flow);
        if flow.dst != flow.src {
            self.talker(flow.dst, flow.bytes[1], flow);
        }
        self.protocols.entry((flow.protocol, service(flow))).or_default().add(flow);
        let (first, last) = self.span.unwrap_or((flow.first, flow.last));
        self.span = Some((first.min(flow.first), last.max(flow.last)));
        Ok(())
    }

    fn end(&mut self, tally: &Tally) -> io::Result<()> {
        self.flow_table()?;
        self.talker_table()?;
        self.protocol_table()?;
        let (first, last) = self.span.unwrap_or_default();
        let seconds = (last.saturating_sub(first)) as f64 / 1e9;
        write!(self.out, "\n{} packets in {seconds:.3} s, {} in {} flows", tally.read, tally.in_flows, self.flows)?;
        for (cause, packets) in tally.causes() {
            write!(self.out, ", {packets} {}", cause.name().replace('_', " "))?;
        }
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

impl Volume {
    fn add(&mut self, flow: &Flow) {
        self.flows += 1;
        self.packets += flow.packets[0] + flow.packets[1];
        self.bytes += flow.bytes[0] + flow.bytes[1];
    }

    fn row(&self, name: String) -> [String; 5] {
        let received = self.bytes - self.sent;
        [name, self.flows.to_string(), self.packets.to_string(), scaled(self.sent), scaled(received)]
    }
}

/// The port that names the service: that of the side that was called, or the well-known one of the two.
fn service(flow: &Flow) -> u16 {
    if flow.dst_port >= 1024 && (1..1024).contains(&flow.src_port) {
        flow.src_port
    } else {
        flow.dst_port.min(49_152) % 49_152
    }
}

/// Address and port, as addresses of version 6 need brackets.
fn end(address: IpAddr, port: u16) -> String {
    match (address, port) {
        (_, 0) => address.to_string(),
        (IpAddr::V4(v4), _) => format!("{v4}:{port}"),
        (IpAddr::V6(v6), _) => format!("[{v6}]:{port}"),
    }
}

fn protocol(number: u8) -> String {
    let name = match number {
        1 => "icmp",
        2 => "igmp",
        4 => "ipip",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        41 => "ipv6",
        46 => "rsvp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmp6",
        88 => "eigrp",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        132 => "sctp",
        _ => return number.to_string(),
    };
    name.to_owned()
}

/// VLANs, tunnel, and what its first packets say.
fn notes(flow: &Flow, metadata: &Metadata) -> String {
    let mut notes: Vec<String> = flow.vlans.iter().filter(|v| **v > 0).map(|v| format!("vlan {v}")).collect();
    if let Some((src, dst)) = flow.tunnel.ends() {
        notes.push(format!("{} {} {src} {dst}", flow.tunnel.kind.name(), flow.tunnel.id));
    }
    notes.extend(details::notes(metadata));
    notes.join(", ")
}

/// A count of bytes with a unit, three or four digits.
fn scaled(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if value < 1000.0 {
            return if unit == "B" { format!("{value} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} PB")
}

/// Cells in columns as wide as they need to be; numbers to the right.
struct Table<const N: usize> {
    rows: Vec<[String; N]>,
    /// The columns of text in front of those of numbers.
    names: usize,
}

impl<const N: usize> Table<N> {
    fn new(head: &[&str; N], names: usize) -> Self {
        Self { rows: vec![head.map(str::to_owned)], names }
    }

    fn row(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let widths: [usize; N] =
            std::array::from_fn(|column| self.rows.iter().map(|row| row[column].len()).max().unwrap_or(0));
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                let text = column < self.names || cell.starts_with('<') || column + 2 >= N && N > 5;
                line.push_str(&if text { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") });
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
