#!/usr/bin/env python3
"""The reference solution of the course: the base protocol (edition 1) in one program.

    solution.py serve --listen HOST:PORT [--listen HOST:PORT ...] --data DIR --market DIR
    solution.py worker --listen HOST:PORT --master HOST:PORT --id UUID --key FPR --master-key FPR

`serve` is a whole deployment: a master, and a worker for each --listen. `worker` is a worker for a
master that somebody else wrote. Messages are in wire.py, the link to that master in link.py.
Numbers in brackets are sections of the specification.

One asyncio loop runs everything, so what stands between two `await`s happens at once. Left out:
TLS, the master's own port, held prices, and what corporate actions do to positions. Passwords are
stretched by scrypt, which Python has, and not by bcrypt.
"""
import argparse, asyncio, bisect, collections, contextlib, csv, functools, hashlib, hmac
import itertools, math, pathlib, secrets, signal, sqlite3, time, types, unicodedata, uuid
from decimal import Decimal
from fractions import Fraction

from wire import (DAY, HEADER, UNIT, Fault, Refusal, Wire, day, ensure, month, now, pack,
                  parse_number, parse_time, session_hash, show_number, show_time)

VALUE_MAX, STARTING_CASH = 9_000_000_000_000 * UNIT, 100_000 * UNIT
BUY, SELL, QUEUED, SETTLED, REJECTED = 1, 2, 0, 1, 2  # sides and statuses
Bar = collections.namedtuple("Bar", "time open high low close volume")
# In a lab all clients have one address, so these limits are a sandbox's.
LAB = {"connectionsPerAddress": 10_000, "registrations": 100_000, "failedLoginsPerAddress": 100_000}


def roll(bars, period):
    """Merges bars into one for each period."""
    rolled = {}
    for bar in bars:
        start, old = period(bar.time), rolled.get(period(bar.time), bar._replace(volume=0))
        rolled[start] = Bar(start, old.open, max(old.high, bar.high), min(old.low, bar.low),
                            bar.close, old.volume + bar.volume)
    return list(rolled.values())


# --- A connection [4.3.2, 4.7] -------------------------------------------------------------------

class Connection:
    """A client's connection. One task reads requests, another sends replies in their order: lists
    of frames, or futures of one. Later replies wait for the outcome of an order before them."""

    def __init__(self, worker, reader, writer):
        self.worker, self.reader, self.writer = worker, reader, writer
        self.wire, self.limits = worker.wire, worker.wire.limits
        self.client = writer.get_extra_info("peername")[:2]
        self.state, self.session = "command", None  # [4.2.1]; the session of the data state
        self.expirable = set()  # sessions that end with this connection
        self.active = time.monotonic()  # the last byte, or the last reply
        self.first_deadline = self.active + self.limits["firstFrameTime"] / 1000
        self.replies, self.unanswered = asyncio.Queue(self.limits["unanswered"]), 0

    async def serve(self):
        self.sender = asyncio.ensure_future(self.send_replies())
        reading = asyncio.ensure_future(self.read_requests())
        await asyncio.wait([self.sender])
        reading.cancel()
        await asyncio.wait([reading])
        await self.linger()

    async def read_requests(self):
        """A request has taken effect before the next one is read, so they do so in order."""
        try:
            while (request := await self.read_request()) is not None:
                self.unanswered += 1
                await self.replies.put(await self.worker.answer(self, request))
                if request.row["number"] >> 8 == 2:
                    await self.replies.join()  # so a connection never holds more than one transfer
        except Fault as fault:
            await self.replies.put([self.wire.frame("protocolError", *fault.args)])
        except asyncio.TimeoutError:
            self.end_now("timeout", "no message was complete in time")
        except OSError:
            self.writer.transport.abort()
        finally:  # also where the program is wrong, which asyncio tells
            if not self.sender.done():
                await self.replies.put(None)

    async def read_request(self):
        """The next request; None at the end of the stream between two messages."""
        first = await self.first_byte()
        if not first:
            return None
        self.active = time.monotonic()
        seconds = min(self.limits["frameTime"] / 1000, self.seconds_left())
        request = await asyncio.wait_for(self.read_rest(first), seconds)
        self.first_deadline = None
        return request

    async def first_byte(self):
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                return await asyncio.wait_for(self.reader.read(1), self.seconds_left())
            ensure(self.unanswered or self.seconds_left() > 0, asyncio.TimeoutError())

    def seconds_left(self):
        """Of the time for the first message, or later until a connection has been idle too long."""
        since = time.monotonic() if self.unanswered else self.active
        return (self.first_deadline or since + self.limits["idleTime"] / 1000) - time.monotonic()

    async def read_rest(self, first):
        try:
            header = first + await self.reader.readexactly(HEADER.size - 1)
            kind, number, size, count, packet, packets = HEADER.unpack(header)
            self.wire.check_header(kind, number, size, packet, packets)
            data = await self.reader.readexactly(size)
        except asyncio.IncompleteReadError:
            raise Fault("bad-frame", "the stream ended inside a message") from None
        texts = self.wire.split(data, count)
        return types.SimpleNamespace(
            row=self.wire.find_row(number, count), arguments=texts, frame=header + data,
            client=self.client, notify=self.send_notice)

    def send_notice(self, frame):
        if not self.writer.is_closing():
            self.writer.write(frame)

    async def send_replies(self):
        """Ends after the last reply. A client that does not read is cut off."""
        try:
            while (reply := await self.replies.get()) is not None:
                for frame in await reply if asyncio.isfuture(reply) else reply:
                    self.writer.write(frame)
                    await asyncio.wait_for(self.writer.drain(), self.limits["sendTime"] / 1000)
                self.unanswered, self.active = self.unanswered - 1, time.monotonic()
                self.replies.task_done()
        except (OSError, asyncio.TimeoutError):
            self.writer.transport.abort()

    def end_now(self, code, text):
        """Ends the connection without the replies that are still to come."""
        self.send_notice(self.wire.frame("protocolError", code, text))
        self.sender.cancel()

    async def linger(self):
        """Closing at once would reset the connection, and a reset may destroy the last reply."""
        async def discard():
            while await self.reader.read(65_536):
                pass
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            self.writer.write_eof()
            await asyncio.wait_for(discard(), self.limits["lingerTime"] / 1000)
        self.writer.close()


