"""From a bare machine to a trading person."""
import re, time

import page
from machine import until
from . import case, expect

MASTER, WORKER = "papertrader-master", "papertrader-worker@eu1"
PASSWORD = "correct horse battery"
# From a bare machine to a trading person, on one machine.
COMMANDS_MAX = 5


def put_packages(run, machine, newer=False):
    """Lays the packages into root's home, under the names that make gave them."""
    for name in ("papertrader-server", "papertrader"):
        path = run.package(name, newer)
        machine.path("/root").joinpath(path.name).write_bytes(path.read_bytes())


def buys(machine, symbol="AAPL"):
    """ada buys a unit, and waits for the settlement; the master may just have started."""
    return until(f"an order for {symbol} is filled", lambda: bought(machine, symbol))


def bought(machine, symbol):
    output = machine.run(f"papertrader --json buy {symbol} 1 --yes", status=None, user="ada")
    return output if output.status == 0 else None


@case("a machine boots, and the packages install on it without a network", short=True)
def install(run):
    machine = run.boot("one")
    put_packages(run, machine)
    before = machine.out("systemctl list-units --state=active --plain --no-legend -t service | cut -d' ' -f1").split()
    machine.run("apt-get install -y ./papertrader-server_*.deb ./papertrader_*.deb", seconds=300)
    run.kept["running-before"] = before
    machine.run("useradd --create-home ada")
    expect(machine.out("systemctl is-system-running") == "running", machine.out("systemctl --failed"))


@case("nothing runs and nothing listens that nobody has configured", after=["install"], short=True)
def unconfigured(run):
    machine = run.one
    now = machine.out("systemctl list-units --state=active --plain --no-legend -t service | cut -d' ' -f1").split()
    started = [unit for unit in set(now) - set(run.kept["running-before"]) if "papertrader" in unit]
    expect(not started, f"started by the installation: {started}")
    listening = machine.out("ss -Hltn")
    expect(not listening, f"listening: {listening}")
    for unit in (MASTER, WORKER):
        machine.run(f"systemctl start {unit}", status=None)
        state = until(f"{unit} has settled", lambda: settled(machine, unit), 30)
        expect(state in ("failed", "inactive"), f"{unit} without a configuration is {state}")
        expect(int(machine.show(unit, "NRestarts")) == 0, f"{unit} is started again and again")
        machine.run(f"systemctl reset-failed {unit}", status=None)


def settled(machine, unit):
    state = machine.show(unit, "ActiveState")
    return state if state in ("failed", "inactive", "active") else None


@case("the commands of spec/setup.md lead to a trading person in five at most", after=["unconfigured"], short=True)
def set_up(run):
    machine, start = run.one, time.monotonic()
    commands = [command for _, command in page.commands("spec/setup.md", "one-machine")]
    expect(0 < len(commands) <= COMMANDS_MAX, f"{len(commands)} commands: {commands}")
    for command in commands:
        if run.short:
            # The page's own variation: a day passes each second, and nobody waits a minute for an order.
            command = command.replace("setup master", "setup master --update-interval 1s")
        user = "ada" if command.split()[0] == "papertrader" else None
        output = machine.terminal(command, PASSWORD, user=user)
    expect(re.search(r"bought|filled|executed", output.out, re.IGNORECASE), output)
    took = time.monotonic() - start
    for unit in (MASTER, WORKER):
        machine.wait_active(unit)
        expect(machine.out(f"systemctl is-enabled {unit}") == "enabled", f"{unit} is not enabled")
    hasten(machine)
    return f"{len(commands)} commands, {took:.0f} s"


def hasten(machine):
    """An update a second, so that later cases do not wait for one a minute."""
    machine.run("sed -i 's/^update_interval.*//' /etc/papertrader/master.toml && "
                "sed -i '1i update_interval = \"1s\"' /etc/papertrader/master.toml && "
                f"systemctl restart {MASTER}")
    buys(machine)


@case("a set-up that is given again gives files back to their daemons, and the journal has what they do", after=["set-up"])
def mend(run):
    machine = run.one
    machine.run("cd /etc/papertrader && chown -R root:root gnupg/private-keys-v1.d tls/eu1.key master.toml && "
                "chmod 600 master.toml tls/eu1.key && "
                "chown root:root /var/lib/papertrader/master.db /var/log/papertrader-worker/eu1.log")
    said = machine.out("papertraderctl setup master --worker eu1")
    for path in ("gnupg", "tls/eu1.key", "master.toml", "/var/lib/papertrader", "/var/log/papertrader-worker"):
        expect(re.search(f"^mended .*{re.escape(path)}", said, re.MULTILINE), f"{path} was not mended: {said}")
    machine.run(f"systemctl restart {MASTER}")
    machine.run(f"systemctl restart --no-block {WORKER}")
    buys(machine)
    for unit, said in ((MASTER, "the master serves at"), (WORKER, "clients are served on")):
        expect(said in machine.out(f"journalctl -u {unit} -n 100 -o cat"), f"the journal of {unit} lacks: {said}")
    again = machine.out("papertraderctl setup master --worker eu1")
    expect("mended" not in again, again)


@case("keys are changed by the page's commands, and people trade on", after=["set-up"])
def keys(run):
    machine = run.one
    found = machine.out("grep -h key /etc/papertrader/*.toml")
    machine.run("set -eu\n" + page.script("spec/setup.md", "keys"), seconds=300)
    expect(found != machine.out("grep -h key /etc/papertrader/*.toml"), "the keys are as they were")
    machine.wait_active(WORKER)
    buys(machine)


@case("the same by hand, as the page shows it")
def by_hand(run):
    machine = run.boot("by-hand")
    put_packages(run, machine)
    machine.run("apt-get install -y ./papertrader-server_*.deb ./papertrader_*.deb", seconds=300)
    machine.run("useradd --create-home ada")
    machine.run("set -eu\n" + page.script("spec/setup.md", "by-hand"))
    machine.wait_active(WORKER)
    for _, command in page.commands("spec/setup.md", "one-machine"):
        if command.startswith("papertrader "):
            machine.terminal(command, PASSWORD, user="ada")
    machine.power_off()
