"""TLS: the settings of encrypted connections, and what went wrong with one, in words."""

from __future__ import annotations

import socket
import ssl
from typing import Optional

from .errors import ConnectionProblem, TlsFailed, Unreachable


def make_context(ca: Optional[str]) -> ssl.SSLContext:
    """TLS 1.3 with the system's roots, and those of a file. TlsFailed if the file is not usable."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # A certificate of the file need not be an authority's: it may be the server's own.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
    context.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0)
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (OSError, ssl.SSLError) as error:
            raise TlsFailed(f"{ca}: cannot be used as a file of certificates: {error}") from error
    return context


def opening_failed(error: OSError) -> ConnectionProblem:
    """Why a connection was not made. NoWorker says to whom."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFailed(f"its certificate is not accepted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return TlsFailed(f"it speaks no TLS 1.3: {error.reason or error}")
    if isinstance(error, (TimeoutError, socket.timeout)):
        return Unreachable("no connection in time")
    return Unreachable(str(error.strerror or error))