# --- The worker [3.2] ----------------------------------------------------------------------------

class Worker:
    """Faces clients: answers what it holds, and passes the rest on to the master by its link."""

    def __init__(self, wire, address, identity, link):
        self.wire, self.address, self.identity, self.link = wire, address, identity, link
        self.connections, self.workers, self.prices, self.windows = set(), [], {}, {}
        self.sessions = {}  # expiry by hash, of sessions that the master called active
        self.stamp, self.sequence = 0, itertools.count(1)
        self.routes = {"local": self.answer_local, "state": self.switch_state,
                       "tunnel": self.pass_through_tunnel, "cache": self.answer_from_cache,
                       "orders": self.forward, "account queries": self.forward}

    async def listen(self):
        host, _, port = self.address.rpartition(":")
        self.listener = await asyncio.start_server(self.accept, host.strip("[]"), int(port))

    async def accept(self, reader, writer):
        connection = Connection(self, reader, writer)
        if not self.has_room(connection):
            connection.send_notice(self.wire.frame("protocolError", "too-many-connections", "full"))
            return await connection.linger()
        self.connections.add(connection)
        try:
            await connection.serve()
        finally:
            self.connections.discard(connection)
            self.sessions_ended(connection.expirable)
            self.link.end_sessions(connection.expirable)

    def has_room(self, connection):
        clients, limits = [each.client[0] for each in self.connections], self.wire.limits
        return (len(clients) < limits["connections"]
                and clients.count(connection.client[0]) < limits["connectionsPerAddress"])

    async def stop(self):
        self.listener.close()
        for connection in self.connections:
            connection.end_now("shutting-down", "the worker is stopping")
        while self.connections:
            await asyncio.sleep(0.01)

    async def answer(self, connection, request):
        """The checks are in the order in which reasons win over each other."""
        try:
            self.check_state(connection, request.row)
            self.wire.check_forms(request.row, request.arguments)
            await self.check_bound_session(connection, request.row)
            return await self.routes[request.row["destination"]](connection, request)
        except Refusal as refusal:
            return [self.wire.fail(request.row, *refusal.args)]

    def check_state(self, connection, row):
        ensure(connection.state in row["states"],
               Refusal("wrong-state", f"{row['name']} is not accepted in this state"))

    async def check_bound_session(self, connection, row):
        """The data state lasts with the session that it was entered with [4.2.2]."""
        ensure(row["number"] >> 8 != 2 or await self.is_active(connection.session),
               Refusal("session-expired", "the session of this connection has ended"))

    async def is_active(self, session):
        if session not in self.sessions:
            expiry = await self.link.ask_session(session)
            if expiry is None:
                return False
            self.sessions[session] = expiry
            if len(self.sessions) > 100_000:
                del self.sessions[next(iter(self.sessions))]
        return self.sessions[session] > now()

    async def answer_local(self, connection, request):
        """ping, getWorkerList, and pong, which has no answer."""
        replies = {"ping": [self.wire.frame("pong")], "pong": []}
        return replies.get(request.row["name"], [self.wire.frame("workerList", *self.workers)])

    async def switch_state(self, connection, request):
        """Entering the data state needs an active session; leaving it does not [4.6.6]."""
        session, state = session_hash(request.arguments[0]), request.arguments[1]
        if state == "data":
            ensure(await self.is_active(session), Refusal("session-expired", "it is not active"))
            connection.session = session
        connection.state = state
        return [self.wire.frame("stateSwitchSuccess", state)]

    async def pass_through_tunnel(self, connection, request):
        """Logins and the like [3.2.4]: the master decides, the worker notes the sessions."""
        ensure(len(connection.expirable) < self.wire.limits["expirableSessions"],
               Refusal("overloaded", "this connection has made too many expirable sessions"))
        reply = await self.forward(connection, request)
        name, arguments = self.wire.name(reply[0]), request.arguments
        if name == "sessionID" and arguments[-1] == "true":
            connection.expirable.add(session_hash(reply[0][HEADER.size:].decode().split(" ")[0]))
        if name == "logoutSuccess":
            self.sessions_ended([session_hash(arguments[0])])
        return reply

    async def forward(self, connection, request):
        """Adds the worker's name and time to a request, and passes it on [2.1.8]."""
        self.stamp = max(self.stamp, now())
        request.worker, request.stamp = self.identity.bytes, self.stamp
        request.sequence = next(self.sequence)
        return await self.link.ask(request)

    async def answer_from_cache(self, connection, request):
        """Prices of the last update, and what the master said of windows since then [3.2.6]."""
        name, symbol = request.row["name"], (request.arguments or [None])[0]
        if name == "getAssetList":
            texts = b"".join(pack("s", each) for each in sorted(self.prices))
            return self.wire.transfer(pack("I", len(self.prices)) + texts)
        ensure(symbol in self.prices, Refusal("unknown-asset", f"there is no asset {symbol}"))
        quote, bar = self.prices[symbol]
        if name == "getAssetValueCurrent":
            ensure(quote, Refusal("no-price", f"{symbol} has no price yet"))
            return self.wire.transfer(quote)
        if name == "getAssetInfo":
            ensure(bar, Refusal("no-data", f"{symbol} has no price yet"))
            return self.wire.transfer(pack("s", symbol) + bar)
        return self.windows.get(request.frame) or await self.ask_window(connection, request)

    async def ask_window(self, connection, request):
        windows, reply = self.windows, await self.forward(connection, request)
        if self.wire.name(reply[0]) == "data" and len(windows) < 1_000:
            windows[request.frame] = reply  # dropped with the prices that it was asked under
        return reply

    def publish(self, prices, workers):
        """Takes the prices of an update: payloads of quote and daily bar by symbol."""
        self.prices, self.workers, self.windows = prices, workers, {}

    def sessions_ended(self, sessions):
        for session in sessions:
            self.sessions.pop(session, None)


