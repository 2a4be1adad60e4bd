#!/usr/bin/env python3
"""Writes captures of random stacks of headers, one for each kind of link: tags, labels, tunnels in tunnels, options, extension headers, fragments.

    tests/pcap/stacks.py [--seed 1] [--packets 200] FOLDER

Every packet has addresses of its own, so that `compare.py` shows for each one whether it was understood. Made after the RFCs, with all
lengths right.
"""
import argparse
import pathlib
import random
from struct import pack

ETHERTYPES = {4: 0x0800, 6: 0x86DD}
SNAP = bytes([0xAA, 0xAA, 3, 0, 0, 0])
LINKS = [0, 1, 6, 9, 10, 50, 100, 101, 104, 105, 107, 108, 109, 113, 117, 122, 127, 163, 192, 228, 229, 239, 242, 276]


class Stacks:
    """Makes packets; each method returns bytes, and what says how they are to be announced."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.number = 0

    def chance(self, probability):
        return self.random.random() < probability

    def mac(self):
        return bytes([2, 0, 0, 0, 0, self.random.randrange(256)])

    # Transports: the bytes and the protocol of IP.

    def transport(self, version):
        kind, r = self.random.randrange(5), self.random.randrange
        if kind == 0:
            head = pack(">HHIIBBHHH", r(1025, 1500), r(1, 1024), r(1 << 32), 0, 0x50, self.random.choice([2, 4, 16, 17, 18, 24]), 9, 0, 0)
            return head + bytes(r(400)), 6
        if kind == 1:
            return self.udp(bytes(r(400)), r(31001, 32000)), 17
        if kind == 2:
            return pack(">HHIIBBH", r(1, 60000), r(1, 60000), 7, 0, 11, 0, 4), 132
        if kind == 3:
            return (b"\x08" if version == 4 else b"\x80") + b"\0\0\0" + pack(">HH", r(65536), 1) + bytes(8), 1 if version == 4 else 58
        return bytes(8), self.random.choice([50, 89, 112, 253])

    def udp(self, data, target, source=None):
        return pack(">HHHH", source or self.random.randrange(30000, 31000), target, 8 + len(data), 0) + data

    # IP: the bytes and the version.

    def ip(self, depth=0, version=None):
        version = version or self.random.choice([4, 4, 6])
        data, protocol = self.tunnel(depth + 1) if depth < 3 and self.chance(0.35) else self.transport(version)
        return self.ipv4(data, protocol) if version == 4 else self.ipv6(data, protocol), version

    def ipv4(self, data, protocol):
        self.number += 1
        options = self.random.choice([b""] * 5 + [b"\x94\x04\0\0", b"\x07\x0b\x04" + bytes(9)])
        words = 5 + len(options) // 4
        ends = pack(">II", 10 << 24 | self.number, 0xC0A80001 + self.random.randrange(65000))
        head = pack(">BBHHHBBH", 0x40 | words, 0, words * 4 + len(data), self.random.randrange(1, 65536), 0, 64, protocol, 0) + ends + options
        total = sum(head[i] << 8 | head[i + 1] for i in range(0, len(head), 2))
        total = (total >> 16) + (total & 0xFFFF)
        return head[:10] + pack(">H", 0xFFFF - (total >> 16) - (total & 0xFFFF)) + head[12:] + data

    def ipv6(self, data, protocol):
        self.number += 1
        for kind in (60, 51, 43, 0):
            if self.chance(0.12):
                body = {51: b"\x04" + bytes(22), 43: b"\x02" + bytes(21) + b"\x01"}.get(kind, b"\0\x01\x04\0\0\0\0")
                data, protocol = bytes([protocol]) + body + data, kind
        ends = bytes.fromhex("20010db8") + bytes(8) + pack(">I", self.number) + bytes.fromhex("20010db9") + self.random.randbytes(12)
        return pack(">IHBB", 6 << 28, len(data), protocol, 64) + ends + data

    # Tunnels: the bytes and the protocol of IP.

    def tunnel(self, depth):
        r = self.random.randrange
        kind, number = r(11), pack(">I", r(1 << 24) << 8)
        if kind == 0:
            return self.udp(b"\x08\0\0\0" + number + self.ethernet(depth), 4789), 17
        if kind == 1:
            return self.udp(b"\x01\0\x65\x58" + number + b"\x01\x02\x03\0" + self.ethernet(depth), 6081), 17
        if kind == 7:
            return b"\x10\0\x88\xbe\0\0\0\x01" + pack(">HHI", 0x1001, r(1024), 0) + self.ethernet(depth), 47
        if kind == 8:
            return b"\x30\0" + self.ethernet(depth), 97
        data, version = self.ip(depth, 6 if kind == 10 else None)
        if kind == 2:
            flags, extension = self.random.choice([(0, b""), (2, bytes(4)), (4, b"\0\x01\0\x85\x01\0\x05\0")])
            return self.udp(pack(">BBHI", 0x30 | flags, 255, len(data) + len(extension), r(1 << 32)) + extension + data, 2152, 2152), 17
        if kind in (3, 4):
            flags, what = self.random.choice([0, 0, 0x20, 0x30, 0x80, 0xB0]), ETHERTYPES[version]
            if self.chance(0.3):
                data, what = self.ethernet(depth), 0x6558
            fields = b"".join(bytes(4) if bit != 0x20 else pack(">I", r(1 << 32)) for bit in (0x80, 0x20, 0x10) if flags & bit)
            return pack(">BBH", flags, 0, what) + fields + data, 47
        if kind == 5:
            return pack(">BBHHHI", 0x30, 1, 0x880B, len(data) + 4, 9, 1) + b"\xff\x03" + self.ppp(data, version), 47
        if kind == 9:
            return self.udp(pack(">I", 5000 << 12 | 0x140) + data, 6635), 17
        if kind == 10:
            return self.udp(data, 3544, 3544), 17
        return data, 4 if version == 4 else 41

    # Links.

    def ppp(self, data, version):
        return pack(">H", 0x21 if version == 4 else 0x57) + data

    def ethernet(self, depth=0):
        data, kind = self.tagged(depth)
        return self.mac() + self.mac() + pack(">H", kind) + data

    def tagged(self, depth):
        """What is behind the addresses of Ethernet, and its type or length."""
        if self.chance(0.2):
            data, kind = self.tagged(depth)
            return pack(">HH", self.random.randrange(1, 4095), kind) + data, 0x8100
        data, version = self.ip(depth)
        kind = self.random.randrange(12)
        if kind == 0:
            labels = [self.random.randrange(1000, 9000) << 12 | 64 for _ in range(self.random.randrange(1, 4))]
            labels[-1] |= 0x100
            return b"".join(pack(">I", label) for label in labels) + data, 0x8847
        if kind == 1:
            return pack(">BBHH", 0x11, 0, 7, len(data) + 2) + self.ppp(data, version), 0x8864
        if kind == 2 and len(data) < 1400:
            return SNAP + pack(">H", ETHERTYPES[version]) + data, len(data) + 8
        if kind == 3 and depth < 3:
            return pack(">I", 5) + self.ethernet(depth + 1), 0x88E7
        if kind == 4:
            return b"\x01\x01\0\x01\0\x07" + pack(">H", ETHERTYPES[version]) + data, 0x8909
        return data, ETHERTYPES[version]

    def fragments(self):
        """Ethernet frames of one datagram."""
        data, protocol = self.transport(4)
        data, size, number = data + bytes(400), self.random.choice([80, 160, 320]), self.random.randrange(1, 65536)
        whole = self.ipv4(b"", protocol)
        for at in range(0, len(data), size):
            part, more = data[at : at + size], at + size < len(data)
            head = pack(">BBHHHBBH", 0x45, 0, 20 + len(part), number, at // 8 | more << 13, 64, protocol, 0) + whole[12:20]
            yield self.mac() + self.mac() + b"\x08\0" + head + part

    def frame(self, link):
        if link == 1:
            return self.ethernet() + bytes(self.random.choice([0, 0, 4, 9]))
        if link in (113, 276):
            data, kind = self.tagged(0)
            kind = kind if kind > 1500 else 4
            head = pack(">HHHQH", 0, 1, 6, 0, kind) if link == 113 else pack(">HHIHBBQ", kind, 0, 1, 1, 0, 6, 0)
            return head + data
        data, version = self.ip(0, {228: 4, 229: 6}.get(link))
        kind = pack(">H", ETHERTYPES[version])
        if link in (105, 127, 163, 192):
            return self.wireless(link, SNAP + kind + data)
        family = 2 if version == 4 else self.random.choice([24, 28, 30])
        return {
            0: pack("<I", family),
            6: b"\x10\x40" + self.mac() * 2 + SNAP + kind,
            9: b"\xff\x03" + self.ppp(b"", version),
            10: b"\x50" + self.mac() * 2 + SNAP + kind,
            50: b"\xff\x03" + self.ppp(b"", version),
            100: SNAP + kind,
            104: b"\x0f\0" + kind,
            107: b"\x18\x41" + self.random.choice([b"\x03\xcc" if version == 4 else b"\x03\x8e", b"\x03\0\x80\0\0\0" + kind, kind]),
            108: pack(">I", family),
            109: pack("<I", 2 if version == 4 else 24) + bytes(8),
            117: bytes([61, 2 if version == 4 else 24]) + bytes(62),
            122: bytes(16) + SNAP + kind,
            239: bytes([2 if version == 4 else 10, 0, 0, 0]) + pack("<HHIHH", 8, 1, 0, 4 + len(data), 9),
            242: bytes(40) + kind + bytes(2),
        }.get(link, b"") + data

    def wireless(self, link, body):
        control = bytes([self.random.choice([0x08, 0x88]), self.random.choice([0, 1, 2])])
        head = control + bytes(2) + self.mac() + self.mac() + self.mac() + bytes(2) + (bytes(2) if control[0] & 0x80 else b"")
        if link == 163:
            return bytes.fromhex("80211001") + pack(">I", 64) + bytes(56) + head + body
        if link == 192:
            return pack("<BBHI", 0, 0, 8, 105) + head + body
        if link == 105:
            return head + body
        padded = self.chance(0.5)
        head += bytes(-len(head) % 4 if padded else 0)
        flags = 0x20 if padded else 0
        radiotap = [pack("<BBHIB", 0, 0, 9, 2, flags), pack("<BBHIQB", 0, 0, 17, 3, 1, flags), pack("<BBHIIIQB", 0, 0, 25, 0x80000003, 0, 0, 1, flags)]
        return self.random.choice(radiotap) + head + body


def write(path, link, frames):
    records = (pack("<IIII", 1_700_000_000 + i, 0, len(frame), len(frame)) + frame for i, frame in enumerate(frames))
    path.write_bytes(pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link) + b"".join(records))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--packets", type=int, default=200)
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    stacks = Stacks(arguments.seed)
    for link in LINKS:
        write(arguments.folder / f"link-{link}.pcap", link, (stacks.frame(link) for _ in range(arguments.packets)))
    write(arguments.folder / "fragments.pcap", 1, (frame for _ in range(arguments.packets) for frame in stacks.fragments()))


if __name__ == "__main__":
    main()
