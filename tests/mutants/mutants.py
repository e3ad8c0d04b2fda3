#!/usr/bin/env python3
"""Servers that break one requirement each.

    mutants.py --list
    mutants.py --break ID serve --listen HOST:PORT ... --data DIR --market DIR [--interval SECONDS]

The server is the course's reference solution (etc/course/solution.py), with the override that
belongs to the requirement; ID names it as spec/dialogue/requirements.md does. `--break none` is the
solution as it is. run.py starts all of them and lets `ptcat conform` find what is broken.
"""
import asyncio, hashlib, json, pathlib, sys, types, uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "etc/course"))
import solution, wire  # noqa: E402

from solution import Assets, Auth, Connection, Master, Queries, Transactions, Worker  # noqa: E402
from wire import DAY, HEADER, Fault, Refusal, Wire, day, ensure, month, pack, session_hash  # noqa: E402

BUY, SELL = solution.BUY, solution.SELL
MUTANTS = {}  # what is broken, and the function that breaks it, by ID


def mutant(identity, broken):
    def add(function):
        assert identity not in MUTANTS, identity
        MUTANTS[identity] = (broken, function)
        return function
    return add


def around(owner, name):
    """Puts a method around another, which it gets in front of its arguments."""
    def put(function):
        inner = getattr(owner, name)

        def outer(*arguments, **named):
            return function(inner, *arguments, **named)
        setattr(owner, name, outer)
        return function
    return put


def instead(owner, name):
    def put(function):
        setattr(owner, name, function)
        return function
    return put


# --- 2: overview ---------------------------------------------------------------------------------

@mutant("2.1.8-one-service", "a session is good at the worker that made it alone")
def _():
    made_by = {}

    @around(Auth, "login")
    async def login(inner, self, request, *arguments):
        reply = await inner(self, request, *arguments)
        made_by[reply[1]] = request.worker
        return reply

    @around(Auth, "login_again")
    def login_again(inner, self, request, session):
        ensure(made_by.get(session) == request.worker, Refusal("session-expired", "not here"))
        return inner(self, request, session)


@mutant("2.4.1-name-length", "a username may have 25 characters")
def _():
    @around(Wire, "has_form")
    def has_form(inner, self, kind, text):
        return inner(self, kind, text[:24] if kind == "Username" and len(text) == 25 else text)


@mutant("2.4.1-email-length", "an e-mail address has at most 254 characters")
def _():
    @around(Wire, "has_form")
    def has_form(inner, self, kind, text):
        return inner(self, kind, text) and (kind != "Email" or len(text) <= 254)


class ExactText(str):
    """A text that has no lower case."""

    def lower(self):
        return self


@mutant("2.4.1-name-case", "usernames in another case are other names")
def _():
    @around(Auth, "register")
    async def register(inner, self, request, username, *rest):
        return await inner(self, request, ExactText(username), *rest)

    @around(Auth, "login")
    async def login(inner, self, request, username, *rest):
        return await inner(self, request, ExactText(username), *rest)


@mutant("2.4.1-beginning", "a new account has 100,001 units of cash")
def _():
    solution.STARTING_CASH += wire.UNIT


@mutant("2.4.2-own-session", "a login ends the sessions of its account before it")
def _():
    @around(Auth, "login")
    async def login(inner, self, request, username, *rest):
        reply = await inner(self, request, username, *rest)
        with self.storage.commit:
            self.storage.rows(
                "DELETE FROM sessions WHERE hash != ? AND account = "
                "(SELECT account FROM sessions WHERE hash = ?)", *[session_hash(reply[1])] * 2)
        return reply


@mutant("2.4.2-lasting", "every session ends with its connection")
def _():
    @around(Worker, "pass_through_tunnel")
    async def pass_through_tunnel(inner, self, connection, request):
        reply = await inner(self, connection, request)
        if request.row["number"] == 0x0101 and self.wire.name(reply[0]) == "sessionID":
            connection.expirable.add(session_hash(reply[0][HEADER.size:].decode().split(" ")[0]))
        return reply


@mutant("2.4.2-expirable", "an expirable session outlives its connection")
def _():
    @around(Worker, "pass_through_tunnel")
    async def pass_through_tunnel(inner, self, connection, request):
        reply = await inner(self, connection, request)
        connection.expirable.clear()
        return reply


@mutant("2.4.2-ended-everywhere", "a connection in the data state is not told that its session has ended")
def _():
    @instead(Worker, "sessions_ended")
    def sessions_ended(self, sessions):
        pass


@mutant("2.4.3-bar", "getAssetInfo tells high as low, and low as high")
def _():
    @around(Worker, "answer_from_cache")
    async def answer_from_cache(inner, self, connection, request):
        reply = await inner(self, connection, request)
        if request.row["name"] == "getAssetInfo":
            data = reply[0][HEADER.size:]
            at = len(data) - 48
            bar = [data[at + 8 * field:at + 8 * field + 8] for field in range(6)]
            bar[2], bar[3] = bar[3], bar[2]
            return self.wire.transfer(data[:at] + b"".join(bar))
        return reply


