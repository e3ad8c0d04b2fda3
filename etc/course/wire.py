"""The wire of PaperTrader [4.4 to 4.6], for both programs of the reference solution.

The tables of instructions, arguments and limits are not repeated here: they are read from the
description of the protocol, spec/wire/papertrader.json. Money and quantities are whole millionths,
times are milliseconds since 1970. Numbers in brackets are sections of the specification.
"""
import datetime, hashlib, json, pathlib, re, struct, time, unicodedata
from decimal import Decimal

JSON = pathlib.Path(__file__).resolve().parents[2] / "spec/wire/papertrader.json"
EDITION = 1
UNIT, DAY = 1_000_000, 86_400_000
EPOCH = datetime.date(1970, 1, 1).toordinal()
HEADER = struct.Struct(">BHIHII")


class Fault(Exception):
    """A message that breaks the protocol [4.4]: code and sentence of the protocolError."""


class Refusal(Exception):
    """A request that is refused [4.6.17]: code and sentence of its Fail."""


def ensure(condition, error):
    if not condition:
        raise error


def now():
    return time.time_ns() // 1_000_000


def parse_time(text):
    """No market is older than the year 4, Python's first leap year."""
    parts = [int(part) for part in re.findall("[0-9]+", text)] + [0] * 4
    days = datetime.date(max(parts[0], 4), *parts[1:3]).toordinal() - EPOCH
    return days * DAY + sum(a * b for a, b in zip(parts[3:], (3_600_000, 60_000, 1_000, 1)))


def show_time(value):
    date = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=value)
    return date.isoformat(timespec="milliseconds") + "Z"


def parse_number(text):
    return int(Decimal(text).scaleb(6).to_integral_value())  # halves to even


def show_number(value):
    return f"{value // UNIT}.{value % UNIT:06}".rstrip("0").rstrip(".")


def day(value):
    return value - value % DAY


def month(value, back=0):
    """The first day of a time's month, or of a month so many months before."""
    date = datetime.date.fromordinal(EPOCH + value // DAY)
    year, index = divmod(date.year * 12 + date.month - 1 - back, 12)
    return (datetime.date(year, index + 1, 1).toordinal() - EPOCH) * DAY


def session_hash(text):
    return hashlib.sha256(bytes.fromhex(text)).digest()


def pack(form, *values):
    """A payload [4.7.1]: numbers by the letters of `struct`, `s` for a text behind its length."""
    values = (value.encode() if isinstance(value, str) else value for value in values)
    return b"".join(struct.pack(">H", len(value)) + value if kind == "s"
                    else struct.pack(">" + kind, value) for kind, value in zip(form, values))


class Wire:
    """Messages, by the tables of the description of the protocol. It knows no connection."""

    def __init__(self, path=JSON):
        known = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        rows, self.types = known["instructions"], known["argumentTypes"]
        self.rows = {row["number"]: row for row in rows if row["edition"] <= EDITION}
        self.numbers = {row["name"]: row["number"] for row in rows}
        self.names = {row["number"]: row["name"] for row in rows}
        self.limits = {limit["name"]: limit["value"] for limit in known["limits"]}

    def message(self, name, data=b"", count=0, packet=1, packets=1):
        number = self.numbers[name]
        return HEADER.pack(number >> 8, number, len(data), count, packet, packets) + data

    def frame(self, name, *arguments):
        return self.message(name, " ".join(arguments).encode(), len(arguments))

    def fail(self, row, code, text):
        name = next(answer["name"] for answer in row["answers"] if answer["outcome"] == "failure")
        return self.frame(name, code, text)

    def transfer(self, payload):
        """The packets of a payload [4.7.1]: each is full but the last, which may be empty."""
        size = self.limits["data"]
        parts = [payload[at:at + size] for at in range(0, len(payload), size)] or [b""]
        return [self.message("data", part, 0, packet, len(parts))
                for packet, part in enumerate(parts, 1)]

    def name(self, frame):
        return self.names[HEADER.unpack_from(frame)[1]]

    def check_header(self, kind, number, size, packet, packets):
        """What can be checked before the data are there, in the order of the page of frames."""
        ensure(1 <= kind <= 4 and number >> 8 == kind, Fault("bad-frame", "the type is wrong"))
        ensure(size <= self.limits["data"], Fault("too-large", "the message has too much data"))
        ensure(packet == packets == 1, Fault("bad-frame", "a request is one packet of one"))
        ensure(self.may_send(kind, number), Fault("not-allowed", "no client may send this"))

    def may_send(self, kind, number):
        is_servers = self.rows.get(number, {}).get("direction") in ("return", "notice")
        return kind != 3 and not is_servers and not 0x0410 <= number <= 0x04FF

    def split(self, data, count):
        """The arguments of a request [4.5]."""
        try:
            texts = data.decode().split(" ", count - 1) if count else []
        except UnicodeDecodeError:
            raise Fault("bad-frame", "the arguments are not UTF-8") from None
        is_whole = len(texts) == count and "" not in texts and (count > 0 or not data)
        ensure(is_whole and " " not in "".join(texts[-1:]),
               Fault("bad-frame", "the arguments do not fit their count"))
        return texts

    def find_row(self, number, count):
        row = self.rows.get(number)
        ensure(row, Fault("unknown-instruction", f"there is no instruction {number:04X}"))
        least = sum("optional" not in argument for argument in row["arguments"])
        ensure(least <= count <= len(row["arguments"]),
               Fault("argument-count", f"{row['name']} does not have {count} arguments"))
        return row

    def check_forms(self, row, texts):
        """The first argument from the left that does not have its form gives the reason."""
        for argument, text in zip(row["arguments"], texts):
            about = f"{argument['name']} must be: {self.types[argument['type']]['about']}"
            ensure(self.has_form(argument["type"], text), Refusal(argument["reason"], about))

    def has_form(self, kind, text):
        form, unseen = self.types[kind], ("Cc", "Cf", "Cn", "Co", "Cs")
        return (re.fullmatch(form["pattern"], text) and len(text) >= form.get("minLength", 0)
                and len(text) <= form.get("maxLength", len(text))
                and ("exclusiveMinimum" not in form or Decimal(text) > form["exclusiveMinimum"])
                and (kind != "Email" or all(unicodedata.category(c) not in unseen for c in text)))
