//! The `comptoir` program.

fn main() -> std::process::ExitCode {
    comptoir::cli::run()
}
