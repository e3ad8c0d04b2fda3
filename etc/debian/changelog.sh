#!/bin/sh
# Prints debian/changelog: a version of CHANGELOG.md is an entry, and what Cargo.toml says is the newest, unless a
# version is named. `etc/debian/changelog.sh VERSION MAINTAINER EPOCH`; VERSION may be empty, EPOCH is the newest
# one's time, in seconds since 1970, where CHANGELOG.md has no date for it.
set -eu
cd "$(dirname "$0")/../.."
version=${1:-$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)}
maintainer=$2
newest=$3

entry() { # VERSION EPOCH
  case $1 in *-*) full=$1 ;; *) full=$1-1 ;; esac
  printf 'papertrader (%s) unstable; urgency=medium\n\n' "$full"
  printf '  * Version %s. What changed stands in changelog.gz.\n\n' "$1"
  printf ' -- %s  %s\n' "$maintainer" "$(LC_ALL=C date -u -R -d "@$2")"
}

# Lines "VERSION DATE" of the versions that have been released, newest first.
released=$(sed -n 's/^## \([0-9][0-9.]*\) (\([0-9-]*\))$/\1 \2/p' CHANGELOG.md)
date_of() { printf '%s\n' "$released" | sed -n "s/^$(printf %s "$1" | sed 's/\./\\./g') //p"; }

date=$(date_of "$version")
entry "$version" "$(if [ -n "$date" ]; then date -u -d "$date" +%s; else echo "$newest"; fi)"
printf '%s\n' "$released" | while read -r old date; do
  [ -n "$old" ] && [ "$old" != "$version" ] || continue
  echo
  entry "$old" "$(date -u -d "$date" +%s)"
done
