"""The wire format: made by generate.py from spec/wire/papertrader.json. Do not edit.

A request is made by a function, which checks its arguments. Messages and payloads are
read into frozen dataclasses: amounts are Decimal, times are in UTC, None is no value.
"""

from __future__ import annotations

import datetime
import struct
from decimal import Decimal
from typing import Any, Callable, Dict, Optional, Tuple, Union

from ._forms import (
    Argument,
    ArgumentType,
    Fields,
    Instruction,
    Number,
    Reader,
    Request,
    When,
    date_text,
    decimal_text,
    flag_text,
    none_if_zero,
    or_dash,
    record,
    to_decimal,
    to_fact,
    to_quote,
    to_time,
)

#: The edition of the protocol that this package speaks.
EDITION = 2
#: Fields of a message's header, in order: messageType, instruction, dataSize,
#: argumentCount, dataMessageNumber, dataMessageMax.
HEADER = struct.Struct(">BHIHII")
#: The most bytes of data of a message.
DATA_MAX = 8192
#: What stands between two arguments.
SEPARATOR = " "
#: The most bytes of a payload.
PAYLOAD_MAX = 1073741824
#: The most requests of a connection without an answer.
UNANSWERED_MAX = 4096
WORKER_PORT = 2049
#: Type of the messages that may come at any time.
CONTROL = 4
DATA = 0x030B
PASSWORD_NORMALIZATION = "NFC"
PASSWORD_SALT = "papertrader/1/"
PASSWORD_ROUNDS = 600000
PASSWORD_BYTES = 32


# Types of arguments.

ACCOUNT_VALUE = ArgumentType(
    "AccountValue",
    (
        "what the request asked for: a number of sessions, or a token, which is 64 of "
        "`0-9 a-f`"
    ),
    pattern="(?:0|[1-9][0-9]{0,8}|[1-3][0-9]{9}|4(?:[01][0-9]{8}|2(?:[0-8][0-9]{7}|9(?:[0-3][0-9]{6}|4(?:[0-8][0-9]{5}|9(?:[0-5][0-9]{4}|6(?:[0-6][0-9]{3}|7(?:[01][0-9]{2}|2(?:[0-8][0-9]|9[0-5]))))))))|[0-9a-f]{64})",
)
ADJUSTMENT = ArgumentType(
    "Adjustment",
    "`raw`, which is the default, or `adjusted` for splits and dividends",
    pattern="raw|adjusted",
)
BROWSER_SECRET = ArgumentType(
    "BrowserSecret",
    "visible ASCII characters, as the browser brought them, decoded",
    pattern="[\\u0021-\\u007e]+",
    min_length=1,
    max_length=2048,
)
CANONICAL_MONEY = ArgumentType(
    "CanonicalMoney",
    "a decimal without needless zeros, in the account currency",
    pattern="(?:0|[1-9][0-9]{0,12})(?:\\.[0-9]{0,5}[1-9])?",
    maximum=9000000000000,
)
CANONICAL_MONEY_OR_DASH = ArgumentType(
    "CanonicalMoneyOrDash",
    "a decimal without needless zeros, in the account currency, or `-` for none",
    pattern="-|(?:(?:0|[1-9][0-9]{0,11}|[1-8][0-9]{12})(?:\\.[0-9]{0,5}[1-9])?|9000000000000)",
    none="-",
)
CANONICAL_QUANTITY = ArgumentType(
    "CanonicalQuantity",
    "a decimal without needless zeros",
    pattern="(?:0|[1-9][0-9]{0,12})(?:\\.[0-9]{0,5}[1-9])?",
    maximum=9000000000000,
)
CANONICAL_TIME = ArgumentType(
    "CanonicalTime",
    "`YYYY-MM-DDTHH:MM:SS.fffZ`, in UTC, of a day that exists",
    pattern="(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}Z",
)
CLIENT_ORDER_ID = ArgumentType(
    "ClientOrderId",
    (
        "1 to 64 of `A-Z a-z 0-9 . _ : -`, case-sensitive. `-` alone is one, too: replies"
        " cannot tell it from none"
    ),
    pattern="[A-Za-z0-9._:\\-]{1,64}",
)
CLIENT_ORDER_ID_OR_DASH = ArgumentType(
    "ClientOrderIdOrDash",
    "the clientOrderID of the request, or `-` if it had none",
    pattern="[A-Za-z0-9._:\\-]{1,64}",
    none="-",
)
DATE = ArgumentType(
    "Date",
    (
        "`YYYY-MM-DD`, which is that day's midnight, or `YYYY-MM-DDTHH:MM:SS[.fff]Z`; in "
        "UTC, of a day that exists"
    ),
    pattern="(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{3})?Z)?",
)
DAYS = ArgumentType(
    "Days",
    "a number of days, 1 to 366",
    pattern="[1-9][0-9]?|[12][0-9]{2}|3[0-5][0-9]|36[0-6]",
)
DROPPED_COUNT = ArgumentType(
    "DroppedCount",
    "a number of notices, 0 to 999,999,999; more are told as so many",
    pattern="0|[1-9][0-9]{0,8}",
)
EMAIL = ArgumentType(
    "Email",
    (
        "3 to 321 Unicode characters, exactly one `@`, no Unicode white space, control, "
        "invisible or private-use character; a server refuses further invisible, "
        "private-use and unassigned characters that its version of Unicode knows of; "
        "unique under NFKC and full case folding, the domain under IDNA"
    ),
    pattern="[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]*@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]*",
    min_length=3,
    max_length=321,
)
EMAIL_OR_DASH = ArgumentType(
    "EmailOrDash",
    "as Email, or `-` for none",
    pattern="-|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+@|@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+",
    min_length=1,
    max_length=321,
    none="-",
)
END_REASON_CODE = ArgumentType(
    "EndReasonCode",
    "a code of the list of reasons; a reader accepts others",
    pattern="[A-Za-z][A-Za-z0-9\\-]{0,63}",
)
FAULT_CODE = ArgumentType(
    "FaultCode",
    "a code of the list of faults; a reader accepts others",
    pattern="[A-Za-z][A-Za-z0-9\\-]{0,63}",
)
FLAG = ArgumentType(
    "Flag",
    "`true` or `false`",
    pattern="true|false",
)
HASHED_PASS = ArgumentType(
    "HashedPass",
    "64 of `0-9 a-f`, derived from the password",
    pattern="[0-9a-f]{64}",
)
HASHED_PASS_OR_DASH = ArgumentType(
    "HashedPassOrDash",
    "64 of `0-9 a-f`, derived from the password, or `-` if the account has none",
    pattern="[0-9a-f]{64}|-",
    none="-",
)
IDENTITY_PROVIDER_NAME = ArgumentType(
    "IdentityProviderName",
    "1 to 24 of `a-z 0-9 -`: a name of serverInfo's `login`",
    pattern="[a-z0-9\\-]{1,24}",
)
NAME_VALUE = ArgumentType(
    "NameValue",
    (
        "`name=value`: the name is 1 to 32 of `a-z 0-9 -`, the first a letter; the value "
        "is 1 to 256 visible ASCII characters, further `=` among them"
    ),
    pattern="[a-z][a-z0-9\\-]{0,31}=[\\u0021-\\u007e]{1,256}",
)
ORDER_AMOUNT = ArgumentType(
    "OrderAmount",
    (
        "a quantity; or, for purchases alone, `cash:` and an amount of money of a "
        "quantity's form: as many units as it buys, fee and slippage included"
    ),
    pattern="(?:cash:)?(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))",
)
ORDER_AMOUNT_OR_DASH = ArgumentType(
    "OrderAmountOrDash",
    "as OrderAmount, or `-`: as it was",
    pattern="-|(?:cash:)?(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))",
    none="-",
)
ORDER_KIND = ArgumentType(
    "OrderKind",
    "`market`, `limit`, `stop`, `stop-limit` or `trailing`",
    pattern="market|limit|stop|stop-limit|trailing",
)
ORDER_SIDE = ArgumentType(
    "OrderSide",
    "`buy` or `sell`",
    pattern="buy|sell",
)
PAGE_COUNT = ArgumentType(
    "PageCount",
    "a number of rows, 1 to 1,000",
    pattern="[1-9][0-9]{0,2}|1000",
)
POLL_SECONDS = ArgumentType(
    "PollSeconds",
    "a number of seconds",
    pattern="[1-9][0-9]{0,3}",
)
PRICE_OR_DASH = ArgumentType(
    "PriceOrDash",
    (
        "the price of one unit, a decimal above 0 of a quantity's form; `-`: none, or as "
        "it was"
    ),
    pattern="-|(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))",
    none="-",
)
QUANTITY = ArgumentType(
    "Quantity",
    (
        "a decimal above 0: at most 12 digits before the point and 6 after it, a digit on"
        " both sides of a point, no sign, no exponent"
    ),
    pattern="[0-9]{1,12}(?:\\.[0-9]{1,6})?",
    exclusive_minimum=0,
)
QUOTE_VALUE = ArgumentType(
    "QuoteValue",
    (
        "`SYMBOL=value`: a symbol, which may contain `=`, and behind the last `=` its "
        "price, a decimal without needless zeros"
    ),
    pattern="[A-Z0-9.\\/=\\-]{1,16}=(?:(?:0|[1-9][0-9]{0,11}|[1-8][0-9]{12})(?:\\.[0-9]{0,5}[1-9])?|9000000000000)",
)
REASON_CODE = ArgumentType(
    "ReasonCode",
    "a code of the list of reasons; a reader accepts others",
    pattern="[A-Za-z][A-Za-z0-9\\-]{0,63}",
)
REDIRECT_URI = ArgumentType(
    "RedirectUri",
    (
        "visible ASCII characters: `http://127.0.0.1:PORT/\u2026`, `http://[::1]:PORT/\u2026`, or "
        "an address that the administrator has listed"
    ),
    pattern="[\\u0021-\\u007e]+",
    min_length=1,
    max_length=2048,
)
RESET_CODE = ArgumentType(
    "ResetCode",
    (
        "20 letters and digits without U, as somebody typed them: a hyphen behind a "
        "character and case count for nothing, I and L are 1, O is 0"
    ),
    pattern="(?:[0-9ABCDEFGHIJKLMNOPQRSTVWXYZabcdefghijklmnopqrstvwxyz]-?){20}",
    min_length=20,
    max_length=40,
)
SESSION_ID = ArgumentType(
    "SessionId",
    "64 of `0-9 a-f`",
    pattern="[0-9a-f]{64}",
)
SESSION_SELECTION = ArgumentType(
    "SessionSelection",
    (
        "`others`, `all`, or the first 8 to 16 digits of a session's `id` as getSessions "
        "tells it"
    ),
    pattern="others|all|[0-9a-f]{8,16}",
)
SIGN_IN_HANDLE = ArgumentType(
    "SignInHandle",
    "64 of `0-9 a-f`: a secret, as a session ID is",
    pattern="[0-9a-f]{64}",
)
SIGN_IN_METHOD = ArgumentType(
    "SignInMethod",
    "`device` (RFC 8628) or `redirect` (RFC 8252)",
    pattern="device|redirect",
)
STATE = ArgumentType(
    "State",
    "`command` or `data`",
    pattern="command|data",
)
STATUS_WORD = ArgumentType(
    "StatusWord",
    "a word of the list of statuses; a reader accepts others",
    pattern="[A-Za-z][A-Za-z0-9\\-]{0,63}",
)
STOP_OR_DASH = ArgumentType(
    "StopOrDash",
    (
        "as PriceOrDash; of a trailing order the distance, in money or as `N%` above 0 "
        "and below 100 with at most 4 places"
    ),
    pattern="-|(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))|(?:(?:[1-9][0-9]?|0[1-9])(?:\\.[0-9]{1,4})?|0{1,2}\\.(?:[1-9][0-9]{0,3}|0[1-9][0-9]{0,2}|0{2}[1-9][0-9]?|0{3}[1-9]))\\u0025",
    none="-",
)
SYMBOL = ArgumentType(
    "Symbol",
    "1 to 16 of `A-Z 0-9 . - / =`",
    pattern="[A-Z0-9.\\/=\\-]{1,16}",
)
TEXT = ArgumentType(
    "Text",
    (
        "a sentence for people, the rest of the data, spaces included; at most 1,024 "
        "bytes"
    ),
)
TIME_IN_FORCE = ArgumentType(
    "TimeInForce",
    (
        "`day`: through the UTC day of the asset's first new price; `gtc`: 180 days; a "
        "date: through that day; a time: until then; all in market time"
    ),
    pattern="day|gtc|(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{3})?Z)?",
)
TOKEN_NAME = ArgumentType(
    "TokenName",
    "1 to 32 of `A-Z a-z 0-9 . _ -`, unique in its account",
    pattern="[A-Za-z0-9._\\-]{1,32}",
)
TOKEN_SCOPE = ArgumentType(
    "TokenScope",
    "`read` or `trade`",
    pattern="read|trade",
)
TOPIC = ArgumentType(
    "Topic",
    (
        "`orders`: the ends of the account's orders; `quotes`: new prices of all assets; "
        "`quotes:` and a symbol: of that asset"
    ),
    pattern="orders|quotes(?::[A-Z0-9.\\/=\\-]{1,16})?",
)
TRANSACTION_ID = ArgumentType(
    "TransactionId",
    "a UUID in lower case with hyphens; ours are version 7",
    pattern="[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
)
TRANSACTION_ID_OR_DASH = ArgumentType(
    "TransactionIdOrDash",
    "a transactionID, or `-` for none",
    pattern="-|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
    none="-",
)
USER_CODE = ArgumentType(
    "UserCode",
    "visible ASCII characters, for people to type; `-`: there is nothing to type",
    pattern="[\\u0021-\\u007e]+",
    min_length=1,
    max_length=64,
    none="-",
)
USERNAME = ArgumentType(
    "Username",
    (
        "1 to 24 of `A-Z a-z 0-9 . _ -`, the first a letter or digit; unique and looked "
        "up without case; replies carry the registered spelling"
    ),
    pattern="[A-Za-z0-9][A-Za-z0-9._\\-]{0,23}",
)
USERNAME_OR_DASH = ArgumentType(
    "UsernameOrDash",
    "a username, or `-` for none",
    pattern="[A-Za-z0-9][A-Za-z0-9._\\-]{0,23}|-",
    none="-",
)
USERNAME_OR_EMAIL = ArgumentType(
    "UsernameOrEmail",
    "a username, or an e-mail address",
    pattern="[A-Za-z0-9][A-Za-z0-9._\\-]{0,23}|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]*|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+|@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+",
    min_length=1,
    max_length=321,
)
WEB_ADDRESS = ArgumentType(
    "WebAddress",
    "visible ASCII characters: https, or http on loopback",
    pattern="[\\u0021-\\u007e]+",
    min_length=1,
    max_length=6000,
)
WORKER_ADDRESS = ArgumentType(
    "WorkerAddress",
    (
        "`host:port`; an IPv6 address is in brackets, `[addr]:port`; ports from 1 to "
        "65535"
    ),
    pattern="(?:[^:\\[\\]\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+|\\[(?:(?:[0-9A-Fa-f]{1,4}:){6}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|::(?:[0-9A-Fa-f]{1,4}:){5}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,0}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:){4}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,1}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:){3}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,2}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:){2}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,3}[0-9A-Fa-f]{1,4})?::[0-9A-Fa-f]{1,4}:(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,4}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,5}[0-9A-Fa-f]{1,4})?::[0-9A-Fa-f]{1,4}|(?:(?:[0-9A-Fa-f]{1,4}:){0,6}[0-9A-Fa-f]{1,4})?::)\\]):(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])",
)

