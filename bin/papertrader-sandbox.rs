//! Makes and runs a whole deployment in one folder.

fn main() -> std::process::ExitCode {
    papertrader::cli::sandbox::arguments::main()
}
