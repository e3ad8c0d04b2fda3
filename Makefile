# PaperTrader. `make help` names the targets.

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR    ?=
CARGO      ?= cargo

BINARIES = papertrader papertraderctl papertrader-master papertrader-worker papertrader-sandbox papertrader-bench ptcat

# Debian's packages that building and testing need: gpgme's headers, a C compiler for SQLite and ring, GnuPG,
# netcat, Python with a mail server and a WebSocket client for the tests, codespell for their spelling.
PACKAGES = codespell gcc gnupg libfaketime libgpg-error-dev libgpgme-dev make netcat-openbsd pkg-config python3 \
	python3-aiosmtpd python3-websockets

.PHONY: all help deps python-tools bot page page-tools browser browser-tools mutants pictures providers oidc-provider glewlwyd etcd build demo demo-postgres check test fmt describe man install deb container-test clean chaos system-test test-postgres test-postgres-short test-patroni hostile fuzz deny forecast-check market-load export-load bench bench-histories bench-market bench-moving bench-notices bench-open-orders bench-postgres bench-sizes bench-websocket account-times

all: build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

# Installs what is missing, says so, and needs no root when nothing is.
deps: ## installs the Debian packages that are missing, and names them
	@set -eu; \
	command -v $(CARGO) >/dev/null || { \
	  echo "deps: there is no $(CARGO); install Rust from https://rustup.rs" >&2; exit 1; }; \
	command -v dpkg-query >/dev/null || { \
	  echo "deps: this is no Debian; install what these packages of Debian's have: $(PACKAGES)" >&2; exit 0; }; \
	missing=; for package in $(PACKAGES); do \
	  dpkg-query -W -f '$${Status}\n' $$package 2>/dev/null | grep -q '^install ok installed' || \
	    missing="$$missing $$package"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then root=; \
	elif command -v sudo >/dev/null; then root=sudo; \
	else echo "deps: missing:$$missing; run as root: apt-get install$$missing" >&2; exit 1; fi; \
	echo "deps: installing$$missing"; \
	install="$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends"; \
	$$install $$missing || { $$root apt-get update -q && $$install $$missing; } || { \
	  echo "deps: these packages cannot be installed:$$missing" >&2; exit 1; }

# Providers of identities that others wrote, for the suite; needs Node and npm. Nothing of it comes into the programs.
PROVIDERS = target/tools/providers
providers: oidc-provider glewlwyd ## providers of identities, which the suite signs in with, below target/tools

oidc-provider:
	@command -v npm >/dev/null || { echo "providers: there is no npm; install Node" >&2; exit 1; }
	@mkdir -p $(PROVIDERS)
	@cmp -s tests/providers/package-lock.json $(PROVIDERS)/installed.json || { \
	  cp tests/providers/package.json tests/providers/package-lock.json $(PROVIDERS)/ && \
	  (cd $(PROVIDERS) && npm ci --ignore-scripts --no-audit --no-fund --silent) && \
	  cp tests/providers/package-lock.json $(PROVIDERS)/installed.json; }

# Debian's packages, unpacked and not installed: nothing of them runs by itself. What the machine lacks of libraries
# comes along; databases' clients and fonts are not needed.
GLEWLWYD = target/tools/glewlwyd
glewlwyd:
	@[ -x $(GLEWLWYD)/usr/bin/glewlwyd ] || { set -e; \
	  command -v apt-get >/dev/null || { echo "providers: this is no Debian, and has no glewlwyd" >&2; exit 1; }; \
	  mkdir -p $(GLEWLWYD).part; cd $(GLEWLWYD).part; \
	  fetch() { \
	    names=$$(apt-get install -s --no-install-recommends glewlwyd 2>/dev/null | \
	      awk '/^Inst/ && $$2 ~ /^(glewlwyd|lib)/ && $$2 !~ /^lib(js|config-inifiles)/ { print $$2 }'); \
	    [ -n "$$names" ] && apt-get download -q $$names >/dev/null; }; \
	  fetch || { [ "$$(id -u)" = 0 ] && apt-get update -q && fetch; } || { \
	    echo "providers: apt-get does not get glewlwyd" >&2; exit 1; }; \
	  for package in *.deb; do dpkg -x $$package .; rm $$package; done; \
	  cd - >/dev/null; rm -rf $(GLEWLWYD); mv $(GLEWLWYD).part $(GLEWLWYD); }

