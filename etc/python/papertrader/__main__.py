"""The command line: `python -m papertrader quote AAPL`.

Exit codes are those of the program papertrader: 0 done; 1 failed on this machine, or in part; 2 a
bad command line; 3 no server could be reached; 4 not logged in, or the session has ended; 5 the
server refused; 6 an order was sent and its outcome is unknown.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import getpass
import json
import os
import sys
from decimal import Decimal
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence

from . import __version__
from .calls import WINDOWS, Fill, Placed
from .client import Client
from .core import fresh_key
from .errors import (
    BadArgument,
    ConnectionProblem,
    NotLoggedIn,
    OutcomeUnknown,
    PaperTraderError,
    Refused,
    SessionEnded,
    StillOpen,
)

DONE, FAILED, BAD_LINE, UNREACHABLE, NOT_LOGGED_IN, REFUSED, UNKNOWN = range(7)


class Local(PaperTraderError):
    """Something on this machine."""


class Unwritten(Local):
    """Standard output takes nothing: a full disk, say."""

    def __init__(self, error: OSError, more: str = "") -> None:
        super().__init__(f"cannot write the output: {error.strerror or error}{more}")


class Interrupted(OutcomeUnknown):
    """Ctrl-C while an order was on its way."""

    def __init__(self, key: str) -> None:
        PaperTraderError.__init__(
            self,
            f"interrupted: order {key} may have been sent, and may still settle; see `transactions`, or "
            f"repeat it with --key {key}, under which it does not trade twice",
        )
        self.client_order_id = key


class BadLine(PaperTraderError):
    """A command line that says too little, or what does not go together."""


def exit_code(error: PaperTraderError) -> int:
    """The exit code that an error ends with."""
    if isinstance(error, (OutcomeUnknown, StillOpen)):
        return UNKNOWN
    if isinstance(error, (SessionEnded, NotLoggedIn)):
        return NOT_LOGGED_IN
    if isinstance(error, Refused):
        return REFUSED
    if isinstance(error, ConnectionProblem):
        return UNREACHABLE
    return BAD_LINE if isinstance(error, (BadArgument, BadLine)) else FAILED


def error_code(error: PaperTraderError) -> str:
    """The code of an error for programs: the server's reason, or a word of our own."""
    if isinstance(error, Refused):
        return error.code
    if isinstance(error, (OutcomeUnknown, StillOpen)):
        return "outcome-unknown"
    if isinstance(error, NotLoggedIn):
        return "not-logged-in"
    return "unreachable" if isinstance(error, ConnectionProblem) else "local"


def shown(value: Any) -> str:
    """A value as people read it. What could steer a terminal is escaped."""
    if value is None:
        return "-"
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime.timedelta):
        return f"{value.total_seconds():g} s"
    if isinstance(value, tuple):
        return ", ".join(shown(item) for item in value)
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in str(value))