# --- 3: modules ----------------------------------------------------------------------------------

@mutant("3.1.3-password", "any password logs in")
def _():
    @instead(Auth, "stretch")
    async def stretch(self, hashed_pass, salt):
        return hashlib.sha256(salt).digest() if salt != b"decoy" else b""


@mutant("3.1.3-silent", "an unknown name is told as such")
def _():
    @around(Auth, "login")
    async def login(inner, self, request, username, *rest):
        known = self.storage.row("SELECT 1 FROM accounts WHERE key = ?", username.lower())
        ensure(known, Refusal("unknown-user", "there is no such account"))
        return await inner(self, request, username, *rest)


@mutant("3.1.3-new-token", "every login of an account gets the same session ID")
def _():
    @around(Auth, "login")
    async def login(inner, self, request, username, *rest):
        same = hashlib.sha256(username.lower().encode()).hexdigest()
        secrets = solution.secrets
        solution.secrets = types.SimpleNamespace(
            token_hex=lambda _: same, token_bytes=secrets.token_bytes)
        try:
            reply = await inner(self, request, username, *rest)
        finally:
            solution.secrets = secrets
        with self.storage.commit:
            self.storage.rows("UPDATE sessions SET hash = ? WHERE hash = ?", session_hash(same),
                              session_hash(reply[1]))
        return ("sessionID", same, *reply[2:])


@mutant("3.1.5-workers-at-login", "a login names no workers")
def _():
    @around(Master, "ask")
    async def ask(inner, self, request):
        reply = await inner(self, request)
        if request.row["name"] == "login" and self.wire.name(reply[0]) == "sessionID":
            return [self.wire.frame("sessionID", reply[0][HEADER.size:].decode().split(" ")[0])]
        return reply


@mutant("3.1.5-worker-list", "getWorkerList names other workers than a login")
def _():
    @around(Worker, "publish")
    def publish(inner, self, prices, workers):
        inner(self, prices, ["127.0.0.1:9"])


@mutant("3.1.6-intervals", "updates bring the same prices again")
def _():
    @around(Assets, "next_step")
    def next_step(inner, self):
        return self.step if self.step in self.steps else inner(self)


@mutant("3.1.6-list", "the list of assets is in no order")
def _():
    @around(Worker, "answer_from_cache")
    async def answer_from_cache(inner, self, connection, request):
        if request.row["name"] == "getAssetList":
            names = sorted(self.prices, reverse=True)
            return self.wire.transfer(pack("I", len(names)) + b"".join(pack("s", it) for it in names))
        return await inner(self, connection, request)


def settles_on_acceptance(self, account, side, symbol, quantity, total):
    """What only settlement decides is left to it."""


@mutant("3.1.7-queued-first", "an order is answered, and never announced")
def _():
    @around(Transactions, "announce")
    def announce(inner, self, request, *rest):
        request.notify = lambda frame: None
        return inner(self, request, *rest)


@mutant("3.1.7-next-price", "an order settles at the price that was there when it was sent")
def _():
    @around(Transactions, "fill")
    def fill(inner, self, order, bar):
        return inner(self, order, self.assets.published(order["symbol"])[-2])


@mutant("3.1.7-cleared", "an update settles one order of each account, and leaves the others queued")
def _():
    @around(Transactions, "queue")
    def queue(inner, self):
        first = {}
        for order in inner(self):
            first.setdefault(order["account"], order)
        return list(first.values())


@mutant("3.1.7-one-price", "each further order of an update pays a cent more")
def _():
    filled = {}

    @around(Transactions, "fill")
    def fill(inner, self, order, bar):
        count = filled[bar.time, order["account"]] = filled.get((bar.time, order["account"]), -1) + 1
        return inner(self, order, bar._replace(close=bar.close + 10_000 * count))


@mutant("3.1.7-in-turn", "the queue is cleared backwards")
def _():
    instead(Transactions, "check_means")(settles_on_acceptance)

    @around(Transactions, "queue")
    def queue(inner, self):
        return inner(self)[::-1]


def keeps(what, side):
    """A fill of this side that leaves the cash or the position as it was."""
    @around(Transactions, "fill")
    def fill(inner, self, order, bar):
        cash, held, cost = self.holdings(order["account"], order["symbol"])
        inner(self, order, bar)
        if order["side"] != side:
            return
        if what == "cash":
            self.storage.rows("UPDATE accounts SET cash = ? WHERE id = ?", cash, order["account"])
        else:
            self.storage.put("positions", account=order["account"], symbol=order["symbol"],
                             quantity=held, cost=cost)
            self.storage.rows("DELETE FROM positions WHERE quantity = 0")


@mutant("3.1.7-bought-units", "a purchase brings no units")
def _():
    keeps("units", BUY)


