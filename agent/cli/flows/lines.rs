//! A line for each flow: JSON and CSV.

use super::{Sink, details};
use agent_packets::metadata::{Metadata, NAMES};
use agent_packets::{Flow, Tally, text};
use std::io::{self, Write};

/// One object a line; the names are fixed, what is unknown is `null` or 0.
pub(super) struct Json<W> {
    out: W,
    summary: bool,
    details: bool,
    line: String,
}

impl<W: Write> Json<W> {
    pub(super) fn new(out: W, summary: bool, details: bool) -> Self {
        Self { out, summary, details, line: String::new() }
    }
}

impl<W: Write> Sink for Json<W> {
    fn flow(&mut self, f: &Flow, metadata: &Metadata) -> io::Result<()> {
        let line = &mut self.line;
        line.clear();
        line.push_str("{\"src\":\"");
        text::address(line, f.src);
        line.push_str("\",\"dst\":\"");
        text::address(line, f.dst);
        line.push('"');
        let numbers = [
            (",\"src_port\":", f.src_port.into()),
            (",\"dst_port\":", f.dst_port.into()),
            (",\"protocol\":", f.protocol.into()),
            (",\"vlan\":", f.vlans[0].into()),
            (",\"inner_vlan\":", f.vlans[1].into()),
            (",\"src_packets\":", f.packets[0]),
            (",\"dst_packets\":", f.packets[1]),
            (",\"src_bytes\":", f.bytes[0]),
            (",\"dst_bytes\":", f.bytes[1]),
            (",\"src_ip_bytes\":", f.ip_bytes[0]),
            (",\"dst_ip_bytes\":", f.ip_bytes[1]),
        ];
        for (name, number) in numbers {
            line.push_str(name);
            text::number(line, number);
        }
        line.push_str(",\"first\":\"");
        text::time(line, f.first);
        line.push_str("\",\"last\":\"");
        text::time(line, f.last);
        line.push('"');
        let numbers = [
            (",\"src_tcp_flags\":", f.tcp_flags[0]),
            (",\"dst_tcp_flags\":", f.tcp_flags[1]),
            (",\"icmp_type\":", f.icmp.0),
            (",\"icmp_code\":", f.icmp.1),
        ];
        for (name, number) in numbers {
            line.push_str(name);
            text::number(line, number.into());
        }
        match f.tunnel.ends() {
            None => line.push_str(",\"tunnel\":null"),
            Some((src, dst)) => {
                line.push_str(",\"tunnel\":{\"type\":\"");
                line.push_str(f.tunnel.kind.name());
                line.push_str("\",\"id\":");
                text::number(line, f.tunnel.id.into());
                line.push_str(",\"network\":");
                text::number(line, f.tunnel.network.into());
                line.push_str(",\"src\":\"");
                text::address(line, src);
                line.push_str("\",\"dst\":\"");
                text::address(line, dst);
                line.push_str("\"}");
            }
        }
        line.push_str(",\"end_reason\":\"");
        line.push_str(f.ended.name());
        line.push_str("\",\"community_id\":\"");
        f.write_community_id(0, line);
        line.push('"');
        self.out.write_all(line.as_bytes())?;
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
    line: String,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(out: W, summary: bool, details: bool) -> Self {
        Self { out, summary, details, begun: false, line: String::new() }
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
        let line = &mut self.line;
        line.clear();
        for end in [f.src, f.dst] {
            text::address(line, end);
            line.push(',');
        }
        let [src, dst] = [f.src_port, f.dst_port].map(u64::from);
        let [vlan, inner] = f.vlans.map(u64::from);
        let ([p, q], [b, c], [i, j]) = (f.packets, f.bytes, f.ip_bytes);
        for number in [src, dst, f.protocol.into(), vlan, inner, p, q, b, c, i, j] {
            text::number(line, number);
            line.push(',');
        }
        for time in [f.first, f.last] {
            text::time(line, time);
            line.push(',');
        }
        for number in [f.tcp_flags[0], f.tcp_flags[1], f.icmp.0, f.icmp.1] {
            text::number(line, number.into());
            line.push(',');
        }
        match f.tunnel.ends() {
            None => line.push_str(",,,,,"),
            Some((src, dst)) => {
                line.push_str(f.tunnel.kind.name());
                for number in [f.tunnel.id, f.tunnel.network] {
                    line.push(',');
                    text::number(line, number.into());
                }
                for end in [src, dst] {
                    line.push(',');
                    text::address(line, end);
                }
                line.push(',');
            }
        }
        line.push_str(f.ended.name());
        line.push(',');
        f.write_community_id(0, line);
        self.out.write_all(line.as_bytes())?;
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
