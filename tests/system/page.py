"""The commands of a page, as its fenced blocks have them."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def commands(page, mark):
    """[(rest of the mark, command)] of the blocks that are marked "sh MARK...", in the page's order.

    A line is a command; one that ends with a backslash goes on. Comments and blank lines are none.
    """
    found, rest, command = [], None, ""
    for line in (ROOT / page).read_text().splitlines():
        if line.startswith("```"):
            info = line[3:].split()
            rest = info[2:] if info[:2] == ["sh", mark] else None
        elif rest is not None and line.strip() and not line.lstrip().startswith("#"):
            command += line.strip().removesuffix("\\")
            if not line.rstrip().endswith("\\"):
                found.append((" ".join(rest), command))
                command = ""
    return found
