#!/usr/bin/env python3
"""Prints debian/copyright: the project's own licence, and that of each crate that the programs contain.

A crate's copyright lines and the licences' texts come from the crates' own files, as cargo has fetched them.
Where a crate may be used under several licences, the first of PREFERRED that it offers is taken. A licence
that is not known here is an error, so that nobody gives away what may not be given away.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

# Licences that Debian has in /usr/share/common-licenses, with the file there.
COMMON = {
    "Apache-2.0": "Apache-2.0",
    "LGPL-2.1": "LGPL-2.1",
    "MPL-2.0": "MPL-2.0",
}
# The others, with words by which their text is recognized in a crate's file.
TEXTS = {
    "MIT": "Permission is hereby granted, free of charge",
    "ISC": "Permission to use, copy, modify, and/or distribute this software",
    "BSD-3-Clause": "Neither the name of",
    "Unicode-3.0": "UNICODE LICENSE V3",
    "Zlib": "This software is provided 'as-is'",
    "Unlicense": "This is free and unencumbered software",
    "0BSD": "Permission to use, copy, modify, and/or distribute this software",
    "CDLA-Permissive-2.0": "Community Data License Agreement",
}
PREFERRED = ["MIT", "Apache-2.0", "BSD-3-Clause", "ISC", "Unicode-3.0", "Zlib", "0BSD", "Unlicense"]
# A licence that adds to another one's permissions can be left for that one.
WITH = re.compile(r"(\S+) WITH \S+")


def cargo(*arguments: str) -> str:
    command = [os.environ.get("CARGO", "cargo"), *arguments, "--offline", "--locked"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"copyright: `{' '.join(command)}` failed")
    return done.stdout


def chosen(expression: str, crate: str) -> list[str]:
    """The licences under which a crate is taken: one of each group of alternatives."""
    expression = WITH.sub(r"\1", expression.replace("/", " OR "))
    taken = []
    for group in expression.split(" AND "):
        offers = [offer.strip(" ()") for offer in group.split(" OR ")]
        offers = [offer for offer in offers if offer in COMMON or offer in TEXTS]
        if not offers:
            sys.exit(f"copyright: {crate} has the licence {expression}, which is not known here")
        rank = {name: place for place, name in enumerate(PREFERRED)}
        taken.append(min(offers, key=lambda offer: rank.get(offer, len(PREFERRED))))
    return sorted(set(taken))


def licence_files(folder: Path) -> list[str]:
    """The texts of a crate's licence files."""
    names = re.compile(r"(?i)^(licen[cs]e|copying|copyright|unlicense)")
    files = sorted(path for path in folder.iterdir() if path.is_file() and names.match(path.name))
    return [path.read_text(encoding="utf-8", errors="replace") for path in files]


def holders(texts: list[str], authors: list[str], crate: str) -> list[str]:
    """Who holds the copyright of a crate: as its files say, else its authors."""
    line = re.compile(r"(?i)^\W*copyright\s+((?:\(c\)|©|\d{4}|the ).*)$")
    found = []
    for text in texts:
        for match in map(line.match, text.splitlines()):
            if match and "[" not in match[1] and "{" not in match[1]:
                found.append(" ".join(re.sub(r"(?i)^(\(c\)|©)\s*", "", match[1]).split()))
    return list(dict.fromkeys(found)) or authors or [f"the authors of {crate}"]


def plain_text(licence: str, packages: list[dict]) -> str:
    """A licence's text without copyright lines, from the first crate that has it."""
    for package in packages:
        if licence not in package["license"]:
            continue
        for text in licence_files(Path(package["manifest_path"]).parent):
            if TEXTS[licence] in text:
                kept = [line for line in text.splitlines() if not re.match(r"(?i)\W*copyright\b", line)]
                return "\n".join(kept).strip()
    sys.exit(f"copyright: no crate has the text of the licence {licence}")


def folded(text: str) -> str:
    """A text as a field's further lines: each with a space before it, and a dot on a blank one."""
    return "\n".join(" " + (line.rstrip().replace("\t", "    ") or ".") for line in text.splitlines())


def main() -> None:
    os.chdir(Path(__file__).resolve().parents[2])
    tree = cargo("tree", "--edges", "normal", "--prefix", "none", "--format", "{p}")
    linked = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    packages = json.loads(cargo("metadata", "--format-version", "1"))["packages"]
    packages = [it for it in packages if (it["name"], "v" + it["version"]) in linked and it["source"]]
    packages.sort(key=lambda it: (it["name"], it["version"]))

    own = Path("LICENSE").read_text(encoding="utf-8")
    holder = re.search(r"Copyright \(c\) (.*)", own)[1]
    print("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/")
    print("Upstream-Name: PaperTrader")
    print("Comment: The programs contain the crates that stand below as vendor/NAME-VERSION; their sources")
    print(" are those of https://crates.io. Where a crate offers several licences, one is named.")
    print(f"\nFiles: *\nCopyright: {holder}\nLicense: MIT")
    needed = {"MIT"}
    for package in packages:
        name = f"{package['name']}-{package['version']}"
        texts = licence_files(Path(package["manifest_path"]).parent)
        licences = chosen(package["license"], name)
        needed.update(licences)
        lines = holders(texts, package["authors"], package["name"])
        print(f"\nFiles: vendor/{name}/*\nCopyright: " + "\n ".join(lines))
        print(f"License: {' and '.join(licences)}")
        if package["name"] == "libsqlite3-sys":
            print("Comment: It contains SQLite, which its authors have put into the public domain.")
    for licence in sorted(needed):
        print(f"\nLicense: {licence}")
        if licence in COMMON:
            print(folded(f"Its text is in /usr/share/common-licenses/{COMMON[licence]} on Debian systems."))
        else:
            print(folded(plain_text(licence, packages)))


if __name__ == "__main__":
    main()
