"""systemd watches the daemons: readiness, reload, watchdog, crashes, a master that is away."""
import contextlib, json, time

from machine import until
from . import case, expect
from .installing import MASTER, WORKER, buys

UNITS = (MASTER, WORKER)
CONFIGURATIONS = {MASTER: "/etc/papertrader/master.toml", WORKER: "/etc/papertrader/worker-eu1.toml"}
# What kills a daemon in a row, and within how many seconds at most each is up again where systemd makes the
# pauses grow from 1 s to a minute.
CRASHES = 10
# A restart that takes longer waits for something that is not there.
RESTART_SECONDS = 90


def drop_in(machine, unit, text, name="test"):
    """Adds lines to a unit, or takes them away where `text` is None."""
    path = f"/etc/systemd/system/{unit}.service.d/{name}.conf"
    if text is None:
        machine.run(f"rm -f {path}; rmdir --ignore-fail-on-non-empty $(dirname {path}) 2>/dev/null || true")
    else:
        machine.write(path, text)
    machine.run("systemctl daemon-reload")


@contextlib.contextmanager
def changed(machine, unit, lines=None, configuration=None):
    """The unit runs with these further lines, and with another configuration; both go afterwards, whatever happens."""
    path = CONFIGURATIONS[unit]
    before = machine.read(path)
    try:
        if lines:
            drop_in(machine, unit, lines)
        if configuration:
            machine.run(f"cat >{path}", input=configuration)
        machine.run(f"systemctl restart {unit}")
        machine.wait_active(unit)
        yield
    finally:
        drop_in(machine, unit, None)
        machine.run(f"cat >{path}", input=before + "\n")
        # A worker whose master is away waits for it for ever.
        machine.run(f"timeout {RESTART_SECONDS} systemctl restart {unit}", status=None)
    machine.wait_active(unit)


def main_pid(machine, unit):
    return int(machine.show(unit, "MainPID"))


def is_back(machine, unit, before):
    """Whether a process other than `before` serves."""
    return machine.active(unit) and main_pid(machine, unit) not in (0, before)


def status(machine):
    return json.loads(machine.out("papertraderctl --json status"))


@case("readiness is told by the daemons themselves; STATUS= and a reload are", after=["set-up"], short=True)
def notify(run):
    machine = run.one
    for unit in UNITS:
        expect(machine.show(unit, "Type").startswith("notify"), f"{unit} does not tell when it is ready")
        pid = main_pid(machine, unit)
        machine.run(f"systemctl reload {unit}")
        # The daemon says RELOADING=1 until it has looked at all files.
        machine.wait_active(unit)
        expect(main_pid(machine, unit) == pid, f"{unit} after a reload")


@case("a reload of a wrong configuration is refused by key, and the daemon goes on with the old one", after=["notify"])
def reload(run):
    machine = run.one
    for unit, path in CONFIGURATIONS.items():
        before, pid = machine.read(path), main_pid(machine, unit)
        try:
            machine.run(f"cat >{path}", input="no_such_key = 1\n" + before + "\n")
            machine.run(f"systemctl reload {unit}")
            until(f"{unit} names the key that is wrong", lambda: "no_such_key" in machine.journal(unit, 50), 30)
            machine.wait_active(unit)
            expect(main_pid(machine, unit) == pid, f"{unit} has not gone on")
        finally:
            machine.run(f"cat >{path}", input=before + "\n")
            machine.run(f"systemctl reload {unit}")
    buys(machine)


@case("a daemon that hangs is killed by the watchdog and started again", after=["notify"], short=True)
def watchdog(run):
    machine, took = run.one, []
    for unit in UNITS:
        with changed(machine, unit, lines="[Service]\nWatchdogSec=4s\n"):
            before, start = main_pid(machine, unit), time.monotonic()
            machine.run(f"systemctl kill --kill-whom=main --signal=STOP {unit}")
            until(f"{unit} is started again", lambda: is_back(machine, unit, before))
            took.append(f"{time.monotonic() - start:.0f} s")
            expect("watchdog" in machine.journal(unit, 30).lower(), machine.journal(unit, 30))
    buys(machine)
    return f"master {took[0]}, worker {took[1]}"


@case(f"{CRASHES} kills in a row leave a daemon up", after=["notify"])
def crashes(run):
    machine, took = run.one, []
    for unit in UNITS:
        start = time.monotonic()
        for _ in range(CRASHES):
            before = main_pid(machine, unit)
            machine.run(f"systemctl kill --kill-whom=main --signal=KILL {unit}")
            # Again as soon as there is a process, be it ready or not.
            until(f"{unit} has a process again", lambda: main_pid(machine, unit) not in (0, before), 300)
        machine.wait_active(unit)
        took.append(f"{time.monotonic() - start:.0f} s")
    buys(machine)
    return f"master {took[0]}, worker {took[1]}"


@case("a worker waits for a master that is down, says so, and holds up nobody", after=["notify"], short=True)
def master_is_down(run):
    machine = run.one
    machine.run(f"systemctl stop {WORKER}")
    machine.run(f"systemctl stop {MASTER}")
    machine.run(f"systemctl start --no-block {WORKER}", seconds=10)
    said = until("the worker says for what it waits", lambda: machine.show(WORKER, "StatusText"), 60)
    expect("127.0.0.1:2048" in said, f"STATUS={said}")
    expect(machine.show(WORKER, "ActiveState") == "activating", machine.show(WORKER, "ActiveState"))
    machine.run(f"systemctl start {MASTER}")
    machine.wait_active(WORKER)
    buys(machine)
    return f"STATUS={said}"
