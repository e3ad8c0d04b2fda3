# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_papertrader_sandbox_global_optspecs
    string join \n h/help V/version
end

function __fish_papertrader_sandbox_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_papertrader_sandbox_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_papertrader_sandbox_using_subcommand
    set -l cmd (__fish_papertrader_sandbox_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_needs_command" -s h -l help -d 'Print help'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_needs_command" -s V -l version -d 'Print version'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_needs_command" -f -a "init" -d 'Make a sandbox in an empty folder, and start nothing'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_needs_command" -f -a "run" -d 'Run a sandbox in the foreground; make it first where the folder is absent or empty'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_needs_command" -f -a "check-market" -d 'Show what is understood of each file of a market folder'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand init" -l dir -d 'The sandbox\'s folder' -r -F
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand init" -l workers -d 'How many workers, 1 to 64 [default: 1]' -r
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand init" -l seed-market -d 'A folder of market files to copy, one SYMBOL.csv each [default: the sample market]' -r -F
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand init" -l start -d 'Where the replay starts, such as 2012-01-03; earlier bars are history [default: 2012-01-03 for the sample market, the first bar for another]' -r
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand init" -l update-interval -d 'Time between two updates, 10ms to 1d [default: 1s]' -r
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand init" -l end-of-market -d 'What follows the market\'s last bar: `simulate`, a random walk goes on from the last prices; or `stop`, prices stay and orders are refused [default: simulate]' -r
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand init" -l bcrypt-cost -d 'Cost of a password\'s hash, 4 to 15; 4 for tests, 12 where it is exposed [default: 10]' -r
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand init" -l json -d 'Print JSON: what sandbox.json holds, in one line'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand init" -s h -l help -d 'Print help'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand init" -s V -l version -d 'Print version'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l dir -d 'The sandbox\'s folder' -r -F
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l workers -d 'How many workers, 1 to 64 [default: 1]' -r
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l seed-market -d 'A folder of market files to copy, one SYMBOL.csv each [default: the sample market]' -r -F
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l start -d 'Where the replay starts, such as 2012-01-03; earlier bars are history [default: 2012-01-03 for the sample market, the first bar for another]' -r
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l update-interval -d 'Time between two updates, 10ms to 1d [default: 1s]' -r
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l end-of-market -d 'What follows the market\'s last bar: `simulate`, a random walk goes on from the last prices; or `stop`, prices stay and orders are refused [default: simulate]' -r
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l bcrypt-cost -d 'Cost of a password\'s hash, 4 to 15; 4 for tests, 12 where it is exposed [default: 10]' -r
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l reset-market -d 'Let the market begin anew at this date: orders, portfolios and histories are deleted, and each account has its first cash' -r
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l json -d 'Print JSON: what sandbox.json holds, in one line'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l no-restart -d 'Leave a daemon that falls as it is, instead of starting it again'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l reset-accounts -d 'Delete the accounts, too'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -l yes -d 'Do not ask whether the market is to begin anew'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -s h -l help -d 'Print help'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand run" -s V -l version -d 'Print version'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand check-market" -l json -d 'Print JSON instead of a table'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand check-market" -s h -l help -d 'Print help'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand check-market" -s V -l version -d 'Print version'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand help; and not __fish_seen_subcommand_from init run check-market help" -f -a "init" -d 'Make a sandbox in an empty folder, and start nothing'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand help; and not __fish_seen_subcommand_from init run check-market help" -f -a "run" -d 'Run a sandbox in the foreground; make it first where the folder is absent or empty'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand help; and not __fish_seen_subcommand_from init run check-market help" -f -a "check-market" -d 'Show what is understood of each file of a market folder'
complete -c papertrader-sandbox -n "__fish_papertrader_sandbox_using_subcommand help; and not __fish_seen_subcommand_from init run check-market help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
