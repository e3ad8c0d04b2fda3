"""What an installation goes through in its years: copies, rotation, crowds, upgrades, and its end."""
import json, re, time

import page
from machine import until
from . import NEWER, case, expect
from .installing import MASTER, PASSWORD, WORKER, buys, put_packages
from .sandbox import with_tables
from .watching import CONFIGURATIONS, changed, main_pid, status

# A machine of 1 GB: the tasks that systemd gives a unit there, and idle connections beyond them.
TASKS_OF_1_GB, IDLE = 1138, 1800
# So many of them are served all the same, at least.
SERVED_MIN = 500


@case("log files are rotated, written on, and closed to others", after=["set-up"])
def rotation(run):
    machine, modes = run.one, []
    machine.run("papertraderctl log flush")
    machine.run("logrotate --force --verbose /etc/logrotate.d/papertrader-server")
    machine.run("papertraderctl log flush")
    for path in ("/var/log/papertrader/master.log", "/var/log/papertrader-worker/eu1.log"):
        rotated = machine.out(f"ls {path}?*").split()
        expect(len(rotated) == 1, f"{path} was not rotated: {rotated}")
        until(f"{path} is written on", lambda: machine.run(f"test -s {path}", status=None).status == 0)
        modes.append(machine.out(f"stat -c %a {path}"))
    expect(modes == ["640", "640"], f"modes of the log files: {modes}")


@case("a backup is made, verified, made by the timer's unit, and restored", after=["set-up"])
def backup(run):
    machine = run.one
    machine.run("rm -rf /root/backups")
    buys(machine)
    machine.run("set -eu\n" + page.script("spec/setup.md", "backup"))
    machine.run("papertraderctl backup - >/root/backups/2.db && papertraderctl verify --database /root/backups/2.db")
    machine.run("systemctl start papertrader-backup.service")
    made = machine.out("ls /var/backups/papertrader")
    expect(made, "the timer's unit has written nothing into /var/backups/papertrader")
    before = status(machine)
    accounts = before["accounts"]
    expect(before["last_backup"], before)
    machine.run("set -eu\n" + page.script("spec/setup.md", "restore"))
    expect(status(machine)["accounts"] == accounts, "accounts after the restore")
    # A restore ends all sessions.
    until("the worker is linked again", lambda: linked(machine) == 1)
    machine.terminal("papertrader --ca /etc/papertrader/ca/ca.crt login ada", PASSWORD, user="ada")
    buys(machine)
    return f"the timer's unit made {made}"


@case(f"{IDLE} idle connections where {TASKS_OF_1_GB} tasks are allowed, and the master restarts", after=["set-up"])
def crowd(run):
    machine = run.one
    # On a machine whose control groups the container may not use, TasksMax is not in force, and LimitNPROC is.
    few = f"[Service]\nTasksMax={TASKS_OF_1_GB}\nLimitNPROC={TASKS_OF_1_GB}\n"
    before = machine.read(CONFIGURATIONS[WORKER])
    words = ["python3", "-B", run.here / "idle.py", IDLE]
    if re.search(r"^\[tls\]", before, re.MULTILINE):
        words.append("--tls")
    with changed(machine, WORKER, lines=few,
                 configuration=with_tables(before, "limits", "[limits]\nmax_connections_per_ip = 10000")):
        people = machine.helper(words)
        first, pid = people.stdout.readline().strip(), main_pid(machine, WORKER)
        tasks = machine.out(f"ls /proc/{pid}/task | wc -l")
        start = time.monotonic()
        machine.run(f"systemctl restart {MASTER}")
        until("the worker is linked again", lambda: linked(machine) == 1)
        took = time.monotonic() - start
        expect(main_pid(machine, WORKER) == pid, "the worker was started again")
        print("", file=people.stdin)
        last = people.stdout.readline().strip()
        expect(int(last.split()[1]) >= SERVED_MIN, f"of {IDLE} connections: {first} at first, {last} after the restart")
        people.kill()
        people.wait()
        buys(machine)
    return f"{first}; {tasks} threads; linked again in {took:.0f} s, {last}"


