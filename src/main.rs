//! The program `rackstorm`: all of it is [`rackstorm::cli`].

fn main() -> std::process::ExitCode {
    rackstorm::cli::main()
}