# Lists of words. Those that are open may grow: other words come from later editions.

#: Who answers a request, and when the requests behind it may take effect: its `destination`.
DESTINATIONS: Dict[str, str] = {
    "cache": "The worker's cache, which answers asset data.",
    "orders": (
        "The master's transactions. The next request may take effect once the order is "
        "queued."
    ),
    "account queries": "The master's account queries.",
    "tunnel": (
        "The master's logins, registrations and logouts. The next request waits for the "
        "answer."
    ),
    "state": "The connection's state. The next request waits for the answer.",
    "local": "The worker by itself, at once.",
}

#: Who sends an instruction: its `direction`.
DIRECTIONS: Dict[str, str] = {
    "request": "Clients, to a worker. A master accepts `getWorkerList` alone.",
    "return": "Servers, to a client that asked.",
    "notice": "Servers, to a client, at any time. It answers no request.",
    "both": "Clients and servers.",
    "link": "Workers and masters, to each other.",
}

#: Why the server ends a connection: the first argument of protocolError.
FAULTS: Dict[str, str] = {
    "bad-frame": "A message that is not well formed.",
    "too-large": "A dataSize over 8,192.",
    "unknown-instruction": "A number that no instruction has.",
    "argument-count": "A wrong number of arguments.",
    "not-allowed": "An instruction that this peer may not send on this port.",
    "timeout": "A message that is not complete in time, or a connection that is idle too long.",
    "too-many-connections": "No capacity for another connection.",
    "shutting-down": "The server is stopping.",
}

#: The values of the fact `state`.
MARKET_STATES: Dict[str, str] = {
    "open": "An asset got a price in the last three updates.",
    "closed": "None did; more prices will come.",
    "paused": (
        "An administrator has paused it: no price comes until it goes on. Orders are "
        "accepted, and wait."
    ),
    "ended": "A replay after its last step: no price will come.",
}

#: The values of the fact `market`.
MARKETS: Dict[str, str] = {
    "replay": "Files of past bars.",
    "simulated": "A random walk.",
    "real": "An exchange of now.",
}

#: When an order fills.
ORDER_KINDS: Dict[int, str] = {
    0: "market",
    1: "limit",
    2: "stop",
    3: "stop-limit",
    4: "trailing",
}

#: Why a request fails: the first argument of every Fail of a request.
REASONS: Dict[str, str] = {
    "bad-credentials": "In login: unknown username, wrong password, or one of the two not of its form.",
    "too-many-attempts": (
        "Too many failed logins for this name and address, or from this address; too many "
        "registrations from it."
    ),
    "session-expired": (
        "A session ID that is malformed, unknown, expired or ended; in the data state, also "
        "when the connection's own session has ended."
    ),
    "username-invalid": "In register: not of its form.",
    "username-taken": "Another account has the username, in this or another case.",
    "email-invalid": "The address is not of its form.",
    "email-taken": "Another account has the address, in this or another spelling.",
    "password-invalid": "In register: a hashedPass that is not of its form.",
    "unknown-asset": "Not of a symbol's form, or an asset that this deployment does not retrieve.",
    "unknown-user": "Where data of a user are requested: not of a username's form, or no such account.",
    "quantity-invalid": "Not of its form, or an order beyond the limit of values.",
    "date-invalid": (
        "Not of its form, a day that does not exist, or a forecast for a date that is not "
        "after the latest bar."
    ),
    "argument-invalid": "An isExpirable, clientOrderID, adjustment or transaction ID that is not of its form.",
    "insufficient-funds": (
        "Less cash than the order needs: when it is accepted, at the latest price and beside "
        "what earlier orders hold back; and again at settlement."
    ),
    "insufficient-holdings": (
        "Fewer units than the order sells: when it is accepted, beside what earlier orders "
        "sell; and again at settlement."
    ),
    "clientOrderID-reused": "The account has used the clientOrderID for an order with other terms.",
    "wrong-state": "A command in the data state, or a data instruction in the command state.",
    "state-invalid": "A state that is neither `command` nor `data`.",
    "no-data": (
        "A getAssetInfo of an asset without a bar; too little history for a forecast; a "
        "transaction that is not one's own."
    ),
    "no-price": (
        "A getAssetValueCurrent of an asset without a bar; an order whose asset has no new "
        "price that is believed within 14 days of market time; any order after the end of a "
        "replay."
    ),
    "overloaded": "A queue or the pool that hashes passwords is full; try again later.",
    "master-unavailable": "The worker has no link to the master, and the request was not sent.",
    "internal-error": "The server failed; its log has the cause.",
    "third-party-login": "The account has no password: sign in with one of the providers that the text names.",
    "provider-unknown": "The deployment has no provider of this name, or none with this method.",
    "provider-unavailable": "The provider did not answer in time, or not as it should.",
    "identity-taken": "Another account has the identity.",
    "code-invalid": "A code that is wrong, used or expired.",
    "account-locked": (
        "An administrator has locked the account. Said to the right password or identity "
        "alone."
    ),
    "scope": "The session is a token, which does not allow this.",
    "name-invalid": "A token's name that is not of its form, or that another token of the account has.",
    "login-again": "The login of the session is too long ago for this: log in anew, and try again.",
    "not-open": "The order has ended already: it was filled, rejected or expired.",
    "price-invalid": (
        "A limit, a stop or a trailing distance that is not of its form, that the kind of the"
        " order does not have, or that cannot be."
    ),
    "kind-invalid": "No such kind of order.",
    "cancelled": "The owner or the administrator cancelled the order.",
    "replaced": "Another order is in the place of this one.",
    "expired": "The time in force of the order has ended.",
}

#: What the session of a request must allow: its `scope`.
SCOPES: Dict[str, str] = {
    "read": "Reading. Every session allows it.",
    "trade": "Orders. Every session of a login allows them.",
    "account": "The account itself: its passwords, sessions and tokens. Only the session of a login.",
}

#: The names of serverInfo's facts.
SERVER_FACTS: Dict[str, str] = {
    "version": "Version of the worker's program.",
    "wire": "Version of the wire format: `1`.",
    "edition": "Edition of the protocol: `2`.",
    "currency": "Currency of all prices and accounts, such as `USD`.",
    "market": "Where the prices come from: a word of the list of markets.",
    "state": "Whether the market moves: a word of the list of market states.",
    "market-time": "Market time: that of the newest price, a CanonicalTime.",
    "update-interval": "Time between two updates, in milliseconds.",
    "next-update": (
        "When the next update is expected, wall time, a CanonicalTime. None after the last, "
        "and while the market is paused."
    ),
    "steps-left": "Steps of a replay that are still to come, `0` after the last.",
    "login": (
        "The ways to log in, joined by commas: `password`, and the names of providers of "
        "identities."
    ),
    "reset": "Where a code for a new password comes from: `mail` or `administrator`.",
    "fees": "Whether trades cost fees, `yes` or `no`.",
}

#: What a transaction does to its account.
SIDES: Dict[int, str] = {
    1: "buy",
    2: "sell",
    3: "split",
    4: "dividend",
}

#: How far a transaction is.
STATUSES: Dict[int, str] = {
    0: "queued",
    1: "settled",
    2: "rejected",
    3: "open",
    4: "cancelled",
    5: "expired",
}

#: What a token allows.
TOKEN_SCOPES: Dict[str, str] = {
    "read": "Reading.",
    "trade": "Reading, and orders.",
}

# Payloads.


@record
class Bar:
    """A bar, 48 bytes."""

    #: The start
    time: datetime.datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    #: In whole units
    volume: int

    @classmethod
    def read(cls, reader: Reader) -> Bar:
        time = reader.time()
        open = reader.scaled(8, 6, True)
        high = reader.scaled(8, 6, True)
        low = reader.scaled(8, 6, True)
        close = reader.scaled(8, 6, True)
        volume = reader.integer(8)
        return cls(time=time, open=open, high=high, low=low, close=close, volume=volume)


