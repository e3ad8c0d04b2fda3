#compdef papertraderctl

autoload -U is-at-least

_papertraderctl() {
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
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertraderctl_commands" \
"*::: :->papertraderctl" \
&& ret=0
    case $state in
    (papertraderctl)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-command-$line[1]:"
        case $line[1] in
            (status)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(step-down)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(check)
_arguments "${_arguments_options[@]}" : \
'*-w+[Warn from this value of a figure on; below it for disk and workers]:FIGURE=N:_default' \
'*--warning=[Warn from this value of a figure on; below it for disk and workers]:FIGURE=N:_default' \
'*-c+[The same, for critical]:FIGURE=N:_default' \
'*--critical=[The same, for critical]:FIGURE=N:_default' \
'*--ignore=[Pass over a kind of warning, such as market-paused; \`--json\` of status has the kinds]:KIND:_default' \
'--timeout=[Give up after so many seconds\: unknown]:SECONDS:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(metrics)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(setup)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertraderctl__subcmd__setup_commands" \
"*::: :->setup" \
&& ret=0

    case $state in
    (setup)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-setup-command-$line[1]:"
        case $line[1] in
            (master)
_arguments "${_arguments_options[@]}" : \
'--worker=[Also set up a worker of this name here, with its defaults]:NAME:_default' \
'--listen=[Where workers connect; 0.0.0.0\:2048 lets workers of other machines in \[default\: 127.0.0.1\:2048\]]:ADDRESS:PORT:_default' \
'--name=[The deployment'\''s name, as mails and cards have it \[default\: PaperTrader\]]:TEXT:_default' \
'--provider=[Where prices come from \[default\: replay\]]:PROVIDER:((replay\:"Files of past days, one step each update interval"
simulated\:"A random walk"
alpaca\:"Stocks, from alpaca.markets; needs --credentials and --symbols"
binance\:"Coins, from binance.com; needs --symbols"))' \
'--market=[The folder of market files of a replay \[default\: the sample market\]]:DIR:_files -/' \
'*--symbols=[The assets, such as AAPL,IBM \[default\: all that the provider has\]]:SYMBOL,…:_default' \
'--credentials=[The file with the provider'\''s key ID and secret, two lines; it is copied]:FILE:_files' \
'--update-interval=[How often prices change and orders are settled, such as 1s, 60s \[default\: 60s\]]:TIME:_default' \
'--starting-cash=[Cash of a new account \[default\: 100000\]]:AMOUNT:_default' \
'--root=[Make everything below this folder, for yourself\: no service, no other users, no root]:DIR:_files -/' \
'--gpg-key=[Use this secret key of the GPG home; \`new\` makes one. A daemon that is configured gets it in the place of its key]:FINGERPRINT|new:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--yes[Ask nothing\: take the defaults of what is not given; so it is where there is no terminal]' \
'--no-start[Leave the service as it is\: neither enabled nor started]' \
'--json[Print JSON]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(worker)
_arguments "${_arguments_options[@]}" : \
'--address=[Where clients reach it \[default\: this machine'\''s name, port 2049\]]:HOST:PORT:_default' \
'--listen=[Where it listens for them \[default\: the port of its address, on all of this machine'\''s addresses, or on loopback alone where its address is there\]]:ADDRESS:PORT:_default' \
'--master=[A master on another machine]:HOST:PORT:_default' \
'--ip=[The address that the master sees the worker come from \[default\: the one from which this machine reaches it\]]:IP:_default' \
'--answer=[What \`papertraderctl workers accept\` printed on the master'\''s machine]:FILE:_files' \
'--certificate=[A certificate with its chain, PEM; it is copied \[default\: one of a CA for trials, which is made here\]]:FILE:_files' \
'--tls-key=[The certificate'\''s private key, PEM; it is copied]:FILE:_files' \
'--web=[Serve the page for browsers here, too]:ADDRESS:PORT:_default' \
'--root=[Make everything below this folder, for yourself\: no service, no other users, no root]:DIR:_files -/' \
'--gpg-key=[Use this secret key of the GPG home; \`new\` makes one. A daemon that is configured gets it in the place of its key]:FINGERPRINT|new:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'(--answer --gpg-key)--request[Write the request to the master again, for a worker that is set up\: its answer has the key that the master has now]' \
'(--certificate)--plain[No TLS\: only on loopback]' \
'--yes[Ask nothing\: take the defaults of what is not given; so it is where there is no terminal]' \
'--no-start[Leave the service as it is\: neither enabled nor started]' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- What it will be called\: 1 to 64 of A-Z a-z 0-9 . _ -, a letter or digit first:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__setup__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-setup-help-command-$line[1]:"
        case $line[1] in
            (master)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(worker)
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
(workers)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertraderctl__subcmd__workers_commands" \
"*::: :->workers" \
&& ret=0

    case $state in
    (workers)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-workers-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- Its name:_default' \
&& ret=0
;;
(register)
_arguments "${_arguments_options[@]}" : \
'--key=[Its public key, as \`gpg --armor --export FINGERPRINT\` writes it; - reads standard input]:FILE:_files' \
'--ip=[The one address that it may connect from]:IP:_default' \
'--address=[Where clients reach it]:HOST:PORT:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- What it will be called\: 1 to 64 of A-Z a-z 0-9 . _ -:_default' \
&& ret=0
;;
(set)
_arguments "${_arguments_options[@]}" : \
'--ip=[The one address that it may connect from from now on]:IP:_default' \
'--address=[Where clients reach it from now on]:HOST:PORT:_default' \
'--key=[Its new public key, as \`gpg --armor --export FINGERPRINT\` writes it; - reads standard input]:FILE:_files' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- Its name:_default' \
&& ret=0
;;
(accept)
_arguments "${_arguments_options[@]}" : \
'--ip=[The address that the worker connects from, where it is another than the request says]:IP:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':file -- The request; - reads standard input:_files' \
&& ret=0
;;
(boot)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- Its name:_default' \
&& ret=0
;;
(admit)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- Its name:_default' \
&& ret=0
;;
(unregister)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- Its name:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__workers__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-workers-help-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(register)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(set)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(accept)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(boot)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(admit)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(unregister)
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
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertraderctl__subcmd__sessions_commands" \
"*::: :->sessions" \
&& ret=0

    case $state in
    (sessions)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-sessions-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--user=[Of this account alone]:NAME:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(end)
_arguments "${_arguments_options[@]}" : \
'--user=[All of this account, its tokens too]:NAME:_default' \
'--worker=[All that were made through this worker or have passed through it, registered or not any more\: after booting one that is not trusted]:NAME:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--all[All, tokens too\: everybody logs in again, and programs need new tokens]' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::id -- As much of a session'\''s or token'\''s ID, as the list shows it, as fits no other:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__sessions__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-sessions-help-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
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
(accounts)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertraderctl__subcmd__accounts_commands" \
"*::: :->accounts" \
&& ret=0

    case $state in
    (accounts)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-accounts-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--search=[Those with this text in their name or e-mail address alone]:TEXT:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- Its name:_default' \
&& ret=0
;;
(lock)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- Its name:_default' \
&& ret=0
;;
(unlock)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- Its name:_default' \
&& ret=0
;;
(delete)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--yes[That this is wanted\: nobody can undo it]' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- Its name:_default' \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
'--cards=[The file of the cards, which must not be there yet; it holds the codes, so it is its owner'\''s alone; - writes to standard output]:FILE:_files' \
'--format=[What the cards are]:FORMAT:((html\:"A page for a browser, which prints it\: ten cards to a sheet of A4, with marks to cut along"
csv\:"A table for other programs"))' \
'--valid=[For how long the codes are valid, such as 2h, 7d; 366 days at most]:TIME:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--again[Make new codes for those whose accounts are there from a roster and who have not entered them, and pass over those who have]' \
'--json[Print JSON]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':roster -- The roster, as shown below\: at most 1,000 people; - reads standard input:_files' \
&& ret=0
;;
(grant)
_arguments "${_arguments_options[@]}" : \
'--reason=[Why, for the account'\''s owner\: at most 200 bytes]:TEXT:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- The account'\''s name:_default' \
':amount -- How much, such as 1500 or 1,500.50; the point is decimal. With a minus before it, it is taken:_default' \
&& ret=0
;;
(restart)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--yes[Do not ask]' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- The account'\''s name:_default' \
&& ret=0
;;
(reset)
_arguments "${_arguments_options[@]}" : \
'--valid=[For how long the code is valid, such as 2h, 7d; 366 days at most]:TIME:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- The account'\''s name:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__accounts__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-accounts-help-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(lock)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(unlock)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(delete)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(grant)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(restart)
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
(orders)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertraderctl__subcmd__orders_commands" \
"*::: :->orders" \
&& ret=0

    case $state in
    (orders)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-orders-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--account=[Of this account alone]:NAME:_default' \
'--symbol=[Of this asset alone]:SYMBOL:_default' \
'--newest=[How many; 50,000 at most]:N:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(cancel)
_arguments "${_arguments_options[@]}" : \
'--account=[All of this account]:NAME:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::id -- The transaction ID, or 8 or more digits of its beginning or end, as the list shows it:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__orders__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-orders-help-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(cancel)
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
(market)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertraderctl__subcmd__market_commands" \
"*::: :->market" \
&& ret=0

    case $state in
    (market)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-market-command-$line[1]:"
        case $line[1] in
            (review)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::symbol -- The asset:_default' \
'::verdict -- What to do with its price:((accept\:"It is right"
refuse\:"It is wrong"))' \
&& ret=0
;;
(pause)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(resume)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__market__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-market-help-command-$line[1]:"
        case $line[1] in
            (review)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(pause)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(resume)
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
(verify)
_arguments "${_arguments_options[@]}" : \
'()--database=[The same, as an option]:FILE:_files' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::file -- Check this file, a backup say, in place of the running master'\''s database; needs no master:_files' \
&& ret=0
;;
(backup)
_arguments "${_arguments_options[@]}" : \
'()--folder=[Write papertrader-TIME.db into this folder; TIME is in UTC]:FOLDER:_files -/' \
'--keep=[Delete all but the newest N files of such a name in the folder, once the new one is whole]:N:_default' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::file -- Must not be there yet; - writes to standard output:_files' \
&& ret=0
;;
(restore)
_arguments "${_arguments_options[@]}" : \
'--config=[The configuration of the master whose database is replaced]:FILE:_files' \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--yes[Restore a file that is written with a log and has none beside it, too\: it may lack what was newest]' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':file -- The backup:_files' \
&& ret=0
;;
(log)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_papertraderctl__subcmd__log_commands" \
"*::: :->log" \
&& ret=0

    case $state in
    (log)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-log-command-$line[1]:"
        case $line[1] in
            (tail)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::entries -- How many:_default' \
&& ret=0
;;
(flush)
_arguments "${_arguments_options[@]}" : \
'--socket=[The master'\''s control socket]:PATH:_files' \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__log__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-log-help-command-$line[1]:"
        case $line[1] in
            (tail)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(flush)
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
(help)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-help-command-$line[1]:"
        case $line[1] in
            (status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(step-down)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(check)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(metrics)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(setup)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__help__subcmd__setup_commands" \
"*::: :->setup" \
&& ret=0

    case $state in
    (setup)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-help-setup-command-$line[1]:"
        case $line[1] in
            (master)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(worker)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(workers)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__help__subcmd__workers_commands" \
"*::: :->workers" \
&& ret=0

    case $state in
    (workers)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-help-workers-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(register)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(set)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(accept)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(boot)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(admit)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(unregister)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(sessions)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__help__subcmd__sessions_commands" \
"*::: :->sessions" \
&& ret=0

    case $state in
    (sessions)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-help-sessions-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(end)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(accounts)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__help__subcmd__accounts_commands" \
"*::: :->accounts" \
&& ret=0

    case $state in
    (accounts)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-help-accounts-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(lock)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(unlock)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(delete)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(grant)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(restart)
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
(orders)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__help__subcmd__orders_commands" \
"*::: :->orders" \
&& ret=0

    case $state in
    (orders)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-help-orders-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(cancel)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(market)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__help__subcmd__market_commands" \
"*::: :->market" \
&& ret=0

    case $state in
    (market)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-help-market-command-$line[1]:"
        case $line[1] in
            (review)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(pause)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(resume)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(verify)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(backup)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(restore)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(log)
_arguments "${_arguments_options[@]}" : \
":: :_papertraderctl__subcmd__help__subcmd__log_commands" \
"*::: :->log" \
&& ret=0

    case $state in
    (log)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:papertraderctl-help-log-command-$line[1]:"
        case $line[1] in
            (tail)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(flush)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
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

(( $+functions[_papertraderctl_commands] )) ||
_papertraderctl_commands() {
    local commands; commands=(
'status:Show how the master is doing\: queue, updates, workers, accounts, sessions, prices, warnings; of one that stands by, who leads' \
'step-down:Let the master that stands by lead in this one'\''s place; this one stands by then' \
'check:Say in one line whether all is well, for monitoring\: exit 0 well, 1 warning, 2 critical, 3 unknown' \
'metrics:Print the master'\''s metrics, as Prometheus reads them' \
'setup:Set up a master or a worker of this machine\: folders, keys, certificates, configuration, services' \
'workers:Show, register and steer workers' \
'sessions:Show and end sessions and tokens' \
'accounts:Help people with their accounts' \
'orders:Show and cancel orders that have no outcome yet' \
'market:Pause the market, and review prices that are held because they are far from those before' \
'verify:Rebuild every balance and position from the transactions, and compare; exit 1 on a difference' \
'backup:Write a consistent copy of the database while the master runs' \
'restore:Put a backup in the database'\''s place while no master runs; the replaced one is kept beside as .old' \
'log:Show the log'\''s memory, or write it out' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts_commands] )) ||
_papertraderctl__subcmd__accounts_commands() {
    local commands; commands=(
'list:List the accounts, by name' \
'show:Show an account, and what it has' \
'lock:Lock an account\: its sessions and tokens end, its orders are cancelled, and nobody logs in to it' \
'unlock:Let people log in to a locked account again' \
'delete:Delete an account for good\: its sessions and tokens end, its orders are cancelled, and its name and e-mail address are free' \
'import:Make accounts with one-time codes for people without e-mail, and cards to hand out' \
'grant:Give an account cash, or take some\: a transaction that its owner reads' \
'restart:Let an account begin anew\: its orders are cancelled, all units sold at their last price, and the cash is what the account began with; the history stays' \
'reset:Print a one-time code with which the owner of an account sets a new password; the one that was printed before it is void' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl accounts commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__delete_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__delete_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts delete commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__grant_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__grant_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts grant commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__help_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__help_commands() {
    local commands; commands=(
'list:List the accounts, by name' \
'show:Show an account, and what it has' \
'lock:Lock an account\: its sessions and tokens end, its orders are cancelled, and nobody logs in to it' \
'unlock:Let people log in to a locked account again' \
'delete:Delete an account for good\: its sessions and tokens end, its orders are cancelled, and its name and e-mail address are free' \
'import:Make accounts with one-time codes for people without e-mail, and cards to hand out' \
'grant:Give an account cash, or take some\: a transaction that its owner reads' \
'restart:Let an account begin anew\: its orders are cancelled, all units sold at their last price, and the cash is what the account began with; the history stays' \
'reset:Print a one-time code with which the owner of an account sets a new password; the one that was printed before it is void' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl accounts help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__help__subcmd__delete_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__help__subcmd__delete_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts help delete commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__help__subcmd__grant_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__help__subcmd__grant_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts help grant commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__help__subcmd__help_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts help help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__help__subcmd__import_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__help__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts help import commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__help__subcmd__list_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts help list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__help__subcmd__lock_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__help__subcmd__lock_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts help lock commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__help__subcmd__reset_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__help__subcmd__reset_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts help reset commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__help__subcmd__restart_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__help__subcmd__restart_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts help restart commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__help__subcmd__show_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__help__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts help show commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__help__subcmd__unlock_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__help__subcmd__unlock_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts help unlock commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__import_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts import commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__list_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__lock_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__lock_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts lock commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__reset_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__reset_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts reset commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__restart_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__restart_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts restart commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__show_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts show commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__accounts__subcmd__unlock_commands] )) ||
_papertraderctl__subcmd__accounts__subcmd__unlock_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl accounts unlock commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__backup_commands] )) ||
_papertraderctl__subcmd__backup_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl backup commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__check_commands] )) ||
_papertraderctl__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl check commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help_commands] )) ||
_papertraderctl__subcmd__help_commands() {
    local commands; commands=(
'status:Show how the master is doing\: queue, updates, workers, accounts, sessions, prices, warnings; of one that stands by, who leads' \
'step-down:Let the master that stands by lead in this one'\''s place; this one stands by then' \
'check:Say in one line whether all is well, for monitoring\: exit 0 well, 1 warning, 2 critical, 3 unknown' \
'metrics:Print the master'\''s metrics, as Prometheus reads them' \
'setup:Set up a master or a worker of this machine\: folders, keys, certificates, configuration, services' \
'workers:Show, register and steer workers' \
'sessions:Show and end sessions and tokens' \
'accounts:Help people with their accounts' \
'orders:Show and cancel orders that have no outcome yet' \
'market:Pause the market, and review prices that are held because they are far from those before' \
'verify:Rebuild every balance and position from the transactions, and compare; exit 1 on a difference' \
'backup:Write a consistent copy of the database while the master runs' \
'restore:Put a backup in the database'\''s place while no master runs; the replaced one is kept beside as .old' \
'log:Show the log'\''s memory, or write it out' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__accounts_commands] )) ||
_papertraderctl__subcmd__help__subcmd__accounts_commands() {
    local commands; commands=(
'list:List the accounts, by name' \
'show:Show an account, and what it has' \
'lock:Lock an account\: its sessions and tokens end, its orders are cancelled, and nobody logs in to it' \
'unlock:Let people log in to a locked account again' \
'delete:Delete an account for good\: its sessions and tokens end, its orders are cancelled, and its name and e-mail address are free' \
'import:Make accounts with one-time codes for people without e-mail, and cards to hand out' \
'grant:Give an account cash, or take some\: a transaction that its owner reads' \
'restart:Let an account begin anew\: its orders are cancelled, all units sold at their last price, and the cash is what the account began with; the history stays' \
'reset:Print a one-time code with which the owner of an account sets a new password; the one that was printed before it is void' \
    )
    _describe -t commands 'papertraderctl help accounts commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__accounts__subcmd__delete_commands] )) ||
_papertraderctl__subcmd__help__subcmd__accounts__subcmd__delete_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help accounts delete commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__accounts__subcmd__grant_commands] )) ||
_papertraderctl__subcmd__help__subcmd__accounts__subcmd__grant_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help accounts grant commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__accounts__subcmd__import_commands] )) ||
_papertraderctl__subcmd__help__subcmd__accounts__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help accounts import commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__accounts__subcmd__list_commands] )) ||
_papertraderctl__subcmd__help__subcmd__accounts__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help accounts list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__accounts__subcmd__lock_commands] )) ||
_papertraderctl__subcmd__help__subcmd__accounts__subcmd__lock_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help accounts lock commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__accounts__subcmd__reset_commands] )) ||
_papertraderctl__subcmd__help__subcmd__accounts__subcmd__reset_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help accounts reset commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__accounts__subcmd__restart_commands] )) ||
_papertraderctl__subcmd__help__subcmd__accounts__subcmd__restart_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help accounts restart commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__accounts__subcmd__show_commands] )) ||
_papertraderctl__subcmd__help__subcmd__accounts__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help accounts show commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__accounts__subcmd__unlock_commands] )) ||
_papertraderctl__subcmd__help__subcmd__accounts__subcmd__unlock_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help accounts unlock commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__backup_commands] )) ||
_papertraderctl__subcmd__help__subcmd__backup_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help backup commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__check_commands] )) ||
_papertraderctl__subcmd__help__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help check commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__help_commands] )) ||
_papertraderctl__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__log_commands] )) ||
_papertraderctl__subcmd__help__subcmd__log_commands() {
    local commands; commands=(
'tail:Show the newest entries that are in memory' \
'flush:Write the entries in memory out now' \
    )
    _describe -t commands 'papertraderctl help log commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__log__subcmd__flush_commands] )) ||
_papertraderctl__subcmd__help__subcmd__log__subcmd__flush_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help log flush commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__log__subcmd__tail_commands] )) ||
_papertraderctl__subcmd__help__subcmd__log__subcmd__tail_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help log tail commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__market_commands] )) ||
_papertraderctl__subcmd__help__subcmd__market_commands() {
    local commands; commands=(
'review:List the assets whose price is held, or accept or refuse the price of one' \
'pause:Make no update until it is resumed\: prices and market time stand still' \
'resume:Let a paused market go on\: the next update begins at once' \
    )
    _describe -t commands 'papertraderctl help market commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__market__subcmd__pause_commands] )) ||
_papertraderctl__subcmd__help__subcmd__market__subcmd__pause_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help market pause commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__market__subcmd__resume_commands] )) ||
_papertraderctl__subcmd__help__subcmd__market__subcmd__resume_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help market resume commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__market__subcmd__review_commands] )) ||
_papertraderctl__subcmd__help__subcmd__market__subcmd__review_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help market review commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__metrics_commands] )) ||
_papertraderctl__subcmd__help__subcmd__metrics_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help metrics commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__orders_commands] )) ||
_papertraderctl__subcmd__help__subcmd__orders_commands() {
    local commands; commands=(
'list:List the newest orders that are queued or open, and count the others' \
'cancel:Cancel an order, or all of an account; an update that is under way comes first' \
    )
    _describe -t commands 'papertraderctl help orders commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__orders__subcmd__cancel_commands] )) ||
_papertraderctl__subcmd__help__subcmd__orders__subcmd__cancel_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help orders cancel commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__orders__subcmd__list_commands] )) ||
_papertraderctl__subcmd__help__subcmd__orders__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help orders list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__restore_commands] )) ||
_papertraderctl__subcmd__help__subcmd__restore_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help restore commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__sessions_commands] )) ||
_papertraderctl__subcmd__help__subcmd__sessions_commands() {
    local commands; commands=(
'list:List the active sessions and tokens' \
'end:End a session or token, all of a user, all that passed through a worker, or all' \
    )
    _describe -t commands 'papertraderctl help sessions commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__sessions__subcmd__end_commands] )) ||
_papertraderctl__subcmd__help__subcmd__sessions__subcmd__end_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help sessions end commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__sessions__subcmd__list_commands] )) ||
_papertraderctl__subcmd__help__subcmd__sessions__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help sessions list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__setup_commands] )) ||
_papertraderctl__subcmd__help__subcmd__setup_commands() {
    local commands; commands=(
'master:Set up this machine'\''s master\: folders, key, configuration, service' \
'worker:Set up a worker of this machine\: folders, key, certificate, registration, configuration, service' \
    )
    _describe -t commands 'papertraderctl help setup commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__setup__subcmd__master_commands] )) ||
_papertraderctl__subcmd__help__subcmd__setup__subcmd__master_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help setup master commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__setup__subcmd__worker_commands] )) ||
_papertraderctl__subcmd__help__subcmd__setup__subcmd__worker_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help setup worker commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__status_commands] )) ||
_papertraderctl__subcmd__help__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help status commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__step-down_commands] )) ||
_papertraderctl__subcmd__help__subcmd__step-down_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help step-down commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__verify_commands] )) ||
_papertraderctl__subcmd__help__subcmd__verify_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help verify commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__workers_commands] )) ||
_papertraderctl__subcmd__help__subcmd__workers_commands() {
    local commands; commands=(
'list:List the registered workers' \
'show:Show a worker, and what it reports of itself' \
'register:Register a worker, and print its new UUID' \
'set:Change a worker'\''s registration; it keeps its name and UUID' \
'accept:Register the worker of a request, and print the answer that ends its set-up' \
'boot:End a worker'\''s link at once, and keep it out until it is admitted' \
'admit:Let a booted worker in again' \
'unregister:End a registration for good; the name and key may be registered again, under a new UUID' \
    )
    _describe -t commands 'papertraderctl help workers commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__workers__subcmd__accept_commands] )) ||
_papertraderctl__subcmd__help__subcmd__workers__subcmd__accept_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help workers accept commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__workers__subcmd__admit_commands] )) ||
_papertraderctl__subcmd__help__subcmd__workers__subcmd__admit_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help workers admit commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__workers__subcmd__boot_commands] )) ||
_papertraderctl__subcmd__help__subcmd__workers__subcmd__boot_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help workers boot commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__workers__subcmd__list_commands] )) ||
_papertraderctl__subcmd__help__subcmd__workers__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help workers list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__workers__subcmd__register_commands] )) ||
_papertraderctl__subcmd__help__subcmd__workers__subcmd__register_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help workers register commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__workers__subcmd__set_commands] )) ||
_papertraderctl__subcmd__help__subcmd__workers__subcmd__set_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help workers set commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__workers__subcmd__show_commands] )) ||
_papertraderctl__subcmd__help__subcmd__workers__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help workers show commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__help__subcmd__workers__subcmd__unregister_commands] )) ||
_papertraderctl__subcmd__help__subcmd__workers__subcmd__unregister_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl help workers unregister commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__log_commands] )) ||
_papertraderctl__subcmd__log_commands() {
    local commands; commands=(
'tail:Show the newest entries that are in memory' \
'flush:Write the entries in memory out now' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl log commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__log__subcmd__flush_commands] )) ||
_papertraderctl__subcmd__log__subcmd__flush_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl log flush commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__log__subcmd__help_commands] )) ||
_papertraderctl__subcmd__log__subcmd__help_commands() {
    local commands; commands=(
'tail:Show the newest entries that are in memory' \
'flush:Write the entries in memory out now' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl log help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__log__subcmd__help__subcmd__flush_commands] )) ||
_papertraderctl__subcmd__log__subcmd__help__subcmd__flush_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl log help flush commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__log__subcmd__help__subcmd__help_commands] )) ||
_papertraderctl__subcmd__log__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl log help help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__log__subcmd__help__subcmd__tail_commands] )) ||
_papertraderctl__subcmd__log__subcmd__help__subcmd__tail_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl log help tail commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__log__subcmd__tail_commands] )) ||
_papertraderctl__subcmd__log__subcmd__tail_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl log tail commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__market_commands] )) ||
_papertraderctl__subcmd__market_commands() {
    local commands; commands=(
'review:List the assets whose price is held, or accept or refuse the price of one' \
'pause:Make no update until it is resumed\: prices and market time stand still' \
'resume:Let a paused market go on\: the next update begins at once' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl market commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__market__subcmd__help_commands] )) ||
_papertraderctl__subcmd__market__subcmd__help_commands() {
    local commands; commands=(
'review:List the assets whose price is held, or accept or refuse the price of one' \
'pause:Make no update until it is resumed\: prices and market time stand still' \
'resume:Let a paused market go on\: the next update begins at once' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl market help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__market__subcmd__help__subcmd__help_commands] )) ||
_papertraderctl__subcmd__market__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl market help help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__market__subcmd__help__subcmd__pause_commands] )) ||
_papertraderctl__subcmd__market__subcmd__help__subcmd__pause_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl market help pause commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__market__subcmd__help__subcmd__resume_commands] )) ||
_papertraderctl__subcmd__market__subcmd__help__subcmd__resume_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl market help resume commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__market__subcmd__help__subcmd__review_commands] )) ||
_papertraderctl__subcmd__market__subcmd__help__subcmd__review_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl market help review commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__market__subcmd__pause_commands] )) ||
_papertraderctl__subcmd__market__subcmd__pause_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl market pause commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__market__subcmd__resume_commands] )) ||
_papertraderctl__subcmd__market__subcmd__resume_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl market resume commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__market__subcmd__review_commands] )) ||
_papertraderctl__subcmd__market__subcmd__review_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl market review commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__metrics_commands] )) ||
_papertraderctl__subcmd__metrics_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl metrics commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__orders_commands] )) ||
_papertraderctl__subcmd__orders_commands() {
    local commands; commands=(
'list:List the newest orders that are queued or open, and count the others' \
'cancel:Cancel an order, or all of an account; an update that is under way comes first' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl orders commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__orders__subcmd__cancel_commands] )) ||
_papertraderctl__subcmd__orders__subcmd__cancel_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl orders cancel commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__orders__subcmd__help_commands] )) ||
_papertraderctl__subcmd__orders__subcmd__help_commands() {
    local commands; commands=(
'list:List the newest orders that are queued or open, and count the others' \
'cancel:Cancel an order, or all of an account; an update that is under way comes first' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl orders help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__orders__subcmd__help__subcmd__cancel_commands] )) ||
_papertraderctl__subcmd__orders__subcmd__help__subcmd__cancel_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl orders help cancel commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__orders__subcmd__help__subcmd__help_commands] )) ||
_papertraderctl__subcmd__orders__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl orders help help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__orders__subcmd__help__subcmd__list_commands] )) ||
_papertraderctl__subcmd__orders__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl orders help list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__orders__subcmd__list_commands] )) ||
_papertraderctl__subcmd__orders__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl orders list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__restore_commands] )) ||
_papertraderctl__subcmd__restore_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl restore commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__sessions_commands] )) ||
_papertraderctl__subcmd__sessions_commands() {
    local commands; commands=(
'list:List the active sessions and tokens' \
'end:End a session or token, all of a user, all that passed through a worker, or all' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl sessions commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__sessions__subcmd__end_commands] )) ||
_papertraderctl__subcmd__sessions__subcmd__end_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl sessions end commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__sessions__subcmd__help_commands] )) ||
_papertraderctl__subcmd__sessions__subcmd__help_commands() {
    local commands; commands=(
'list:List the active sessions and tokens' \
'end:End a session or token, all of a user, all that passed through a worker, or all' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl sessions help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__sessions__subcmd__help__subcmd__end_commands] )) ||
_papertraderctl__subcmd__sessions__subcmd__help__subcmd__end_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl sessions help end commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__sessions__subcmd__help__subcmd__help_commands] )) ||
_papertraderctl__subcmd__sessions__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl sessions help help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__sessions__subcmd__help__subcmd__list_commands] )) ||
_papertraderctl__subcmd__sessions__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl sessions help list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__sessions__subcmd__list_commands] )) ||
_papertraderctl__subcmd__sessions__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl sessions list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__setup_commands] )) ||
_papertraderctl__subcmd__setup_commands() {
    local commands; commands=(
'master:Set up this machine'\''s master\: folders, key, configuration, service' \
'worker:Set up a worker of this machine\: folders, key, certificate, registration, configuration, service' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl setup commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__setup__subcmd__help_commands] )) ||
_papertraderctl__subcmd__setup__subcmd__help_commands() {
    local commands; commands=(
'master:Set up this machine'\''s master\: folders, key, configuration, service' \
'worker:Set up a worker of this machine\: folders, key, certificate, registration, configuration, service' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl setup help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__setup__subcmd__help__subcmd__help_commands] )) ||
_papertraderctl__subcmd__setup__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl setup help help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__setup__subcmd__help__subcmd__master_commands] )) ||
_papertraderctl__subcmd__setup__subcmd__help__subcmd__master_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl setup help master commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__setup__subcmd__help__subcmd__worker_commands] )) ||
_papertraderctl__subcmd__setup__subcmd__help__subcmd__worker_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl setup help worker commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__setup__subcmd__master_commands] )) ||
_papertraderctl__subcmd__setup__subcmd__master_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl setup master commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__setup__subcmd__worker_commands] )) ||
_papertraderctl__subcmd__setup__subcmd__worker_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl setup worker commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__status_commands] )) ||
_papertraderctl__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl status commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__step-down_commands] )) ||
_papertraderctl__subcmd__step-down_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl step-down commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__verify_commands] )) ||
_papertraderctl__subcmd__verify_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl verify commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers_commands] )) ||
_papertraderctl__subcmd__workers_commands() {
    local commands; commands=(
'list:List the registered workers' \
'show:Show a worker, and what it reports of itself' \
'register:Register a worker, and print its new UUID' \
'set:Change a worker'\''s registration; it keeps its name and UUID' \
'accept:Register the worker of a request, and print the answer that ends its set-up' \
'boot:End a worker'\''s link at once, and keep it out until it is admitted' \
'admit:Let a booted worker in again' \
'unregister:End a registration for good; the name and key may be registered again, under a new UUID' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl workers commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__accept_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__accept_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers accept commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__admit_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__admit_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers admit commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__boot_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__boot_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers boot commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__help_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__help_commands() {
    local commands; commands=(
'list:List the registered workers' \
'show:Show a worker, and what it reports of itself' \
'register:Register a worker, and print its new UUID' \
'set:Change a worker'\''s registration; it keeps its name and UUID' \
'accept:Register the worker of a request, and print the answer that ends its set-up' \
'boot:End a worker'\''s link at once, and keep it out until it is admitted' \
'admit:Let a booted worker in again' \
'unregister:End a registration for good; the name and key may be registered again, under a new UUID' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'papertraderctl workers help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__help__subcmd__accept_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__help__subcmd__accept_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers help accept commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__help__subcmd__admit_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__help__subcmd__admit_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers help admit commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__help__subcmd__boot_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__help__subcmd__boot_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers help boot commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__help__subcmd__help_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers help help commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__help__subcmd__list_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers help list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__help__subcmd__register_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__help__subcmd__register_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers help register commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__help__subcmd__set_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__help__subcmd__set_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers help set commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__help__subcmd__show_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__help__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers help show commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__help__subcmd__unregister_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__help__subcmd__unregister_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers help unregister commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__list_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers list commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__register_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__register_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers register commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__set_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__set_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers set commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__show_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers show commands' commands "$@"
}
(( $+functions[_papertraderctl__subcmd__workers__subcmd__unregister_commands] )) ||
_papertraderctl__subcmd__workers__subcmd__unregister_commands() {
    local commands; commands=()
    _describe -t commands 'papertraderctl workers unregister commands' commands "$@"
}

if [ "$funcstack[1]" = "_papertraderctl" ]; then
    _papertraderctl "$@"
else
    compdef _papertraderctl papertraderctl
fi
