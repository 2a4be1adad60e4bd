//! Runs the console blocks of `tests/cli/*.md`, which are the reference of the command line.
//!
//!     cargo test --test cli                      compares
//!     TRYCMD=overwrite cargo test --test cli     writes what came out; look at what git says has changed
//!
//! What differs from run to run (times, versions) is written `[..]`, lines that may come and go `...`; overwriting keeps both
//! where they still fit.

#[test]
fn the_pages_show_what_the_commands_print() {
    trycmd::TestCases::new().register_bin("agent", trycmd::cargo::cargo_bin!("agent")).case("tests/cli/*.md");
}
