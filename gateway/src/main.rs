//! The binary `truyvet`.

fn main() -> std::process::ExitCode {
    truyvet_gateway::cli::main()
}
