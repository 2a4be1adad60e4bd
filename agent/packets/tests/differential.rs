//! Plain packets decoded here and by `etherparse` must say the same.

use agent_packets::Decoder;
use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use std::net::IpAddr;

/// xorshift: the same packets each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 8
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

fn made(random: &mut Random) -> Vec<u8> {
    let link = PacketBuilder::ethernet2(random.bytes(), random.bytes());
    // Ports below those of tunnels.
    let ports = [random.next() as u16 % 2000, random.next() as u16 % 2000];
    let payload = vec![0; random.next() as usize % 300];
    let mut out = Vec::new();
    macro_rules! transport {
        ($net:expr) => {{
            let net = $net;
            match random.next() % 3 {
                0 => {
                    let mut tcp = net.tcp(ports[0], ports[1], 7, 9);
                    if random.next() % 2 == 0 {
                        tcp = tcp.syn();
                    }
                    if random.next() % 2 == 0 {
                        tcp = tcp.ack(3).fin();
                    }
                    tcp.write(&mut out, &payload)
                }
                _ => net.udp(ports[0], ports[1]).write(&mut out, &payload),
            }
        }};
    }
    let vlan = etherparse::VlanId::try_new(random.next() as u16 % 4096).expect("12 bits");
    let written = match random.next() % 4 {
        0 => transport!(link.ipv4(random.bytes(), random.bytes(), 9)),
        1 => transport!(link.ipv6(random.bytes(), random.bytes(), 9)),
        2 => transport!(link.single_vlan(vlan).ipv4(random.bytes(), random.bytes(), 9)),
        _ => transport!(link.double_vlan(vlan, vlan).ipv6(random.bytes(), random.bytes(), 9)),
    };
    written.expect("a packet that can be written");
    // Ethernet pads short frames.
    out.resize(out.len().max(60), 0);
    out
}

#[test]
fn the_same_as_etherparse() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut decoder = Decoder::new();
    for _ in 0..50_000 {
        let bytes = made(&mut random);
        let theirs = SlicedPacket::from_ethernet(&bytes).expect("etherparse reads its own");
        let ours = decoder.decode(1, &bytes, bytes.len() as u32).expect("we read it, too");
        let (src, dst, ip_bytes) = match theirs.net.as_ref().expect("IP") {
            NetSlice::Ipv4(ip) => {
                let head = ip.header();
                (IpAddr::V4(head.source_addr()), IpAddr::V4(head.destination_addr()), u32::from(head.total_len()))
            }
            NetSlice::Ipv6(ip) => {
                let head = ip.header();
                let length = 40 + u32::from(head.payload_length());
                (IpAddr::V6(head.source_addr()), IpAddr::V6(head.destination_addr()), length)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!((ours.src_ip(), ours.dst_ip(), ours.ip_bytes), (src, dst, ip_bytes));
        let (src_port, dst_port, flags) = match theirs.transport.as_ref().expect("a transport") {
            TransportSlice::Tcp(tcp) => (tcp.source_port(), tcp.destination_port(), tcp.slice()[13]),
            TransportSlice::Udp(udp) => (udp.source_port(), udp.destination_port(), 0),
            other => panic!("{other:?}"),
        };
        assert_eq!((ours.src_port, ours.dst_port, ours.tcp_flags), (src_port, dst_port, flags));
        let tags = theirs.vlan_ids();
        let tag = |place: usize| tags.get(place).map_or(0, |v| v.value());
        assert_eq!(ours.vlans, [tag(0), tag(1)]);
    }
}
