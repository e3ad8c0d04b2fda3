"""The client that blocks: the core's steps with sockets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import weakref
from types import TracebackType
from typing import Any, Callable, Generic, Iterator, Optional, Tuple, Type, TypeVar, Union

from . import wire
from ._forms import Number, Request, When
from .calls import Calls, Fill, OrderFeed, OrderItem, Placed, Price, QuoteFeed, Server
from .core import Compute, Core, Deployment, Effect, Open, Read, Shut, Steps, Wait, Write
from .errors import ConnectionLost, PaperTraderError
from .rows import Rows
from .security import make_context, opening_failed

T = TypeVar("T")
Item = TypeVar("Item")

_READ_BYTES = 65536
#: The longest wait of one call of the system, which takes no infinite one.
_READ_SECONDS = 3600.0


class _Link:
    """A socket, and what is done with it: the steps of one core.

    Threads that share a client take turns, a whole call each: else one would get the answer to
    another's request.
    """

    def __init__(self, core: Core, make_tls: Callable[[], ssl.SSLContext]) -> None:
        self._core = core
        self._make_tls = make_tls
        self._socket: Optional[socket.socket] = None
        # A signal's handler runs in the thread that it interrupts: it is told, and does not hang.
        self._turn = threading.RLock()
        self._is_running = False

    def run(self, steps: Steps[T]) -> T:
        """Does the steps to their end, and returns what they return."""
        with self._turn:
            if self._is_running:
                raise PaperTraderError("this client is in the middle of a call of this thread")
            self._is_running = True
            try:
                return self._run(steps)
            finally:
                self._is_running = False

    def _run(self, steps: Steps[T]) -> T:
        done: Any = None
        error: Optional[BaseException] = None
        while True:
            try:
                effect = steps.send(done) if error is None else steps.throw(error)
            except StopIteration as end:
                value: T = end.value
                return value
            done, error = None, None
            try:
                done = self._do(effect)
            except PaperTraderError as problem:
                error = problem
            except BaseException:
                # Ctrl-C, say: nobody knows what was sent and what will come on this connection.
                self._core.abandon()
                self.shut()
                raise

    def _do(self, effect: Effect) -> Any:
        if isinstance(effect, Open):
            self._open(effect)
        elif isinstance(effect, Write):
            self._write(effect)
        elif isinstance(effect, Read):
            return self._read(effect.timeout)
        elif isinstance(effect, Shut):
            self.shut()
        elif isinstance(effect, Wait):
            time.sleep(effect.seconds)
        elif isinstance(effect, Compute):
            return effect.function()
        return None

    def _open(self, to: Open) -> None:
        try:
            plain = socket.create_connection((to.host, to.port), to.timeout)
            try:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._socket = plain
                if to.tls:
                    self._socket = self._make_tls().wrap_socket(
                        plain, server_hostname=to.host, suppress_ragged_eofs=False
                    )
            except BaseException:
                plain.close()
                self._socket = None
                raise
        except OSError as error:
            if isinstance(error, PaperTraderError):
                raise
            raise opening_failed(error) from error

    def _write(self, effect: Write) -> None:
        link = self._socket  # A feed's may be closed by another thread.
        if link is None:
            raise ConnectionLost("the connection was closed")
        try:
            link.settimeout(effect.timeout)
            link.sendall(effect.data)
        except OSError as error:
            raise ConnectionLost(f"the connection broke: {error.strerror or error}") from error

    def _read(self, timeout: float) -> Optional[bytes]:
        link = self._socket
        if link is None:
            return b""  # Another thread has closed it.
        try:
            link.settimeout(min(max(timeout, 0.001), _READ_SECONDS))
            return link.recv(_READ_BYTES)
        except socket.timeout:
            return None
        except OSError as error:
            raise ConnectionLost(f"the connection broke: {error.strerror or error}") from error

    def shut(self) -> None:
        """Closes the socket. Does not fail."""
        link, self._socket = self._socket, None
        if link is not None:
            with contextlib.suppress(OSError):
                # Wakes another thread that reads.
                link.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                link.close()


class Feed(Generic[Item]):
    """An iterator over what a server tells by itself, on a connection of its own.

    It goes on when a worker is lost, and ends when it is closed. `next` takes a timeout.
    """

    def __init__(
        self, core: Union[QuoteFeed, OrderFeed], make_tls: Callable[[], ssl.SSLContext]
    ) -> None:
        self._core: Any = core
        self._link = _Link(core, make_tls)

    def next(self, timeout: Optional[float] = None) -> Optional[Item]:
        """The next item; None when the time, in seconds, is over."""
        item: Optional[Item] = self._link.run(self._core.next_item(timeout))
        return item

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item = None if self._core.is_closed else self.next()
        if item is None:
            raise StopIteration
        return item

    def close(self) -> None:
        """Ends the connection, and the iteration of whoever waits for the next item."""
        self._core.is_closed = True
        self._link.shut()

    def __del__(self) -> None:
        self._link.shut()

    def __enter__(self) -> Feed[Item]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Client:
    """A client of a deployment: one connection, to whichever worker answers.

    Calls block. Threads may share it: calls take turns, so a thread that must not wait for
    another's order makes a client of its own. Prices and ends of orders have connections of their
    own.

    servers: addresses HOST:PORT of workers; further ones are learned at the login.
    tls: None decides by the address: plain text to this machine, TLS to any other. False is plain
        text everywhere, which sends what is as good as the password to whoever listens.
    ca: a file of certificates (PEM) that are trusted besides the system's.
    context: TLS settings of your own, in place of all that.
    timeout: seconds for a connection or an answer.
    patience: seconds for which a call goes on trying, once a worker has ever answered.
    """

    def __init__(
        self,
        *servers: str,
        tls: Optional[bool] = None,
        ca: Optional[str] = None,
        context: Optional[ssl.SSLContext] = None,
        timeout: float = 10.0,
        patience: float = 300.0,
    ) -> None:
        if tls is None and (ca is not None or context is not None):
            tls = True
        self._deployment = Deployment(servers or ("127.0.0.1:2049",), tls, timeout, patience)
        self._context = make_context(ca) if context is None and ca is not None else context
        self._core = Calls(self._deployment)
        self._link = _Link(self._core, self._tls)
        self._feeds: weakref.WeakSet[Feed[Any]] = weakref.WeakSet()
        self._feeds_lock = threading.Lock()

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = make_context(None)
        return self._context

    @property
    def session(self) -> Optional[str]:
        """The session's ID: whoever has it can act for the account."""
        return self._deployment.session

    @property
    def username(self) -> Optional[str]:
        """The account of the session."""
        return self._deployment.username

    @property
    def server_address(self) -> Optional[str]:
        """The worker that was used last."""
        return self._core.address

    def call(self, request: Request, repeatable: bool = False) -> Any:
        """Sends any request of `papertrader.wire`, and returns its answer.

        A `repeatable` one is sent again if its connection is lost before the answer.
        """
        return self._link.run(self._core.call(request, repeatable))

    def register(self, username: str, email: str, password: str) -> None:
        """Creates an account. It does not log in.

        A password has at least 8 characters, and is neither the name nor the address.
        """
        self._link.run(self._core.register(username, email, password))

    def login(self, username: str, password: str, expirable: bool = False) -> None:
        """Logs in. The calls below use the session.

        With `expirable` the session ends with the connection, so that no other worker can take
        over.
        """
        self._link.run(self._core.login(username, password, expirable))

    def resume(self, username: str, session: str) -> None:
        """Uses a session that exists: the `session` of another client, or a token."""
        self._link.run(self._core.resume(username, session))

    def logout(self) -> None:
        """Ends the session."""
        self._link.run(self._core.logout())

    def change_password(self, password: Optional[str], new: str) -> None:
        """Changes the password, given the old one; None if there is none. Ends all other sessions
        and tokens.
        """
        self._link.run(self._core.change_password(password, new))

    def change_email(self, password: Optional[str], email: Optional[str]) -> None:
        """Changes the e-mail address; None: the account has none."""
        self._link.run(self._core.change_email(password, email))

    def delete_account(self, password: Optional[str]) -> None:
        """Deletes the account, for good."""
        self._link.run(self._core.delete_account(password))

    def request_reset(self, username_or_email: str) -> None:
        """Asks for a code for a new password, by e-mail or from an administrator."""
        self._link.run(self._core.request_reset(username_or_email))

    def reset_password(self, username: str, code: str, new: str) -> None:
        """Sets a new password with such a code."""
        self._link.run(self._core.reset_password(username, code, new))

    def sessions(self) -> Rows[wire.Session]:
        """Where somebody is logged in to the account, newest first."""
        return self._link.run(self._core.sessions())

    def end_sessions(self, which: str = "others") -> int:
        """Ends sessions: "others", "all", or the one whose `id` begins so. Returns how many."""
        return self._link.run(self._core.end_sessions(which))

    def tokens(self) -> Rows[wire.Token]:
        """The account's tokens, newest first."""
        return self._link.run(self._core.tokens())

    def create_token(self, name: str, scope: str = "trade", days: int = 90) -> str:
        """Makes a token for a program: "read" or "trade". It is told this once."""
        return self._link.run(self._core.create_token(name, scope, days))

    def revoke_token(self, name: str) -> None:
        """Ends a token."""
        self._link.run(self._core.revoke_token(name))

    def identities(self) -> Rows[wire.Identity]:
        """The identities of third parties that may log in to the account."""
        return self._link.run(self._core.identities())

    def user(self, username: Optional[str] = None) -> wire.UserInfo:
        """An account: one's own with all its fields, or what everybody may see of another."""
        return self._link.run(self._core.user(username))

    def export(self) -> Tuple[str, ...]:
        """All that the deployment has on the account, as lines of JSON."""
        return self._link.run(self._core.export())

    def server(self) -> Server:
        """What the worker tells of itself and of its market. Needs no session."""
        return self._link.run(self._core.server())

    def workers(self) -> Tuple[str, ...]:
        """The addresses of the workers that serve. Needs no session."""
        return self._link.run(self._core.workers())

    def ping(self) -> float:
        """The seconds of a round trip. Needs no session."""
        return self._link.run(self._core.ping())

    def assets(self) -> Tuple[str, ...]:
        """The symbols of all assets."""
        return self._link.run(self._core.assets())

    def asset(self, symbol: str) -> wire.AssetInfo:
        """An asset with the bar of its latest day."""
        return self._link.run(self._core.asset(symbol))

    def quote(self, symbol: str) -> Price:
        """The latest price of an asset."""
        return self._link.run(self._core.quote(symbol))

    def prices(self) -> Rows[wire.QuoteListRow]:
        """All assets with price, name and day so far."""
        return self._link.run(self._core.prices())

    def history(
        self,
        symbol: str,
        window: str = "month",
        date: Optional[When] = None,
        adjusted: bool = False,
    ) -> Rows[wire.Bar]:
        """Past prices, oldest first: of a "day", "week", "month", "year", or "all".

        The window ends with `date`, or with the market's latest price; it is market time.
        `adjusted` for splits and dividends.
        """
        return self._link.run(self._core.history(symbol, window, date, adjusted))

    def forecast(self, symbol: str, date: When) -> wire.Forecast:
        """A predicted value, with the bounds of its 95 % interval."""
        return self._link.run(self._core.forecast(symbol, date))

    def buy(
        self,
        symbol: str,
        quantity: Optional[Number] = None,
        *,
        cash: Optional[Number] = None,
        key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Fill:
        """Buys at the market, and returns once the order has settled.

        Give a quantity, or the `cash` to be spent. The order has a key of its own, under which it
        is sent again if a connection is lost or the server is busy, and never trades twice. A `key`
        of yours makes it safe to call this again, too, in another process.

        Raises Refused (InsufficientFunds, ...) if it did not trade; StillOpen if it is queued and
        had no outcome in `timeout` seconds, a day unless given; OutcomeUnknown if no worker tells.
        """
        return self._link.run(self._core.trade("buy", symbol, quantity, cash, key, timeout))

    def sell(
        self,
        symbol: str,
        quantity: Number,
        *,
        key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Fill:
        """Sells at the market, as `buy` buys."""
        return self._link.run(self._core.trade("sell", symbol, quantity, None, key, timeout))

    def place(
        self,
        side: str,
        symbol: str,
        quantity: Optional[Number] = None,
        *,
        cash: Optional[Number] = None,
        kind: Optional[str] = None,
        limit: Optional[Number] = None,
        stop: Optional[Number] = None,
        time_in_force: When = "gtc",
        key: Optional[str] = None,
    ) -> Placed:
        """Places an order that may wait, and returns once it is on the server's disk.

        `kind` follows from `limit` and `stop` unless it is given: without both it is a market
        order. A "trailing" order has its distance in `stop`: money, or "5%". `time_in_force` is
        "gtc", "day", a day or a time, in market time. `wait` follows the order to its outcome.
        """
        return self._link.run(
            self._core.place(side, symbol, quantity, cash, kind, limit, stop, time_in_force, key)
        )

    def replace(
        self,
        transaction_id: str,
        *,
        quantity: Optional[Number] = None,
        cash: Optional[Number] = None,
        limit: Optional[Number] = None,
        stop: Optional[Number] = None,
        key: Optional[str] = None,
    ) -> Placed:
        """Puts another order in the place of one that waits. What is not given is as it was.

        The new order has an ID of its own, which is returned; the old one ends as "replaced".
        """
        return self._link.run(self._core.replace(transaction_id, quantity, cash, limit, stop, key))

    def cancel(self, transaction_id: str) -> None:
        """Cancels an order that has no outcome. Raises OrderEnded if it has one."""
        self._link.run(self._core.cancel(transaction_id))

    def wait(self, transaction_id: str, timeout: Optional[float] = None) -> Fill:
        """Waits until an order is filled, a day unless told.

        Raises OrderEnded or another Refused if it ended without a fill, StillOpen when the time is
        over.
        """
        return self._link.run(self._core.wait(transaction_id, timeout))

    def open_orders(self) -> Rows[wire.OpenOrder]:
        """One's orders that have no outcome yet, newest first."""
        return self._link.run(self._core.open_orders())

    def portfolio(self, username: Optional[str] = None) -> wire.Portfolio:
        """Cash and positions of one's own; of another account what everybody may see."""
        return self._link.run(self._core.portfolio(username))

    def summary(self) -> wire.AccountSummary:
        """What one's own account is worth, may spend and has gained."""
        return self._link.run(self._core.summary())

    def transactions(
        self,
        username: Optional[str] = None,
        limit: Optional[int] = None,
        before: Optional[str] = None,
    ) -> Rows[wire.PageEntry]:
        """The history, newest first: at most `limit` transactions, older than the one `before`."""
        return self._link.run(self._core.transactions(username, limit, before))

    def transaction(self, transaction_id: str) -> Optional[wire.PageEntry]:
        """One's own transaction of this ID; None if there is none."""
        return self._link.run(self._core.transaction(transaction_id))

    def receipt(self, transaction_id: str) -> Rows[wire.ReceiptLine]:
        """How a fill came about, for people."""
        return self._link.run(self._core.receipt(transaction_id))

    def quotes(self, *symbols: str) -> Feed[Price]:
        """New prices of these assets, or of all, as they come: `for price in
        client.quotes("AAPL")`.

        It begins with the prices in force. A lost connection is opened again, at another worker
        where it must; prices of meanwhile are left out, and none comes twice. The time is that of
        the market's update.
        """
        return self._feed(QuoteFeed(self._deployment, symbols))

    def order_ends(self) -> Feed[OrderItem]:
        """Ends of the account's orders, as they come, whoever has placed them.

        Missed among them says that some may have been lost: transactions() has them.
        """
        return self._feed(OrderFeed(self._deployment))

    def _feed(self, core: Union[QuoteFeed, OrderFeed]) -> Feed[Any]:
        feed: Feed[Any] = Feed(core, self._tls)
        with self._feeds_lock:
            self._feeds.add(feed)
        return feed

    def close(self) -> None:
        """Ends the connections. The session goes on: logout() ends it."""
        with self._feeds_lock:
            feeds = list(self._feeds)
            self._feeds.clear()
        for feed in feeds:
            feed.close()
        self._link.run(self._core.close())

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()
