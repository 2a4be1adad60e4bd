//! The binary: links the families of plugins and hands over to the library.
//!
//! A crate that nothing names is dropped by the linker and its plugins vanish without a word, hence the imports.

use agent_formats as _;
use agent_secretstores as _;
use aggregators as _;
use inputs as _;
use outputs as _;
use processors as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    agent::cli::main(std::env::args_os().map(|a| a.to_string_lossy().into_owned()))
}
