#!/bin/sh
# Two masters over one PostgreSQL database: the one that leads is killed while a person trades, the other one takes
# over, and it is shown that nothing is lost. `make demo-postgres` runs it on a release build, below
# tests/with-postgres, which starts a PostgreSQL server for it and removes it; BIN names another build.
#
# It makes one temporary folder, removes it at the end, and leaves no process behind.
set -eu

programs=$(cd "${BIN:-target/release}" && pwd)
server=${PAPERTRADER_TEST_POSTGRES:?run this below tests/with-postgres}
interval=1s
orders=8

# GPG's sockets allow a path of some 70 bytes.
base=${TMPDIR:-/tmp}
[ ${#base} -le 40 ] || base=/tmp
folder=$(mktemp -d "$base/pt-demo.XXXXXX")
processes=
stop() {
  status=$?
  trap '' INT TERM
  for process in $processes; do kill "$process" 2>/dev/null || true; done
  wait
  for home in "$folder"/sandbox/gpg/*; do GNUPGHOME=$home gpgconf --kill all 2>/dev/null || true; done
  rm -rf "$folder"
  exit $status
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What the client remembers stays in the folder too, and nothing of the caller's own is used.
export XDG_STATE_HOME="$folder/state"
unset PAPERTRADER_SERVER PAPERTRADER_MASTER PAPERTRADER_USER PAPERTRADER_CA PAPERTRADER_PIN PAPERTRADER_SOCKET \
  PAPERTRADER_PLAIN

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold= plain=; fi
heading() { printf '\n%s── %s%s\n' "$bold" "$1" "$plain"; }
failed() {
  printf '\ndemo-postgres: %s\n' "$1" >&2
  tail -n 20 "$folder/messages" "$folder"/sandbox/log/*.log >&2 || true
  exit 1
}
# Shows a command, runs it, and shows the lines of its output that match: `run PATTERN COMMAND...`.
run() {
  pattern=$1
  shift
  printf '%s$ %s%s\n' "$bold" "$*" "$plain"
  program=$1
  shift
  "$programs/$program" "$@" >"$folder/out" 2>>"$folder/messages" || failed "$program $1 failed"
  grep -E "$pattern" "$folder/out"
}
# Waits until a command succeeds: `until_so WHAT COMMAND...`. Two minutes are for slow machines; it takes a second.
until_so() {
  what=$1
  shift
  tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 1200 ] || failed "waited two minutes: $what"
    sleep 0.1
  done
}
# A key of a configuration gets a value, in place: `set_key FILE KEY VALUE`.
set_key() { sed -i "s|^$2 = .*|$2 = $3|" "$1"; }
value_of() { sed -n "s/^$2 = \"\\(.*\\)\"/\\1/p" "$1" | head -n 1; }
start() { # NAME, its program and arguments
  name=$1
  shift
  "$@" >"$folder/$name.out" 2>&1 </dev/null &
  started=$!
  processes="$processes $started"
}

heading 'A PostgreSQL database, two masters over it, and a worker that knows both'
"$programs/papertrader-sandbox" init --dir "$folder/sandbox" --update-interval "$interval" >"$folder/out" 2>&1 ||
  { cat "$folder/out" >&2; failed 'the files cannot be made'; }
cd "$folder/sandbox"
# Both masters have the same key and the same market, and folders of their own. The second one listens where the
# worker would serve its page, which nobody reads here.
first=$(value_of master.toml listen)
second=$(sed -n '/^\[web\]/,$ s/^listen = "\(.*\)"/\1/p' worker-1.toml | head -n 1)
sed -i '/^\[web\]/,/^$/d' worker-1.toml
set_key master.toml url "\"$server\""
cp -p master.toml master-2.toml
set_key master-2.toml listen "\"$second\""
set_key master-2.toml data_dir '"data/master-2"'
set_key master-2.toml control_socket '"master-2.sock"'
set_key master-2.toml file '"log/master-2.log"'
sed -i "s|^master = .*|masters = [\"$first\", \"$second\"]|" worker-1.toml
ctl() { "$programs/papertraderctl" "$@"; }
start master-1 "$programs/papertrader-master" --config master.toml
leader=$started
until_so 'the first master serves' ctl --socket master.sock status
start master-2 "$programs/papertrader-master" --config master-2.toml
until_so 'the second master stands by' ctl --socket master-2.sock status
key=$(value_of worker-1.toml key)
gpg --homedir gpg/worker-1 --armor --export "$key" >worker.asc
worker=$(value_of worker-1.toml listen)
uuid=$(ctl --socket master.sock workers register worker-1 --key worker.asc --ip 127.0.0.1 --address "$worker") ||
  failed 'the worker cannot be registered'
set_key worker-1.toml uuid "\"$uuid\""
start worker-1 "$programs/papertrader-worker" --config worker-1.toml
is_linked() { ctl --socket "$1" --json workers show worker-1 | grep -q '"state": *"connected"'; }
until_so 'the worker is linked' is_linked master.sock
grep -h '^masters = ' worker-1.toml
run '^(state|leader) ' papertraderctl --socket master-2.sock status

heading 'Alice buys ten shares, and places an order that waits'
echo 'correct horse battery staple' >password
"$programs/papertrader" --server "$worker" register alice alice@example.org --password-stdin <password >"$folder/out" ||
  failed 'she cannot register'
"$programs/papertrader" --server "$worker" login alice --password-stdin <password >"$folder/out" ||
  failed 'she cannot log in'
run '^Bought' papertrader buy AAPL 10
run '^The order' papertrader buy IBM 5 --limit 1 --order-id waits

heading "She goes on buying, one share at a time; after the third the first master is killed"
: >fills
# An order that is refused because no master leads was not sent, and she tries again.
buy() {
  tries=0
  until "$programs/papertrader" buy MSFT 1 --order-id "msft-$1" >>fills 2>>"$folder/messages"; do
    tries=$((tries + 1))
    [ $tries -lt 240 ] || return 1
    sleep 0.5
  done
}
(
  number=1
  while [ $number -le $orders ]; do
    buy $number
    number=$((number + 1))
  done
) &
person=$!
processes="$processes $person"
bought() { [ "$(grep -c '^Bought 1 MSFT' fills)" -ge "$1" ]; }
until_so 'three orders are filled' bought 3
shown() { grep '^Bought' fills | sed -n "$1"; }
shown 1,3p
printf '%s$ kill -KILL %s   # the master that leads%s\n' "$bold" "$leader" "$plain"
killed=$(date +%s%N)
kill -KILL "$leader"
until_so 'she buys again' bought 4
printf '%d ms later her next order is filled: the second master leads.\n' $((($(date +%s%N) - killed) / 1000000))
wait "$person" || failed 'she cannot trade'
shown '4,$p'
run '^(listens at|open orders|last update|workers connected) ' papertraderctl --socket master-2.sock status

heading 'Nothing is lost, and nothing is there twice: each order again, by its ID, is the order that it was'
number=1
while [ $number -le $orders ]; do
  "$programs/papertrader" buy MSFT 1 --order-id "msft-$number" >>again 2>>"$folder/messages" || failed "order $number is refused"
  number=$((number + 1))
done
run '^ ' papertrader portfolio
run '^every' papertraderctl --socket master-2.sock verify
"$programs/papertrader" --json portfolio >portfolio 2>>"$folder/messages" || failed 'no portfolio'
holds() { tr '{' '\n' <portfolio | grep -q "\"symbol\":\"$1\",\"quantity\":\"$2\""; }
holds MSFT "$orders" && holds AAPL 10 || { cat portfolio >&2; failed 'the portfolio is not what was bought'; }
"$programs/papertrader" --json orders 2>>"$folder/messages" | grep -q '"waits"' || failed 'the order that waits is lost'
echo "$orders MSFT in $orders orders, 10 AAPL, and the order that waits: all there, and none twice."

for process in $processes; do kill "$process" 2>/dev/null || true; done
wait || true
processes=
cd /
left=$(ps -eo args 2>/dev/null | grep -F "$folder/" | grep -v grep || true)
[ -z "$left" ] || failed "left behind: $left"
echo 'No program is left running; the database and all files are removed now.'
