#compdef papertrader-bench

autoload -U is-at-least

_papertrader-bench() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertrader-bench_commands" \
"*::: :->papertrader-bench" \
&& ret=0
    case $state in
    (papertrader-bench)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-bench-command-$line[1]:"
        case $line[1] in
            (all)
_arguments "${_arguments_options[@]}" : \
'--plot=[Write the plot of growth into this file, as SVG]:FILE:_files' \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(reads)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(orders)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(postgres)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(settle)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(growth)
_arguments "${_arguments_options[@]}" : \
'*--only=[Only in this direction\: accounts, transactions, assets or workers; may be repeated]:DIRECTION:(accounts transactions assets workers)' \
'--plot=[Write the plot of growth into this file, as SVG]:FILE:_files' \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(idle)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(start)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(market)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(logins)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(account-times)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(histories)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(notices)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(open-orders)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(moving)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(sizes)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(websocket)
_arguments "${_arguments_options[@]}" : \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(load)
_arguments "${_arguments_options[@]}" : \
'--worker=[A running worker; without one a deployment is made]:HOST:PORT:_default' \
'-c+[Connections]:N:_default' \
'--connections=[Connections]:N:_default' \
'-i+[Closed loop\: requests in flight on each connection]:N:_default' \
'--in-flight=[Closed loop\: requests in flight on each connection]:N:_default' \
'(-i --in-flight)-r+[Open loop\: requests a second over all connections, answered or not]:N:_default' \
'(-i --in-flight)--rate=[Open loop\: requests a second over all connections, answered or not]:N:_default' \
'-m+[What is asked, with weights\: of current, info, day, week, month, year, alltime, predicted, list, user, portfolio, history; or of buy, trade (buys and sells), resume, login]:KIND=N,...:_default' \
'--mix=[What is asked, with weights\: of current, info, day, week, month, year, alltime, predicted, list, user, portfolio, history; or of buy, trade (buys and sells), resume, login]:KIND=N,...:_default' \
'-n+[End after so many requests, not after a time]:N:_default' \
'--requests=[End after so many requests, not after a time]:N:_default' \
'--alternations=[Turns of each comparison]:N:_default' \
'--time=[How long each measurement takes]:TIME:_default' \
'--allow-fails[Count Fails instead of stopping at the first]' \
'--json[Print JSON]' \
'--short[A few hundred requests each\: shows that everything runs and that answers are right]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader-bench__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-bench-help-command-$line[1]:"
        case $line[1] in
            (all)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(reads)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(orders)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(postgres)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(settle)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(growth)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(idle)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(start)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(market)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(logins)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(account-times)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(histories)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(notices)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(open-orders)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(moving)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(sizes)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(websocket)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(load)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
}

