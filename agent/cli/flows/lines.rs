//! A line for each flow: JSON and CSV.

use super::{Sink, details};
use agent_packets::metadata::{Metadata, NAMES};
use agent_packets::{Flow, Tally};
use jiff::Timestamp;
use std::io::{self, Write};

/// One object a line; the names are fixed, what is unknown is `null` or 0.
pub(super) struct Json<W> {
    out: W,
    summary: bool,
    details: bool,
}

impl<W: Write> Json<W> {
    pub(super) fn new(out: W, summary: bool, details: bool) -> Self {
        Self { out, summary, details }
    }
}

impl<W: Write> Sink for Json<W> {
    fn flow(&mut self, f: &Flow, metadata: &Metadata) -> io::Result<()> {
        write!(
            self.out,
            "{{\"src\":\"{}\",\"dst\":\"{}\",\"src_port\":{},\"dst_port\":{},\"protocol\":{},\"vlan\":{},\"inner_vlan\":{},\
             \"src_packets\":{},\"dst_packets\":{},\"src_bytes\":{},\"dst_bytes\":{},\"src_ip_bytes\":{},\"dst_ip_bytes\":{},\
             \"first\":\"{}\",\"last\":\"{}\",\"src_tcp_flags\":{},\"dst_tcp_flags\":{},\"icmp_type\":{},\"icmp_code\":{},",
            f.src,
            f.dst,
            f.src_port,
            f.dst_port,
            f.protocol,
            f.vlans[0],
            f.vlans[1],
            f.packets[0],
            f.packets[1],
            f.bytes[0],
            f.bytes[1],
            f.ip_bytes[0],
            f.ip_bytes[1],
            Time(f.first),
            Time(f.last),
            f.tcp_flags[0],
            f.tcp_flags[1],
            f.icmp.0,
            f.icmp.1,
        )?;
        match f.tunnel.ends() {
            None => self.out.write_all(b"\"tunnel\":null,")?,
            Some((src, dst)) => write!(
                self.out,
                "\"tunnel\":{{\"type\":\"{}\",\"id\":{},\"network\":{},\"src\":\"{src}\",\"dst\":\"{dst}\"}},",
                f.tunnel.kind.name(),
                f.tunnel.id,
                f.tunnel.network,
            )?,
        }
        write!(self.out, "\"end_reason\":\"{}\",\"community_id\":\"{}\"", f.ended.name(), f.community_id(0))?;
        if self.details {
            for (name, cell) in NAMES.iter().zip(metadata.cells()) {
                write!(self.out, ",\"{name}\":")?;
                details::json(&cell, &mut self.out)?;
            }
        }
        self.out.write_all(b"}\n")
    }

    fn end(&mut self, tally: &Tally) -> io::Result<()> {
        if self.summary {
            write!(
                self.out,
                "{{\"packets_read\":{},\"packets_in_flows\":{},\"not_counted\":{{",
                tally.read, tally.in_flows
            )?;
            for (i, (cause, packets)) in tally.causes().enumerate() {
                write!(self.out, "{}\"{}\":{packets}", if i > 0 { "," } else { "" }, cause.name())?;
            }
            self.out.write_all(b"}}\n")?;
        }
        self.out.flush()
    }
}

/// A header, then the same columns as JSON has keys. The summary is a comment.
pub(super) struct Csv<W> {
    out: W,
    summary: bool,
    details: bool,
    begun: bool,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(out: W, summary: bool, details: bool) -> Self {
        Self { out, summary, details, begun: false }
    }

    fn begin(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        self.out.write_all(
            b"src,dst,src_port,dst_port,protocol,vlan,inner_vlan,src_packets,dst_packets,src_bytes,dst_bytes,src_ip_bytes,\
              dst_ip_bytes,first,last,src_tcp_flags,dst_tcp_flags,icmp_type,icmp_code,tunnel_type,tunnel_id,tunnel_network,\
              tunnel_src,tunnel_dst,end_reason,community_id",
        )?;
        if self.details {
            write!(self.out, ",{}", NAMES.join(","))?;
        }
        self.out.write_all(b"\n")
    }
}

impl<W: Write> Sink for Csv<W> {
    fn flow(&mut self, f: &Flow, metadata: &Metadata) -> io::Result<()> {
        self.begin()?;
        write!(
            self.out,
            "{},{},{},{},{},{},{},",
            f.src, f.dst, f.src_port, f.dst_port, f.protocol, f.vlans[0], f.vlans[1]
        )?;
        for [src, dst] in [f.packets, f.bytes, f.ip_bytes] {
            write!(self.out, "{src},{dst},")?;
        }
        write!(self.out, "{},{},{},{},", Time(f.first), Time(f.last), f.tcp_flags[0], f.tcp_flags[1])?;
        write!(self.out, "{},{},", f.icmp.0, f.icmp.1)?;
        match f.tunnel.ends() {
            None => self.out.write_all(b",,,,,")?,
            Some((src, dst)) => {
                write!(self.out, "{},{},{},{src},{dst},", f.tunnel.kind.name(), f.tunnel.id, f.tunnel.network)?;
            }
        }
        write!(self.out, "{},{}", f.ended.name(), f.community_id(0))?;
        if self.details {
            for cell in metadata.cells() {
                self.out.write_all(b",")?;
                details::csv(&cell, &mut self.out)?;
            }
        }
        self.out.write_all(b"\n")
    }

    fn end(&mut self, tally: &Tally) -> io::Result<()> {
        self.begin()?;
        if self.summary {
            write!(self.out, "# packets_read={} packets_in_flows={}", tally.read, tally.in_flows)?;
            for (cause, packets) in tally.causes() {
                write!(self.out, " {}={packets}", cause.name())?;
            }
            self.out.write_all(b"\n")?;
        }
        self.out.flush()
    }
}

/// RFC 3339 in UTC, as exact as the capture is.
struct Time(i64);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Any count of nanoseconds in 64 bits is within what a timestamp can be.
        match Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}
