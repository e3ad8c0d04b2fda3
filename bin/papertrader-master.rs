//! The master server daemon.

fn main() -> std::process::ExitCode {
    papertrader::daemon::main::<papertrader::master::Master>()
}