# Debian's etcd, unpacked and not installed: once installed it runs at every boot.
ETCD = target/tools/etcd
etcd:
	@command -v etcd >/dev/null || [ -x $(ETCD)/usr/bin/etcd ] || { set -e; \
	  command -v apt-get >/dev/null || { echo "etcd: this is no Debian, and there is no etcd" >&2; exit 1; }; \
	  mkdir -p $(ETCD).part; cd $(ETCD).part; \
	  fetch() { apt-get download -q etcd-server >/dev/null; }; \
	  fetch || { [ "$$(id -u)" = 0 ] && apt-get update -q && fetch; } || { \
	    echo "etcd: apt-get does not get etcd-server" >&2; exit 1; }; \
	  dpkg -x etcd-server_*.deb . && rm etcd-server_*.deb; \
	  cd - >/dev/null; rm -rf $(ETCD); mv $(ETCD).part $(ETCD); }

# What checks the client in Python, in the versions of etc/python/checks.txt; needs Python's venv, and pip's registry.
PYTHON_TOOLS = target/tools/python
python-tools: ## mypy, pandas and polars for the tests of etc/python, below target/tools
	@cmp -s etc/python/checks.txt $(PYTHON_TOOLS)/installed.txt || { \
	  rm -rf $(PYTHON_TOOLS) && mkdir -p target/tools && python3 -m venv $(PYTHON_TOOLS) && \
	  $(PYTHON_TOOLS)/bin/python3 -m pip install -q --disable-pip-version-check -r etc/python/checks.txt && \
	  cp etc/python/checks.txt $(PYTHON_TOOLS)/installed.txt; }

# The bot of etc/python while a worker and the master are killed, each at every fiftieth update.
UPDATES ?= 1000
bot: deps python-tools ## the bot in Python beside kills: UPDATES=1000
	$(CARGO) build --quiet --locked --bins
	BOT_UPDATES=$(UPDATES) $(CARGO) test --locked --test suite client::python::a_bots_book -- --nocapture

# What builds and tests the page in the browser; needs Node and npm. Nothing of it but what src/page/dist holds comes
# into the programs.
page-tools: src/page/node_modules/installed.json
browser-tools: tests/browser/node_modules/installed.json
%/node_modules/installed.json: %/package-lock.json
	@command -v npm >/dev/null || { echo "$*: there is no npm; install Node 20 or newer" >&2; exit 1; }
	@cd $* && npm ci --ignore-scripts --no-audit --no-fund --silent && cp package-lock.json node_modules/installed.json

page: page-tools ## builds the page of src/page into its dist, checks and tests it
	cd src/page && node generate.mjs && node_modules/typescript/bin/tsc --noEmit && node build.mjs && node build.mjs --test

# Chromium, driven through the page of a sandbox; NAME names some of the tests, OUT a folder for pictures.
NAME ?=
browser: deps page-tools browser-tools ## the page in chromium: NAME=axe OUT=pictures
	$(CARGO) build --quiet --locked --bins
	node tests/browser/run.mjs "$(NAME)"

pictures: browser-tools ## the README's pictures of the page, in spec/pictures
	$(CARGO) build --quiet --locked --bins
	PICTURES=spec/pictures node tests/browser/run.mjs register

build: deps ## release programs, in target/release
	$(CARGO) build --release --locked

# A person registers, reads prices, buys, sells and reads what happened, on real daily prices.
demo: build ## a whole deployment, and a person trading on it
	@etc/demo.sh

# The master that leads is killed under a person who trades, and the one beside it takes over, on a PostgreSQL server of
# the demo's own. Where there is no such program, Debian's is installed, and said so; it starts an empty one of its own.
demo-postgres: ## two masters over PostgreSQL, of which one is killed under a person who trades
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) postgresql"
	$(CARGO) build --release --locked
	@tests/with-postgres etc/demo-postgres.sh

# About a minute, once it is built.
check: deps ## format, lints and unit tests
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	$(CARGO) test --locked --lib

test: deps ## everything that must pass before a change lands
	@CARGO="$(CARGO)" tests/run

fmt: ## formats the code
	$(CARGO) fmt --all

# Kills, stops, cuts, delays and full disks while people trade; prints its seed, and replays from SEED=N.
ROUNDS ?= 1000
chaos: deps ## kills, cuts and full disks while people trade: ROUNDS=1000 SEED=1
	CHAOS_ROUNDS=$(ROUNDS) $(if $(SEED),CHAOS_SEED=$(SEED)) $(CARGO) test --locked --test chaos

