//! How many processes there are, by state.
//!
//! Only `/proc/<pid>/stat` is read, and the files stay open from one gathering to the next: on a machine with thousands of
//! processes this is the input that costs most.

mod stat;

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<Processes>());

/// Reads `/proc/<pid>/stat` of all processes.
struct Processes {
    log: Log,
    proc: PathBuf,
    reader: Reader,
    files: stat::Files,
    unknown: Vec<u8>,
}

/// How processes are found.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Accepted for configurations of other systems, where `ps` is run through `sudo`; on Linux nothing is run.
    use_sudo: bool,
}

impl Plugin for Processes {
    const NAME: &'static str = "processes";
    const ABOUT: &'static str = "Counts processes by state, and threads.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        if settings.use_sudo {
            env.log.debug("use_sudo has no effect on this system");
        }
        Ok(Processes {
            log: env.log.clone(),
            proc: env.host.proc.clone(),
            reader: Reader::new(),
            files: stat::Files::default(),
            unknown: Vec::new(),
        })
    }
}

/// The states that always have a field, and `parked`, which has one when a process is in it.
const STATES: [&str; 11] =
    ["blocked", "zombies", "stopped", "running", "sleeping", "unknown", "dead", "paging", "idle", "total", "parked"];

/// The field of a state's letter, see proc_pid_stat(5); nothing for letters that no kernel has.
fn field_of(state: u8) -> Option<&'static str> {
    Some(match state {
        b'R' => "running",
        b'S' => "sleeping",
        b'D' => "blocked",
        b'Z' => "zombies",
        b'T' | b't' => "stopped",
        b'X' | b'x' => "dead",
        b'W' => "paging",
        b'I' => "idle",
        b'P' => "parked",
        b'?' => "unknown",
        _ => return None,
    })
}

impl Input for Processes {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let mut counts = [0i64; STATES.len()];
        let mut threads = 0i64;
        let mut count = |field: &str| {
            if let Some(at) = STATES.iter().position(|s| *s == field) {
                counts[at] += 1;
            }
        };
        let mut strange = Vec::new();
        self.files.each(&self.proc, &mut self.reader, |text| {
            let Some(process) = stat::parse(text) else { return };
            count("total");
            threads += process.threads;
            match field_of(process.state) {
                Some(field) => count(field),
                None => strange.push(process.state),
            }
        })?;
        for state in strange {
            if !self.unknown.contains(&state) {
                self.unknown.push(state);
                self.log.warn(format_args!("process in unknown state {}", scan::quoted(&[state])));
            }
        }
        let mut metric = out.metric("processes").kind(Kind::Gauge);
        for (field, count) in STATES.iter().zip(counts) {
            if *field != "parked" || count > 0 {
                metric.add_field(field, count);
            }
        }
        metric.add_field("total_threads", threads);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    fn processes(tree: &Tree) -> Vec<String> {
        gather(&mut Processes::new(Settings::default(), &tree.env()).unwrap())
    }

    fn stat(name: &str, state: char, threads: u32) -> String {
        format!("1 ({name}) {state} 1 1 1 0 -1 4194560 100 0 0 0 5 6 0 0 20 0 {threads} 0 7000 1 1 1\n")
    }

    #[test]
    fn counts_states_and_threads() {
        let tree = Tree::of(&[
            ("proc/1/stat", &stat("a) R (b", 'S', 3)),
            ("proc/2/stat", &stat("c", 'P', 1)),
            ("proc/3/stat", &stat("d", 'P', 1)),
            ("proc/4/stat", &stat("e", 'Q', 1)),
            ("proc/self/stat", &stat("e", 'R', 1)),
            ("proc/5/status", "no stat"),
            ("proc/6/stat", "6 (broken"),
        ]);
        assert_eq!(
            processes(&tree),
            ["processes blocked=0i,dead=0i,idle=0i,paging=0i,parked=2i,running=0i,sleeping=1i,stopped=0i,total=4i,\
              total_threads=6i,unknown=0i,zombies=0i"]
        );
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let got = processes(&Tree::empty());
        assert!(got[0].starts_with("error: read ") && got[0].contains("/proc: "), "{got:?}");
    }

    #[test]
    fn processes_that_come_and_go_between_gatherings() {
        let tree = Tree::of(&[("proc/1/stat", &stat("a", 'S', 1)), ("proc/30/stat", &stat("b", 'S', 1))]);
        let mut input = Processes::new(Settings::default(), &tree.env()).unwrap();
        let mut total = || {
            let got = gather(&mut input).concat();
            got.split(',').find_map(|f| f.strip_prefix("total=")).unwrap().to_owned()
        };
        assert_eq!(total(), "2i");
        tree.write("proc/2/stat", &stat("c", 'R', 1));
        assert_eq!(total(), "3i");
        std::fs::remove_dir_all(tree.path().join("proc/30")).unwrap();
        assert_eq!(total(), "2i");
        tree.write("proc/30/stat", &stat("d", 'R', 1));
        assert_eq!((total(), total()), ("3i".to_owned(), "3i".to_owned()));
    }

    /// The number of a process that has ended tells nothing of it, as its file is still open.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_of_this_machine_that_ends() {
        let mut input = Processes::new(Settings::default(), &Env::new("inputs.processes")).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(gather(&mut input)[0].starts_with("processes "));
        let id = child.id();
        let kept = |input: &Processes| input.files.processes().any(|p| p == id);
        assert!(kept(&input));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(gather(&mut input)[0].starts_with("processes "));
        assert!(!kept(&input));
    }
}
