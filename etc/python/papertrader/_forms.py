"""Forms of values: what the bytes and texts of the wire become, and what is refused.

The generated codec (wire.py) is made of what stands here. Nothing here does I/O.
"""

from __future__ import annotations

import datetime
import re
import sys
import uuid
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Callable, Optional, Tuple, TypeVar, Union

from .errors import BadArgument, Nonsense

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_options: Any) -> Callable[[Any], Any]:
        return lambda function: function


T = TypeVar("T")

_SLOTS = {"slots": True} if sys.version_info >= (3, 10) else {}


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Makes a class a frozen dataclass; with slots, where this Python knows them (3.10)."""
    return dataclass(frozen=True, **_SLOTS)(cls)


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

#: Units, money, prices: as an argument of a call. A float is refused: it is not exact.
Number = Union[Decimal, int, str]

#: A moment, as an argument of a call: a datetime with its zone, a day in UTC, or the text of one.
When = Union[datetime.datetime, datetime.date, str]


@record
class ArgumentType:
    """The form of an argument's text: see `argumentTypes` in papertrader.json."""

    name: str
    about: str
    pattern: Optional[str] = None
    min_length: int = 0
    max_length: Optional[int] = None
    exclusive_minimum: Optional[int] = None
    maximum: Optional[int] = None
    none: Optional[str] = None

    def fits(self, text: str) -> bool:
        """Whether a text has this form; what is no text has none."""
        if not isinstance(text, str):
            return False
        if self.pattern is not None and not _compiled(self.pattern).fullmatch(text):
            return False
        if len(text) < self.min_length or len(text) > (self.max_length or sys.maxsize):
            return False
        if self.exclusive_minimum is None and self.maximum is None or text == self.none:
            return True
        try:
            number = Decimal(text)
        except InvalidOperation:
            return False
        return (self.exclusive_minimum is None or number > self.exclusive_minimum) and (
            self.maximum is None or number <= self.maximum
        )


_patterns: dict[str, re.Pattern[str]] = {}


def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern not in _patterns:
        _patterns[pattern] = re.compile(pattern)
    return _patterns[pattern]


@record
class Argument:
    """An argument of a request or of a message: its name on the wire, and its form."""

    name: str
    type: ArgumentType
    optional: bool = False
    repeated: bool = False
    last: bool = False

    @property
    def parameter(self) -> str:
        """Its name in Python: `time_in_force`, not `timeInForce`."""
        if self.type.name == "Symbol":
            return "symbol"
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).lower()


@record
class Instruction:
    """A row of the table of instructions that a client may send."""

    name: str
    number: int
    #: The edition of the protocol that brought it.
    edition: int
    #: States in which it is accepted.
    states: Tuple[str, ...]
    arguments: Tuple[Argument, ...]
    #: Names of the answers that say success, and of the one that refuses.
    successes: Tuple[str, ...]
    failure: Optional[str] = None
    #: The layout of the payload, where the answer is one.
    payload: Optional[str] = None

    def request(self, *texts: Optional[str]) -> Request:
        """A request with these arguments, each compared with its form.

        None: left out, which the last ones can be that are optional.
        """
        given: list[str] = []
        is_left_out = False
        for argument, text in zip(self.arguments, texts):
            if text is None and argument.optional:
                is_left_out = True
                continue
            if text is None or is_left_out or not argument.type.fits(text) or not is_utf8(text):
                # A text behind one that is left out would be taken for that one.
                wrong = None if text is None else str(text)
                raise BadArgument(argument.parameter, wrong, argument.type.about)
            given.append(text)
        return Request(self, tuple(given))


@record
class Request:
    """A request that is ready to be sent: made by a function of `papertrader.wire`.

    Its representation hides its arguments: sessions and hashed passwords are among them.
    """

    instruction: Instruction
    texts: Tuple[str, ...] = field(repr=False)


# What the argument of a request is made of.


def is_utf8(text: str) -> bool:
    """Whether a text can be sent: Python has texts, with half a character, that cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def flag_text(value: bool, what: str = "flag") -> str:
    if not isinstance(value, bool):
        raise BadArgument(what, repr(value), "True or False")
    return "true" if value else "false"


def or_dash(value: Optional[Number], what: str = "value") -> str:
    """The text of a value that may be none, which is `-`."""
    return "-" if value is None else decimal_text(value, what)


def decimal_text(value: Number, what: str = "number") -> str:
    """An amount as the wire has it: a decimal without exponent."""
    if value is None:
        raise BadArgument(what, None, "a Decimal, an int or a text, and not None")
    if isinstance(value, float):
        raise BadArgument(what, repr(value), "a Decimal, an int or a text: a float is not exact")
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise BadArgument(what, str(value), "a finite number")
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def date_text(value: When, what: str = "date") -> str:
    """A day or a moment as the wire has it. A datetime without a zone is refused."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise BadArgument(what, str(value), "a datetime with a time zone")
        at = value.astimezone(datetime.timezone.utc)
        return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
    if not isinstance(value, datetime.date):
        raise BadArgument(what, repr(value), "a datetime, a date or a text")
    return value.isoformat()


