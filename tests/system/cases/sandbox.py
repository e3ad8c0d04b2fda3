"""Everything that the daemons do works within what the units allow, and nothing else does."""
import re, subprocess

from machine import until
from outside import DOMAIN, NAME_SERVER, SYMBOL
from . import case, expect
from .installing import MASTER, WORKER, buys
from .watching import CONFIGURATIONS, changed, drop_in

# What `systemd-analyze security` may say of each unit.
EXPOSURE_MAX = 1.1

# What belongs to the master, and to the worker; a pattern of the shell each.
MASTERS = ["/etc/papertrader/master.toml", "/etc/papertrader/gnupg/*", "/etc/papertrader/ca/ca.key",
           "/var/lib/papertrader/*", "/var/log/papertrader/*", "/var/backups/papertrader/*"]
WORKERS = ["/etc/papertrader/worker-eu1.toml", "/etc/papertrader/gnupg-eu1/*", "/etc/papertrader/tls/eu1.key",
           "/var/lib/papertrader-worker/eu1/*", "/var/log/papertrader-worker/*"]


def within(machine, unit, script):
    """What a shell's script prints as the unit's user and within its sandbox: the unit with another command."""
    machine.write("/usr/local/bin/probe", f"#!/bin/sh\n{script}\n", 0o755)
    template = re.sub("@.*", "@probe", unit)
    copy = template if template != unit else "papertrader-probe"
    if copy != template:
        machine.run(f"cp $(systemctl show --value -p FragmentPath {unit}) /etc/systemd/system/{copy}.service")
    drop_in(machine, copy, "[Unit]\nConditionPathExists=\nAssertPathExists=\n[Service]\nType=oneshot\nRestart=no\n"
            "WatchdogSec=0\nExecStart=\nExecStartPre=\nNoExecPaths=\nExecStart=/usr/local/bin/probe\n"
            "StandardOutput=truncate:/root/probe.out\nStandardError=inherit\n")
    machine.run(f"systemctl start {copy}", status=None)
    drop_in(machine, copy, None)
    return machine.read("/root/probe.out")


def with_tables(text, table, lines, **keys):
    """A configuration without `table` and those below it, with these `lines`, and top keys set."""
    kept, keep = [], True
    for line in text.splitlines():
        if header := re.match(r"\[+([^\]]+)\]", line):
            keep = header[1].split(".")[0] != table
        if keep and not any(re.match(rf"{key}\s*=", line) for key in keys):
            kept.append(line)
    top = [f'{key} = "{value}"' for key, value in keys.items()]
    return "\n".join([*top, *kept, lines, ""])


@case("systemd's own judgement of the running units", after=["set-up"], short=True)
def exposure(run):
    levels = {}
    for unit in (MASTER, WORKER):
        said = run.one.out(f"systemd-analyze security --no-pager {unit} | tail -1")
        levels[unit] = float(re.search(r"([0-9.]+) [A-Z]+", said)[1])
        expect(levels[unit] <= EXPOSURE_MAX, said)
    return ", ".join(f"{unit} {level}" for unit, level in levels.items())


@case("worker and master cannot read what is the other's", after=["set-up"], short=True)
def apart(run):
    machine, tried = run.one, 0
    # Something must be there to be read.
    for unit, others in ((WORKER, MASTERS), (MASTER, WORKERS)):
        found = machine.out(f"ls -d {' '.join(others)} 2>/dev/null; true").split()
        tried += len(found)
        for pattern in others[:3]:
            expect(pattern.endswith("ca.key") or machine.run(f"ls -d {pattern}", status=None).status == 0,
                   f"{pattern} is not there, so its protection is not tried")
        script = f"for f in {' '.join(others)}; do dd if=$f of=/dev/null bs=1 count=1 status=none 2>/dev/null && " \
                 "echo read $f; (: >>$f) 2>/dev/null && echo wrote $f; done; "
        if unit == WORKER:
            script += "ls -A /run/papertrader 2>/dev/null && echo listed /run/papertrader; "
        script += "echo as $(id -un); ls /proc | grep -c '^[0-9]'"
        said = within(machine, unit, script)
        expect(f"as {machine.show(unit, 'User')}" in said, said)
        expect(not re.search("^(read|wrote|listed)", said, re.MULTILINE), f"within {unit}: {said}")
    machine.run("rm -f /usr/local/bin/probe /etc/systemd/system/papertrader-probe.service; systemctl daemon-reload")
    return f"{tried} paths"