@record
class AssetInfo:
    """An asset with the bar of its latest day."""

    symbol: str
    #: The bar of the latest day
    day: Bar

    @classmethod
    def read(cls, reader: Reader) -> AssetInfo:
        symbol = reader.text(2, SYMBOL)
        day = Bar.read(reader)
        return cls(symbol=symbol, day=day)


@record
class Quote:
    """A price, 16 bytes."""

    #: Market time of the price
    time: datetime.datetime
    value: Decimal

    @classmethod
    def read(cls, reader: Reader) -> Quote:
        time = reader.time()
        value = reader.scaled(8, 6, True)
        return cls(time=time, value=value)


@record
class Bars:
    """Bars, oldest first, without a count. An empty payload is an empty list."""

    bars: Tuple[Bar, ...]

    @classmethod
    def read(cls, reader: Reader) -> Bars:
        bars = reader.rest(lambda: Bar.read(reader))
        return cls(bars=bars)


@record
class UserInfo:
    """An account."""

    #: 1 if the session belongs to the requested username
    private: bool
    #: In the registered spelling
    username: str
    #: 1 if it has a password
    is_password: bool
    #: The time of registration
    created: datetime.datetime
    #: None if it has none
    email: Optional[str] = None
    cash: Optional[Decimal] = None

    @classmethod
    def read(cls, reader: Reader) -> UserInfo:
        private = reader.flag()
        username = reader.text(2)
        is_password = reader.flag()
        created = reader.time()
        email = none_if_zero(reader.text(2)) if private else None
        cash = reader.scaled(8, 6, True) if private else None
        return cls(private=private, username=username, is_password=is_password, created=created, email=email, cash=cash)


@record
class Position:
    """A position, as its owner sees it."""

    symbol: str
    #: Above 0
    quantity: Decimal
    #: For a unit: cost ÷ quantity, rounded down
    average_cost: Decimal
    #: Of all units; 0 without a price
    value: Decimal

    @classmethod
    def read(cls, reader: Reader) -> Position:
        symbol = reader.text(2, SYMBOL)
        quantity = reader.scaled(8, 6, True)
        average_cost = reader.scaled(8, 6, True)
        value = reader.scaled(8, 6, True)
        return cls(symbol=symbol, quantity=quantity, average_cost=average_cost, value=value)


@record
class PositionShare:
    """A position, as others see it."""

    symbol: str
    #: Of cash and positions together, rounded down; 0 if these add up to 0
    share: int

    @classmethod
    def read(cls, reader: Reader) -> PositionShare:
        symbol = reader.text(2, SYMBOL)
        share = reader.integer(2, maximum=10000)
        return cls(symbol=symbol, share=share)


@record
class Portfolio:
    """Positions, sorted by the bytes of their symbol."""

    #: 1 if the session belongs to the requested username
    private: bool
    positions: Union[Tuple[Position, ...], Tuple[PositionShare, ...]]
    cash: Optional[Decimal] = None

    @classmethod
    def read(cls, reader: Reader) -> Portfolio:
        private = reader.flag()
        count = reader.integer(4)
        cash = reader.scaled(8, 6, True) if private else None
        positions: Union[Tuple[Position, ...], Tuple[PositionShare, ...]]
        if private:
            positions = reader.repeated(count, 26, lambda: Position.read(reader))
        else:
            positions = reader.repeated(count, 4, lambda: PositionShare.read(reader))
        return cls(private=private, positions=positions, cash=cash)


@record
class Transaction:
    """An order, or what a corporate action did."""

    id: str
    side: str
    status: str
    symbol: str
    accepted: datetime.datetime
    #: None while queued; the time of the rejection if rejected
    settled: Optional[datetime.datetime]
    quantity: Optional[Decimal] = None
    #: None unless settled
    price: Optional[Decimal] = None
    #: 0 unless settled
    total: Optional[Decimal] = None
    #: Market time of the price; None unless settled
    priced: Optional[datetime.datetime] = None
    #: None if none
    client_order_id: Optional[str] = None
    #: A code of the list of reasons; None if none
    reason: Optional[str] = None

    @classmethod
    def read(cls, reader: Reader, private: bool) -> Transaction:
        id = reader.uuid()
        side = reader.listed(1, SIDES)
        status = reader.listed(1, STATUSES)
        symbol = reader.text(2, SYMBOL)
        accepted = reader.time()
        settled = none_if_zero(reader.time())
        quantity = reader.scaled(8, 6, True) if private else None
        price = none_if_zero(reader.scaled(8, 6, True)) if private else None
        total = reader.scaled(8, 6, True) if private else None
        priced = none_if_zero(reader.time()) if private else None
        client_order_id = none_if_zero(reader.text(2)) if private else None
        reason = none_if_zero(reader.text(2)) if private else None
        return cls(id=id, side=side, status=status, symbol=symbol, accepted=accepted, settled=settled, quantity=quantity, price=price, total=total, priced=priced, client_order_id=client_order_id, reason=reason)


@record
class Transactions:
    """Transactions, newest first, by time of acceptance and then by order number. Queued and
    rejected orders are among them, orders that were refused before they were queued are not.
    """

    #: 1 if the session belongs to the requested username
    private: bool
    transactions: Tuple[Transaction, ...]

    @classmethod
    def read(cls, reader: Reader) -> Transactions:
        private = reader.flag()
        count = reader.integer(4)
        transactions = reader.repeated(count, 36, lambda: Transaction.read(reader, private))
        return cls(private=private, transactions=transactions)


@record
class Forecast:
    """A predicted value, and the bounds of its 95 % interval."""

    #: The name of the method
    method: str
    #: The time that it is predicted for
    time: datetime.datetime
    value: Decimal
    #: The lower bound
    low: Decimal
    #: The upper bound
    high: Decimal

    @classmethod
    def read(cls, reader: Reader) -> Forecast:
        method = reader.text(2)
        time = reader.time()
        value = reader.scaled(8, 6, True)
        low = reader.scaled(8, 6, True)
        high = reader.scaled(8, 6, True)
        return cls(method=method, time=time, value=value, low=low, high=high)


@record
class List:
    """Texts."""

    texts: Tuple[str, ...]

    @classmethod
    def read(cls, reader: Reader) -> List:
        count = reader.integer(4)
        texts = reader.repeated(count, 2, lambda: reader.text(2))
        return cls(texts=texts)


@record
class ReceiptLine:
    """A line of a receipt, for people."""

    name: str
    value: str

    @classmethod
    def read(cls, reader: Reader) -> ReceiptLine:
        name = reader.text(2)
        value = reader.text(2)
        return cls(name=name, value=value)


@record
class Receipt:
    """The explanation of a fill, in reading order."""

    lines: Tuple[ReceiptLine, ...]

    @classmethod
    def read(cls, reader: Reader) -> Receipt:
        count = reader.integer(4)
        lines = reader.repeated(count, 4, lambda: ReceiptLine.read(reader))
        return cls(lines=lines)


@record
class Session:
    """A session of a login, as its owner sees it."""

    #: The first 16 digits of its ID's SHA-256
    id: str
    #: 1 if it is the session that asks
    current: bool
    #: 1 if it ends with the connection that logged in
    expirable: bool
    #: How the login was made: `password`, or the name of a provider
    method: str
    #: The latest end
    expiry: datetime.datetime
    #: When it was made
    made: datetime.datetime
    #: The IP address of the client
    made_client: str
    #: The name of the worker, or its UUID if it is registered no more
    made_worker: str
    #: When it was last used, as far as the master knows; None for a token that was not
    used: Optional[datetime.datetime]
    #: The IP address of the client
    used_client: str
    #: The name of the worker, or its UUID if it is registered no more
    used_worker: str

    @classmethod
    def read(cls, reader: Reader) -> Session:
        id = reader.text(2)
        current = reader.flag()
        expirable = reader.flag()
        method = reader.text(2)
        expiry = reader.time()
        made = reader.time()
        made_client = reader.text(2)
        made_worker = reader.text(2)
        used = none_if_zero(reader.time())
        used_client = reader.text(2)
        used_worker = reader.text(2)
        return cls(id=id, current=current, expirable=expirable, method=method, expiry=expiry, made=made, made_client=made_client, made_worker=made_worker, used=used, used_client=used_client, used_worker=used_worker)


@record
class Sessions:
    """The sessions of an account's logins, newest first."""

    sessions: Tuple[Session, ...]

    @classmethod
    def read(cls, reader: Reader) -> Sessions:
        count = reader.integer(4)
        sessions = reader.repeated(count, 38, lambda: Session.read(reader))
        return cls(sessions=sessions)


@record
class Token:
    """A token, as its owner sees it."""

    name: str
    #: The first 16 digits of its SHA-256
    id: str
    #: A word of the list of token scopes; a reader accepts others
    scope: str
    #: The latest end
    expiry: datetime.datetime
    #: When it was made
    made: datetime.datetime
    #: The IP address of the client
    made_client: str
    #: The name of the worker, or its UUID if it is registered no more
    made_worker: str
    #: When it was last used, as far as the master knows; None for a token that was not
    used: Optional[datetime.datetime]
    #: The IP address of the client
    used_client: str
    #: The name of the worker, or its UUID if it is registered no more
    used_worker: str

    @classmethod
    def read(cls, reader: Reader) -> Token:
        name = reader.text(2)
        id = reader.text(2)
        scope = reader.text(2)
        expiry = reader.time()
        made = reader.time()
        made_client = reader.text(2)
        made_worker = reader.text(2)
        used = none_if_zero(reader.time())
        used_client = reader.text(2)
        used_worker = reader.text(2)
        return cls(name=name, id=id, scope=scope, expiry=expiry, made=made, made_client=made_client, made_worker=made_worker, used=used, used_client=used_client, used_worker=used_worker)


@record
class Tokens:
    """The tokens of an account, newest first."""

    tokens: Tuple[Token, ...]

    @classmethod
    def read(cls, reader: Reader) -> Tokens:
        count = reader.integer(4)
        tokens = reader.repeated(count, 38, lambda: Token.read(reader))
        return cls(tokens=tokens)


@record
class Identity:
    """An identity of an account, as its owner sees it."""

    #: The names of the providers that speak for it, joined by commas; if none does now, the name
    #: under which the account got it, or nothing
    providers: str
    #: The provider's issuer identifier
    issuer: str
    #: The person's name there
    subject: str
    #: When the account got it
    linked: datetime.datetime

    @classmethod
    def read(cls, reader: Reader) -> Identity:
        providers = reader.text(2)
        issuer = reader.text(2)
        subject = reader.text(2)
        linked = reader.time()
        return cls(providers=providers, issuer=issuer, subject=subject, linked=linked)


@record
class Identities:
    """The identities of an account, oldest first."""

    identities: Tuple[Identity, ...]

    @classmethod
    def read(cls, reader: Reader) -> Identities:
        count = reader.integer(4)
        identities = reader.repeated(count, 14, lambda: Identity.read(reader))
        return cls(identities=identities)


