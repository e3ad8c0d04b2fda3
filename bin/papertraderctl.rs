//! The administrator's client.

fn main() -> std::process::ExitCode {
    papertrader::cli::ctl::main()
}
