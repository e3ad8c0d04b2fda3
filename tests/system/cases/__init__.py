"""The cases, in the order in which they run; one machine after another goes through its life."""
import pathlib

from machine import CaseError, Machine

# The version of the packages that upgrades install.
NEWER = "99.0.0"


class Case:
    """What is tried: `after` names the cases whose machine it goes on with."""

    def __init__(self, function, what, after, short, upgrades):
        self.function, self.what, self.after = function, what, after
        self.short, self.upgrades = short, upgrades
        self.name = function.__name__.replace("_", "-")


ALL = []


def case(what, after=(), short=False, upgrades=False):
    """Lists a function as a case. It gets the `Run`, and may return a note for its line."""

    def listed(function):
        ALL.append(Case(function, what, after, short, upgrades))
        return function

    return listed


class Run:
    """The machines of a run, and the packages."""

    def __init__(self, folder, short=False):
        self.folder, self.short = folder, short
        self.here = pathlib.Path(__file__).resolve().parents[1]
        self.machines = {}
        # What cases leave for later ones.
        self.kept = {}

    def boot(self, name):
        machine = Machine(name, (self.folder / "tree").resolve(), self.folder)
        self.machines[name] = machine
        return machine.boot()

    @property
    def one(self):
        """The machine that has master and worker."""
        return self.machines["one"]

    def package(self, name, newer=False):
        """The path of a built package."""
        found = sorted((self.folder / ("newer" if newer else "packages")).glob(f"{name}_*.deb"))
        if len(found) != 1:
            raise CaseError(f"one package {name} was expected, and there are {len(found)}")
        return found[0]

    def tell_journals(self):
        for machine in self.machines.values():
            if machine.process.poll() is None:
                print(f"--- journal of {machine.name}\n{machine.journal(lines=60)}", flush=True)

    def end(self):
        for machine in self.machines.values():
            machine.kill()


def expect(is_so, what):
    """Fails where it is not so; `what` says what was seen."""
    if not is_so:
        raise CaseError(str(what))


from cases import installing, watching, sandbox, lasting, two_machines  # noqa: E402,F401
