"""The protocol of a connection, without I/O: bytes in, events out; requests in, bytes out.

A Protocol knows which request the next answer belongs to, in which state the connection is, and
puts transfers of many packets together. It opens nothing and waits for nothing, so that it serves
sockets, asyncio and tests alike.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Deque, Iterator, List, Optional, Tuple, Union

from . import wire
from ._forms import Reader, Request, record
from .errors import ConnectionLost, Nonsense, refusal

COMMAND = "command"
DATA_STATE = "data"


@record
class Answer:
    """The answer to a request: a dataclass of `papertrader.wire`, a message or a payload."""

    request: Request
    value: Any


@record
class Refusal:
    """The Fail that answers a request."""

    request: Request
    code: str
    text: str

    def error(self) -> Exception:
        """The exception that says the same."""
        return refusal(self.code, self.text)


@record
class Notice:
    """A message that answers nothing, such as QuoteNotice."""

    value: Any


@record
class Fault:
    """protocolError: the last message of the connection."""

    code: str
    text: str


@record
class Closed:
    """The server has closed the connection, between two messages."""


Event = Union[Answer, Refusal, Notice, Fault, Closed]


def encode(request: Request) -> bytes:
    """The bytes of a request."""
    data = wire.SEPARATOR.join(request.texts).encode()
    number = request.instruction.number
    head = wire.HEADER.pack(number >> 8, number, len(data), len(request.texts), 1, 1)
    return head + data


class Protocol:
    """One connection's side of the conversation."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._unanswered: Deque[Request] = deque()
        self._packets: List[bytes] = []
        self._packets_size = 0
        self._packet_max = 0
        #: The state of the connection, as far as the server has confirmed it.
        self.state = COMMAND

    @property
    def unanswered(self) -> int:
        """How many requests have no answer yet."""
        return len(self._unanswered)

    def send(self, request: Request) -> bytes:
        """The bytes to be sent for a request, whose answer is expected from now on."""
        # A client's pong has no answer; every other request has one.
        if request.instruction.successes:
            self._unanswered.append(request)
        return encode(request)

    def receive(self, data: bytes) -> List[Event]:
        """What has come with these bytes, in order. Empty bytes are the end of the stream.

        Raises Nonsense for what the protocol does not allow, and ConnectionLost for an end inside a
        message. Nothing more is to be read then.
        """
        if not data:
            if self._buffer or self._packets:
                raise ConnectionLost("the connection ended inside a message")
            return [Closed()]
        self._buffer += data
        return list(self._events())

    def _events(self) -> Iterator[Event]:
        size = wire.HEADER.size
        while len(self._buffer) >= size:
            kind, number, length, count, packet, packets = wire.HEADER.unpack_from(self._buffer)
            if kind == 0 or number >> 8 != kind:
                raise Nonsense("what came is not PaperTrader's protocol")
            if length > wire.DATA_MAX:
                raise Nonsense(f"a message of {length} bytes; {wire.DATA_MAX} are the most")
            if len(self._buffer) < size + length:
                return
            data = bytes(self._buffer[size : size + length])
            del self._buffer[: size + length]
            event = self._event(number, count, packet, packets, data)
            if event is not None:
                yield event

    def _event(
        self, number: int, count: int, packet: int, packets: int, data: bytes
    ) -> Optional[Event]:
        if number == wire.DATA:
            return self._packet(count, packet, packets, data)
        if (packet, packets) != (1, 1):
            raise Nonsense(f"message 0x{number:04x} in packets")
        if number not in wire.MESSAGES:
            if number >> 8 == wire.CONTROL:
                return None  # A notice of a later edition.
            raise Nonsense(f"an unknown message 0x{number:04x}")
        name, read = wire.MESSAGES[number]
        value = read(self._texts(name, count, data))
        if isinstance(value, wire.ProtocolError):
            return Fault(value.code, value.text)
        if name in wire.NOTICES:
            return Notice(value)
        return self._answer(name, value)

    @staticmethod
    def _texts(name: str, count: int, data: bytes) -> Tuple[str, ...]:
        if count == 0:
            if data:
                raise Nonsense(f"{name} with data and without arguments")
            return ()
        try:
            texts = data.decode().split(wire.SEPARATOR, count - 1)
        except UnicodeDecodeError:
            raise Nonsense(f"{name} with a text that is not UTF-8") from None
        if len(texts) != count:
            raise Nonsense(f"{name} with {len(texts)} arguments where it announces {count}")
        return tuple(texts)

    def _next_unanswered(self, name: str) -> Request:
        if not self._unanswered:
            raise Nonsense(f"{name}, which answers nothing that was asked")
        return self._unanswered[0]

    def _answer(self, name: str, value: Any) -> Event:
        request = self._next_unanswered(name)
        if self._packets:
            raise Nonsense(f"{name} inside a transfer")
        instruction = request.instruction
        self._unanswered.popleft()
        if name == instruction.failure:
            return Refusal(request, value.code, value.text)
        if name not in instruction.successes:
            raise Nonsense(f"{name} in answer to {instruction.name}")
        if isinstance(value, wire.StateSwitchSuccess):
            self.state = value.state
        return Answer(request, value)

    def _packet(self, count: int, packet: int, packets: int, data: bytes) -> Optional[Event]:
        request = self._next_unanswered("data")
        payload = request.instruction.payload
        if payload is None or count != 0:
            raise Nonsense(f"data in answer to {request.instruction.name}")
        if packet != len(self._packets) + 1 or packets < packet:
            raise Nonsense(f"packet {packet} of {packets}, after {len(self._packets)}")
        if self._packets and packets != self._packet_max:
            raise Nonsense(f"a transfer of {packets} packets that began with {self._packet_max}")
        if packet < packets and len(data) != wire.DATA_MAX:
            raise Nonsense(f"packet {packet} of {packets} with {len(data)} bytes")
        self._packet_max = packets
        self._packets.append(data)
        self._packets_size += len(data)
        if self._packets_size > wire.PAYLOAD_MAX:
            raise Nonsense(f"a payload of more than {wire.PAYLOAD_MAX} bytes")
        if packet < packets:
            return None
        reader = Reader(b"".join(self._packets))
        self._packets, self._packets_size = [], 0
        value = wire.PAYLOADS[payload](reader)
        reader.end()
        self._unanswered.popleft()
        return Answer(request, value)