def as_json(value: Any) -> Any:
    """A value as JSON has it: amounts as texts, times as RFC 3339 in UTC with milliseconds."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    if isinstance(value, datetime.timedelta):
        return round(value.total_seconds() * 1000)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: as_json(getattr(value, field.name)) for field in fields}
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, (list, tuple)) else value


class Screen:
    """Standard output: tables for people, or JSON for programs."""

    def __init__(self, is_json: bool) -> None:
        self.is_json = is_json

    def json(self, value: Any) -> None:
        print(json.dumps(as_json(value), ensure_ascii=True), flush=True)

    def table(self, heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        lines = [tuple(heading)] + [tuple(shown(cell) for cell in row) for row in rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths))
            print("  ".join(cells).rstrip())

    def show(self, value: Any, heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        if self.is_json:
            self.json(value)
        else:
            self.table(heading, rows)


Command = Callable[[Client, argparse.Namespace, Screen], int]


def register(client: Client, line: argparse.Namespace, screen: Screen) -> int:
    client.register(line.name, line.email, new_password(line))
    if screen.is_json:
        screen.json({"username": line.name, "server": client.server_address})
    else:
        print(f"{line.name} is registered")
    return DONE


def server(client: Client, line: argparse.Namespace, screen: Screen) -> int:
    told = client.server()
    value = {"server": client.server_address, **as_json(told)}
    value["update_interval_ms"] = value.pop("update_interval")
    value["wire"] = 1
    rows = [(name.replace("_", " "), item) for name, item in vars_of(told).items()]
    screen.show(value, ("fact", "value"), [(name, item) for name, item in rows if item is not None])
    return DONE


def vars_of(record: Any) -> Dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def assets(client: Client, line: argparse.Namespace, screen: Screen) -> int:
    symbols = client.assets()
    screen.show(symbols, ("symbol",), [(symbol,) for symbol in symbols])
    return DONE


def quote(client: Client, line: argparse.Namespace, screen: Screen) -> int:
    found: List[Dict[str, Any]] = []
    for symbol in line.symbols:
        try:
            price = client.quote(symbol.upper())
            found.append({**vars_of(price), "reason": None})
        except Refused as error:
            if isinstance(error, SessionEnded) or len(line.symbols) == 1:
                raise
            empty = {"symbol": symbol.upper(), "value": None, "time": None}
            found.append({**empty, "reason": error.code})
    rows = [(row["symbol"], row["value"] or row["reason"], row["time"]) for row in found]
    screen.show(found, ("symbol", "value", "market time (UTC)"), rows)
    return FAILED if any(row["reason"] for row in found) else DONE


def history(client: Client, line: argparse.Namespace, screen: Screen) -> int:
    symbol = line.symbol.upper()
    bars = client.history(symbol, line.window, line.date, line.adjusted)
    value = {
        "symbol": symbol,
        "window": line.window,
        "date": line.date,
        "adjusted": line.adjusted,
        "bars": list(bars),
    }
    heading = ("time (UTC)", "open", "high", "low", "close", "volume")
    rows = [(bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars]
    screen.show(value, heading, rows)
    return DONE


def watch(client: Client, line: argparse.Namespace, screen: Screen) -> int:
    left = line.count
    with client.quotes(*[symbol.upper() for symbol in line.symbols]) as prices:
        while left is None or left > 0:
            price = prices.next()
            if price is None:
                break
            if screen.is_json:
                screen.json(price)
            else:
                print(shown(price.time), shown(price.symbol), shown(price.value), flush=True)
            left = None if left is None else left - 1
    return DONE


def trade(client: Client, line: argparse.Namespace, screen: Screen) -> int:
    symbol, kind = line.symbol.upper(), "trailing" if line.trail is not None else None
    is_market = line.limit is None and line.stop is None and line.trail is None
    if line.trail is not None and (line.limit is not None or line.stop is not None):
        raise BadLine("--trail does not go together with --limit or --stop")
    # Made here, so that it can be told when the order is interrupted.
    key: str = fresh_key() if line.key is None else line.key
    try:
        done = send_order(client, line, symbol, kind, is_market, key)
    except KeyboardInterrupt:
        raise Interrupted(key) from None
    show_order(client, line.side, symbol, line.quantity, done, screen)
    return DONE


def send_order(
    client: Client,
    line: argparse.Namespace,
    symbol: str,
    kind: Optional[str],
    is_market: bool,
    key: str,
) -> Any:
    """Places the order of a command line, and follows it where it is told to."""
    done: Any
    if is_market and line.wait and line.tif == "gtc":
        if line.side == "buy":
            done = client.buy(symbol, line.quantity, key=key)
        else:
            done = client.sell(symbol, line.quantity, key=key)
    else:
        stop = line.stop if line.trail is None else line.trail
        done = client.place(
            line.side,
            symbol,
            line.quantity,
            kind=kind,
            limit=line.limit,
            stop=stop,
            time_in_force=line.tif,
            key=key,
        )
        if line.wait and is_market:
            try:
                done = client.wait(done.transaction_id)
            except ConnectionProblem as error:
                raise StillOpen(done.transaction_id, key, str(error)) from error
    return done


def show_order(
    client: Client, side: str, symbol: str, quantity: str, done: Any, screen: Screen
) -> None:
    is_fill = isinstance(done, Fill)
    value = {
        "account": client.username,
        "status": "settled" if is_fill else done.status,
        "transaction": done.transaction_id,
        "order_id": done.client_order_id,
        "side": side,
        "symbol": symbol,
        "quantity": done.quantity if is_fill else quantity,
        "price": done.price if is_fill else None,
        "total": done.total if is_fill else None,
        "settled": done.time if is_fill else None,
    }
    verb = "bought" if side == "buy" else "sold"
    if is_fill:
        amounts = f"{shown(done.quantity)} {symbol} at {shown(done.price)}"
        text = f"{verb} {amounts}, {shown(done.total)} in all"
    else:
        text = f"{done.status}: {side} {quantity} {symbol}, order {done.transaction_id}"
    try:
        if screen.is_json:
            screen.json(value)
        else:
            print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritten(error, f"; the order is done: {text}") from error


def orders(client: Client, line: argparse.Namespace, screen: Screen) -> int:
    rows = client.open_orders()
    heading = ("order", "status", "side", "symbol", "quantity", "kind", "limit", "stop")
    screen.show(
        {"account": client.username, "orders": list(rows)},
        heading,
        [
            (
                row.id,
                row.status,
                row.side,
                row.symbol,
                row.quantity,
                row.order.kind,
                row.order.limit,
                row.order.stop or (row.order.stop_percent and f"{row.order.stop_percent}%"),
            )
            for row in rows
        ],
    )
    return DONE


def cancel(client: Client, line: argparse.Namespace, screen: Screen) -> int:
    client.cancel(line.id)
    if screen.is_json:
        screen.json({"account": client.username, "cancelled": [line.id]})
    else:
        print(f"cancelled {line.id}")
    return DONE


def portfolio(client: Client, line: argparse.Namespace, screen: Screen) -> int:
    found = client.portfolio(line.of)
    name = line.of or client.username
    value = {"account": client.username, "username": name, **as_json(found)}
    if value["cash"] is None:
        del value["cash"]
    for position in value["positions"]:
        if "share" in position:
            position["share_percent"] = format(Decimal(position.pop("share")) / 100, "f")
    if screen.is_json:
        screen.json(value)
        return DONE
    if found.cash is not None:
        print(f"cash {shown(found.cash)}")
    if value["positions"]:
        heading = [name.replace("_", " ") for name in value["positions"][0]]
        screen.table(heading, [list(position.values()) for position in value["positions"]])
    return DONE


def transactions(client: Client, line: argparse.Namespace, screen: Screen) -> int:
    rows = client.transactions(line.of, line.limit)
    value = {
        "account": client.username,
        "username": line.of or client.username,
        "transactions": rows.to_dicts(),
    }
    heading = ("accepted (UTC)", "side", "status", "symbol", "quantity", "price", "total", "id")
    screen.show(
        value,
        heading,
        [
            (r.accepted, r.side, r.status, r.symbol, r.quantity, r.price, r.total, r.id)
            for r in rows
        ],
    )
    return DONE


def count_of(text: str) -> int:
    """A number of things, from 1."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="papertrader",
        description="Practise investing with play money.",
        epilog="Exit codes: 0 done, 1 failed, 2 bad command line, 3 no server reached, 4 not logged"
        " in, 5 refused, 6 the outcome of an order is unknown.",
    )
    made.add_argument("--version", action="version", version=__version__)
    add = made.add_argument
    add(
        "--server",
        action="append",
        metavar="HOST:PORT",
        help="a worker; repeat it or join several by commas; $PAPERTRADER_SERVER, 127.0.0.1:2049",
    )
    add(
        "--user",
        metavar="NAME",
        default=os.environ.get("PAPERTRADER_USER"),
        help="the account; $PAPERTRADER_USER",
    )
    add("--password-stdin", action="store_true", help="read the password from standard input")
    add(
        "--token-file",
        metavar="FILE",
        help="a file with a token in place of a password; $PAPERTRADER_TOKEN is one itself",
    )
    add("--json", action="store_true", help="print JSON")
    add("--plain", action="store_true", help="no TLS, to no server")
    add("--ca", metavar="FILE", help="certificates that are trusted besides the system's")
    add(
        "--timeout",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="for a connection or an answer; 10",
    )
    add("--patience", type=float, default=30.0, metavar="SECONDS",
        help="for how long it is tried again when a worker is lost; 30")  # fmt: skip
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, function: Command, about: str, session: bool = True) -> Any:
        sub = commands.add_parser(name, help=about, description=about)
        sub.set_defaults(function=function, session=session)
        return sub

    one = command("register", register, "make an account", session=False)
    one.add_argument("name")
    one.add_argument("email")
    command("server", server, "what the server tells of itself", session=False)
    command("assets", assets, "the symbols of all assets")
    one = command("quote", quote, "latest prices")
    one.add_argument("symbols", nargs="+", metavar="SYMBOL")
    one = command("history", history, "past prices")
    one.add_argument("symbol")
    one.add_argument("window", nargs="?", choices=WINDOWS, default="month")
    one.add_argument("--date", help="the window's end, in market time: 2013-03-01")
    one.add_argument("--adjusted", action="store_true", help="adjusted for splits and dividends")
    one = command("watch", watch, "prices as they change, until Ctrl-C")
    one.add_argument("symbols", nargs="*", metavar="SYMBOL")
    one.add_argument("--count", type=count_of, metavar="N", help="stop after N prices")
    for side in ("buy", "sell"):
        one = command(side, trade, f"{side} at the market, or at a price")
        one.set_defaults(side=side)
        one.add_argument("symbol")
        one.add_argument("quantity")
        one.add_argument("--limit", metavar="PRICE")
        one.add_argument("--stop", metavar="PRICE")
        one.add_argument("--trail", metavar="DISTANCE", help="money, or 5%%")
        one.add_argument("--tif", default="gtc", help="gtc, day, a day or a time, in market time")
        one.add_argument("--key", help="the order's own ID: the same key never trades twice")
        one.add_argument("--no-wait", dest="wait", action="store_false",
                         help="return once the order is on the server's disk")  # fmt: skip
    command("orders", orders, "orders that have no outcome yet")
    one = command("cancel", cancel, "cancel an order")
    one.add_argument("id")
    one = command("portfolio", portfolio, "cash and positions")
    one.add_argument("--of", metavar="USER", help="what everybody may see of another account")
    one = command("transactions", transactions, "the history")
    one.add_argument("--of", metavar="USER")
    one.add_argument("--limit", type=count_of, metavar="N")
    return made


