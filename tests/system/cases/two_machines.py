"""Master and worker on machines of their own, joined by a network that has nothing else."""
import json, shlex, subprocess, threading

import page
from machine import until
from . import case, expect
from .installing import MASTER, PASSWORD, WORKER, buys, put_packages
from .lasting import install_newer, order_that_waits, positions
from .watching import main_pid, status

# The page's names of the machines, and their addresses.
ADDRESSES = {"master": "10.0.0.1", "worker": "10.0.0.2"}
NAMES = {"master": "master.example.org", "worker": "eu1.example.org"}
# What a client may see while the master is away: a refusal, and this reason.
REFUSED, AWAY = 5, "master-unavailable"


@case("the page's commands for two machines lead to a trading person", short=False)
def two_machines(run):
    subprocess.run("ip link add pt-master type veth peer name pt-worker".split(), check=True)
    for name, address in ADDRESSES.items():
        machine = run.boot(name)
        subprocess.run(["ip", "link", "set", f"pt-{name}", "netns", str(machine.leader)], check=True)
        machine.run(f"ip address add {address}/24 dev pt-{name} && ip link set pt-{name} up")
        hosts = "".join(f"{ADDRESSES[each]} {NAMES[each]} {each}\n" for each in NAMES)
        machine.run("cat >>/etc/hosts", input=hosts)
        put_packages(run, machine)
        machine.run("useradd --create-home ada")
    ran = page.commands("spec/setup.md", "two-machines")
    expect(ran, "spec/setup.md has no commands for two machines")
    for where, command in ran:
        if where == "copy":
            copy(run, command)
        else:
            person = where == "person" or command.split()[0] == "papertrader"
            machine = run.machines["worker" if person else where]
            machine.terminal(command, PASSWORD, user="ada" if person else None)
    buys(run.machines["worker"])
    return f"{sum(where != 'copy' for where, _ in ran)} commands"


def copy(run, command):
    """scp FROM:PATH TO:PATH, between the two machines."""
    source, target = shlex.split(command)[1:]
    (here, path), (there, place) = source.split(":"), target.split(":")
    text = run.machines[here].run(f"cat {path}").out
    target = run.machines[there]
    target.run(f"d={place or '.'}; [ -d $d ] && d=$d/$(basename {path}); cat >$d", input=text)


@case("two machines are upgraded, the master first: clients see that it is away, and nothing else",
      after=["two-machines"], upgrades=True)
def upgrade_two(run):
    master, worker = run.machines["master"], run.machines["worker"]
    for machine in (master, worker):
        put_packages(run, machine, newer=True)
    order_that_waits(master, worker)
    before, had = main_pid(master, MASTER), positions(worker).get("MSFT", 0)
    seen, done = [], threading.Event()

    def look():
        while not done.is_set():
            seen.append(worker.run("papertrader --json portfolio", status=None, user="ada"))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        master.run(install_newer(), seconds=300)
        expect(main_pid(master, MASTER) != before, "the master was not started again")
        master.run("papertraderctl market resume")
        until("the order is settled", lambda: positions(worker).get("MSFT", 0) > had)
    finally:
        done.set()
        looking.join()
    others = [answer for answer in seen if not (answer.status == 0 or is_away(answer))]
    expect(not others, f"{len(others)} of {len(seen)} saw something else, first: {others and others[0]}")
    worker.run(install_newer(), seconds=300)
    worker.wait_active(WORKER)
    buys(worker)
    expect(not status(master).get("differences"), status(master))
    master.run("papertraderctl verify")
    away = sum(answer.status != 0 for answer in seen)
    return f"of {len(seen)} looks {away} were told {AWAY}"


def is_away(answer):
    try:
        return answer.status == REFUSED and json.loads(answer.out)["error"]["code"] == AWAY
    except (ValueError, KeyError):
        return False
