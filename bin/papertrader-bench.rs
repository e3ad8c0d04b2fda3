//! The load program: reads the command line and calls the library.

fn main() -> std::process::ExitCode {
    papertrader::cli::bench::main()
}