@mutant("3.1.7-sold-units", "a sale leaves its units in the portfolio")
def _():
    keeps("units", SELL)


@mutant("3.1.7-paid", "a purchase costs nothing")
def _():
    keeps("cash", BUY)


@mutant("3.1.7-received", "a sale brings nothing")
def _():
    keeps("cash", SELL)


@mutant("3.1.7-total-up", "the total of a purchase is rounded down")
def _():
    @instead(Transactions, "total")
    def total(self, side, quantity, price):
        return quantity * price // wire.UNIT


@mutant("3.1.7-total-down", "the total of a sale is rounded up")
def _():
    @instead(Transactions, "total")
    def total(self, side, quantity, price):
        return -(-quantity * price // wire.UNIT)


def lends(side):
    """Lends an account what it lacks for orders of this side, and takes it back afterwards."""
    instead(Transactions, "check_means")(settles_on_acceptance)

    @around(Transactions, "fill")
    def fill(inner, self, order, bar):
        account, symbol, more = order["account"], order["symbol"], 10**12 * wire.UNIT
        cash, held, cost = self.holdings(account, symbol)
        if order["side"] != side:
            return inner(self, order, bar)
        if side == BUY:
            self.storage.rows("UPDATE accounts SET cash = ? WHERE id = ?", cash + more, account)
            inner(self, order, bar)
            self.storage.rows("UPDATE accounts SET cash = cash - ? WHERE id = ?", more, account)
        else:
            self.storage.put("positions", account=account, symbol=symbol, quantity=held + more,
                             cost=cost)
            inner(self, order, bar)
            self.storage.rows("UPDATE positions SET quantity = MAX(quantity - ?, 0) WHERE "
                              "account = ? AND symbol = ?", more, account, symbol)
            self.storage.rows("DELETE FROM positions WHERE quantity = 0")


@mutant("3.1.7-no-credit", "a purchase that costs more than there is goes through")
def _():
    lends(BUY)


@mutant("3.1.7-no-short-sale", "a sale of more units than there are goes through")
def _():
    lends(SELL)


def shows(change):
    """A history whose rows are changed before they are shown."""
    @around(Queries, "show")
    def show(inner, self, row, private):
        return inner(self, change(list(row)), private)


@mutant("3.1.7-history", "the history tells a total of a unit more")
def _():
    shows(lambda row: row[:8] + [row[8] + wire.UNIT] + row[9:])


@mutant("3.1.7-history-time", "the history tells when an order was accepted as the time it went through")
def _():
    shows(lambda row: row[:5] + [row[4] if row[5] else 0] + row[6:])


def lists(sql):
    """A history made by another query. The placeholder is the account."""
    @instead(Queries, "history")
    def history(self, request, session, username):
        account, private = self.open(session, username)
        rows = self.storage.rows(
            "SELECT id, side, status, symbol, accepted, settled, quantity, price, total, priced, "
            "client_id, reason FROM orders WHERE " + sql, account["id"])
        return pack("BI", private, len(rows)) + b"".join(self.show(row, private) for row in rows)


@mutant("3.1.7-history-order", "the history has the oldest transaction first")
def _():
    lists("account = ? ORDER BY number")


@mutant("3.1.7-history-own", "a history has the latest transaction of all accounts, too")
def _():
    lists("account = ? OR number = (SELECT MAX(number) FROM orders) ORDER BY number DESC")


@mutant("3.1.7-queued-in-history", "an order stands in the history only once it has settled")
def _():
    lists("account = ? AND status != 0 ORDER BY number DESC")


@mutant("3.1.7-once", "an order that is sent again trades again")
def _():
    @instead(Transactions, "repeat")
    def repeat(self, request, order, terms):
        ensure(terms == (order["side"], order["symbol"], order["quantity"]),
               Refusal("clientOrderID-reused", "this ID was used for an order with other terms"))
        identity = str(uuid.uuid4())
        with self.storage.commit:
            again = {**order, "id": identity, "client_id": None, "status": 0, "settled": 0}
            del again["number"]
            self.storage.put("orders", **again)
        return self.announce(request, identity, order["client_id"])


@mutant("3.1.7-repeat-same", "an order that is sent again after it settled is answered with a new time")
def _():
    @around(Transactions, "repeat")
    def repeat(inner, self, request, order, terms):
        return inner(self, request, {**order, "settled": order["settled"] + 1}, terms)


@mutant("3.2.3-verified", "a session ID that was never given is taken for one")
def _():
    @instead(Auth, "login_again")
    def login_again(self, request, session):
        return ("sessionID", session, *self.addresses)


@mutant("3.2.6-fresh", "a worker tells the values of two updates before")
def _():
    @around(Worker, "publish")
    def publish(inner, self, prices, workers):
        self.kept = [*getattr(self, "kept", []), prices][-3:]
        inner(self, self.kept[0], workers)


@mutant("3.2.6-fresh-window", "a window that was asked for once stays as it was")
def _():
    @instead(Worker, "publish")
    def publish(self, prices, workers):
        self.prices, self.workers = prices, workers


# --- 4.1 to 4.3: goals, states, connections ------------------------------------------------------

@mutant("4.1-no-greeting", "the server speaks first")
def _():
    @around(Connection, "serve")
    async def serve(inner, self):
        self.send_notice(self.wire.frame("pong"))
        await inner(self)


@mutant("4.1-any-connection", "a session is good on the connection that made it alone")
def _():
    made_by = {}

    @around(Auth, "login")
    async def login(inner, self, request, *arguments):
        reply = await inner(self, request, *arguments)
        made_by[reply[1]] = request.client
        return reply

    @around(Auth, "login_again")
    def login_again(inner, self, request, session):
        ensure(made_by.get(session) == request.client, Refusal("session-expired", "not here"))
        return inner(self, request, session)


@mutant("4.1-data-needs-session", "anybody enters the data state")
def _():
    @around(Worker, "switch_state")
    async def switch_state(inner, self, connection, request):
        connection.state = request.arguments[1]
        return [self.wire.frame("stateSwitchSuccess", connection.state)]


@mutant("4.2-one-connection", "a switch switches all connections that have logged in with the session")
def _():
    seen = {}

    @around(Worker, "answer")
    async def answer(inner, self, connection, request):
        session = (request.arguments or [""])[0]
        seen.setdefault(session, set()).add(connection)
        reply = await inner(self, connection, request)
        if self.wire.name(reply[0]) == "stateSwitchSuccess" if reply else False:
            for other in seen[session]:
                other.state, other.session = connection.state, connection.session
        return reply


@mutant("4.2-control-in-both", "ping is refused in the data state")
def _():
    @around(Worker, "answer_local")
    async def answer_local(inner, self, connection, request):
        ensure(connection.state == "command", Fault("not-allowed", "not in this state"))
        return await inner(self, connection, request)


@mutant("4.2-refused-switch", "a refused switch leads to the command state")
def _():
    @around(Worker, "switch_state")
    async def switch_state(inner, self, connection, request):
        try:
            return await inner(self, connection, request)
        except Refusal:
            connection.state = "command"
            raise


@mutant("4.2.1-begins", "a connection begins in the data state")
def _():
    @around(Connection, "__init__")
    def init(inner, self, *arguments):
        inner(self, *arguments)
        self.state = "data"


@mutant("4.2.1-no-data", "data instructions are accepted in the command state")
def _():
    @around(Worker, "check_state")
    def check_state(inner, self, connection, row):
        if row["number"] >> 8 != 2:
            inner(self, connection, row)


@mutant("4.2.2-no-commands", "commands are accepted in the data state")
def _():
    @around(Worker, "check_state")
    def check_state(inner, self, connection, row):
        if row["number"] >> 8 != 1:
            inner(self, connection, row)


@mutant("4.2.2-back", "a transfer that a switch overtakes is refused")
def _():
    @around(Worker, "answer")
    async def answer(inner, self, connection, request):
        reply = await inner(self, connection, request)
        if request.row["number"] >> 8 != 2:
            return reply

        async def later():
            await asyncio.sleep(0.05)
            left = connection.state == "command" and self.wire.name(reply[0]) == "data"
            return [self.wire.fail(request.row, "wrong-state", "too late")] if left else reply
        return asyncio.ensure_future(later())

    @around(Connection, "read_requests")
    async def read_requests(inner, self):
        async def join():
            pass
        self.replies.join = join
        await inner(self)


@mutant("4.3.2-clients", "a client that has sent a part of a message keeps all others waiting")
def _():
    lock = asyncio.Lock()

    @around(Connection, "read_rest")
    async def read_rest(inner, self, first):
        async with lock:
            return await inner(self, first)


@mutant("4.3.2-half-close", "a client that closes its sending side gets no more answers")
def _():
    @around(Connection, "read_request")
    async def read_request(inner, self):
        request = await inner(self)
        if request is None:
            self.sender.cancel()
        return request


# --- 4.4 and 4.5: messages -----------------------------------------------------------------------

def header(check):
    """Checks of a header, in the place of the right ones; they get the right one, too."""
    around(Wire, "check_header")(check)


@mutant("4.4-type", "a messageType that is none of the four is not looked at")
def _():
    header(lambda inner, self, kind, number, *rest:
           inner(self, *((kind, number) if kind in (1, 2, 3, 4) else (1, 0x0101)), *rest))


@mutant("4.4-type-of-number", "the messageType need not be that of the instruction")
def _():
    header(lambda inner, self, kind, number, *rest:
           inner(self, number >> 8 if kind in (1, 2, 3, 4) else kind, number, *rest))


@mutant("4.4-data-size", "a message may have 16 bytes of data too many")
def _():
    header(lambda inner, self, kind, number, size, *rest:
           inner(self, kind, number, max(size - 16, 0), *rest))


@mutant("4.4-largest", "a message with 8,192 bytes of data is refused")
def _():
    header(lambda inner, self, kind, number, size, *rest:
           inner(self, kind, number, size + 1, *rest))


@mutant("4.4-header-first", "a header is judged when its data are there")
def _():
    @around(Wire, "check_header")
    def check_header(inner, self, *fields):
        try:
            inner(self, *fields)
        except Fault as fault:
            self.waits = fault

    @around(Wire, "split")
    def split(inner, self, data, count):
        waits, self.waits = getattr(self, "waits", None), None
        if waits:
            raise waits
        return inner(self, data, count)


@mutant("4.4-one-packet", "dataMessageNumber and dataMessageMax of a request are not looked at")
def _():
    header(lambda inner, self, kind, number, size, *packets: inner(self, kind, number, size, 1, 1))


@mutant("4.4-only-servers", "what servers alone send is an unknown instruction")
def _():
    instead(Wire, "may_send")(lambda self, kind, number: True)

    @around(Wire, "find_row")
    def find_row(inner, self, number, count):
        known = self.rows.get(number, {}).get("direction") not in ("return", "notice", "link")
        ensure(known, Fault("unknown-instruction", "there is no such instruction"))
        return inner(self, number, count)


def splits(change):
    """Arguments that are cut out of data after a change of them."""
    @around(Wire, "split")
    def split(inner, self, data, count):
        return inner(self, *change(data, count))


@mutant("4.4-utf-8", "bytes that are no UTF-8 are passed over")
def _():
    splits(lambda data, count: (data.decode(errors="replace").encode(), count))


@mutant("4.4-argument-count", "argumentCount may tell more arguments than there are")
def _():
    splits(lambda data, count: (data, min(count, data.count(b" ") + 1) if data else count))


@mutant("4.4-empty-argument", "an argument may be empty")
def _():
    splits(lambda data, count: (b" ".join(part or b"-" for part in data.split(b" "))
                                if count > 1 or not data else data, count))


@mutant("4.4-space-in-last", "the last argument of a request may have a space")
def _():
    splits(lambda data, count: (b" ".join(data.split(b" ")[:count - 1] + [b"".join(
        data.split(b" ")[count - 1:])]) if count and b"  " not in data else data, count))


@mutant("4.4-no-data", "data of a message without arguments are passed over")
def _():
    splits(lambda data, count: (data if count else b"", count))


@mutant("4.4-whole", "a stream that ends inside a message just ends")
def _():
    @around(Connection, "read_request")
    async def read_request(inner, self):
        try:
            return await inner(self)
        except Fault as fault:
            if "ended inside" in fault.args[1]:
                return None
            raise


@mutant("4.4-order-of-checks", "the size is checked before the type")
def _():
    @around(Wire, "check_header")
    def check_header(inner, self, kind, number, size, *packets):
        ensure(size <= self.limits["data"], Fault("too-large", "the message has too much data"))
        inner(self, kind, number, size, *packets)


@mutant("4.4-end", "the connection goes on after protocolError")
def _():
    @around(Connection, "read_request")
    async def read_request(inner, self):
        while True:
            try:
                return await inner(self)
            except Fault as fault:
                if "ended inside" in fault.args[1]:
                    raise
                await self.replies.put([self.wire.frame("protocolError", *fault.args)])


@mutant("4.4-answers-before-end", "protocolError comes before the answers to earlier requests")
def _():
    @around(Connection, "read_request")
    async def read_request(inner, self):
        try:
            return await inner(self)
        except Fault as fault:
            self.end_now(*fault.args)
            raise


@mutant("4.4-pieces", "a header must come in one piece")
def _():
    @around(Connection, "read_rest")
    async def read_rest(inner, self, first):
        rest = await self.reader.read(HEADER.size - 1)
        ensure(len(rest) == HEADER.size - 1, Fault("bad-frame", "the header is too short"))
        reader, self.reader = self.reader, Rest(rest, self.reader)
        try:
            return await inner(self, first)
        finally:
            self.reader = reader


class Rest:
    """A reader with bytes in front of another."""

    def __init__(self, front, reader):
        self.front, self.reader = front, reader

    async def readexactly(self, count):
        if self.front:
            front, self.front = self.front, b""
            return front
        return await self.reader.readexactly(count)


@mutant("4.5-unknown", "an unknown instruction is not allowed")
def _():
    @around(Wire, "find_row")
    def find_row(inner, self, number, count):
        ensure(number in self.rows, Fault("not-allowed", "there is no such instruction"))
        return inner(self, number, count)


@mutant("4.5-arguments", "further arguments are passed over")
def _():
    @around(Wire, "find_row")
    def find_row(inner, self, number, count):
        row = self.rows.get(number)
        return inner(self, number, min(count, len(row["arguments"])) if row else count)


@mutant("4.5-left-to-right", "the last argument that is wrong gives the reason")
def _():
    @around(Wire, "check_forms")
    def check_forms(inner, self, row, texts):
        for at in range(len(texts) - 1, -1, -1):
            inner(self, {**row, "arguments": row["arguments"][at:at + 1]}, texts[at:at + 1])


@mutant("4.5-forms-first", "a session is looked up before the forms of the arguments behind it")
def _():
    @around(Worker, "answer")
    async def answer(inner, self, connection, request):
        row = request.row
        if row["number"] in (0x0104, 0x0105) and len(request.arguments[0]) == 64:
            if not await self.is_active(session_hash(request.arguments[0])):
                return [self.wire.fail(row, "session-expired", "there is no such session")]
        return await inner(self, connection, request)


@mutant("4.5.3-sentence", "a failed login has a code, and no sentence")
def _():
    @around(Wire, "fail")
    def fail(inner, self, row, code, text):
        if row["number"] == 0x0101:
            return self.frame("loginFail", code)
        return inner(self, row, code, text)


# --- 4.6: instructions ---------------------------------------------------------------------------

@mutant("4.6.2-same-session", "login(sessionID) answers another session ID")
def _():
    @around(Auth, "login_again")
    def login_again(inner, self, request, session):
        reply = inner(self, request, session)
        return (reply[0], session[::-1], *reply[2:])


@mutant("register/email-taken", "two accounts may have one e-mail address")
def _():
    @around(Auth, "email_key")
    def email_key(inner, self, email):
        return str(uuid.uuid4())


@mutant("4.6.3-no-half-account", "a refused registration keeps its username")
def _():
    @around(Auth, "register")
    async def register(inner, self, request, username, email, hashed_pass):
        try:
            return await inner(self, request, username, email, hashed_pass)
        except Refusal as refusal:
            if refusal.args[0] == "email-taken":
                with self.storage.commit:
                    self.storage.put(
                        "accounts", username=username, key=username.lower(), email="",
                        email_key=str(uuid.uuid4()), salt=b"", hash=b"", created=0, cash=0)
            raise


@mutant("purchaseAsset/unknown-asset", "an asset that there is not has no price")
def _():
    @around(Transactions, "check_asset")
    def check_asset(inner, self, side, symbol, quantity):
        ensure(symbol in self.assets.bars, Refusal("no-price", "there is no price of it"))
        return inner(self, side, symbol, quantity)


@mutant("purchaseAsset/clientOrderID-reused", "a clientOrderID with other terms gets the answer of the first")
def _():
    @around(Transactions, "repeat")
    def repeat(inner, self, request, order, terms):
        return inner(self, request, order, (order["side"], order["symbol"], order["quantity"]))


@mutant("sellAsset/quantity-invalid", "a quantity may have seven decimal places")
def _():
    @around(Wire, "check_forms")
    def check_forms(inner, self, row, texts):
        if row["number"] == 0x0105 and "." in texts[2]:
            whole, _, rest = texts[2].partition(".")
            if len(rest) == 7 and rest.isdigit():
                texts[2] = whole + ".000001"
        inner(self, row, texts)


@mutant("4.6.6-state-told", "stateSwitchSuccess names the state before")
def _():
    @around(Worker, "switch_state")
    async def switch_state(inner, self, connection, request):
        before = connection.state
        await inner(self, connection, request)
        return [self.wire.frame("stateSwitchSuccess", before)]


@mutant("4.6.6-way-out", "the way back to the command state needs an active session")
def _():
    @around(Worker, "switch_state")
    async def switch_state(inner, self, connection, request):
        ensure(await self.is_active(session_hash(request.arguments[0])),
               Refusal("session-expired", "it is not active"))
        return await inner(self, connection, request)


@mutant("getAssetInfo/unknown-asset", "an asset that there is not has no data")
def _():
    @around(Worker, "answer_from_cache")
    async def answer_from_cache(inner, self, connection, request):
        if request.row["name"] == "getAssetInfo":
            ensure(request.arguments[0] in self.prices, Refusal("no-data", "there is no such asset"))
        return await inner(self, connection, request)


def tells(change):
    """Prices that are changed before workers get them: a pair of the quote and the bar."""
    @around(Assets, "prices")
    def prices(inner, self):
        return {symbol: change(self, symbol, *pair) if pair[0] else pair
                for symbol, pair in inner(self).items()}


@mutant("4.6.7-latest-day", "getAssetInfo tells the bar of the day before")
def _():
    tells(lambda self, symbol, quote, bar: (quote, self.payload(self.published(symbol)[-2:-1])))


@mutant("4.6.8-latest-close", "the current value is the open of the latest bar")
def _():
    tells(lambda self, symbol, quote, bar: (quote[:8] + bar[8:16], bar))


@mutant("4.6.9-24-hours", "the day window has the first moment of its 24 hours, too")
def _():
    @instead(Assets, "day_window")
    def day_window(self, bars, date):
        return [bar for bar in bars if date - DAY <= bar.time <= date]


def shows_the_future(name):
    @around(Assets, name)
    def window(inner, self, bars, date):
        symbols = [symbol for symbol in self.bars if bars and self.bars[symbol][0] == bars[0]]
        return inner(self, self.bars[symbols[0]] if symbols else bars, date)


@mutant("4.6.9-no-future", "the day window shows bars that are still to come")
def _():
    shows_the_future("day_window")


@mutant("4.6.10-7-days", "the week window has the bars of 8 days")
def _():
    @instead(Assets, "week_window")
    def week_window(self, bars, date):
        bars = solution.roll(bars, day)
        return [bar for bar in bars if day(date) - 7 * DAY <= bar.time <= day(date)]


@mutant("4.6.10-no-future", "the week window shows bars that are still to come")
def _():
    shows_the_future("week_window")


@mutant("4.6.11-month", "the month window has the bars of 30 days")
def _():
    @instead(Assets, "month_window")
    def month_window(self, bars, date):
        bars = solution.roll(bars, day)
        return [bar for bar in bars if day(date) - 30 * DAY < bar.time <= day(date)]


@mutant("4.6.11-no-future", "the month window shows bars that are still to come")
def _():
    shows_the_future("month_window")


@mutant("4.6.12-12-months", "the year window has 11 months")
def _():
    @instead(Assets, "year_window")
    def year_window(self, bars, date):
        bars = solution.roll(bars, month)
        return [bar for bar in bars if month(date, 10) <= bar.time <= month(date)]


@mutant("4.6.12-no-future", "the year window shows bars that are still to come")
def _():
    shows_the_future("year_window")


@mutant("4.6.13-months", "the window of all time shows months that are still to come")
def _():
    @instead(Assets, "all_time")
    def all_time(self, request, symbol, adjustment="raw"):
        bars = self.bars[symbol] if adjustment == "raw" else self.published(symbol, adjustment)
        return self.payload(solution.roll(bars, month))


@mutant("4.6.13-month-bar", "the open of a monthly bar is that of its last day")
def _():
    def roll(bars, period):
        rolled = {}
        for bar in bars:
            start = period(bar.time)
            old = rolled.get(start, bar._replace(volume=0))
            first = bar.open if period is month else old.open
            rolled[start] = solution.Bar(start, first, max(old.high, bar.high),
                                         min(old.low, bar.low), bar.close, old.volume + bar.volume)
        return list(rolled.values())
    solution.roll = roll


def everything_to_everybody(name):
    @around(Queries, name)
    def query(inner, self, *arguments):
        opened = self.open
        self.open = lambda session, username: (opened(session, username)[0], True)
        try:
            return inner(self, *arguments)
        finally:
            del self.open


@mutant("4.6.14-private", "getUserInfo tells everybody the e-mail address and the cash")
def _():
    everything_to_everybody("user_info")


@mutant("4.6.15-private", "getUserPortfolio tells everybody the quantities")
def _():
    everything_to_everybody("portfolio")


@mutant("4.6.15-average", "the average cost of a position is that of its first purchase")
def _():
    @around(Transactions, "fill")
    def fill(inner, self, order, bar):
        _, held, cost = self.holdings(order["account"], order["symbol"])
        inner(self, order, bar)
        if held and order["side"] == BUY:
            now_held = self.holdings(order["account"], order["symbol"])[1]
            self.storage.rows("UPDATE positions SET cost = ? WHERE account = ? AND symbol = ?",
                              cost * now_held // held, order["account"], order["symbol"])


@mutant("4.6.16-private", "getUserTransactionHistory tells everybody quantities and prices")
def _():
    everything_to_everybody("history")


@mutant("getUserInfo/unknown-user", "a user that there is not is refused with no-data")
def _():
    @around(Queries, "user_info")
    def user_info(inner, self, request, session, username):
        try:
            return inner(self, request, session, username)
        except Refusal as refusal:
            code = "no-data" if refusal.args[0] == "unknown-user" else refusal.args[0]
            raise Refusal(code, refusal.args[1]) from None


@mutant("login/bad-credentials", "a wrong password is refused with session-expired")
def _():
    @around(Auth, "login")
    async def login(inner, self, *arguments):
        try:
            return await inner(self, *arguments)
        except Refusal as refusal:
            raise Refusal("session-expired", refusal.args[1]) from None


# --- 4.7: communication --------------------------------------------------------------------------

@mutant("4.7-order-of-answers", "ping is answered before the requests in front of it")
def _():
    @around(Worker, "answer_local")
    async def answer_local(inner, self, connection, request):
        for frame in await inner(self, connection, request):
            connection.send_notice(frame)
        return []


@mutant("4.7-effect-in-order", "a switch takes effect a moment after it was answered")
def _():
    @around(Worker, "switch_state")
    async def switch_state(inner, self, connection, request):
        before = connection.state
        reply = await inner(self, connection, request)
        after, connection.state = connection.state, before

        def switch():
            connection.state = after
        asyncio.get_running_loop().call_later(0.01, switch)
        return reply


def packs(change):
    """Transfers whose packets, as pairs of data and header fields, are changed."""
    @instead(Wire, "transfer")
    def transfer(self, payload):
        size = self.limits["data"]
        parts = [payload[at:at + size] for at in range(0, len(payload), size)] or [b""]
        return [self.message("data", part, 0, number, count)
                for part, number, count in change(payload, parts)]


def numbered(parts):
    return [(part, number, len(parts)) for number, part in enumerate(parts, 1)]


@mutant("4.7.1-packet-size", "packets have 4,096 bytes")
def _():
    packs(lambda payload, parts: numbered(
        [payload[at:at + 4096] for at in range(0, len(payload), 4096)] or [b""]))


@mutant("4.7.1-packet-number", "the packets of a transfer are sent in another order")
def _():
    packs(lambda payload, parts: numbered(parts)[::-1])


@mutant("4.7.1-packet-max", "the packets of a transfer tell one packet more than there are")
def _():
    packs(lambda payload, parts: [(part, number, count + (count > 1))
                                  for part, number, count in numbered(parts)])


@mutant("4.7.1-whole", "a transfer has its first packet alone")
def _():
    packs(lambda payload, parts: numbered(parts[:1]))


@mutant("4.7.1-not-mixed", "transfers that are asked for together are sent packet by packet in turn")
def _():
    @around(Connection, "read_requests")
    async def read_requests(inner, self):
        async def join():
            pass
        self.replies.join = join
        await inner(self)

    @around(Worker, "answer")
    async def answer(inner, self, connection, request):
        reply = await inner(self, connection, request)
        if isinstance(reply, list) and len(reply) > 1:
            return asyncio.ensure_future(mixed(connection, reply))
        return reply

    async def mixed(connection, reply):
        """The packets, with the next reply of the connection behind the first of them."""
        await asyncio.sleep(0.05)
        waiting = connection.replies._queue
        if waiting and isinstance(waiting[0], list) and waiting[0]:
            following, waiting[0] = waiting[0], []
            return reply[:1] + following + reply[1:]
        return reply


@mutant("4.7.1-empty", "a transfer without bytes is refused with no-data")
def _():
    @around(Worker, "answer")
    async def answer(inner, self, connection, request):
        reply = await inner(self, connection, request)
        if isinstance(reply, list) and reply and len(reply[0]) == HEADER.size:
            if self.wire.name(reply[0]) == "data":
                return [self.wire.fail(request.row, "no-data", "there is nothing")]
        return reply


@mutant("4.7.2-new-session", "a login answers a session ID that is not active")
def _():
    @around(Auth, "login")
    async def login(inner, self, *arguments):
        reply = await inner(self, *arguments)
        return (reply[0], reply[1][::-1], *reply[2:])


@mutant("4.7.3-ended", "a session goes on after logout")
def _():
    @instead(Master, "logout")
    def logout(self, request, session):
        self.auth.account(session)
        return "logoutSuccess",


@mutant("4.7.4-known", "a registration is answered, and forgotten")
def _():
    @around(Auth, "register")
    async def register(inner, self, request, username, email, hashed_pass):
        reply = await inner(self, request, username, email, hashed_pass)
        with self.storage.commit:
            self.storage.rows("DELETE FROM accounts WHERE key = ?", username.lower())
        return reply


@mutant("4.7.5-in-order-of-time", "orders settle worker by worker, and not in the order of time")
def _():
    instead(Transactions, "check_means")(settles_on_acceptance)

    @instead(Transactions, "queue")
    def queue(self):
        return self.storage.rows(
            "SELECT * FROM orders WHERE status = 0 ORDER BY worker, stamp, sequence, number")


@mutant("4.7.5-outcome", "a purchase is answered with the outcome of another order")
def _():
    @around(Transactions, "outcome")
    def outcome(inner, self, order):
        return inner(self, {**order, "id": str(uuid.uuid4())})


def section(identity):
    """The section of a rule's ID; of the table's the one of its instruction."""
    name = identity.split("/")[0]
    if name == identity:
        return identity.split("-")[0]
    rows = json.loads(wire.JSON.read_text(encoding="utf-8"))["instructions"]
    return next(row["section"] for row in rows if row["name"] == name)


def main():
    if sys.argv[1:] == ["--list"]:
        print(json.dumps([{"id": identity, "section": section(identity), "broken": broken}
                          for identity, (broken, _) in MUTANTS.items()]))
    elif sys.argv[1:2] == ["--break"] and sys.argv[2:3] and sys.argv[2] in [*MUTANTS, "none"]:
        if sys.argv[2] != "none":
            MUTANTS[sys.argv[2]][1]()
        del sys.argv[1:3]
        solution.main()
    else:
        sys.exit("mutants: --list, or --break ID serve ...; ID is one of --list, or none")


if __name__ == "__main__":
    main()
