"""Failover, repetition of orders, resumption of subscriptions: the core against scripts."""

import pickle
import unittest
from decimal import Decimal

from papertrader import errors
from papertrader.calls import Calls, OrderFeed, QuoteFeed
from papertrader.core import Deployment, split_address

from .script import END, ORDER, SESSION, SILENCE, World, packets, reply

QUOTE = packets((1362096000000).to_bytes(8, "big") + (430470000).to_bytes(8, "big"))
A, B = "127.0.0.1:1", "127.0.0.1:2"


def deployment(world, patience=300.0, servers=(A, B)):
    made = Deployment(servers, None, 10.0, patience, world.clock, world.wall)
    made.session, made.username = SESSION, "alice"
    made.has_connected = True
    made.editions = {A: 2, B: 2}
    return made


def core(world, **options):
    return Calls(deployment(world, **options))


class Turns:
    """A server that answers each order in turn, by what the test lists."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def __call__(self, name, texts):
        return self.answers.pop(0)


def filled(price="418.03"):
    return reply(
        "purchaseSuccess", ORDER, "AAPL", "10", price, "4180.3", "2026-01-02T03:04:09.000Z"
    )


def queued(world, key, due=5):
    return reply("transactionQueued", ORDER, key, world.at(world.now + due))


def keys(world):
    return [texts[3] for _, name, texts in world.asked if name == "purchaseAsset"]


class Reads(unittest.TestCase):
    def test_a_quote_switches_the_state_and_reads_the_payload(self):
        world = World(w1=lambda *_: QUOTE)
        price = world.run(core(world).quote("AAPL"))
        self.assertEqual((price.symbol, price.value), ("AAPL", Decimal("430.47")))
        self.assertEqual(
            [name for _, name, _ in world.asked], ["switchState", "getAssetValueCurrent"]
        )

    def test_the_next_worker_answers_where_one_is_down(self):
        world = World(w1=None, w2=lambda *_: QUOTE)
        client = core(world)
        world.run(client.quote("AAPL"))
        self.assertEqual(world.opened, [A, B])
        world.run(client.quote("AAPL"))
        self.assertEqual(client.address, B)
        self.assertEqual(world.opened, [A, B])

    def test_an_idle_connection_that_was_closed_is_opened_again_at_the_same_worker(self):
        world = World(w1=Turns(QUOTE, END, QUOTE))
        client = core(world)
        world.run(client.quote("AAPL"))
        world.run(client.quote("AAPL"))
        self.assertEqual(world.opened, [A, A])

    def test_a_worker_without_its_master_is_passed_over(self):
        refuses = reply("dataFail", "master-unavailable", "no link")
        world = World(w1=lambda *_: refuses, w2=lambda *_: packets(b""))
        self.assertEqual(world.run(core(world).history("AAPL", "all", None, False)), ())
        self.assertEqual(world.opened, [A, B])

    def test_it_goes_on_until_the_patience_is_at_its_end(self):
        world = World(w1=None, w2=None)
        with self.assertRaises(errors.NoWorker) as caught:
            world.run(core(world, patience=20.0).quote("AAPL"))
        self.assertEqual([address for address, _ in caught.exception.errors], [A, B])
        self.assertTrue(10 < world.now <= 20, world.now)

    def test_an_address_that_never_answered_is_told_at_once(self):
        world = World(w1=None)
        client = core(world)
        client.deployment.has_connected = False
        with self.assertRaises(errors.NoWorker):
            world.run(client.quote("AAPL"))
        self.assertEqual(world.now, 0)

    def test_a_refusal_is_an_answer(self):
        world = World(w1=lambda *_: reply("dataFail", "unknown-asset", "no asset XYZ"), w2=None)
        with self.assertRaises(errors.NotFound) as caught:
            world.run(core(world).quote("XYZ"))
        self.assertEqual(str(caught.exception), "no asset XYZ (unknown-asset)")
        self.assertEqual(world.opened, [A])

    def test_silence_is_a_lost_connection(self):
        world = World(w1=lambda *_: SILENCE, w2=lambda *_: QUOTE)
        world.run(core(world).quote("AAPL"))
        self.assertEqual(world.now, 10)

    def test_what_changes_the_account_is_sent_once(self):
        world = World(w1=Turns(reply("pong"), END), w2=lambda *_: self.fail("sent twice"))
        with self.assertRaises(errors.ConnectionLost) as caught:
            world.run(core(world).end_sessions("others"))
        self.assertTrue(caught.exception.may_have_happened)

    def test_a_history_is_read_page_by_page(self):
        asked = []

        def row(number):
            texts = [b"AAPL"]
            data = number.to_bytes(16, "big") + b"\x01\x05" + len(texts[0]).to_bytes(2, "big")
            return data + texts[0] + bytes(16)

        def pages(name, texts):
            asked.append(texts[2:])
            last = 2500 if texts[2] == "-" else int(texts[2].replace("-", ""), 16)
            numbers = range(last - 1, max(last - 1 - int(texts[3]), 0), -1)
            return packets(b"\0" + len(numbers).to_bytes(4, "big") + b"".join(map(row, numbers)))

        world = World(w1=pages)
        rows = world.run(core(world).transactions(None, None, None))
        self.assertEqual(len(rows), 2499)
        self.assertEqual(len(set(row.id for row in rows)), 2499)
        self.assertEqual(len(asked), 3)
        self.assertEqual(len(world.run(core(world).transactions(None, 1001, None))), 1001)


class Registers(unittest.TestCase):
    def test_a_registration_whose_answer_was_lost_is_found_out(self):
        world = World(w1=None)
        client = core(world)
        answers = {
            "ping": reply("pong"),
            "login": reply("sessionID", SESSION, A),
            "logout": reply("logoutSuccess"),
        }
        registered = [END, reply("registerFail", "username-taken", "taken")]
        world.servers[A] = lambda name, _: answers.get(name) or registered.pop(0)
        world.run(client.register("bob", "bob@example.org", "a long password"))
        self.assertEqual(
            [n for _, n, _ in world.asked], ["ping", "register", "register", "login", "logout"]
        )

    def test_a_name_that_somebody_else_has_is_told(self):
        world = World(w1=Turns(reply("pong"), reply("registerFail", "username-taken", "taken")))
        with self.assertRaises(errors.Taken):
            world.run(core(world).register("bob", "bob@example.org", "a long password"))

    def test_a_poor_password_is_refused_before_anything_is_sent(self):
        world = World(w1=None)
        for password in ("short", "bob@EXAMPLE.org"):
            with self.assertRaisesRegex(errors.BadArgument, "password must be"):
                world.run(core(world).register("bob", "bob@example.org", password))

    def test_a_password_as_typed_is_tried_after_its_normal_form(self):
        fail = reply("loginFail", "bad-credentials", "wrong")
        world = World(w1=Turns(fail, reply("sessionID", SESSION, A, "127.0.0.1:9")))
        client = core(world)
        world.run(client.login("bob", "cre\u0300me bru\u0302le\u0301e", False))
        hashes = [texts[1] for _, name, texts in world.asked if name == "login"]
        self.assertEqual(len(set(hashes)), 2)
        self.assertIn("127.0.0.1:9", client.deployment.workers)


class Orders(unittest.TestCase):
    def buy(self, world, timeout=None, **options):
        return world.run(core(world, **options).trade("buy", "AAPL", 10, None, "k1", timeout))

    def test_the_usual_way(self):
        world = World(w1=None)
        world.servers[A] = lambda *_: [(0, queued(world, "k1")), (5, filled())]
        fill = self.buy(world)
        self.assertEqual((fill.price, fill.client_order_id), (Decimal("418.03"), "k1"))
        self.assertEqual(world.now, 5)

    def test_every_order_has_a_key_of_its_own(self):
        world = World(w1=lambda *_: filled())
        client = core(world)
        for _ in range(2):
            world.run(client.trade("buy", "AAPL", 10, None, None, None))
        self.assertEqual(len(set(keys(world))), 2)

    def test_a_lost_order_is_sent_again_under_its_key_to_the_next_worker(self):
        for lost in (END, [(0, None), (3, END)], SILENCE):
            world = World(w1=lambda *_, lost=lost: lost, w2=lambda *_: filled())
            self.assertEqual(self.buy(world).transaction_id, ORDER)
            self.assertEqual(keys(world), ["k1", "k1"])
            self.assertEqual(world.opened, [A, B])

    def test_an_order_that_was_announced_and_lost_is_sent_again(self):
        world = World(w1=None, w2=lambda *_: filled())
        world.servers[A] = lambda *_: [(0, queued(world, "k1")), (1, END)]
        self.buy(world)
        self.assertEqual(keys(world), ["k1", "k1"])

    def test_overloaded_is_tried_again(self):
        busy = reply("purchaseFail", "overloaded", "try again later")
        world = World(w1=Turns(busy, busy, filled()))
        self.buy(world)
        self.assertEqual(keys(world), ["k1"] * 3)
        self.assertGreater(world.now, 0.3)

    def test_overloaded_for_ever_is_told(self):
        world = World(w1=lambda *_: reply("purchaseFail", "overloaded", "later"))
        with self.assertRaises(errors.TryLater) as caught:
            self.buy(world, patience=30.0)
        self.assertEqual(caught.exception.client_order_id, "k1")

    def test_a_refusal_of_a_first_attempt_is_the_outcome(self):
        world = World(w1=lambda *_: reply("purchaseFail", "insufficient-funds", "too little"))
        with self.assertRaises(errors.InsufficientFunds):
            self.buy(world)
        self.assertEqual(keys(world), ["k1"])

    def test_a_refusal_after_a_notice_is_the_outcome(self):
        world = World(w1=None)
        fail = reply("purchaseFail", "internal-error", "failed")
        world.servers[A] = lambda *_: [(0, queued(world, "k1")), (1, fail)]
        with self.assertRaises(errors.TryLater) as caught:
            self.buy(world)
        self.assertEqual(caught.exception.transaction_id, ORDER)

    def test_after_a_lost_attempt_a_refusal_of_the_moment_is_no_outcome(self):
        for code in ("insufficient-funds", "no-price", "overloaded", "too-many-attempts"):
            world = World(w1=Turns(END, END), w2=Turns(reply("purchaseFail", code, "?"), filled()))
            self.buy(world)
            self.assertEqual(len(keys(world)), 3, code)

    def test_after_a_queued_attempt_a_lack_of_funds_is_the_outcome(self):
        world = World(w1=None, w2=lambda *_: reply("purchaseFail", "insufficient-funds", "?"))
        world.servers[A] = lambda *_: [(0, queued(world, "k1")), (1, END)]
        with self.assertRaises(errors.InsufficientFunds):
            self.buy(world)

    def test_after_a_lost_attempt_an_ended_session_or_an_unknown_code_leaves_it_unknown(self):
        for code in ("session-expired", "of-later"):
            world = World(w1=lambda *_: END, w2=lambda *_, c=code: reply("purchaseFail", c, "?"))
            with self.assertRaises(errors.OutcomeUnknown) as caught:
                self.buy(world)
            self.assertEqual(caught.exception.client_order_id, "k1")

    def test_without_any_answer_the_outcome_is_unknown(self):
        world = World(w1=lambda *_: END, w2=None)
        with self.assertRaises(errors.OutcomeUnknown):
            self.buy(world, patience=30.0)

    def test_what_was_never_sent_is_known_not_to_have_traded(self):
        world = World(w1=None, w2=None)
        with self.assertRaises(errors.NoWorker):
            self.buy(world, patience=30.0)

    def test_an_order_that_stands_when_the_time_is_over_is_told_so(self):
        world = World(w1=None)
        world.servers[A] = lambda *_: [(0, queued(world, "k1", due=60))]
        with self.assertRaises(errors.StillOpen) as caught:
            self.buy(world, timeout=20)
        self.assertEqual(caught.exception.transaction_id, ORDER)
        self.assertEqual(world.now, 20)

    def test_an_order_that_stands_when_no_worker_is_left_says_why(self):
        world = World(w1=None, w2=None)

        def last(*_):
            world.servers[A] = None
            return [(0, queued(world, "k1", due=60)), (1, END)]

        world.servers[A] = last
        with self.assertRaisesRegex(errors.StillOpen, "no worker could be reached") as caught:
            self.buy(world, patience=20.0)
        self.assertEqual(caught.exception.transaction_id, ORDER)

    def test_an_order_for_cash_that_was_placed_stands_when_no_worker_is_left(self):
        world = World(w1=None, w2=None)

        def last(*_):
            world.servers[A] = None
            return [(0, reply("orderPlaced", ORDER, "k1", "queued")), (1, END)]

        world.servers[A] = last
        steps = core(world, patience=20.0).trade("buy", "AAPL", None, 100, "k1", None)
        with self.assertRaisesRegex(errors.StillOpen, "no worker could be reached") as caught:
            world.run(steps)
        self.assertEqual(caught.exception.client_order_id, "k1")

    def test_a_settlement_that_does_not_come_is_asked_for_again(self):
        world = World(w1=None)
        later = [[(0, queued(world, "k1"))], [(0, filled())]]
        world.servers[A] = world.servers[B] = lambda *_: later.pop(0)
        self.buy(world)
        self.assertEqual(world.now, 5 + 30)

    def test_a_master_that_is_away_is_waited_for(self):
        away = reply("purchaseFail", "master-unavailable", "no link")
        world = World(w1=Turns(away, away), w2=Turns(away, filled()))
        self.buy(world)
        # The worker of last time is asked first.
        self.assertEqual(world.opened, [A, B, B])

    def test_a_place_order_is_repeated_too(self):
        placed = reply("orderPlaced", ORDER, "k1", "open")
        world = World(w1=lambda *_: END, w2=lambda *_: placed)
        done = world.run(core(world).place("buy", "AAPL", 1, None, None, "10.5", None, "gtc", "k1"))
        self.assertEqual((done.transaction_id, done.status), (ORDER, "open"))
        order = [texts for _, name, texts in world.asked if name == "placeOrder"]
        self.assertEqual(order[0], order[1])
        self.assertEqual(order[0][4:8], ["limit", "10.5", "-", "gtc"])


class Editions(unittest.TestCase):
    def first_edition(self, world):
        """A server that does not know getServerInfo."""
        fault = reply("protocolError", "unknown-instruction", "no such instruction")
        original = world._write

        def write(data):
            if data[1:3] == b"\x04\x07":
                world.asked.append((world._address, "getServerInfo", []))
                world._incoming += [(world.now, fault), (world.now, END)]
            else:
                original(data)

        world._write = write

    def test_a_server_of_the_first_edition_buys_and_says_what_it_does_not_have(self):
        world = World(w1=lambda *_: filled())
        self.first_edition(world)
        client = core(world, servers=(A,))
        client.deployment.editions = {}
        self.assertEqual(world.run(client.server()).edition, 1)
        world.run(client.trade("buy", "AAPL", 10, None, None, None))
        with self.assertRaises(errors.NotSupported):
            world.run(client.open_orders())
        self.assertEqual([n for _, n, _ in world.asked].count("getServerInfo"), 1)

    def test_prices_of_a_server_of_the_first_edition_are_asked_for(self):
        world = World(w1=lambda *_: QUOTE)
        self.first_edition(world)
        made = deployment(world, servers=(A,))
        made.editions = {}
        feed = QuoteFeed(made, ["AAPL"])
        price = world.run(feed.next_item(5.0))
        self.assertEqual(price.value, Decimal("430.47"))
        self.assertIsNone(world.run(feed.next_item(5.0)))


class Feeds(unittest.TestCase):
    def test_prices_go_on_at_another_worker_and_none_comes_twice(self):
        world = World(w1=None, w2=None)
        subscribed = reply("subscribed", "quotes:AAPL")
        first = reply("quoteNotice", world.at(0), "AAPL=1")
        second = reply("quoteNotice", world.at(1), "AAPL=2")
        third = reply("quoteNotice", world.at(2), "AAPL=2")
        world.servers[A] = lambda *_: [(0, subscribed + first), (1, second), (1, END)]
        world.servers[B] = lambda *_: [(0, subscribed + second), (2, third)]
        feed = QuoteFeed(deployment(world), ["AAPL"])
        got = [world.run(feed.next_item(60.0)) for _ in range(2)]
        world.servers[A] = None
        got.append(world.run(feed.next_item(60.0)))
        self.assertEqual([price.value for price in got], [1, 2, 2])
        self.assertEqual(len({price.time for price in got}), 3)
        self.assertEqual(world.opened, [A, A, B])

    def test_lost_ends_of_orders_are_told(self):
        world = World(w1=None)
        subscribed = reply("subscribed", "orders")
        notice = reply(
            "orderNotice", ORDER, "rejected", "AAPL", "10", "-", "-", world.at(0), "no-price"
        )
        connections = [[(0, subscribed), (1, notice), (2, END)], [(0, subscribed)]]
        world.servers[A] = lambda *_: connections.pop(0)
        feed = OrderFeed(deployment(world, servers=(A,)))
        end = world.run(feed.next_item(30.0))
        self.assertEqual((end.status, end.reason, end.price), ("rejected", "no-price", None))
        self.assertEqual(world.run(feed.next_item(30.0)).topic, "orders")

    def test_a_renewal_that_is_refused_for_the_moment_changes_nothing(self):
        world = World(w1=None)
        away = reply("orderFail", "master-unavailable", "no link")
        notice = reply("orderNotice", ORDER, "settled", "A", "1", "2", "2", world.at(90))
        answers = [reply("subscribed", "orders"), [(0, away), (30, notice)]]
        world.servers[A] = lambda *_: answers.pop(0)
        feed = OrderFeed(deployment(world))
        self.assertEqual(world.run(feed.next_item(None)).status, "settled")
        self.assertEqual(world.opened, [A])

    def test_a_session_that_has_ended_ends_the_prices(self):
        world = World(w1=None)
        answers = [reply("subscribed", "quotes"), reply("orderFail", "session-expired", "ended")]
        world.servers[A] = lambda *_: answers.pop(0)
        feed = QuoteFeed(deployment(world), [])
        with self.assertRaises(errors.SessionEnded):
            world.run(feed.next_item(None))
        self.assertEqual(world.now, 60)


class Errors(unittest.TestCase):
    def test_every_error_can_be_pickled(self):
        refused = errors.refusal("insufficient-funds", "too little")
        refused.transaction_id, refused.client_order_id = ORDER, "k1"
        lost = errors.ConnectionLost("gone")
        for error in (
            refused,
            errors.refusal("of-later", ""),
            errors.BadArgument("symbol", "x", "a symbol"),
            errors.NotLoggedIn(),
            errors.ServerFault("timeout", "too slow"),
            errors.NoWorker([(A, lost)]),
            errors.OutcomeUnknown("k1", "gone"),
            errors.StillOpen(ORDER, None),
        ):
            again = pickle.loads(pickle.dumps(error))
            self.assertIs(type(again), type(error))
            self.assertEqual(str(again), str(error))
            self.assertEqual(str(vars(again)), str(vars(error)))


class Addresses(unittest.TestCase):
    def test_addresses(self):
        self.assertEqual(split_address("localhost"), ("localhost", 2049))
        self.assertEqual(split_address("[::1]:7"), ("::1", 7))
        self.assertEqual(split_address("[::1]"), ("::1", 2049))
        for wrong in ("", "a:", "a:0", "a:65536", "::1", ":1", "a:x"):
            with self.assertRaises(errors.BadArgument):
                split_address(wrong)

    def test_tls_is_for_other_machines_and_stays_on(self):
        made = Deployment(["localhost", "example.org"])
        self.assertFalse(made.uses_tls("localhost:1"))
        self.assertFalse(made.uses_tls("127.0.0.1:1"))
        self.assertTrue(made.uses_tls("example.org:1"))
        self.assertTrue(made.uses_tls("127.example.org:1"))
        made.begin("alice", SESSION, ["127.0.0.1:9"], "example.org:2049")
        self.assertTrue(made.uses_tls("127.0.0.1:9"))

    def test_workers_that_come_in_plain_text_over_the_network_are_hearsay(self):
        made = Deployment(["example.org"], tls=False)
        made.begin("alice", SESSION, ["evil.example:2049"], "example.org")
        self.assertEqual(made.workers, ["example.org"])
