//! The `comptoir` program.

/// Many small objects are made and dropped on every way: rows of feeds and levels, answers, words of a search.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    comptoir::cli::run()
}
