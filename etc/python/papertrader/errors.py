"""What can go wrong, as exceptions. All of them are a PaperTraderError.

A refusal of the server is a Refused: its code is for programs, its text for people. Codes are an
open list: a code of a later edition is a plain Refused, and keeps its text.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Tuple, Type


class PaperTraderError(Exception):
    """Whatever this package raises. It can be pickled, as a pool of processes does."""

    def __reduce__(self) -> Tuple[Any, ...]:
        # An exception's own way calls the class with the text alone.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    cls: Type[PaperTraderError], arguments: Tuple[Any, ...], fields: Dict[str, Any]
) -> PaperTraderError:
    """An error that was pickled."""
    error = cls.__new__(cls)
    error.args = arguments
    error.__dict__.update(fields)
    return error


class BadArgument(PaperTraderError, ValueError):
    """An argument that is not of its form. Nothing was sent."""

    def __init__(self, name: str, value: Optional[object], about: str) -> None:
        # A secret is not repeated.
        if value is None or name in ("hashed_pass", "new_hashed_pass", "session_id"):
            super().__init__(f"{name} must be {about}")
        else:
            super().__init__(f"{name} {ascii(value)} is wrong; it must be {about}")
        self.name = name


class NotLoggedIn(PaperTraderError):
    """The call needs a session: log in first."""

    def __init__(self, text: str = "not logged in: call login() or resume() first") -> None:
        super().__init__(text)


class NotSupported(PaperTraderError):
    """The server speaks an edition of the protocol that does not have this."""


class ConnectionProblem(PaperTraderError, ConnectionError):
    """Something about the connection to one worker. Another worker may do."""

    #: Whether the request may have been carried out all the same.
    may_have_happened = False


class Unreachable(ConnectionProblem):
    """No connection could be made."""


class TlsFailed(ConnectionProblem):
    """The connection could not be encrypted, or the server is not the one that it should be."""


class ConnectionLost(ConnectionProblem):
    """The connection ended, or was silent for too long, before the answer."""

    may_have_happened = True


class Nonsense(ConnectionProblem):
    """The server sent what the protocol does not allow."""

    may_have_happened = True


class ServerFault(ConnectionProblem):
    """The server ended the connection with protocolError."""

    may_have_happened = True

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"the server ended the connection: {text} ({code})")
        self.code = code
        self.text = text


class NoWorker(ConnectionProblem):
    """Every known worker failed: `errors` has the reason of each address."""

    def __init__(self, errors: Sequence[tuple[str, PaperTraderError]]) -> None:
        told = "; ".join(f"{address}: {error}" for address, error in errors)
        super().__init__(f"no worker could be reached: {told}" if told else "no worker is known")
        self.errors = tuple(errors)
        self.may_have_happened = any(
            getattr(error, "may_have_happened", False) for _, error in errors
        )


class OutcomeUnknown(PaperTraderError):
    """An order was sent, and what became of it is not known.

    Send it again with the same `client_order_id` (`key=`): it will not trade twice. Or look at
    transactions().
    """

    def __init__(self, client_order_id: str, why: str) -> None:
        super().__init__(
            f"the outcome of order {client_order_id} is unknown: {why}. "
            "Repeat it with the same key, or look at the transactions"
        )
        self.client_order_id = client_order_id


class StillOpen(PaperTraderError):
    """The order stands, and had no outcome in the time that was given, or while workers answered.

    wait() with its `transaction_id` follows it further.
    """

    def __init__(
        self, transaction_id: str, client_order_id: Optional[str], why: Optional[str] = None
    ) -> None:
        because = "" if why is None else f": {why}"
        super().__init__(f"order {transaction_id} has no outcome yet{because}")
        self.transaction_id = transaction_id
        self.client_order_id = client_order_id


class Refused(PaperTraderError):
    """The server refused a request, or rejected an order."""

    #: Of an order: its IDs, where they are known.
    client_order_id: Optional[str] = None
    transaction_id: Optional[str] = None

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{text} ({code})" if text and text != code else code)
        self.code = code
        self.text = text


class BadCredentials(Refused):
    """The name, the password or the code is wrong, or the account cannot log in so."""


class SessionEnded(Refused):
    """The session has expired or was ended: log in again."""


class NotAllowed(Refused):
    """The session may not do this, or its login is too long ago."""


class Taken(Refused):
    """Somebody or something else has the name, the address, the identity or the key already."""


class InvalidValue(Refused):
    """A value that is not of its form, or that cannot be."""


class NotFound(Refused):
    """There is no such asset, account, provider or transaction."""


class NoPrice(Refused):
    """The asset has no price that the order or the question could have."""


class InsufficientFunds(Refused):
    """Less cash than the order takes."""


class InsufficientHoldings(Refused):
    """Fewer units than the order sells."""


class OrderEnded(Refused):
    """The order was cancelled, replaced or has expired, or has ended already."""


class TryLater(Refused):
    """The server cannot do it now: it is busy, its master is away, or it has failed."""


class WrongState(Refused):
    """The connection is in the other state."""


#: The class of each reason code that this edition knows.
REASONS: dict[str, Type[Refused]] = {
    "bad-credentials": BadCredentials,
    "third-party-login": BadCredentials,
    "account-locked": BadCredentials,
    "code-invalid": BadCredentials,
    "session-expired": SessionEnded,
    "scope": NotAllowed,
    "login-again": NotAllowed,
    "username-taken": Taken,
    "email-taken": Taken,
    "identity-taken": Taken,
    "clientOrderID-reused": Taken,
    "username-invalid": InvalidValue,
    "email-invalid": InvalidValue,
    "password-invalid": InvalidValue,
    "quantity-invalid": InvalidValue,
    "date-invalid": InvalidValue,
    "argument-invalid": InvalidValue,
    "state-invalid": InvalidValue,
    "name-invalid": InvalidValue,
    "price-invalid": InvalidValue,
    "kind-invalid": InvalidValue,
    "unknown-asset": NotFound,
    "unknown-user": NotFound,
    "provider-unknown": NotFound,
    "no-data": NotFound,
    "no-price": NoPrice,
    "insufficient-funds": InsufficientFunds,
    "insufficient-holdings": InsufficientHoldings,
    "not-open": OrderEnded,
    "cancelled": OrderEnded,
    "replaced": OrderEnded,
    "expired": OrderEnded,
    "too-many-attempts": TryLater,
    "overloaded": TryLater,
    "master-unavailable": TryLater,
    "internal-error": TryLater,
    "provider-unavailable": TryLater,
    "wrong-state": WrongState,
}


def refusal(code: str, text: str) -> Refused:
    """The exception of a Fail. An unknown code is a plain Refused."""
    return REASONS.get(code, Refused)(code, text)
