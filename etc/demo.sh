#!/bin/sh
# A person trades through a whole deployment of two workers, one of which is booted halfway, on real daily prices; and
# the outcome is checked against what was printed on the way. `make demo` runs it on a release build; BIN names another.
#
# It makes one temporary folder, removes it at the end, and leaves no process behind.
set -eu

programs=$(cd "${BIN:-target/release}" && pwd)
interval=2s

# GPG's sockets allow a path of some 70 bytes.
base=${TMPDIR:-/tmp}
[ ${#base} -le 40 ] || base=/tmp
folder=$(mktemp -d "$base/pt-demo.XXXXXX")
sandbox=
stop() {
  status=$?
  trap '' INT TERM
  if [ -n "$sandbox" ]; then
    kill -INT "$sandbox" 2>/dev/null || true
    wait "$sandbox" || true
  fi
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
failed() { printf '\ndemo: %s\n' "$1" >&2; exit 1; }

# Shows a command and runs it; what it prints on standard output is kept as well, for the check.
fills="$folder/fills"
: >"$fills"
run() {
  printf '%s$ %s%s\n' "$bold" "$*" "$plain"
  program=$1
  shift
  "$programs/$program" "$@" >"$folder/out" || failed "$program $1 failed"
  cat "$folder/out"
  grep -E '^(Bought|Sold) ' "$folder/out" >>"$fills" || true
}

heading 'A deployment: one master, two workers, fresh keys, and real daily prices from 2012-01-03 on'
mkfifo "$folder/ready"
"$programs/papertrader-sandbox" run --dir "$folder/sandbox" --workers 2 --update-interval "$interval" \
  >"$folder/ready" 2>"$folder/log" &
sandbox=$!
exec 3<"$folder/ready"
read -r ready <&3 || { cat "$folder/log" >&2; failed 'the sandbox did not start'; }
echo "$ready"
# The first worker's page; it lasts as long as this demonstration.
read -r page <&3 || failed 'no page is served'
echo "$page"
exec 3<&-
echo "One bar a trading day; a day passes every $interval."
worker=$(echo "$ready" | cut -d' ' -f3 | cut -d= -f2)
control="$folder/sandbox/master.sock"

heading 'Alice registers and logs in, through the first worker'
password='correct horse battery staple'
echo "$password" >"$folder/password"
run papertrader --server "$worker" register alice alice@example.org --password-stdin <"$folder/password"
run papertrader --server "$worker" login alice --password-stdin <"$folder/password"

heading 'Prices: current, and of the past'
run papertrader assets
run papertrader quote AAPL IBM MSFT
run papertrader info AAPL
run papertrader chart AAPL --year

heading 'Buying: an order waits for the next update, whose price nobody has seen yet'
run papertrader buy AAPL 25
run papertrader buy MSFT 120.5
run papertrader buy IBM 40

heading 'The administrator boots the first worker; trading goes on through the other one'
run papertraderctl --socket "$control" workers boot worker-1
run papertrader workers
run papertrader sell AAPL 10
run papertrader sell IBM 40

heading 'What became of it'
run papertrader portfolio
run papertrader transactions
run papertrader transactions --receipt last
run papertraderctl --socket "$control" verify

heading 'Checked: the fills printed above, added up, against the portfolio'
"$programs/papertrader" --json portfolio >"$folder/portfolio" || failed 'no portfolio'
# One line for cash, one for each position: name and value.
tr '{' '\n' <"$folder/portfolio" | sed -n \
  -e 's/.*"cash":"\([^"]*\)".*/cash \1/p' \
  -e 's/.*"symbol":"\([^"]*\)","quantity":"\([^"]*\)".*/\1 \2/p' >"$folder/held"
# Whole millionths throughout, so that no rounding hides in the sum; these stay far below 2^53.
LC_ALL=C awk '
  function millionths(text,  part) {
    gsub(/,/, "", text)
    split(text, part, ".")
    return part[1] * 1000000 + substr(part[2] "000000", 1, 6)
  }
  function decimal(value) { return sprintf("%.6f", value / 1000000) }
  BEGIN { cash = millionths("100000"); bad = 0 }
  # Bought 10 AAPL at 418.03: 4,180.30 in all.
  FNR == NR {
    side = $1; quantity = millionths($2); symbol = $3
    sub(/:$/, "", $5)
    product = quantity * millionths($5)
    part = product % 1000000
    total = (product - part) / 1000000
    if (side == "Bought" && part > 0) total++
    if (total != millionths($6)) {
      print "  " $0 "\n  quantity x price is " decimal(total); bad = 1
    }
    if (side == "Bought") { cash -= total; units[symbol] += quantity }
    else { cash += total; units[symbol] -= quantity }
    fills++
    next
  }
  $1 == "cash" { held = millionths($2); next }
  { position[$1] = millionths($2) }
  END {
    if (fills != 5) { print "  " fills " fills were printed, not 5"; bad = 1 }
    printf "  cash  %s expected, %s held\n", decimal(cash), decimal(held)
    if (cash != held) bad = 1
    for (symbol in units) {
      printf "  %-5s %s expected, %s held\n", symbol, decimal(units[symbol]), decimal(position[symbol])
      if (units[symbol] != position[symbol] + 0) bad = 1
    }
    for (symbol in position) if (!(symbol in units)) { print "  " symbol " was never bought"; bad = 1 }
    exit bad
  }' "$fills" "$folder/held" || failed 'the portfolio is not what the fills add up to'
echo 'Cash and positions are exactly what the printed fills add up to.'

heading "Alice logs out, and everything is stopped and removed again"
run papertrader logout
kill -INT "$sandbox"
wait "$sandbox" || { cat "$folder/log" >&2; failed 'the sandbox did not end well'; }
sandbox=
left=$(ps -eo args 2>/dev/null | grep -F "$folder/" | grep -v grep || true)
[ -z "$left" ] || failed "left behind: $left"
echo 'No process is left.'
