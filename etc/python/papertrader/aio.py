"""The client of asyncio: the core's steps with its streams."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import weakref
from types import TracebackType
from typing import (
    Any,
    AsyncIterator,
    Callable,
    Coroutine,
    Generic,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
)

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


async def _within(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Awaits something for so long; TimeoutError then.

    asyncio.wait_for of Python before 3.12 can lose a cancellation.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except BaseException:
        task.cancel()
        raise
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
        if task.cancelled():
            raise asyncio.TimeoutError
    return task.result()


class _Link:
    """A pair of streams, and what is done with them: the steps of one core.

    Tasks that share a client take turns, a whole call each.
    """

    def __init__(self, core: Core, make_tls: Callable[[], ssl.SSLContext]) -> None:
        self._core = core
        self._make_tls = make_tls
        self._streams: Optional[Tuple[asyncio.StreamReader, asyncio.StreamWriter]] = None
        self._turn: Optional[asyncio.Lock] = None

    async def run(self, steps: Steps[T]) -> T:
        """Does the steps to their end, and returns what they return."""
        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn:
            return await self._run(steps)

    async def _run(self, steps: Steps[T]) -> T:
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
                done = await self._do(effect)
            except PaperTraderError as problem:
                error = problem
            except BaseException:
                # Cancelled, say: nobody knows what was sent and what will come on this connection.
                self._core.abandon()
                self.shut()
                raise

    async def _do(self, effect: Effect) -> Any:
        if isinstance(effect, Open):
            await self._open(effect)
        elif isinstance(effect, Write):
            await self._write(effect)
        elif isinstance(effect, Read):
            return await self._read(effect.timeout)
        elif isinstance(effect, Shut):
            self.shut()
        elif isinstance(effect, Wait):
            await asyncio.sleep(effect.seconds)
        elif isinstance(effect, Compute):
            return await asyncio.get_running_loop().run_in_executor(None, effect.function)
        return None

    async def _open(self, to: Open) -> None:
        context = self._make_tls() if to.tls else None
        name = to.host if to.tls else None
        opening = asyncio.open_connection(to.host, to.port, ssl=context, server_hostname=name)
        try:
            self._streams = await _within(opening, to.timeout)
        except asyncio.TimeoutError:
            raise opening_failed(TimeoutError()) from None
        except OSError as error:
            raise opening_failed(error) from error

    async def _write(self, effect: Write) -> None:
        if self._streams is None:
            raise ConnectionLost("the connection was closed")
        try:
            self._streams[1].write(effect.data)
            await _within(self._streams[1].drain(), effect.timeout)
        except asyncio.TimeoutError:
            raise ConnectionLost("the server takes no bytes") from None
        except OSError as error:
            raise ConnectionLost(f"the connection broke: {error.strerror or error}") from error

    async def _read(self, timeout: float) -> Optional[bytes]:
        if self._streams is None:
            return b""  # Another task has closed them.
        seconds = min(max(timeout, 0.001), _READ_SECONDS)
        try:
            return await _within(self._streams[0].read(_READ_BYTES), seconds)
        except asyncio.TimeoutError:
            return None
        except OSError as error:
            raise ConnectionLost(f"the connection broke: {error.strerror or error}") from error

    def shut(self) -> None:
        """Closes the streams. Does not fail."""
        if self._streams is not None:
            with contextlib.suppress(OSError, RuntimeError):  # The loop may have been closed.
                self._streams[1].close()
            self._streams = None


class AsyncFeed(Generic[Item]):
    """An iterator over what a server tells by itself, on a connection of its own.

    It goes on when a worker is lost, and ends when it is closed. `next` takes a timeout.
    """

    def __init__(
        self, core: Union[QuoteFeed, OrderFeed], make_tls: Callable[[], ssl.SSLContext]
    ) -> None:
        self._core: Any = core
        self._link = _Link(core, make_tls)

    async def next(self, timeout: Optional[float] = None) -> Optional[Item]:
        """The next item; None when the time, in seconds, is over."""
        item: Optional[Item] = await self._link.run(self._core.next_item(timeout))
        return item

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        item = None if self._core.is_closed else await self.next()
        if item is None:
            raise StopAsyncIteration
        return item

    async def close(self) -> None:
        """Ends the connection, and the iteration of whoever waits for the next item."""
        self._core.is_closed = True
        self._link.shut()

    def __del__(self) -> None:
        self._link.shut()

    async def __aenter__(self) -> AsyncFeed[Item]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsyncClient:
    """A client of a deployment: one connection, to whichever worker answers.

    Tasks may share it: calls take turns. Prices and ends of orders have connections of their own.

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
        self._feeds: weakref.WeakSet[AsyncFeed[Any]] = weakref.WeakSet()

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

    async def call(self, request: Request, repeatable: bool = False) -> Any:
        """Sends any request of `papertrader.wire`, and returns its answer.

        A `repeatable` one is sent again if its connection is lost before the answer.
        """
        return await self._link.run(self._core.call(request, repeatable))

    async def register(self, username: str, email: str, password: str) -> None:
        """Creates an account. It does not log in.

        A password has at least 8 characters, and is neither the name nor the address.
        """
        await self._link.run(self._core.register(username, email, password))

    async def login(self, username: str, password: str, expirable: bool = False) -> None:
        """Logs in. The calls below use the session.

        With `expirable` the session ends with the connection, so that no other worker can take
        over.
        """
        await self._link.run(self._core.login(username, password, expirable))

    async def resume(self, username: str, session: str) -> None:
        """Uses a session that exists: the `session` of another client, or a token."""
        await self._link.run(self._core.resume(username, session))

    async def logout(self) -> None:
        """Ends the session."""
        await self._link.run(self._core.logout())

    async def change_password(self, password: Optional[str], new: str) -> None:
        """Changes the password, given the old one; None if there is none. Ends all other sessions
        and tokens.
        """
        await self._link.run(self._core.change_password(password, new))

    async def change_email(self, password: Optional[str], email: Optional[str]) -> None:
        """Changes the e-mail address; None: the account has none."""
        await self._link.run(self._core.change_email(password, email))

    async def delete_account(self, password: Optional[str]) -> None:
        """Deletes the account, for good."""
        await self._link.run(self._core.delete_account(password))

    async def request_reset(self, username_or_email: str) -> None:
        """Asks for a code for a new password, by e-mail or from an administrator."""
        await self._link.run(self._core.request_reset(username_or_email))

    async def reset_password(self, username: str, code: str, new: str) -> None:
        """Sets a new password with such a code."""
        await self._link.run(self._core.reset_password(username, code, new))

    async def sessions(self) -> Rows[wire.Session]:
        """Where somebody is logged in to the account, newest first."""
        return await self._link.run(self._core.sessions())

    async def end_sessions(self, which: str = "others") -> int:
        """Ends sessions: "others", "all", or the one whose `id` begins so. Returns how many."""
        return await self._link.run(self._core.end_sessions(which))

    async def tokens(self) -> Rows[wire.Token]:
        """The account's tokens, newest first."""
        return await self._link.run(self._core.tokens())

    async def create_token(self, name: str, scope: str = "trade", days: int = 90) -> str:
        """Makes a token for a program: "read" or "trade". It is told this once."""
        return await self._link.run(self._core.create_token(name, scope, days))

    async def revoke_token(self, name: str) -> None:
        """Ends a token."""
        await self._link.run(self._core.revoke_token(name))

    async def identities(self) -> Rows[wire.Identity]:
        """The identities of third parties that may log in to the account."""
        return await self._link.run(self._core.identities())

    async def user(self, username: Optional[str] = None) -> wire.UserInfo:
        """An account: one's own with all its fields, or what everybody may see of another."""
        return await self._link.run(self._core.user(username))

    async def export(self) -> Tuple[str, ...]:
        """All that the deployment has on the account, as lines of JSON."""
        return await self._link.run(self._core.export())

    async def server(self) -> Server:
        """What the worker tells of itself and of its market. Needs no session."""
        return await self._link.run(self._core.server())

    async def workers(self) -> Tuple[str, ...]:
        """The addresses of the workers that serve. Needs no session."""
        return await self._link.run(self._core.workers())

    async def ping(self) -> float:
        """The seconds of a round trip. Needs no session."""
        return await self._link.run(self._core.ping())

    async def assets(self) -> Tuple[str, ...]:
        """The symbols of all assets."""
        return await self._link.run(self._core.assets())

    async def asset(self, symbol: str) -> wire.AssetInfo:
        """An asset with the bar of its latest day."""
        return await self._link.run(self._core.asset(symbol))

    async def quote(self, symbol: str) -> Price:
        """The latest price of an asset."""
        return await self._link.run(self._core.quote(symbol))

    async def prices(self) -> Rows[wire.QuoteListRow]:
        """All assets with price, name and day so far."""
        return await self._link.run(self._core.prices())

    async def history(
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
        return await self._link.run(self._core.history(symbol, window, date, adjusted))

    async def forecast(self, symbol: str, date: When) -> wire.Forecast:
        """A predicted value, with the bounds of its 95 % interval."""
        return await self._link.run(self._core.forecast(symbol, date))

    async def buy(
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
        return await self._link.run(self._core.trade("buy", symbol, quantity, cash, key, timeout))

    async def sell(
        self,
        symbol: str,
        quantity: Number,
        *,
        key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Fill:
        """Sells at the market, as `buy` buys."""
        return await self._link.run(self._core.trade("sell", symbol, quantity, None, key, timeout))

    async def place(
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
        return await self._link.run(
            self._core.place(side, symbol, quantity, cash, kind, limit, stop, time_in_force, key)
        )

    async def replace(
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
        return await self._link.run(
            self._core.replace(transaction_id, quantity, cash, limit, stop, key)
        )

    async def cancel(self, transaction_id: str) -> None:
        """Cancels an order that has no outcome. Raises OrderEnded if it has one."""
        await self._link.run(self._core.cancel(transaction_id))

    async def wait(self, transaction_id: str, timeout: Optional[float] = None) -> Fill:
        """Waits until an order is filled, a day unless told.

        Raises OrderEnded or another Refused if it ended without a fill, StillOpen when the time is
        over.
        """
        return await self._link.run(self._core.wait(transaction_id, timeout))

    async def open_orders(self) -> Rows[wire.OpenOrder]:
        """One's orders that have no outcome yet, newest first."""
        return await self._link.run(self._core.open_orders())

    async def portfolio(self, username: Optional[str] = None) -> wire.Portfolio:
        """Cash and positions of one's own; of another account what everybody may see."""
        return await self._link.run(self._core.portfolio(username))

    async def summary(self) -> wire.AccountSummary:
        """What one's own account is worth, may spend and has gained."""
        return await self._link.run(self._core.summary())

    async def transactions(
        self,
        username: Optional[str] = None,
        limit: Optional[int] = None,
        before: Optional[str] = None,
    ) -> Rows[wire.PageEntry]:
        """The history, newest first: at most `limit` transactions, older than the one `before`."""
        return await self._link.run(self._core.transactions(username, limit, before))

    async def transaction(self, transaction_id: str) -> Optional[wire.PageEntry]:
        """One's own transaction of this ID; None if there is none."""
        return await self._link.run(self._core.transaction(transaction_id))

    async def receipt(self, transaction_id: str) -> Rows[wire.ReceiptLine]:
        """How a fill came about, for people."""
        return await self._link.run(self._core.receipt(transaction_id))

    def quotes(self, *symbols: str) -> AsyncFeed[Price]:
        """New prices of these assets, or of all, as they come: `async for price in
        client.quotes("AAPL")`.

        It begins with the prices in force. A lost connection is opened again, at another worker
        where it must; prices of meanwhile are left out, and none comes twice. The time is that of
        the market's update.
        """
        return self._feed(QuoteFeed(self._deployment, symbols))

    def order_ends(self) -> AsyncFeed[OrderItem]:
        """Ends of the account's orders, as they come, whoever has placed them.

        Missed among them says that some may have been lost: transactions() has them.
        """
        return self._feed(OrderFeed(self._deployment))

    def _feed(self, core: Union[QuoteFeed, OrderFeed]) -> AsyncFeed[Any]:
        feed: AsyncFeed[Any] = AsyncFeed(core, self._tls)
        self._feeds.add(feed)
        return feed

    async def close(self) -> None:
        """Ends the connections. The session goes on: logout() ends it."""
        for feed in list(self._feeds):
            await feed.close()
        self._feeds.clear()
        await self._link.run(self._core.close())

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()