@record
class OrderParameters:
    """What an order says beside its quantity, in the units of now."""

    #: A word of the list of order kinds, a reader accepts others; None for what nobody ordered
    kind: Optional[str]
    #: None for none
    limit: Optional[Decimal]
    #: A price, of a trailing order the distance; None for none
    stop: Optional[Decimal]
    #: The distance of a trailing order where it is a percentage, below 100; else None
    stop_percent: Optional[Decimal]
    #: `gtc`, `day`, or the time until which it stands; None where none was said
    time_in_force: Optional[str]
    #: Of an order for an amount of money that amount; else None
    cash: Optional[Decimal]

    @classmethod
    def read(cls, reader: Reader) -> OrderParameters:
        kind = none_if_zero(reader.text(2))
        limit = none_if_zero(reader.scaled(8, 6, True))
        stop = none_if_zero(reader.scaled(8, 6, True))
        stop_percent = none_if_zero(reader.scaled(4, 4, False))
        time_in_force = none_if_zero(reader.text(2))
        cash = none_if_zero(reader.scaled(8, 6, True))
        return cls(kind=kind, limit=limit, stop=stop, stop_percent=stop_percent, time_in_force=time_in_force, cash=cash)


@record
class OpenOrder:
    """An order that has no outcome yet."""

    id: str
    side: str
    status: str
    symbol: str
    accepted: datetime.datetime
    #: None where it is for an amount of money
    quantity: Optional[Decimal]
    order: OrderParameters
    #: Market time from which on it is not tested any more; None where that is not known yet
    until: Optional[datetime.datetime]
    #: 1 if its stop was reached, so that it is a limit order now
    triggered: bool
    #: What is held back for a purchase
    reserve: Decimal
    #: None if none
    client_order_id: Optional[str]

    @classmethod
    def read(cls, reader: Reader) -> OpenOrder:
        id = reader.uuid()
        side = reader.listed(1, SIDES)
        status = reader.listed(1, STATUSES)
        symbol = reader.text(2, SYMBOL)
        accepted = reader.time()
        quantity = none_if_zero(reader.scaled(8, 6, True))
        order = OrderParameters.read(reader)
        until = none_if_zero(reader.time())
        triggered = reader.flag()
        reserve = reader.scaled(8, 6, True)
        client_order_id = none_if_zero(reader.text(2))
        return cls(id=id, side=side, status=status, symbol=symbol, accepted=accepted, quantity=quantity, order=order, until=until, triggered=triggered, reserve=reserve, client_order_id=client_order_id)


@record
class OpenOrders:
    """The orders of an account that have no outcome yet, newest first."""

    orders: Tuple[OpenOrder, ...]

    @classmethod
    def read(cls, reader: Reader) -> OpenOrders:
        count = reader.integer(4)
        orders = reader.repeated(count, 87, lambda: OpenOrder.read(reader))
        return cls(orders=orders)


@record
class PositionSummary:
    """A position with what it gained."""

    symbol: str
    #: Above 0
    units: Decimal
    #: Units promised to sales
    promised: Decimal
    #: Of the whole position, exact
    cost: Decimal
    #: Of the whole position; 0 without a price
    value: Decimal
    #: Close of the previous day for one unit, in today's units; None if none is known
    previous_close: Optional[Decimal]
    #: Profit realised in this asset
    realised: Decimal

    @classmethod
    def read(cls, reader: Reader) -> PositionSummary:
        symbol = reader.text(2, SYMBOL)
        units = reader.scaled(8, 6, True)
        promised = reader.scaled(8, 6, True)
        cost = reader.scaled(8, 6, True)
        value = reader.scaled(8, 6, True)
        previous_close = none_if_zero(reader.scaled(8, 6, True))
        realised = reader.scaled(8, 6, True)
        return cls(symbol=symbol, units=units, promised=promised, cost=cost, value=value, previous_close=previous_close, realised=realised)


@record
class AccountSummary:
    """What an account has, may spend and has gained; positions sorted by the bytes of their symbol.
    Losses are below 0.
    """

    cash: Decimal
    #: Cash held back for purchases
    reserved: Decimal
    #: What a market purchase may cost now; never below 0
    buying_power: Decimal
    #: Of all positions
    value: Decimal
    #: Cash and value
    equity: Decimal
    #: What the positions have gained since the previous day's close
    day_change: Decimal
    #: Profit realised in all assets
    realised: Decimal
    #: Value less cost
    unrealised: Decimal
    #: Fees paid
    fees: Decimal
    positions: Tuple[PositionSummary, ...]
    #: Number of the update whose prices these are
    update: int

    @classmethod
    def read(cls, reader: Reader) -> AccountSummary:
        cash = reader.scaled(8, 6, True)
        reserved = reader.scaled(8, 6, True)
        buying_power = reader.scaled(8, 6, True)
        value = reader.scaled(8, 6, True)
        equity = reader.scaled(8, 6, True)
        day_change = reader.scaled(8, 6, True)
        realised = reader.scaled(8, 6, True)
        unrealised = reader.scaled(8, 6, True)
        fees = reader.scaled(8, 6, True)
        count = reader.integer(4)
        positions = reader.repeated(count, 50, lambda: PositionSummary.read(reader))
        update = reader.integer(8)
        return cls(cash=cash, reserved=reserved, buying_power=buying_power, value=value, equity=equity, day_change=day_change, realised=realised, unrealised=unrealised, fees=fees, positions=positions, update=update)


@record
class PageEntry:
    """A transaction of a page."""

    id: str
    side: str
    status: str
    #: `-` where no asset is meant
    symbol: str
    accepted: datetime.datetime
    #: When it ended; None before
    settled: Optional[datetime.datetime]
    #: 0 while an order for an amount of money is not filled
    quantity: Optional[Decimal] = None
    #: None unless settled
    price: Optional[Decimal] = None
    #: 0 unless settled
    total: Optional[Decimal] = None
    #: Market time of the price; None unless settled
    priced: Optional[datetime.datetime] = None
    #: None if none
    client_order_id: Optional[str] = None
    #: Why it was rejected, cancelled or expired: a code of the list of reasons; else None
    reason: Optional[str] = None
    order: Optional[OrderParameters] = None
    #: The fee in the total
    fee: Optional[Decimal] = None
    #: What made the row, for people; None in an order
    cause: Optional[str] = None
    #: What the administrator who made the row says; else None
    note: Optional[str] = None

    @classmethod
    def read(cls, reader: Reader, private: bool) -> PageEntry:
        id = reader.uuid()
        side = reader.listed(1, SIDES)
        status = reader.listed(1, STATUSES)
        symbol = reader.text(2, SYMBOL)
        accepted = reader.time()
        settled = none_if_zero(reader.time())
        quantity = reader.scaled(8, 6, True) if private else None
        price = none_if_zero(reader.scaled(8, 6, True)) if private else None
        total = reader.scaled(8, 6, True) if private else None
        priced = none_if_zero(reader.time()) if private else None
        client_order_id = none_if_zero(reader.text(2)) if private else None
        reason = none_if_zero(reader.text(2)) if private else None
        order = OrderParameters.read(reader) if private else None
        fee = reader.scaled(8, 6, True) if private else None
        cause = none_if_zero(reader.text(2)) if private else None
        note = none_if_zero(reader.text(2)) if private else None
        return cls(id=id, side=side, status=status, symbol=symbol, accepted=accepted, settled=settled, quantity=quantity, price=price, total=total, priced=priced, client_order_id=client_order_id, reason=reason, order=order, fee=fee, cause=cause, note=note)


@record
class TransactionPage:
    """Transactions, newest first, of all statuses. Fewer than were asked for: there are no older
    ones.
    """

    #: 1 if the session belongs to the requested username
    private: bool
    transactions: Tuple[PageEntry, ...]

    @classmethod
    def read(cls, reader: Reader) -> TransactionPage:
        private = reader.flag()
        count = reader.integer(4)
        transactions = reader.repeated(count, 36, lambda: PageEntry.read(reader, private))
        return cls(private=private, transactions=transactions)


@record
class QuoteListRow:
    """An asset with its price, its day so far and what it is called. Without a price all values are
    0.
    """

    symbol: str
    #: The full name; empty if it has none
    name: str
    #: How many units of the market make one: 1, or more where it is offered by the lot
    factor: int
    #: 1 if the price came with the last update, plus 2 if a later price is held; others may come
    flags: int
    #: Market time of the price
    time: Optional[datetime.datetime]
    #: None: it has no price
    value: Optional[Decimal]
    #: Close of the previous day, in today's units; None if none is known
    previous_close: Optional[Decimal]
    #: Of the price's day so far
    open: Decimal
    high: Decimal
    low: Decimal
    #: In whole units
    volume: int

    @classmethod
    def read(cls, reader: Reader) -> QuoteListRow:
        symbol = reader.text(2, SYMBOL)
        name = reader.text(2)
        factor = reader.integer(8)
        flags = reader.integer(1)
        time = none_if_zero(reader.time())
        value = none_if_zero(reader.scaled(8, 6, True))
        previous_close = none_if_zero(reader.scaled(8, 6, True))
        open = reader.scaled(8, 6, True)
        high = reader.scaled(8, 6, True)
        low = reader.scaled(8, 6, True)
        volume = reader.integer(8)
        return cls(symbol=symbol, name=name, factor=factor, flags=flags, time=time, value=value, previous_close=previous_close, open=open, high=high, low=low, volume=volume)


@record
class QuoteList:
    """All assets, sorted by the bytes of their symbol."""

    quotes: Tuple[QuoteListRow, ...]
    #: Number of the update whose prices these are
    update: int

    @classmethod
    def read(cls, reader: Reader) -> QuoteList:
        count = reader.integer(4)
        quotes = reader.repeated(count, 69, lambda: QuoteListRow.read(reader))
        update = reader.integer(8)
        return cls(quotes=quotes, update=update)


# Messages of servers.


@record
class LoginFail:
    """A login is refused."""

    #: A code of the list of reasons; a reader accepts others
    code: str
    #: A sentence for people, the rest of the data, spaces included; at most 1,024 bytes
    text: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> LoginFail:
        fields = Fields("loginFail", texts)
        message = cls(
            code=fields.one(Argument("code", REASON_CODE), str),
            text=fields.one(Argument("text", TEXT, last=True), str),
        )
        fields.end()
        return message


@record
class SessionID:
    """The session, and the available workers. It is valid on all of them."""

    #: 64 of `0-9 a-f`
    session_id: str
    #: `host:port`; an IPv6 address is in brackets, `[addr]:port`; ports from 1 to 65535
    worker: Tuple[str, ...]

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> SessionID:
        fields = Fields("sessionID", texts)
        message = cls(
            session_id=fields.one(Argument("sessionID", SESSION_ID), str),
            worker=fields.repeated(Argument("worker", WORKER_ADDRESS, repeated=True), str),
        )
        fields.end()
        return message


@record
class RegisterSuccess:
    """The account exists."""

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> RegisterSuccess:
        fields = Fields("registerSuccess", texts)
        message = cls(
        )
        fields.end()
        return message


@record
class RegisterFail:
    """A registration is refused."""

    #: A code of the list of reasons; a reader accepts others
    code: str
    #: A sentence for people, the rest of the data, spaces included; at most 1,024 bytes
    text: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> RegisterFail:
        fields = Fields("registerFail", texts)
        message = cls(
            code=fields.one(Argument("code", REASON_CODE), str),
            text=fields.one(Argument("text", TEXT, last=True), str),
        )
        fields.end()
        return message


@record
class PurchaseSuccess:
    """A purchase is settled."""

    #: A UUID in lower case with hyphens; ours are version 7
    transaction_id: str
    #: 1 to 16 of `A-Z 0-9 . - / =`
    asset: str
    #: A decimal without needless zeros
    quantity: Decimal
    #: A decimal without needless zeros, in the account currency
    price: Decimal
    #: A decimal without needless zeros, in the account currency
    total: Decimal
    #: `YYYY-MM-DDTHH:MM:SS.fffZ`, in UTC, of a day that exists
    time: datetime.datetime

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> PurchaseSuccess:
        fields = Fields("purchaseSuccess", texts)
        message = cls(
            transaction_id=fields.one(Argument("transactionID", TRANSACTION_ID), str),
            asset=fields.one(Argument("asset", SYMBOL), str),
            quantity=fields.one(Argument("quantity", CANONICAL_QUANTITY), to_decimal),
            price=fields.one(Argument("price", CANONICAL_MONEY), to_decimal),
            total=fields.one(Argument("total", CANONICAL_MONEY), to_decimal),
            time=fields.one(Argument("time", CANONICAL_TIME), to_time),
        )
        fields.end()
        return message


