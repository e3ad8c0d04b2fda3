# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_papertrader_bench_global_optspecs
    string join \n json short alternations= time= h/help V/version
end

function __fish_papertrader_bench_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_papertrader_bench_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_papertrader_bench_using_subcommand
    set -l cmd (__fish_papertrader_bench_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -s V -l version -d 'Print version'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "all" -d 'Everything with a goal, and the table'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "reads" -d 'Quotes beside redis GET'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "orders" -d 'Orders beside PostgreSQL'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "postgres" -d 'Orders on PostgreSQL and on SQLite, beside pgbench on the same server'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "settle" -d 'One update that settles 10,000 orders'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "growth" -d 'What a request costs from 1,000 to 1,000,000 accounts, 1,000 to 10,000,000 transactions, 10 to 10,000 assets, 1 to 8 workers'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "idle" -d '10,000 clients that do nothing'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "start" -d 'A master\'s start with a million accounts'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "market" -d 'A master\'s starts on five million rows of 2,000 market files'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "logins" -d 'Logins beside the pace of one hash, and who else notices'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "account-times" -d 'Whether the times of logins and of requests for a code tell what account there is'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "histories" -d 'One history of three million transactions, asked for without pause, and who else notices'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "notices" -d '5,000 subscribers to one asset\'s prices, beside a bare loop, and who else notices'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "open-orders" -d 'A master with a million open orders'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "moving" -d 'A million accounts and ten million transactions, moved from a file to PostgreSQL and back'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "sizes" -d 'What a client, an account, a transaction and a price take'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "websocket" -d 'What a quote by WebSocket costs the worker, beside one by TCP'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "load" -d 'One load as you wish it'
complete -c papertrader-bench -n "__fish_papertrader_bench_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand all" -l plot -d 'Write the plot of growth into this file, as SVG' -r -F
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand all" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand all" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand all" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand all" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand all" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand reads" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand reads" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand reads" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand reads" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand reads" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand orders" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand orders" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand orders" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand orders" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand orders" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand postgres" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand postgres" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand postgres" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand postgres" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand postgres" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand settle" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand settle" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand settle" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand settle" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand settle" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand growth" -l only -d 'Only in this direction: accounts, transactions, assets or workers; may be repeated' -r -f -a "accounts\t''
transactions\t''
assets\t''
workers\t''"
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand growth" -l plot -d 'Write the plot of growth into this file, as SVG' -r -F
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand growth" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand growth" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand growth" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand growth" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand growth" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand idle" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand idle" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand idle" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand idle" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand idle" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand start" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand start" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand start" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand start" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand start" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand market" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand market" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand market" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand market" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand market" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand logins" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand logins" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand logins" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand logins" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand logins" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand account-times" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand account-times" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand account-times" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand account-times" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand account-times" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand histories" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand histories" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand histories" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand histories" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand histories" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand notices" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand notices" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand notices" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand notices" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand notices" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand open-orders" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand open-orders" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand open-orders" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand open-orders" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand open-orders" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand moving" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand moving" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand moving" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand moving" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand moving" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand sizes" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand sizes" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand sizes" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand sizes" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand sizes" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand websocket" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand websocket" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand websocket" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand websocket" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand websocket" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -l worker -d 'A running worker; without one a deployment is made' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -s c -l connections -d 'Connections' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -s i -l in-flight -d 'Closed loop: requests in flight on each connection' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -s r -l rate -d 'Open loop: requests a second over all connections, answered or not' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -s m -l mix -d 'What is asked, with weights: of current, info, day, week, month, year, alltime, predicted, list, user, portfolio, history; or of buy, trade (buys and sells), resume, login' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -s n -l requests -d 'End after so many requests, not after a time' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -l alternations -d 'Turns of each comparison' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -l time -d 'How long each measurement takes' -r
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -l allow-fails -d 'Count Fails instead of stopping at the first'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -l json -d 'Print JSON'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -l short -d 'A few hundred requests each: shows that everything runs and that answers are right'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand load" -s h -l help -d 'Print help'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "all" -d 'Everything with a goal, and the table'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "reads" -d 'Quotes beside redis GET'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "orders" -d 'Orders beside PostgreSQL'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "postgres" -d 'Orders on PostgreSQL and on SQLite, beside pgbench on the same server'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "settle" -d 'One update that settles 10,000 orders'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "growth" -d 'What a request costs from 1,000 to 1,000,000 accounts, 1,000 to 10,000,000 transactions, 10 to 10,000 assets, 1 to 8 workers'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "idle" -d '10,000 clients that do nothing'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "start" -d 'A master\'s start with a million accounts'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "market" -d 'A master\'s starts on five million rows of 2,000 market files'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "logins" -d 'Logins beside the pace of one hash, and who else notices'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "account-times" -d 'Whether the times of logins and of requests for a code tell what account there is'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "histories" -d 'One history of three million transactions, asked for without pause, and who else notices'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "notices" -d '5,000 subscribers to one asset\'s prices, beside a bare loop, and who else notices'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "open-orders" -d 'A master with a million open orders'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "moving" -d 'A million accounts and ten million transactions, moved from a file to PostgreSQL and back'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "sizes" -d 'What a client, an account, a transaction and a price take'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "websocket" -d 'What a quote by WebSocket costs the worker, beside one by TCP'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "load" -d 'One load as you wish it'
complete -c papertrader-bench -n "__fish_papertrader_bench_using_subcommand help; and not __fish_seen_subcommand_from all reads orders postgres settle growth idle start market logins account-times histories notices open-orders moving sizes websocket load help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
