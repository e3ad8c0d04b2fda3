//! spec/cli.md · 2.1.4 (what people type)
//!
//! The usage that errors of a command line show.

use clap::Command;

/// A command line whose errors show the same usage as its help. By itself clap shows each option
/// there that has a value, also by a variable, as if it were required.
pub fn with_own_usage(mut command: Command) -> Command {
    command.build();
    overridden(command)
}

fn overridden(mut command: Command) -> Command {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    command.override_usage(usage).mut_subcommands(overridden)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    #[test]
    fn an_error_shows_the_usage_of_the_help() {
        let options = || Arg::new("place").long("place").global(true);
        let show = Command::new("show").arg(Arg::new("NAME").required(true));
        let command = Command::new("program").arg(options()).subcommand(show);
        let usage = |command: Command| {
            let line = ["program", "--place", "x", "show"];
            command.try_get_matches_from(line).unwrap_err().to_string()
        };
        let own = "Usage: program show [OPTIONS] <NAME>\n";
        assert!(!usage(command.clone()).contains(own));
        assert!(usage(with_own_usage(command)).contains(own));
    }
}
