# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ptcat_global_optspecs
    string join \n h/help V/version
end

function __fish_ptcat_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ptcat_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ptcat_using_subcommand
    set -l cmd (__fish_ptcat_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ptcat -n "__fish_ptcat_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ptcat -n "__fish_ptcat_needs_command" -s V -l version -d 'Print version'
complete -c ptcat -n "__fish_ptcat_needs_command" -f -a "encode" -d 'Turn the sends of a dialogue on standard input into frames on standard output'
complete -c ptcat -n "__fish_ptcat_needs_command" -f -a "decode" -d 'Turn frames on standard input into one line of text each on standard output'
complete -c ptcat -n "__fish_ptcat_needs_command" -f -a "run" -d 'Run a dialogue against a worker, and name the first line that differs'
complete -c ptcat -n "__fish_ptcat_needs_command" -f -a "conform" -d 'Run all dialogues against a deployment, and say of each section of the specification whether it passes'
complete -c ptcat -n "__fish_ptcat_needs_command" -f -a "instructions" -d 'Show the table of instructions, or all of one instruction'
complete -c ptcat -n "__fish_ptcat_needs_command" -f -a "course" -d 'Judge a server of your own, stage by stage, from the first connection to a whole deployment'
complete -c ptcat -n "__fish_ptcat_needs_command" -f -a "record" -d 'Pass on what clients and workers say, and write it as a dialogue'
complete -c ptcat -n "__fish_ptcat_needs_command" -f -a "describe" -d 'Print the description of the protocol as JSON'
complete -c ptcat -n "__fish_ptcat_needs_command" -f -a "requirements" -d 'List what a server must do, each with its ID, and the dialogues that show it'
complete -c ptcat -n "__fish_ptcat_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ptcat -n "__fish_ptcat_using_subcommand encode" -l connection -d 'The connection whose lines count, where a dialogue has several [default: the first]' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand encode" -l set -d 'Give {NAME} a value; may be given more than once' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand encode" -l replies -d 'The FIFO that brings what the server says: lines that expect are compared with it, and what they capture is known to the lines below' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand encode" -l on -d 'The shell command that does what a dialogue\'s `do NAME` asks for; may be given more than once' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand encode" -l within -d 'How long a line may take that does not say so itself' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand encode" -s v -l verbose -d 'Tell every message that is sent and that comes, on standard error'
complete -c ptcat -n "__fish_ptcat_using_subcommand encode" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ptcat -n "__fish_ptcat_using_subcommand decode" -l requests -d 'The dialogue that asked: says which payload each data transfer carries' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand decode" -l sent -d 'The bytes that the client sent, in place of a dialogue' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand decode" -l connection -d 'The connection whose lines count, where a dialogue has several [default: the first]' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand decode" -l set -d 'Give {NAME} a value; may be given more than once' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand decode" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ptcat -n "__fish_ptcat_using_subcommand run" -l worker -d 'A further worker (`worker2` and so on); may be given more than once' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand run" -l master -d 'The master, for dialogues that speak to port 2048' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand run" -l link-worker -d 'The configuration of a registered worker that does not run, for dialogues that speak to the master as a worker' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand run" -l set -d 'Give {NAME} a value; may be given more than once' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand run" -l on -d 'The shell command that does what a dialogue\'s `do NAME` asks for; may be given more than once' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand run" -l ca -d 'Speak TLS with workers, and trust the certificates of this PEM file too' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand run" -l within -d 'How long a line may take that does not say so itself; for an order, from the time on at which the server expects to settle it' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand run" -l through -d 'Reach each server through this shell command, in which `%h` and `%p` are its host and port: `nc -N %h %p`' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand run" -l tls -d 'Speak TLS with workers; their certificates must be valid for the HOST by the system\'s roots'
complete -c ptcat -n "__fish_ptcat_using_subcommand run" -s v -l verbose -d 'Tell every message that is sent and that comes, on standard error'
complete -c ptcat -n "__fish_ptcat_using_subcommand run" -s h -l help -d 'Print help'
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l worker -d 'A further worker (`worker2` and so on); may be given more than once' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l master -d 'The master, for dialogues that speak to port 2048' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l link-worker -d 'The configuration of a registered worker that does not run, for dialogues that speak to the master as a worker' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l set -d 'Give {NAME} a value; may be given more than once' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l on -d 'The shell command that does what a dialogue\'s `do NAME` asks for; may be given more than once' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l ca -d 'Speak TLS with workers, and trust the certificates of this PEM file too' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l within -d 'How long a line may take that does not say so itself; for an order, from the time on at which the server expects to settle it' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l fixtures -d 'Run the dialogues of this folder in place of those that this program carries' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l only -d 'Run only dialogues whose name contains this; may be given more than once' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l update-interval -d 'The time between two updates of prices, for a server that does not tell it' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l jobs -d 'How many dialogues run at the same time' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l junit -d 'Write the report into this file, as JUnit\'s XML' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l html -d 'Write the report into this file, as a page of HTML with each message and its bytes' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l tls -d 'Speak TLS with workers; their certificates must be valid for the HOST by the system\'s roots'
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l sandbox -d 'Start what the dialogues need from this installation, so that none is skipped'
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l other-market -d 'The deployment does not trade the sample market: skip what depends on its prices'
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l keep-going -d 'After a difference go on in the same dialogue with what can still be judged: other connections, and lines that need nothing of what did not come'
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l list -d 'List the dialogues with what they need and show, and run nothing'
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l json -d 'Print the report as JSON'
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -l tap -d 'Print the report in the Test Anything Protocol'
complete -c ptcat -n "__fish_ptcat_using_subcommand conform" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ptcat -n "__fish_ptcat_using_subcommand instructions" -l json -d 'Print JSON: the entries of `ptcat describe`, with the types of their arguments'
complete -c ptcat -n "__fish_ptcat_using_subcommand instructions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l target -d 'Your worker' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l worker -d 'Your second worker, for the stage about the order of time' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l run -d 'The shell command that starts your server: the course starts it, kills it, and starts it again' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l run-worker -d 'The shell command that starts your worker for PaperTrader\'s own master' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l stage -d 'This stage alone' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l from -d 'This stage and those after it' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l to -d 'This stage and those before it: the end of a lab' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l within -d 'How long a line may take that does not say so itself' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l page -d 'Print the page of a stage' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l market -d 'Write the course\'s market into a folder: three assets, a file each, and three hours of a new price a second from 1980-01-01 on' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l json -d 'Print the result as JSON'
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -l list -d 'List the stages'
complete -c ptcat -n "__fish_ptcat_using_subcommand course" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ptcat -n "__fish_ptcat_using_subcommand record" -l listen -d 'Where clients connect; a port alone is of 127.0.0.1. May be given more than once, each with its --to' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand record" -l to -d 'The worker to which what they say is passed on, and which the dialogue calls `worker`, `worker2` and so on' -r
complete -c ptcat -n "__fish_ptcat_using_subcommand record" -s o -l output -d 'The file of the dialogue [default: standard output]' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand record" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ptcat -n "__fish_ptcat_using_subcommand describe" -l pages -d 'Instead write it and the tables made from it into the pages of this folder' -r -F
complete -c ptcat -n "__fish_ptcat_using_subcommand describe" -l wireshark -d 'Print the dissector for Wireshark and tshark that is made from it'
complete -c ptcat -n "__fish_ptcat_using_subcommand describe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ptcat -n "__fish_ptcat_using_subcommand requirements" -l json -d 'Print JSON: `requirements`, each with `id`, `section`, `sentence`, `edition`, the `dialogues` that show it, and where none does the `test` that shows it or `why` none does'
complete -c ptcat -n "__fish_ptcat_using_subcommand requirements" -s h -l help -d 'Print help'
complete -c ptcat -n "__fish_ptcat_using_subcommand help; and not __fish_seen_subcommand_from encode decode run conform instructions course record describe requirements help" -f -a "encode" -d 'Turn the sends of a dialogue on standard input into frames on standard output'
complete -c ptcat -n "__fish_ptcat_using_subcommand help; and not __fish_seen_subcommand_from encode decode run conform instructions course record describe requirements help" -f -a "decode" -d 'Turn frames on standard input into one line of text each on standard output'
complete -c ptcat -n "__fish_ptcat_using_subcommand help; and not __fish_seen_subcommand_from encode decode run conform instructions course record describe requirements help" -f -a "run" -d 'Run a dialogue against a worker, and name the first line that differs'
complete -c ptcat -n "__fish_ptcat_using_subcommand help; and not __fish_seen_subcommand_from encode decode run conform instructions course record describe requirements help" -f -a "conform" -d 'Run all dialogues against a deployment, and say of each section of the specification whether it passes'
complete -c ptcat -n "__fish_ptcat_using_subcommand help; and not __fish_seen_subcommand_from encode decode run conform instructions course record describe requirements help" -f -a "instructions" -d 'Show the table of instructions, or all of one instruction'
complete -c ptcat -n "__fish_ptcat_using_subcommand help; and not __fish_seen_subcommand_from encode decode run conform instructions course record describe requirements help" -f -a "course" -d 'Judge a server of your own, stage by stage, from the first connection to a whole deployment'
complete -c ptcat -n "__fish_ptcat_using_subcommand help; and not __fish_seen_subcommand_from encode decode run conform instructions course record describe requirements help" -f -a "record" -d 'Pass on what clients and workers say, and write it as a dialogue'
complete -c ptcat -n "__fish_ptcat_using_subcommand help; and not __fish_seen_subcommand_from encode decode run conform instructions course record describe requirements help" -f -a "describe" -d 'Print the description of the protocol as JSON'
complete -c ptcat -n "__fish_ptcat_using_subcommand help; and not __fish_seen_subcommand_from encode decode run conform instructions course record describe requirements help" -f -a "requirements" -d 'List what a server must do, each with its ID, and the dialogues that show it'
complete -c ptcat -n "__fish_ptcat_using_subcommand help; and not __fish_seen_subcommand_from encode decode run conform instructions course record describe requirements help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
