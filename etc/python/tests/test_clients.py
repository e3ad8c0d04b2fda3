"""Both clients: the same calls, and real servers."""

import asyncio
import inspect
import socket
import threading
import unittest
from decimal import Decimal

import papertrader
from papertrader import AsyncClient, Client, wire

from .live import PASSWORD, SERVERS, TIMEOUT, fresh_name, needs_servers
from .script import SESSION, listen, packets, reply, serve


def public(cls):
    return {
        name: member
        for name, member in vars(cls).items()
        if not name.startswith("_") and callable(member)
    }


class TheSame(unittest.TestCase):
    def test_both_clients_have_the_same_calls(self):
        ours, theirs = public(Client), public(AsyncClient)
        self.assertEqual(set(ours), set(theirs))
        for name, function in ours.items():
            one, other = inspect.signature(function), inspect.signature(theirs[name])
            self.assertEqual(
                str(one).replace("Feed", ""), str(other).replace("AsyncFeed", ""), name
            )
            if name not in ("quotes", "order_ends"):
                self.assertTrue(inspect.iscoroutinefunction(theirs[name]), name)
            self.assertEqual(
                function.__doc__, theirs[name].__doc__.replace("async for", "for"), name
            )

    def test_every_call_and_class_is_documented(self):
        for cls in (Client, AsyncClient, papertrader.Feed, papertrader.AsyncFeed):
            for name, member in public(cls).items():
                self.assertTrue(member.__doc__, name)
        for name in papertrader.__all__:
            self.assertTrue(getattr(papertrader, name).__doc__, name)


class Sockets(unittest.TestCase):
    """What a server on a real socket can do wrong."""

    def serve(self, answer):
        def talk(connection):
            connection.recv(100)
            if answer is None:
                connection.recv(100)
            else:
                connection.sendall(answer)

        return serve(self, talk)

    def both(self, server, error, **options):
        """Whether both clients raise the error; the text of the first."""
        with Client(server, **options) as client, self.assertRaises(error) as caught:
            client.workers()

        async def ask():
            async with AsyncClient(server, **options) as client:
                await client.workers()

        with self.assertRaises(error):
            asyncio.run(ask())
        return str(caught.exception)

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = "127.0.0.1:%d" % listener.getsockname()[1]
        text = self.both(server, papertrader.NoWorker)
        self.assertEqual(text, f"no worker could be reached: {server}: Connection refused")

    def test_a_server_that_speaks_something_else(self):
        server = self.serve(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        text = self.both(server, papertrader.NoWorker)
        self.assertIn("not PaperTrader's protocol", text)

    def test_a_server_that_closes(self):
        text = self.both(self.serve(b""), papertrader.NoWorker)
        self.assertIn("closed the connection", text)

    def test_a_server_that_is_silent(self):
        # That it accepts connections is no answer, after which a call would go on trying.
        text = self.both(self.serve(None), papertrader.NoWorker, timeout=0.2)
        self.assertIn("no answer within", text)

    def test_a_server_without_tls(self):
        server = self.serve(b"\x04\x04\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01")
        with self.assertRaises(papertrader.NoWorker) as caught:
            Client(server, tls=True).workers()
        self.assertIsInstance(caught.exception.errors[0][1], papertrader.TlsFailed)

    def test_a_file_of_certificates_that_is_not_there(self):
        with self.assertRaisesRegex(papertrader.TlsFailed, "/nowhere.pem"):
            Client(ca="/nowhere.pem")


class Threads(unittest.TestCase):
    """Threads that share a client, against a server whose prices say which asset they are of."""

    def setUp(self):
        self.server = listen(self, self.answer)

    def answer(self, name, texts):
        if name == "login":
            return reply("sessionID", SESSION, self.server)
        if name == "switchState":
            return reply("stateSwitchSuccess", texts[1])
        if name == "getServerInfo":
            return reply("serverInfo", "edition=2")
        if name == "subscribe":
            notices = [
                reply("quoteNotice", "2026-01-02T03:04:05.000Z", f"AAPL={number}")
                for number in range(1, 41)
            ]
            return reply("subscribed", texts[1]) + b"".join(notices)
        price = int(texts[0][1:]) * 1000000
        return packets((1362096000000).to_bytes(8, "big") + price.to_bytes(8, "big"))

    def together(self, work):
        """Does work(0) to work(3) in four threads that begin at one moment."""
        errors, barrier = [], threading.Barrier(4)

        def begin(number):
            barrier.wait()
            try:
                work(number)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=begin, args=(n,), daemon=True) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT)
            self.assertFalse(thread.is_alive())
        self.assertEqual(errors, [])

    def test_each_thread_gets_the_answer_to_its_own_call(self):
        with Client(self.server, timeout=TIMEOUT) as client:
            client.resume("alice", SESSION)
            wrong = []

            def ask(number):
                for _ in range(60):
                    price = client.quote(f"S{number + 1}")
                    if price.value != number + 1:
                        wrong.append(price)

            self.together(ask)
        self.assertEqual(wrong, [])

    def test_threads_that_share_an_iterator_get_each_item_once(self):
        with Client(self.server, timeout=TIMEOUT) as client:
            client.resume("alice", SESSION)
            got = []
            with client.quotes("AAPL") as prices:
                self.together(lambda _: [got.append(prices.next(TIMEOUT)) for _ in range(10)])
        self.assertEqual(sorted(price.value for price in got), list(range(1, 41)))

    def test_a_call_inside_a_call_of_the_same_thread_is_told(self):
        with Client(self.server, timeout=TIMEOUT) as client:
            client.resume("alice", SESSION)
            inner = []

            def interrupt(effect, original=client._link._do):
                if not inner:
                    with self.assertRaises(papertrader.PaperTraderError) as caught:
                        client.quote("S1")
                    inner.append(str(caught.exception))
                return original(effect)

            client._link._do = interrupt
            self.assertEqual(client.quote("S2").value, 2)
        self.assertIn("in the middle of a call", inner[0])


