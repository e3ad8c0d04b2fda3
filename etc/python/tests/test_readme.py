"""The examples of the README: run in order, in one program, against real servers."""

import contextlib
import functools
import importlib.util
import io
import os
import pathlib
import re
import unittest
from unittest import mock

import papertrader

from .live import SERVERS, TIMEOUT, fresh_name, needs_servers

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"


def blocks():
    """The examples with the packages that they need."""
    text = README.read_text(encoding="utf-8")
    pattern = r"(?:<!-- needs ([a-z, ]+) -->\n)?```python\n(.*?)```"
    for match in re.finditer(pattern, text, re.DOTALL):
        yield (match[1] or "").replace(",", " ").split(), match[2]


def normal(text):
    """A text with each number as 0: prices and days are of the market."""
    return re.sub(r"\d[\d.]*", "0", text)


def expected(code):
    """What the comments behind `print` say."""
    return [normal(line) for line in re.findall(r"print\(.*\)  # (.*)$", code, re.MULTILINE)]


class Readme(unittest.TestCase):
    @needs_servers
    def test_the_examples_do_what_they_say(self):
        names = {"__name__": "readme"}
        name = fresh_name()
        count = 0
        for packages, code in blocks():
            missing = [p for p in packages if importlib.util.find_spec(p) is None]
            if missing and not os.environ.get("PAPERTRADER_TEST_FRAMES"):
                print(f"skipped: an example needs {', '.join(missing)}")
                continue
            code = code.replace('"127.0.0.1:2049"', repr(SERVERS[0]))
            code = code.replace("alice", name)
            printed = io.StringIO()
            patient = functools.partial(papertrader.Client, timeout=TIMEOUT)
            with contextlib.redirect_stdout(printed), mock.patch("papertrader.Client", patient):
                exec(compile(code, str(README), "exec"), names)
            said = [normal(line) for line in printed.getvalue().splitlines()]
            for line in expected(code):
                self.assertIn(line, said, code)
            count += 1
        self.assertGreater(count, 8)

    def test_there_are_examples(self):
        self.assertGreater(len(list(blocks())), 8)
        self.assertGreater(sum(len(expected(code)) for _, code in blocks()), 8)
