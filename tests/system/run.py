#!/usr/bin/env python3
"""Installs our packages on booted Debian machines, and does with them what administrators do.

    run.py [--short] [--only NAME]... [--list] [--check] [--keep] [--packages FOLDER]

Each case prints its name and time. --only runs the cases of these names (or whose names begin so),
with those that they need. --short is the part of the gate. --list names the cases. --check tells
whether they can be run here. --keep leaves the machines' folders there, and prints where.
--packages takes built packages in place of `make deb`'s.

Needs root, systemd-nspawn, mmdebstrap and namespaces; nothing of it touches this machine's network,
users or services. Exit status 0: all passed; 1: a case failed; 2: bad command line; 77: cannot be
run here, and standard error says why.
"""
import argparse, os, pathlib, shutil, signal, subprocess, sys, tempfile, time, traceback

sys.dont_write_bytecode = True
import cases, tree  # noqa: E402

HERE = pathlib.Path(__file__).resolve()
CANNOT = 77


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="the cases of the gate")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="these, and what they need")
    parser.add_argument("--list", action="store_true", help="names the cases")
    parser.add_argument("--check", action="store_true", help="tells whether machines can be booted here")
    parser.add_argument("--keep", action="store_true", help="leaves the machines' folders there")
    parser.add_argument("--packages", type=pathlib.Path, metavar="FOLDER", help="built packages")
    parser.add_argument("--inside", type=pathlib.Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    for name in asked.only:
        if not any(case.name.startswith(name) for case in cases.ALL):
            parser.error(f"no case is named {name}; --list names them")
    return asked


def chosen(asked):
    """The cases to run, in their order, with those that they need."""
    wanted = [case for case in cases.ALL if any(case.name.startswith(name) for name in asked.only)
              or not asked.only and (case.short or not asked.short)]
    names = set()

    def take(case):
        if case.name not in names:
            names.add(case.name)
            for name in case.after:
                take(next(other for other in cases.ALL if other.name == name))

    for case in wanted:
        take(case)
    return [case for case in cases.ALL if case.name in names]


def check():
    """Refuses where no machine can be booted; makes the tree where there is none."""
    if os.geteuid():
        raise tree.Unavailable("only root can boot machines")
    tree.need({"systemd-nspawn": "systemd-container", "unshare": "util-linux", "nsenter": "util-linux",
               "ip": "iproute2", "openssl": "openssl"})
    if subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True).returncode:
        raise tree.Unavailable("namespaces may not be made here")
    return tree.tree()


def prepare(asked, folder):
    """What may need the network, before this program has none."""
    (folder / "tree").symlink_to(check())
    if asked.packages:
        shutil.copytree(asked.packages, folder / "packages", ignore=lambda _, names: [
            name for name in names if not name.endswith(".deb")])
    else:
        start = time.monotonic()
        tree.packages(folder / "packages")
        print(f"system: packages built in {time.monotonic() - start:.1f} s", flush=True)
    if any(case.upgrades for case in chosen(asked)):
        tree.of_version(cases.NEWER, folder / "packages", folder / "newer")


# Mounts, network and processes of our own: all of them end with this program.
NAMESPACES = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def main():
    asked = arguments()
    if asked.list:
        for case in cases.ALL:
            print(f"{case.name:24} {'short' if case.short else '     '} {case.what}")
        return 0
    if asked.inside:
        return inside(asked)
    # Ended from outside it cleans up, too; the machines end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="papertrader-system-", dir="/var/tmp"))
    try:
        if asked.check:
            (folder / "tree").symlink_to(check())
        else:
            prepare(asked, folder)
        return subprocess.run(["unshare", *NAMESPACES, sys.executable, HERE, *sys.argv[1:],
                               "--inside", folder]).returncode
    except tree.Unavailable as reason:
        print(f"system: cannot be run here: {reason}", file=sys.stderr)
        return CANNOT
    finally:
        remove_cgroups(folder.name)
        if asked.keep:
            print(f"system: kept: {folder}")
        else:
            subprocess.run(["rm", "-rf", "--one-file-system", folder])


def remove_cgroups(run):
    """Those that machine.own_cgroups made, innermost first."""
    for group in pathlib.Path("/sys/fs/cgroup").glob(f"**/{run}-*"):
        for inner in sorted((each for each in group.rglob("*") if each.is_dir()), reverse=True):
            try:
                inner.rmdir()
            except OSError:
                pass
        try:
            group.rmdir()
        except OSError:
            pass


def boots(folder):
    """Whether a bare machine boots here."""
    run = cases.Run(folder)
    try:
        run.boot("bare").run("true")
        return 0
    except cases.CaseError as error:
        print(f"system: no machine boots here: {str(error).splitlines()[-1]}", file=sys.stderr)
        return CANNOT
    finally:
        run.end()


def inside(asked):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if asked.check:
        return boots(asked.inside)
    run, passed, failed = cases.Run(asked.inside, asked.short), 0, 0
    broken, begun = set(), time.monotonic()
    try:
        for case in chosen(asked):
            if missing := [name for name in case.after if name in broken]:
                broken.add(case.name)
                print(f"system: {case.name:24} not run: {', '.join(missing)} failed", flush=True)
                failed += 1
                continue
            start = time.monotonic()
            try:
                notes = case.function(run)
                passed += 1
                notes = f"  {notes}" if notes else ""
                print(f"system: {case.name:24} {time.monotonic() - start:6.1f} s{notes}", flush=True)
            except Exception as error:
                failed += 1
                broken.add(case.name)
                known = isinstance(error, cases.CaseError)
                print(f"system: {case.name:24} {time.monotonic() - start:6.1f} s  FAILED: "
                      f"{error if known else traceback.format_exc()}", flush=True)
                run.tell_journals()
    finally:
        run.end()
    print(f"system: {passed} passed, {failed} failed, {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
