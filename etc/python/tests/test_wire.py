"""The generated codec, held against the description that it is made from."""

import ast
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from decimal import Decimal

from papertrader import errors, passwords, wire
from papertrader._forms import Reader, date_text, decimal_text
from papertrader.protocol import Protocol, encode

HERE = pathlib.Path(__file__).resolve().parent.parent
DESCRIPTION = json.loads((HERE / "../../spec/wire/papertrader.json").read_text(encoding="utf-8"))
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def snake(name):
    made = "".join("_" + c.lower() if c.isupper() else c for c in name)
    return made.replace("_i_d", "_id").replace("_u_r_i", "_uri")


class Expected:
    """What a vector's value must become, by the description alone."""

    def record(self, layout, value):
        fields = {}
        for field in DESCRIPTION["layouts"][layout]["fields"]:
            if field["name"] in value:
                fields.setdefault(field["name"], []).append(field)
        made = {}
        for name, variants in fields.items():
            is_private = value.get("private", 1)
            field = next(
                (v for v in variants if "when" not in v or v["when"]["equals"] == is_private),
                variants[0],
            )
            made[snake(name)] = self.field(field, value[name])
        return made

    def field(self, field, value):
        if "repeated" in field:
            return [self.one(field, item) for item in value]
        return self.one(field, value)

    def one(self, field, value):
        if "layout" in field:
            return self.record(field["layout"], value)
        scalar = DESCRIPTION["scalars"][field["scalar"]]
        if field["scalar"] == "time":
            return EPOCH + datetime.timedelta(milliseconds=int(value))
        if field["scalar"] == "flag":
            return bool(value)
        if field["scalar"] == "uuid":
            return "-".join((value[:8], value[8:12], value[12:16], value[16:20], value[20:]))
        if "scale" in scalar:
            return Decimal(int(value)) / 10 ** scalar["scale"]
        if "list" in scalar:
            words = DESCRIPTION["lists"][scalar["list"]]["values"]
            return next((w["name"] for w in words if w["number"] == int(value)), str(value))
        return value if scalar["encoding"] == "text" else int(value)


def differences(path, found, expected):
    """Where a record read differs from what was expected: None there is zero or nothing here."""
    if isinstance(expected, dict):
        for name, item in expected.items():
            if isinstance(found, tuple) or not hasattr(found, name):
                # Counts have no field of their own.
                if name not in ("count",):
                    yield f"{path}.{name} is missing"
                continue
            yield from differences(f"{path}.{name}", getattr(found, name), item)
    elif isinstance(expected, list):
        if len(found) != len(expected):
            yield f"{path}: {len(found)} items"
        for number, (item, other) in enumerate(zip(found, expected)):
            yield from differences(f"{path}[{number}]", item, other)
    elif found is None:
        if expected not in (0, "", EPOCH):
            yield f"{path}: None for {expected!r}"
    elif found != expected or type(found) is not type(expected):
        yield f"{path}: {found!r} for {expected!r}"


class Vectors(unittest.TestCase):
    def test_requests_are_written_as_the_vectors_are(self):
        count = 0
        by_number = {i.number: i for i in wire.INSTRUCTIONS.values()}
        for vector in DESCRIPTION["vectors"]["frames"]:
            instruction = by_number.get(vector["number"])
            if instruction is None:
                continue
            arguments = vector["arguments"]
            self.assertEqual(encode(instruction.request(*arguments)).hex(), vector["hex"])
            count += 1
        self.assertGreater(count, 40)

    def test_messages_are_read(self):
        count = 0
        for vector in DESCRIPTION["vectors"]["frames"]:
            if vector["number"] not in wire.MESSAGES:
                continue
            name, read = wire.MESSAGES[vector["number"]]
            head = wire.HEADER.unpack(bytes.fromhex(vector["hex"])[: wire.HEADER.size])
            data = bytes.fromhex(vector["hex"])[wire.HEADER.size :]
            texts = Protocol._texts(name, head[3], data)
            self.assertEqual(list(texts), vector["arguments"])
            read(texts)
            count += 1
        self.assertGreater(count, 40)

    def test_payloads_are_read(self):
        count = 0
        for vector in DESCRIPTION["vectors"]["payloads"]:
            data = bytes.fromhex(vector["hex"])
            reader = Reader(data)
            value = wire.PAYLOADS[vector["layout"]](reader)
            reader.end()
            expected = Expected().record(vector["layout"], vector["value"])
            self.assertEqual(list(differences(vector["name"], value, expected)), [])
            for short in range(len(data)):
                with self.subTest(vector["name"], short=short), self.assertRaises(errors.Nonsense):
                    if data and vector["layout"] == "Bars" and short % 48 == 0:
                        raise errors.Nonsense("a whole number of bars is a payload, too")
                    reader = Reader(data[:short])
                    wire.PAYLOADS[vector["layout"]](reader)
            count += 1
        self.assertGreater(count, 20)

    def test_passwords_are_hashed(self):
        for vector in DESCRIPTION["vectors"]["hashedPass"]:
            normal = passwords.normal(vector["password"])
            self.assertEqual(passwords.derive(vector["username"], normal), vector["hashedPass"])

    def test_types_take_their_examples_and_refuse_what_is_wrong(self):
        for name, form in DESCRIPTION["argumentTypes"].items():
            made = getattr(
                wire, "".join("_" + c if c.isupper() else c for c in name)[1:].upper(), None
            )
            if made is None:
                continue
            for text in form["examples"]:
                self.assertTrue(made.fits(text), f"{name}: {text!r}")
            for text in form["wrong"]:
                self.assertFalse(made.fits(text), f"{name}: {text!r}")