@record
class PurchaseFail:
    """A purchase is refused or rejected."""

    #: A code of the list of reasons; a reader accepts others
    code: str
    #: A sentence for people, the rest of the data, spaces included; at most 1,024 bytes
    text: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> PurchaseFail:
        fields = Fields("purchaseFail", texts)
        message = cls(
            code=fields.one(Argument("code", REASON_CODE), str),
            text=fields.one(Argument("text", TEXT, last=True), str),
        )
        fields.end()
        return message


@record
class SellSuccess:
    """A sale is settled."""

    #: A UUID in lower case with hyphens; ours are version 7
    transaction_id: str
    #: 1 to 16 of `A-Z 0-9 . - / =`
    asset: str
    #: A decimal without needless zeros
    quantity: Decimal
    #: A decimal without needless zeros, in the account currency
    price: Decimal
    #: A decimal without needless zeros, in the account currency
    total: Decimal
    #: `YYYY-MM-DDTHH:MM:SS.fffZ`, in UTC, of a day that exists
    time: datetime.datetime

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> SellSuccess:
        fields = Fields("sellSuccess", texts)
        message = cls(
            transaction_id=fields.one(Argument("transactionID", TRANSACTION_ID), str),
            asset=fields.one(Argument("asset", SYMBOL), str),
            quantity=fields.one(Argument("quantity", CANONICAL_QUANTITY), to_decimal),
            price=fields.one(Argument("price", CANONICAL_MONEY), to_decimal),
            total=fields.one(Argument("total", CANONICAL_MONEY), to_decimal),
            time=fields.one(Argument("time", CANONICAL_TIME), to_time),
        )
        fields.end()
        return message


@record
class SellFail:
    """A sale is refused or rejected."""

    #: A code of the list of reasons; a reader accepts others
    code: str
    #: A sentence for people, the rest of the data, spaces included; at most 1,024 bytes
    text: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> SellFail:
        fields = Fields("sellFail", texts)
        message = cls(
            code=fields.one(Argument("code", REASON_CODE), str),
            text=fields.one(Argument("text", TEXT, last=True), str),
        )
        fields.end()
        return message


@record
class StateSwitchSuccess:
    """The new state."""

    #: `command` or `data`
    state: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> StateSwitchSuccess:
        fields = Fields("stateSwitchSuccess", texts)
        message = cls(
            state=fields.one(Argument("state", STATE), str),
        )
        fields.end()
        return message


@record
class StateSwitchFail:
    """A switch of the state is refused."""

    #: A code of the list of reasons; a reader accepts others
    code: str
    #: A sentence for people, the rest of the data, spaces included; at most 1,024 bytes
    text: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> StateSwitchFail:
        fields = Fields("stateSwitchFail", texts)
        message = cls(
            code=fields.one(Argument("code", REASON_CODE), str),
            text=fields.one(Argument("text", TEXT, last=True), str),
        )
        fields.end()
        return message


@record
class DataFail:
    """A data instruction is refused."""

    #: A code of the list of reasons; a reader accepts others
    code: str
    #: A sentence for people, the rest of the data, spaces included; at most 1,024 bytes
    text: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> DataFail:
        fields = Fields("dataFail", texts)
        message = cls(
            code=fields.one(Argument("code", REASON_CODE), str),
            text=fields.one(Argument("text", TEXT, last=True), str),
        )
        fields.end()
        return message


@record
class LogoutSuccess:
    """The session has ended."""

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> LogoutSuccess:
        fields = Fields("logoutSuccess", texts)
        message = cls(
        )
        fields.end()
        return message


@record
class LogoutFail:
    """A logout is refused."""

    #: A code of the list of reasons; a reader accepts others
    code: str
    #: A sentence for people, the rest of the data, spaces included; at most 1,024 bytes
    text: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> LogoutFail:
        fields = Fields("logoutFail", texts)
        message = cls(
            code=fields.one(Argument("code", REASON_CODE), str),
            text=fields.one(Argument("text", TEXT, last=True), str),
        )
        fields.end()
        return message


@record
class AccountSuccess:
    """The account is changed. The value is what the request asked for, if anything."""

    #: What the request asked for: a number of sessions, or a token, which is 64 of `0-9 a-f`
    value: Optional[str]

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> AccountSuccess:
        fields = Fields("accountSuccess", texts)
        message = cls(
            value=fields.optional(Argument("value", ACCOUNT_VALUE, optional=True), str),
        )
        fields.end()
        return message


@record
class AccountFail:
    """A change of the account is refused."""

    #: A code of the list of reasons; a reader accepts others
    code: str
    #: A sentence for people, the rest of the data, spaces included; at most 1,024 bytes
    text: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> AccountFail:
        fields = Fields("accountFail", texts)
        message = cls(
            code=fields.one(Argument("code", REASON_CODE), str),
            text=fields.one(Argument("text", TEXT, last=True), str),
        )
        fields.end()
        return message


@record
class ThirdPartyStarted:
    """A sign-in has begun: where the person goes, and what they type there."""

    #: 64 of `0-9 a-f`: a secret, as a session ID is
    handle: str
    #: A number of seconds
    poll: int
    #: `YYYY-MM-DDTHH:MM:SS.fffZ`, in UTC, of a day that exists
    expiry: datetime.datetime
    #: Visible ASCII characters, for people to type; `-`: there is nothing to type
    user_code: Optional[str]
    #: Visible ASCII characters: https, or http on loopback
    url: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> ThirdPartyStarted:
        fields = Fields("thirdPartyStarted", texts)
        message = cls(
            handle=fields.one(Argument("handle", SIGN_IN_HANDLE), str),
            poll=fields.one(Argument("poll", POLL_SECONDS), int),
            expiry=fields.one(Argument("expiry", CANONICAL_TIME), to_time),
            user_code=fields.optional(Argument("userCode", USER_CODE), str),
            url=fields.one(Argument("url", WEB_ADDRESS), str),
        )
        fields.end()
        return message


@record
class ThirdPartyPending:
    """The person is not done yet."""

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> ThirdPartyPending:
        fields = Fields("thirdPartyPending", texts)
        message = cls(
        )
        fields.end()
        return message


@record
class ThirdPartyUnknown:
    """The person is known, and has no account yet. The username is a suggestion, free or not."""

    #: 64 of `0-9 a-f`: a secret, as a session ID is
    handle: str
    #: A username, or `-` for none
    username: Optional[str]

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> ThirdPartyUnknown:
        fields = Fields("thirdPartyUnknown", texts)
        message = cls(
            handle=fields.one(Argument("handle", SIGN_IN_HANDLE), str),
            username=fields.optional(Argument("username", USERNAME_OR_DASH), str),
        )
        fields.end()
        return message


@record
class OrderPlaced:
    """An order is on disk. The status is that of now."""

    #: A UUID in lower case with hyphens; ours are version 7
    transaction_id: str
    #: The clientOrderID of the request, or `-` if it had none
    client_order_id: Optional[str]
    #: A word of the list of statuses; a reader accepts others
    status: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> OrderPlaced:
        fields = Fields("orderPlaced", texts)
        message = cls(
            transaction_id=fields.one(Argument("transactionID", TRANSACTION_ID), str),
            client_order_id=fields.optional(
                Argument("clientOrderID", CLIENT_ORDER_ID_OR_DASH), str
            ),
            status=fields.one(Argument("status", STATUS_WORD), str),
        )
        fields.end()
        return message


@record
class OrderCancelled:
    """An order is cancelled."""

    #: A UUID in lower case with hyphens; ours are version 7
    transaction_id: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> OrderCancelled:
        fields = Fields("orderCancelled", texts)
        message = cls(
            transaction_id=fields.one(Argument("transactionID", TRANSACTION_ID), str),
        )
        fields.end()
        return message


@record
class OrderFail:
    """An order is refused, or what was asked of one."""

    #: A code of the list of reasons; a reader accepts others
    code: str
    #: A sentence for people, the rest of the data, spaces included; at most 1,024 bytes
    text: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> OrderFail:
        fields = Fields("orderFail", texts)
        message = cls(
            code=fields.one(Argument("code", REASON_CODE), str),
            text=fields.one(Argument("text", TEXT, last=True), str),
        )
        fields.end()
        return message


@record
class Subscribed:
    """The connection is subscribed to the topic."""

    #: `orders`: the ends of the account's orders; `quotes`: new prices of all assets; `quotes:` and
    #: a symbol: of that asset
    topic: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> Subscribed:
        fields = Fields("subscribed", texts)
        message = cls(
            topic=fields.one(Argument("topic", TOPIC), str),
        )
        fields.end()
        return message


@record
class Unsubscribed:
    """The connection is not subscribed to the topic."""

    #: `orders`: the ends of the account's orders; `quotes`: new prices of all assets; `quotes:` and
    #: a symbol: of that asset
    topic: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> Unsubscribed:
        fields = Fields("unsubscribed", texts)
        message = cls(
            topic=fields.one(Argument("topic", TOPIC), str),
        )
        fields.end()
        return message


@record
class Pong:
    """Answers a ping. A client's is ignored."""

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> Pong:
        fields = Fields("pong", texts)
        message = cls(
        )
        fields.end()
        return message


@record
class WorkerList:
    """The available workers."""

    #: `host:port`; an IPv6 address is in brackets, `[addr]:port`; ports from 1 to 65535
    worker: Tuple[str, ...]

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> WorkerList:
        fields = Fields("workerList", texts)
        message = cls(
            worker=fields.repeated(Argument("worker", WORKER_ADDRESS, repeated=True), str),
        )
        fields.end()
        return message


@record
class ProtocolError:
    """The client broke the protocol, or the server is stopping. The connection ends."""

    #: A code of the list of faults; a reader accepts others
    code: str
    #: A sentence for people, the rest of the data, spaces included; at most 1,024 bytes
    text: str

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> ProtocolError:
        fields = Fields("protocolError", texts)
        message = cls(
            code=fields.one(Argument("code", FAULT_CODE), str),
            text=fields.one(Argument("text", TEXT, last=True), str),
        )
        fields.end()
        return message


@record
class TransactionQueued:
    """The order is on the durable queue. `time` is when it is expected to settle."""

    #: A UUID in lower case with hyphens; ours are version 7
    transaction_id: str
    #: The clientOrderID of the request, or `-` if it had none
    client_order_id: Optional[str]
    #: `YYYY-MM-DDTHH:MM:SS.fffZ`, in UTC, of a day that exists
    time: datetime.datetime

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> TransactionQueued:
        fields = Fields("transactionQueued", texts)
        message = cls(
            transaction_id=fields.one(Argument("transactionID", TRANSACTION_ID), str),
            client_order_id=fields.optional(
                Argument("clientOrderID", CLIENT_ORDER_ID_OR_DASH), str
            ),
            time=fields.one(Argument("time", CANONICAL_TIME), to_time),
        )
        fields.end()
        return message


@record
class ServerInfo:
    """Facts about the server, in any order. What is not known is left out."""

    #: `name=value`: the name is 1 to 32 of `a-z 0-9 -`, the first a letter; the value is 1 to 256
    #: visible ASCII characters, further `=` among them
    fact: Tuple[Tuple[str, str], ...]

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> ServerInfo:
        fields = Fields("serverInfo", texts)
        message = cls(
            fact=fields.repeated(Argument("fact", NAME_VALUE, repeated=True), to_fact),
        )
        fields.end()
        return message


