"""A world without sockets: servers follow a script, and a clock passes when it is told."""

import datetime
import socket
import threading

from papertrader import wire
from papertrader.core import Compute, Open, Read, Shut, Wait, Write
from papertrader.errors import Unreachable

SESSION = "5e" * 32
ORDER = "01890a5d-ac96-774b-bcce-b302099a8057"
START = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)

NUMBERS = {name: number for number, (name, _) in wire.MESSAGES.items()}
NAMES = {instruction.number: instruction.name for instruction in wire.INSTRUCTIONS.values()}

#: What a script answers in place of bytes: the connection ends, or nothing comes.
END = object()
SILENCE = b""


def frame(number, data, count, packet=1, packets_max=1):
    head = wire.HEADER.pack(number >> 8, number, len(data), count, packet, packets_max)
    return head + data


def reply(name, *texts):
    """A message with arguments."""
    return frame(NUMBERS[name], " ".join(texts).encode(), len(texts))


def packets(payload, split=False):
    """A transfer."""
    size = wire.DATA_MAX
    parts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    made = [frame(wire.DATA, part, 0, n, len(parts)) for n, part in enumerate(parts, 1)]
    return made if split else b"".join(made)


def serve(test, talk):
    """A server on a real socket, until the test ends: its address.

    `talk` gets each connection, in a thread of its own; the connection is closed after it.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    test.addCleanup(listener.close)

    def hold(connection):
        with connection:
            talk(connection)

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=hold, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return "127.0.0.1:%d" % listener.getsockname()[1]


def listen(test, answer):
    """As `serve`. `answer` gets the name and the arguments of a request, and returns bytes."""

    def talk(connection):
        with connection.makefile("rb") as stream:
            while True:
                head = stream.read(wire.HEADER.size)
                if len(head) < wire.HEADER.size:
                    return
                _, number, size, _, _, _ = wire.HEADER.unpack(head)
                connection.sendall(answer(NAMES[number], stream.read(size).decode().split(" ")))

    return serve(test, talk)


class World:
    """Does the steps of cores. `servers` has a function for each address, or None where it is down.

    A function gets the name and the arguments of a request, and returns bytes, END or SILENCE; or a
    list of (seconds, bytes) that come later.
    """

    def __init__(self, **servers):
        self.now = 0.0
        self.servers = {f"127.0.0.1:{name[1:]}": function for name, function in servers.items()}
        #: Each request: address, name, arguments.
        self.asked = []
        self.opened = []
        self._address = None
        self._incoming = []
        self._has_ended = False

    def clock(self):
        return self.now

    def wall(self):
        return START + datetime.timedelta(seconds=self.now)

    def at(self, seconds):
        """A time on the wire."""
        moment = START + datetime.timedelta(seconds=seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def run(self, steps):
        done, error = None, None
        while True:
            try:
                effect = steps.send(done) if error is None else steps.throw(error)
            except StopIteration as end:
                return end.value
            done, error = None, None
            try:
                done = self._do(effect)
            except Unreachable as problem:
                error = problem

    def _do(self, effect):
        if isinstance(effect, Open):
            address = f"{effect.host}:{effect.port}"
            self.opened.append(address)
            self._address = address
            self._incoming, self._has_ended = [], False
            if self.servers.get(address) is None:
                raise Unreachable(f"{address}: connection refused")
        elif isinstance(effect, Write):
            self._write(effect.data)
        elif isinstance(effect, Read):
            return self._read(effect.timeout)
        elif isinstance(effect, Wait):
            self.now += effect.seconds
        elif isinstance(effect, Compute):
            return effect.function()
        else:
            assert isinstance(effect, Shut)
        return None

    def _write(self, data):
        while data:
            _, number, size, count, _, _ = wire.HEADER.unpack(data[: wire.HEADER.size])
            text = data[wire.HEADER.size : wire.HEADER.size + size].decode()
            data = data[wire.HEADER.size + size :]
            texts = text.split(" ") if count else []
            name = NAMES[number]
            self.asked.append((self._address, name, texts))
            if name == "getServerInfo":
                answer = reply("serverInfo", "edition=2")
            elif name == "switchState":
                answer = reply("stateSwitchSuccess", texts[1])
            else:
                answer = self.servers[self._address](name, texts)
            later = answer if isinstance(answer, list) else [(0.0, answer)]
            self._incoming += [(self.now + seconds, what) for seconds, what in later if what]

    def _read(self, timeout):
        if self._incoming:
            at, what = self._incoming[0]
            if at <= self.now + timeout:
                self._incoming.pop(0)
                self.now = max(self.now, at)
                return b"" if what is END else what
        if timeout == float("inf"):
            raise AssertionError("a wait without end")
        self.now += timeout
        return None
