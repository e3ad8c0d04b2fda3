"""The calls of a client, as steps: what `Client` and `AsyncClient` do, once for both."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from . import passwords, wire
from ._forms import (
    ArgumentType,
    Number,
    Request,
    When,
    decimal_text,
    record,
    seconds_of,
    to_time,
)
from .core import (
    PAUSE_FIRST,
    Compute,
    Core,
    Deployment,
    Steps,
    Wait,
    fresh_key,
    outcome_error,
)
from .errors import (
    BadArgument,
    BadCredentials,
    ConnectionProblem,
    Nonsense,
    NotLoggedIn,
    NotSupported,
    Refused,
    SessionEnded,
    StillOpen,
    Taken,
)
from .rows import Rows

#: The requests of past prices, by what they are called here.
WINDOWS = ("day", "week", "month", "year", "all")
#: Rows of a page of the history.
PAGE_ROWS = 1000
#: Seconds between two looks at an order that has no outcome, at least and at most.
LOOK_MIN, LOOK_MAX = 0.2, 30.0
#: Seconds between two looks at the prices of a server of the first edition, which tells none.
POLL = 1.0
#: Seconds for which an order is followed by default: a day.
DAY = 86400.0


@record
class Price:
    """The price of an asset, and the market time that it is of."""

    symbol: str
    value: Decimal
    time: datetime.datetime


@record
class Fill:
    """An order that was executed."""

    transaction_id: str
    #: The key under which the order was sent.
    client_order_id: Optional[str]
    side: str
    symbol: str
    quantity: Decimal
    #: Of one unit.
    price: Decimal
    #: The cash that was paid or received, fee included.
    total: Decimal
    #: When it settled.
    time: datetime.datetime


@record
class Placed:
    """An order that is on the server's disk, and may have no outcome yet."""

    transaction_id: str
    client_order_id: Optional[str]
    #: A word of `wire.STATUSES`, as of then.
    status: str


@record
class Server:
    """What a worker tells of itself and of its market. None: it does not tell."""

    edition: int
    version: Optional[str] = None
    currency: Optional[str] = None
    market: Optional[str] = None
    state: Optional[str] = None
    market_time: Optional[datetime.datetime] = None
    update_interval: Optional[datetime.timedelta] = None
    next_update: Optional[datetime.datetime] = None
    steps_left: Optional[int] = None
    login: Tuple[str, ...] = ()
    reset: Optional[str] = None
    fees: Optional[bool] = None


@record
class Missed:
    """Notices were lost: `count` of them, 0 if nobody knows how many. The history has orders."""

    topic: str
    count: int


def _server(info: Optional[wire.ServerInfo]) -> Server:
    """The facts as values. One that is not of its form is as if it were not told."""
    if info is None:
        return Server(edition=1)
    facts: Dict[str, str] = dict(info.fact)

    def moment(name: str) -> Optional[datetime.datetime]:
        text = facts.get(name, "")
        return to_time(text) if wire.CANONICAL_TIME.fits(text) else None

    def number(name: str) -> Optional[int]:
        text = facts.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None

    interval = number("update-interval")
    return Server(
        edition=number("edition") or wire.EDITION,
        version=facts.get("version"),
        currency=facts.get("currency"),
        market=facts.get("market"),
        state=facts.get("state"),
        market_time=moment("market-time"),
        update_interval=None if interval is None else datetime.timedelta(milliseconds=interval),
        next_update=moment("next-update"),
        steps_left=number("steps-left"),
        login=tuple(facts["login"].split(",")) if "login" in facts else (),
        reset=facts.get("reset"),
        fees={"yes": True, "no": False}.get(facts.get("fees", "")),
    )


def _fill(row: wire.PageEntry) -> Fill:
    if row.quantity is None or row.price is None or row.total is None or row.settled is None:
        raise Nonsense("a settled order without its price")
    return Fill(
        row.id, row.client_order_id, row.side, row.symbol, row.quantity, row.price, row.total,
        row.settled,
    )  # fmt: skip


