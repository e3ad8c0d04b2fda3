"""A worker's link to a master that somebody else wrote [4.3.1]: handshake, records, envelopes."""
import asyncio, hashlib, ipaddress, random, re, secrets, struct, sys, types, uuid

import noise
from wire import HEADER, Refusal, ensure, now, pack, session_hash


def cut_text(data):
    """The text at the front, and what is behind it."""
    size = 2 + int.from_bytes(data[:2], "big")
    return data[2:size].decode(), data[size:]


class Link:
    """A worker's link: both ends prove themselves with GPG keys, and every message is sealed."""

    def __init__(self, wire, options):
        self.wire, self.options, self.worker = wire, options, None
        self.boot, self.began = uuid.uuid4().bytes, now()
        self.pending, self.closed, self.rows = {}, set(), b""
        self.writer, self.has_prices, self.is_booted = None, asyncio.Event(), False

    async def run(self):
        """Links, and links again after a pause that grows, for as long as the worker runs."""
        pause = 0.2
        while True:
            began = now()
            try:
                await self.link_once()
            except Exception as error:  # whatever the master sends, the worker goes on
                print(f"solution: no link: {error!r}", file=sys.stderr)
            self.broken()
            pause = 0.1 if now() - began > 5_000 else min(pause * 2, 3)
            await asyncio.sleep(pause * (1 + random.random()) / 2)

    async def link_once(self):
        host, _, port = self.options.master.rpartition(":")
        self.reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        reports = asyncio.ensure_future(self.report(writer))
        try:
            await asyncio.wait_for(self.shake_hands(writer), 10)
            self.writer = writer
            self.worker.sessions.clear()  # some may have ended while there was no link
            for pending in self.pending.values():
                self.send_again(pending)
            stream = b""
            while True:
                stream += await asyncio.wait_for(self.read_record(), 15)
                while len(stream) >= (size := 70 + int.from_bytes(stream[66:70], "big")):
                    self.receive(int.from_bytes(stream[32:40], "big"), stream[70:size])
                    stream = stream[size:]
        finally:
            reports.cancel()
            writer.close()

    def send_again(self, pending):
        pending.is_again = True
        if self.writer and pending.sequence in self.pending:
            self.send(pending, self.wire.message("linkAgain") + pending.frame)

    def broken(self):
        """Queries fail. What takes effect is sent again, or its client is cut off: nobody knows."""
        self.writer = None
        for pending in list(self.pending.values()):
            if pending.is_kept:
                pending.is_lost = True
                asyncio.get_running_loop().call_later(60, self.cut, pending)
            else:
                self.finish(pending, Refusal("master-unavailable", "the link has broken"))

    def cut(self, pending):
        if pending.is_lost:
            self.finish(pending, ConnectionError("the outcome is unknown"))

    # The handshake, version 2.

    async def shake_hands(self, writer):
        nonce, half = secrets.token_bytes(32), secrets.token_bytes(32)
        hello = struct.pack(">H", 2) + self.worker.identity.bytes + nonce
        writer.write(self.wire.message("linkHello", hello))
        challenge = await self.read_message("linkChallenge")
        heard = self.part("linkHello", hello) + self.part("linkChallenge", challenge)
        proof = await self.gpg(self.statement(1, nonce, challenge, heard) + struct.pack(
            ">q", now()) + half, "--sign", "--encrypt")
        writer.write(self.wire.message("linkProof", proof))
        noise1 = await self.read_message("linkNoise1")
        size = 2 + int.from_bytes(noise1[:2], "big")
        said = await self.gpg(noise1[2:size], "--decrypt")
        expected = self.statement(2, nonce, challenge, heard + self.part("linkProof", proof))
        ensure(said[:181] == expected and len(said) == 221 and
               abs(int.from_bytes(said[181:189], "big") - now()) < 600_000,
               ConnectionError("this is not our master, or it answers something else"))
        prologue = hashlib.sha256(b"".join(
            struct.pack(">BI", role, len(message)) + message
            for role, message in ((1, proof), (2, noise1[2:size])))).digest()
        secret = b"PaperTrader link 2 secret" + half + said[189:] + prologue
        noise2, self.opener, self.sealer = noise.respond(
            hashlib.sha256(secret).digest(), prologue, noise1[size:])
        writer.write(self.wire.message("linkNoise2", noise2))

    async def read_message(self, name):
        header = await self.reader.readexactly(HEADER.size)
        data = await self.reader.readexactly(min(HEADER.unpack(header)[2], 8_192))
        ensure(self.wire.name(header) == name, ConnectionError(ascii(data)))
        return data

    def part(self, name, data):
        return struct.pack(">HI", self.wire.numbers[name], len(data)) + data

    def statement(self, role, nonce, challenge, heard):
        """What both sides sign, without time and secret."""
        return b"".join((
            b"PaperTrader link 2 handshake", bytes([role]), self.worker.identity.bytes,
            bytes.fromhex(self.options.master_key), bytes.fromhex(self.options.key), nonce,
            challenge, hashlib.sha256(heard).digest()))

    async def gpg(self, data, *command):
        """Signs and encrypts to the master, or decrypts what only the master can have signed."""
        home = ["--homedir", self.options.gnupghome] if self.options.gnupghome else []
        process = await asyncio.create_subprocess_exec(
            "gpg", *home, "--batch", "--no-tty", "--status-fd", "2", "--trust-model", "always",
            "--compress-algo", "none", "--local-user", self.options.key,
            *(["--recipient", self.options.master_key] if "--encrypt" in command else []), *command,
            stdin=-1, stdout=-1, stderr=-1)
        out, status = await process.communicate(data)
        said = status.decode(errors="replace")
        signers = re.findall(r"VALIDSIG .* ([0-9A-F]{40})\s", said)
        is_ours = "--sign" in command or signers == [self.options.master_key]
        why = " ".join(line for line in said.splitlines() if line.startswith("gpg: "))
        ensure(process.returncode == 0 and is_ours, ConnectionError(ascii(why or signers)))
        return out

    # Records and messages.

    async def read_record(self):
        size = int.from_bytes(await self.reader.readexactly(2), "big")
        plain = self.opener.open(await self.reader.readexactly(size))
        if plain[-1] == 3:
            self.opener.rekey()
        ensure(plain[-1] in (1, 3), ConnectionError("the master has closed the link"))
        return plain[:-1]

    def send(self, pending, body):
        """One message, in an envelope that says whose it is, from when, and for which client."""
        host, port = pending.client
        address = ipaddress.ip_address(host if ":" in host else "::ffff:" + host).packed
        data = self.worker.identity.bytes + self.boot + struct.pack(
            ">Qq", pending.sequence, pending.stamp) + address + struct.pack(
            ">HI", port, len(body)) + body
        self.seal(data + b"\1")
        if self.sealer.number % 2**14 == 0:
            self.seal(b"\3")
            self.sealer.rekey()

    def seal(self, plain):
        sealed = self.sealer.seal(plain)
        self.writer.write(struct.pack(">H", len(sealed)) + sealed)

    def start(self, frame, is_kept=False, request=None):
        """Sends a request. Its future gets the reply, or for an order the future of its outcome."""
        pending = types.SimpleNamespace(
            frame=frame, is_kept=is_kept, is_again=False, is_lost=False, parts=[], outcome=None,
            sequence=request.sequence if request else next(self.worker.sequence),
            stamp=request.stamp if request else now(), notify=request and request.notify,
            client=request.client if request else ("::", 0),
            done=asyncio.get_running_loop().create_future())
        pending.done.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.pending[pending.sequence] = pending
        self.send(pending, frame)
        return pending

    async def ask(self, request):
        """Without a link, a session that was active is still good for a login."""
        if self.writer is None and request.row["number"] == 0x0102:
            session = session_hash(request.arguments[0])
            if self.worker.sessions.get(session, 0) > now():
                return [self.wire.frame("sessionID", *request.arguments, *self.worker.workers)]
        is_kept = request.row["destination"] in ("orders", "tunnel")
        return await self.wait(request.frame, is_kept, request)

    async def ask_session(self, session):
        return await self.wait(self.wire.message("linkSession", session))

    async def wait(self, frame, is_kept=False, request=None):
        ensure(self.writer, Refusal("master-unavailable", "the master cannot be reached"))
        pending = self.start(frame, is_kept, request)
        try:
            return await asyncio.wait_for(pending.done, 60 if is_kept else 30)
        except asyncio.TimeoutError:
            self.pending.pop(pending.sequence, None)
            ensure(not is_kept, ConnectionError("the outcome is unknown"))
            raise Refusal("master-unavailable", "the master does not answer") from None

    def end_sessions(self, sessions):
        self.closed.update(sessions)

    async def report(self, writer):
        """Once a second: the state of the worker, and expirable sessions that have ended."""
        while True:
            if self.writer is writer:
                worker = self.worker
                self.start(self.wire.message("linkReport", pack(
                    "sqIIIQIssq", "solution", now() - self.began, len(worker.connections),
                    len(worker.sessions), len(worker.windows), 0, len(self.pending), "", "", 0)))
                closed = list(self.closed)[:250]
                if closed:
                    message = self.wire.message("linkConnectionClosed", b"".join(closed))
                    self.start(message).done.add_done_callback(
                        lambda done: done.exception() or self.closed.difference_update(closed))
            await asyncio.sleep(1 if self.writer is writer else 0.05)

    def receive(self, sequence, body):
        while body:
            size = HEADER.size + HEADER.unpack_from(body)[2]
            frame, body = body[:size], body[size:]
            name, data = self.wire.name(frame), frame[HEADER.size:]
            if sequence == 0:
                self.take_push(name, data, HEADER.unpack_from(frame)[4:])
            elif sequence in self.pending:
                self.take_reply(self.pending[sequence], name, frame, data)

    def take_push(self, name, data, packet):
        if name == "linkPrices":
            self.rows = b""
        elif name == "data":
            self.rows += data
            if packet[0] == packet[1]:
                self.worker.publish(self.read_prices(self.rows), self.worker.workers)
                if self.is_booted:
                    asyncio.ensure_future(self.worker.listen())
                self.is_booted = False
                self.has_prices.set()
        elif name == "linkWorkers":
            self.worker.workers = data.decode().split()
        elif name == "linkSessionsEnded":
            self.worker.sessions_ended(data[at:at + 32] for at in range(0, len(data), 32))
        elif name == "linkBooted":  # the port is closed until an administrator admits the worker
            if self.has_prices.is_set() and not self.is_booted:
                self.worker.listener.close()
                self.is_booted = True
            raise ConnectionError("an administrator has booted this worker")

    def read_prices(self, rows):
        prices = {}
        while rows:
            symbol, rows = cut_text(rows)
            has, quote, rows = rows[0], rows[1:17] if rows[0] & 1 else b"", rows[1:]
            rows = rows[len(quote):]
            prices[symbol] = quote, rows[:48] if has & 2 else b""
            rows = rows[48 * (has >> 1 & 1) + 8 * (has >> 4 & 1):]
            rows = cut_text(rows)[1][8:] if has & 32 else rows
        return prices

    def take_reply(self, pending, name, frame, data):
        """A transfer is complete with its last packet, an order announced before it has settled."""
        number, packets = HEADER.unpack_from(frame)[4:]
        is_full = name in ("purchaseFail", "sellFail") and data.startswith(b"overloaded ")
        pending.is_lost = False
        if name == "transactionQueued":
            if pending.outcome is None:
                pending.notify(frame)
                pending.outcome = asyncio.get_running_loop().create_future()
                pending.done.set_result(pending.outcome)
        elif name == "linkSession":  # by itself, or in front of the answer to a login
            end = 35 + int.from_bytes(data[33:35], "big")
            expiry = struct.unpack_from(">q", data, end)[0] if data[32] else None
            if expiry is not None:
                self.worker.sessions[data[:32]] = expiry
            if self.wire.name(pending.frame) == "linkSession":
                self.finish(pending, expiry)
        elif is_full and pending.is_again:  # it may have been queued when it was sent first
            asyncio.get_running_loop().call_later(0.5, self.send_again, pending)
        else:
            pending.parts = pending.parts + [frame] if name == "data" else [frame]
            if number == packets:
                self.finish(pending, pending.parts)

    def finish(self, pending, reply):
        self.pending.pop(pending.sequence, None)
        future = pending.outcome or pending.done
        if future.done():
            return
        if isinstance(reply, Exception):
            future.set_exception(reply)
        else:
            future.set_result(reply)