class Arguments(unittest.TestCase):
    """What is not of its form is refused before anything is sent: nobody listens here."""

    def test_none_and_other_types_are_bad_arguments(self):
        client = Client("127.0.0.1:9", timeout=1)
        client._deployment.session, client._deployment.username = SESSION, "alice"
        with self.assertRaises(papertrader.NoWorker):  # All is well with this one.
            client.asset("AAPL")
        order = "01890a5d-ac96-774b-bcce-b302099a8057"
        half = "\ud800 a long password"
        for call in (
            lambda: client.buy(None, 1),
            lambda: client.buy("AAPL"),
            lambda: client.buy("AAPL", 1, timeout="x"),
            lambda: client.buy("AAPL", 1, key="a b"),
            lambda: client.buy("AAPL", 1, key=7),
            lambda: client.sell(None, 1),
            lambda: client.sell("AAPL", None),
            lambda: client.place(None, "AAPL", 1),
            lambda: client.place("buy", None, 1),
            lambda: client.place("buy", "AAPL", None),
            lambda: client.place("buy", "AAPL", 1, time_in_force=None),
            lambda: client.place("buy", "AAPL", 1, kind=7),
            lambda: client.replace(None, limit=1),
            lambda: client.replace(order),
            lambda: client.cancel(None),
            lambda: client.wait(None),
            lambda: client.wait(order, timeout="x"),
            lambda: client.transaction(None),
            lambda: client.transaction("x"),
            lambda: client.receipt(None),
            lambda: client.quote(None),
            lambda: client.quote(7),
            lambda: client.asset(None),
            lambda: client.history(None),
            lambda: client.history("AAPL", None),
            lambda: client.history("AAPL", "day", 7),
            lambda: client.forecast("AAPL", None),
            lambda: client.quotes(["AAPL", "IBM"]),
            lambda: client.quotes("AAPL", None),
            lambda: client.order_ends().next("x"),
            lambda: client.transactions(limit="x"),
            lambda: client.transactions(limit=-1),
            lambda: client.transactions(before=7),
            lambda: client.register(None, "a@example.org", PASSWORD),
            lambda: client.register("alice", None, PASSWORD),
            lambda: client.register("alice", "a@example.org", None),
            lambda: client.register("alice", "a@example.org", half),
            lambda: client.login(None, PASSWORD),
            lambda: client.login("alice", None),
            lambda: client.login("alice", half),
            lambda: client.login("alice", PASSWORD, None),
            lambda: client.resume("alice", None),
            lambda: client.change_password(PASSWORD, None),
            lambda: client.change_password(7, PASSWORD),
            lambda: client.change_email(PASSWORD, 7),
            lambda: client.delete_account(7),
            lambda: client.request_reset(None),
            lambda: client.reset_password("alice", None, PASSWORD),
            lambda: client.reset_password("alice", "code", None),
            lambda: client.end_sessions(None),
            lambda: client.create_token(None),
            lambda: client.create_token("a", None),
            lambda: client.create_token("a", "trade", None),
            lambda: client.revoke_token(None),
            lambda: client.user(7),
            lambda: client.portfolio(7),
            lambda: Client(2049),
            lambda: Client(None),
            lambda: Client(timeout=-1),
            lambda: Client(timeout=None),
            lambda: Client(timeout=float("nan")),
            lambda: Client(timeout=1e300),
            lambda: Client(patience=-1),
            lambda: Client(patience="x"),
            lambda: AsyncClient(2049),
            lambda: wire.register_third_party(None, None, None),
        ):
            with self.subTest(line=call.__code__.co_firstlineno):
                with self.assertRaises(papertrader.BadArgument) as caught:
                    call()
                self.assertNotIn(SESSION, str(caught.exception))

    def test_an_argument_is_told_by_its_name_in_python(self):
        client = Client("127.0.0.1:9")
        client._deployment.session, client._deployment.username = SESSION, "alice"
        for name, call in {
            "time_in_force": lambda: client.place("buy", "AAPL", 1, time_in_force="x"),
            "transaction_id": lambda: client.cancel("x"),
            "key": lambda: client.buy("AAPL", 1, key="a b"),
            "symbol": lambda: client.buy("aapl", 1),
            "session": lambda: client.resume("alice", "no token"),
        }.items():
            with self.assertRaisesRegex(papertrader.BadArgument, f"^{name} ") as caught:
                call()
            self.assertEqual(caught.exception.name, name)
            self.assertNotIn("no token", str(caught.exception))

    def test_a_text_behind_one_that_is_left_out_is_refused(self):
        arguments = [wire.Argument(name, wire.FLAG, optional=True) for name in ("a", "b")]
        twice = wire.Instruction("x", 1, 1, (), tuple(arguments), ())
        self.assertEqual(twice.request("true", None).texts, ("true",))
        with self.assertRaises(papertrader.BadArgument):
            twice.request(None, "true")