class Package(unittest.TestCase):
    def test_the_codec_is_what_the_description_gives(self):
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder, "wire.py")
            subprocess.run([sys.executable, str(HERE / "generate.py"), str(made)], check=True)
            is_same = made.read_text() == (HERE / "papertrader/wire.py").read_text()
            self.assertTrue(is_same, "run etc/python/generate.py, and commit what it writes")

    def test_every_reason_has_a_class(self):
        self.assertEqual(set(errors.REASONS), set(wire.REASONS))
        unknown = errors.refusal("of-later", "something new")
        self.assertIs(type(unknown), errors.Refused)
        self.assertEqual((unknown.code, unknown.text), ("of-later", "something new"))

    def test_each_file_imports_from_those_above_it_on_the_page(self):
        page = (HERE / "../../spec/python.md").read_text(encoding="utf-8")
        order = re.findall(r"`papertrader/(\w+)\.py`", page.split("## Without I/O")[0])
        files = {path.stem for path in HERE.glob("papertrader/*.py")} - {"__init__"}
        self.assertEqual(set(order), files)
        for number, name in enumerate(order):
            text = (HERE / f"papertrader/{name}.py").read_text(encoding="utf-8")
            for match in re.finditer(r"^from \.(\w*) import (\w+)", text, re.MULTILINE):
                above = match[1] or match[2]
                self.assertIn(above, [*order[:number], "__version__"], f"{name}.py")

    def test_every_file_is_python_3_9(self):
        for path in sorted(HERE.glob("**/*.py")):
            ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))


class Forms(unittest.TestCase):
    def test_amounts_are_exact(self):
        self.assertEqual(decimal_text(Decimal("1E+3")), "1000")
        self.assertEqual(decimal_text(Decimal("2.500")), "2.5")
        self.assertEqual(decimal_text(7), "7")
        for wrong in (1.5, Decimal("NaN")):
            with self.assertRaises(errors.BadArgument):
                decimal_text(wrong)

    def test_times_have_a_zone(self):
        utc = datetime.datetime(2013, 3, 1, 12, 30, 15, 678900, tzinfo=datetime.timezone.utc)
        self.assertEqual(date_text(utc), "2013-03-01T12:30:15.678Z")
        east = utc.astimezone(datetime.timezone(datetime.timedelta(hours=7)))
        self.assertEqual(date_text(east), "2013-03-01T12:30:15.678Z")
        self.assertEqual(date_text(datetime.date(2013, 3, 1)), "2013-03-01")
        with self.assertRaises(errors.BadArgument):
            date_text(datetime.datetime(2013, 3, 1))

    def test_what_is_wrong_is_refused_before_it_is_sent(self):
        with self.assertRaisesRegex(errors.BadArgument, "symbol 'aapl' is wrong; it must be"):
            wire.get_asset_info("aapl")
        with self.assertRaises(errors.BadArgument) as caught:
            wire.get_open_orders("secret")
        self.assertNotIn("secret", str(caught.exception))

    def test_a_request_does_not_show_its_arguments(self):
        self.assertNotIn("0" * 64, repr(wire.get_open_orders("0" * 64)))

    def test_records_are_frozen(self):
        quote = wire.Quote(time=EPOCH, value=Decimal(1))
        with self.assertRaises(AttributeError):
            quote.value = Decimal(2)
        self.assertEqual(hash(quote), hash(wire.Quote(time=EPOCH, value=Decimal(1))))

    def test_a_count_that_the_bytes_cannot_hold_is_refused_at_once(self):
        with self.assertRaises(errors.Nonsense):
            wire.List.read(Reader(bytes.fromhex("ffffffff0000")))

        never_called = self.fail
        with self.assertRaises(errors.Nonsense):
            Reader(bytes(9)).repeated(5, 2, never_called)

    def test_an_unknown_side_is_its_number(self):
        self.assertEqual(Reader(b"\x2a").listed(1, wire.SIDES), "42")
