# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_papertrader_global_optspecs
    string join \n server= master= user= token-file= json plain tls ca= pin= timeout= h/help V/version
end

function __fish_papertrader_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_papertrader_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_papertrader_using_subcommand
    set -l cmd (__fish_papertrader_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c papertrader -n "__fish_papertrader_needs_command" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_needs_command" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_needs_command" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_needs_command" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_needs_command" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_needs_command" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_needs_command" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_needs_command" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_needs_command" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_needs_command" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_needs_command" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_needs_command" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "register" -d 'Make an account; asks for its password'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "login" -d 'Log in; later commands use the session'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "logout" -d 'Log out. A token is ended by `tokens revoke`'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "account" -d 'Show your account and what can act for it; change, export or delete it'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "password" -d 'Change the password, or set a new one with a code'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "sessions" -d 'Show the sessions of your account, where each was made and last used, or end some'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "tokens" -d 'Show the tokens of your account, make one for a program, or revoke one'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "assets" -d 'List the assets, or those whose symbol contains SEARCH'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "quote" -d 'Show the latest value of assets, and how old it is'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "watch" -d 'Show values as they change, and the ends of your orders, until Ctrl-C'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "info" -d 'Show an asset\'s latest day: open, high, low, close and volume'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "chart" -d 'Draw an asset\'s past values'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "forecast" -d 'Predict an asset\'s value on a later date, with a 95 % interval'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "buy" -d 'Buy units of an asset at the price of the next update, or at a limit or stop'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "sell" -d 'Sell units of an asset at the price of the next update, or at a limit or stop'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "orders" -d 'Show your open orders: those that have no outcome yet'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "cancel" -d 'Cancel an open order, or all'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "replace" -d 'Change the quantity or the prices of an open order'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "portfolio" -d 'Show cash and positions with their profit and loss'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "transactions" -d 'Show the history of transactions, newest first'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "tui" -d 'The full-screen view: live prices, charts, portfolio, orders, history, and a line to order'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "user" -d 'Show what others may see of an account; of your own also its e-mail address and cash'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "market" -d 'Show how the market stands: its state and time, the next update, and how old prices are'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "server" -d 'Show what the server tells about itself: its market, its next update, how to sign in, versions'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "workers" -d 'List the servers that serve now, which are called workers'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "ping" -d 'Measure how fast the known servers answer'
complete -c papertrader -n "__fish_papertrader_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -l password-stdin -d 'Read the password\'s line from standard input in place of the terminal'
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c papertrader -n "__fish_papertrader_using_subcommand register" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l with -d 'Sign in with this provider instead of a password; `server` shows which there are. The first time makes an account called NAME' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l method -d 'How to reach the provider: device, a code to type into any browser; redirect, a browser on this machine [default: redirect where a browser is likely, else device]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l expirable -d 'End the session with this command, which stays in the foreground until Ctrl-C or the end of standard input; other commands use the session meanwhile'
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l password-stdin -d 'Read the password\'s line from standard input in place of the terminal'
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand login" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand logout" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -f -a "email" -d 'Change the e-mail address; asks for the password. The old address gets a mail about it'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -f -a "delete" -d 'Delete your account for good; asks for its name and the password. Orders are cancelled, all sessions and tokens end, and its name is free'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -f -a "export" -d 'Write all that the servers have on you, as lines of JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -f -a "link" -d 'Sign in with a provider from now on, too; asks for the password if the login is older than 15 minutes'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -f -a "unlink" -d 'Do not sign in with a provider any more; asks for the password likewise'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and not __fish_seen_subcommand_from email delete export link unlink help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -l password-stdin -d 'Read the password\'s line from standard input in place of the terminal'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from email" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l yes -d 'Do not ask for the name'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l password-stdin -d 'Read the password\'s line from standard input in place of the terminal'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from export" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l method -d 'How to reach it: device or redirect' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l password-stdin -d 'Read the password\'s line from standard input in place of the terminal'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from link" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -l password-stdin -d 'Read the password\'s line from standard input in place of the terminal'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from unlink" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "email" -d 'Change the e-mail address; asks for the password. The old address gets a mail about it'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Delete your account for good; asks for its name and the password. Orders are cancelled, all sessions and tokens end, and its name is free'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write all that the servers have on you, as lines of JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "link" -d 'Sign in with a provider from now on, too; asks for the password if the login is older than 15 minutes'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "unlink" -d 'Do not sign in with a provider any more; asks for the password likewise'
complete -c papertrader -n "__fish_papertrader_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -f -a "change" -d 'Change it; asks for the old one and the new one. All other sessions and all tokens end'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -f -a "forgot" -d 'Ask for a code by e-mail, with which `password reset` sets a new password'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -f -a "reset" -d 'Set a new password with a code from an e-mail or from the administrator; all sessions and tokens of the account end'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and not __fish_seen_subcommand_from change forgot reset help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -l password-stdin -d 'Read the password\'s line from standard input in place of the terminal'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from change" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from forgot" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -l password-stdin -d 'Read two lines from standard input in place of the terminal: the code, and the new password'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from reset" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from help" -f -a "change" -d 'Change it; asks for the old one and the new one. All other sessions and all tokens end'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from help" -f -a "forgot" -d 'Ask for a code by e-mail, with which `password reset` sets a new password'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from help" -f -a "reset" -d 'Set a new password with a code from an e-mail or from the administrator; all sessions and tokens of the account end'
complete -c papertrader -n "__fish_papertrader_using_subcommand password; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -f -a "end" -d 'End one, all others, or all. Tokens stay'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and not __fish_seen_subcommand_from end help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l others -d 'All but the one in use'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l all -d 'All'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from end" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from help" -f -a "end" -d 'End one, all others, or all. Tokens stay'
complete -c papertrader -n "__fish_papertrader_using_subcommand sessions; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -f -a "create" -d 'Make one and print it, this once; asks for the password if the login is older than 15 minutes'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -f -a "revoke" -d 'Revoke one, so that it ends'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and not __fish_seen_subcommand_from create revoke help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l scope -d 'What it allows: read; or trade, which is reading and orders' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l days -d 'After how many days it ends' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l password-stdin -d 'Read the password\'s line from standard input in place of the terminal'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from create" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make one and print it, this once; asks for the password if the login is older than 15 minutes'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Revoke one, so that it ends'
complete -c papertrader -n "__fish_papertrader_using_subcommand tokens; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -l symbols -d 'Print the symbols alone, one a line'
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand assets" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l count -d 'Stop after so many rounds' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l interval -d 'Time between rounds, such as 500ms, 2s or 1min' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l date -d 'Where the window ends, such as 2013-03-01 or "2013-03-01 14:00:00", in UTC [default: the asset\'s latest value]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l day -d 'The last 24 hours, as fine as it is stored'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l week -d 'The daily bars of 7 days'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l month -d 'The daily bars of a month (this is the default)'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l year -d 'The 12 monthly bars of a year'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l all -d 'All monthly bars'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l raw -d 'Draw prices as they were quoted, not adjusted for splits and dividends'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l adjusted -d 'Adjust for splits and dividends: what is drawn is so already, JSON and CSV are not'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l csv -d 'Print the bars as CSV'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l ascii -d 'Draw with ASCII characters alone'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l for -d 'As many units as this money buys, fee included' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l limit -d 'Buy at this price or less, sell at it or more' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l stop -d 'Wait until the price reaches this: buy when it rises to it, sell when it falls to it. With --limit it is a limit order from then on' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l trail -d 'A stop that follows the price at this distance: money such as 2.50, or 5%' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l tif -d 'How long it stands, in market time: day, gtc (180 days), through a date such as 2013-06-28, or until "2013-06-28 14:00" [default: gtc]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l order-id -d 'The order\'s own ID: 1 to 64 of A-Z a-z 0-9 . _ : - [default: a fresh one]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l patience -d 'Seconds to go on looking for a server that knows what became of an order that was sent' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l yes -d 'Do not ask where it takes more than half of what the account is worth'
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l no-wait -d 'Return as soon as the order is on the server\'s disk'
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l limit -d 'Buy at this price or less, sell at it or more' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l stop -d 'Wait until the price reaches this: buy when it rises to it, sell when it falls to it. With --limit it is a limit order from then on' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l trail -d 'A stop that follows the price at this distance: money such as 2.50, or 5%' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l tif -d 'How long it stands, in market time: day, gtc (180 days), through a date such as 2013-06-28, or until "2013-06-28 14:00" [default: gtc]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l order-id -d 'The order\'s own ID: 1 to 64 of A-Z a-z 0-9 . _ : - [default: a fresh one]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l patience -d 'Seconds to go on looking for a server that knows what became of an order that was sent' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l all -d 'All units that no other order has promised'
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l yes -d 'Do not ask where it takes more than half of what the account is worth'
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l no-wait -d 'Return as soon as the order is on the server\'s disk'
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand orders" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -l all -d 'All that are open'
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand cancel" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l quantity -d 'Units, such as 10, 0.25 or 2,500' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l for -d 'As many units as this money buys, fee included' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l limit -d 'Another limit' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l stop -d 'Another stop' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l trail -d 'Another distance of a trailing order: money such as 2.50, or 5%' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l order-id -d 'The order\'s own ID: 1 to 64 of A-Z a-z 0-9 . _ : - [default: a fresh one]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l patience -d 'Seconds to go on looking for a server that knows what became of an order that was sent' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l yes -d 'Do not ask where it takes more than half of what the account is worth'
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l no-wait -d 'Return as soon as the order is on the server\'s disk'
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand replace" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l of -d 'What others may see of this account' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l realised -d 'Read the whole history too, and show the profit since the account began'
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand portfolio" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l of -d 'What others may see of this account' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l limit -d 'At most so many, the newest' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l receipt -d 'Explain one transaction: why this price at this time; an ID, its beginning or end, or `last`, the newest that has an outcome' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l csv -d 'Print CSV'
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand transactions" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c papertrader -n "__fish_papertrader_using_subcommand tui" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand user" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand market" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand server" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand workers" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -l server -d 'A server to use, called a worker; may be given several times: the next is tried when one is down [default: those of the last login, else 127.0.0.1:2049]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -l master -d 'The master\'s address, asked for servers when none that is known answers; what it names is tried only if --pin, --ca or a host named before speaks for it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -l user -d 'Whose session to use, where there are several [default: the one that logged in last; with --server, the last one at that server and those that belong to it]' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -l token-file -d 'A file with a token, in place of a session that login saved; needs --user; not readable by others [default: the token in PAPERTRADER_TOKEN, if there is one]' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -l ca -d 'A PEM file of certificates to trust beside the system\'s; implies --tls; login remembers it' -r -F
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -l pin -d 'The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints it; may be given several times; implies --tls; login remembers it' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -l timeout -d 'Seconds to wait for a connection or an answer' -r
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -l json -d 'Print JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -l plain -d 'Speak plain text to servers on other machines, too: others can read passwords and sessions on the way; not with a session that was made over TLS'
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -l tls -d 'Speak TLS to a server on this machine, too'
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -s h -l help -d 'Print help'
complete -c papertrader -n "__fish_papertrader_using_subcommand ping" -s V -l version -d 'Print version'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "register" -d 'Make an account; asks for its password'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "login" -d 'Log in; later commands use the session'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "logout" -d 'Log out. A token is ended by `tokens revoke`'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "account" -d 'Show your account and what can act for it; change, export or delete it'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "password" -d 'Change the password, or set a new one with a code'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "sessions" -d 'Show the sessions of your account, where each was made and last used, or end some'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "tokens" -d 'Show the tokens of your account, make one for a program, or revoke one'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "assets" -d 'List the assets, or those whose symbol contains SEARCH'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "quote" -d 'Show the latest value of assets, and how old it is'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "watch" -d 'Show values as they change, and the ends of your orders, until Ctrl-C'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "info" -d 'Show an asset\'s latest day: open, high, low, close and volume'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "chart" -d 'Draw an asset\'s past values'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "forecast" -d 'Predict an asset\'s value on a later date, with a 95 % interval'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "buy" -d 'Buy units of an asset at the price of the next update, or at a limit or stop'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "sell" -d 'Sell units of an asset at the price of the next update, or at a limit or stop'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "orders" -d 'Show your open orders: those that have no outcome yet'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "cancel" -d 'Cancel an open order, or all'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "replace" -d 'Change the quantity or the prices of an open order'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "portfolio" -d 'Show cash and positions with their profit and loss'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "transactions" -d 'Show the history of transactions, newest first'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "tui" -d 'The full-screen view: live prices, charts, portfolio, orders, history, and a line to order'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "user" -d 'Show what others may see of an account; of your own also its e-mail address and cash'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "market" -d 'Show how the market stands: its state and time, the next update, and how old prices are'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "server" -d 'Show what the server tells about itself: its market, its next update, how to sign in, versions'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "workers" -d 'List the servers that serve now, which are called workers'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "ping" -d 'Measure how fast the known servers answer'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and not __fish_seen_subcommand_from register login logout account password sessions tokens assets quote watch info chart forecast buy sell orders cancel replace portfolio transactions tui user market server workers ping help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "email" -d 'Change the e-mail address; asks for the password. The old address gets a mail about it'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "delete" -d 'Delete your account for good; asks for its name and the password. Orders are cancelled, all sessions and tokens end, and its name is free'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "export" -d 'Write all that the servers have on you, as lines of JSON'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "link" -d 'Sign in with a provider from now on, too; asks for the password if the login is older than 15 minutes'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "unlink" -d 'Do not sign in with a provider any more; asks for the password likewise'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and __fish_seen_subcommand_from password" -f -a "change" -d 'Change it; asks for the old one and the new one. All other sessions and all tokens end'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and __fish_seen_subcommand_from password" -f -a "forgot" -d 'Ask for a code by e-mail, with which `password reset` sets a new password'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and __fish_seen_subcommand_from password" -f -a "reset" -d 'Set a new password with a code from an e-mail or from the administrator; all sessions and tokens of the account end'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and __fish_seen_subcommand_from sessions" -f -a "end" -d 'End one, all others, or all. Tokens stay'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and __fish_seen_subcommand_from tokens" -f -a "create" -d 'Make one and print it, this once; asks for the password if the login is older than 15 minutes'
complete -c papertrader -n "__fish_papertrader_using_subcommand help; and __fish_seen_subcommand_from tokens" -f -a "revoke" -d 'Revoke one, so that it ends'
# Symbols and accounts, by what the program knows.
complete -c papertrader -n "__fish_papertrader_using_subcommand quote" -f -a '(papertrader __complete symbols (commandline -ct) 2>/dev/null)'
complete -c papertrader -n "__fish_papertrader_using_subcommand watch" -f -a '(papertrader __complete symbols (commandline -ct) 2>/dev/null)'
complete -c papertrader -n "__fish_papertrader_using_subcommand info" -f -a '(papertrader __complete symbols (commandline -ct) 2>/dev/null)'
complete -c papertrader -n "__fish_papertrader_using_subcommand chart" -f -a '(papertrader __complete symbols (commandline -ct) 2>/dev/null)'
complete -c papertrader -n "__fish_papertrader_using_subcommand forecast" -f -a '(papertrader __complete symbols (commandline -ct) 2>/dev/null)'
complete -c papertrader -n "__fish_papertrader_using_subcommand buy" -f -a '(papertrader __complete symbols (commandline -ct) 2>/dev/null)'
complete -c papertrader -n "__fish_papertrader_using_subcommand sell" -f -a '(papertrader __complete symbols (commandline -ct) 2>/dev/null)'
complete -c papertrader -l user -x -a '(papertrader __complete users (commandline -ct) 2>/dev/null)'