@record
class OrderNotice:
    """An order has ended. The reason is there where it was rejected, cancelled or expired."""

    #: A UUID in lower case with hyphens; ours are version 7
    transaction_id: str
    #: A word of the list of statuses; a reader accepts others
    status: str
    #: 1 to 16 of `A-Z 0-9 . - / =`
    asset: str
    #: A decimal without needless zeros
    quantity: Decimal
    #: A decimal without needless zeros, in the account currency, or `-` for none
    price: Optional[Decimal]
    #: A decimal without needless zeros, in the account currency, or `-` for none
    total: Optional[Decimal]
    #: `YYYY-MM-DDTHH:MM:SS.fffZ`, in UTC, of a day that exists
    time: datetime.datetime
    #: A code of the list of reasons; a reader accepts others
    reason: Optional[str]

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> OrderNotice:
        fields = Fields("orderNotice", texts)
        message = cls(
            transaction_id=fields.one(Argument("transactionID", TRANSACTION_ID), str),
            status=fields.one(Argument("status", STATUS_WORD), str),
            asset=fields.one(Argument("asset", SYMBOL), str),
            quantity=fields.one(Argument("quantity", CANONICAL_QUANTITY), to_decimal),
            price=fields.optional(Argument("price", CANONICAL_MONEY_OR_DASH), to_decimal),
            total=fields.optional(Argument("total", CANONICAL_MONEY_OR_DASH), to_decimal),
            time=fields.one(Argument("time", CANONICAL_TIME), to_time),
            reason=fields.optional(Argument("reason", END_REASON_CODE, optional=True), str),
        )
        fields.end()
        return message


@record
class QuoteNotice:
    """Assets have new prices as of this market time. What does not fit into a message follows in
    the next one.
    """

    #: `YYYY-MM-DDTHH:MM:SS.fffZ`, in UTC, of a day that exists
    market_time: datetime.datetime
    #: `SYMBOL=value`: a symbol, which may contain `=`, and behind the last `=` its price, a decimal
    #: without needless zeros
    quote: Tuple[Tuple[str, Decimal], ...]

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> QuoteNotice:
        fields = Fields("quoteNotice", texts)
        message = cls(
            market_time=fields.one(Argument("marketTime", CANONICAL_TIME), to_time),
            quote=fields.repeated(Argument("quote", QUOTE_VALUE, repeated=True), to_quote),
        )
        fields.end()
        return message


@record
class NoticesDropped:
    """So many notices of the topic were dropped, because the client did not read them; 0: it is not
    known how many. It comes before the next notice of the topic.
    """

    #: `orders`: the ends of the account's orders; `quotes`: new prices of all assets; `quotes:` and
    #: a symbol: of that asset
    topic: str
    #: A number of notices, 0 to 999,999,999; more are told as so many
    count: int

    @classmethod
    def read(cls, texts: Tuple[str, ...]) -> NoticesDropped:
        fields = Fields("noticesDropped", texts)
        message = cls(
            topic=fields.one(Argument("topic", TOPIC), str),
            count=fields.one(Argument("count", DROPPED_COUNT), int),
        )
        fields.end()
        return message


# Requests.


LOGIN = Instruction(
    "login",
    0x0101,
    edition=1,
    states=("command",),
    arguments=(
        Argument("username", USERNAME),
        Argument("hashedPass", HASHED_PASS),
        Argument("isExpirable", FLAG),
    ),
    successes=("sessionID",),
    failure="loginFail",
)


def login(
    username: str,
    hashed_pass: str,
    is_expirable: bool,
) -> Request:
    """Logs in with a password. If isExpirable is `true`, the session ends with the connection
    [4.6.1].
    """
    return LOGIN.request(username, hashed_pass, flag_text(is_expirable, "is_expirable"))


LOGIN_WITH_SESSION_ID = Instruction(
    "login",
    0x0102,
    edition=1,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
    ),
    successes=("sessionID",),
    failure="loginFail",
)


def login_with_session_id(
    session_id: str,
) -> Request:
    """Tells whether a session is active, and names the workers again [4.6.2]."""
    return LOGIN_WITH_SESSION_ID.request(session_id)


REGISTER = Instruction(
    "register",
    0x0103,
    edition=1,
    states=("command",),
    arguments=(
        Argument("username", USERNAME),
        Argument("email", EMAIL),
        Argument("hashedPass", HASHED_PASS),
    ),
    successes=("registerSuccess",),
    failure="registerFail",
)


def register(
    username: str,
    email: str,
    hashed_pass: str,
) -> Request:
    """Creates an account. It does not log in [4.6.3]."""
    return REGISTER.request(username, email, hashed_pass)


PURCHASE_ASSET = Instruction(
    "purchaseAsset",
    0x0104,
    edition=1,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("name", SYMBOL),
        Argument("quantity", QUANTITY),
        Argument("clientOrderID", CLIENT_ORDER_ID, optional=True),
    ),
    successes=("purchaseSuccess",),
    failure="purchaseFail",
)


def purchase_asset(
    session_id: str,
    name: str,
    quantity: Number,
    client_order_id: Optional[str] = None,
) -> Request:
    """Queues a purchase, which settles at the price of the next update. Once it is queued,
    `transactionQueued` announces it. The answer comes when it has settled [4.6.4].
    """
    return PURCHASE_ASSET.request(
        session_id,
        name,
        decimal_text(quantity, "quantity"),
        client_order_id,
    )


SELL_ASSET = Instruction(
    "sellAsset",
    0x0105,
    edition=1,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("name", SYMBOL),
        Argument("quantity", QUANTITY),
        Argument("clientOrderID", CLIENT_ORDER_ID, optional=True),
    ),
    successes=("sellSuccess",),
    failure="sellFail",
)


def sell_asset(
    session_id: str,
    name: str,
    quantity: Number,
    client_order_id: Optional[str] = None,
) -> Request:
    """Queues a sale, which settles at the price of the next update. Once it is queued,
    `transactionQueued` announces it. The answer comes when it has settled [4.6.5].
    """
    return SELL_ASSET.request(session_id, name, decimal_text(quantity, "quantity"), client_order_id)


SWITCH_STATE = Instruction(
    "switchState",
    0x0106,
    edition=1,
    states=("command", "data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("state", STATE),
    ),
    successes=("stateSwitchSuccess",),
    failure="stateSwitchFail",
)


def switch_state(
    session_id: str,
    state: str,
) -> Request:
    """Switches the connection to the command state or to the data state, and there binds it to the
    session. The way back checks only the form of the session ID [4.6.6].
    """
    return SWITCH_STATE.request(session_id, state)


LOGOUT = Instruction(
    "logout",
    0x0107,
    edition=1,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
    ),
    successes=("logoutSuccess",),
    failure="logoutFail",
)


def logout(
    session_id: str,
) -> Request:
    """Ends a session [4.5.1]."""
    return LOGOUT.request(session_id)


CHANGE_PASSWORD = Instruction(
    "changePassword",
    0x0108,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("hashedPass", HASHED_PASS_OR_DASH),
        Argument("newHashedPass", HASHED_PASS),
    ),
    successes=("accountSuccess",),
    failure="accountFail",
)


def change_password(
    session_id: str,
    hashed_pass: Optional[str],
    new_hashed_pass: str,
) -> Request:
    """Changes the password. The old one is `-` where the account has none: that is how it gets its
    first. All other sessions and all tokens of the account end [3.1.3].
    """
    return CHANGE_PASSWORD.request(session_id, or_dash(hashed_pass, "hashed_pass"), new_hashed_pass)


REQUEST_RESET = Instruction(
    "requestReset",
    0x0109,
    edition=2,
    states=("command",),
    arguments=(
        Argument("usernameOrEmail", USERNAME_OR_EMAIL),
    ),
    successes=("accountSuccess",),
    failure="accountFail",
)


def request_reset(
    username_or_email: str,
) -> Request:
    """Asks for a code for a new password, which is sent to the account's e-mail address. The answer
    comes before anything is looked up, and is always the same [3.1.3].
    """
    return REQUEST_RESET.request(username_or_email)


RESET_PASSWORD = Instruction(
    "resetPassword",
    0x010A,
    edition=2,
    states=("command",),
    arguments=(
        Argument("username", USERNAME),
        Argument("code", RESET_CODE),
        Argument("newHashedPass", HASHED_PASS),
    ),
    successes=("accountSuccess",),
    failure="accountFail",
)


def reset_password(
    username: str,
    code: str,
    new_hashed_pass: str,
) -> Request:
    """Sets a new password with a code, which is used up. All sessions and tokens of the account
    end, and nobody is logged in [3.1.3].
    """
    return RESET_PASSWORD.request(username, code, new_hashed_pass)


DELETE_ACCOUNT = Instruction(
    "deleteAccount",
    0x010B,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("hashedPass", HASHED_PASS_OR_DASH),
    ),
    successes=("accountSuccess",),
    failure="accountFail",
)


def delete_account(
    session_id: str,
    hashed_pass: Optional[str],
) -> Request:
    """Deletes the account. `-` for the hashedPass where the account has no password [3.1.3]."""
    return DELETE_ACCOUNT.request(session_id, or_dash(hashed_pass, "hashed_pass"))


END_SESSIONS = Instruction(
    "endSessions",
    0x010C,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("which", SESSION_SELECTION),
    ),
    successes=("accountSuccess",),
    failure="accountFail",
)


def end_sessions(
    session_id: str,
    which: str,
) -> Request:
    """Ends sessions of the account. Tokens stay. The value is the number of those ended [3.1.3]."""
    return END_SESSIONS.request(session_id, which)


CREATE_TOKEN = Instruction(
    "createToken",
    0x010D,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("name", TOKEN_NAME),
        Argument("scope", TOKEN_SCOPE),
        Argument("days", DAYS),
    ),
    successes=("accountSuccess",),
    failure="accountFail",
)


def create_token(
    session_id: str,
    name: str,
    scope: str,
    days: int,
) -> Request:
    """Makes a token: a session for a program. The value is the token, which is told this once
    [3.1.3].
    """
    return CREATE_TOKEN.request(session_id, name, scope, str(days))


REVOKE_TOKEN = Instruction(
    "revokeToken",
    0x010E,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("name", TOKEN_NAME),
    ),
    successes=("accountSuccess",),
    failure="accountFail",
)


def revoke_token(
    session_id: str,
    name: str,
) -> Request:
    """Ends a token [3.1.3]."""
    return REVOKE_TOKEN.request(session_id, name)


BEGIN_THIRD_PARTY = Instruction(
    "beginThirdParty",
    0x010F,
    edition=2,
    states=("command",),
    arguments=(
        Argument("provider", IDENTITY_PROVIDER_NAME),
        Argument("method", SIGN_IN_METHOD),
        Argument("redirectURI", REDIRECT_URI, optional=True),
    ),
    successes=("thirdPartyStarted",),
    failure="loginFail",
)


def begin_third_party(
    provider: str,
    method: str,
    redirect_uri: Optional[str] = None,
) -> Request:
    """Begins a sign-in with a provider of identities [3.1.3]."""
    return BEGIN_THIRD_PARTY.request(provider, method, redirect_uri)


AWAIT_THIRD_PARTY = Instruction(
    "awaitThirdParty",
    0x0110,
    edition=2,
    states=("command",),
    arguments=(
        Argument("handle", SIGN_IN_HANDLE),
    ),
    successes=("sessionID", "thirdPartyPending", "thirdPartyUnknown",),
    failure="loginFail",
)


def await_third_party(
    handle: str,
) -> Request:
    """Tells how far a sign-in is, and logs in once the person is known and has an account [3.1.3].
    """
    return AWAIT_THIRD_PARTY.request(handle)