def seconds_of(
    value: Optional[float], what: str, about: str = "a number of seconds"
) -> Optional[float]:
    """A time that is given in seconds, if it is one; None is passed on."""
    if value is None:
        return None
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    if not is_number or value != value:
        raise BadArgument(what, repr(value), about)
    return float(value)


# What the text of an argument becomes.


def to_decimal(text: str) -> Decimal:
    return Decimal(text)


def to_time(text: str) -> datetime.datetime:
    """A CanonicalTime as an aware datetime in UTC."""
    try:
        return datetime.datetime.fromisoformat(text[:-1] + "+00:00")
    except ValueError:
        raise Nonsense(f"a time that does not exist: {text}") from None


def to_quote(text: str) -> Tuple[str, Decimal]:
    """`SYMBOL=value`: a symbol may contain `=`, so the last one divides."""
    symbol, _, value = text.rpartition("=")
    return symbol, Decimal(value)


def to_fact(text: str) -> Tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


class Fields:
    """Reads the texts of a message in the order of its arguments, and checks their forms."""

    def __init__(self, message: str, texts: Tuple[str, ...]) -> None:
        self._message = message
        self._texts = list(texts)

    def _next(self, argument: Argument) -> str:
        if not self._texts:
            raise Nonsense(f"{self._message} without {argument.name}")
        text = self._texts.pop(0)
        if not argument.type.fits(text):
            raise Nonsense(f"{self._message} with {argument.name} {ascii(text)}")
        return text

    def one(self, argument: Argument, convert: Callable[[str], T]) -> T:
        return convert(self._next(argument))

    def optional(self, argument: Argument, convert: Callable[[str], T]) -> Optional[T]:
        """None: it is left out, or the text that stands for none."""
        if not self._texts and argument.optional:
            return None
        text = self._next(argument)
        return None if text == argument.type.none else convert(text)

    def repeated(self, argument: Argument, convert: Callable[[str], T]) -> Tuple[T, ...]:
        found = []
        while self._texts:
            found.append(convert(self._next(argument)))
        return tuple(found)

    def end(self) -> None:
        if self._texts:
            raise Nonsense(f"{self._message} with {len(self._texts)} arguments too many")


class Reader:
    """Reads the scalars of a payload: see `scalars` in papertrader.json."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def end(self) -> None:
        if self.left():
            raise Nonsense(f"a payload with {self.left()} bytes too many")

    def _take(self, size: int) -> bytes:
        if size > self.left():
            raise Nonsense("a payload that is shorter than its layout")
        self._at += size
        return self._data[self._at - size : self._at]

    def integer(self, size: int, signed: bool = False, maximum: Optional[int] = None) -> int:
        value = int.from_bytes(self._take(size), "big", signed=signed)
        if maximum is not None and value > maximum:
            raise Nonsense(f"a payload with {value} where {maximum} is the most")
        return value

    def scaled(self, size: int, scale: int, signed: bool) -> Decimal:
        """A decimal with a fixed number of places, exact; without needless zeros."""
        # By text, because arithmetic would round as the caller's decimal context says.
        units = self.integer(size, signed)
        digits = str(abs(units)).rjust(scale + 1, "0")
        text = f"{digits[:-scale]}.{digits[-scale:]}".rstrip("0").rstrip(".")
        return Decimal(f"-{text}" if units < 0 else text)

    def flag(self) -> bool:
        return self.integer(1, maximum=1) == 1

    def time(self) -> datetime.datetime:
        """Milliseconds since 1970 as an aware datetime in UTC."""
        try:
            return _EPOCH + datetime.timedelta(milliseconds=self.integer(8, signed=True))
        except OverflowError:
            raise Nonsense("a payload with a time beyond the year 9999") from None

    def text(self, length_bytes: int = 2, type: Optional[ArgumentType] = None) -> str:
        data = self._take(self.integer(length_bytes))
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise Nonsense("a payload with a text that is not UTF-8") from None
        if type is not None and not type.fits(text):
            raise Nonsense(f"a payload with {ascii(text)} where {type.name} should stand")
        return text

    def uuid(self) -> str:
        return str(uuid.UUID(bytes=self._take(16)))

    def listed(self, size: int, words: dict[int, str]) -> str:
        """A word of an open list; the digits of a number that this edition does not know."""
        number = self.integer(size)
        return words.get(number, str(number))

    def repeated(self, count: int, least: int, read: Callable[[], T]) -> Tuple[T, ...]:
        """`count` items of at least so many bytes; refused before anything is made of too many."""
        if count * least > self.left():
            raise Nonsense("a payload that is shorter than its layout")
        return tuple(read() for _ in range(count))

    def rest(self, read: Callable[[], T]) -> Tuple[T, ...]:
        """Items until the end of the payload."""
        found = []
        while self.left():
            found.append(read())
        return tuple(found)


def none_if_zero(value: T) -> Optional[T]:
    """None for what stands for no value: zero, an empty text, the year 1970's first moment."""
    return None if not value or value == _EPOCH else value
