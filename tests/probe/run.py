#!/usr/bin/env python3
"""Probe and engines over a real JetStream: killed engines change nothing of the totals.

    python3 tests/probe/run.py [--agent target/debug/agent] [--flows 20000] [--seed 1] [--keep]

A capture is made. Two probes ship it by etc/examples/probe.toml. Two engines take four partitions each by etc/examples/engine.toml; one of them is
killed (SIGKILL) again and again while it writes, the server of NATS is killed and started again, and a third engine takes over the partitions of the
first. Another engine, of a group of its own, takes everything undisturbed. Both databases have to hold every flow of the capture with exactly its packets and bytes, once for each probe.
Ends with 1 if they do not, or if no kill came while there was something to do.
"""
import argparse
import collections
import contextlib
import json
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / 'tests'))
import nats

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument('--agent', type=pathlib.Path, default=ROOT / 'target/debug/agent')
parser.add_argument('--flows', type=int, default=20000)
parser.add_argument('--seed', type=int, default=1, help='of all that is random')
parser.add_argument('--keep', action='store_true', help='keep the folder with configurations, logs and databases')
options = parser.parse_args()

RANDOM = random.Random(options.seed)
PARTITIONS = [f'flows.{number}' for number in range(8)]
PROBES = ['west', 'east']
ACK_WAIT = 2  # seconds until messages of an engine that was killed are somebody else's
LIMIT = 60    # seconds for any step


def capture(path):
    """Writes packets of many conversations, mixed; gives packets and bytes of each."""
    totals = collections.defaultdict(lambda: [0, 0, 0, 0])
    packets = []
    for number in range(options.flows):
        src, dst = f'10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}', f'192.168.0.{RANDOM.randrange(1, 255)}'
        ports = RANDOM.randrange(1024, 65536), RANDOM.choice([53, 123, 443])
        for turn in range(RANDOM.randrange(1, 4)):
            packets.append((number, turn, src, dst, ports, RANDOM.randrange(100)))
    RANDOM.shuffle(packets)
    packets.sort(key=lambda packet: packet[1])  # who began sends first
    with path.open('wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for at, (_, turn, src, dst, ports, size) in enumerate(packets):
            back = turn % 2
            ends = (dst, src) if back else (src, dst)
            pair = ports[::-1] if back else ports
            udp = struct.pack('>HHHH', *pair, 8 + size, 0) + bytes(size)
            ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, *map(socket.inet_aton, ends))
            frame = bytes(12) + b'\x08\x00' + ip + udp
            file.write(struct.pack('<IIII', 1700000000 + at // 100000, at % 100000 * 10, len(frame), len(frame)) + frame)
            total = totals[src, dst, *ports, 'udp']
            total[back] += 1
            total[2 + back] += len(frame)
    return {flow: tuple(total) for flow, total in totals.items()}


def until(what, done):
    began = time.monotonic()
    while not done():
        if time.monotonic() - began > LIMIT:
            sys.exit(f'{what} takes more than {LIMIT} s')
        time.sleep(0.05)


class Agents:
    """Starts agents from the examples, with other files and names."""

    def __init__(self, folder, server):
        self.folder, self.server, self.running = folder, server, []

    def start(self, name, example, replace, **variables):
        text = (ROOT / 'etc/examples' / example).read_text()
        for old, new in replace.items():
            if old not in text:
                sys.exit(f'{example} has no {old!r} any more')
            text = text.replace(old, new)
        config = self.folder / f'{name}.toml'
        config.write_text(text)
        command = [options.agent.resolve(), '--config', config] + (['--once'] if example == 'probe.toml' else [])
        environment = {'NATS': self.server, **variables}
        with (self.folder / f'{name}.log').open('a') as log:
            agent = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder)
        self.running.append(agent)
        return agent

    def probe(self, name, file):
        replace = {'interfaces = ["${PROBE_INTERFACE:-any}"]': f'files = ["{file}"]'}
        return self.start(name, 'probe.toml', replace, PROBE=name, PROBE_QUEUE=str(self.folder / f'{name}-queue'))

    def engine(self, name, partitions, database, group='engines'):
        replace = {
            json.dumps(PARTITIONS): json.dumps(partitions),
            # Many small writes: the more often a kill finds something half done.
            'metric_batch_size = 4000': 'metric_batch_size = 250',
            'max_undelivered_messages = 64': 'max_undelivered_messages = 4',
        }
        page = f'127.0.0.1:{nats.free_port()}'
        return self.start(name, 'engine.toml', replace, ENGINES=group, ENGINE_DATABASE=str(database), ENGINE_PAGE=page)

    def end(self):
        for agent in self.running:
            if agent.poll() is None:
                agent.kill()
            agent.wait()


def query(database, text):
    with contextlib.closing(sqlite3.connect(f'file:{database}?mode=ro', uri=True, timeout=LIMIT)) as connection:
        return connection.execute(text).fetchall()


def count(database):
    try:
        return query(database, 'SELECT count(*) FROM flow')[0][0]
    except sqlite3.OperationalError:
        return 0  # nothing has been written yet


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix='agent-probe-'))
    began = time.monotonic()
    server = nats.Server(folder)
    agents = Agents(folder, server.address)
    try:
        check(folder, server, agents, began)
    finally:
        agents.end()
        server.end()
    if options.keep:
        print(f'kept: {folder}')
    else:
        shutil.rmtree(folder)


