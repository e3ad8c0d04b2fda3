complete -c papertrader-worker -l config -d 'The configuration, as etc/worker.toml explains it' -r -F
complete -c papertrader-worker -l check-config -d 'Say what is wrong with the configuration and the files it names, and exit with 0 or 78'
complete -c papertrader-worker -l stop-with-input -d 'Stop when standard input ends, too: for a parent that may be killed'
complete -c papertrader-worker -l allow-root -d 'Run as root, which is refused otherwise'
complete -c papertrader-worker -s h -l help -d 'Print help'
complete -c papertrader-worker -s V -l version -d 'Print version'
