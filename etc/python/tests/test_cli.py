"""The command line, as a process: what it prints, and its exit codes."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from unittest import mock

import papertrader
from papertrader import __main__ as command_line

from .live import PASSWORD, SERVERS, TIMEOUT, fresh_name, needs_servers
from .script import ORDER, SESSION, listen, reply

#: When the script's orders settle: not while a test lasts.
SETTLES = "2100-01-01T00:00:00.000Z"

HERE = pathlib.Path(__file__).resolve().parent.parent


def run(*arguments, given="", **variables):
    """Runs a command line; returns exit code, standard output, standard error."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PAPERTRADER_")
    }
    done = subprocess.run(
        [sys.executable, "-m", "papertrader", *arguments],
        cwd=HERE, env={**environment, **variables}, input=given, text=True,
        errors="surrogateescape", stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


class WithoutServers(unittest.TestCase):
    def test_a_bad_command_line_is_2(self):
        lines = ["", "nonsense", "quote", "quote AAPL", "watch --count 0", "--plain --ca x server"]
        for line in [*lines, "--server a:b server", "--timeout -1 server", "--patience -1 server"]:
            code, out, err = run(*line.split())
            self.assertEqual((code, out), (2, ""), line)
            self.assertTrue(err, line)

    def test_nobody_listens_is_3(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = "127.0.0.1:%d" % listener.getsockname()[1]
        code, out, err = run("--json", "--server", server, "server")
        self.assertEqual(code, 3)
        self.assertEqual(json.loads(out)["error"]["code"], "unreachable")
        self.assertEqual(err.count("\n"), 1)

    def test_nobody_is_logged_in_is_4(self):
        code, _, err = run("--user", "alice", "portfolio")
        self.assertEqual(code, 4)
        self.assertIn("--password-stdin", err)

    def test_a_password_that_is_no_text_is_told_in_one_line(self):
        for encoding in ("utf-8", "utf-8:surrogateescape"):
            line = ["--user", "alice", "--password-stdin", "portfolio"]
            code, _, err = run(*line, given="caf\udce9\n", PYTHONIOENCODING=encoding)
            self.assertEqual((code, err), (1, "papertrader: the password is no text in UTF-8\n"))

    def test_the_end_of_input_at_the_password_is_4(self):
        with mock.patch("getpass.getpass", side_effect=EOFError), mock.patch("sys.stdin") as stdin:
            stdin.isatty.return_value = True
            with mock.patch("sys.stderr"):
                self.assertEqual(command_line.main(["--user", "alice", "portfolio"]), 4)


class Interrupted(unittest.TestCase):
    """An order whose command line ends before its time, against a server that queues it."""

    def setUp(self):
        self.queued = threading.Event()
        self.orders = []
        self.server = listen(self, self.answer)
        self.outcome = b""

    def answer(self, name, texts):
        if name == "login":
            return reply("sessionID", SESSION, self.server)
        if name == "purchaseAsset":
            self.orders.append(texts[3])
            self.queued.set()
            return self.outcome or reply("transactionQueued", ORDER, texts[3], SETTLES)
        if name == "getServerInfo":
            return reply("serverInfo", "edition=2")
        return reply("stateSwitchSuccess", texts[1])

    def buy(self, stdout, *options):
        line = ["--server", self.server, "--user", "alice", *options, "buy", "AAPL", "1"]
        return subprocess.Popen(
            [sys.executable, "-m", "papertrader", *line],
            cwd=HERE, env={**os.environ, "PAPERTRADER_TOKEN": SESSION}, text=True,
            stdout=stdout, stderr=subprocess.PIPE,
        )  # fmt: skip

    def test_ctrl_c_tells_the_key_of_an_order_that_was_sent(self):
        for options in ([], ["--json"]):
            self.queued.clear()
            with self.buy(subprocess.PIPE, *options) as process:
                self.assertTrue(self.queued.wait(TIMEOUT))
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=TIMEOUT)
            self.assertEqual(process.returncode, 6, err)
            self.assertEqual(err.count("\n"), 1, err)
            self.assertIn(f"order {self.orders[-1]} may have been sent", err)
            if options:
                self.assertEqual(json.loads(out)["error"]["code"], "outcome-unknown")

    def test_an_order_that_is_done_is_told_where_the_output_takes_nothing(self):
        self.outcome = reply(
            "purchaseSuccess", ORDER, "AAPL", "1", "418.03", "418.03", "2026-01-02T03:04:09.000Z"
        )
        for options in ([], ["--json"]):
            with open("/dev/full", "w") as full, self.buy(full, *options) as process:
                err = process.communicate(timeout=TIMEOUT)[1]
            self.assertEqual(process.returncode, 1, err)
            self.assertEqual(err.count("\n"), 1, err)
            self.assertIn("No space left on device; the order is done: bought 1 AAPL", err)

    def test_output_that_cannot_be_written_is_told_in_one_line(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "papertrader", "--server", self.server, "server"],
                cwd=HERE, stdout=full, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
        self.assertEqual(done.returncode, 1)
        text = "papertrader: cannot write the output: No space left on device\n"
        self.assertEqual(done.stderr, text)


class Bot(unittest.TestCase):
    """The example, where it is started wrongly."""

    def bot(self, *arguments, **variables):
        environment = {name: value for name, value in os.environ.items() if name != "PASSWORD"}
        done = subprocess.run(
            [sys.executable, "examples/moving_average.py", *arguments],
            cwd=HERE, env={**environment, "PYTHONPATH": str(HERE), **variables}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        return done.returncode, done.stderr

    def test_without_a_password_it_tells_its_usage(self):
        code, err = self.bot("127.0.0.1:9", "alice", "AAPL")
        self.assertEqual((code, err[:6]), (2, "usage:"))
        code, err = self.bot("127.0.0.1:9", "alice", "AAPL", "x", PASSWORD=PASSWORD)
        self.assertEqual((code, err[:6]), (2, "usage:"))

    def test_a_login_that_fails_is_told_in_one_line(self):
        fail = reply("loginFail", "bad-credentials", "the name or the password is wrong")
        server = listen(self, lambda *_: fail)
        code, err = self.bot(server, "alice", "AAPL", PASSWORD="wrong password")
        text = "moving_average: the name or the password is wrong (bad-credentials)\n"
        self.assertEqual((code, err), (1, text))


@needs_servers
class WithServers(unittest.TestCase):
    def setUp(self):
        self.name = fresh_name()
        code, out, err = self.run_as(
            "register", self.name, f"{self.name}@example.org", password=PASSWORD
        )
        self.assertEqual((code, out), (0, f"{self.name} is registered\n"), err)

        with papertrader.Client(*SERVERS, timeout=TIMEOUT) as client:
            client.login(self.name, PASSWORD)
            self.token = client.create_token("tests", "trade", 1)

    def run_as(self, *arguments, password=None):
        """Runs a command with a token, which takes no hash; or with a password."""
        line = ["--timeout", "60", "--server", ",".join(SERVERS), "--user", self.name, *arguments]
        if password is None:
            return run(*line, PAPERTRADER_TOKEN=self.token)
        return run("--password-stdin", *line, given=password + "\n")

    def json(self, *arguments):
        code, out, err = self.run_as("--json", *arguments)
        self.assertEqual(code, 0, err)
        return [json.loads(line) for line in out.splitlines()]

    def test_a_person_trades(self):
        code, out, _ = self.run_as("buy", "aapl", "2")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^bought 2 AAPL at [0-9.]+, [0-9.]+ in all\n$")
        (bought,) = self.json("buy", "AAPL", "1", "--key", "k")
        self.assertEqual((bought["status"], bought["order_id"]), ("settled", "k"))
        (again,) = self.json("buy", "AAPL", "1", "--key", "k")
        self.assertEqual(again["transaction"], bought["transaction"])
        (portfolio,) = self.json("portfolio")
        self.assertEqual(portfolio["positions"][0]["quantity"], "3")
        (placed,) = self.json("buy", "AAPL", "1", "--limit", "0.5")
        self.assertEqual((placed["status"], placed["price"]), ("open", None))
        (orders,) = self.json("orders")
        self.assertEqual(orders["orders"][0]["id"], placed["transaction"])
        self.assertIn("limit", self.run_as("orders")[1])
        self.json("cancel", placed["transaction"])
        (history,) = self.json("transactions", "--limit", "1")
        self.assertEqual(history["transactions"][0]["status"], "cancelled")
        self.assertEqual(self.run_as("transactions")[1].count("settled"), 2)

    def test_a_market_is_shown(self):
        (quotes,) = self.json("quote", "AAPL", "IBM")
        self.assertEqual([row["symbol"] for row in quotes], ["AAPL", "IBM"])
        self.assertRegex(quotes[0]["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        code, out, _ = self.run_as("quote", "AAPL", "NOSUCH")
        self.assertEqual(code, 1)
        self.assertIn("unknown-asset", out)
        (bars,) = self.json("history", "AAPL", "year")
        self.assertEqual(len(bars["bars"]), 12)
        self.assertIn("AAPL", self.run_as("assets")[1])
        self.assertEqual(len(self.json("watch", "AAPL", "--count", "2")), 2)
        (server,) = self.json("server")
        self.assertEqual((server["edition"], server["wire"]), (2, 1))

    def test_refusals_are_5_and_ended_sessions_4(self):
        code, _, err = self.run_as("quote", "NOSUCH")
        self.assertEqual(
            (code, err), (5, "papertrader: there is no asset NOSUCH (unknown-asset)\n")
        )
        self.assertEqual(self.run_as("portfolio", password="wrong password")[0], 5)
        self.assertEqual(self.run_as("portfolio", password=PASSWORD)[0], 0)
        self.assertEqual(self.run_as("sell", "IBM", "1")[0], 5)
        variables = {"PAPERTRADER_TOKEN": "0" * 64, "PAPERTRADER_SERVER": SERVERS[0]}
        self.assertEqual(run("--user", self.name, "portfolio", **variables)[0], 4)

    def test_a_token_is_taken_from_a_file_that_nobody_else_reads(self):
        with papertrader.Client(*SERVERS, timeout=TIMEOUT) as client:
            client.login(self.name, PASSWORD)
            token = client.create_token("cli", "read", 1)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "token")
            path.write_text(token + "\n")
            line = ["--server", SERVERS[0], "--user", self.name, "--token-file", str(path)]
            path.chmod(0o644)
            self.assertIn("chmod 600", run(*line, "portfolio")[2])
            path.chmod(0o600)
            self.assertEqual(run(*line, "portfolio")[0], 0)
            code, _, err = run(*line, "buy", "AAPL", "1")
            self.assertEqual(code, 5)
            self.assertIn("(scope)", err)