def _amount(quantity: Optional[Number], cash: Optional[Number]) -> str:
    """The units of an order, or the money that it is for."""
    if (quantity is None) == (cash is None):
        raise BadArgument("quantity", None, "given, or cash; and not both")
    if cash is not None:
        return "cash:" + decimal_text(cash, "cash")
    return decimal_text(quantity, "quantity") if quantity is not None else ""


def _check(what: str, value: object, form: ArgumentType) -> None:
    """Refuses what is not of a form, under the name that the caller knows it by."""
    if not isinstance(value, str) or not form.fits(value):
        raise BadArgument(what, value if value is None else str(value), form.about)


def _until(timeout: Optional[float]) -> float:
    """For how many seconds an order is followed."""
    seconds = seconds_of(timeout, "timeout")
    return DAY if seconds is None else seconds


def _key(key: Optional[str]) -> str:
    """The key of an order: the caller's, or a fresh one."""
    if key is None:
        return fresh_key()
    _check("key", key, wire.CLIENT_ORDER_ID)
    return key


def _after(transaction_id: str) -> str:
    """The ID that follows: a page before it begins with the transaction itself."""
    digits = f"{int(transaction_id.replace('-', ''), 16) + 1:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class Calls(Core):
    """Typed calls over a connection."""

    # The account.

    def _hash(self, username: str, password: str) -> Steps[str]:
        _check("username", username, wire.USERNAME)
        hashed: str = yield Compute(lambda: passwords.derive(username, password))
        return hashed

    def register(self, username: str, email: str, password: str) -> Steps[None]:
        _check("email", email, wire.EMAIL)
        passwords.check_new(username, email, password)
        hashed = yield from self._hash(username, passwords.normal(password))
        request = wire.register(username, email, hashed)
        try:
            yield from self.call(request, repeatable=False)
            return
        except ConnectionProblem as error:
            if not error.may_have_happened:
                raise
        # Nobody knows whether it was carried out. If the name is taken now, a login with the same
        # password shows who took it.
        try:
            yield from self.call(request)
        except Taken:
            login = yield from self.call(wire.login(username, hashed, False))
            yield from self.call(wire.logout(login.session_id))

    def login(self, username: str, password: str, expirable: bool) -> Steps[None]:
        answer: Optional[wire.SessionID] = None
        for form in passwords.forms(password):
            hashed = yield from self._hash(username, form)
            try:
                answer = yield from self.call(wire.login(username, hashed, expirable))
                break
            except BadCredentials as error:
                if error.code != "bad-credentials" or form == password:
                    raise
        assert answer is not None and self.address is not None
        self.deployment.begin(username, answer.session_id, answer.worker, self.address)

    def resume(self, username: str, session: str) -> Steps[None]:
        if not wire.SESSION_ID.fits(session):  # It is a secret, and not repeated.
            raise BadArgument("session", None, f"a session or a token: {wire.SESSION_ID.about}")
        _check("username", username, wire.USERNAME)
        answer = yield from self.call(wire.login_with_session_id(session))
        assert self.address is not None
        self.deployment.begin(username, answer.session_id, answer.worker, self.address)

    def logout(self) -> Steps[None]:
        token = self.deployment.token()
        try:
            yield from self.call(wire.logout(token))
        except SessionEnded:
            pass
        self.deployment.end()

    def _name(self, username: Optional[str] = None) -> str:
        name = username if username is not None else self.deployment.username
        if name is None:
            raise NotLoggedIn()
        return name

    def _old_password(self, password: Optional[str]) -> Steps[List[Optional[str]]]:
        """The hashes of the password that is given again, in order; None: it has none."""
        if password is None:
            return [None]
        hashes: List[Optional[str]] = []
        for form in passwords.forms(password):
            hashes.append((yield from self._hash(self._name(), form)))
        return hashes

    def _confirmed(self, password: Optional[str], make: Any) -> Steps[Any]:
        """A request that carries the account's password; with the form as typed, where it must."""
        hashes = yield from self._old_password(password)
        for hashed in hashes:
            try:
                return (yield from self.call(make(hashed), repeatable=False))
            except BadCredentials as error:
                if error.code != "bad-credentials" or hashed == hashes[-1]:
                    raise
        raise AssertionError

    def change_password(self, password: Optional[str], new: str) -> Steps[None]:
        name, token = self._name(), self.deployment.token()
        passwords.check_new(name, "", new)
        new_hash = yield from self._hash(name, passwords.normal(new))
        yield from self._confirmed(
            password, lambda hashed: wire.change_password(token, hashed, new_hash)
        )

    def change_email(self, password: Optional[str], email: Optional[str]) -> Steps[None]:
        token = self.deployment.token()
        yield from self._confirmed(password, lambda hashed: wire.change_email(token, hashed, email))

    def delete_account(self, password: Optional[str]) -> Steps[None]:
        token = self.deployment.token()
        yield from self._confirmed(password, lambda hashed: wire.delete_account(token, hashed))
        self.deployment.end()

    def request_reset(self, username_or_email: str) -> Steps[None]:
        yield from self.call(wire.request_reset(username_or_email))

    def reset_password(self, username: str, code: str, new: str) -> Steps[None]:
        passwords.check_new(username, "", new)
        new_hash = yield from self._hash(username, passwords.normal(new))
        yield from self.call(wire.reset_password(username, code, new_hash), repeatable=False)

    def sessions(self) -> Steps[Rows[wire.Session]]:
        answer = yield from self.call(wire.get_sessions(self.deployment.token()))
        return Rows(answer.sessions)

    def end_sessions(self, which: str) -> Steps[int]:
        request = wire.end_sessions(self.deployment.token(), which)
        answer = yield from self.call(request, repeatable=False)
        return int(answer.value or 0)

    def tokens(self) -> Steps[Rows[wire.Token]]:
        answer = yield from self.call(wire.get_tokens(self.deployment.token()))
        return Rows(answer.tokens)

    def create_token(self, name: str, scope: str, days: int) -> Steps[str]:
        request = wire.create_token(self.deployment.token(), name, scope, days)
        answer = yield from self.call(request, repeatable=False)
        return str(answer.value)

    def revoke_token(self, name: str) -> Steps[None]:
        yield from self.call(wire.revoke_token(self.deployment.token(), name))

    def identities(self) -> Steps[Rows[wire.Identity]]:
        answer = yield from self.call(wire.get_identities(self.deployment.token()))
        return Rows(answer.identities)

    def user(self, username: Optional[str]) -> Steps[wire.UserInfo]:
        request = wire.get_user_info(self.deployment.token(), self._name(username))
        info: wire.UserInfo = yield from self.call(request)
        return info

    def export(self) -> Steps[Tuple[str, ...]]:
        answer: wire.List = yield from self.call(wire.get_account_export(self.deployment.token()))
        return answer.texts

    # The server.

    def server(self) -> Steps[Server]:
        return _server((yield from self.server_info()))

    def workers(self) -> Steps[Tuple[str, ...]]:
        answer: wire.WorkerList = yield from self.call(wire.get_worker_list())
        assert self.address is not None
        self.deployment.learn(answer.worker, self.address)
        return answer.worker

    def ping(self) -> Steps[float]:
        yield from self.call(wire.ping())
        begun = self.deployment.clock()
        yield from self.call(wire.ping())
        return self.deployment.clock() - begun

    # The market.

    def _market(self, request: Request) -> Steps[Any]:
        self.deployment.token()
        return (yield from self.call(request))

    def assets(self) -> Steps[Tuple[str, ...]]:
        answer: wire.List = yield from self._market(wire.get_asset_list())
        return answer.texts

    def asset(self, symbol: str) -> Steps[wire.AssetInfo]:
        info: wire.AssetInfo = yield from self._market(wire.get_asset_info(symbol))
        return info

    def quote(self, symbol: str) -> Steps[Price]:
        answer: wire.Quote = yield from self._market(wire.get_asset_value_current(symbol))
        return Price(symbol, answer.value, answer.time)

    def prices(self) -> Steps[Rows[wire.QuoteListRow]]:
        answer = yield from self._market(wire.get_quote_list())
        return Rows(answer.quotes)

    def history(
        self, symbol: str, window: str, date: Optional[When], adjusted: bool
    ) -> Steps[Rows[wire.Bar]]:
        if window not in WINDOWS:
            raise BadArgument("window", window, "one of " + ", ".join(WINDOWS))
        adjustment = "adjusted" if adjusted else None
        if window == "all":
            answer = yield from self._market(wire.get_asset_value_all_time(symbol, adjustment))
            return Rows(answer.bars)
        if date is None:  # The market's day, which in a replay is not today.
            date = (yield from self.quote(symbol)).time
        make = {
            "day": wire.get_asset_value_day,
            "week": wire.get_asset_value_week,
            "month": wire.get_asset_value_month,
            "year": wire.get_asset_value_year,
        }[window]
        answer = yield from self._market(make(symbol, date, adjustment))
        return Rows(answer.bars)

    def forecast(self, symbol: str, date: When) -> Steps[wire.Forecast]:
        request = wire.get_asset_value_predicted(symbol, date)
        forecast: wire.Forecast = yield from self._market(request)
        return forecast

    # Trading.

    def trade(
        self,
        side: str,
        symbol: str,
        quantity: Optional[Number],
        cash: Optional[Number],
        key: Optional[str],
        timeout: Optional[float],
    ) -> Steps[Fill]:
        """A market order, followed to its outcome."""
        key = _key(key)
        until = _until(timeout)
        if cash is not None:
            begun = self.deployment.clock()
            placed = yield from self.place(
                side, symbol, quantity, cash, "market", None, None, "gtc", key
            )
            left = until - (self.deployment.clock() - begun)
            try:
                return (yield from self.wait(placed.transaction_id, max(0.0, left)))
            except (ConnectionProblem, Refused) as error:
                if isinstance(error, Refused) and error.transaction_id is not None:
                    raise  # The outcome.
                # The order stands: that it cannot be looked at does not say that it did not trade.
                raise StillOpen(placed.transaction_id, key, str(error)) from error
        amount, token = _amount(quantity, cash), self.deployment.token()
        make = {"buy": wire.purchase_asset, "sell": wire.sell_asset}[side]
        fill = yield from self.order(make(token, symbol, amount, key), key, until)
        return Fill(
            fill.transaction_id, key, side, fill.asset, fill.quantity, fill.price, fill.total,
            fill.time,
        )  # fmt: skip

    def place(
        self,
        side: str,
        symbol: str,
        quantity: Optional[Number],
        cash: Optional[Number],
        kind: Optional[str],
        limit: Optional[Number],
        stop: Optional[Number],
        time_in_force: When,
        key: Optional[str],
    ) -> Steps[Placed]:
        key = _key(key)
        if kind is None:
            kind = {(False, False): "market", (True, False): "limit", (False, True): "stop"}.get(
                (limit is not None, stop is not None), "stop-limit"
            )
        request = wire.place_order(
            self.deployment.token(), side, symbol, _amount(quantity, cash), kind, limit, stop,
            time_in_force, key,
        )  # fmt: skip
        placed: wire.OrderPlaced = yield from self.order(request, key, self.deployment.patience)
        return Placed(placed.transaction_id, key, placed.status)

    def replace(
        self,
        transaction_id: str,
        quantity: Optional[Number],
        cash: Optional[Number],
        limit: Optional[Number],
        stop: Optional[Number],
        key: Optional[str],
    ) -> Steps[Placed]:
        key = _key(key)
        if all(value is None for value in (quantity, cash, limit, stop)):
            raise BadArgument("quantity", None, "given, or cash, a limit or a stop: what changes")
        amount = None if quantity is None and cash is None else _amount(quantity, cash)
        request = wire.replace_order(
            self.deployment.token(), transaction_id, amount, limit, stop, key
        )
        placed: wire.OrderPlaced = yield from self.order(request, key, self.deployment.patience)
        return Placed(placed.transaction_id, key, placed.status)

    def cancel(self, transaction_id: str) -> Steps[None]:
        yield from self.call(wire.cancel_order(self.deployment.token(), transaction_id))

    def open_orders(self) -> Steps[Rows[wire.OpenOrder]]:
        answer = yield from self.call(wire.get_open_orders(self.deployment.token()))
        return Rows(answer.orders)

    def transaction(self, transaction_id: str) -> Steps[Optional[wire.PageEntry]]:
        """One's own transaction of this ID."""
        _check("transaction_id", transaction_id, wire.TRANSACTION_ID)
        request = wire.get_user_transaction_history_page(
            self.deployment.token(), self._name(), _after(transaction_id), 1
        )
        answer = yield from self.call(request)
        rows = [row for row in answer.transactions if row.id == transaction_id]
        return rows[0] if rows else None

    def wait(self, transaction_id: str, timeout: Optional[float]) -> Steps[Fill]:
        """Looks at an order until it has its outcome."""
        _check("transaction_id", transaction_id, wire.TRANSACTION_ID)
        until = self.deployment.clock() + _until(timeout)
        while True:
            row = yield from self.transaction(transaction_id)
            if row is None:
                raise Nonsense("an order that is not in the history")
            if row.status == "settled":
                return _fill(row)
            if row.status not in ("queued", "open"):
                raise outcome_error(row.reason or row.status, row.id, row.client_order_id)
            left = until - self.deployment.clock()
            if left <= 0:
                raise StillOpen(row.id, row.client_order_id)
            due = (yield from self.server()).next_update
            pause = LOOK_MAX
            if due is not None:
                pause = (due - self.deployment.wall()).total_seconds() + PAUSE_FIRST
            yield Wait(min(max(pause, LOOK_MIN), LOOK_MAX, max(left, 0.01)))

    def portfolio(self, username: Optional[str]) -> Steps[wire.Portfolio]:
        request = wire.get_user_portfolio(self.deployment.token(), self._name(username))
        portfolio: wire.Portfolio = yield from self.call(request)
        return portfolio

    def summary(self) -> Steps[wire.AccountSummary]:
        request = wire.get_account_summary(self.deployment.token())
        summary: wire.AccountSummary = yield from self.call(request)
        return summary

    def transactions(
        self, username: Optional[str], limit: Optional[int], before: Optional[str]
    ) -> Steps[Rows[wire.PageEntry]]:
        if limit is not None and (not isinstance(limit, int) or limit < 0):
            raise BadArgument("limit", repr(limit), "a number of transactions, or None for all")
        name, token = self._name(username), self.deployment.token()
        rows: List[wire.PageEntry] = []
        while limit is None or len(rows) < limit:
            count = PAGE_ROWS if limit is None else min(PAGE_ROWS, limit - len(rows))
            try:
                page = yield from self.call(
                    wire.get_user_transaction_history_page(token, name, before, count)
                )
            except NotSupported:
                rows = yield from self._whole_history(token, name, before)
                return Rows(rows if limit is None else rows[:limit])
            rows += page.transactions
            if len(page.transactions) < count:
                break
            before = rows[-1].id
        return Rows(rows)

    def _whole_history(
        self, token: str, name: str, before: Optional[str]
    ) -> Steps[List[wire.PageEntry]]:
        """The history as a server of the first edition tells it: whole, and without some fields."""
        answer = yield from self.call(wire.get_user_transaction_history(token, name))
        rows = [
            wire.PageEntry(
                id=row.id, side=row.side, status=row.status, symbol=row.symbol,
                accepted=row.accepted, settled=row.settled, quantity=row.quantity,
                price=row.price, total=row.total, priced=row.priced,
                client_order_id=row.client_order_id, reason=row.reason,
            )
            for row in answer.transactions
        ]  # fmt: skip
        ids = [row.id for row in rows]
        return rows[ids.index(before) + 1 :] if before in ids else rows

    def receipt(self, transaction_id: str) -> Steps[Rows[wire.ReceiptLine]]:
        request = wire.get_transaction_receipt(self.deployment.token(), transaction_id)
        answer = yield from self.call(request)
        return Rows(answer.lines)