# --- The master [3.1] ----------------------------------------------------------------------------

SCHEMA = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, username, key UNIQUE, email,
  email_key UNIQUE, salt, hash, created, cash);
CREATE TABLE IF NOT EXISTS sessions (hash PRIMARY KEY, account, expiry, expirable);
CREATE TABLE IF NOT EXISTS positions (account, symbol, quantity, cost, UNIQUE (account, symbol));
CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, id UNIQUE, account, side, status,
  symbol, quantity, accepted, settled, price, total, priced, client_id, reason, worker, stamp,
  sequence, reserve, waits_since, UNIQUE (account, client_id));
CREATE INDEX IF NOT EXISTS queue ON orders (account) WHERE status = 0;
CREATE TABLE IF NOT EXISTS market (step);
"""


class Storage:
    """The database [3.1.2]. `with storage.commit:` is one commit, which is on disk when it ends."""

    def __init__(self, folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.commit = sqlite3.connect(folder / "papertrader.db")
        self.commit.row_factory = sqlite3.Row
        self.commit.executescript(SCHEMA)

    def rows(self, sql, *values):
        return self.commit.execute(sql, values).fetchall()

    def row(self, sql, *values):
        return next(iter(self.rows(sql, *values)), None)

    def put(self, table, **values):
        marks = ", ".join("?" * len(values))
        self.rows(f"REPLACE INTO {table} ({', '.join(values)}) VALUES ({marks})", *values.values())


class Assets:
    """The market [3.1.6]: a replay of files, a step at each update. No bar behind it is shown."""

    def __init__(self, folder, start, step):
        files = {path.stem: self.read(path) for path in folder.glob("*.csv")}
        self.splits = [(row["Symbol"], parse_time(row["Date"]),
                        Fraction(row["Value"].replace(":", "/")))
                       for row in files.pop("actions", []) if row["Action"] == "split"]
        self.bars = {symbol: sorted(map(self.bar, rows)) for symbol, rows in files.items()}
        self.steps = sorted({bar.time for bars in self.bars.values() for bar in bars})
        ensure(self.steps and self.steps[-1] >= start, SystemExit(f"no bar of {folder} is so late"))
        self.step = start - 1 if step is None else step

    def read(self, path):
        with open(path, newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))

    def bar(self, row):
        prices = (parse_number(row[name]) for name in ("Open", "High", "Low", "Close"))
        return Bar(parse_time(row["Date"]), *prices, int(Decimal(row["Volume"])))

    def next_step(self):
        """The time of the next step; None after the last."""
        at = bisect.bisect_right(self.steps, self.step)
        return self.steps[at] if at < len(self.steps) else None

    def published(self, symbol, adjustment="raw"):
        bars = self.bars[symbol]
        bars = bars[:bisect.bisect_right(bars, (self.step, math.inf))]
        return bars if adjustment == "raw" else [self.adjust(symbol, bar) for bar in bars]

    def adjust(self, symbol, bar):
        """A bar in units of today: prices before a split are divided by it."""
        ratio = math.prod(ratio for of, since, ratio in self.splits
                          if of == symbol and bar.time < since <= self.step)
        prices = (max(round(price / Fraction(ratio)), 1) for price in bar[1:5])
        return Bar(bar.time, *prices, int(bar.volume * ratio))

    def last(self, symbol):
        """The latest bar; None before the first."""
        return next(reversed(self.published(symbol)), None)

    def prices(self):
        """Payloads of quote and daily bar of each asset, empty without a price."""
        prices = {}
        for symbol in self.bars:
            bars = self.published(symbol)
            today = roll([bar for bar in bars if bar.time >= day(bars[-1].time)], day)
            quote = pack("qq", bars[-1].time, bars[-1].close) if bars else b""
            prices[symbol] = quote, self.payload(today)
        return prices

    def payload(self, bars):
        return b"".join(pack("qqqqqQ", *bar) for bar in bars)

    def window(self, choose, request, symbol, date, adjustment="raw"):
        """The windows [4.6.9 to 4.6.12] end with the date, oldest bar first."""
        return self.payload(choose(self.published(symbol, adjustment), parse_time(date)))

    def day_window(self, bars, date):
        return [bar for bar in bars if date - DAY < bar.time <= date]

    def week_window(self, bars, date):
        return [bar for bar in roll(bars, day) if day(date) - 6 * DAY <= bar.time <= day(date)]

    def month_window(self, bars, date):
        """Begins behind the same day of the month before, or behind that month's last day."""
        start = min(month(date, 1) + day(date) - month(date), month(date) - DAY)
        return [bar for bar in roll(bars, day) if start < bar.time <= day(date)]

    def year_window(self, bars, date):
        return [bar for bar in roll(bars, month) if month(date, 11) <= bar.time <= month(date)]

    def all_time(self, request, symbol, adjustment="raw"):
        return self.payload(roll(self.published(symbol, adjustment), month))

    def forecast(self, request, symbol, date):
        """A random walk [4.2.2]: the last price, with an interval that grows with the days."""
        days, date = roll(self.published(symbol, "adjusted"), day)[-260:], parse_time(date)
        ensure(not days or date > days[-1].time, Refusal("date-invalid", "that is the past"))
        ensure(len(days) >= 60, Refusal("no-data", "a forecast needs 60 days of prices"))
        moves = (math.log(later.close / bar.close) ** 2 for bar, later in zip(days, days[1:]))
        ahead = (date - days[-1].time) / (days[-1].time - days[0].time)
        width = min(1.96 * math.sqrt(sum(moves) * ahead), 50)
        low, high = (int(days[-1].close * math.exp(part)) for part in (-width, width))
        method = "random walk, volatility of 260 days, 95 %"
        return pack("sqqqq", method, date, days[-1].close, max(low, 1), min(high, VALUE_MAX))