# The tests of the master and of whole deployments with the database on a PostgreSQL server, which is made for them and
# removed. Tests that look into a database's file keep theirs. The short form is what the gate runs.
ON_POSTGRES = PAPERTRADER_TEST_DATABASE=postgres tests/with-postgres
test-postgres: deps ## the tests with the database on a PostgreSQL server
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) postgresql"
	$(ON_POSTGRES) $(CARGO) test --locked --lib master::
	$(ON_POSTGRES) $(CARGO) test --locked --test suite --test chaos

test-postgres-short: ## a few of them: three minutes
	$(ON_POSTGRES) $(CARGO) test --locked --lib -- master::storage:: master::verify:: master::transactions::settle::
	$(ON_POSTGRES) $(CARGO) test --locked --test suite -- master::dump:: master::standby:: master::postgres_server:: master::trading:: master::failpoints::
	CHAOS_ROUNDS=3 $(ON_POSTGRES) $(CARGO) test --locked --test chaos

# Chaos with two masters on two nodes of Patroni and three of etcd, all of which are killed and stopped: some three
# faults a round. The commands that make them are those of spec/master/storage/patroni.md.
test-patroni: ROUNDS = 80
test-patroni: etcd ## two masters on Patroni, etcd and PostgreSQL, and kills of each: ROUNDS=80 SEED=1
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) openssl patroni postgresql"
	$(CARGO) build --quiet --locked --bins
	tests/with-patroni $(CARGO) test --locked --test suite master::patroni
	CHAOS_ROUNDS=$(ROUNDS) $(if $(SEED),CHAOS_SEED=$(SEED)) tests/with-patroni $(CARGO) test --locked --test chaos

# Installs the packages on booted machines, as administrators do; as root. ONLY names a case.
ONLY ?=
system-test: ## the packages on booted Debian machines, as root: ONLY=watchdog
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) debhelper dpkg-dev lintian mmdebstrap systemd-container"
	$(CARGO) build --quiet --locked --bins
	python3 tests/system/run.py $(foreach case,$(ONLY),--only $(case))

# Hostile clients by the hundred beside a person who is served.
CLIENTS ?= 500
hostile: deps ## bad clients beside a person: CLIENTS=500
	HOSTILE_CLIENTS=$(CLIENTS) $(CARGO) test --locked --test hostile

# Servers with one broken rule each, and the dialogue that catches it; writes spec/dialogue/mutants.md.
mutants: deps ## servers that break one rule each, and what catches them: a quarter of an hour
	$(CARGO) build --locked --bins
	python3 tests/mutants/run.py --write

# Ours beside redis and PostgreSQL on this machine, in one table; half an hour, and better with nothing else running.
bench: ## ours beside redis and PostgreSQL: half an hour
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) redis-server postgresql"
	$(CARGO) build --release --locked
	target/release/papertrader-bench all --plot spec/bench/growth.svg

# A history of 3,000,000 transactions asked for by 200 connections, and what others notice; three minutes.
bench-histories: deps ## a history of 3,000,000 transactions, and who else notices: three minutes
	$(CARGO) build --release --locked
	target/release/papertrader-bench histories

# Orders with the data on PostgreSQL, at the server and 2 ms away, and in SQLite, beside pgbench.
bench-postgres: ## orders on PostgreSQL and SQLite, beside pgbench: two minutes
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) postgresql"
	$(CARGO) build --release --locked
	target/release/papertrader-bench postgres

bench-market: deps ## a master's starts on five million rows of market files: two minutes
	$(CARGO) build --release --locked
	target/release/papertrader-bench market

# A million accounts and ten million transactions by papertrader-master migrate-store, each way.
bench-moving: ## a large database moved to PostgreSQL and back: fifteen minutes
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) postgresql"
	$(CARGO) build --release --locked
	target/release/papertrader-bench moving

bench-notices: deps ## 5,000 subscribers to one price, and who else notices: two minutes
	$(CARGO) build --release --locked
	target/release/papertrader-bench notices

bench-open-orders: deps ## a master with a million open orders: five minutes
	$(CARGO) build --release --locked
	target/release/papertrader-bench open-orders

