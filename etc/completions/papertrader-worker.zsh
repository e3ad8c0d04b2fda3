#compdef papertrader-worker

autoload -U is-at-least

_papertrader-worker() {
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
'--config=[The configuration, as etc/worker.toml explains it]:FILE:_files' \
'--check-config[Say what is wrong with the configuration and the files it names, and exit with 0 or 78]' \
'--stop-with-input[Stop when standard input ends, too\: for a parent that may be killed]' \
'--allow-root[Run as root, which is refused otherwise]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
}

(( $+functions[_papertrader-worker_commands] )) ||
_papertrader-worker_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader-worker commands' commands "$@"
}

if [ "$funcstack[1]" = "_papertrader-worker" ]; then
    _papertrader-worker "$@"
else
    compdef _papertrader-worker papertrader-worker
fi
