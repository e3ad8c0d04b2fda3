"""The commands of a page, as its fenced blocks have them."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def blocks(page, mark):
    """[(where, lines)] of the blocks that are marked "sh MARK" or "sh MARK:WHERE", in the page's order."""
    found, lines = [], None
    for line in (ROOT / page).read_text().splitlines():
        if line.startswith("```"):
            info = line[3:].split()
            lines = None
            if info[:1] == ["sh"] and len(info) == 2 and info[1].split(":")[0] == mark:
                lines = []
                found.append((info[1].partition(":")[2], lines))
        elif lines is not None:
            lines.append(line)
    return found


def commands(page, mark):
    """[(where, command)]: a line each; one that ends with a backslash goes on. Comments and blank lines are none."""
    found = []
    for where, lines in blocks(page, mark):
        joined = "\n".join(lines).replace("\\\n", "")
        found += [(where, line.strip()) for line in joined.splitlines()
                  if line.strip() and not line.lstrip().startswith("#")]
    return found


def script(page, mark):
    """The blocks as they stand, one after the other: what somebody pastes into one shell."""
    return "\n".join(line for _, lines in blocks(page, mark) for line in [*lines, ""])
