"""Both clients: the same calls, and real servers."""

import asyncio
import inspect
import socket
import threading
import unittest
from decimal import Decimal

import papertrader
from papertrader import AsyncClient, Client

from .live import PASSWORD, SERVERS, TIMEOUT, fresh_name, needs_servers


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
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    if answer is None:
                        connection.recv(100)
                    else:
                        connection.sendall(answer)

        threading.Thread(target=accept, daemon=True).start()
        return "127.0.0.1:%d" % listener.getsockname()[1]

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
        text = self.both(server, papertrader.NoWorker, patience=0)
        self.assertIn("not PaperTrader's protocol", text)

    def test_a_server_that_closes(self):
        text = self.both(self.serve(b""), papertrader.NoWorker, patience=0)
        self.assertIn("closed the connection", text)

    def test_a_server_that_is_silent(self):
        self.both(self.serve(None), papertrader.NoWorker, timeout=0.2, patience=0)

    def test_a_server_without_tls(self):
        server = self.serve(b"\x04\x04\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01")
        with self.assertRaises(papertrader.NoWorker) as caught:
            Client(server, tls=True).workers()
        self.assertIsInstance(caught.exception.errors[0][1], papertrader.TlsFailed)

    def test_a_file_of_certificates_that_is_not_there(self):
        with self.assertRaisesRegex(papertrader.TlsFailed, "/nowhere.pem"):
            Client(ca="/nowhere.pem")


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