COMPLETE_THIRD_PARTY = Instruction(
    "completeThirdParty",
    0x0111,
    edition=2,
    states=("command",),
    arguments=(
        Argument("handle", SIGN_IN_HANDLE),
        Argument("code", BROWSER_SECRET),
        Argument("state", BROWSER_SECRET),
    ),
    successes=("sessionID", "thirdPartyPending", "thirdPartyUnknown",),
    failure="loginFail",
)


def complete_third_party(
    handle: str,
    code: str,
    state: str,
) -> Request:
    """Gives what a browser brought back from the provider, and goes on as awaitThirdParty [3.1.3].
    """
    return COMPLETE_THIRD_PARTY.request(handle, code, state)


REGISTER_THIRD_PARTY = Instruction(
    "registerThirdParty",
    0x0112,
    edition=2,
    states=("command",),
    arguments=(
        Argument("handle", SIGN_IN_HANDLE),
        Argument("username", USERNAME),
        Argument("email", EMAIL_OR_DASH),
    ),
    successes=("sessionID",),
    failure="loginFail",
)


def register_third_party(
    handle: str,
    username: str,
    email: Optional[str],
) -> Request:
    """Creates an account without a password for the person of a sign-in, and logs in [3.1.3]."""
    return REGISTER_THIRD_PARTY.request(handle, username, or_dash(email, "email"))


LINK_THIRD_PARTY = Instruction(
    "linkThirdParty",
    0x0113,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("handle", SIGN_IN_HANDLE),
    ),
    successes=("accountSuccess",),
    failure="accountFail",
)


def link_third_party(
    session_id: str,
    handle: str,
) -> Request:
    """Lets the person of a sign-in log in to the account of the session [3.1.3]."""
    return LINK_THIRD_PARTY.request(session_id, handle)


UNLINK_THIRD_PARTY = Instruction(
    "unlinkThirdParty",
    0x0114,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("provider", IDENTITY_PROVIDER_NAME),
    ),
    successes=("accountSuccess",),
    failure="accountFail",
)


def unlink_third_party(
    session_id: str,
    provider: str,
) -> Request:
    """Takes the identities of a provider from the account, but not its last way in [3.1.3]."""
    return UNLINK_THIRD_PARTY.request(session_id, provider)


PLACE_ORDER = Instruction(
    "placeOrder",
    0x0115,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("side", ORDER_SIDE),
        Argument("asset", SYMBOL),
        Argument("quantity", ORDER_AMOUNT),
        Argument("kind", ORDER_KIND),
        Argument("limit", PRICE_OR_DASH),
        Argument("stop", STOP_OR_DASH),
        Argument("timeInForce", TIME_IN_FORCE),
        Argument("clientOrderID", CLIENT_ORDER_ID, optional=True),
    ),
    successes=("orderPlaced",),
    failure="orderFail",
)


def place_order(
    session_id: str,
    side: str,
    asset: str,
    quantity: str,
    kind: str,
    limit: Optional[Number],
    stop: Optional[Number],
    time_in_force: When,
    client_order_id: Optional[str] = None,
) -> Request:
    """Places an order, which fills when a price allows it. The answer comes once it is on disk; how
    it ends is told by its history and by notices [3.1.7].
    """
    return PLACE_ORDER.request(
        session_id,
        side,
        asset,
        quantity,
        kind,
        or_dash(limit, "limit"),
        or_dash(stop, "stop"),
        date_text(time_in_force, "time_in_force"),
        client_order_id,
    )


CANCEL_ORDER = Instruction(
    "cancelOrder",
    0x0116,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("transactionID", TRANSACTION_ID),
    ),
    successes=("orderCancelled",),
    failure="orderFail",
)


def cancel_order(
    session_id: str,
    transaction_id: str,
) -> Request:
    """Cancels an order that waits. While an update is under way the answer waits for its settlement
    [3.1.7].
    """
    return CANCEL_ORDER.request(session_id, transaction_id)


REPLACE_ORDER = Instruction(
    "replaceOrder",
    0x0117,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("transactionID", TRANSACTION_ID),
        Argument("quantity", ORDER_AMOUNT_OR_DASH),
        Argument("limit", PRICE_OR_DASH),
        Argument("stop", STOP_OR_DASH),
        Argument("clientOrderID", CLIENT_ORDER_ID, optional=True),
    ),
    successes=("orderPlaced",),
    failure="orderFail",
)


def replace_order(
    session_id: str,
    transaction_id: str,
    quantity: Optional[str],
    limit: Optional[Number],
    stop: Optional[Number],
    client_order_id: Optional[str] = None,
) -> Request:
    """Places an order in the place of one that waits, which is cancelled with it, or neither. `-`
    for a quantity or price: as it was. While an update is under way the answer waits for its
    settlement [3.1.7].
    """
    return REPLACE_ORDER.request(
        session_id,
        transaction_id,
        or_dash(quantity, "quantity"),
        or_dash(limit, "limit"),
        or_dash(stop, "stop"),
        client_order_id,
    )


SUBSCRIBE = Instruction(
    "subscribe",
    0x0118,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("topic", TOPIC),
    ),
    successes=("subscribed",),
    failure="orderFail",
)


def subscribe(
    session_id: str,
    topic: str,
) -> Request:
    """Has the server tell by notices what it is not asked for: ends of one's orders, or new prices.
    Ends with the session or the connection. Subscribing again succeeds [3.1.7].
    """
    return SUBSCRIBE.request(session_id, topic)


UNSUBSCRIBE = Instruction(
    "unsubscribe",
    0x0119,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("topic", TOPIC),
    ),
    successes=("unsubscribed",),
    failure="orderFail",
)


def unsubscribe(
    session_id: str,
    topic: str,
) -> Request:
    """Ends a subscription of this connection, also one that there is not [3.1.7]."""
    return UNSUBSCRIBE.request(session_id, topic)


CHANGE_EMAIL = Instruction(
    "changeEmail",
    0x011A,
    edition=2,
    states=("command",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("hashedPass", HASHED_PASS_OR_DASH),
        Argument("email", EMAIL_OR_DASH),
    ),
    successes=("accountSuccess",),
    failure="accountFail",
)


def change_email(
    session_id: str,
    hashed_pass: Optional[str],
    email: Optional[str],
) -> Request:
    """Changes the e-mail address. `-` for the hashedPass where the account has no password; `-` for
    the address takes it away [3.1.3].
    """
    return CHANGE_EMAIL.request(
        session_id,
        or_dash(hashed_pass, "hashed_pass"),
        or_dash(email, "email"),
    )


GET_ASSET_INFO = Instruction(
    "getAssetInfo",
    0x0201,
    edition=1,
    states=("data",),
    arguments=(
        Argument("asset", SYMBOL),
    ),
    successes=("data",),
    failure="dataFail",
    payload="AssetInfo",
)


def get_asset_info(
    asset: str,
) -> Request:
    """An asset with the bar of its latest day [4.6.7]."""
    return GET_ASSET_INFO.request(asset)


