"""Data frames: tested where pandas and polars are. PAPERTRADER_TEST_FRAMES=1: they must be."""

import datetime
import importlib.util
import os
import unittest
from decimal import Decimal

from papertrader import Rows, wire

NOW = datetime.datetime(2013, 3, 1, 12, tzinfo=datetime.timezone.utc)
BARS = Rows(
    wire.Bar(time=NOW, open=Decimal("1.5"), high=Decimal(2), low=Decimal(1), close=close, volume=7)
    for close in (Decimal("1.234567"), Decimal("2.5"))
)


def needs(package):
    is_there = importlib.util.find_spec(package) is not None
    must_be = bool(os.environ.get("PAPERTRADER_TEST_FRAMES"))
    return unittest.skipUnless(is_there or must_be, f"there is no {package}")


class Frames(unittest.TestCase):
    def test_rows_are_dictionaries(self):
        order = wire.OrderParameters("limit", Decimal(5), None, None, "gtc", None)
        entry = wire.PageEntry(
            id="1", side="buy", status="open", symbol="A", accepted=NOW, settled=None, order=order
        )
        (made,) = Rows([entry]).to_dicts()
        self.assertEqual((made["order_limit"], made["settled"]), (Decimal(5), None))

    @needs("pandas")
    def test_pandas(self):
        frame = BARS.to_pandas()
        self.assertEqual(list(frame["close"]), [1.234567, 2.5])
        self.assertEqual(str(frame["close"].dtype), "float64")
        self.assertEqual(frame["time"][0].tzinfo is not None, True)
        self.assertEqual(BARS.to_pandas(exact=True)["close"][0], Decimal("1.234567"))
        self.assertEqual(len(Rows(()).to_pandas()), 0)

    @needs("polars")
    def test_polars(self):
        frame = BARS.to_polars()
        self.assertEqual(frame["close"].to_list(), [1.234567, 2.5])
        self.assertEqual(frame["time"][0], NOW)
        self.assertEqual(BARS.to_polars(exact=True)["close"].to_list()[0], Decimal("1.234567"))
