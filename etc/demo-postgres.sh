#!/bin/sh
# A database on a PostgreSQL server, and two masters for it, one after the other: the first is killed while a person
# trades, the second is started in its place, and it is shown that nothing is lost. `make demo-postgres` runs it on a
# release build, below tests/with-postgres, which starts a PostgreSQL server for it and removes it; BIN names another.
#
# It makes one temporary folder, removes it at the end, and leaves no process behind.
set -eu

programs=$(cd "${BIN:-target/release}" && pwd)
server=${PAPERTRADER_TEST_POSTGRES:?run this below tests/with-postgres}
interval=1s
orders=12

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
  tail -n 20 "$folder"/sandbox/log/*.log >&2 || true
  exit 1
}
run() {
  printf '%s$ %s%s\n' "$bold" "$*" "$plain"
  program=$1
  shift
  "$programs/$program" "$@" || failed "$program $1 failed"
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

heading 'A database on a PostgreSQL server, a master, a worker; and a second master that is not started yet'
"$programs/papertrader-sandbox" init --dir "$folder/sandbox" --update-interval "$interval" >"$folder/out" 2>&1 ||
  { cat "$folder/out" >&2; failed 'the files cannot be made'; }
cd "$folder/sandbox"
# Both masters have the same address, key and market, and folders of their own, as on two machines of which one takes
# the other one's address over.
set_key master.toml url "\"$server\""
cp -p master.toml master-2.toml
set_key master-2.toml data_dir '"data/master-2"'
set_key master-2.toml control_socket '"master-2.sock"'
set_key master-2.toml file '"log/master-2.log"'
ctl() { "$programs/papertraderctl" "$@"; }
start_master() { # NUMBER
  if [ "$1" = 1 ]; then config=master.toml; else config=master-2.toml; fi
  start "master-$1" "$programs/papertrader-master" --config "$config"
}
start_master 1
leader=$started
until_so 'the first master serves' ctl --socket master.sock status
key=$(value_of worker-1.toml key)
gpg --homedir gpg/worker-1 --armor --export "$key" >worker.asc
worker=$(value_of worker-1.toml listen)
uuid=$(ctl --socket master.sock workers register worker-1 --key worker.asc --ip 127.0.0.1 --address "$worker") ||
  failed 'the worker cannot be registered'
set_key worker-1.toml uuid "\"$uuid\""
start worker-1 "$programs/papertrader-worker" --config worker-1.toml
is_linked() { ctl --socket "$1" --json workers show worker-1 | grep -q '"state": *"connected"'; }
until_so 'the worker is linked' is_linked master.sock
grep -h '^url = ' master.toml master-2.toml
run papertraderctl --socket master.sock status

heading 'Alice registers, logs in, and places an order that waits'
echo 'correct horse battery staple' >password
run papertrader --server "$worker" register alice alice@example.org --password-stdin <password
run papertrader --server "$worker" login alice --password-stdin <password
run papertrader buy AAPL 10
run papertrader buy IBM 5 --limit 1 --order-id waits

heading "She buys one MSFT after the other, $orders times; and meanwhile the master is killed"
: >fills
(
  number=1
  while [ $number -le $orders ]; do
    "$programs/papertrader" buy MSFT 1 --order-id "msft-$number" >>fills 2>>messages || echo "order $number failed" >>fills
    number=$((number + 1))
  done
) &
person=$!
processes="$processes $person"
bought() { [ "$(grep -c '^Bought 1 MSFT' fills)" -ge "$1" ]; }
until_so 'three orders are filled' bought 3
printf '%s$ kill -KILL %s   # the first master%s\n' "$bold" "$leader" "$plain"
killed=$(date +%s%N)
kill -KILL "$leader"
start_master 2
until_so 'the second master serves, and has the worker' is_linked master-2.sock
printf 'After %d ms the second master serves, and the worker is linked to it.\n' $((($(date +%s%N) - killed) / 1000000))
wait "$person" || failed 'the person cannot trade'
cat fills
run papertraderctl --socket master-2.sock status

heading 'Nothing is lost, and nothing is doubled: each order again, with its ID, is the order that it was'
number=1
while [ $number -le $orders ]; do
  "$programs/papertrader" buy MSFT 1 --order-id "msft-$number" >>again 2>>messages || failed "order $number is refused"
  number=$((number + 1))
done
run papertrader portfolio
run papertrader orders
run papertraderctl --socket master-2.sock verify
bought "$orders" || failed "not all of $orders orders were filled"
"$programs/papertrader" --json portfolio >portfolio || failed 'no portfolio'
holds() { tr '{' '\n' <portfolio | grep -q "\"symbol\":\"$1\",\"quantity\":\"$2\""; }
holds MSFT "$orders" && holds AAPL 10 || { cat portfolio >&2; failed 'the portfolio is not what was bought'; }
"$programs/papertrader" --json orders | grep -q '"waits"' || failed 'the order that waits is lost'
echo "$orders MSFT in $orders orders, 10 AAPL, and the order that waits: all there, and none twice."

heading 'Everything is stopped and removed again'
for process in $processes; do kill "$process" 2>/dev/null || true; done
wait || true
processes=
cd /
left=$(ps -eo args 2>/dev/null | grep -F "$folder/" | grep -v grep || true)
[ -z "$left" ] || failed "left behind: $left"
echo 'No process is left.'
