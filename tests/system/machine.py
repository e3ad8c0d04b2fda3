"""A booted Debian: systemd-nspawn on a copy of the tree, in the namespaces of this run.

Commands run in it as root's or a person's would, without an agent: in the namespaces of its first
process. What is written into it goes into an overlay, and the tree stays as it is.
"""
import os, pathlib, pty, re, select, shlex, socket, subprocess, termios, time
import fcntl

# Any wait, unless a case says otherwise. A busy machine needs a part of it.
WAIT = 120
# What a question ends with, on a terminal.
QUESTION = re.compile(r"([:?>]|\])\s*$")


class CaseError(Exception):
    """What a case expected and did not see."""


class Output:
    """What a command wrote, and how it ended."""

    def __init__(self, words, status, out, err=""):
        self.words, self.status, self.out, self.err = words, status, out, err

    def __str__(self):
        return f"{self.words}\n  exit status {self.status}\n{indented(self.out)}{indented(self.err)}"


def indented(text):
    return "".join(f"  | {line}\n" for line in text.splitlines())


def until(what, condition, seconds=WAIT):
    """Asks again every 0.1 s until `condition` gives something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise CaseError(f"not within {seconds} s: {what}")
        time.sleep(0.1)


class Machine:
    """A machine, whose network is a loopback interface."""

    def __init__(self, name, tree, folder):
        self.name, self.tree, self.folder = name, tree, folder / name
        self.root = self.folder / "root"
        self.process = self.leader = None
        self.helpers = []

    def boot(self):
        """Boots, and returns once systemd has started everything."""
        self.folder.mkdir()
        self._lay_over()
        (self.root / "etc/hostname").write_text(f"{self.name}\n")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n::1 localhost\n")
        path = self.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            notify.settimeout(WAIT)
            self._start(path)
            said = ""
            while "READY=1" not in said.splitlines():
                try:
                    said = notify.recv(4096).decode()
                except TimeoutError:
                    raise CaseError(f"{self.name} does not boot:\n{self.console()[-3000:]}") from None
                for line in said.splitlines():
                    if line.startswith("X_NSPAWN_LEADER_PID="):
                        self.leader = int(line.split("=")[1])
        return self

    def _lay_over(self):
        for part in ("root", "upper", "work"):
            (self.folder / part).mkdir()
        options = f"lowerdir={self.tree},upperdir={self.folder}/upper,workdir={self.folder}/work"
        words = ["mount", "-t", "overlay", "overlay", "-o", options, self.root]
        if subprocess.run(words, capture_output=True).returncode:
            # An overlay on an overlay, as in a container: a whole copy.
            subprocess.run(["cp", "-a", f"{self.tree}/.", self.root], check=True)

    def _start(self, notify):
        words = ["systemd-nspawn", "--quiet", "--register=no", "--settings=no", "--notify-ready=yes",
                 "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe",
                 "--private-network", f"--machine={self.name}", f"--directory={self.root}", "--boot"]
        if not pathlib.Path("/run/systemd/system").exists():
            words.append("--keep-unit")
        groups = own_cgroups(f"{self.folder.parent.name}-{self.name}")

        def enter():
            for group in groups:
                (group / "cgroup.procs").write_text("0")

        with open(self.folder / "console", "w") as console:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=console, stderr=console, preexec_fn=enter,
                env={**os.environ, "NOTIFY_SOCKET": str(notify)})

    def console(self):
        """What the machine printed while it booted and stopped."""
        return (self.folder / "console").read_text(errors="replace")

    def inside(self, namespaces=("mount", "uts", "ipc", "net", "pid")):
        """The words before a command that runs in these namespaces of the machine."""
        return ["nsenter", f"--target={self.leader}", *(f"--{each}" for each in namespaces)] + (
            ["--root", "--wd"] if "mount" in namespaces else [])

    def _words(self, command, user):
        login = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                 "LANG=C.UTF-8", "TERM=xterm", "DEBIAN_FRONTEND=noninteractive"]
        if user:
            login = ["runuser", "-u", user, "--", *login, f"HOME=/home/{user}", f"USER={user}"]
        else:
            login += ["HOME=/root", "USER=root"]
        home = f"/home/{user}" if user else "/root"
        return self.inside() + login + ["sh", "-c", f"cd {home}; {command}"]

    def run(self, command, status=0, user=None, input=None, seconds=WAIT):
        """Runs a shell's command. Any exit status is well where `status` is None."""
        try:
            ended = subprocess.run(self._words(command, user), input=input, text=True, errors="replace",
                                   capture_output=True, timeout=seconds,
                                   stdin=subprocess.DEVNULL if input is None else None)
        except subprocess.TimeoutExpired as late:
            raise CaseError(f"not done within {seconds} s: {command}\n"
                            f"{indented((late.stdout or b'').decode(errors='replace'))}") from None
        output = Output(command, ended.returncode, ended.stdout, ended.stderr)
        if status is not None and ended.returncode != status:
            raise CaseError(f"expected exit status {status}: {output}")
        return output

    def out(self, command, **more):
        """The standard output of a command that succeeds, without white space around it."""
        return self.run(command, **more).out.strip()

    def terminal(self, command, password, user=None, seconds=WAIT):
        """Runs a command on a terminal: `password` answers questions that are not echoed, Enter all others."""
        ours, theirs = pty.openpty()

        def own_terminal():
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        process = subprocess.Popen(self._words(command, user), stdin=theirs, stdout=theirs, stderr=theirs,
                                   preexec_fn=own_terminal)
        os.close(theirs)
        output, asked, end = "", 0, time.monotonic() + seconds
        while time.monotonic() < end:
            # A question is a line that is not ended, after which nothing comes.
            ready, _, _ = select.select([ours], [], [], 0.3)
            if ready:
                try:
                    read = os.read(ours, 65536)
                except OSError:
                    read = b""
                if not read:
                    break
                output += read.decode(errors="replace")
                continue
            line = output[asked:].rsplit("\n", 1)[-1]
            if QUESTION.search(line):
                secret = not termios.tcgetattr(ours)[3] & termios.ECHO
                os.write(ours, f"{password if secret else ''}\n".encode())
                asked = len(output)
        else:
            process.kill()
            raise CaseError(f"not done within {seconds} s: {command}\n{indented(output)}")
        os.close(ours)
        output = Output(command, process.wait(), output.replace("\r\n", "\n"))
        if output.status:
            raise CaseError(f"expected exit status 0: {output}")
        return output

    def path(self, path):
        """A path of the machine, seen from here. /run, /tmp and /proc are other file systems there."""
        return self.root / str(path).lstrip("/")

    def write(self, path, text, mode=0o644):
        """Writes a file of root's."""
        self.run(f"umask 077; mkdir -p {shlex.quote(str(pathlib.PurePath(path).parent))}; cat >{shlex.quote(path)}; "
                 f"chmod {mode:o} {shlex.quote(path)}", input=text)

    def read(self, path):
        return self.out(f"cat {shlex.quote(path)}")

    def show(self, unit, name):
        """A property of a unit."""
        return self.out(f"systemctl show --value -p {name} {unit}")

    def active(self, unit):
        return self.run(f"systemctl is-active {unit}", status=None).out.strip() == "active"

    def wait_active(self, unit, seconds=WAIT):
        until(f"{unit} is active on {self.name}", lambda: self.active(unit), seconds)

    def journal(self, unit=None, lines=200):
        """The newest lines of the journal."""
        of = f"-u {shlex.quote(unit)}" if unit else ""
        return self.run(f"journalctl --no-pager -o short-precise -n {lines} {of}", status=None).out

    def helper(self, words):
        """A program of this side that runs in the machine's network until the machine ends."""
        process = subprocess.Popen(self.inside(["net"]) + [str(word) for word in words],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.helpers.append(process)
        return process

    def kill(self):
        """Ends the machine as a cut of its power would."""
        for process in [*self.helpers, self.process]:
            if process and process.poll() is None:
                process.kill()
                process.wait()
        self.helpers = []
        subprocess.run(["umount", "-l", self.root], capture_output=True)

    def power_off(self):
        """Stops the machine as its administrator would; returns how long that took."""
        start = time.monotonic()
        self.run("systemctl --no-block poweroff", status=None)
        self.process.wait(WAIT)
        self.kill()
        return time.monotonic() - start


def own_cgroups(name):
    """Groups of a machine of its own, where no systemd outside gives it one: two may not share one."""
    if pathlib.Path("/run/systemd/system").exists():
        return []
    base = pathlib.Path("/sys/fs/cgroup")
    roots = [base] if (base / "cgroup.controllers").exists() else [
        each for each in (base / "systemd", base / "unified") if each.exists()]
    groups = []
    for root in roots:
        group = root / name
        try:
            group.mkdir(exist_ok=True)
        except OSError:
            continue
        groups.append(group)
    return groups
