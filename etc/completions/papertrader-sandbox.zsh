#compdef papertrader-sandbox

autoload -U is-at-least

_papertrader-sandbox() {
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
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertrader-sandbox_commands" \
"*::: :->papertrader-sandbox" \
&& ret=0
    case $state in
    (papertrader-sandbox)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-sandbox-command-$line[1]:"
        case $line[1] in
            (init)
_arguments "${_arguments_options[@]}" : \
'--dir=[The sandbox'\''s folder]:DIR:_files' \
'--workers=[How many workers, 1 to 64 \[default\: 1\]]:N:_default' \
'--seed-market=[A folder of market files to copy, one SYMBOL.csv each \[default\: the sample market\]]:DIR:_files' \
'--start=[Where the replay starts, such as 2012-01-03; earlier bars are history \[default\: 2012-01-03 for the sample market, the first bar for another\]]:DATE:_default' \
'--update-interval=[Time between two updates, 10ms to 1d \[default\: 1s\]]:TIME:_default' \
'--end-of-market=[What follows the market'\''s last bar\: \`simulate\`, a random walk goes on from the last prices; or \`stop\`, prices stay and orders are refused \[default\: simulate\]]:WHAT:_default' \
'--bcrypt-cost=[Cost of a password'\''s hash, 4 to 15; 4 for tests, 12 where it is exposed \[default\: 10\]]:COST:_default' \
'--json[Print JSON\: what sandbox.json holds, in one line]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(run)
_arguments "${_arguments_options[@]}" : \
'--dir=[The sandbox'\''s folder]:DIR:_files' \
'--workers=[How many workers, 1 to 64 \[default\: 1\]]:N:_default' \
'--seed-market=[A folder of market files to copy, one SYMBOL.csv each \[default\: the sample market\]]:DIR:_files' \
'--start=[Where the replay starts, such as 2012-01-03; earlier bars are history \[default\: 2012-01-03 for the sample market, the first bar for another\]]:DATE:_default' \
'--update-interval=[Time between two updates, 10ms to 1d \[default\: 1s\]]:TIME:_default' \
'--end-of-market=[What follows the market'\''s last bar\: \`simulate\`, a random walk goes on from the last prices; or \`stop\`, prices stay and orders are refused \[default\: simulate\]]:WHAT:_default' \
'--bcrypt-cost=[Cost of a password'\''s hash, 4 to 15; 4 for tests, 12 where it is exposed \[default\: 10\]]:COST:_default' \
'--reset-market=[Let the market begin anew at this date\: orders, portfolios and histories are deleted, and each account has its first cash]:DATE:_default' \
'--json[Print JSON\: what sandbox.json holds, in one line]' \
'--no-restart[Leave a daemon that falls as it is, instead of starting it again]' \
'--reset-accounts[Delete the accounts, too]' \
'--yes[Do not ask whether the market is to begin anew]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(check-market)
_arguments "${_arguments_options[@]}" : \
'--json[Print JSON instead of a table]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':dir -- The folder of market files, one SYMBOL.csv each:_files' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader-sandbox__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-sandbox-help-command-$line[1]:"
        case $line[1] in
            (init)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(run)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(check-market)
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

(( $+functions[_papertrader-sandbox_commands] )) ||
_papertrader-sandbox_commands() {
    local commands; commands=(
'init:Make a sandbox in an empty folder, and start nothing' \
'run:Run a sandbox in the foreground; make it first where the folder is absent or empty' \
'check-market:Show what is understood of each file of a market folder' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader-sandbox commands' commands "$@"
}
(( $+functions[_papertrader-sandbox__subcmd__check-market_commands] )) ||
_papertrader-sandbox__subcmd__check-market_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-sandbox check-market commands' commands "$@"
}
(( $+functions[_papertrader-sandbox__subcmd__help_commands] )) ||
_papertrader-sandbox__subcmd__help_commands() {
    local commands; commands=(
'init:Make a sandbox in an empty folder, and start nothing' \
'run:Run a sandbox in the foreground; make it first where the folder is absent or empty' \
'check-market:Show what is understood of each file of a market folder' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader-sandbox help commands' commands "$@"
}
(( $+functions[_papertrader-sandbox__subcmd__help__subcmd__check-market_commands] )) ||
_papertrader-sandbox__subcmd__help__subcmd__check-market_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-sandbox help check-market commands' commands "$@"
}
(( $+functions[_papertrader-sandbox__subcmd__help__subcmd__help_commands] )) ||
_papertrader-sandbox__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-sandbox help help commands' commands "$@"
}
(( $+functions[_papertrader-sandbox__subcmd__help__subcmd__init_commands] )) ||
_papertrader-sandbox__subcmd__help__subcmd__init_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-sandbox help init commands' commands "$@"
}
(( $+functions[_papertrader-sandbox__subcmd__help__subcmd__run_commands] )) ||
_papertrader-sandbox__subcmd__help__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-sandbox help run commands' commands "$@"
}
(( $+functions[_papertrader-sandbox__subcmd__init_commands] )) ||
_papertrader-sandbox__subcmd__init_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-sandbox init commands' commands "$@"
}
(( $+functions[_papertrader-sandbox__subcmd__run_commands] )) ||
_papertrader-sandbox__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-sandbox run commands' commands "$@"
}

if [ "$funcstack[1]" = "_papertrader-sandbox" ]; then
    _papertrader-sandbox "$@"
else
    compdef _papertrader-sandbox papertrader-sandbox
fi
