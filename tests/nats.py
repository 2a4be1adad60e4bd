"""A NATS server with JetStream for tests that are scripts, and as much of the protocol as it takes to ask and to publish."""
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import time


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as server:
        return server.getsockname()[1]


class Server:
    """The `nats-server` of this system; keeps its files in a folder."""

    def __init__(self, folder):
        program = shutil.which('nats-server') or '/usr/sbin/nats-server'  # Debian puts it where only root looks
        if not pathlib.Path(program).exists():
            sys.exit('nats-server is not installed: scripts/setup test does that')
        self.port = free_port()
        self.address = f'nats://127.0.0.1:{self.port}'
        self.folder = folder
        self.command = [program, '-a', '127.0.0.1', '-p', str(self.port), '-js', '-sd', folder / 'store', '-l', folder / 'nats.log']
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command)
        began = time.monotonic()
        while True:
            try:
                socket.create_connection(('127.0.0.1', self.port)).close()
                return
            except ConnectionRefusedError:
                if time.monotonic() - began > 30:
                    self.end()
                    sys.exit(f'nats-server does not listen; see {self.folder}/nats.log')
                time.sleep(0.05)

    def restart(self):
        """Kills it and starts it again with what it had stored."""
        self.end()
        self.start()

    def end(self):
        self.process.kill()
        self.process.wait()


class Client:
    """A connection; one question at a time."""

    def __init__(self, port, patience=60):
        self.socket = socket.create_connection(('127.0.0.1', port))
        self.socket.settimeout(patience)
        self.file = self.socket.makefile('rb')
        self.file.readline()
        self.socket.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB answers 1\r\n')

    def request(self, subject, body):
        """Publishes and waits for the answer, which JetStream gives to everything; ends the script if it is an error."""
        self.socket.sendall(b'PUB %s answers %d\r\n%s\r\n' % (subject.encode(), len(body), body))
        while True:
            line = self.file.readline().split()
            if not line:
                sys.exit('nats-server has ended')
            if line[0] == b'PING':
                self.socket.sendall(b'PONG\r\n')
            elif line[0] == b'MSG':
                answer = json.loads(self.file.read(int(line[-1]) + 2))
                if 'error' in answer:
                    sys.exit(f'{subject}: {answer["error"]}')
                return answer
            elif line[0] == b'-ERR':
                sys.exit(f'nats-server: {line}')

    def ask(self, name, request=None):
        """Asks the interface of JetStream."""
        return self.request(f'$JS.API.{name}', json.dumps(request).encode() if request else b'')

    def make_consumer(self, stream, name, subject, ack_wait):
        """Makes a durable consumer that waits so many seconds for acknowledgements."""
        config = {
            'durable_name': name, 'filter_subject': subject, 'deliver_policy': 'all',
            'ack_policy': 'explicit', 'ack_wait': int(ack_wait * 10**9), 'max_ack_pending': 10000,
        }
        self.ask(f'CONSUMER.DURABLE.CREATE.{stream}.{name}', {'stream_name': stream, 'config': config})
