//! The testers' tool: dialogues, frames and text.

fn main() -> std::process::ExitCode {
    papertrader::cli::ptcat::main()
}
