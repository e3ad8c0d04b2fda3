"""Servers of a test that needs some: PAPERTRADER_TEST_SERVERS=HOST:PORT,HOST:PORT.

The suite of the project sets it (tests/suite/client/python.rs). Without it, such tests are skipped.
"""

import functools
import os
import secrets
import unittest

from papertrader import passwords

SERVERS = [text for text in os.environ.get("PAPERTRADER_TEST_SERVERS", "").split(",") if text]
PASSWORD = "a long password"
#: Seconds for an answer: the machine may be busy.
TIMEOUT = 60.0

# The tests use a password again and again, whose hash takes a third of a second on purpose.
passwords.derive = functools.lru_cache(None)(passwords.derive)

needs_servers = unittest.skipUnless(SERVERS, "PAPERTRADER_TEST_SERVERS names no servers")


def fresh_name():
    return "py" + secrets.token_hex(5)