# The figures of spec/sizing.md.
bench-sizes: ## what a client, an account, a transaction and a price take: two minutes
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) openssl"
	$(CARGO) build --release --locked
	target/release/papertrader-bench sizes

bench-websocket: deps ## what a quote by WebSocket costs a worker, beside TCP: two minutes
	$(CARGO) build --release --locked
	target/release/papertrader-bench websocket

# Medians of 200 interleaved tries of each kind of account; best with nothing else running.
account-times: deps ## what the times of logins tell of accounts: three minutes
	$(CARGO) build --release --locked
	target/release/papertrader-bench account-times

# How often the predictions' 95 % interval holds on the sample market, beside the naive last value.
forecast-check: deps ## how often the predictions' interval holds
	@$(CARGO) test -q --locked --test suite master::forecast::forecast_check -- --exact --nocapture

# 10,000 simulated assets at an update a second, for MINUTES.
MINUTES ?= 5
market-load: deps ## 10,000 assets at an update a second: MINUTES=5
	@MINUTES=$(MINUTES) $(CARGO) test -q --release --locked --test suite master::assets::ten_thousand_assets_a_second -- --exact --ignored --nocapture

# An account of 400,000 transactions, and how long another waits for a history meanwhile.
export-load: deps ## an export of 400,000 transactions, and how long others wait
	@$(CARGO) test -q --release --locked --test suite master::export::an_export_of_400_000_rows_comes_whole_while_others_are_answered -- --exact --ignored --nocapture

# Every fuzz target for SECONDS each, or the ones named: make fuzz SECONDS=600 TARGETS="requests replies".
SECONDS ?= 60
TARGETS ?=
fuzz: ## every fuzz target: SECONDS=60 TARGETS="requests replies"
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) g++"
	@CARGO="$(CARGO)" tests/fuzz/run $(SECONDS) $(TARGETS)

# Licences, sources and doubles of all crates, and their advisories where the database can be fetched.
deny: ## licences, sources, doubles and advisories of all crates
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --locked --config etc/deny.toml check --hide-inclusion-graph licenses bans sources
	@if $(CARGO) deny --config etc/deny.toml fetch db 2>/dev/null; then \
	  $(CARGO) deny --locked --config etc/deny.toml check --hide-inclusion-graph --disable-fetch advisories; \
	else echo "deny: the advisory database cannot be fetched from here: advisories were NOT checked" >&2; fi

# The description of the protocol, the tables, the codec and the dissector made from it; tests say when they are not current.
describe: deps ## spec/wire/papertrader.json and the tables in spec/, from the program; the codec in Python and the dissector
	$(CARGO) run --quiet --locked --bin ptcat -- describe --pages spec
	$(CARGO) run --quiet --locked --bin ptcat -- describe --wireshark > etc/wireshark/papertrader.lua.new
	mv etc/wireshark/papertrader.lua.new etc/wireshark/papertrader.lua
	etc/python/generate.py

# Man pages and completions, from the programs' own command lines; they are kept in etc, and a test says when they
# are not current.
man: deps ## man pages and completions, from the programs' command lines
	$(CARGO) run --quiet --locked --example manpages

# After `make build`, as root if need be. Configurations are installed as samples: none that is there is touched.
BUILT      ?= target/release
MANDIR     ?= $(PREFIX)/share/man
COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions
ZSHFUNCTIONS ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPLETIONS ?= $(PREFIX)/share/fish/vendor_completions.d
UNITDIR    ?= $(PREFIX)/lib/systemd/system
# What names the packaged paths in files that are installed becomes these paths.
PLACED = sed -e 's|/usr/bin/papertrader|$(PREFIX)/bin/papertrader|g' \
	-e 's|/usr/share/papertrader|$(PREFIX)/share/papertrader|g' \
	-e 's|/usr/share/doc/papertrader|$(PREFIX)/share/doc/papertrader|g' -e 's|/etc/papertrader|$(SYSCONFDIR)/papertrader|g'

