#!/usr/bin/env python3
"""A worker of the second edition that breaks one requirement: a proxy that changes messages.

    proxy.py --list
    proxy.py --break ID --listen HOST:PORT --worker HOST:PORT

It stands before a right worker, passes on what clients send, and changes the answers and notices
that belong to the requirement. It knows messages from the description of the protocol alone. Prints
`ready` when the port listens.
"""
import argparse, asyncio, collections, json, pathlib, struct

JSON = pathlib.Path(__file__).resolve().parents[2] / "spec/wire/papertrader.json"
ROWS = {row["number"]: row for row in json.loads(JSON.read_text(encoding="utf-8"))["instructions"]}
HEADER = struct.Struct(">BHIHII")
MUTANTS = {}  # what is broken, and the function that changes messages, by ID


def message(frame, arguments=None, data=None):
    """The message with other arguments, or with other binary data."""
    kind, number, _, count, packet, packets = HEADER.unpack_from(frame)
    if arguments is not None:
        count, data = len(arguments), " ".join(arguments).encode()
    return HEADER.pack(kind, number, len(data), count, packet, packets) + data


def arguments(frame):
    """The last argument of an answer may have spaces."""
    count = HEADER.unpack_from(frame)[3]
    return frame[HEADER.size:].decode().split(" ", count - 1) if count else []


def mutant(identity, broken):
    """A change of the answers `ANSWER` to `REQUEST`, of an ID `REQUEST/ANSWER` or `REQUEST/REASON`:
    the function gets the arguments, and gives others; None drops the message."""
    request, answer = identity.split("/")

    def add(function):
        def change(asked, name, frame):
            if asked != request:
                return frame
            words = arguments(frame)
            if name == answer or (name.endswith("Fail") and words[:1] == [answer]):
                words = function(words)
                return message(frame, words) if words is not None else None
            return frame
        MUTANTS[identity] = (broken, change)
        return function
    return add


def payload(identity, broken):
    """A change of the payload of one packet that answers a request."""
    request = identity.split("/")[0]

    def add(function):
        def change(asked, name, frame):
            if asked == request and name == "data":
                return message(frame, data=function(frame[HEADER.size:]))
            return frame
        MUTANTS[identity] = (broken, change)
        return function
    return add


@mutant("placeOrder/orderPlaced", "a limit order that waits is told as queued")
def _(words):
    return words[:2] + ["queued" if words[2] == "open" else words[2]]


@mutant("placeOrder/clientOrderID-reused", "a clientOrderID with other terms is refused with argument-invalid")
def _(words):
    return ["argument-invalid", *words[1:]]


@mutant("cancelOrder/orderCancelled", "the answer to cancelOrder names another transaction")
def _(words):
    return [words[0][::-1].replace("-", "")[:8] + words[0][8:]]


@mutant("replaceOrder/orderPlaced", "the answer to replaceOrder names no clientOrderID")
def _(words):
    return [words[0], "-", words[2]] if words[1] != "-" else [words[0], "other", words[2]]


@mutant("replaceOrder/not-open", "an order that has ended is told as none, where it is to be replaced")
def _(words):
    return ["no-data", *words[1:]]


@mutant("subscribe/subscribed", "subscribing is answered with another topic")
def _(words):
    return ["orders" if words[0] != "orders" else "quotes"]


@mutant("createToken/accountSuccess", "the token that is told is not the one that is good")
def _(words):
    return [words[0][::-1]]


@mutant("createToken/name-invalid", "a token's name that is taken is refused with argument-invalid")
def _(words):
    return ["argument-invalid", *words[1:]]


@mutant("endSessions/accountSuccess", "endSessions tells one session more than it ended")
def _(words):
    return [str(int(words[0]) + 1)]


@mutant("changePassword/bad-credentials", "a wrong old password is refused with password-invalid")
def _(words):
    return ["password-invalid", *words[1:]]


@mutant("changeEmail/email-taken", "an address that somebody has is refused with email-invalid")
def _(words):
    return ["email-invalid", *words[1:]]


@mutant("deleteAccount/bad-credentials", "a wrong password is refused with session-expired, where an account is to be deleted")
def _(words):
    return ["session-expired", *words[1:]]


@payload("getOpenOrders/data", "getOpenOrders tells no orders")
def _(data):
    return bytes(4)


@payload("getSessions/data", "getSessions tells no sessions")
def _(data):
    return bytes(4)


class Client:
    """A client's connection, and its own to the worker."""

    def __init__(self, change, worker):
        self.change, self.worker, self.asked = change, worker, collections.deque()

    async def serve(self, reader, writer):
        host, _, port = self.worker.rpartition(":")
        try:
            upstream = await asyncio.open_connection(host, int(port))
            await asyncio.gather(self.requests(reader, upstream[1]),
                                 self.replies(upstream[0], writer))
        except OSError:
            writer.transport.abort()

    async def requests(self, reader, writer):
        """Passes bytes on as they come, and notes what is asked."""
        held = b""
        while part := await reader.read(65_536):
            writer.write(part)
            held += part
            while len(held) >= HEADER.size:
                size = HEADER.size + HEADER.unpack_from(held)[2]
                if len(held) < size:
                    break
                row, held = ROWS.get(HEADER.unpack_from(held)[1]), held[size:]
                if row and row["answers"]:
                    self.asked.append(row["name"])
        writer.write_eof()

    async def replies(self, reader, writer):
        try:
            while True:
                header = await reader.readexactly(HEADER.size)
                _, number, size, _, packet, packets = HEADER.unpack(header)
                frame = header + await reader.readexactly(size)
                row = ROWS[number]
                is_answer = row["direction"] != "notice" and row["name"] != "protocolError"
                asked = self.asked[0] if is_answer and self.asked else ""
                if is_answer and packet == packets and self.asked:
                    self.asked.popleft()
                changed = self.change(asked, row["name"], frame)
                if changed is not None:
                    writer.write(changed)
                    await writer.drain()
        except asyncio.IncompleteReadError as end:
            writer.write(end.partial)
        writer.close()


async def serve(options):
    change = MUTANTS[options.broken][1] if options.broken != "none" else lambda *rest: rest[-1]
    host, _, port = options.listen.rpartition(":")
    server = await asyncio.start_server(
        lambda reader, writer: Client(change, options.worker).serve(reader, writer), host, int(port))
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


def listed():
    sections = {row["name"]: row["section"] for row in reversed(ROWS.values())}
    return [{"id": identity, "section": sections[identity.split("/")[0]], "broken": broken}
            for identity, (broken, _) in MUTANTS.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--break", dest="broken", choices=[*MUTANTS, "none"], metavar="ID")
    parser.add_argument("--listen", metavar="HOST:PORT")
    parser.add_argument("--worker", metavar="HOST:PORT")
    options = parser.parse_args()
    if options.list:
        return print(json.dumps(listed()))
    if not (options.broken and options.listen and options.worker):
        parser.error("--list; or --break, --listen and --worker")
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
