#!/usr/bin/env python3
"""Runs `ptcat conform` against servers that break one requirement each.

Those of the first edition are in mutants.py; those of the second are a proxy (proxy.py) before the
worker of a sandbox.

    run.py [--short] [--jobs N] [--all-dialogues] [--write] [ID ...]

Each is to be caught: the section of its requirement fails. It gets the dialogues that show the
requirement, or all of them. The server that breaks nothing gets all, comes first, and is to pass.
Prints a row for each; --write writes spec/dialogue/mutants.md. Exit status 0: all were caught; 1:
one was not; 2: bad command line.
"""
import argparse, concurrent.futures, contextlib, json, pathlib, re, socket, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MUTANTS, PROXY = ROOT / "tests/mutants/mutants.py", ROOT / "tests/mutants/proxy.py"
PAGE = ROOT / "spec/dialogue/mutants.md"
# One of each part of the protocol; the gate runs these.
SHORT = ["3.1.5-workers-at-login", "3.1.7-next-price", "3.1.7-in-turn", "4.2.1-no-data", "4.4-end",
         "4.6.12-no-future", "4.7.1-packet-size", "4.7.5-in-order-of-time", "placeOrder/orderPlaced"]
# The rules that no mutant breaks, each with the reason.
NO_MUTANT = {
    "4.3.1-list-alone": "the reference solution has no port of the master",
}
SECONDS = 600  # for one server; even a busy machine needs a part of it
BEGIN, END = "<!-- mutants: made by `make mutants` -->", "<!-- end of mutants -->"


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return [f"127.0.0.1:{port}" for port in ports]


def listed():
    """The rows of both, each with the program that serves it."""
    return [{**row, "program": program} for program in (MUTANTS, PROXY)
            for row in json.loads(subprocess.check_output([sys.executable, program, "--list"]))]


def started(words, folder):
    """A server that has said that it is ready, and what it said."""
    errors = open(pathlib.Path(folder) / "stderr", "w")
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True)
    said = server.stdout.readline()
    if not said.startswith("ready"):
        server.kill()
        raise RuntimeError(f"{words}: did not start: {pathlib.Path(errors.name).read_text()}")
    return server, said


@contextlib.contextmanager
def served(row, sandbox):
    """The addresses of the workers of the server that breaks this requirement."""
    with tempfile.TemporaryDirectory() as folder:
        addresses = free_ports(1 if row["program"] == PROXY else 2)
        words = [sys.executable, row["program"], "--break", row["id"]]
        if row["program"] == PROXY:
            words += ["--listen", addresses[0], "--worker", sandbox]
        else:
            words += ["serve", "--data", folder, "--market", ROOT / "etc/market"]
            words += [word for address in addresses for word in ("--listen", address)]
        server, _ = started(words, folder)
        try:
            yield addresses
        finally:
            server.kill()
            server.wait()


@contextlib.contextmanager
def sandbox_for(rows, ptcat):
    """The worker of a sandbox, where one of the rows needs it."""
    if all(row["program"] != PROXY for row in rows):
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        server, said = started([ptcat.with_name("papertrader-sandbox"), "run", "--dir",
                                folder + "/sandbox", "--bcrypt-cost", "4"], folder)
        try:
            yield re.search(r"worker=(\S+)", said).group(1)
        finally:
            server.terminate()
            server.wait()


