"""The Debian tree that machines boot from, and the packages that are tried on them.

Both are made outside of the namespaces of a run, because making them may need the network.
"""
import hashlib, os, pathlib, shutil, subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / "target/tools/system"
SUITE = "bookworm"
# systemd to boot; what our packages depend on, because machines have no network; what the cases use.
PACKAGES = ["systemd", "systemd-sysv", "dbus", "gnupg", "libgpgme11", "ca-certificates", "logrotate",
            "adduser", "iproute2", "procps", "openssl"]
# A machine of a test asks nobody for the time, and looks for no newer packages.
NOT_STARTED = ["systemd-timesyncd.service", "apt-daily.timer", "apt-daily-upgrade.timer"]


class Unavailable(Exception):
    """Something that a run needs cannot be had on this machine; the text says what."""


def need(tools):
    """Refuses where a program is missing: {program: Debian's package that has it}."""
    missing = sorted({package for tool, package in tools.items() if not shutil.which(tool)})
    if missing:
        raise Unavailable("install " + " ".join(missing))


def tree():
    """The tree, made once for each list of packages. Nobody writes into it: machines have overlays."""
    key = hashlib.sha256(" ".join([SUITE, *PACKAGES]).encode()).hexdigest()[:12]
    made = CACHE / f"tree-{SUITE}-{key}"
    if made.exists():
        return made
    need({"mmdebstrap": "mmdebstrap"})
    CACHE.mkdir(parents=True, exist_ok=True)
    part = CACHE / f"{made.name}.part"
    subprocess.run(["rm", "-rf", part], check=True)
    print(f"system: making the tree of Debian {SUITE} (once): {made.relative_to(ROOT)}", flush=True)
    ended = subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--format=directory",
                            "--include=" + ",".join(PACKAGES), SUITE, part],
                           capture_output=True, text=True)
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if line.startswith("E:")]
        raise Unavailable("mmdebstrap made no tree: " + (lines or ["it does not say why"])[-1])
    for unit in NOT_STARTED:
        os.symlink("/dev/null", part / "etc/systemd/system" / unit)
    part.rename(made)
    return made


def packages(folder):
    """Builds the packages from the debug programs, and copies them into `folder`."""
    need({"dpkg-buildpackage": "dpkg-dev", "dh": "debhelper", "lintian": "lintian", "make": "make"})
    folder.mkdir(parents=True)
    log = folder / "build.log"
    with open(log, "w") as out:
        status = subprocess.run(["make", "--no-print-directory", "-C", ROOT, "deb", "DEB_PROFILE=dev"],
                                stdout=out, stderr=subprocess.STDOUT).returncode
    if status:
        raise RuntimeError(f"make deb failed; the end of its output:\n{log.read_text()[-3000:]}")
    for path in (ROOT / "target/deb").glob("*.deb"):
        shutil.copy(path, folder)


def of_version(version, folder, out):
    """The packages of `folder` once more, the same but for a higher version."""
    out.mkdir()
    for path in folder.glob("*.deb"):
        name, old, _ = path.stem.split("_")
        unpacked = out / name
        subprocess.run(["dpkg-deb", "-R", path, unpacked], check=True)
        control = unpacked / "DEBIAN/control"
        control.write_text(control.read_text().replace(f"Version: {old}", f"Version: {version}")
                           .replace(f"(= {old})", f"(= {version})"))
        subprocess.run(["dpkg-deb", "-Znone", "--build", unpacked, out / f"{name}_{version}_amd64.deb"],
                       check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(unpacked)
