#!/bin/sh
# A person's first day: a whole deployment in a folder of its own, real daily prices, and the client as a
# person would use it. Checks at the end that cash and positions are what the fills add up to, and leaves
# nothing behind. `make demo` runs it on a release build; BIN names another.
set -eu

bin=${BIN:-target/release}
dir=$(mktemp -d /tmp/pt-demo.XXXXXX)
sandbox=

leave() {
  trap - EXIT INT TERM
  [ -z "$sandbox" ] || { kill "$sandbox" 2>/dev/null && wait "$sandbox" 2>/dev/null; } || true
  rm -rf "$dir"
}
trap leave EXIT
trap 'leave; exit 1' INT TERM

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
trader() { printf '$ papertrader %s\n' "$*"; "$bin/papertrader" "$@"; }

say 'A master, two workers and a market of real daily prices, from 3 January 2012 on'
mkfifo "$dir/ready"
"$bin/papertrader-sandbox" run --dir "$dir/sandbox" --workers 2 --update-interval 2s --start 2012-01-03 \
  >"$dir/ready" 2>"$dir/said" &
sandbox=$!
exec 3<"$dir/ready"
read -r line <&3 || { cat "$dir/said" >&2; exit 1; }
echo "$line"
set -- $line
PAPERTRADER_SERVER=${3#worker=}
export PAPERTRADER_SERVER XDG_STATE_HOME="$dir/state"
echo 'One bar a trading day; a day passes every two seconds.'

say 'Alice registers and logs in'
echo 'correct horse battery staple' >"$dir/password"
trader register alice alice@example.org --password-stdin <"$dir/password"
trader login alice --password-stdin <"$dir/password"

say 'She looks at the market'
trader assets
trader quote AAPL IBM
trader info AAPL
trader chart AAPL --year --date 2011-12-31

say 'She buys; an order settles at the next update, never at a price she could already see'
trader buy AAPL 10
trader buy IBM 5.5
trader portfolio

say 'She sells a part'
trader sell AAPL 4

say 'What she has, and all that happened'
trader portfolio
trader transactions
trader transactions --receipt last

say 'Do cash and positions add up to the fills?'
"$bin/papertrader" transactions --csv >"$dir/fills.csv"
"$bin/papertrader" portfolio --json >"$dir/portfolio.json"
tr ',{' '\n\n' <"$dir/portfolio.json" | sed -n 's/.*"\(cash\|symbol\|quantity\)" *: *"\([^"]*\)".*/\1 \2/p' >"$dir/has"
awk -F, '
  NR == FNR { split($0, field, " ")
    if (field[1] == "cash" && !cash_seen++) has_cash = field[2]
    if (field[1] == "symbol") symbol = field[2]
    if (field[1] == "quantity") has[symbol] = field[2]
    next }
  FNR > 1 && $3 == "settled" {
    sign = $2 == "buy" ? 1 : -1
    cash -= sign * $9; units[$4] += sign * $7; fills++
    printf "  %-4s %-5s %8s  total %12s\n", $2, $4, $7, $9 }
  END {
    cash += 100000
    printf "  cash: 100000 and the fills make %.6f, the portfolio says %.6f\n", cash, has_cash
    bad = sprintf("%.6f", cash) != sprintf("%.6f", has_cash) || fills < 3
    for (symbol in units) {
      printf "  %s: the fills make %.6f, the portfolio says %.6f\n", symbol, units[symbol], has[symbol]
      if (sprintf("%.6f", units[symbol]) != sprintf("%.6f", has[symbol])) bad = 1 }
    for (symbol in has) if (!(symbol in units)) bad = 1
    print bad ? "  They do not: this is a defect." : "  They do, to the millionth."
    exit bad }' "$dir/has" "$dir/fills.csv"

say 'Alice logs out, and the deployment stops'
trader logout
