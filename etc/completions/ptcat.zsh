#compdef ptcat

autoload -U is-at-least

_ptcat() {
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
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_ptcat_commands" \
"*::: :->ptcat" \
&& ret=0
    case $state in
    (ptcat)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:ptcat-command-$line[1]:"
        case $line[1] in
            (encode)
_arguments "${_arguments_options[@]}" : \
'--connection=[The connection whose lines count, where a dialogue has several \[default\: the first\]]:NUMBER:_default' \
'*--set=[Give {NAME} a value; may be given more than once]:NAME=VALUE:_default' \
'--replies=[The FIFO that brings what the server says\: lines that expect are compared with it, and what they capture is known to the lines below]:FIFO:_files' \
'*--on=[The shell command that does what a dialogue'\''s \`do NAME\` asks for; may be given more than once]:NAME=COMMAND:_default' \
'--within=[How long a line may take that does not say so itself]:TIME:_default' \
'-v[Tell every message that is sent and that comes, on standard error]' \
'--verbose[Tell every message that is sent and that comes, on standard error]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(decode)
_arguments "${_arguments_options[@]}" : \
'--requests=[The dialogue that asked\: says which payload each data transfer carries]:FILE:_files' \
'(--requests)--sent=[The bytes that the client sent, in place of a dialogue]:FILE:_files' \
'--connection=[The connection whose lines count, where a dialogue has several \[default\: the first\]]:NUMBER:_default' \
'*--set=[Give {NAME} a value; may be given more than once]:NAME=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(run)
_arguments "${_arguments_options[@]}" : \
'*--worker=[A further worker (\`worker2\` and so on); may be given more than once]:HOST:PORT:_default' \
'--master=[The master, for dialogues that speak to port 2048]:HOST:PORT:_default' \
'--link-worker=[The configuration of a registered worker that does not run, for dialogues that speak to the master as a worker]:FILE:_files' \
'*--set=[Give {NAME} a value; may be given more than once]:NAME=VALUE:_default' \
'*--on=[The shell command that does what a dialogue'\''s \`do NAME\` asks for; may be given more than once]:NAME=COMMAND:_default' \
'--ca=[Speak TLS with workers, and trust the certificates of this PEM file too]:FILE:_files' \
'--within=[How long a line may take that does not say so itself; for an order, from the time on at which the server expects to settle it]:TIME:_default' \
'--through=[Reach each server through this shell command, in which \`%h\` and \`%p\` are its host and port\: \`nc -N %h %p\`]:COMMAND:_default' \
'--tls[Speak TLS with workers; their certificates must be valid for the HOST by the system'\''s roots]' \
'-v[Tell every message that is sent and that comes, on standard error]' \
'--verbose[Tell every message that is sent and that comes, on standard error]' \
'-h[Print help]' \
'--help[Print help]' \
':file -- The dialogue, or `-` for standard input:_files' \
':worker -- The worker, which dialogues call `worker` or `worker1`:_default' \
&& ret=0
;;
(conform)
_arguments "${_arguments_options[@]}" : \
'*--worker=[A further worker (\`worker2\` and so on); may be given more than once]:HOST:PORT:_default' \
'--master=[The master, for dialogues that speak to port 2048]:HOST:PORT:_default' \
'--link-worker=[The configuration of a registered worker that does not run, for dialogues that speak to the master as a worker]:FILE:_files' \
'*--set=[Give {NAME} a value; may be given more than once]:NAME=VALUE:_default' \
'*--on=[The shell command that does what a dialogue'\''s \`do NAME\` asks for; may be given more than once]:NAME=COMMAND:_default' \
'--ca=[Speak TLS with workers, and trust the certificates of this PEM file too]:FILE:_files' \
'--within=[How long a line may take that does not say so itself; for an order, from the time on at which the server expects to settle it]:TIME:_default' \
'--fixtures=[Run the dialogues of this folder in place of those that this program carries]:DIR:_files' \
'*--only=[Run only dialogues whose name contains this; may be given more than once]:NAME:_default' \
'--update-interval=[The time between two updates of prices, for a server that does not tell it]:TIME:_default' \
'--jobs=[How many dialogues run at the same time]:NUMBER:_default' \
'--junit=[Write the report into this file, as JUnit'\''s XML]:FILE:_files' \
'--html=[Write the report into this file, as a page of HTML with each message and its bytes]:FILE:_files' \
'--tls[Speak TLS with workers; their certificates must be valid for the HOST by the system'\''s roots]' \
'(--worker --master --on --tls --ca --other-market --update-interval)--sandbox[Start what the dialogues need from this installation, so that none is skipped]' \
'--other-market[The deployment does not trade the sample market\: skip what depends on its prices]' \
'--keep-going[After a difference go on in the same dialogue with what can still be judged\: other connections, and lines that need nothing of what did not come]' \
'(--json --tap --junit --html)--list[List the dialogues with what they need and show, and run nothing]' \
'--json[Print the report as JSON]' \
'(--json)--tap[Print the report in the Test Anything Protocol]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::words -- The worker (not with --sandbox), and what is to be run\: sections of the specification, as 4.6.3 or 4.6, or parts of dialogues'\'' names \[default\: all\]:_default' \
&& ret=0
;;
(instructions)
_arguments "${_arguments_options[@]}" : \
'--json[Print JSON\: the entries of \`ptcat describe\`, with the types of their arguments]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::which -- An instruction'\''s name, or its number as four hexadecimal digits \[default\: all, a line each\]:_default' \
&& ret=0
;;
(course)
_arguments "${_arguments_options[@]}" : \
'--target=[Your worker]:HOST:PORT:_default' \
'--worker=[Your second worker, for the stage about the order of time]:HOST:PORT:_default' \
'--run=[The shell command that starts your server\: the course starts it, kills it, and starts it again]:COMMAND:_default' \
'--run-worker=[The shell command that starts your worker for PaperTrader'\''s own master]:COMMAND:_default' \
'(--from --to)--stage=[This stage alone]:NUMBER:_default' \
'--from=[This stage and those after it]:NUMBER:_default' \
'--to=[This stage and those before it\: the end of a lab]:NUMBER:_default' \
'--within=[How long a line may take that does not say so itself]:TIME:_default' \
'(--target --market)--page=[Print the page of a stage]:NUMBER:_default' \
'(--target)--market=[Write the course'\''s market into a folder\: three assets, a file each, and three hours of a new price a second from 1980-01-01 on]:DIR:_files' \
'--json[Print the result as JSON]' \
'(--target --page --market)--list[List the stages]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(record)
_arguments "${_arguments_options[@]}" : \
'*--listen=[Where clients connect; a port alone is of 127.0.0.1. May be given more than once, each with its --to]:[HOST:]PORT:_default' \
'*--to=[The worker to which what they say is passed on, and which the dialogue calls \`worker\`, \`worker2\` and so on]:HOST:PORT:_default' \
'-o+[The file of the dialogue \[default\: standard output\]]:FILE:_files' \
'--output=[The file of the dialogue \[default\: standard output\]]:FILE:_files' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(describe)
_arguments "${_arguments_options[@]}" : \
'--pages=[Instead write it and the tables made from it into the pages of this folder]:DIR:_files' \
'(--pages)--wireshark[Print the dissector for Wireshark and tshark that is made from it]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(requirements)
_arguments "${_arguments_options[@]}" : \
'--json[Print JSON\: \`requirements\`, each with \`id\`, \`section\`, \`sentence\`, \`edition\`, the \`dialogues\` that show it, and where none does the \`test\` that shows it or \`why\` none does]' \
'-h[Print help]' \
'--help[Print help]' \
'::wanted -- Only those of this section, or with this text in their IDs:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_ptcat__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:ptcat-help-command-$line[1]:"
        case $line[1] in
            (encode)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(decode)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(run)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(conform)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(instructions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(course)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(record)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(describe)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(requirements)
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

(( $+functions[_ptcat_commands] )) ||
_ptcat_commands() {
    local commands; commands=(
'encode:Turn the sends of a dialogue on standard input into frames on standard output' \
'decode:Turn frames on standard input into one line of text each on standard output' \
'run:Run a dialogue against a worker, and name the first line that differs' \
'conform:Run all dialogues against a deployment, and say of each section of the specification whether it passes' \
'instructions:Show the table of instructions, or all of one instruction' \
'course:Judge a server of your own, stage by stage, from the first connection to a whole deployment' \
'record:Pass on what clients and workers say, and write it as a dialogue' \
'describe:Print the description of the protocol as JSON' \
'requirements:List what a server must do, each with its ID, and the dialogues that show it' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'ptcat commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__conform_commands] )) ||
_ptcat__subcmd__conform_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat conform commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__course_commands] )) ||
_ptcat__subcmd__course_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat course commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__decode_commands] )) ||
_ptcat__subcmd__decode_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat decode commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__describe_commands] )) ||
_ptcat__subcmd__describe_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat describe commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__encode_commands] )) ||
_ptcat__subcmd__encode_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat encode commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__help_commands] )) ||
_ptcat__subcmd__help_commands() {
    local commands; commands=(
'encode:Turn the sends of a dialogue on standard input into frames on standard output' \
'decode:Turn frames on standard input into one line of text each on standard output' \
'run:Run a dialogue against a worker, and name the first line that differs' \
'conform:Run all dialogues against a deployment, and say of each section of the specification whether it passes' \
'instructions:Show the table of instructions, or all of one instruction' \
'course:Judge a server of your own, stage by stage, from the first connection to a whole deployment' \
'record:Pass on what clients and workers say, and write it as a dialogue' \
'describe:Print the description of the protocol as JSON' \
'requirements:List what a server must do, each with its ID, and the dialogues that show it' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'ptcat help commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__help__subcmd__conform_commands] )) ||
_ptcat__subcmd__help__subcmd__conform_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat help conform commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__help__subcmd__course_commands] )) ||
_ptcat__subcmd__help__subcmd__course_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat help course commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__help__subcmd__decode_commands] )) ||
_ptcat__subcmd__help__subcmd__decode_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat help decode commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__help__subcmd__describe_commands] )) ||
_ptcat__subcmd__help__subcmd__describe_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat help describe commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__help__subcmd__encode_commands] )) ||
_ptcat__subcmd__help__subcmd__encode_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat help encode commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__help__subcmd__help_commands] )) ||
_ptcat__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat help help commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__help__subcmd__instructions_commands] )) ||
_ptcat__subcmd__help__subcmd__instructions_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat help instructions commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__help__subcmd__record_commands] )) ||
_ptcat__subcmd__help__subcmd__record_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat help record commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__help__subcmd__requirements_commands] )) ||
_ptcat__subcmd__help__subcmd__requirements_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat help requirements commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__help__subcmd__run_commands] )) ||
_ptcat__subcmd__help__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat help run commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__instructions_commands] )) ||
_ptcat__subcmd__instructions_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat instructions commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__record_commands] )) ||
_ptcat__subcmd__record_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat record commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__requirements_commands] )) ||
_ptcat__subcmd__requirements_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat requirements commands' commands "$@"
}
(( $+functions[_ptcat__subcmd__run_commands] )) ||
_ptcat__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'ptcat run commands' commands "$@"
}

if [ "$funcstack[1]" = "_ptcat" ]; then
    _ptcat "$@"
else
    compdef _ptcat ptcat
fi