def read_password(line: argparse.Namespace, prompt: str) -> str:
    if line.password_stdin:
        try:
            given = sys.stdin.buffer.readline().decode(sys.stdin.encoding)
        except UnicodeDecodeError:
            raise Local(f"the password is no text in {sys.stdin.encoding.upper()}") from None
        text = given.rstrip("\n").rstrip("\r")
    elif sys.stdin.isatty():
        text = asked_password(prompt)
    else:
        raise NotLoggedIn(
            "not logged in: --password-stdin, --token-file or PAPERTRADER_TOKEN say who you are"
        )
    if not text:
        raise Local("the password is empty")
    return text


def asked_password(prompt: str) -> str:
    """What somebody types at the terminal."""
    try:
        return getpass.getpass(prompt)
    except EOFError:
        print(file=sys.stderr)  # The prompt's line has no end.
        raise NotLoggedIn("not logged in: no password was given") from None


def new_password(line: argparse.Namespace) -> str:
    password = read_password(line, "New password: ")
    if not line.password_stdin and asked_password("The same again: ") != password:
        raise Local("the two passwords differ")
    return password


def log_in(client: Client, line: argparse.Namespace) -> bool:
    """Gets a session. Whether it is ours alone, and is to be ended."""
    token: Optional[str] = os.environ.get("PAPERTRADER_TOKEN")
    if line.token_file is not None:
        try:
            with open(line.token_file, encoding="ascii") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise Local(
                        f"{line.token_file}: others can read it: chmod 600 {line.token_file}"
                    )
                token = file.readline().strip()
        except (OSError, ValueError) as error:
            raise Local(
                f"{line.token_file}: {getattr(error, 'strerror', None) or error}"
            ) from error
    if line.user is None:
        raise BadLine("--user NAME is needed: whose account it is")
    if token:
        client.resume(line.user, token)
        return False
    password = read_password(line, f"Password of {line.user}: ")
    client.login(line.user, password)
    return True