GET_ASSET_VALUE_CURRENT = Instruction(
    "getAssetValueCurrent",
    0x0202,
    edition=1,
    states=("data",),
    arguments=(
        Argument("asset", SYMBOL),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Quote",
)


def get_asset_value_current(
    asset: str,
) -> Request:
    """An asset's latest price [4.6.8]."""
    return GET_ASSET_VALUE_CURRENT.request(asset)


GET_ASSET_VALUE_DAY = Instruction(
    "getAssetValueDay",
    0x0203,
    edition=1,
    states=("data",),
    arguments=(
        Argument("asset", SYMBOL),
        Argument("date", DATE),
        Argument("adjustment", ADJUSTMENT, optional=True),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Bars",
)


def get_asset_value_day(
    asset: str,
    date: When,
    adjustment: Optional[str] = None,
) -> Request:
    """The bars that start after date − 24 h and not after the date. Without data: none [4.6.9]."""
    return GET_ASSET_VALUE_DAY.request(asset, date_text(date, "date"), adjustment)


GET_ASSET_VALUE_WEEK = Instruction(
    "getAssetValueWeek",
    0x0204,
    edition=1,
    states=("data",),
    arguments=(
        Argument("asset", SYMBOL),
        Argument("date", DATE),
        Argument("adjustment", ADJUSTMENT, optional=True),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Bars",
)


def get_asset_value_week(
    asset: str,
    date: When,
    adjustment: Optional[str] = None,
) -> Request:
    """The daily bars of the 7 days that end with the date's day. Days without data have none
    [4.6.10].
    """
    return GET_ASSET_VALUE_WEEK.request(asset, date_text(date, "date"), adjustment)


GET_ASSET_VALUE_MONTH = Instruction(
    "getAssetValueMonth",
    0x0205,
    edition=1,
    states=("data",),
    arguments=(
        Argument("asset", SYMBOL),
        Argument("date", DATE),
        Argument("adjustment", ADJUSTMENT, optional=True),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Bars",
)


def get_asset_value_month(
    asset: str,
    date: When,
    adjustment: Optional[str] = None,
) -> Request:
    """The daily bars of the month that ends with the date's day. Days without data have none
    [4.6.11].
    """
    return GET_ASSET_VALUE_MONTH.request(asset, date_text(date, "date"), adjustment)


GET_ASSET_VALUE_YEAR = Instruction(
    "getAssetValueYear",
    0x0206,
    edition=1,
    states=("data",),
    arguments=(
        Argument("asset", SYMBOL),
        Argument("date", DATE),
        Argument("adjustment", ADJUSTMENT, optional=True),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Bars",
)


def get_asset_value_year(
    asset: str,
    date: When,
    adjustment: Optional[str] = None,
) -> Request:
    """The monthly bars of the 12 whole months that end with the date's. Months without data have
    none [4.6.12].
    """
    return GET_ASSET_VALUE_YEAR.request(asset, date_text(date, "date"), adjustment)


GET_ASSET_VALUE_ALL_TIME = Instruction(
    "getAssetValueAllTime",
    0x0207,
    edition=1,
    states=("data",),
    arguments=(
        Argument("asset", SYMBOL),
        Argument("adjustment", ADJUSTMENT, optional=True),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Bars",
)


def get_asset_value_all_time(
    asset: str,
    adjustment: Optional[str] = None,
) -> Request:
    """All monthly bars [4.6.13]."""
    return GET_ASSET_VALUE_ALL_TIME.request(asset, adjustment)


GET_USER_INFO = Instruction(
    "getUserInfo",
    0x0208,
    edition=1,
    states=("data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("username", USERNAME),
    ),
    successes=("data",),
    failure="dataFail",
    payload="UserInfo",
)


def get_user_info(
    session_id: str,
    username: str,
) -> Request:
    """An account. Its owner also sees e-mail address and cash [4.6.14]."""
    return GET_USER_INFO.request(session_id, username)


GET_USER_PORTFOLIO = Instruction(
    "getUserPortfolio",
    0x0209,
    edition=1,
    states=("data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("username", USERNAME),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Portfolio",
)


def get_user_portfolio(
    session_id: str,
    username: str,
) -> Request:
    """Positions. The owner sees quantities and cash, others see shares [4.6.15]."""
    return GET_USER_PORTFOLIO.request(session_id, username)


GET_USER_TRANSACTION_HISTORY = Instruction(
    "getUserTransactionHistory",
    0x020A,
    edition=1,
    states=("data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("username", USERNAME),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Transactions",
)


def get_user_transaction_history(
    session_id: str,
    username: str,
) -> Request:
    """Transactions, newest first. The owner also sees quantities and prices [4.6.16]."""
    return GET_USER_TRANSACTION_HISTORY.request(session_id, username)


GET_ASSET_VALUE_PREDICTED = Instruction(
    "getAssetValuePredicted",
    0x020B,
    edition=1,
    states=("data",),
    arguments=(
        Argument("asset", SYMBOL),
        Argument("date", DATE),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Forecast",
)


def get_asset_value_predicted(
    asset: str,
    date: When,
) -> Request:
    """A forecast for a date after the latest bar [4.2.2]."""
    return GET_ASSET_VALUE_PREDICTED.request(asset, date_text(date, "date"))


GET_ASSET_LIST = Instruction(
    "getAssetList",
    0x020C,
    edition=1,
    states=("data",),
    arguments=(),
    successes=("data",),
    failure="dataFail",
    payload="List",
)


def get_asset_list() -> Request:
    """The symbols, sorted by byte [3.1.6]."""
    return GET_ASSET_LIST.request()


GET_TRANSACTION_RECEIPT = Instruction(
    "getTransactionReceipt",
    0x020D,
    edition=1,
    states=("data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("transactionID", TRANSACTION_ID),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Receipt",
)


def get_transaction_receipt(
    session_id: str,
    transaction_id: str,
) -> Request:
    """The explanation of a fill of one's own [3.1.7]."""
    return GET_TRANSACTION_RECEIPT.request(session_id, transaction_id)


GET_SESSIONS = Instruction(
    "getSessions",
    0x020E,
    edition=2,
    states=("data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Sessions",
)


def get_sessions(
    session_id: str,
) -> Request:
    """The sessions of the account's logins: where each was made and last used [3.1.3]."""
    return GET_SESSIONS.request(session_id)


GET_TOKENS = Instruction(
    "getTokens",
    0x020F,
    edition=2,
    states=("data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Tokens",
)


def get_tokens(
    session_id: str,
) -> Request:
    """The account's tokens: what each allows, where it was made and last used [3.1.3]."""
    return GET_TOKENS.request(session_id)


GET_IDENTITIES = Instruction(
    "getIdentities",
    0x0210,
    edition=2,
    states=("data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
    ),
    successes=("data",),
    failure="dataFail",
    payload="Identities",
)


def get_identities(
    session_id: str,
) -> Request:
    """With whom the account's owner signs in beside a password [3.1.3]."""
    return GET_IDENTITIES.request(session_id)


GET_OPEN_ORDERS = Instruction(
    "getOpenOrders",
    0x0211,
    edition=2,
    states=("data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
    ),
    successes=("data",),
    failure="dataFail",
    payload="OpenOrders",
)


def get_open_orders(
    session_id: str,
) -> Request:
    """The orders of the account that have no outcome yet, newest first [3.1.7]."""
    return GET_OPEN_ORDERS.request(session_id)


GET_ACCOUNT_SUMMARY = Instruction(
    "getAccountSummary",
    0x0212,
    edition=2,
    states=("data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
    ),
    successes=("data",),
    failure="dataFail",
    payload="AccountSummary",
)


def get_account_summary(
    session_id: str,
) -> Request:
    """What the account has, may spend and has gained, with each of its positions [2.4.1]."""
    return GET_ACCOUNT_SUMMARY.request(session_id)


GET_USER_TRANSACTION_HISTORY_PAGE = Instruction(
    "getUserTransactionHistoryPage",
    0x0213,
    edition=2,
    states=("data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
        Argument("username", USERNAME),
        Argument("before", TRANSACTION_ID_OR_DASH),
        Argument("count", PAGE_COUNT),
    ),
    successes=("data",),
    failure="dataFail",
    payload="TransactionPage",
)


def get_user_transaction_history_page(
    session_id: str,
    username: str,
    before: Optional[str],
    count: int,
) -> Request:
    """Transactions, newest first, that are older than the one of this ID; `-` for the newest. The
    owner also sees what each order said [4.6.16].
    """
    return GET_USER_TRANSACTION_HISTORY_PAGE.request(
        session_id,
        username,
        or_dash(before, "before"),
        str(count),
    )


GET_QUOTE_LIST = Instruction(
    "getQuoteList",
    0x0214,
    edition=2,
    states=("data",),
    arguments=(),
    successes=("data",),
    failure="dataFail",
    payload="QuoteList",
)


def get_quote_list() -> Request:
    """All assets, sorted by byte, with their prices and what they are called [3.1.6]."""
    return GET_QUOTE_LIST.request()


GET_ACCOUNT_EXPORT = Instruction(
    "getAccountExport",
    0x0215,
    edition=2,
    states=("data",),
    arguments=(
        Argument("sessionID", SESSION_ID),
    ),
    successes=("data",),
    failure="dataFail",
    payload="List",
)


def get_account_export(
    session_id: str,
) -> Request:
    """All that the deployment has on the account's owner: a text of JSON lines [3.1.3]."""
    return GET_ACCOUNT_EXPORT.request(session_id)


PING = Instruction(
    "ping",
    0x0401,
    edition=1,
    states=("command", "data",),
    arguments=(),
    successes=("pong",),
)


def ping() -> Request:
    """Answered with pong. Servers never send it [4.1]."""
    return PING.request()


GET_WORKER_LIST = Instruction(
    "getWorkerList",
    0x0403,
    edition=1,
    states=("command", "data",),
    arguments=(),
    successes=("workerList",),
)


def get_worker_list() -> Request:
    """Asks for the available workers. The only instruction that a master answers [3.1.5]."""
    return GET_WORKER_LIST.request()


GET_SERVER_INFO = Instruction(
    "getServerInfo",
    0x0407,
    edition=2,
    states=("command", "data",),
    arguments=(),
    successes=("serverInfo",),
)


def get_server_info() -> Request:
    """Asks what the server is and how its market stands. Answered before any login [4.1]."""
    return GET_SERVER_INFO.request()


# Tables.

#: What reads the arguments of a message, by its number; and its name.
MESSAGES: Dict[int, Tuple[str, Callable[[Tuple[str, ...]], Any]]] = {
    0x0301: ("loginFail", LoginFail.read),
    0x0302: ("sessionID", SessionID.read),
    0x0303: ("registerSuccess", RegisterSuccess.read),
    0x0304: ("registerFail", RegisterFail.read),
    0x0305: ("purchaseSuccess", PurchaseSuccess.read),
    0x0306: ("purchaseFail", PurchaseFail.read),
    0x0307: ("sellSuccess", SellSuccess.read),
    0x0308: ("sellFail", SellFail.read),
    0x0309: ("stateSwitchSuccess", StateSwitchSuccess.read),
    0x030A: ("stateSwitchFail", StateSwitchFail.read),
    0x030C: ("dataFail", DataFail.read),
    0x030D: ("logoutSuccess", LogoutSuccess.read),
    0x030E: ("logoutFail", LogoutFail.read),
    0x030F: ("accountSuccess", AccountSuccess.read),
    0x0310: ("accountFail", AccountFail.read),
    0x0311: ("thirdPartyStarted", ThirdPartyStarted.read),
    0x0312: ("thirdPartyPending", ThirdPartyPending.read),
    0x0313: ("thirdPartyUnknown", ThirdPartyUnknown.read),
    0x0314: ("orderPlaced", OrderPlaced.read),
    0x0315: ("orderCancelled", OrderCancelled.read),
    0x0316: ("orderFail", OrderFail.read),
    0x0317: ("subscribed", Subscribed.read),
    0x0318: ("unsubscribed", Unsubscribed.read),
    0x0402: ("pong", Pong.read),
    0x0404: ("workerList", WorkerList.read),
    0x0405: ("protocolError", ProtocolError.read),
    0x0406: ("transactionQueued", TransactionQueued.read),
    0x0408: ("serverInfo", ServerInfo.read),
    0x0409: ("orderNotice", OrderNotice.read),
    0x040A: ("quoteNotice", QuoteNotice.read),
    0x040B: ("noticesDropped", NoticesDropped.read),
}
#: Names of messages that may come at any time and answer nothing.
NOTICES = frozenset(
    {
        "protocolError",
        "transactionQueued",
        "orderNotice",
        "quoteNotice",
        "noticesDropped",
    }
)
#: What reads a payload, by its layout.
PAYLOADS: Dict[str, Callable[[Reader], Any]] = {
    "AccountSummary": AccountSummary.read,
    "AssetInfo": AssetInfo.read,
    "Bars": Bars.read,
    "Forecast": Forecast.read,
    "Identities": Identities.read,
    "List": List.read,
    "OpenOrders": OpenOrders.read,
    "Portfolio": Portfolio.read,
    "Quote": Quote.read,
    "QuoteList": QuoteList.read,
    "Receipt": Receipt.read,
    "Sessions": Sessions.read,
    "Tokens": Tokens.read,
    "TransactionPage": TransactionPage.read,
    "Transactions": Transactions.read,
    "UserInfo": UserInfo.read,
}
#: All that a client may send, by name; the second login by the name of its function.
INSTRUCTIONS: Dict[str, Instruction] = {
    "login": LOGIN,
    "login_with_session_id": LOGIN_WITH_SESSION_ID,
    "register": REGISTER,
    "purchase_asset": PURCHASE_ASSET,
    "sell_asset": SELL_ASSET,
    "switch_state": SWITCH_STATE,
    "logout": LOGOUT,
    "change_password": CHANGE_PASSWORD,
    "request_reset": REQUEST_RESET,
    "reset_password": RESET_PASSWORD,
    "delete_account": DELETE_ACCOUNT,
    "end_sessions": END_SESSIONS,
    "create_token": CREATE_TOKEN,
    "revoke_token": REVOKE_TOKEN,
    "begin_third_party": BEGIN_THIRD_PARTY,
    "await_third_party": AWAIT_THIRD_PARTY,
    "complete_third_party": COMPLETE_THIRD_PARTY,
    "register_third_party": REGISTER_THIRD_PARTY,
    "link_third_party": LINK_THIRD_PARTY,
    "unlink_third_party": UNLINK_THIRD_PARTY,
    "place_order": PLACE_ORDER,
    "cancel_order": CANCEL_ORDER,
    "replace_order": REPLACE_ORDER,
    "subscribe": SUBSCRIBE,
    "unsubscribe": UNSUBSCRIBE,
    "change_email": CHANGE_EMAIL,
    "get_asset_info": GET_ASSET_INFO,
    "get_asset_value_current": GET_ASSET_VALUE_CURRENT,
    "get_asset_value_day": GET_ASSET_VALUE_DAY,
    "get_asset_value_week": GET_ASSET_VALUE_WEEK,
    "get_asset_value_month": GET_ASSET_VALUE_MONTH,
    "get_asset_value_year": GET_ASSET_VALUE_YEAR,
    "get_asset_value_all_time": GET_ASSET_VALUE_ALL_TIME,
    "get_user_info": GET_USER_INFO,
    "get_user_portfolio": GET_USER_PORTFOLIO,
    "get_user_transaction_history": GET_USER_TRANSACTION_HISTORY,
    "get_asset_value_predicted": GET_ASSET_VALUE_PREDICTED,
    "get_asset_list": GET_ASSET_LIST,
    "get_transaction_receipt": GET_TRANSACTION_RECEIPT,
    "get_sessions": GET_SESSIONS,
    "get_tokens": GET_TOKENS,
    "get_identities": GET_IDENTITIES,
    "get_open_orders": GET_OPEN_ORDERS,
    "get_account_summary": GET_ACCOUNT_SUMMARY,
    "get_user_transaction_history_page": GET_USER_TRANSACTION_HISTORY_PAGE,
    "get_quote_list": GET_QUOTE_LIST,
    "get_account_export": GET_ACCOUNT_EXPORT,
    "ping": PING,
    "get_worker_list": GET_WORKER_LIST,
    "get_server_info": GET_SERVER_INFO,
}