@needs_servers
class Live(unittest.TestCase):
    """Accounts, orders and prices of a real deployment."""

    def setUp(self):
        self.client = Client(*SERVERS, timeout=TIMEOUT)
        self.addCleanup(self.client.close)
        self.name = fresh_name()
        self.client.register(self.name, f"{self.name}@example.org", PASSWORD)
        self.client.login(self.name, PASSWORD)

    def test_an_account_is_changed_and_deleted(self):
        client = self.client
        client.change_password(PASSWORD, "another password")
        client.change_email("another password", f"new.{self.name}@example.org")
        self.assertEqual(client.user().email, f"new.{self.name}@example.org")
        with self.assertRaises(papertrader.BadCredentials):
            client.change_password("wrong password", "a third password")
        self.assertEqual(client.end_sessions(), 0)
        self.assertEqual([session.current for session in client.sessions()], [True])
        client.create_token("reader", "read", 1)
        self.assertEqual([token.name for token in client.tokens()], ["reader"])
        client.revoke_token("reader")
        self.assertEqual(client.identities(), ())
        self.assertGreater(len(client.export()), 1)
        client.delete_account("another password")
        with self.assertRaises(papertrader.BadCredentials):
            client.login(self.name, "another password")

    def test_orders_are_booked(self):
        client = self.client
        start = client.portfolio().cash
        fills = [client.buy("AAPL", 3), client.sell("AAPL", 1), client.buy("IBM", cash=100)]
        self.assertLessEqual(fills[2].total, 100)
        portfolio = client.portfolio()
        signs = {"buy": -1, "sell": 1}
        self.assertEqual(portfolio.cash, start + sum(signs[f.side] * f.total for f in fills))
        self.assertEqual(
            {p.symbol: p.quantity for p in portfolio.positions},
            {"AAPL": Decimal(2), "IBM": fills[2].quantity},
        )
        self.assertEqual(client.summary().cash, portfolio.cash)
        rows = client.transactions()
        self.assertEqual([row.id for row in rows], [f.transaction_id for f in reversed(fills)])
        self.assertEqual(client.transaction(rows[1].id), rows[1])
        self.assertEqual(client.transactions(before=rows[0].id, limit=1), rows[1:2])
        self.assertTrue(client.receipt(rows[0].id))
        with self.assertRaises(papertrader.NotFound):
            client.receipt("01890a5d-ac96-774b-bcce-b302099a8057")

    def test_the_history_is_read_in_pages(self):
        from papertrader import calls

        fills = [self.client.place("buy", "AAPL", 1) for _ in range(5)]
        rows = calls.PAGE_ROWS
        self.addCleanup(setattr, calls, "PAGE_ROWS", rows)
        calls.PAGE_ROWS = 2
        ids = [row.id for row in self.client.transactions()]
        self.assertEqual(ids, [fill.transaction_id for fill in reversed(fills)])
        self.assertEqual(len(self.client.transactions(limit=3)), 3)

    def test_orders_wait_and_end(self):
        client = self.client
        with client.order_ends() as ends:
            self.assertIsNone(ends.next(0.01))
            order = client.place("buy", "AAPL", 1, limit="0.5", time_in_force="day")
            (waiting,) = client.open_orders()
            self.assertEqual(
                (waiting.id, waiting.order.limit), (order.transaction_id, Decimal("0.5"))
            )
            with self.assertRaises(papertrader.StillOpen):
                client.wait(order.transaction_id, timeout=0)
            other = client.replace(order.transaction_id, quantity=2)
            client.cancel(other.transaction_id)
            with self.assertRaisesRegex(papertrader.OrderEnded, "cancelled"):
                client.wait(other.transaction_id)
            told = {ends.next(60).transaction_id, ends.next(60).transaction_id}
            self.assertEqual(told, {order.transaction_id, other.transaction_id})
        trailing = client.place("buy", "AAPL", 1, kind="trailing", stop="5%")
        self.assertEqual(client.open_orders()[0].order.stop_percent, 5)
        client.cancel(trailing.transaction_id)

    def test_a_market(self):
        client = self.client
        self.assertIn("AAPL", client.assets())
        self.assertEqual(client.asset("AAPL").symbol, "AAPL")
        self.assertIn("AAPL", [row.symbol for row in client.prices()])
        for window in ("day", "week", "month", "year", "all"):
            self.assertTrue(client.history("AAPL", window), window)
        self.assertEqual(client.history("AAPL", "week", "1999-01-01"), ())
        with self.assertRaises(papertrader.BadArgument):
            client.history("AAPL", "decade")
        self.assertGreater(client.forecast("AAPL", "2030-01-01").value, 0)
        with self.assertRaises(papertrader.NotFound):
            client.quote("NOSUCH")
        self.assertEqual(set(client.workers()), set(SERVERS))
        self.assertGreater(client.ping(), 0)
        self.assertEqual(client.user().username, self.name)
        other = Client(*SERVERS, timeout=TIMEOUT)
        self.addCleanup(other.close)
        name = fresh_name()
        other.register(name, f"{name}@example.org", PASSWORD)
        other.login(name, PASSWORD)
        seen = other.user(self.name.upper())
        self.assertEqual((seen.username, seen.private, seen.cash), (self.name, False, None))
        self.assertFalse(other.portfolio(self.name).private)

    def test_who_waits_for_an_item_ends_when_the_iterator_is_closed(self):
        ends = self.client.order_ends()
        waiting = threading.Thread(target=lambda: list(ends))
        waiting.start()
        ends.close()
        waiting.join(TIMEOUT)
        self.assertFalse(waiting.is_alive())

        async def close():
            async with AsyncClient(*SERVERS, timeout=TIMEOUT) as client:
                await client.resume(self.name, self.client.session)
                ends = client.order_ends()
                waiting = asyncio.ensure_future(ends.next())
                await asyncio.sleep(0.05)
                await ends.close()
                self.assertIsNone(await asyncio.wait_for(waiting, TIMEOUT))

        asyncio.run(close())

    def test_tasks_share_a_client_and_a_cancelled_one_leaves_it_usable(self):
        async def share():
            async with AsyncClient(*SERVERS, timeout=TIMEOUT) as client:
                await client.resume(self.name, self.client.session)
                fills = await asyncio.gather(*[client.buy("AAPL", 1) for _ in range(3)])
                self.assertEqual(len({fill.transaction_id for fill in fills}), 3)
                lost = asyncio.create_task(client.buy("AAPL", 1, key="lost"))
                await asyncio.sleep(0)
                lost.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await lost
                await client.buy("AAPL", 1, key="lost")
                portfolio = await client.portfolio()
                self.assertEqual(portfolio.positions[0].quantity, 4)
                async with client.quotes() as prices:
                    seen = {(await prices.next(60)).symbol for _ in range(2)}
                    self.assertEqual(len(seen), 2)

        asyncio.run(share())
