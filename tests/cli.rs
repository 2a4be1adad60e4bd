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

/// `config migrate` writes beside what it reads, so it has a folder of its own.
#[test]
fn an_old_file_is_rewritten_once_and_passes_the_check_then() {
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = temporary.path();
    std::fs::copy("tests/cli/old/old.conf", folder.join("old.conf")).expect("the folder can be written");
    let agent = |args: &[&str]| {
        let done = std::process::Command::new(trycmd::cargo::cargo_bin!("agent"))
            .args(args)
            .current_dir(folder)
            .output()
            .expect("the agent starts");
        let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        (done.status.code(), text)
    };
    let migrate = ["config", "migrate", "--config", "old.conf"];
    let (code, said) = agent(&migrate);
    assert!(
        code == Some(0)
            && said.starts_with("old.conf: written to old.conf.migrated\n  line 7: inputs.io is inputs.diskio now\n"),
        "{said}"
    );
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("it was written");
    let written = folder.join("old.conf.migrated");
    assert_eq!(read(&written), read("tests/cli/old/migrated.conf".as_ref()));
    assert_eq!(agent(&["config", "check", "--config", "old.conf.migrated"]), (Some(0), String::new()));

    // It is not overwritten unless that is asked for, and has nothing old in it.
    std::fs::write(&written, "mine").expect("the folder can be written");
    let (code, said) = agent(&migrate);
    assert!(code == Some(1) && said.contains("--force overwrites it") && read(&written) == "mine", "{said}");
    assert_eq!(agent(&[&migrate[..], &["--force"]].concat()).0, Some(0));
    let (code, said) = agent(&["config", "migrate", "--config", "old.conf.migrated"]);
    assert_eq!((code, said.as_str()), (Some(0), "old.conf.migrated: nothing to migrate\n"));
}