install: ## after build: PREFIX=/usr/local DESTDIR=
	@for binary in $(BINARIES); do \
	  test -x $(BUILT)/$$binary || { echo "install: run make build first" >&2; exit 1; }; done
	@set -eu; \
	put() { mode=$$1; from=$$2; to=$(DESTDIR)$$3; install -d "$${to%/*}"; install -m "$$mode" "$$from" "$$to"; }; \
	place() { to=$(DESTDIR)$$2; install -d "$${to%/*}"; $(PLACED) "$$1" >"$$to"; chmod 644 "$$to"; }; \
	for binary in $(BINARIES); do put 755 $(BUILT)/$$binary $(PREFIX)/bin/$$binary; done; \
	for page in etc/man/*.[1-8]; do place $$page $(MANDIR)/man$${page##*.}/$${page##*/}; done; \
	for file in etc/completions/*.bash; do name=$${file##*/}; \
	  put 644 $$file $(COMPLETIONS)/$${name%.bash}; done; \
	for file in etc/completions/*.zsh; do name=$${file##*/}; \
	  put 644 $$file $(ZSHFUNCTIONS)/_$${name%.zsh}; done; \
	for file in etc/completions/*.fish; do put 644 $$file $(FISHCOMPLETIONS)/$${file##*/}; done; \
	for file in etc/market/*.csv; do put 644 $$file $(PREFIX)/share/papertrader/market/$${file##*/}; done; \
	for file in etc/mail/*.txt; do put 644 $$file $(PREFIX)/share/papertrader/mail/$${file##*/}; done; \
	for file in papertrader.lua README.md; do \
	  put 644 etc/wireshark/$$file $(PREFIX)/share/papertrader/wireshark/$$file; done; \
	for name in master worker; do \
	  place etc/$$name.toml $(SYSCONFDIR)/papertrader/$$name.toml.sample; done; \
	for unit in etc/systemd/*.service etc/systemd/*.timer; do \
	  test ! -e $$unit || place $$unit $(UNITDIR)/$${unit##*/}; done; \
	for file in etc/systemd/examples/*; do test ! -e $$file || \
	  place $$file $(PREFIX)/share/doc/papertrader-server/examples/$${file##*/}; done; \
	for file in etc/logrotate.d/*; do test ! -e $$file || \
	  put 644 $$file $(SYSCONFDIR)/logrotate.d/$${file##*/}; done; \
	for file in etc/prometheus/* etc/grafana/*; do test ! -e $$file || { folder=$${file%/*}; \
	  put 644 $$file $(PREFIX)/share/papertrader/$${folder##*/}/$${file##*/}; }; done; \
	place etc/sysusers.d/papertrader.conf $(PREFIX)/lib/sysusers.d/papertrader.conf; \
	place etc/tmpfiles.d/papertrader.conf $(PREFIX)/lib/tmpfiles.d/papertrader.conf; \
	for file in LICENSE CHANGELOG.md README.md; do test ! -e $$file || \
	  put 644 $$file $(PREFIX)/share/doc/papertrader/$$file; done
	@test -n "$(QUIET)" || printf '%s\n' \
	  "installed below $(DESTDIR)$(PREFIX). Before the first start, as root:" \
	  "  systemd-sysusers $(PREFIX)/lib/sysusers.d/papertrader.conf" \
	  "  systemd-tmpfiles --create $(PREFIX)/lib/tmpfiles.d/papertrader.conf" \
	  "  systemctl daemon-reload" \
	  "then write $(SYSCONFDIR)/papertrader/master.toml as master.toml.sample explains it."

# The crates are fetched first; what builds then needs no network. DEB_PROFILE=dev packages the programs of a build for
# tests, within seconds. DEB_VERSION makes another version than Cargo.toml's, for trying an upgrade; DEB_BUILT names a
# folder of programs that are built already.
DEB_PROFILE ?= release
DEB_VERSION ?=
DEB_BUILT ?=
deb: ## Debian packages, in target/deb: DEB_PROFILE=release DEB_VERSION=
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) debhelper dpkg-dev lintian"
	$(CARGO) fetch --quiet --locked
	@CARGO="$(CARGO)" DEB_PROFILE="$(DEB_PROFILE)" DEB_VERSION="$(DEB_VERSION)" DEB_BUILT="$(DEB_BUILT)" \
	  etc/debian/build.sh

# The commands of spec/container.md, on buildah; needs root. BASE_TAR is a base that mmdebstrap has made before.
BASE_TAR ?=
container-test: ## two containers, a person who trades, and no zombies
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) buildah iproute2 mmdebstrap"
	@$(MAKE) --no-print-directory deb DEB_PROFILE=dev
	tests/container/run.py target/deb $(BASE_TAR)

clean: ## removes what was built
	$(CARGO) clean