def run(line: argparse.Namespace, screen: Screen) -> int:
    named = line.server or [os.environ.get("PAPERTRADER_SERVER") or "127.0.0.1:2049"]
    servers = [server for text in named for server in text.split(",")]
    tls = False if line.plain else None
    if line.plain and line.ca:
        raise BadLine("--plain and --ca do not go together")
    with Client(
        *servers, tls=tls, ca=line.ca, timeout=line.timeout, patience=line.patience
    ) as client:
        is_ours = log_in(client, line) if line.session else False
        try:
            code: int = line.function(client, line, screen)
            return code
        finally:
            if is_ours:
                # A second Ctrl-C gives up the logout, and not what is to be told.
                with contextlib.suppress(PaperTraderError, KeyboardInterrupt):
                    client.logout()


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs a command line; returns the exit code."""
    line = parser().parse_args(arguments)
    screen = Screen(line.json)
    try:
        try:
            code = run(line, screen)
            sys.stdout.flush()
            return code
        except PaperTraderError as error:
            return tell(error, line, screen)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read has gone; nothing more is to be said, at exit neither.
        mute_output()
        return DONE
    except OSError as error:
        return tell(Unwritten(error), line, screen)


def tell(error: PaperTraderError, line: argparse.Namespace, screen: Screen) -> int:
    """Tells an error, and returns the exit code that it ends with."""
    print(f"papertrader: {shown(error)}", file=sys.stderr)
    if isinstance(error, Unwritten):
        mute_output()
    elif line.json:
        try:
            screen.json({"error": {"code": error_code(error), "text": str(error)}})
        except OSError:
            mute_output()
    return exit_code(error)


def mute_output() -> None:
    """Lets what was printed and could not be written go nowhere, at exit too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
