#compdef papertrader-master

autoload -U is-at-least

_papertrader-master() {
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
'--config=[The configuration, as etc/master.toml explains it]:FILE:_files' \
'--check-config[Say what is wrong with the configuration and the files it names, and exit with 0 or 78; with 1 where that cannot be found out, as where the database'\''s server is away]' \
'--stop-with-input[Stop when standard input ends, too\: for a parent that may be killed]' \
'--allow-root[Run as root, which is refused otherwise]' \
'--existing[Refuse to start where there is no database yet, instead of making an empty one]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertrader-master_commands" \
"*::: :->papertrader-master" \
&& ret=0
    case $state in
    (papertrader-master)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-master-command-$line[1]:"
        case $line[1] in
            (migrate-store)
_arguments "${_arguments_options[@]}" : \
'--password-file=[The file with the password of the user on the server, as database.password_file]:FILE:_files' \
'--json[Print what was moved as JSON]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':from -- The database with the data, as in database.url\: sqlite\:FILE or postgres\://USER@HOST/DATABASE:_default' \
':to -- The new database, of the other engine:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader-master__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-master-help-command-$line[1]:"
        case $line[1] in
            (migrate-store)
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

(( $+functions[_papertrader-master_commands] )) ||
_papertrader-master_commands() {
    local commands; commands=(
'migrate-store:Move a stopped master'\''s database from a file to a PostgreSQL server, or back' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader-master commands' commands "$@"
}
(( $+functions[_papertrader-master__subcmd__help_commands] )) ||
_papertrader-master__subcmd__help_commands() {
    local commands; commands=(
'migrate-store:Move a stopped master'\''s database from a file to a PostgreSQL server, or back' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader-master help commands' commands "$@"
}
(( $+functions[_papertrader-master__subcmd__help__subcmd__help_commands] )) ||
_papertrader-master__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-master help help commands' commands "$@"
}
(( $+functions[_papertrader-master__subcmd__help__subcmd__migrate-store_commands] )) ||
_papertrader-master__subcmd__help__subcmd__migrate-store_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-master help migrate-store commands' commands "$@"
}
(( $+functions[_papertrader-master__subcmd__migrate-store_commands] )) ||
_papertrader-master__subcmd__migrate-store_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-master migrate-store commands' commands "$@"
}

if [ "$funcstack[1]" = "_papertrader-master" ]; then
    _papertrader-master "$@"
else
    compdef _papertrader-master papertrader-master
fi
