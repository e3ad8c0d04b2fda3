"""The logic of a connection without I/O: several workers, states, repetition, orders, notices.

Each method is a generator of *steps*: it yields what is to be done (Open, Write, Read, ...), and is
sent what came of it. `client.py` does the steps with sockets, `aio.py` with asyncio, and the tests
with nothing but a script. So everything that is hard to get right stands here, once.
"""

from __future__ import annotations

import datetime
import random
import time
import uuid
from collections import deque
from typing import (
    Any,
    Callable,
    Deque,
    Dict,
    Generator,
    Iterable,
    List,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from . import wire
from ._forms import Request, record, seconds_of
from .errors import (
    BadArgument,
    ConnectionLost,
    ConnectionProblem,
    NotLoggedIn,
    NotSupported,
    NoWorker,
    OutcomeUnknown,
    PaperTraderError,
    Refused,
    ServerFault,
    SessionEnded,
    StillOpen,
    TryLater,
    refusal,
)
from .protocol import COMMAND, Answer, Closed, Event, Fault, Notice, Protocol, Refusal

T = TypeVar("T")


# What is to be done.


@record
class Open:
    """Connect to HOST:PORT, with TLS or without. Raises Unreachable or TlsFailed."""

    host: str
    port: int
    tls: bool
    timeout: float


@record
class Write:
    """Send all these bytes. Raises ConnectionLost."""

    data: bytes
    timeout: float


@record
class Read:
    """Receive some bytes; empty at the end of the stream, None when the time is over."""

    timeout: float


@record
class Shut:
    """Close the connection, if there is one. Does not fail."""


@record
class Wait:
    """Let time pass."""

    seconds: float


@record
class Compute:
    """Call a function that takes its time, such as a password's hash."""

    function: Callable[[], Any]


Effect = Union[Open, Write, Read, Shut, Wait, Compute]
Steps = Generator[Effect, Any, T]

#: Seconds for a message about an order; it exceeds the 60 s after which a worker gives up on the
#: master.
ORDER_ANSWER = 75.0
#: Seconds after its expected settlement before an order is sent again to learn its state.
ORDER_GRACE = 30.0
#: The longest that a wait follows the server's clock: either clock may be wrong.
REMAINING_MAX = 3600.0
#: Seconds after which a subscription is renewed: that shows whether server and session are there.
RENEW_AFTER = 60.0
#: The longest time for a connection or an answer that can be asked for, in seconds: a day.
TIMEOUT_MAX = 86400.0
#: The first wait between two rounds over all workers, and the longest.
PAUSE_FIRST, PAUSE_MAX = 0.2, 5.0
#: The most workers that are remembered, and notices that are kept.
WORKERS_MAX, NOTICES_MAX = 64, 4096

#: Refusals that say nothing about an order that may have been sent before.
_OF_THE_MOMENT = frozenset(
    ["overloaded", "master-unavailable", "internal-error", "too-many-attempts", "wrong-state"]
)
#: Refusals that may be of the moment, as long as the order is not known to be queued.
_OF_MEANS = frozenset(["insufficient-funds", "insufficient-holdings", "no-price"])
#: Refusals of an order after which it is sent again.
_REPEATED = frozenset(["overloaded", "master-unavailable", "internal-error"])
#: Faults that are about one worker.
_OF_THE_WORKER = frozenset(["timeout", "too-many-connections", "shutting-down"])


def fresh_key() -> str:
    """A new client order ID: a random UUID."""
    return str(uuid.uuid4())


def split_address(address: str) -> Tuple[str, int]:
    """HOST:PORT as its parts; the port of workers where there is none."""
    if not isinstance(address, str):
        raise BadArgument("server", repr(address), "a text, HOST:PORT")
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = address, str(wire.WORKER_PORT)
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise BadArgument("server", address, "HOST:PORT, an IPv6 address in brackets")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadArgument("server", address, "HOST:PORT with a port from 1 to 65535")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether a host is written as one of this machine. What a name resolves to does not count."""
    parts = host.split(".")
    is_v4 = len(parts) == 4 and parts[0] == "127" and all(part.isdigit() for part in parts)
    return is_v4 or host in ("localhost", "::1")


def _at_least(least: float, value: float, what: str, most: float) -> float:
    """Seconds within bounds."""
    about = f"a number of seconds, {least:g} or more"
    about += f", at most {most:g}" if most < float("inf") else ""
    seconds = seconds_of(value, what, about)
    if seconds is None or not least <= seconds <= most:
        raise BadArgument(what, repr(value), about)
    return seconds


def _nothing() -> Steps[None]:
    """No step at all."""
    return
    yield


class Deployment:
    """What the connections of a client share: the workers, and the session."""

    def __init__(
        self,
        servers: Sequence[str],
        tls: Optional[bool] = None,
        timeout: float = 10.0,
        patience: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(
            datetime.timezone.utc
        ),
    ) -> None:
        if not servers:
            raise BadArgument("servers", None, "one HOST:PORT at least")
        for server in servers:
            split_address(server)
        #: Addresses in the order in which they are tried.
        self.workers: List[str] = list(dict.fromkeys(servers))
        self.tls = tls
        self.timeout = _at_least(0.001, timeout, "timeout", TIMEOUT_MAX)
        self.patience = _at_least(0.0, patience, "patience", float("inf"))
        self.clock = clock
        self.wall = wall
        self.session: Optional[str] = None
        self.username: Optional[str] = None
        #: Whether any worker has ever answered: before that, an address may just be wrong. That
        #: somebody accepts connections there shows nothing.
        self.has_connected = False
        #: Editions of the protocol that workers speak, by address.
        self.editions: Dict[str, int] = {}
        self._session_needs_tls = False

    def uses_tls(self, address: str) -> bool:
        """Whether a connection is encrypted. After a login over TLS, all are."""
        if self.tls is not None and not self._session_needs_tls:
            return self.tls
        return self._session_needs_tls or not is_loopback(split_address(address)[0])

    def learn(self, addresses: Iterable[str], source: str) -> None:
        """Takes up the workers that one of them names, if nobody on the way could make them up."""
        if not self.uses_tls(source) and not is_loopback(split_address(source)[0]):
            return
        for address in addresses:
            if address not in self.workers and len(self.workers) < WORKERS_MAX:
                self.workers.append(address)

    def begin(self, username: str, session: str, workers: Iterable[str], source: str) -> None:
        """Takes over a login."""
        self.username, self.session = username, session
        self._session_needs_tls = self._session_needs_tls or self.uses_tls(source)
        self.learn(workers, source)

    def end(self) -> None:
        """Forgets the session."""
        self.session = None

    def token(self) -> str:
        """The session's ID. Raises NotLoggedIn without one."""
        if self.session is None:
            raise NotLoggedIn()
        return self.session


class Core:
    """One connection to whichever worker answers, and what is asked over it."""

    def __init__(self, deployment: Deployment, topics: Sequence[str] = ()) -> None:
        self.deployment = deployment
        self.topics = tuple(topics)
        #: The address of the worker that was used last.
        self.address: Optional[str] = None
        self._protocol: Optional[Protocol] = None
        self._events: Deque[Event] = deque()
        #: Notices that came while something else was waited for, the newest of them.
        self.notices: Deque[Any] = deque(maxlen=NOTICES_MAX)
        #: Whether nobody wants notices any more; whoever waits for one ends.
        self.is_closed = False

    def abandon(self) -> None:
        """Forgets the connection, which an exception from outside has left in some state."""
        self._protocol = None
        self._events.clear()

    # The connection.

    def close(self) -> Steps[None]:
        """Closes the connection. The next call opens another."""
        self.abandon()
        yield Shut()

    def _open(self, address: str) -> Steps[None]:
        yield from self.close()
        host, port = split_address(address)
        yield Open(host, port, self.deployment.uses_tls(address), self.deployment.timeout)
        self.address = address
        self._protocol = Protocol()
        for topic in self.topics:
            yield from self._require(2)
            yield from self._exchange(wire.subscribe(self.deployment.token(), topic))

    def _event(self, deadline: float, is_bulk: bool = False) -> Steps[Event]:
        """The next event. ConnectionLost when the time is over."""
        assert self._protocol is not None
        begun = self.deployment.clock()
        while not self._events:
            left = deadline - self.deployment.clock()
            data: Optional[bytes] = None
            if left > 0:
                data = yield Read(left)
            if data is None:
                raise ConnectionLost(f"no answer within {deadline - begun:.0f} s")
            if is_bulk:  # Of a long transfer the time is the longest wait without a byte.
                deadline = max(deadline, self.deployment.clock() + self.deployment.timeout)
            self._events.extend(self._protocol.receive(data))
        return self._events.popleft()

    def _send(self, request: Request) -> Steps[None]:
        assert self._protocol is not None
        yield Write(self._protocol.send(request), self.deployment.timeout)

    def _exchange(self, request: Request) -> Steps[Any]:
        """Sends a request on this connection and returns its answer. A Fail is raised."""
        yield from self._send(request)
        deadline = self.deployment.clock() + self.deployment.timeout
        while True:
            event = yield from self._event(deadline, request.instruction.payload is not None)
            answer = self._taken(event)
            if isinstance(answer, Answer):
                return answer.value
            if isinstance(answer, Refusal):
                raise answer.error()

    def _taken(self, event: Event) -> Union[Answer, Refusal, Notice]:
        """An event that the connection survives; a notice is kept."""
        if isinstance(event, Fault):
            raise ServerFault(event.code, event.text)
        if isinstance(event, Closed):
            raise ConnectionLost("the server closed the connection")
        self.deployment.has_connected = True
        if isinstance(event, Notice):
            self.notices.append(event.value)
        return event

    def _enter(self, states: Sequence[str]) -> Steps[None]:
        """Switches to a state in which a request is accepted."""
        assert self._protocol is not None
        if self._protocol.state in states:
            return
        state = states[0]
        # Back to the command state any session ID will do, also one that has ended.
        token = self.deployment.session or "0" * 64
        if state != COMMAND:
            token = self.deployment.token()
        yield from self._exchange(wire.switch_state(token, state))

    def _require(self, edition: int) -> Steps[None]:
        """Finds out whether the worker speaks an edition of the protocol: NotSupported if not."""
        address = self.address
        assert address is not None
        if edition <= 1:
            return
        if address not in self.deployment.editions:
            info = yield from self._server_info(address)
            self.deployment.editions[address] = 2 if info is not None else 1
        if self.deployment.editions[address] < edition:
            raise NotSupported(f"{address} speaks the first edition of the protocol alone")

    def _server_info(self, address: str) -> Steps[Optional[wire.ServerInfo]]:
        """What a worker tells of itself. One of the first edition closes the connection: None."""
        if self.deployment.editions.get(address) == 1:
            return None
        try:
            info: wire.ServerInfo = yield from self._exchange(wire.get_server_info())
            self.deployment.editions[address] = 2
            return info
        except ServerFault as fault:
            if fault.code != "unknown-instruction":
                raise
        self.deployment.editions[address] = 1
        topics, self.topics = self.topics, ()
        try:
            yield from self._open(address)
        finally:
            self.topics = topics
        return None

    # Several workers.

    def _candidates(self) -> List[str]:
        """Workers in the order in which they are tried: the one of last time first.

        Its open connection and a new one are two tries: a worker may have closed an idle one.
        """
        workers = list(self.deployment.workers)
        if self.address is not None:
            workers = [self.address] + [worker for worker in workers if worker != self.address]
            if self._protocol is not None:
                workers.insert(0, self.address)
        return workers

    def _reach(self, address: str, is_open: bool) -> Steps[None]:
        if not is_open:
            yield from self._open(address)

    def _round(
        self, attempt: Callable[[], Steps[T]], repeatable: bool, prepare: Callable[[], Steps[None]]
    ) -> Steps[T]:
        """Tries each worker once; returns what the first one answers."""
        errors: List[Tuple[str, PaperTraderError]] = []
        is_open = self._protocol is not None
        for address in self._candidates():
            is_sent = False
            try:
                yield from self._reach(address, is_open)
                yield from prepare()
                is_sent = True
                return (yield from attempt())
            except ConnectionProblem as error:
                yield from self.close()
                is_one_workers = not isinstance(error, ServerFault) or error.code in _OF_THE_WORKER
                if not is_one_workers or (is_sent and error.may_have_happened and not repeatable):
                    raise
                # The first of two tries of a worker is not worth telling.
                if not is_open:
                    errors.append((address, error))
            except TryLater as error:
                if error.code != "master-unavailable":
                    raise
                yield from self.close()
                errors.append((address, error))
            is_open = False
        refusals = [error for _, error in errors if isinstance(error, TryLater)]
        raise refusals[0] if refusals else NoWorker(errors)

    def persist(
        self,
        attempt: Callable[[], Steps[T]],
        repeatable: bool = True,
        prepare: Callable[[], Steps[None]] = _nothing,
    ) -> Steps[T]:
        """Rounds over all workers, until one answers or the patience is at its end."""
        begun = self.deployment.clock()
        pause = PAUSE_FIRST
        while True:
            try:
                return (yield from self._round(attempt, repeatable, prepare))
            except (NoWorker, TryLater) as error:
                code = error.code if isinstance(error, TryLater) else ""
                if isinstance(error, TryLater) and code not in ("overloaded", "master-unavailable"):
                    raise
                if not self._may_wait(begun, pause):
                    raise
            yield Wait(pause * random.uniform(0.75, 1.25))
            pause = min(pause * 2, PAUSE_MAX)

    def _may_wait(self, since: float, pause: float) -> bool:
        waited = self.deployment.clock() - since
        return self.deployment.has_connected and waited + pause <= self.deployment.patience

    def call(self, request: Request, repeatable: bool = True) -> Steps[Any]:
        """Sends a request to whichever worker answers, and returns its answer.

        If it is repeatable, it is sent again after a lost connection; otherwise ConnectionLost is
        raised, and nobody knows whether it was carried out.
        """

        def prepare() -> Steps[None]:
            yield from self._require(request.instruction.edition)
            yield from self._enter(request.instruction.states)
            if not repeatable:  # Shows that the worker has not closed an idle connection.
                yield from self._exchange(wire.ping())

        return (yield from self.persist(lambda: self._exchange(request), repeatable, prepare))

    def server_info(self) -> Steps[Optional[wire.ServerInfo]]:
        """The facts that a worker tells; None: it is of the first edition."""

        def attempt() -> Steps[Optional[wire.ServerInfo]]:
            assert self.address is not None
            return (yield from self._server_info(self.address))

        return (yield from self.persist(attempt))

    # Orders.

    def order(self, request: Request, key: str, timeout: float) -> Steps[Any]:
        """Sends an order with a client order ID, and repeats it until its answer is known.

        Raises Refused if it did not trade, StillOpen if it is queued when the time is over, and
        OutcomeUnknown if it was sent and no worker tells in time what became of it. Any other
        exception means that it was not queued.
        """
        follower = _Follower(self, request, key, self.deployment.clock() + timeout)
        return (yield from follower.follow())

    # Notices.

    def next_notice(self, timeout: Optional[float]) -> Steps[Optional[Any]]:
        """The next notice of the subscriptions; None when the time is over.

        A lost connection is opened again, with its subscriptions. What became of orders meanwhile
        was not told: NoticesDropped says so.
        """
        clock = self.deployment.clock
        until = float("inf") if timeout is None else clock() + timeout
        while not self.notices:
            if clock() >= until or self.is_closed:
                return None
            if self._protocol is None:
                yield from self._subscribe_again()
                continue
            try:
                yield from self._listen(min(until, self._renew_at))
            except ConnectionProblem:
                yield from self.close()
        return self.notices.popleft()

    _renew_at = 0.0
    _was_subscribed = False

    def _subscribe_again(self) -> Steps[None]:
        yield from self.persist(_nothing)  # _open subscribes.
        if self.is_closed:
            yield from self.close()
        self._renew_at = self.deployment.clock() + RENEW_AFTER
        if self._was_subscribed and "orders" in self.topics:
            self.notices.append(wire.NoticesDropped("orders", 0))
        self._was_subscribed = True

    def _listen(self, until: float) -> Steps[None]:
        """Takes what has come, or comes until then; renews the subscriptions where it is due.

        A subscription ends with its session, and nobody is told: the renewal shows it.
        """
        assert self._protocol is not None
        if self.deployment.clock() >= self._renew_at:
            for topic in self.topics:
                try:
                    yield from self._exchange(wire.subscribe(self.deployment.token(), topic))
                except TryLater:
                    pass  # The subscription of before stays in force.
            self._renew_at = self.deployment.clock() + RENEW_AFTER
            return
        if not self._events:
            data: Optional[bytes] = yield Read(max(0.0, until - self.deployment.clock()))
            if data is None:
                return
            self._events.extend(self._protocol.receive(data))
        while self._events:
            self._taken(self._events.popleft())


class _Follower:
    """An order on its way to its outcome."""

    def __init__(self, core: Core, request: Request, key: str, until: float) -> None:
        self._core = core
        self._deployment = core.deployment
        self._request = request
        self._key = key
        self._until = until
        #: Whether an attempt was sent and not answered: it may still be queued.
        self._is_uncertain = False
        self._queued: Optional[wire.TransactionQueued] = None
        #: Whether this connection has announced the order.
        self._is_announced = False
        self._failing_since: Optional[float] = None

    def follow(self) -> Steps[Any]:
        pause = PAUSE_FIRST
        while True:
            error: PaperTraderError = NoWorker([])
            try:
                return (yield from self._round())
            except _Again as again:
                error = again.error
            if self._failing_since is None:
                self._failing_since, pause = self._deployment.clock(), PAUSE_FIRST
            is_over = not self._core._may_wait(self._failing_since, pause)
            if is_over or self._deployment.clock() >= self._until:
                raise self._given_up(error) from error
            yield Wait(pause * random.uniform(0.75, 1.25))
            pause = min(pause * 2, PAUSE_MAX)

    def _round(self) -> Steps[Any]:
        """Sends the order to one worker after the other, until one answers. _Again: none did."""
        core = self._core
        errors: List[Tuple[str, PaperTraderError]] = []
        is_open = core._protocol is not None
        for address in core._candidates():
            try:
                yield from core._reach(address, is_open)
                yield from core._require(self._request.instruction.edition)
                yield from core._enter(self._request.instruction.states)
            except (ConnectionProblem, TryLater) as error:
                yield from core.close()
                errors.append((address, error))
                is_open = False
                continue
            is_open = False
            try:
                return (yield from self._answer())
            except ConnectionProblem as error:
                self._is_uncertain = True
                yield from core.close()
                errors.append((address, error))
            except Refused as error:
                self._judge(error)
                if error.code != "master-unavailable":
                    raise _Again(error) from error
                # That worker did not send it; another one may have its link.
                yield from core.close()
                errors.append((address, error))
        refusals = [error for _, error in errors if isinstance(error, Refused)]
        raise _Again(refusals[0] if refusals else NoWorker(errors))

    def _answer(self) -> Steps[Any]:
        """Sends the order on this connection, and waits there for its answer."""
        core, clock = self._core, self._deployment.clock
        self._is_announced = False
        yield from core._send(self._request)
        deadline = clock() + ORDER_ANSWER
        while True:
            try:
                event = yield from core._event(min(deadline, self._until))
            except ConnectionLost as error:
                if clock() >= self._until:
                    yield from core.close()  # The answer would come between those of later calls.
                    self._is_uncertain = True
                    raise self._given_up(error, is_late=True) from error
                raise
            taken = core._taken(event)
            if isinstance(taken, Answer):
                return taken.value
            if isinstance(taken, Refusal):
                raise taken.error()
            notice = taken.value
            if isinstance(notice, wire.TransactionQueued) and notice.client_order_id == self._key:
                core.notices.pop()
                self._queued, self._is_announced, self._failing_since = notice, True, None
                left = (notice.time - self._deployment.wall()).total_seconds()
                deadline = clock() + min(max(left, 0.0), REMAINING_MAX) + ORDER_GRACE

    def _judge(self, error: Refused) -> None:
        """Raises what a refusal says about the order; returns if the order is to be sent again."""
        error.client_order_id = self._key
        if self._queued is not None:
            error.transaction_id = self._queued.transaction_id
        if self._is_announced:
            raise error
        if not self._is_uncertain:
            if error.code not in _REPEATED:
                raise error
            # The server failed at it, or after it.
            self._is_uncertain = error.code == "internal-error"
            return
        is_known = error.code in wire.REASONS
        if error.code in _OF_THE_MOMENT or (error.code in _OF_MEANS and self._queued is None):
            return
        if not is_known or isinstance(error, SessionEnded):
            raise OutcomeUnknown(self._key, str(error)) from error
        raise error

    def _given_up(self, error: PaperTraderError, is_late: bool = False) -> PaperTraderError:
        """What is told of an order without an answer; `is_late`: no worker is to blame for it."""
        if self._queued is not None:
            why = None if is_late else str(error)
            return StillOpen(self._queued.transaction_id, self._key, why)
        if self._is_uncertain:
            return OutcomeUnknown(self._key, str(error))
        return error


class _Again(Exception):
    """No worker told what became of the order."""

    def __init__(self, error: PaperTraderError) -> None:
        super().__init__(str(error))
        self.error = error


def outcome_error(code: str, transaction_id: str, key: Optional[str]) -> Refused:
    """The exception of an order that ended without a fill, by the reason in its row."""
    error = refusal(code, wire.REASONS.get(code, ""))
    error.transaction_id, error.client_order_id = transaction_id, key
    return error