def check(folder, server, agents, began):
    want = capture(folder / 'own.pcap')
    reports = len(want) * len(PROBES)
    for name in PROBES:
        probe = agents.probe(name, folder / 'own.pcap')
        if probe.wait(LIMIT) != 0:
            sys.exit(f'probe {name} failed; see {folder}/{name}.log')
    client = nats.Client(server.port)
    messages = client.ask('STREAM.INFO.flows')['state']['messages']
    consumers = [f'engines-{subject.replace(".", "_")}' for subject in PARTITIONS]
    for name, subject in [*zip(consumers, PARTITIONS), ('engines-ledger', 'flows.ledger')]:
        client.make_consumer('flows', name, subject, ACK_WAIT)

    shared, alone = folder / 'shared.db', folder / 'alone.db'
    agents.engine('second', PARTITIONS[4:], shared)
    kills = 0
    while True:
        first = agents.engine('first', PARTITIONS[:4], shared)
        before = count(shared)
        until('the first engine', lambda: count(shared) > before or first.poll() is not None)
        if first.poll() is not None:
            sys.exit(f'the first engine ended by itself; see {folder}/first.log')
        time.sleep(RANDOM.uniform(0, 0.2))
        if count(shared) >= reports or kills == 5:
            break
        first.send_signal(signal.SIGKILL)
        first.wait()
        kills += 1
        if kills == 3:
            break
    if kills == 0:
        sys.exit('everything was written before the first kill, so nothing was tested: more --flows')
    server.restart()
    client = nats.Client(server.port)
    agents.engine('third', PARTITIONS[:4], shared)
    agents.engine('one', PARTITIONS, alone, group='one')

    def drained(names):
        infos = [client.ask(f'CONSUMER.INFO.flows.{name}') for name in names]
        return all(info['num_pending'] == 0 and info['num_ack_pending'] == 0 for info in infos)

    until('the shared database', lambda: drained([*consumers, 'engines-ledger']))
    until('the database of one', lambda: drained(['one-ledger']) and count(alone) >= reports)
    last = [client.ask(f'CONSUMER.INFO.flows.{name}')['delivered']['consumer_seq'] for name in consumers]
    ledger = client.ask('STREAM.INFO.flows', {'subjects_filter': 'flows.ledger'})['state']['subjects']['flows.ledger']
    again = sum(last) - (messages - ledger)

    wrong = []
    for database in (shared, alone):
        rows = query(database, 'SELECT src, dst, src_port, dst_port, protocol, src_packets, dst_packets, src_bytes, dst_bytes FROM flows')
        got = {row[:5]: row[5:] for row in rows}
        twice = {flow: tuple(number * len(PROBES) for number in total) for flow, total in want.items()}
        wrong += [f'{database.name}: {flow}: {got.get(flow)} in place of {total}' for flow, total in twice.items() if got.get(flow) != total]
        wrong += [f'{database.name}: {flow}: nobody sent this' for flow in got.keys() - twice.keys()]
        wrong += [f'{database.name}: {row}' for row in query(database, 'SELECT * FROM missing') if row[2] != 0]
        read = query(database, 'SELECT probe, max(packets_in_flows) FROM pcap GROUP BY probe')
        counted = query(database, 'SELECT probe, sum(src_packets + dst_packets) FROM flow GROUP BY probe')
        wrong += [] if sorted(read) == sorted(counted) else [f'{database.name}: probes have {read}, engines have {counted}']
    packets = sum(total[0] + total[1] for total in want.values()) * len(PROBES)
    for name, value in [
        ('seconds', f'{time.monotonic() - began:.1f}'),
        ('packets read by two probes', packets),
        ('reports of flows', reports),
        ('messages', messages),
        ('kills of an engine', kills),
        ('messages delivered again', again),
        ('packets in the database of the engines that were killed', query(shared, 'SELECT sum(src_packets + dst_packets) FROM flows')[0][0]),
        ('packets in the database of one engine', query(alone, 'SELECT sum(src_packets + dst_packets) FROM flows')[0][0]),
        ('flows that differ', len(wrong)),
    ]:
        print(f'| {name} | {value} |')
    if wrong:
        options.keep = True
        sys.exit('\n'.join(wrong[:5] + [f'see {folder}']))


main()
