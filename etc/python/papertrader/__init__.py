"""PaperTrader in Python: practise investing with play money.

    import papertrader

    with papertrader.Client("127.0.0.1:2049") as client:
        client.login("alice", "a long password")
        print(client.quote("AAPL").value)

`Client` blocks, `AsyncClient` is for asyncio; both have the same calls. Amounts are Decimal, times
are datetimes in UTC. What goes wrong is a PaperTraderError. `papertrader.wire` has the wire format.
"""

from . import wire
from .aio import AsyncClient, AsyncFeed
from .calls import Fill, Missed, Placed, Price, Server
from .client import Client, Feed
from .errors import (
    BadArgument,
    BadCredentials,
    ConnectionLost,
    ConnectionProblem,
    InsufficientFunds,
    InsufficientHoldings,
    InvalidValue,
    Nonsense,
    NoPrice,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    NotSupported,
    NoWorker,
    OrderEnded,
    OutcomeUnknown,
    PaperTraderError,
    Refused,
    ServerFault,
    SessionEnded,
    StillOpen,
    Taken,
    TlsFailed,
    TryLater,
    Unreachable,
    WrongState,
)
from .rows import Rows

__version__ = "0.2.0"

__all__ = [
    "AsyncClient",
    "AsyncFeed",
    "BadArgument",
    "BadCredentials",
    "Client",
    "ConnectionLost",
    "ConnectionProblem",
    "Feed",
    "Fill",
    "InsufficientFunds",
    "InsufficientHoldings",
    "InvalidValue",
    "Missed",
    "NoPrice",
    "NoWorker",
    "Nonsense",
    "NotAllowed",
    "NotFound",
    "NotLoggedIn",
    "NotSupported",
    "OrderEnded",
    "OutcomeUnknown",
    "PaperTraderError",
    "Placed",
    "Price",
    "Refused",
    "Rows",
    "Server",
    "ServerFault",
    "SessionEnded",
    "StillOpen",
    "Taken",
    "TlsFailed",
    "TryLater",
    "Unreachable",
    "WrongState",
    "wire",
]