class Auth:
    """Accounts and sessions [3.1.3]. Here the session of a request becomes its account."""

    def __init__(self, storage, limits, addresses):
        self.storage, self.limits, self.addresses = storage, limits, addresses
        self.attempts = collections.defaultdict(list)  # times of what counts against a limit

    def count(self, limit, *who):
        """Counts an attempt within a minute, before anything is looked up or hashed."""
        if len(self.attempts) > 100_000:
            self.attempts.clear()
        times = self.attempts[(limit, *who)]
        times[:] = [at for at in times if at > now() - 60_000]
        ensure(len(times) < self.limits[limit], Refusal("too-many-attempts", "wait a minute"))
        times.append(now())
        return times

    async def stretch(self, hashed_pass, salt):
        """Slow on purpose, for whoever steals the database; so it is done beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(None, lambda: hashlib.scrypt(
            hashed_pass.encode(), salt=salt, n=8192, r=8, p=1))

    def email_key(self, email):
        """Unicode writes one address in many ways; all of them are the same address."""
        return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).casefold())

    async def register(self, request, username, email, hashed_pass):
        self.count("registrations", request.client[0])
        self.check_free(username, email)
        salt = secrets.token_bytes(16)
        stretched = await self.stretch(hashed_pass, salt)
        self.check_free(username, email)  # somebody may have been faster
        with self.storage.commit:
            self.storage.put("accounts", username=username, key=username.lower(), email=email,
                             email_key=self.email_key(email), salt=salt, hash=stretched,
                             created=now(), cash=STARTING_CASH)
        return "registerSuccess",

    def check_free(self, username, email):
        for column, value, code in (("key", username.lower(), "username-taken"),
                                    ("email_key", self.email_key(email), "email-taken")):
            taken = self.storage.row(f"SELECT 1 FROM accounts WHERE {column} = ?", value)
            ensure(not taken, Refusal(code, "an account has it"))

    async def login(self, request, username, hashed_pass, is_expirable):
        """Neither the answer nor its time tells whether there is an account of this name."""
        counts = (self.count("failedLogins", username.lower(), request.client[0]),
                  self.count("failedLoginsPerAddress", request.client[0]))
        account = self.storage.row("SELECT * FROM accounts WHERE key = ?", username.lower())
        stretched = await self.stretch(hashed_pass, account["salt"] if account else b"decoy")
        ensure(account and hmac.compare_digest(stretched, account["hash"]),
               Refusal("bad-credentials", "username or password is wrong"))
        counts[0].pop(), counts[1].pop()  # it did not fail
        session, expiry = secrets.token_hex(32), now() + self.limits["sessionLifetime"]
        with self.storage.commit:
            self.storage.put("sessions", hash=session_hash(session), account=account["id"],
                             expiry=expiry, expirable=is_expirable == "true")
        return ("sessionID", session, *self.addresses)

    def login_again(self, request, session):
        self.account(session)
        return ("sessionID", session, *self.addresses)

    def account(self, session):
        found = self.find(session_hash(session))
        ensure(found, Refusal("session-expired", "there is no such session, or it has ended"))
        return found["account"]

    def find(self, session):
        return self.storage.row("SELECT * FROM sessions WHERE hash = ? AND expiry > ?",
                                session, now())


class Transactions:
    """Orders [3.1.7]: accepted onto the queue on disk, and settled by the next update."""

    def __init__(self, wire, storage, auth, assets):
        self.wire, self.storage, self.auth, self.assets = wire, storage, auth, assets
        self.waiters = collections.defaultdict(list)  # futures of outcomes, by order ID
        self.stamps, self.next_update, self.moment = {}, now(), now()

    def place(self, side, request, session, symbol, quantity, client_id=None):
        account, quantity = self.auth.account(session), parse_number(quantity)
        known = client_id and self.storage.row(
            "SELECT * FROM orders WHERE account = ? AND client_id = ?", account, client_id)
        if known:
            return self.repeat(request, known, (side, symbol, quantity))
        total = self.check_asset(side, symbol, quantity)
        self.check_means(account, side, symbol, quantity, total)
        identity, accepted = str(uuid.uuid4()), now()
        with self.storage.commit:
            self.storage.put(
                "orders", id=identity, account=account, side=side, status=QUEUED, symbol=symbol,
                quantity=quantity, accepted=accepted, settled=0, price=0, total=0, priced=0,
                client_id=client_id, reason="", worker=request.worker, sequence=request.sequence,
                stamp=self.fair_stamp(request, accepted), reserve=total if side == BUY else 0)
        return self.announce(request, identity, client_id)

    def repeat(self, request, order, terms):
        """The same clientOrderID is the same order, which never trades twice."""
        ensure(terms == (order["side"], order["symbol"], order["quantity"]),
               Refusal("clientOrderID-reused", "this ID was used for an order with other terms"))
        if order["status"] == QUEUED:
            return self.announce(request, order["id"], order["client_id"])
        return [self.outcome(order)]

    def check_asset(self, side, symbol, quantity):
        """The total at the latest price; 0 without one."""
        ensure(symbol in self.assets.bars, Refusal("unknown-asset", f"there is no asset {symbol}"))
        ensure(self.assets.next_step() is not None, Refusal("no-price", "the market has ended"))
        bar = self.assets.last(symbol)
        total = self.total(side, quantity, bar.close) if bar else 0
        ensure(total <= VALUE_MAX, Refusal("quantity-invalid", "that is more than can be counted"))
        return total

    def check_means(self, account, side, symbol, quantity, total):
        """What queued orders hold back cannot be promised once more; what they will bring can."""
        queue = self.storage.rows("SELECT * FROM orders WHERE account = ? AND status = 0", account)
        ensure(len(queue) < self.wire.limits["queuedOrdersPerAccount"],
               Refusal("overloaded", "too many orders of the account are queued"))
        cash, units, _ = self.holdings(account, symbol)
        for order in queue:
            is_next, sold = order["waits_since"] is None, order["side"] == SELL
            bar = self.assets.last(order["symbol"])
            cash += -order["reserve"] + (
                self.total(SELL, order["quantity"], bar.close) if sold and is_next and bar else 0)
            if order["symbol"] == symbol and (sold or is_next):
                units += -order["quantity"] if sold else order["quantity"]
        ensure(side == SELL or total <= cash, Refusal("insufficient-funds", "there is less cash"))
        ensure(side == BUY or quantity <= units,
               Refusal("insufficient-holdings", "there are fewer units"))

    def holdings(self, account, symbol):
        """Cash, units of an asset, and what they have cost."""
        return self.storage.row(
            "SELECT cash, IFNULL(quantity, 0), IFNULL(cost, 0) FROM accounts LEFT JOIN positions "
            "ON account = id AND symbol = ? WHERE id = ?", symbol, account)

    def fair_stamp(self, request, accepted):
        """A worker's clock may be wrong: what counts is bounded, and never goes back."""
        stamp = max(request.stamp, accepted - 60_000, self.stamps.get(request.worker, 0))
        self.stamps[request.worker] = min(stamp, accepted)
        return self.stamps[request.worker]

    def announce(self, request, identity, client_id):
        """The notice goes out at once; the reply is the outcome, which a future brings."""
        request.notify(self.wire.frame("transactionQueued", identity, client_id or "-",
                                       show_time(self.next_update)))
        waiter = asyncio.get_running_loop().create_future()
        self.waiters[identity].append(waiter)
        return waiter

    def total(self, side, quantity, price):
        """A purchase is rounded up to a millionth, a sale down."""
        return -(-quantity * price // UNIT) if side == BUY else quantity * price // UNIT

    def queue(self):
        """In order of time, as the workers told it [4.1]."""
        return self.storage.rows(
            "SELECT * FROM orders WHERE status = 0 ORDER BY stamp, worker, sequence, number")

    def settle(self, fresh):
        """Clears the queue, within the commit of an update: an order gets the price of this update,
        which nobody could see when it was accepted. Without a new price it waits for 14 days."""
        queue, step, is_last = self.queue(), self.assets.step, self.assets.next_step() is None
        self.moment = now()  # of all orders that this update settles
        for order in queue:
            waits_since = order["waits_since"] or step
            if order["symbol"] in fresh:
                self.fill(order, self.assets.last(order["symbol"]))
            elif is_last or step - waits_since >= 14 * DAY:
                self.end(order, REJECTED, reason="no-price")
            else:
                self.storage.put("orders", **{**order, "waits_since": waits_since})
        return queue

    def fill(self, order, bar):
        """Funds and holdings are checked again, at the price that counts."""
        account, symbol, quantity = order["account"], order["symbol"], order["quantity"]
        total = self.total(order["side"], quantity, bar.close)
        cash, held, cost = self.holdings(account, symbol)
        if order["side"] == BUY:
            reason = "insufficient-funds" if total > cash else ""
            cash, held, cost = cash - total, held + quantity, cost + total
        else:
            reason = "insufficient-holdings" if quantity > held else ""
            cash, held, cost = cash + total, held - quantity, cost - cost * quantity // max(held, 1)
        reason = reason or ("quantity-invalid" if max(cash, held, cost) > VALUE_MAX else "")
        if reason:
            return self.end(order, REJECTED, reason=reason)
        self.storage.rows("UPDATE accounts SET cash = ? WHERE id = ?", cash, account)
        self.storage.put("positions", account=account, symbol=symbol, quantity=held, cost=cost)
        self.storage.rows("DELETE FROM positions WHERE account = ? AND quantity = 0", account)
        self.end(order, SETTLED, price=bar.close, total=total, priced=bar.time)

    def end(self, order, status, **values):
        settled = max(self.moment, order["accepted"])
        self.storage.put("orders", **{**order, **values, "status": status, "settled": settled})

    def tell_outcomes(self, queue):
        """After the commit, which makes them true."""
        for order in queue:
            order = self.storage.row("SELECT * FROM orders WHERE number = ?", order["number"])
            for waiter in self.waiters.pop(order["id"], ()) if order["status"] != QUEUED else ():
                if not waiter.done():
                    waiter.set_result([self.outcome(order)])

    def outcome(self, order):
        """Made of the stored row alone, so that a repeat gets the same bytes."""
        kind = "purchase" if order["side"] == BUY else "sell"
        if order["status"] == REJECTED:
            return self.wire.frame(kind + "Fail", order["reason"], "the order was not filled")
        numbers = (show_number(order[name]) for name in ("quantity", "price", "total"))
        return self.wire.frame(kind + "Success", order["id"], order["symbol"], *numbers,
                               show_time(order["settled"]))


class Queries:
    """What is known of accounts [4.6.14 to 4.6.16]: all of it to the owner, little to others."""

    def __init__(self, storage, auth, assets):
        self.storage, self.auth, self.assets = storage, auth, assets

    def open(self, session, username):
        """The account that is asked for, and whether its owner asks."""
        asker = self.auth.account(session)
        found = self.storage.row("SELECT * FROM accounts WHERE key = ?", username.lower())
        ensure(found, Refusal("unknown-user", f"there is no account {username}"))
        return found, asker == found["id"]

    def user_info(self, request, session, username):
        account, private = self.open(session, username)
        data = pack("BsBq", private, account["username"], True, account["created"])
        return data + pack("sq", account["email"], account["cash"]) if private else data

    def portfolio(self, request, session, username):
        account, private = self.open(session, username)
        rows = self.storage.rows("SELECT * FROM positions WHERE account = ? ORDER BY symbol",
                                 account["id"])
        bars = [self.assets.last(row["symbol"]) for row in rows]
        worth = [row["quantity"] * bar.close // UNIT for row, bar in zip(rows, bars)]
        equity = sum(worth) + account["cash"]
        data = pack("BI", private, len(rows)) + (pack("q", account["cash"]) if private else b"")
        for (_, symbol, quantity, cost), value in zip(rows, worth):
            data += pack("sqqq", symbol, quantity, cost * UNIT // quantity, value) if private \
                else pack("sH", symbol, value * 10_000 // max(equity, 1))
        return data

    def history(self, request, session, username):
        account, private = self.open(session, username)
        rows = self.storage.rows(
            "SELECT id, side, status, symbol, accepted, settled, quantity, price, total, priced, "
            "client_id, reason FROM orders WHERE account = ? ORDER BY number DESC", account["id"])
        return pack("BI", private, len(rows)) + b"".join(self.show(row, private) for row in rows)

    def show(self, row, private):
        data = uuid.UUID(row["id"]).bytes + pack("BBsqq", *row[1:6])
        return data + pack("qqqqss", *row[6:10], row[10] or "", row[11]) if private else data

    def receipt(self, request, session, identity):
        row = self.storage.row("SELECT * FROM orders WHERE account = ? AND id = ?",
                               self.auth.account(session), identity)
        ensure(row, Refusal("no-data", "the account has no such transaction"))
        lines = [("transaction", row["id"]), ("price", show_number(row["price"])),
                 ("total", show_number(row["total"])), ("accepted", show_time(row["accepted"])),
                 ("rule", "the first update after the acceptance gives the price")]
        return pack("I", len(lines)) + b"".join(pack("ss", *line) for line in lines)


class Master:
    """Keeps the data, makes the updates, and answers workers [2.1.1]."""

    def __init__(self, wire, folder, market, start, interval, addresses):
        self.wire, self.interval, self.addresses = wire, interval, addresses
        self.workers = [Worker(wire, address, uuid.uuid5(uuid.NAMESPACE_DNS, address), self)
                        for address in addresses]
        self.storage = storage = Storage(folder)
        with storage.commit:
            storage.rows("DELETE FROM sessions WHERE expirable")  # their connections have ended
        step = storage.row("SELECT MAX(step) FROM market")[0]
        self.assets = assets = Assets(market, start, step)
        self.auth = auth = Auth(storage, wire.limits, addresses)
        self.transactions = Transactions(wire, storage, auth, assets)
        queries, bound = Queries(storage, auth, assets), functools.partial
        self.routes = {  # by number, since two instructions are called login
            0x0101: auth.login, 0x0102: auth.login_again, 0x0103: auth.register,
            0x0104: bound(self.transactions.place, BUY),
            0x0105: bound(self.transactions.place, SELL), 0x0107: self.logout,
            **{0x0203 + at: bound(assets.window, choose) for at, choose in enumerate((
                assets.day_window, assets.week_window, assets.month_window, assets.year_window))},
            0x0207: assets.all_time, 0x020B: assets.forecast, 0x0208: queries.user_info,
            0x0209: queries.portfolio, 0x020A: queries.history, 0x020D: queries.receipt}

    async def ask(self, request):
        """The frames of the reply to a worker's request, or a future of them."""
        reply = self.routes[request.row["number"]](request, *request.arguments)
        reply = await reply if asyncio.iscoroutine(reply) else reply
        if isinstance(reply, bytes):
            return self.wire.transfer(reply)
        return [self.wire.frame(*reply)] if isinstance(reply, tuple) else reply

    async def ask_session(self, session):
        found = self.auth.find(session)
        return found and found["expiry"]

    def end_sessions(self, sessions):
        """On every worker at once [3.1.5]."""
        with self.storage.commit:
            for session in sessions:
                self.storage.rows("DELETE FROM sessions WHERE hash = ?", session)
        for worker in self.workers:
            worker.sessions_ended(sessions)

    def logout(self, request, session):
        self.auth.account(session)
        self.end_sessions([session_hash(session)])
        return "logoutSuccess",

    async def run(self):
        """Updates begin on a grid [2.3.4]; points of it that were missed are left out."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self.interval
        while True:
            self.transactions.next_update = now() + int((due - loop.time()) * 1000)
            await asyncio.sleep(due - loop.time())
            self.update()
            due += self.interval * max(math.ceil((loop.time() - due) / self.interval), 1)

    def update(self):
        """The step and the orders that it settles are on disk before anybody sees either."""
        step = self.assets.next_step()
        self.assets.step = self.assets.step if step is None else step
        last = {symbol: self.assets.last(symbol) for symbol in self.assets.bars}
        fresh = {symbol for symbol, bar in last.items() if bar and bar.time == step}
        with self.storage.commit:
            self.storage.rows("INSERT INTO market VALUES (?)", self.assets.step)
            queue = self.transactions.settle(fresh)
        prices = self.assets.prices()
        for worker in self.workers:
            worker.publish(prices, self.addresses)
        self.transactions.tell_outcomes(queue)


# --- The programs --------------------------------------------------------------------------------

async def serve(options, wire):
    folders = pathlib.Path(options.data), pathlib.Path(options.market)
    master = Master(wire, *folders, parse_time(options.start), options.interval, options.listen)
    master.update()
    await run_until_stopped(master.workers, master.run())


async def work(options, wire):
    from link import Link
    link = Link(wire, options)
    link.worker = Worker(wire, options.listen[0], uuid.UUID(options.id), link)
    linking = asyncio.ensure_future(link.run())
    await link.has_prices.wait()
    await run_until_stopped([link.worker], linking)


async def run_until_stopped(workers, running):
    task = asyncio.ensure_future(running)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    for worker in workers:
        await worker.listen()
    print("ready", flush=True)
    await asyncio.wait([task])
    await asyncio.gather(*(worker.stop() for worker in workers))
    if not task.cancelled():
        task.result()  # what ended the program, if it was no signal


def main():
    parser = argparse.ArgumentParser(description="The reference solution of the course.")
    parser.add_argument("command", choices=("serve", "worker"))
    parser.add_argument("--listen", action="append", required=True, metavar="HOST:PORT")
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=NUMBER")
    parser.add_argument("--interval", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--start", default="2012-01-03", metavar="DATE")
    for name in ("data", "market", "master", "id", "key", "master-key", "gnupghome"):
        parser.add_argument("--" + name)
    options, wire = parser.parse_args(), Wire()
    limits = dict(limit.split("=") for limit in options.limit)
    wire.limits.update({**LAB, **{name: int(value) for name, value in limits.items()}})
    asyncio.run({"serve": serve, "worker": work}[options.command](options, wire))


if __name__ == "__main__":
    main()