#: What an iterator of prices has, and one of orders.
PriceItem = Price
OrderItem = Union[wire.OrderNotice, Missed]


class QuoteFeed(Calls):
    """New prices, each once, whatever becomes of the connection."""

    def __init__(self, deployment: Deployment, symbols: Sequence[str]) -> None:
        for symbol in symbols:
            _check("symbol", symbol, wire.SYMBOL)
        deployment.token()
        topics = [f"quotes:{symbol}" for symbol in dict.fromkeys(symbols)] or ["quotes"]
        super().__init__(deployment, topics)
        self._symbols = tuple(dict.fromkeys(symbols))
        self._last: Dict[str, Price] = {}
        self._waiting: List[Price] = []
        self._polls_at: Optional[float] = None

    def next_item(self, timeout: Optional[float]) -> Steps[Optional[Price]]:
        timeout = seconds_of(timeout, "timeout")
        until = float("inf") if timeout is None else self.deployment.clock() + timeout
        while not self._waiting:
            left = until - self.deployment.clock()
            if left <= 0 or self.is_closed:
                return None
            try:
                if self._polls_at is None:
                    notice = yield from self.next_notice(None if timeout is None else max(left, 0))
                    if notice is None:
                        return None
                    if isinstance(notice, wire.QuoteNotice):
                        for symbol, value in notice.quote:
                            self._take(Price(symbol, value, notice.market_time))
                    continue
            except NotSupported:
                # A server of the first edition tells no prices: it is asked.
                yield from self.close()
                self.topics = ()
                self._polls_at = self.deployment.clock()
            yield from self._poll(until)
        return self._waiting.pop(0)

    def _take(self, price: Price) -> None:
        """A subscription begins with what is in force, which may be known already."""
        last = self._last.get(price.symbol)
        if last is None or (last.value, last.time) != (price.value, price.time):
            self._last[price.symbol] = price
            self._waiting.append(price)

    def _poll(self, until: float) -> Steps[None]:
        assert self._polls_at is not None
        pause = min(self._polls_at, until) - self.deployment.clock()
        if pause > 0:
            yield Wait(pause)
        if not self._symbols:
            self._symbols = yield from self.assets()
        for symbol in self._symbols:
            try:
                self._take((yield from self.quote(symbol)))
            except Refused as error:
                if error.code != "no-price":
                    raise
        self._polls_at = self.deployment.clock() + POLL


class OrderFeed(Calls):
    """Ends of orders. Missed tells where some may have been lost."""

    def __init__(self, deployment: Deployment) -> None:
        deployment.token()
        super().__init__(deployment, ["orders"])

    def next_item(self, timeout: Optional[float]) -> Steps[Optional[OrderItem]]:
        timeout = seconds_of(timeout, "timeout")
        until = float("inf") if timeout is None else self.deployment.clock() + timeout
        while True:
            left = None if timeout is None else max(0.0, until - self.deployment.clock())
            notice = yield from self.next_notice(left)
            if notice is None or isinstance(notice, wire.OrderNotice):
                return notice
            if isinstance(notice, wire.NoticesDropped):
                return Missed(notice.topic, notice.count)
