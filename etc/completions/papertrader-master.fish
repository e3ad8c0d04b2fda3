complete -c papertrader-master -l config -d 'The configuration, as etc/master.toml explains it' -r -F
complete -c papertrader-master -l check-config -d 'Say what is wrong with the configuration and the files it names, and exit with 0 or 78'
complete -c papertrader-master -l stop-with-input -d 'Stop when standard input ends, too: for a parent that may be killed'
complete -c papertrader-master -l allow-root -d 'Run as root, which is refused otherwise'
complete -c papertrader-master -l existing -d 'Refuse to start where there is no database yet, instead of making an empty one'
complete -c papertrader-master -s h -l help -d 'Print help'
complete -c papertrader-master -s V -l version -d 'Print version'
