#!/usr/bin/env python3
"""Runs the commands of spec/container.md: two containers, a person who trades, and no zombies; needs root.

`tests/container/run.py PACKAGES [BASE.tar]`: the folder of the Debian packages, and a base that is there already.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
from page import commands  # noqa: E402

PAGE = "spec/container.md"
PASSWORD = "correct horse battery"
# Handshakes of the worker, each with several processes of GnuPG.
HANDSHAKES = 100
# How long a command may take, in seconds; most take less than three.
WAIT = 600

BOOTS = f"""
state() {{ papertraderctl --json workers show eu1 | grep -q "\\"state\\": *\\"$1\\""; }}
for _ in $(seq {HANDSHAKES}); do
    papertraderctl workers boot eu1 >/dev/null && until state booted; do :; done
    papertraderctl workers admit eu1 >/dev/null && until state connected; do sleep 0.05; done
done
"""


class Failed(Exception):
    """A command that did not do what the page says."""


def run(command: str, environment: dict) -> None:
    """Runs a command of the page. What a person types at a terminal is piped."""
    print(f"$ {command}", flush=True)
    secrets = ""
    if " register " in command or " login " in command:
        command += " --password-stdin"
        secrets = f"{PASSWORD}\n" * 2
    done = subprocess.run(["sh", "-c", command], env=environment, timeout=WAIT, check=False, input=secrets, text=True)
    if done.returncode:
        raise Failed(f"{command}: exit code {done.returncode}")


def until(what: str, is_so) -> None:
    deadline = time.monotonic() + WAIT
    while not is_so():
        if time.monotonic() > deadline:
            raise Failed(f"waited {WAIT} s: {what}")
        time.sleep(0.1)


def first_processes() -> dict:
    """The daemons of our containers, which are process 1 there: {process: its children's states}."""
    stats = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rsplit(") ", 1)[1].split()[:2]
            inner = (path.parent / "status").read_text().split("NSpid:")[1].split("\n")[0].split()
        except (OSError, IndexError):
            continue
        stats[int(path.parent.name)] = (state, int(parent), inner)

    def is_below(process: int, ancestors: set) -> bool:
        while process in stats and process not in ancestors:
            process = stats[process][1]
        return process in ancestors

    ours = {int(path.read_text()) for path in pathlib.Path(".").glob("*.pid")}
    return {
        process: [state for state, of, _ in stats.values() if of == process]
        for process, (_, _, inner) in stats.items()
        if len(inner) > 1 and inner[-1] == "1" and is_below(process, ours)
    }


def trade(environment: dict) -> None:
    for _, command in commands(PAGE, "run"):
        run(command, environment)
        if "-d --name master" in command:
            status = ["podman", "exec", "master", "papertraderctl", "status"]
            quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            until("the master serves", lambda: subprocess.run(status, check=False, **quiet).returncode == 0)
        if "-d --name eu1" in command:
            show = ["podman", "exec", "master", "papertraderctl", "workers", "show", "eu1"]
            shown = {"env": environment, "capture_output": True, "text": True, "check": False}
            until("the worker is linked", lambda: "connected" in subprocess.run(show, **shown).stdout)
    begun = time.monotonic()
    subprocess.run(["podman", "exec", "master", "sh", "-c", BOOTS], env=environment, check=True, timeout=3 * WAIT)
    print(f"{HANDSHAKES} handshakes in {time.monotonic() - begun:.0f} s")
    daemons = first_processes()
    if len(daemons) != 2:
        raise Failed(f"two daemons are process 1 of a container, and not {daemons}")
    for process in daemons:
        until(f"no zombie is left of {process}", lambda: "Z" not in first_processes()[process])
    print("no zombies are left")
    for process in daemons:
        os.kill(process, signal.SIGTERM)
    until("both daemons end", lambda: not first_processes())


def main() -> int:
    missing = [tool for tool in ("buildah", "mmdebstrap", "ip", "unshare") if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        print(f"container: SKIPPED: it needs root, and {' '.join(missing) or 'nothing else'}", file=sys.stderr)
        return int(os.environ.get("REQUIRE_ALL") == "1")
    packages = pathlib.Path(sys.argv[1]).resolve()
    # Ended from outside it cleans up, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="pt-container-", ignore_cleanup_errors=True) as folder:
        state = pathlib.Path(folder)
        (state / "bin").mkdir()
        (state / "bin/podman").symlink_to(HERE / "podman")
        (state / "target").mkdir()
        (state / "target/deb").symlink_to(packages)
        (state / "etc").symlink_to(HERE.parents[1] / "etc")
        roots = {"root": str(state / "storage"), "runroot": str(state / "run")}
        # A machine may have namespaces of its own with the page's names.
        pods = f"{state.name}-"
        environment = {**os.environ, "PODMAN_STATE": folder, "PODMAN_PREFIX": pods}
        environment["PATH"] = f"{state / 'bin'}:{os.environ['PATH']}"
        storage = '[storage]\ndriver = "vfs"\ngraphroot = "{root}"\nrunroot = "{runroot}"\n'.format(**roots)
        (state / "storage.conf").write_text(storage)
        environment["CONTAINERS_STORAGE_CONF"] = str(state / "storage.conf")
        os.chdir(state)
        try:
            for mark in ("base", "image"):
                for _, command in commands(PAGE, mark):
                    if mark == "base" and len(sys.argv) > 2 and command.startswith("mmdebstrap"):
                        os.symlink(pathlib.Path(sys.argv[2]).resolve(), "base.tar")
                        continue
                    run(command, environment)
            trade(environment)
        except (Failed, subprocess.SubprocessError) as failure:
            print(f"container: FAILED: {failure}", file=sys.stderr)
            for log in sorted(state.glob("*.log")):
                print(f"-- {log.name}\n{log.read_text()[-4000:]}", file=sys.stderr)
            return 1
        finally:
            try:
                for process in first_processes():
                    os.kill(process, signal.SIGKILL)
                until("nothing runs below the folder", lambda: not first_processes())
            finally:
                for made in pathlib.Path("/run/netns").glob(f"{pods}*"):
                    subprocess.run(["ip", "netns", "delete", made.name], check=False)
    print("container: ok")
    return 0


if __name__ == "__main__":
    # Relative arguments are the caller's.
    sys.argv[1:] = [str(pathlib.Path(word).resolve()) for word in sys.argv[1:]]
    sys.exit(main())