def linked(machine):
    """How many workers are linked, as the master says; 0 while it says nothing."""
    answer = machine.run("papertraderctl --json workers list", status=None)
    return answer.out.count('"linked_since": "') + answer.out.count('"linked_since":"')


@case("an order that waits when an upgrade begins is settled after it", after=["set-up"], upgrades=True)
def upgrade(run):
    machine = run.one
    put_packages(run, machine, newer=True)
    before = main_pid(machine, MASTER)
    order_that_waits(machine, machine)
    bought = positions(machine).get("MSFT", 0)
    start = time.monotonic()
    said = machine.run(install_newer(), seconds=300)
    took = time.monotonic() - start
    expect(main_pid(machine, MASTER) != before, f"the master was not started again: {said}")
    machine.wait_active(MASTER)
    machine.wait_active(WORKER)
    machine.run("papertraderctl market resume")
    until("the order is settled", lambda: positions(machine).get("MSFT", 0) > bought)
    buys(machine)
    machine.run("papertraderctl verify")
    return f"installed in {took:.0f} s"


def install_newer():
    return f"apt-get install -y ./papertrader-server_*{NEWER}*.deb ./papertrader_*{NEWER}*.deb"


def order_that_waits(master, client):
    """Queues an order that no update settles: of a market that is paused."""
    master.run("papertraderctl market pause")
    client.run("papertrader buy MSFT 1 --no-wait --yes", user="ada")
    waiting = client.out("papertrader --json orders", user="ada")
    expect("MSFT" in waiting, f"no order waits: {waiting}")


def positions(machine):
    """ada's units by symbol."""
    answer = machine.run("papertrader --json portfolio", status=None, user="ada")
    if answer.status:
        return {}
    return {each["symbol"]: float(each["quantity"]) for each in json.loads(answer.out)["positions"]}


@case("a package that is removed stops everything, and leaves configuration and data", after=["set-up"], short=True)
def remove(run):
    machine = run.one
    machine.run("apt-get remove -y papertrader-server", seconds=300)
    for unit in (MASTER, WORKER):
        expect(not machine.active(unit), f"{unit} runs on")
    left = machine.out("ps -eo user,args | grep '^papertr' || true")
    expect(not left, f"processes that are left:\n{left}")
    machine.run("test -e /etc/papertrader/master.toml -a -e /var/lib/papertrader/master.db")
    # Installed again it says how what was there is started.
    said = machine.out("apt-get install -y ./papertrader-server_*.deb", seconds=300)
    for start in (f"systemctl start {MASTER}", f"systemctl start --no-block {WORKER}"):
        expect(start in said, said)
    machine.run("apt-get remove -y papertrader-server", seconds=300)


# Users stay, because files elsewhere may be theirs; backups, because they are for the day on which all else is gone;
# the journal and dpkg's own lists are the system's.
STAYS = re.compile("/var/backups/papertrader|/var/log/journal|/var/lib/(dpkg|apt|systemd)|/var/cache|/etc/apt"
                   "|/home/|/root/")


@case("a purge leaves nothing but what the page names", after=["remove"], short=True)
def purge(run):
    machine = run.one
    machine.run("apt-get purge -y papertrader-server papertrader", seconds=300)
    left = machine.out("find / -xdev -iname '*papertrader*' -not -path '/proc/*' -not -path '/sys/*' 2>/dev/null; "
                       "find / -xdev -user papertrader -o -xdev -user papertrader-worker 2>/dev/null; "
                       "ls -d /run/papertrader* 2>/dev/null; true")
    left = sorted({path for path in left.splitlines() if not STAYS.match(path)})
    expect(not left, "left: " + " ".join(left))
    expect(not machine.out("systemctl list-units --all --plain --no-legend 'papertrader*'; "
                           "systemctl list-unit-files --no-legend 'papertrader*'; true"), "units are left")
    failed = machine.out("systemctl --failed --plain --no-legend")
    expect(not failed, failed)
