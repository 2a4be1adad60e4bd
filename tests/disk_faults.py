"""`scripts/faults --disk`: what is said, lost and needs help when the disk below a queue fails, on file systems of this machine.

In each case lines of a log go through a disk queue while the server is away, the fault comes, more lines come, the fault goes, the
agent is killed (SIGKILL) and started again, and the server comes back: every line has to arrive. Mounts are made in a user and a
mount namespace (`unshare -rm`), folders of others need root or a user who is not, the clock is turned back by a library that is put before
libc (`cc`). What this machine does not let us try is said in the table, and then the end is 2.
"""
import collections
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

CLOCK = r'''
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *to) {
    int failed = syscall(SYS_clock_gettime, id, to);
    if (!failed && id == CLOCK_REALTIME && !access(getenv("BACK"), F_OK)) to->tv_sec -= 3600;
    return failed;
}
'''
LINES = 2000  # before the fault, and as many while it lasts


class NotHere(Exception):
    """This machine does not let us try it."""


class Server(http.server.ThreadingHTTPServer):
    """Takes line protocol and counts how often each line came."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port):
        self.taken = collections.Counter()
        super().__init__(('127.0.0.1', port), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length'])).decode()
        self.server.taken.update(int(number) for number in re.findall(r' i=(\d+)i', body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Case:
    """An agent with its queue in a folder that something is wrong with."""

    def __init__(self, binary, folder, before=(), env=()):
        self.binary, self.folder, self.before, self.env = binary, folder, list(before), dict(env)
        self.queue, self.log, self.lines, self.process = folder / 'disk' / 'queue', folder / 'agent.log', 0, None
        (folder / 'disk').mkdir()
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            self.port = free.getsockname()[1]
        (folder / 'log').touch()
        (folder / 'agent.toml').write_text(f'''
[agent]
  interval = "500ms"
  flush_interval = "200ms"
  omit_hostname = true
  statefile = "{folder}/state.json"
  buffer_strategy = "disk"
  buffer_directory = "{self.queue}"
[agent.api]
  address = "unix://{folder}/api.sock"
[[inputs.tail]]
  files = ["{folder}/log"]
  initial_read_offset = "saved-or-beginning"
  max_undelivered_lines = 100000
  path_tag = ""
[[outputs.http]]
  alias = "server"
  url = "http://127.0.0.1:{self.port}/write"
  data_format = "influx"
''')

    def start(self):
        with self.log.open('a') as out:
            command = [*self.before, self.binary, '--config', self.folder / 'agent.toml']
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **self.env})
        self.until(lambda: self.status() is not None, 'the agent starts')

    def write(self, count=LINES):
        with (self.folder / 'log').open('a') as out:
            out.writelines(f'log i={n}i {1_790_000_000_000_000_000 + n}\n' for n in range(self.lines, self.lines + count))
        self.lines += count
        self.until(lambda: (self.status() or {}).get('metrics') == self.lines, 'all lines wait in the queue')

    def status(self):
        """What waits for the output."""
        try:
            connection = http.client.HTTPConnection('agent')
            connection.sock = socket.socket(socket.AF_UNIX)
            with contextlib.closing(connection):
                connection.sock.connect(str(self.folder / 'api.sock'))
                connection.request('GET', '/status')
                plugins = json.loads(connection.getresponse().read())['plugins']
            return next((p['queued'] for p in plugins if p['plugin'] == 'outputs.http'), None)
        except (OSError, http.client.HTTPException):
            return None

    def until(self, what, name, limit=30):
        began = time.monotonic()
        while not what():
            if time.monotonic() - began > limit or self.process.poll() is not None:
                sys.exit(f'it did not come to this: {name}; see {self.log}')
            time.sleep(0.02)
        return time.monotonic() - began

    def said(self, pattern):
        """The first line of the log that fits."""
        found = re.search(f'.* [EWI]! (.*{pattern}.*)', self.log.read_text())
        return found and found[1]

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        (self.folder / 'api.sock').unlink(missing_ok=True)

    def arrive(self, expected=None):
        """Kills the agent, starts it again beside a server that is up; gives what was lost and what came twice."""
        if self.process:
            size, state = (self.folder / 'log').stat().st_size, self.folder / 'state.json'
            self.until(lambda: state.exists() and str(size) in state.read_text(), 'the place in the log is noted')
        self.kill()
        server, expected = Server(self.port), set(range(self.lines)) if expected is None else expected
        self.start()
        try:
            with contextlib.suppress(SystemExit):
                self.until(lambda: expected <= server.taken.keys(), 'all lines arrive')
            return len(expected - server.taken.keys()), sum(server.taken.values()) - len(server.taken)
        finally:
            server.shutdown()
            server.server_close()


def during(case, pattern, fail, cure):
    """A fault that comes while the agent runs, or was there when it started."""
    if case.process is None:
        fail()
        case.start()
    else:
        case.write()
        fail()
    case.write()
    case.until(lambda: case.said(pattern), f'{pattern!r} is said')
    cure()
    took = case.until(lambda: case.said('the disk works again'), 'the disk works again')
    lost, twice = case.arrive()
    return case.said(pattern), lost, twice, f'{took:.1f} s after the cause was gone'


def mounted(folder, *arguments):
    done = subprocess.run(['mount', *arguments, folder], capture_output=True, text=True)
    if done.returncode:
        raise NotHere(done.stderr.strip())


def full(case):
    mounted(case.folder / 'disk', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs')
    case.start()
    filler = case.folder / 'disk' / 'filler'

    def fail():
        with contextlib.suppress(OSError), filler.open('wb', buffering=0) as out:
            while True:
                out.write(bytes(512))

    return during(case, 'No space left', fail, filler.unlink)


def read_only(case):
    mounted(case.folder / 'disk', '-t', 'tmpfs', '-o', 'ro', 'tmpfs')
    return during(case, 'Read-only file system', lambda: None, lambda: mounted(case.folder / 'disk', '-o', 'remount,rw'))


def forbidden(case):
    if os.getuid() == 0:
        if not shutil.which('setpriv'):
            raise NotHere('setpriv is not there, and root may write everywhere')
        case.before = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
        for path in (case.folder, case.folder / 'log'):
            os.chown(path, 65534, 65534)
    disk = case.folder / 'disk'
    return during(case, 'Permission denied', lambda: disk.chmod(0o555), lambda: disk.chmod(0o777))


def clock(case):
    compiler, library = shutil.which('cc'), case.folder / 'clock.so'
    if not compiler:
        raise NotHere('no C compiler for the clock')
    source = case.folder / 'clock.c'
    source.write_text(CLOCK)
    subprocess.run([compiler, '-shared', '-fPIC', '-o', library, source], check=True)
    back = case.folder / 'back'
    case.env = {'LD_PRELOAD': str(library), 'BACK': str(back)}
    case.start()
    case.write()
    back.touch()
    case.write()
    stamp = time.strftime('%Y-%m-%dT%H', time.gmtime(time.time() - 3600))
    line = f'log i={case.lines}i\n'
    with (case.folder / 'log').open('a') as out:
        out.write(line + 'no line protocol at all\n')
    case.lines += 1
    case.until(lambda: re.search(f'^{stamp}.*no line protocol', case.log.read_text(), re.M), 'the log has the clock put back')
    age = case.status()['oldest_seconds']
    lost, twice = case.arrive()
    return f'nothing; the oldest waits for {age:.0f} s', lost, twice, 'nothing stops' if 0 <= age < 60 else 'NO'


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return struct.pack('<I', crc ^ 0xffffffff)


def older(case):
    """What the first agents wrote: see `agent/pipeline/disk/faults.rs`."""
    head = b'agentseg' + struct.pack('<IQ', 1, 1)
    segment = head + crc32c(head)
    for number in range(1, 4):
        metric = [bytes([0, 1, 0, 0, 1, 1, 1, 2 * value]) for value in (10 * number, 10 * number + 1)]
        payload = bytes([2, 2]) + b'mi' + bytes([2, 1, 1]) + b''.join(metric)
        rest = struct.pack('<QI', number, 2) + payload
        length = struct.pack('<I', len(payload))
        segment += length + crc32c(length + rest) + rest
    (case.queue / 'server').mkdir(parents=True)
    (case.queue / 'server' / f'{1:020}.segment').write_bytes(segment)
    lost, twice = case.arrive({value for number in (10, 20, 30) for value in (number, number + 1)})
    return case.said('of an earlier run'), lost, twice, 'at once'


def newer(case):
    head = b'agentseg' + struct.pack('<IQQ', 9, 1, 0)
    path = case.queue / 'server' / f'{1:020}.segment'
    path.parent.mkdir(parents=True)

    def cure():
        if path.read_bytes() != head + crc32c(head):
            sys.exit(f'{path} has been changed')
        path.unlink()

    return during(case, 'of version 9', lambda: path.write_bytes(head + crc32c(head)), cure)


CASES = [
    ('disk full', full, True), ('read-only', read_only, True), ('folder of another', forbidden, False),
    ('clock put back by an hour', clock, False), ('queue of version 1', older, False), ('queue of a version to come', newer, False),
]


def run(binary):
    """Tries all, prints the table; gives the exit code."""
    print('| fault | the agent says | lost | came twice | goes on |\n|---|---|---:|---:|---|', flush=True)
    amiss, left_out = 0, 0
    for number, (name, _, mounts) in enumerate(CASES):
        command = [sys.executable, '-B', __file__, str(binary.resolve()), str(number)]
        done = subprocess.run(['unshare', '-rm', *command] if mounts else command, capture_output=True, text=True)
        row = done.stdout.strip()
        if done.returncode == 2 or mounts and not row and 'unshare' in done.stderr:
            left_out += 1
            row = f'not tried: {row or done.stderr.strip()} | | |'
        elif done.returncode:
            amiss += 1
            row = row or f'{done.stderr.strip()} | | | NO'
        print(f'| {name} | {row} |', flush=True)
    return 1 if amiss else 2 if left_out else 0


def main():
    binary, number = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    folder = pathlib.Path(tempfile.mkdtemp(prefix='agent-disk-'))
    folder.chmod(0o755)
    case = Case(binary, folder)
    try:
        said, lost, twice, goes_on = CASES[number][1](case)
    except NotHere as cause:
        print(cause)
        return 2
    finally:
        case.kill()
        if (folder / 'disk').is_mount():
            subprocess.run(['umount', folder / 'disk'], check=False)
    print(f'{said} | {lost} | {twice} | {goes_on}'.replace(f'{folder}', '…'))
    if not lost:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if lost or goes_on == 'NO' else 0


if __name__ == '__main__':
    sys.exit(main())
