# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_papertrader_master_global_optspecs
    string join \n config= check-config stop-with-input allow-root existing h/help V/version
end

function __fish_papertrader_master_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_papertrader_master_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_papertrader_master_using_subcommand
    set -l cmd (__fish_papertrader_master_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c papertrader-master -n "__fish_papertrader_master_needs_command" -l config -d 'The configuration, as etc/master.toml explains it' -r -F
complete -c papertrader-master -n "__fish_papertrader_master_needs_command" -l check-config -d 'Say what is wrong with the configuration and the files it names, and exit with 0 or 78; with 1 where that cannot be found out, as where the database\'s server is away'
complete -c papertrader-master -n "__fish_papertrader_master_needs_command" -l stop-with-input -d 'Stop when standard input ends, too: for a parent that may be killed'
complete -c papertrader-master -n "__fish_papertrader_master_needs_command" -l allow-root -d 'Run as root, which is refused otherwise'
complete -c papertrader-master -n "__fish_papertrader_master_needs_command" -l existing -d 'Refuse to start where there is no database yet, instead of making an empty one'
complete -c papertrader-master -n "__fish_papertrader_master_needs_command" -s h -l help -d 'Print help'
complete -c papertrader-master -n "__fish_papertrader_master_needs_command" -s V -l version -d 'Print version'
complete -c papertrader-master -n "__fish_papertrader_master_needs_command" -f -a "migrate-store" -d 'Move a stopped master\'s database from a file to a PostgreSQL server, or back'
complete -c papertrader-master -n "__fish_papertrader_master_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader-master -n "__fish_papertrader_master_using_subcommand migrate-store" -l password-file -d 'The file with the password of the user on the server, as database.password_file' -r -F
complete -c papertrader-master -n "__fish_papertrader_master_using_subcommand migrate-store" -l json -d 'Print what was moved as JSON'
complete -c papertrader-master -n "__fish_papertrader_master_using_subcommand migrate-store" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c papertrader-master -n "__fish_papertrader_master_using_subcommand help; and not __fish_seen_subcommand_from migrate-store help" -f -a "migrate-store" -d 'Move a stopped master\'s database from a file to a PostgreSQL server, or back'
complete -c papertrader-master -n "__fish_papertrader_master_using_subcommand help; and not __fish_seen_subcommand_from migrate-store help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