@case("a certificate's key that only root can read comes by the shipped example of LoadCredential",
      after=["set-up"])
def credentials(run):
    machine, key = run.one, "/etc/papertrader/tls/eu1.key"
    owner = machine.out(f"stat -c %U:%G {key}")
    shipped = machine.read("/usr/share/doc/papertrader-server/examples/credentials.conf")
    machine.run(f"chown root:root {key}; chmod 600 {key}")
    try:
        with changed(machine, WORKER, lines=shipped):
            buys(machine)
            # Without the lines the unit reads the file itself again.
            machine.run(f"chown {owner} {key}; chmod 640 {key}")
    finally:
        machine.run(f"chown {owner} {key}; chmod 640 {key}")


@case("a name server, an exchange and a mail server stand outside", after=["set-up"])
def outside(run):
    machine, folder = run.one, run.folder / "outside"
    folder.mkdir()
    certificates(folder)
    machine.run("cat >/usr/local/share/ca-certificates/outside.crt && update-ca-certificates",
                input=(folder / "ca.pem").read_text())
    machine.write("/etc/resolv.conf", f"nameserver {NAME_SERVER}\n")
    served = machine.helper(["python3", "-B", run.here / "outside.py", folder])
    expect(served.stdout.readline() == "ready\n", "it does not start")
    run.kept["outside"] = folder


def certificates(folder):
    """A CA of this test's, and a certificate for all names of the domain."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    (folder / "names").write_text(f"subjectAltName=DNS:exchange.{DOMAIN},DNS:mail.{DOMAIN}\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=outside", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "request", "-subj", "/CN=outside")
    openssl("x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
            "cert.pem", "-days", "2", "-extfile", "names")


@case("prices come from an exchange by name, over TLS", after=["outside"])
def provider(run):
    machine = run.one
    coins = with_tables(
        machine.read(CONFIGURATIONS[MASTER]), "assets",
        f'[assets]\nsymbols = ["{SYMBOL}"]\nprovider = "binance"\n[assets.binance]\n'
        f'url = "https://exchange.{DOMAIN}"\nquote = "USDT"',
        data_dir="/var/lib/papertrader/coins", update_interval="1s")
    machine.run("install -d -o papertrader -g papertrader -m 700 /var/lib/papertrader/coins")
    calls = run.kept["outside"] / "calls.log"
    with changed(machine, MASTER, configuration=coins):
        until("the exchange is asked for prices and for days",
              lambda: "ticker" in calls.read_text() and "klines" in calls.read_text())
        expect(f"name exchange.{DOMAIN}" in calls.read_text(), calls.read_text())
    machine.run("rm -r /var/lib/papertrader/coins")
    buys(machine)


@case("a code for a new password comes by mail, with credentials from systemd", after=["outside"])
def mail(run):
    machine = run.one
    machine.write("/root/mail.key", "me\nsecret\n", 0o600)
    handed = "[Service]\nLoadCredential=mail.key:/root/mail.key\n"
    mailing = with_tables(
        machine.read(CONFIGURATIONS[MASTER]), "mail",
        f'[mail]\nurl = "smtps://mail.{DOMAIN}:465"\nfrom = "PaperTrader <no-reply@{DOMAIN}>"\n'
        f'credentials = "/run/credentials/{MASTER}.service/mail.key"')
    with changed(machine, MASTER, lines=handed, configuration=mailing):
        until("a code can be asked for", lambda: machine.run(
            "papertrader password forgot ada", status=None, user="ada").status == 0)
        first = run.kept["outside"] / "1.eml"
        until("the mail arrives", first.exists)
        expect("ada" in first.read_text(), first.read_text())
    buys(machine)
