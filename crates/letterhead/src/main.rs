//! The program `letterhead`: passes on what the operating system gives. Everything else is in the library.

use std::process::ExitCode;

use letterhead::{config::Environment, terminal::Terminal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let _armed = domain::crash::arm();
    let environment = Environment::of_the_process();
    letterhead::run(std::env::args_os(), &environment, &mut Terminal::of_the_process()).into()
}
