#compdef papertrader

autoload -U is-at-least

_papertrader() {
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
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertrader_commands" \
"*::: :->papertrader" \
&& ret=0
    case $state in
    (papertrader)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-command-$line[1]:"
        case $line[1] in
            (register)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--password-stdin[Read the password'\''s line from standard input in place of the terminal]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- 1 to 24 of A-Z a-z 0-9 . _ -:_default' \
':email -- Known to you and the server'\''s administrator:_default' \
&& ret=0
;;
(login)
_arguments "${_arguments_options[@]}" : \
'(--expirable --password-stdin)--with=[Sign in with this provider instead of a password; \`server\` shows which there are. The first time makes an account called NAME]:PROVIDER:_default' \
'--method=[How to reach the provider\: device, a code to type into any browser; redirect, a browser on this machine \[default\: redirect where a browser is likely, else device\]]:METHOD:_default' \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--expirable[End the session with this command, which stays in the foreground until Ctrl-C or the end of standard input; other commands use the session meanwhile]' \
'--password-stdin[Read the password'\''s line from standard input in place of the terminal]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::name -- The account \[default\: --user\]:_default' \
&& ret=0
;;
(logout)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(account)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertrader__subcmd__account_commands" \
"*::: :->account" \
&& ret=0

    case $state in
    (account)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-account-command-$line[1]:"
        case $line[1] in
            (email)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--password-stdin[Read the password'\''s line from standard input in place of the terminal]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':address -- The new address, or - for none:_default' \
&& ret=0
;;
(delete)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--yes[Do not ask for the name]' \
'--password-stdin[Read the password'\''s line from standard input in place of the terminal]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::file -- Where to write it; - for standard output:_files' \
&& ret=0
;;
(link)
_arguments "${_arguments_options[@]}" : \
'--method=[How to reach it\: device or redirect]:METHOD:_default' \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--password-stdin[Read the password'\''s line from standard input in place of the terminal]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':provider -- A name that `server` shows:_default' \
&& ret=0
;;
(unlink)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--password-stdin[Read the password'\''s line from standard input in place of the terminal]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':provider -- A name that `account` or `server` shows:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader__subcmd__account__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-account-help-command-$line[1]:"
        case $line[1] in
            (email)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(delete)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(link)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(unlink)
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
;;
(password)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertrader__subcmd__password_commands" \
"*::: :->password" \
&& ret=0

    case $state in
    (password)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-password-command-$line[1]:"
        case $line[1] in
            (change)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--password-stdin[Read the password'\''s line from standard input in place of the terminal]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(forgot)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- The account, or its e-mail address:_default' \
&& ret=0
;;
(reset)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--password-stdin[Read two lines from standard input in place of the terminal\: the code, and the new password]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- The account:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader__subcmd__password__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-password-help-command-$line[1]:"
        case $line[1] in
            (change)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(forgot)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(reset)
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
;;
(sessions)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertrader__subcmd__sessions_commands" \
"*::: :->sessions" \
&& ret=0

    case $state in
    (sessions)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-sessions-command-$line[1]:"
        case $line[1] in
            (end)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--others[All but the one in use]' \
'--all[All]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::id -- The session, or its first 8 digits or more:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader__subcmd__sessions__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-sessions-help-command-$line[1]:"
        case $line[1] in
            (end)
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
;;
(tokens)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertrader__subcmd__tokens_commands" \
"*::: :->tokens" \
&& ret=0

    case $state in
    (tokens)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-tokens-command-$line[1]:"
        case $line[1] in
            (create)
_arguments "${_arguments_options[@]}" : \
'--scope=[What it allows\: read; or trade, which is reading and orders]:SCOPE:_default' \
'--days=[After how many days it ends]:DAYS:_default' \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--password-stdin[Read the password'\''s line from standard input in place of the terminal]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- 1 to 32 of A-Z a-z 0-9 . _ -:_default' \
&& ret=0
;;
(revoke)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- Its name:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader__subcmd__tokens__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-tokens-help-command-$line[1]:"
        case $line[1] in
            (create)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(revoke)
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
;;
(assets)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--symbols[Print the symbols alone, one a line]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::search -- Part of a symbol, in any case:_default' \
&& ret=0
;;
(quote)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'*::symbols -- Assets:{_papertrader_names symbols}' \
&& ret=0
;;
(watch)
_arguments "${_arguments_options[@]}" : \
'--count=[Stop after so many rounds]:N:_default' \
'--interval=[Time between rounds, such as 500ms, 2s or 1min]:TIME:_default' \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'*::symbols -- Assets:{_papertrader_names symbols}' \
&& ret=0
;;
(info)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':symbol -- An asset:{_papertrader_names symbols}' \
&& ret=0
;;
(chart)
_arguments "${_arguments_options[@]}" : \
'(--all)--date=[Where the window ends, such as 2013-03-01 or "2013-03-01 14\:00\:00", in UTC \[default\: the asset'\''s latest value\]]:DATE:_default' \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--day[The last 24 hours, as fine as it is stored]' \
'--week[The daily bars of 7 days]' \
'--month[The daily bars of a month (this is the default)]' \
'--year[The 12 monthly bars of a year]' \
'--all[All monthly bars]' \
'--raw[Draw prices as they were quoted, not adjusted for splits and dividends]' \
'(--raw)--adjusted[Adjust for splits and dividends\: what is drawn is so already, JSON and CSV are not]' \
'(--json)--csv[Print the bars as CSV]' \
'--ascii[Draw with ASCII characters alone]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':symbol -- An asset:{_papertrader_names symbols}' \
&& ret=0
;;
(forecast)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':symbol -- An asset:{_papertrader_names symbols}' \
':date -- A day after the asset'\''s latest value, such as 2013-03-01:_default' \
&& ret=0
;;
(buy)
_arguments "${_arguments_options[@]}" : \
'--for=[As many units as this money buys, fee included]:MONEY:_default' \
'--limit=[Buy at this price or less, sell at it or more]:PRICE:_default' \
'--stop=[Wait until the price reaches this\: buy when it rises to it, sell when it falls to it. With --limit it is a limit order from then on]:PRICE:_default' \
'(--limit --stop)--trail=[A stop that follows the price at this distance\: money such as 2.50, or 5%]:DISTANCE:_default' \
'--tif=[How long it stands, in market time\: day, gtc (180 days), through a date such as 2013-06-28, or until "2013-06-28 14\:00" \[default\: gtc\]]:TIME:_default' \
'--order-id=[The order'\''s own ID\: 1 to 64 of A-Z a-z 0-9 . _ \: - \[default\: a fresh one\]]:ID:_default' \
'--patience=[Seconds to go on looking for a server that knows what became of an order that was sent]:SECONDS:_default' \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--yes[Do not ask where it takes more than half of what the account is worth]' \
'--no-wait[Return as soon as the order is on the server'\''s disk]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':symbol -- An asset:{_papertrader_names symbols}' \
'::quantity -- Units, such as 10, 0.25 or 2,500:_default' \
&& ret=0
;;
(sell)
_arguments "${_arguments_options[@]}" : \
'--limit=[Buy at this price or less, sell at it or more]:PRICE:_default' \
'--stop=[Wait until the price reaches this\: buy when it rises to it, sell when it falls to it. With --limit it is a limit order from then on]:PRICE:_default' \
'(--limit --stop)--trail=[A stop that follows the price at this distance\: money such as 2.50, or 5%]:DISTANCE:_default' \
'--tif=[How long it stands, in market time\: day, gtc (180 days), through a date such as 2013-06-28, or until "2013-06-28 14\:00" \[default\: gtc\]]:TIME:_default' \
'--order-id=[The order'\''s own ID\: 1 to 64 of A-Z a-z 0-9 . _ \: - \[default\: a fresh one\]]:ID:_default' \
'--patience=[Seconds to go on looking for a server that knows what became of an order that was sent]:SECONDS:_default' \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--all[All units that no other order has promised]' \
'--yes[Do not ask where it takes more than half of what the account is worth]' \
'--no-wait[Return as soon as the order is on the server'\''s disk]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':symbol -- An asset:{_papertrader_names symbols}' \
'::quantity -- Units, such as 10, 0.25 or 2,500:_default' \
&& ret=0
;;
(orders)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(cancel)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--all[All that are open]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::id -- The order\: its ID, 8 or more digits of its beginning or end, or its own --order-id; orders lists them:_default' \
&& ret=0
;;
(replace)
_arguments "${_arguments_options[@]}" : \
'(--for)--quantity=[Units, such as 10, 0.25 or 2,500]:UNITS:_default' \
'--for=[As many units as this money buys, fee included]:MONEY:_default' \
'--limit=[Another limit]:PRICE:_default' \
'--stop=[Another stop]:PRICE:_default' \
'(--limit --stop)--trail=[Another distance of a trailing order\: money such as 2.50, or 5%]:DISTANCE:_default' \
'--order-id=[The order'\''s own ID\: 1 to 64 of A-Z a-z 0-9 . _ \: - \[default\: a fresh one\]]:ID:_default' \
'--patience=[Seconds to go on looking for a server that knows what became of an order that was sent]:SECONDS:_default' \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--yes[Do not ask where it takes more than half of what the account is worth]' \
'--no-wait[Return as soon as the order is on the server'\''s disk]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- The order\: its ID, 8 or more digits of its beginning or end, or its own --order-id; orders lists them:_default' \
&& ret=0
;;
(portfolio)
_arguments "${_arguments_options[@]}" : \
'--of=[What others may see of this account]:USER:_default' \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'(--of)--realised[Read the whole history too, and show the profit since the account began]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(transactions)
_arguments "${_arguments_options[@]}" : \
'--of=[What others may see of this account]:USER:_default' \
'--limit=[At most so many, the newest]:N:_default' \
'(--of --csv --limit)--receipt=[Explain one transaction\: why this price at this time; an ID, its beginning or end, or \`last\`, the newest that has an outcome]:ID:_default' \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'(--json)--csv[Print CSV]' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(tui)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(user)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::name -- The account \[default\: your own\]:_default' \
&& ret=0
;;
(market)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(server)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(workers)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(ping)
_arguments "${_arguments_options[@]}" : \
'*--server=[A server to use, called a worker; may be given several times\: the next is tried when one is down \[default\: those of the last login, else 127.0.0.1\:2049\]]:HOST:PORT:_default' \
'--master=[The master'\''s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it]:HOST:PORT:_default' \
'--user=[Whose session to use, where there are several \[default\: the one that logged in last; with --server, the last one at that server and those that belong to it\]]:NAME:{_papertrader_names users}' \
'--token-file=[A file with a token, in place of a session that login saved; needs --user; not readable by others \[default\: the token in PAPERTRADER_TOKEN, if there is one\]]:FILE:_files' \
'--ca=[A PEM file of certificates to trust beside the system'\''s; implies --tls; login remembers it]:FILE:_files' \
'*--pin=[The SHA-256 of the one certificate to trust, as \`openssl x509 -fingerprint -sha256\` prints it; may be given several times; implies --tls; login remembers it]:SHA256:_default' \
'--timeout=[Seconds to wait for a connection or an answer]:SECONDS:_default' \
'--json[Print JSON]' \
'(--tls --ca --pin)--plain[Speak plain text to servers on other machines, too\: others can read passwords and sessions on the way; not with a session that was made over TLS]' \
'--tls[Speak TLS to a server on this machine, too]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-help-command-$line[1]:"
        case $line[1] in
            (register)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(login)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(logout)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(account)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader__subcmd__help__subcmd__account_commands" \
"*::: :->account" \
&& ret=0

    case $state in
    (account)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-help-account-command-$line[1]:"
        case $line[1] in
            (email)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(delete)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(link)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(unlink)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(password)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader__subcmd__help__subcmd__password_commands" \
"*::: :->password" \
&& ret=0

    case $state in
    (password)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-help-password-command-$line[1]:"
        case $line[1] in
            (change)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(forgot)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(reset)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(sessions)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader__subcmd__help__subcmd__sessions_commands" \
"*::: :->sessions" \
&& ret=0

    case $state in
    (sessions)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-help-sessions-command-$line[1]:"
        case $line[1] in
            (end)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(tokens)
_arguments "${_arguments_options[@]}" : \
":: :_papertrader__subcmd__help__subcmd__tokens_commands" \
"*::: :->tokens" \
&& ret=0

    case $state in
    (tokens)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertrader-help-tokens-command-$line[1]:"
        case $line[1] in
            (create)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(revoke)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(assets)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(quote)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(watch)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(info)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(chart)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(forecast)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(buy)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(sell)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(orders)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(cancel)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(replace)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(portfolio)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(transactions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(tui)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(user)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(market)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(server)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(workers)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(ping)
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

(( $+functions[_papertrader_commands] )) ||
_papertrader_commands() {
    local commands; commands=(
'register:Make an account; asks for its password' \
'login:Log in; later commands use the session' \
'logout:Log out. A token is ended by \`tokens revoke\`' \
'account:Show your account and what can act for it; change, export or delete it' \
'password:Change the password, or set a new one with a code' \
'sessions:Show the sessions of your account, where each was made and last used, or end some' \
'tokens:Show the tokens of your account, make one for a program, or revoke one' \
'assets:List the assets, or those whose symbol contains SEARCH' \
'quote:Show the latest value of assets, and how old it is' \
'watch:Show values as they change, and the ends of your orders, until Ctrl-C' \
'info:Show an asset'\''s latest day\: open, high, low, close and volume' \
'chart:Draw an asset'\''s past values' \
'forecast:Predict an asset'\''s value on a later date, with a 95 % interval' \
'buy:Buy units of an asset at the price of the next update, or at a limit or stop' \
'sell:Sell units of an asset at the price of the next update, or at a limit or stop' \
'orders:Show your open orders\: those that have no outcome yet' \
'cancel:Cancel an open order, or all' \
'replace:Change the quantity or the prices of an open order' \
'portfolio:Show cash and positions with their profit and loss' \
'transactions:Show the history of transactions, newest first' \
'tui:The full-screen view\: live prices, charts, portfolio, orders, history, and a line to order' \
'user:Show what others may see of an account; of your own also its e-mail address and cash' \
'market:Show how the market stands\: its state and time, the next update, and how old prices are' \
'server:Show what the server tells about itself\: its market, its next update, how to sign in, versions' \
'workers:List the servers that serve now, which are called workers' \
'ping:Measure how fast the known servers answer' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account_commands] )) ||
_papertrader__subcmd__account_commands() {
    local commands; commands=(
'email:Change the e-mail address; asks for the password. The old address gets a mail about it' \
'delete:Delete your account for good; asks for its name and the password. Orders are cancelled, all sessions and tokens end, and its name is free' \
'export:Write all that the servers have on you, as lines of JSON' \
'link:Sign in with a provider from now on, too; asks for the password if the login is older than 15 minutes' \
'unlink:Do not sign in with a provider any more; asks for the password likewise' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader account commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__delete_commands] )) ||
_papertrader__subcmd__account__subcmd__delete_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader account delete commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__email_commands] )) ||
_papertrader__subcmd__account__subcmd__email_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader account email commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__export_commands] )) ||
_papertrader__subcmd__account__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader account export commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__help_commands] )) ||
_papertrader__subcmd__account__subcmd__help_commands() {
    local commands; commands=(
'email:Change the e-mail address; asks for the password. The old address gets a mail about it' \
'delete:Delete your account for good; asks for its name and the password. Orders are cancelled, all sessions and tokens end, and its name is free' \
'export:Write all that the servers have on you, as lines of JSON' \
'link:Sign in with a provider from now on, too; asks for the password if the login is older than 15 minutes' \
'unlink:Do not sign in with a provider any more; asks for the password likewise' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader account help commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__help__subcmd__delete_commands] )) ||
_papertrader__subcmd__account__subcmd__help__subcmd__delete_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader account help delete commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__help__subcmd__email_commands] )) ||
_papertrader__subcmd__account__subcmd__help__subcmd__email_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader account help email commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__help__subcmd__export_commands] )) ||
_papertrader__subcmd__account__subcmd__help__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader account help export commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__help__subcmd__help_commands] )) ||
_papertrader__subcmd__account__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader account help help commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__help__subcmd__link_commands] )) ||
_papertrader__subcmd__account__subcmd__help__subcmd__link_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader account help link commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__help__subcmd__unlink_commands] )) ||
_papertrader__subcmd__account__subcmd__help__subcmd__unlink_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader account help unlink commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__link_commands] )) ||
_papertrader__subcmd__account__subcmd__link_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader account link commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__account__subcmd__unlink_commands] )) ||
_papertrader__subcmd__account__subcmd__unlink_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader account unlink commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__assets_commands] )) ||
_papertrader__subcmd__assets_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader assets commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__buy_commands] )) ||
_papertrader__subcmd__buy_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader buy commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__cancel_commands] )) ||
_papertrader__subcmd__cancel_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader cancel commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__chart_commands] )) ||
_papertrader__subcmd__chart_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader chart commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__forecast_commands] )) ||
_papertrader__subcmd__forecast_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader forecast commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help_commands] )) ||
_papertrader__subcmd__help_commands() {
    local commands; commands=(
'register:Make an account; asks for its password' \
'login:Log in; later commands use the session' \
'logout:Log out. A token is ended by \`tokens revoke\`' \
'account:Show your account and what can act for it; change, export or delete it' \
'password:Change the password, or set a new one with a code' \
'sessions:Show the sessions of your account, where each was made and last used, or end some' \
'tokens:Show the tokens of your account, make one for a program, or revoke one' \
'assets:List the assets, or those whose symbol contains SEARCH' \
'quote:Show the latest value of assets, and how old it is' \
'watch:Show values as they change, and the ends of your orders, until Ctrl-C' \
'info:Show an asset'\''s latest day\: open, high, low, close and volume' \
'chart:Draw an asset'\''s past values' \
'forecast:Predict an asset'\''s value on a later date, with a 95 % interval' \
'buy:Buy units of an asset at the price of the next update, or at a limit or stop' \
'sell:Sell units of an asset at the price of the next update, or at a limit or stop' \
'orders:Show your open orders\: those that have no outcome yet' \
'cancel:Cancel an open order, or all' \
'replace:Change the quantity or the prices of an open order' \
'portfolio:Show cash and positions with their profit and loss' \
'transactions:Show the history of transactions, newest first' \
'tui:The full-screen view\: live prices, charts, portfolio, orders, history, and a line to order' \
'user:Show what others may see of an account; of your own also its e-mail address and cash' \
'market:Show how the market stands\: its state and time, the next update, and how old prices are' \
'server:Show what the server tells about itself\: its market, its next update, how to sign in, versions' \
'workers:List the servers that serve now, which are called workers' \
'ping:Measure how fast the known servers answer' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader help commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__account_commands] )) ||
_papertrader__subcmd__help__subcmd__account_commands() {
    local commands; commands=(
'email:Change the e-mail address; asks for the password. The old address gets a mail about it' \
'delete:Delete your account for good; asks for its name and the password. Orders are cancelled, all sessions and tokens end, and its name is free' \
'export:Write all that the servers have on you, as lines of JSON' \
'link:Sign in with a provider from now on, too; asks for the password if the login is older than 15 minutes' \
'unlink:Do not sign in with a provider any more; asks for the password likewise' \
    )
    _describe -t commands 'papertrader help account commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__account__subcmd__delete_commands] )) ||
_papertrader__subcmd__help__subcmd__account__subcmd__delete_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help account delete commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__account__subcmd__email_commands] )) ||
_papertrader__subcmd__help__subcmd__account__subcmd__email_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help account email commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__account__subcmd__export_commands] )) ||
_papertrader__subcmd__help__subcmd__account__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help account export commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__account__subcmd__link_commands] )) ||
_papertrader__subcmd__help__subcmd__account__subcmd__link_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help account link commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__account__subcmd__unlink_commands] )) ||
_papertrader__subcmd__help__subcmd__account__subcmd__unlink_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help account unlink commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__assets_commands] )) ||
_papertrader__subcmd__help__subcmd__assets_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help assets commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__buy_commands] )) ||
_papertrader__subcmd__help__subcmd__buy_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help buy commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__cancel_commands] )) ||
_papertrader__subcmd__help__subcmd__cancel_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help cancel commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__chart_commands] )) ||
_papertrader__subcmd__help__subcmd__chart_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help chart commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__forecast_commands] )) ||
_papertrader__subcmd__help__subcmd__forecast_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help forecast commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__help_commands] )) ||
_papertrader__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help help commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__info_commands] )) ||
_papertrader__subcmd__help__subcmd__info_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help info commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__login_commands] )) ||
_papertrader__subcmd__help__subcmd__login_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help login commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__logout_commands] )) ||
_papertrader__subcmd__help__subcmd__logout_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help logout commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__market_commands] )) ||
_papertrader__subcmd__help__subcmd__market_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help market commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__orders_commands] )) ||
_papertrader__subcmd__help__subcmd__orders_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help orders commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__password_commands] )) ||
_papertrader__subcmd__help__subcmd__password_commands() {
    local commands; commands=(
'change:Change it; asks for the old one and the new one. All other sessions and all tokens end' \
'forgot:Ask for a code by e-mail, with which \`password reset\` sets a new password' \
'reset:Set a new password with a code from an e-mail or from the administrator; all sessions and tokens of the account end' \
    )
    _describe -t commands 'papertrader help password commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__password__subcmd__change_commands] )) ||
_papertrader__subcmd__help__subcmd__password__subcmd__change_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help password change commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__password__subcmd__forgot_commands] )) ||
_papertrader__subcmd__help__subcmd__password__subcmd__forgot_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help password forgot commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__password__subcmd__reset_commands] )) ||
_papertrader__subcmd__help__subcmd__password__subcmd__reset_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help password reset commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__ping_commands] )) ||
_papertrader__subcmd__help__subcmd__ping_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help ping commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__portfolio_commands] )) ||
_papertrader__subcmd__help__subcmd__portfolio_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help portfolio commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__quote_commands] )) ||
_papertrader__subcmd__help__subcmd__quote_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help quote commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__register_commands] )) ||
_papertrader__subcmd__help__subcmd__register_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help register commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__replace_commands] )) ||
_papertrader__subcmd__help__subcmd__replace_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help replace commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__sell_commands] )) ||
_papertrader__subcmd__help__subcmd__sell_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help sell commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__server_commands] )) ||
_papertrader__subcmd__help__subcmd__server_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help server commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__sessions_commands] )) ||
_papertrader__subcmd__help__subcmd__sessions_commands() {
    local commands; commands=(
'end:End one, all others, or all. Tokens stay' \
    )
    _describe -t commands 'papertrader help sessions commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__sessions__subcmd__end_commands] )) ||
_papertrader__subcmd__help__subcmd__sessions__subcmd__end_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help sessions end commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__tokens_commands] )) ||
_papertrader__subcmd__help__subcmd__tokens_commands() {
    local commands; commands=(
'create:Make one and print it, this once; asks for the password if the login is older than 15 minutes' \
'revoke:Revoke one, so that it ends' \
    )
    _describe -t commands 'papertrader help tokens commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__tokens__subcmd__create_commands] )) ||
_papertrader__subcmd__help__subcmd__tokens__subcmd__create_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help tokens create commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__tokens__subcmd__revoke_commands] )) ||
_papertrader__subcmd__help__subcmd__tokens__subcmd__revoke_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help tokens revoke commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__transactions_commands] )) ||
_papertrader__subcmd__help__subcmd__transactions_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help transactions commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__tui_commands] )) ||
_papertrader__subcmd__help__subcmd__tui_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help tui commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__user_commands] )) ||
_papertrader__subcmd__help__subcmd__user_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help user commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__watch_commands] )) ||
_papertrader__subcmd__help__subcmd__watch_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help watch commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__help__subcmd__workers_commands] )) ||
_papertrader__subcmd__help__subcmd__workers_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader help workers commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__info_commands] )) ||
_papertrader__subcmd__info_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader info commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__login_commands] )) ||
_papertrader__subcmd__login_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader login commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__logout_commands] )) ||
_papertrader__subcmd__logout_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader logout commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__market_commands] )) ||
_papertrader__subcmd__market_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader market commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__orders_commands] )) ||
_papertrader__subcmd__orders_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader orders commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__password_commands] )) ||
_papertrader__subcmd__password_commands() {
    local commands; commands=(
'change:Change it; asks for the old one and the new one. All other sessions and all tokens end' \
'forgot:Ask for a code by e-mail, with which \`password reset\` sets a new password' \
'reset:Set a new password with a code from an e-mail or from the administrator; all sessions and tokens of the account end' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader password commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__password__subcmd__change_commands] )) ||
_papertrader__subcmd__password__subcmd__change_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader password change commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__password__subcmd__forgot_commands] )) ||
_papertrader__subcmd__password__subcmd__forgot_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader password forgot commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__password__subcmd__help_commands] )) ||
_papertrader__subcmd__password__subcmd__help_commands() {
    local commands; commands=(
'change:Change it; asks for the old one and the new one. All other sessions and all tokens end' \
'forgot:Ask for a code by e-mail, with which \`password reset\` sets a new password' \
'reset:Set a new password with a code from an e-mail or from the administrator; all sessions and tokens of the account end' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader password help commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__password__subcmd__help__subcmd__change_commands] )) ||
_papertrader__subcmd__password__subcmd__help__subcmd__change_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader password help change commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__password__subcmd__help__subcmd__forgot_commands] )) ||
_papertrader__subcmd__password__subcmd__help__subcmd__forgot_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader password help forgot commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__password__subcmd__help__subcmd__help_commands] )) ||
_papertrader__subcmd__password__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader password help help commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__password__subcmd__help__subcmd__reset_commands] )) ||
_papertrader__subcmd__password__subcmd__help__subcmd__reset_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader password help reset commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__password__subcmd__reset_commands] )) ||
_papertrader__subcmd__password__subcmd__reset_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader password reset commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__ping_commands] )) ||
_papertrader__subcmd__ping_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader ping commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__portfolio_commands] )) ||
_papertrader__subcmd__portfolio_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader portfolio commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__quote_commands] )) ||
_papertrader__subcmd__quote_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader quote commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__register_commands] )) ||
_papertrader__subcmd__register_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader register commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__replace_commands] )) ||
_papertrader__subcmd__replace_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader replace commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__sell_commands] )) ||
_papertrader__subcmd__sell_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader sell commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__server_commands] )) ||
_papertrader__subcmd__server_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader server commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__sessions_commands] )) ||
_papertrader__subcmd__sessions_commands() {
    local commands; commands=(
'end:End one, all others, or all. Tokens stay' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader sessions commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__sessions__subcmd__end_commands] )) ||
_papertrader__subcmd__sessions__subcmd__end_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader sessions end commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__sessions__subcmd__help_commands] )) ||
_papertrader__subcmd__sessions__subcmd__help_commands() {
    local commands; commands=(
'end:End one, all others, or all. Tokens stay' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader sessions help commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__sessions__subcmd__help__subcmd__end_commands] )) ||
_papertrader__subcmd__sessions__subcmd__help__subcmd__end_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader sessions help end commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__sessions__subcmd__help__subcmd__help_commands] )) ||
_papertrader__subcmd__sessions__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader sessions help help commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__tokens_commands] )) ||
_papertrader__subcmd__tokens_commands() {
    local commands; commands=(
'create:Make one and print it, this once; asks for the password if the login is older than 15 minutes' \
'revoke:Revoke one, so that it ends' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader tokens commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__tokens__subcmd__create_commands] )) ||
_papertrader__subcmd__tokens__subcmd__create_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader tokens create commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__tokens__subcmd__help_commands] )) ||
_papertrader__subcmd__tokens__subcmd__help_commands() {
    local commands; commands=(
'create:Make one and print it, this once; asks for the password if the login is older than 15 minutes' \
'revoke:Revoke one, so that it ends' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertrader tokens help commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__tokens__subcmd__help__subcmd__create_commands] )) ||
_papertrader__subcmd__tokens__subcmd__help__subcmd__create_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader tokens help create commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__tokens__subcmd__help__subcmd__help_commands] )) ||
_papertrader__subcmd__tokens__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader tokens help help commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__tokens__subcmd__help__subcmd__revoke_commands] )) ||
_papertrader__subcmd__tokens__subcmd__help__subcmd__revoke_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader tokens help revoke commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__tokens__subcmd__revoke_commands] )) ||
_papertrader__subcmd__tokens__subcmd__revoke_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader tokens revoke commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__transactions_commands] )) ||
_papertrader__subcmd__transactions_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader transactions commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__tui_commands] )) ||
_papertrader__subcmd__tui_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader tui commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__user_commands] )) ||
_papertrader__subcmd__user_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader user commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__watch_commands] )) ||
_papertrader__subcmd__watch_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader watch commands' commands "$@"
}
(( $+functions[_papertrader__subcmd__workers_commands] )) ||
_papertrader__subcmd__workers_commands() {
    local commands; commands=()
    _describe -t commands 'papertrader workers commands' commands "$@"
}

# Symbols and accounts, by what the program knows.
(( $+functions[_papertrader_names] )) ||
_papertrader_names() {
    local -a found
    found=( ${(f)"$(papertrader __complete $1 "$PREFIX" 2>/dev/null)"} )
    compadd -M 'm:{[:lower:]}={[:upper:]}' -a found
}

if [ "$funcstack[1]" = "_papertrader" ]; then
    _papertrader "$@"
else
    compdef _papertrader papertrader
fi