def conform(ptcat, row, sandbox, dialogues):
    """The report on the server that breaks this requirement; without dialogues by all of them."""
    with served(row, sandbox) as (first, *others):
        words = [word for other in others for word in ("--worker", other)]
        ran = subprocess.run([ptcat, "conform", first, *dialogues, *words, "--json"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             timeout=SECONDS)
    if not ran.stdout.startswith("{"):
        raise RuntimeError(f"{row['id']}: ptcat conform: {ran.stderr}")
    return json.loads(ran.stdout)


def differences(report):
    """The first difference of each section that failed."""
    return {entry["section"]: entry["difference"] for entry in report["sections"]
            if entry["result"].lower() == "fail"}


def where(difference):
    """`purchase.pt:14` of a difference."""
    return re.match(r"[^:]*:[0-9]*", difference or "").group()


def judge(ptcat, row, sandbox, dialogues):
    """The row with what caught it: a dialogue with its line, or None."""
    began = time.monotonic()
    try:
        found = differences(conform(ptcat, row, sandbox, dialogues))
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return {**row, "caught": None, "others": str(error), "seconds": 0}
    caught = found.get(row["section"])
    others = ", ".join(f"{section} at {where(difference)}" for section, difference in found.items())
    return {**row, "caught": caught and where(caught), "others": others,
            "seconds": time.monotonic() - began}


def page(rows):
    lines = ["| requirement | broken | caught by |", "|---|---|---|"]
    # Without the line, which another change of the dialogue moves.
    lines += [f"| `{row['id']}` | {row['broken']} | {row['caught'].split('.pt')[0]} |" for row in rows]
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + rest.split(END)[1]


def ids_of_page():
    table = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    return set(re.findall(r"^\| `([^`]*)`", table, re.MULTILINE))


def requirements(ptcat):
    """The dialogues that show a requirement, by its ID."""
    known = json.loads(subprocess.check_output([ptcat, "requirements", "--json"]))
    return {entry["id"]: entry["dialogues"] for entry in known["requirements"]}


def check_lists(shown, rows):
    """Each rule has a mutant or a reason, and not both; each mutant has a requirement."""
    ids = {row["id"] for row in rows}
    rules = {identity for identity in shown if "/" not in identity}
    wrong = ((rules - ids) ^ set(NO_MUTANT)) | (ids - set(shown))
    if wrong:
        sys.exit(f"mutants: a rule without a mutant and a reason, or a mutant of none: {wrong}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ptcat", default=ROOT / "target/debug/ptcat", type=pathlib.Path)
    parser.add_argument("--short", action="store_true", help="nine of them")
    parser.add_argument("--jobs", type=int, default=4, help="how many beside each other")
    parser.add_argument("--all-dialogues", action="store_true", help="not only those that show it")
    parser.add_argument("--write", action="store_true", help="write the page's table")
    parser.add_argument("ids", nargs="*", metavar="ID")
    options = parser.parse_args()
    rows, shown = listed(), requirements(options.ptcat)
    check_lists(shown, rows)
    wanted = options.ids or (SHORT if options.short else [row["id"] for row in rows])
    unknown = set(wanted) - {row["id"] for row in rows}
    if unknown or (options.write and len(wanted) < len(rows)):
        parser.error(f"no such mutant: {unknown}" if unknown else "--write needs all of them")
    none = {"id": "none", "program": MUTANTS}
    right = differences(conform(options.ptcat, none, None, []))
    print("none: " + ("passes" if not right else f"FAILS: {right}"), flush=True)

    chosen, results = [row for row in rows if row["id"] in wanted], []
    with sandbox_for(chosen, options.ptcat) as sandbox, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        def judged(row):
            dialogues = [] if options.all_dialogues else shown[row["id"]]
            return judge(options.ptcat, row, sandbox, dialogues)
        for row in pool.map(judged, chosen):
            results.append(row)
            caught = f"caught by {row['caught']}" if row["caught"] else f"MISSED; {row['others']}"
            print(f"{row['section']:7} {row['id']:32} {row['broken']}: {caught} "
                  f"({row['seconds']:.0f} s)", flush=True)
    missed = [row["id"] for row in results if not row["caught"]]
    print(f"{len(results) - len(missed)} of {len(results)} servers that break one requirement were caught")
    if options.write and not missed:
        PAGE.write_text(page(results), encoding="utf-8")
    if ids_of_page() != {row["id"] for row in rows}:
        sys.exit("mutants: spec/dialogue/mutants.md is not current: make mutants")
    sys.exit(1 if missed or right else 0)


if __name__ == "__main__":
    main()
