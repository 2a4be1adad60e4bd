#!/usr/bin/env python3
"""Holds `agent flows` against tshark: flows, packets, bytes, times and VLANs out of the layers that tshark sees.

    tests/pcap/compare.py [--agent target/debug/agent] CAPTURE...
    tests/pcap/stacks.py --seed 1 /tmp/stacks && tests/pcap/compare.py /tmp/stacks/*

Prints what differs, and a line of totals. Not part of the tests, as tshark is needed and not always right: a difference is a question to the
standards. Known ones: tshark decrypts with keys in the file, looks into the registers of PIM and into 6LoWPAN, knows addresses of packets that were cut before
their ports, does not look for 802.2 behind the addresses of a provider's backbone, and counts custom blocks of pcapng as packets.
"""
import argparse
import datetime
import ipaddress
import json
import pathlib
import subprocess
import sys
from collections import Counter

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Every packet stands for itself, and what is wrong with it is of no interest.
OPTIONS = ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE", "tcp.analyze_sequence_numbers:FALSE",
           "capwap.reassemble:FALSE", "capwap.swap_fc:TRUE", "ip.tso_support:TRUE"]
PORTS = {"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132, "udplite": 136}
# Behind these stand packets that are quoted or decrypted, not carried.
LAST = {"icmp", "icmpv6", "igmp", "pim", "wg"}


class Layer(list):
    """The fields of a layer in their order, as names may come several times."""

    def first(self, name):
        return next((value for key, value in self if key == name), None)

    def number(self, name):
        value = self.first(name)
        return {"True": 1, "False": 0}.get(value) if value in ("True", "False") else int(value, 0) if isinstance(value, str) else None

    def deep(self, name):
        """A number at any depth, 0 if there is none."""
        for key, value in self:
            if key == name:
                return Layer([(key, value)]).number(name) or 0
            if isinstance(value, Layer) and (found := value.deep(name)):
                return found
        return 0


class Packet:
    """The innermost conversation of a packet, as its layers say. `addresses` is None if it has none."""

    def __init__(self, layers):
        self.addresses, self.ports, self.protocol = None, (0, 0), 0
        self.network, self.vlans, self.ip_bytes, self.flags, self.fragment = 0, [], None, 0, None
        fresh = True
        for name, fields in layers:
            if not isinstance(fields, Layer):
                continue
            if name in ("eth", "ieee8021ah"):
                fresh = True
            elif name in ("vlan", "ieee8021ad"):
                # Of two tags of 802.1ad, tshark has the outer one as that of the service.
                tag = next((t for t in map(fields.number, (f"{name}.id", f"{name}.svid")) if t is not None), 0)
                self.vlans = [tag] if fresh else self.vlans + [tag]
                fresh = False
            elif name in ("ip", "ipv6"):
                if fields.first(f"{name}.dst") is None or name == "ip" and (fields.number("ip.hdr_len") or 0) < 20:
                    break
                self.internet(name, fields)
            elif PORTS.get(name) == self.protocol and self.addresses:
                prefix = "udp" if name == "udplite" else name
                ports = fields.number(f"{prefix}.srcport"), fields.number(f"{prefix}.dstport")
                if None not in ports:
                    self.ports, self.flags = ports, fields.number("tcp.flags") or 0
            elif name in ("vxlan", "geneve"):
                self.network = fields.number(f"{name}.vni") or self.network
            elif name == "gre" and fields.number("gre.proto") == 0x6558 and fields.number("gre.flags_and_version") == 0x2000:
                self.network = fields.number("gre.key") >> 8
            elif name in LAST:
                break

    def internet(self, name, fields):
        source, target = fields.first(f"{name}.src"), fields.first(f"{name}.dst")
        self.addresses, self.ports, self.flags = (source, target), (0, 0), 0
        if name == "ip":
            self.protocol, self.ip_bytes = fields.number("ip.proto"), fields.number("ip.len")
            offset, more, number = fields.deep("ip.frag_offset"), fields.deep("ip.flags.mf"), fields.number("ip.id")
        else:
            length = fields.number("ipv6.plen")
            self.protocol, self.ip_bytes = fields.number("ipv6.nxt"), 40 + length if length else None
            for key, header in fields:
                if isinstance(header, Layer):
                    following = header.number("ah.next_header" if key == "ah" else f"{key}.nxt")
                    self.protocol = self.protocol if following is None else following
            offset, more, number = (fields.deep(f"ipv6.fraghdr.{field}") for field in ("offset", "more", "ident"))
        if offset or more:
            self.fragment = (source, target, number, self.protocol), offset


def packets(capture):
    """The layers of each packet."""
    options = [word for option in OPTIONS for word in ("-o", option)]
    output = subprocess.run(["tshark", "-n", "-r", capture, "-T", "json", *options], capture_output=True).stdout
    documents = json.loads(output.decode(errors="replace") or "[]", object_pairs_hook=Layer)
    return [document.first("_source").first("layers") for document in documents]


def end(address, port):
    return ipaddress.ip_address(address).packed, port


def nanoseconds(epoch):
    """Seconds with nine decimals; None for what is no such time."""
    seconds, _, decimals = (epoch or "").partition(".")
    return int(seconds) * 10**9 + int(decimals) if seconds.isdigit() and len(decimals) == 9 else None


def expected(capture):
    """Flows by their ends, and how many packets were read."""
    flows, first_fragments, read = {}, {}, 0
    for layers in packets(capture):
        read += 1
        frame, packet = layers.first("frame"), Packet(layers)
        if packet.addresses is None:
            continue
        if packet.fragment:
            datagram, offset = packet.fragment
            first = first_fragments.setdefault(datagram, packet) if offset == 0 else first_fragments.get(datagram)
            if offset and first:
                packet.addresses, packet.ports, packet.protocol = first.addresses, first.ports, first.protocol
                packet.network, packet.ip_bytes = first.network, None
        ends = [end(address, port) for address, port in zip(packet.addresses, packet.ports)]
        key = (*sorted(ends), packet.protocol, packet.network)
        began = ends[1] if packet.flags & 0x12 == 0x12 else ends[0]
        flow = flows.setdefault(key, {"began": began, "vlan": (packet.vlans or [0])[0], "times": [], "sums": {e: [0, 0, 0] for e in ends},
                                      "layers": ":".join(name for name, _ in layers)})
        wire = max(frame.number("frame.len"), frame.number("frame.cap_len"))
        sums = flow["sums"][ends[0]]
        known = sums[2] is not None and packet.ip_bytes and packet.ip_bytes <= wire
        flow["sums"][ends[0]] = [sums[0] + 1, sums[1] + wire, sums[2] + packet.ip_bytes if known else None]
        flow["times"].append(nanoseconds(frame.first("frame.time_epoch")))
    return flows, read


def found(agent, capture):
    """What the agent has, and its summary; its sums are checked."""
    command = [agent, "flows", "--format", "json", "--summary", capture]
    run = subprocess.run(command, capture_output=True, timeout=120)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    if not lines:
        return {}, {"packets_read": 0, "error": run.stderr.decode(errors="replace").strip()}
    summary = lines.pop()
    in_flows = sum(line["src_packets"] + line["dst_packets"] for line in lines)
    assert run.returncode in (0, 1) and summary["packets_in_flows"] == in_flows, (capture, run.returncode, summary)
    assert summary["packets_read"] == in_flows + sum(summary["not_counted"].values()), (capture, summary)
    flows = {}
    for line in lines:
        ends = [end(line[side], line[f"{side}_port"]) for side in ("src", "dst")]
        key = (*sorted(ends), line["protocol"], line["tunnel"]["network"] if line["tunnel"] else 0)
        assert key not in flows, (capture, line)
        flows[key] = line
    return flows, summary


def time(text):
    whole, _, decimals = text.rstrip("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return int(seconds) * 10**9 + int(decimals.ljust(9, "0"))


def differences(theirs, ours):
    """What differs of a flow, by name: what tshark has and what the agent has."""
    ends = [end(ours[side], ours[f"{side}_port"]) for side in ("src", "dst")]
    sums = {e: [0, 0, 0] for e in ends}
    for e, side in zip(ends, ("src", "dst")):
        sums[e] = [a + ours[f"{side}_{what}"] for a, what in zip(sums[e], ("packets", "bytes", "ip_bytes"))]
    known = {e: [a if b is not None else None for a, b in zip(sums[e], theirs["sums"].get(e, [0, 0, 0]))] for e in sums}
    pairs = {
        "counts": ([theirs["sums"].get(e, [0, 0, 0]) for e in ends], [known[e] for e in ends]),
        "began": (theirs["began"], ends[0]),
        "vlan": (theirs["vlan"], ours["vlan"]),
    }
    if None not in theirs["times"]:
        pairs["times"] = ([min(theirs["times"]), max(theirs["times"])], [time(ours["first"]), time(ours["last"])])
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def named(key):
    (low, low_port), (high, high_port), protocol, network = key
    return f"{ipaddress.ip_address(low)}:{low_port} {ipaddress.ip_address(high)}:{high_port} protocol {protocol} network {network}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", default=ROOT / "target/debug/agent")
    parser.add_argument("captures", nargs="+", metavar="CAPTURE")
    arguments = parser.parse_args()
    totals = Counter()
    for capture in arguments.captures:
        theirs, read = expected(capture)
        ours, summary = found(arguments.agent, capture)
        lines = [] if summary["packets_read"] == read else [f"{read} packets, the agent: {summary}"]
        for key, flow in theirs.items():
            differing = differences(flow, ours.pop(key)) if key in ours else {"flow": (flow["sums"], "missing")}
            lines += [f"{named(key)} {name}: {a}, the agent: {b}; {flow['layers']}" for name, (a, b) in differing.items()]
            totals.update(flows=1, equal=not differing)
        lines += [f"{named(key)}: only the agent has it, {line['tunnel']}" for key, line in ours.items()]
        totals.update(captures=1, packets=read, only_agent=len(ours))
        if lines:
            print(f"{capture}:", *lines, sep="\n    ")
    print(dict(totals))
    return totals["flows"] != totals["equal"] or totals["only_agent"] > 0


if __name__ == "__main__":
    sys.exit(main())
