#!/usr/bin/env python3
"""usage: websocket.py HOST:PORT

Registers, logs in and buys through a worker's WebSocket, with the library `websockets` and nothing
else but what etc/examples/client.py reads in the protocol's description."""
import asyncio
import io
import json
import pathlib
import sys

import websockets

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "etc/examples"))
sys.dont_write_bytecode = True
import client  # noqa: E402

TIMEOUT = 60


class Stream:
    """The protocol's stream, whose messages have nothing to do with those of WebSocket."""

    def __init__(self, wire, socket):
        self.wire, self.socket, self.bytes = wire, socket, b""

    async def call(self, name, *texts):
        rows = self.wire["instructions"]
        row = next(row for row in rows if row["name"] == name)
        bytes = client.encode(self.wire, row, texts)
        # In two messages, the first of them in two fragments.
        await self.socket.send([bytes[:3], bytes[3:7]])
        await self.socket.send(bytes[7:])
        names = {row["number"]: row["name"] for row in rows}
        answers = {answer["name"]: answer for answer in row["answers"]}
        while True:
            head, texts = await self.receive()
            name = names[head["instruction"]]
            answer = answers.get(name)
            if answer and answer["outcome"] == "success":
                return dict(zip([one["name"] for one in answer["arguments"]], texts))
            if answer:
                raise ValueError(f"{name} {texts}")

    async def receive(self):
        while True:
            try:
                stream = io.BytesIO(self.bytes)
                message = client.receive(self.wire["header"], stream)
                self.bytes = stream.read()
                return message
            except (ValueError, IndexError):
                self.bytes += await asyncio.wait_for(self.socket.recv(), TIMEOUT)


async def main(page):
    wire = json.loads((ROOT / "spec/wire/papertrader.json").read_text(encoding="utf-8"))
    url = f"ws://{page}/ws"
    options = {"subprotocols": ["papertrader.1"], "open_timeout": TIMEOUT}
    async with websockets.connect(url, **options) as socket:
        assert socket.subprotocol == "papertrader.1"
        await asyncio.wait_for(await socket.ping(b"are you there"), TIMEOUT)
        stream = Stream(wire, socket)
        key = "ab" * 32
        await stream.call("register", "wendy", "wendy@example.org", key)
        session = (await stream.call("login", "wendy", key, "true"))["sessionID"]
        fill = await stream.call("purchaseAsset", session, "AAPL", "3")
        assert fill["quantity"] == "3", fill
    # The library has closed it, and waited for the worker's close frame.
    assert socket.close_code == 1000, socket.close_code
    # A text is refused, and other subprotocols are.
    async with websockets.connect(url, **options) as socket:
        await socket.send("text")
        try:
            await asyncio.wait_for(socket.recv(), TIMEOUT)
        except websockets.ConnectionClosedError as closed:
            assert closed.rcvd.code == 1003, closed
    try:
        await websockets.connect(url, subprotocols=["chat"], open_timeout=TIMEOUT)
    except websockets.InvalidStatusCode as refused:
        assert refused.status_code == 400, refused
    print("settled")


asyncio.run(main(sys.argv[1]))
