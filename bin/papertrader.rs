//! The client that a person uses.

fn main() -> std::process::ExitCode {
    papertrader::cli::papertrader::main()
}