(( $+functions[_papertrader-bench_commands] )) ||
_papertrader-bench_commands() {
    local commands; commands=(
'all:Everything with a goal, and the table' \
'reads:Quotes beside redis GET' \
'orders:Orders beside PostgreSQL' \
'postgres:Orders on PostgreSQL and on SQLite, beside pgbench on the same server' \
'settle:One update that settles 10,000 orders' \
'growth:What a request costs from 1,000 to 1,000,000 accounts, 1,000 to 10,000,000 transactions, 10 to 10,000 assets, 1 to 8 workers' \
'idle:10,000 clients that do nothing' \
'start:A master'\''s start with a million accounts' \
'market:A master'\''s starts on five million rows of 2,000 market files' \
'logins:Logins beside the pace of one hash, and who else notices' \
'account-times:Whether the times of logins and of requests for a code tell what account there is' \
'histories:One history of three million transactions, asked for without pause, and who else notices' \
'notices:5,000 subscribers to one asset'\''s prices, beside a bare loop, and who else notices' \
'open-orders:A master with a million open orders' \
'moving:A million accounts and ten million transactions, moved from a file to PostgreSQL and back' \
'sizes:What a client, an account, a transaction and a price take' \
'websocket:What a quote by WebSocket costs the worker, beside one by TCP' \
'load:One load as you wish it' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader-bench commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__account-times_commands] )) ||
_papertrader-bench__subcmd__account-times_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench account-times commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__all_commands] )) ||
_papertrader-bench__subcmd__all_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench all commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__growth_commands] )) ||
_papertrader-bench__subcmd__growth_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench growth commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help_commands] )) ||
_papertrader-bench__subcmd__help_commands() {
    local commands; commands=(
'all:Everything with a goal, and the table' \
'reads:Quotes beside redis GET' \
'orders:Orders beside PostgreSQL' \
'postgres:Orders on PostgreSQL and on SQLite, beside pgbench on the same server' \
'settle:One update that settles 10,000 orders' \
'growth:What a request costs from 1,000 to 1,000,000 accounts, 1,000 to 10,000,000 transactions, 10 to 10,000 assets, 1 to 8 workers' \
'idle:10,000 clients that do nothing' \
'start:A master'\''s start with a million accounts' \
'market:A master'\''s starts on five million rows of 2,000 market files' \
'logins:Logins beside the pace of one hash, and who else notices' \
'account-times:Whether the times of logins and of requests for a code tell what account there is' \
'histories:One history of three million transactions, asked for without pause, and who else notices' \
'notices:5,000 subscribers to one asset'\''s prices, beside a bare loop, and who else notices' \
'open-orders:A master with a million open orders' \
'moving:A million accounts and ten million transactions, moved from a file to PostgreSQL and back' \
'sizes:What a client, an account, a transaction and a price take' \
'websocket:What a quote by WebSocket costs the worker, beside one by TCP' \
'load:One load as you wish it' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader-bench help commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__account-times_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__account-times_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help account-times commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__all_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__all_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help all commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__growth_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__growth_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help growth commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__help_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help help commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__histories_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__histories_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help histories commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__idle_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__idle_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help idle commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__load_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__load_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help load commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__logins_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__logins_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help logins commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__market_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__market_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help market commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__moving_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__moving_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help moving commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__notices_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__notices_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help notices commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__open-orders_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__open-orders_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help open-orders commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__orders_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__orders_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help orders commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__postgres_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__postgres_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help postgres commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__reads_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__reads_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help reads commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__settle_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__settle_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help settle commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__sizes_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__sizes_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help sizes commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__start_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__start_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help start commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__help__subcmd__websocket_commands] )) ||
_papertrader-bench__subcmd__help__subcmd__websocket_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench help websocket commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__histories_commands] )) ||
_papertrader-bench__subcmd__histories_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench histories commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__idle_commands] )) ||
_papertrader-bench__subcmd__idle_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench idle commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__load_commands] )) ||
_papertrader-bench__subcmd__load_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench load commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__logins_commands] )) ||
_papertrader-bench__subcmd__logins_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench logins commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__market_commands] )) ||
_papertrader-bench__subcmd__market_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench market commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__moving_commands] )) ||
_papertrader-bench__subcmd__moving_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench moving commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__notices_commands] )) ||
_papertrader-bench__subcmd__notices_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench notices commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__open-orders_commands] )) ||
_papertrader-bench__subcmd__open-orders_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench open-orders commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__orders_commands] )) ||
_papertrader-bench__subcmd__orders_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench orders commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__postgres_commands] )) ||
_papertrader-bench__subcmd__postgres_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench postgres commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__reads_commands] )) ||
_papertrader-bench__subcmd__reads_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench reads commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__settle_commands] )) ||
_papertrader-bench__subcmd__settle_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench settle commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__sizes_commands] )) ||
_papertrader-bench__subcmd__sizes_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench sizes commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__start_commands] )) ||
_papertrader-bench__subcmd__start_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench start commands' commands "$@"
}
(( $+functions[_papertrader-bench__subcmd__websocket_commands] )) ||
_papertrader-bench__subcmd__websocket_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-bench websocket commands' commands "$@"
}

if [ "$funcstack[1]" = "_papertrader-bench" ]; then
    _papertrader-bench "$@"
else
    compdef _papertrader-bench papertrader-bench
fi
