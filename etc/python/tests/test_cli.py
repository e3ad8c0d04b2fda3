"""The command line, as a process: what it prints, and its exit codes."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

import papertrader

from .live import PASSWORD, SERVERS, TIMEOUT, fresh_name, needs_servers

HERE = pathlib.Path(__file__).resolve().parent.parent


def run(*arguments, given="", **variables):
    """Runs a command line; returns exit code, standard output, standard error."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PAPERTRADER_")
    }
    done = subprocess.run(
        [sys.executable, "-m", "papertrader", *arguments],
        cwd=HERE, env={**environment, **variables}, input=given, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


class WithoutServers(unittest.TestCase):
    def test_a_bad_command_line_is_2(self):
        lines = ["", "nonsense", "quote", "quote AAPL", "watch --count 0", "--plain --ca x server"]
        for line in [*lines, "--server a:b server"]:
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
