# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_papertraderctl_global_optspecs
    string join \n socket= json h/help V/version
end

function __fish_papertraderctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_papertraderctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_papertraderctl_using_subcommand
    set -l cmd (__fish_papertraderctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "status" -d 'Show how the master is doing: queue, updates, workers, accounts, sessions, prices, warnings; of one that stands by, who leads'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "step-down" -d 'Let the master that stands by lead in this one\'s place; this one stands by then'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "check" -d 'Say in one line whether all is well, for monitoring: exit 0 well, 1 warning, 2 critical, 3 unknown'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "metrics" -d 'Print the master\'s metrics, as Prometheus reads them'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "setup" -d 'Set up a master or a worker of this machine: folders, keys, certificates, configuration, services'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "workers" -d 'Show, register and steer workers'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "sessions" -d 'Show and end sessions and tokens'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "accounts" -d 'Help people with their accounts'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "orders" -d 'Show and cancel orders that have no outcome yet'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "market" -d 'Pause the market, and review prices that are held because they are far from those before'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "verify" -d 'Rebuild every balance and position from the transactions, and compare; exit 1 on a difference'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "backup" -d 'Write a consistent copy of the database while the master runs'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "restore" -d 'Put a backup in the database\'s place while no master runs; the replaced one is kept beside as .old'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "log" -d 'Show the log\'s memory, or write it out'
complete -c papertraderctl -n "__fish_papertraderctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand status" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand status" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand status" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand status" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand step-down" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand step-down" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand step-down" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand step-down" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand check" -s w -l warning -d 'Warn from this value of a figure on; below it for disk and workers' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand check" -s c -l critical -d 'The same, for critical' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand check" -l ignore -d 'Pass over a kind of warning, such as market-paused; `--json` of status has the kinds' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand check" -l timeout -d 'Give up after so many seconds: unknown' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand check" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand check" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand check" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand check" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand metrics" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand metrics" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand metrics" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand metrics" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and not __fish_seen_subcommand_from master worker help" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and not __fish_seen_subcommand_from master worker help" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and not __fish_seen_subcommand_from master worker help" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and not __fish_seen_subcommand_from master worker help" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and not __fish_seen_subcommand_from master worker help" -f -a "master" -d 'Set up this machine\'s master: folders, key, configuration, service'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and not __fish_seen_subcommand_from master worker help" -f -a "worker" -d 'Set up a worker of this machine: folders, key, certificate, registration, configuration, service'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and not __fish_seen_subcommand_from master worker help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l worker -d 'Also set up a worker of this name here, with its defaults' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l listen -d 'Where workers connect; 0.0.0.0:2048 lets workers of other machines in [default: 127.0.0.1:2048]' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l name -d 'The deployment\'s name, as mails and cards have it [default: PaperTrader]' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l provider -d 'Where prices come from [default: replay]' -r -f -a "replay\t'Files of past days, one step each update interval'
simulated\t'A random walk'
alpaca\t'Stocks, from alpaca.markets; needs --credentials and --symbols'
binance\t'Coins, from binance.com; needs --symbols'"
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l market -d 'The folder of market files of a replay [default: the sample market]' -r -f -a "(__fish_complete_directories)"
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l symbols -d 'The assets, such as AAPL,IBM [default: all that the provider has]' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l credentials -d 'The file with the provider\'s key ID and secret, two lines; it is copied' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l update-interval -d 'How often prices change and orders are settled, such as 1s, 60s [default: 60s]' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l starting-cash -d 'Cash of a new account [default: 100000]' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l root -d 'Make everything below this folder, for yourself: no service, no other users, no root' -r -f -a "(__fish_complete_directories)"
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l gpg-key -d 'Use this secret key of the GPG home; `new` makes one. A daemon that is configured gets it in the place of its key' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l yes -d 'Ask nothing: take the defaults of what is not given; so it is where there is no terminal'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l no-start -d 'Leave the service as it is: neither enabled nor started'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from master" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l address -d 'Where clients reach it [default: this machine\'s name, port 2049]' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l listen -d 'Where it listens for them [default: the port of its address, on all of this machine\'s addresses, or on loopback alone where its address is there]' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l master -d 'A master on another machine' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l ip -d 'The address that the master sees the worker come from [default: the one from which this machine reaches it]' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l answer -d 'What `papertraderctl workers accept` printed on the master\'s machine' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l certificate -d 'A certificate with its chain, PEM; it is copied [default: one of a CA for trials, which is made here]' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l tls-key -d 'The certificate\'s private key, PEM; it is copied' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l web -d 'Serve the page for browsers here, too' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l root -d 'Make everything below this folder, for yourself: no service, no other users, no root' -r -f -a "(__fish_complete_directories)"
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l gpg-key -d 'Use this secret key of the GPG home; `new` makes one. A daemon that is configured gets it in the place of its key' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l request -d 'Write the request to the master again, for a worker that is set up: its answer has the key that the master has now'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l plain -d 'No TLS: only on loopback'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l yes -d 'Ask nothing: take the defaults of what is not given; so it is where there is no terminal'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l no-start -d 'Leave the service as it is: neither enabled nor started'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from worker" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from help" -f -a "master" -d 'Set up this machine\'s master: folders, key, configuration, service'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from help" -f -a "worker" -d 'Set up a worker of this machine: folders, key, certificate, registration, configuration, service'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand setup; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -f -a "list" -d 'List the registered workers'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -f -a "show" -d 'Show a worker, and what it reports of itself'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -f -a "register" -d 'Register a worker, and print its new UUID'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -f -a "set" -d 'Change a worker\'s registration; it keeps its name and UUID'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -f -a "accept" -d 'Register the worker of a request, and print the answer that ends its set-up'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -f -a "boot" -d 'End a worker\'s link at once, and keep it out until it is admitted'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -f -a "admit" -d 'Let a booted worker in again'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -f -a "unregister" -d 'End a registration for good; the name and key may be registered again, under a new UUID'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and not __fish_seen_subcommand_from list show register set accept boot admit unregister help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from list" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from show" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from register" -l key -d 'Its public key, as `gpg --armor --export FINGERPRINT` writes it; - reads standard input' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from register" -l ip -d 'The one address that it may connect from' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from register" -l address -d 'Where clients reach it' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from register" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from register" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from register" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from register" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from set" -l ip -d 'The one address that it may connect from from now on' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from set" -l address -d 'Where clients reach it from now on' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from set" -l key -d 'Its new public key, as `gpg --armor --export FINGERPRINT` writes it; - reads standard input' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from set" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from set" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from accept" -l ip -d 'The address that the worker connects from, where it is another than the request says' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from accept" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from accept" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from accept" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from accept" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from boot" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from boot" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from boot" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from boot" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from admit" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from admit" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from admit" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from admit" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from unregister" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from unregister" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from unregister" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from unregister" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the registered workers'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a worker, and what it reports of itself'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from help" -f -a "register" -d 'Register a worker, and print its new UUID'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from help" -f -a "set" -d 'Change a worker\'s registration; it keeps its name and UUID'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from help" -f -a "accept" -d 'Register the worker of a request, and print the answer that ends its set-up'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from help" -f -a "boot" -d 'End a worker\'s link at once, and keep it out until it is admitted'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from help" -f -a "admit" -d 'Let a booted worker in again'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from help" -f -a "unregister" -d 'End a registration for good; the name and key may be registered again, under a new UUID'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand workers; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and not __fish_seen_subcommand_from list end help" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and not __fish_seen_subcommand_from list end help" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and not __fish_seen_subcommand_from list end help" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and not __fish_seen_subcommand_from list end help" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and not __fish_seen_subcommand_from list end help" -f -a "list" -d 'List the active sessions and tokens'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and not __fish_seen_subcommand_from list end help" -f -a "end" -d 'End a session or token, all of a user, all that passed through a worker, or all'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and not __fish_seen_subcommand_from list end help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -l user -d 'Of this account alone' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from end" -l user -d 'All of this account, its tokens too' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from end" -l worker -d 'All that were made through this worker or have passed through it, registered or not any more: after booting one that is not trusted' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from end" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from end" -l all -d 'All, tokens too: everybody logs in again, and programs need new tokens'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from end" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from end" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from end" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the active sessions and tokens'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from help" -f -a "end" -d 'End a session or token, all of a user, all that passed through a worker, or all'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand sessions; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -f -a "list" -d 'List the accounts, by name'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -f -a "show" -d 'Show an account, and what it has'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -f -a "lock" -d 'Lock an account: its sessions and tokens end, its orders are cancelled, and nobody logs in to it'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -f -a "unlock" -d 'Let people log in to a locked account again'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -f -a "delete" -d 'Delete an account for good: its sessions and tokens end, its orders are cancelled, and its name and e-mail address are free'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -f -a "import" -d 'Make accounts with one-time codes for people without e-mail, and cards to hand out'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -f -a "grant" -d 'Give an account cash, or take some: a transaction that its owner reads'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -f -a "restart" -d 'Let an account begin anew: its orders are cancelled, all units sold at their last price, and the cash is what the account began with; the history stays'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -f -a "reset" -d 'Print a one-time code with which the owner of an account sets a new password; the one that was printed before it is void'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and not __fish_seen_subcommand_from list show lock unlock delete import grant restart reset help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from list" -l search -d 'Those with this text in their name or e-mail address alone' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from list" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from show" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from lock" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from lock" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from lock" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from lock" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from unlock" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from unlock" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from unlock" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from unlock" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from delete" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from delete" -l yes -d 'That this is wanted: nobody can undo it'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from delete" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from import" -l cards -d 'The file of the cards, which must not be there yet; it holds the codes, so it is its owner\'s alone; - writes to standard output' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from import" -l format -d 'What the cards are' -r -f -a "html\t'A page for a browser, which prints it: ten cards to a sheet of A4, with marks to cut along'
csv\t'A table for other programs'"
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from import" -l valid -d 'For how long the codes are valid, such as 2h, 7d; 366 days at most' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from import" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from import" -l again -d 'Make new codes for those whose accounts are there from a roster and who have not entered them, and pass over those who have'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from import" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from grant" -l reason -d 'Why, for the account\'s owner: at most 200 bytes' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from grant" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from grant" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from grant" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from grant" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from restart" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from restart" -l yes -d 'Do not ask'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from restart" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from restart" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from restart" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from reset" -l valid -d 'For how long the code is valid, such as 2h, 7d; 366 days at most' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from reset" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from reset" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from reset" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from reset" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the accounts, by name'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show an account, and what it has'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from help" -f -a "lock" -d 'Lock an account: its sessions and tokens end, its orders are cancelled, and nobody logs in to it'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from help" -f -a "unlock" -d 'Let people log in to a locked account again'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Delete an account for good: its sessions and tokens end, its orders are cancelled, and its name and e-mail address are free'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from help" -f -a "import" -d 'Make accounts with one-time codes for people without e-mail, and cards to hand out'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from help" -f -a "grant" -d 'Give an account cash, or take some: a transaction that its owner reads'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from help" -f -a "restart" -d 'Let an account begin anew: its orders are cancelled, all units sold at their last price, and the cash is what the account began with; the history stays'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from help" -f -a "reset" -d 'Print a one-time code with which the owner of an account sets a new password; the one that was printed before it is void'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand accounts; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and not __fish_seen_subcommand_from list cancel help" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and not __fish_seen_subcommand_from list cancel help" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and not __fish_seen_subcommand_from list cancel help" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and not __fish_seen_subcommand_from list cancel help" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and not __fish_seen_subcommand_from list cancel help" -f -a "list" -d 'List the newest orders that are queued or open, and count the others'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and not __fish_seen_subcommand_from list cancel help" -f -a "cancel" -d 'Cancel an order, or all of an account; an update that is under way comes first'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and not __fish_seen_subcommand_from list cancel help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from list" -l account -d 'Of this account alone' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from list" -l symbol -d 'Of this asset alone' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from list" -l newest -d 'How many; 50,000 at most' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from list" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from cancel" -l account -d 'All of this account' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from cancel" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from cancel" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from cancel" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from cancel" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the newest orders that are queued or open, and count the others'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from help" -f -a "cancel" -d 'Cancel an order, or all of an account; an update that is under way comes first'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand orders; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and not __fish_seen_subcommand_from review pause resume help" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and not __fish_seen_subcommand_from review pause resume help" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and not __fish_seen_subcommand_from review pause resume help" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and not __fish_seen_subcommand_from review pause resume help" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and not __fish_seen_subcommand_from review pause resume help" -f -a "review" -d 'List the assets whose price is held, or accept or refuse the price of one'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and not __fish_seen_subcommand_from review pause resume help" -f -a "pause" -d 'Make no update until it is resumed: prices and market time stand still'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and not __fish_seen_subcommand_from review pause resume help" -f -a "resume" -d 'Let a paused market go on: the next update begins at once'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and not __fish_seen_subcommand_from review pause resume help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from review" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from review" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from review" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from review" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from pause" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from pause" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from pause" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from pause" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from resume" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from resume" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from resume" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from help" -f -a "review" -d 'List the assets whose price is held, or accept or refuse the price of one'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from help" -f -a "pause" -d 'Make no update until it is resumed: prices and market time stand still'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from help" -f -a "resume" -d 'Let a paused market go on: the next update begins at once'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand market; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand verify" -l database -d 'The same, as an option' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand verify" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand verify" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand verify" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand verify" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand backup" -l folder -d 'Write papertrader-TIME.db into this folder; TIME is in UTC' -r -f -a "(__fish_complete_directories)"
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand backup" -l keep -d 'Delete all but the newest N files of such a name in the folder, once the new one is whole' -r
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand backup" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand backup" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand backup" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand backup" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand restore" -l config -d 'The configuration of the master whose database is replaced' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand restore" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand restore" -l yes -d 'Restore a file that is written with a log and has none beside it, too: it may lack what was newest'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand restore" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand restore" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand restore" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and not __fish_seen_subcommand_from tail flush help" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and not __fish_seen_subcommand_from tail flush help" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and not __fish_seen_subcommand_from tail flush help" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and not __fish_seen_subcommand_from tail flush help" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and not __fish_seen_subcommand_from tail flush help" -f -a "tail" -d 'Show the newest entries that are in memory'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and not __fish_seen_subcommand_from tail flush help" -f -a "flush" -d 'Write the entries in memory out now'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and not __fish_seen_subcommand_from tail flush help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and __fish_seen_subcommand_from tail" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and __fish_seen_subcommand_from tail" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and __fish_seen_subcommand_from tail" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and __fish_seen_subcommand_from flush" -l socket -d 'The master\'s control socket' -r -F
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and __fish_seen_subcommand_from flush" -l json -d 'Print JSON'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and __fish_seen_subcommand_from flush" -s h -l help -d 'Print help'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and __fish_seen_subcommand_from flush" -s V -l version -d 'Print version'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and __fish_seen_subcommand_from help" -f -a "tail" -d 'Show the newest entries that are in memory'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and __fish_seen_subcommand_from help" -f -a "flush" -d 'Write the entries in memory out now'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand log; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "status" -d 'Show how the master is doing: queue, updates, workers, accounts, sessions, prices, warnings; of one that stands by, who leads'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "step-down" -d 'Let the master that stands by lead in this one\'s place; this one stands by then'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "check" -d 'Say in one line whether all is well, for monitoring: exit 0 well, 1 warning, 2 critical, 3 unknown'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "metrics" -d 'Print the master\'s metrics, as Prometheus reads them'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "setup" -d 'Set up a master or a worker of this machine: folders, keys, certificates, configuration, services'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "workers" -d 'Show, register and steer workers'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "sessions" -d 'Show and end sessions and tokens'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "accounts" -d 'Help people with their accounts'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "orders" -d 'Show and cancel orders that have no outcome yet'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "market" -d 'Pause the market, and review prices that are held because they are far from those before'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "verify" -d 'Rebuild every balance and position from the transactions, and compare; exit 1 on a difference'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "backup" -d 'Write a consistent copy of the database while the master runs'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "restore" -d 'Put a backup in the database\'s place while no master runs; the replaced one is kept beside as .old'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "log" -d 'Show the log\'s memory, or write it out'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and not __fish_seen_subcommand_from status step-down check metrics setup workers sessions accounts orders market verify backup restore log help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from setup" -f -a "master" -d 'Set up this machine\'s master: folders, key, configuration, service'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from setup" -f -a "worker" -d 'Set up a worker of this machine: folders, key, certificate, registration, configuration, service'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from workers" -f -a "list" -d 'List the registered workers'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from workers" -f -a "show" -d 'Show a worker, and what it reports of itself'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from workers" -f -a "register" -d 'Register a worker, and print its new UUID'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from workers" -f -a "set" -d 'Change a worker\'s registration; it keeps its name and UUID'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from workers" -f -a "accept" -d 'Register the worker of a request, and print the answer that ends its set-up'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from workers" -f -a "boot" -d 'End a worker\'s link at once, and keep it out until it is admitted'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from workers" -f -a "admit" -d 'Let a booted worker in again'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from workers" -f -a "unregister" -d 'End a registration for good; the name and key may be registered again, under a new UUID'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from sessions" -f -a "list" -d 'List the active sessions and tokens'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from sessions" -f -a "end" -d 'End a session or token, all of a user, all that passed through a worker, or all'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from accounts" -f -a "list" -d 'List the accounts, by name'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from accounts" -f -a "show" -d 'Show an account, and what it has'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from accounts" -f -a "lock" -d 'Lock an account: its sessions and tokens end, its orders are cancelled, and nobody logs in to it'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from accounts" -f -a "unlock" -d 'Let people log in to a locked account again'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from accounts" -f -a "delete" -d 'Delete an account for good: its sessions and tokens end, its orders are cancelled, and its name and e-mail address are free'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from accounts" -f -a "import" -d 'Make accounts with one-time codes for people without e-mail, and cards to hand out'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from accounts" -f -a "grant" -d 'Give an account cash, or take some: a transaction that its owner reads'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from accounts" -f -a "restart" -d 'Let an account begin anew: its orders are cancelled, all units sold at their last price, and the cash is what the account began with; the history stays'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from accounts" -f -a "reset" -d 'Print a one-time code with which the owner of an account sets a new password; the one that was printed before it is void'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from orders" -f -a "list" -d 'List the newest orders that are queued or open, and count the others'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from orders" -f -a "cancel" -d 'Cancel an order, or all of an account; an update that is under way comes first'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from market" -f -a "review" -d 'List the assets whose price is held, or accept or refuse the price of one'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from market" -f -a "pause" -d 'Make no update until it is resumed: prices and market time stand still'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from market" -f -a "resume" -d 'Let a paused market go on: the next update begins at once'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from log" -f -a "tail" -d 'Show the newest entries that are in memory'
complete -c papertraderctl -n "__fish_papertraderctl_using_subcommand help; and __fish_seen_subcommand_from log" -f -a "flush" -d 'Write the entries in memory out now'
