"""A mail server for the tests, by aiosmtpd: smtp_server.py FOLDER [--tls | --starttls] [--login].

It writes each mail into FOLDER as N.eml, first the envelope in lines, and prints its port. cert.pem and
key.pem of FOLDER are its certificate; who logs in is me with the password geheim.
"""

import asyncio
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

FOLDER = pathlib.Path(sys.argv[1])
WANTED = set(sys.argv[2:])


class Keep:
    """Keeps the mails."""

    count = 0

    async def handle_DATA(self, server, session, envelope):
        Keep.count += 1
        lines = [f"FROM {envelope.mail_from}", *(f"TO {to}" for to in envelope.rcpt_tos)]
        lines.append(f"TLS {session.ssl is not None} LOGIN {session.authenticated}")
        text = "\n".join(lines).encode() + b"\n" + envelope.content
        part = FOLDER / f"{Keep.count}.part"
        part.write_bytes(text)
        part.rename(FOLDER / f"{Keep.count}.eml")
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    known = data.login == b"me" and data.password == b"geheim"
    return AuthResult(success=known, handled=False)


def protocol(loop, context):
    more = {}
    if "--starttls" in WANTED:
        more.update(tls_context=context, require_starttls=True)
    if "--login" in WANTED:
        # aiosmtpd counts TLS of its own alone.
        needs_tls = "--starttls" in WANTED
        more.update(auth_required=True, auth_require_tls=needs_tls, authenticator=authenticate)
    return SMTP(Keep(), loop=loop, enable_SMTPUTF8=True, **more)


async def main():
    loop = asyncio.get_running_loop()
    context = None
    if WANTED & {"--tls", "--starttls"}:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(FOLDER / "cert.pem", FOLDER / "key.pem")
    outer = context if "--tls" in WANTED else None
    server = await loop.create_server(lambda: protocol(loop, context), "127.0.0.1", 0, ssl=outer)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The test's end closes the pipe.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
