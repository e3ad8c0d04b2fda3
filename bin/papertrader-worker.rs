//! The worker server daemon.

fn main() -> std::process::ExitCode {
    papertrader::daemon::main::<papertrader::worker::service::WorkerService>()
}
