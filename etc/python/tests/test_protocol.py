"""The protocol of a connection: bytes in, events out."""

import unittest

from papertrader import wire
from papertrader.errors import ConnectionLost, Nonsense, NotFound
from papertrader.protocol import Answer, Closed, Fault, Notice, Protocol, Refusal

from .script import SESSION, frame, packets, reply


class AnswersAndNotices(unittest.TestCase):
    def setUp(self):
        self.protocol = Protocol()

    def ask(self, request):
        self.protocol.send(request)
        return request

    def test_answers_belong_to_requests_in_their_order(self):
        first = self.ask(wire.get_server_info())
        second = self.ask(wire.ping())
        third = self.ask(wire.cancel_order(SESSION, "01890a5d-ac96-774b-bcce-b302099a8057"))
        came = self.protocol.receive(
            reply("serverInfo", "edition=2")
            + reply("pong")
            + reply("orderFail", "no-data", "none such")
        )
        self.assertEqual([event.request for event in came], [first, second, third])
        self.assertEqual(came[0].value.fact, (("edition", "2"),))
        self.assertIsInstance(came[2], Refusal)
        self.assertIsInstance(came[2].error(), NotFound)
        self.assertEqual(self.protocol.unanswered, 0)

    def test_bytes_may_come_one_by_one(self):
        self.ask(wire.get_quote_list())
        self.ask(wire.get_asset_list())
        data = packets(bytes(4) + bytes(8)) + reply("noticesDropped", "orders", "3")
        data += packets(b"\x00\x00\x00\x01\x00\x03IBM")
        came = [event for byte in data for event in self.protocol.receive(bytes([byte]))]
        self.assertEqual([type(event) for event in came], [Answer, Notice, Answer])
        self.assertEqual(came[2].value.texts, ("IBM",))

    def test_a_notice_may_come_between_two_packets(self):
        self.ask(wire.get_asset_list())
        texts = [f"A{number:05}".encode() for number in range(2000)]
        payload = len(texts).to_bytes(4, "big") + b"".join(b"\0\x06" + text for text in texts)
        first, second = packets(payload, split=True)
        self.assertEqual(self.protocol.receive(first), [])
        notice = self.protocol.receive(reply("quoteNotice", "2026-01-02T03:04:05.678Z", "A=B=1.5"))
        self.assertEqual(notice[0].value.quote[0][0], "A=B")
        (answer,) = self.protocol.receive(second)
        self.assertEqual(len(answer.value.texts), 2000)

    def test_packets_out_of_order_are_nonsense(self):
        for wrong in ([(2, 3)], [(1, 3), (1, 3)], [(1, 3), (3, 3)], [(1, 3), (2, 4)], [(1, 0)]):
            protocol = Protocol()
            protocol.send(wire.get_asset_list())
            *before, last = (frame(wire.DATA, bytes(wire.DATA_MAX), 0, n, m) for n, m in wrong)
            for packet in before:
                self.assertEqual(protocol.receive(packet), [])
            with self.assertRaises(Nonsense, msg=wrong):
                protocol.receive(last)

    def test_a_packet_that_is_not_full_is_the_last(self):
        self.ask(wire.get_asset_list())
        with self.assertRaises(Nonsense):
            self.protocol.receive(frame(wire.DATA, bytes(100), 0, 1, 2))

    def test_unknown_control_messages_are_passed_over_and_unknown_returns_are_not(self):
        self.ask(wire.ping())
        self.assertEqual(self.protocol.receive(frame(0x04FE, b"of later", 2)), [])
        self.assertEqual(len(self.protocol.receive(reply("pong"))), 1)
        with self.assertRaises(Nonsense):
            self.protocol.receive(frame(0x03FE, b"", 0))

    def test_an_answer_of_another_kind_is_nonsense(self):
        self.ask(wire.ping())
        with self.assertRaisesRegex(Nonsense, "workerList in answer to ping"):
            self.protocol.receive(reply("workerList"))
        with self.assertRaisesRegex(Nonsense, "answers nothing"):
            Protocol().receive(reply("pong"))

    def test_what_is_no_protocol_of_ours_is_nonsense(self):
        for data in (b"HTTP/1.1 400 Bad Request\r\n", b"\x15\x03\x03\x00\x02" + bytes(20)):
            with self.assertRaises(Nonsense):
                Protocol().receive(data)

    def test_the_end_is_told_and_an_end_inside_a_message_is_an_error(self):
        self.assertEqual(self.protocol.receive(b""), [Closed()])
        self.protocol.receive(reply("protocolError", "timeout", "you were idle")[:-1])
        with self.assertRaises(ConnectionLost):
            self.protocol.receive(b"")

    def test_a_fault_has_its_sentence(self):
        came = self.protocol.receive(reply("protocolError", "timeout", "you were idle"))
        self.assertEqual(came, [Fault("timeout", "you were idle")])

    def test_the_state_follows_what_the_server_confirms(self):
        self.ask(wire.switch_state(SESSION, "data"))
        self.assertEqual(self.protocol.state, "command")
        self.protocol.receive(reply("stateSwitchSuccess", "data"))
        self.assertEqual(self.protocol.state, "data")
