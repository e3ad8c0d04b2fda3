"""What is sent in place of a password: the server never sees the password itself."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Tuple

from . import wire
from ._forms import is_utf8
from .errors import BadArgument

#: The fewest characters of a new password, code points after the normalization.
LENGTH_MIN = 8


def normal(password: str) -> str:
    """The form in which a password is hashed, however a keyboard makes an accent."""
    # The value is a secret, and not repeated.
    if not isinstance(password, str) or not is_utf8(password):
        raise BadArgument("password", None, "a text of Unicode characters")
    return unicodedata.normalize("NFC", password)


def derive(username: str, password: str) -> str:
    """The hashedPass of a password as it is given: 64 hexadecimal digits. Takes a moment on
    purpose.
    """
    salt = wire.PASSWORD_SALT + username.lower()
    key = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), salt.encode(), wire.PASSWORD_ROUNDS, wire.PASSWORD_BYTES
    )
    return key.hex()


def forms(password: str) -> Tuple[str, ...]:
    """The forms that a login tries: the normal one; and the one as typed, where it differs.

    Accounts of older clients were hashed as typed.
    """
    return (password,) if normal(password) == password else (normal(password), password)


def check_new(username: str, email: str, password: str) -> None:
    """Refuses a new password that is too short, or is what everybody knows of the account."""
    if not wire.USERNAME.fits(username):
        raise BadArgument("username", username, wire.USERNAME.about)
    if len(normal(password)) < LENGTH_MIN:
        raise BadArgument("password", None, f"at least {LENGTH_MIN} characters long")
    if normal(password).lower() in (username.lower(), email.lower()):
        raise BadArgument("password", None, "another text than the name or the address")
