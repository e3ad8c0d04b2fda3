#!/bin/sh
# Builds the Debian packages in target/deb; `make deb` calls it, and spec/packages.md has its variables.
set -eu
cd "$(dirname "$0")/../.."
: "${CARGO:=cargo}" "${DEB_PROFILE:=release}" "${DEB_VERSION:=}" "${DEB_BUILT:=}"
: "${DEB_MAINTAINER:=The PaperTrader authors <papertrader@example.org>}"
out=$PWD/target/deb
tree=$out/papertrader

case $DEB_PROFILE in
release)
  BUILT=${DEB_BUILT:-$PWD/target/release}
  [ -n "$DEB_BUILT" ] || $CARGO build --offline --locked --bins --release
  ;;
dev)
  BUILT=${DEB_BUILT:-$PWD/target/debug}
  [ -n "$DEB_BUILT" ] || $CARGO build --offline --locked --bins
  export DEB_COMPRESSION=gzip
  DEB_BUILD_OPTIONS="noautodbgsym ${DEB_BUILD_OPTIONS:-}"
  export DEB_BUILD_OPTIONS
  ;;
*)
  echo "deb: DEB_PROFILE is release or dev, not $DEB_PROFILE" >&2
  exit 1
  ;;
esac
export BUILT

mkdir -p "$out"
rm -rf "$tree" "$out"/*.deb "$out"/*.buildinfo "$out"/*.changes
mkdir "$tree"
tar -c --exclude=./target --exclude=./.git --exclude=node_modules --exclude=__pycache__ . | tar -x -C "$tree"
cp -r etc/debian "$tree/debian"
sed -i "s|@MAINTAINER@|$DEB_MAINTAINER|" "$tree/debian/control"
changed=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
etc/debian/changelog.sh "$DEB_VERSION" "$DEB_MAINTAINER" "$changed" >"$tree/debian/changelog"
CARGO=$CARGO etc/debian/copyright.py >"$tree/debian/copyright"

# What the outer make has set is not for the package's own.
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES DESTDIR PREFIX
# The profile asks for no Rust of Debian's: the one that has just built may be rustup's.
(cd "$tree" && DEB_BUILD_PROFILES=pkg.papertrader.rustup dpkg-buildpackage --build=binary --no-sign -nc)
rm -rf "$tree"
if [ "$(id -u)" = 0 ]; then allow=--allow-root; else allow=; fi
lintian $allow --fail-on error,warning "$out"/papertrader_*.changes
ls "$out"/*.deb
