//! `agent service`, and Telegraf's older `--service`: what can be asked of the service manager of Windows.
//!
//! Reading what is asked for needs no Windows, so that it is tested everywhere; doing it is in `windows`.

#[cfg(windows)]
mod windows;

use super::args::{self, switch, value};
use super::watch::period;
use agent_api::{Result, anyhow, bail};
use clap::{Arg, ArgMatches, Command};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

#[cfg(windows)]
pub(super) use windows::{act, may_be, serve};

/// The name of the service where none is given.
const NAME: &str = "agent";
/// What people see of it where nothing else is given.
const DISPLAY_NAME: &str = "Telemetry agent";
/// Before it is started anew after a failure, as Telegraf.
const RESTART_DELAY: Duration = Duration::from_secs(5 * 60);

/// What can be done with a service.
const VERBS: [(&str, &str); 7] = [
    ("install", "Installs the service with the flags given before it, --config above all"),
    ("start", "Starts the service and waits until everything in it runs"),
    ("stop", "Stops the service and waits until it has written what it held"),
    ("reload", "Makes the service read its configuration anew"),
    ("status", "Says what the service does"),
    ("uninstall", "Stops the service and removes it"),
    ("run", "Runs as the service; the service manager starts it so"),
];

/// Flags that say where something is; a service starts in another folder.
const PLACES: [&str; 3] = ["config", "config-directory", "pidfile"];
/// Other flags that the service is to be started with.
const PASSED: [&str; 15] = [
    "strict-env-handling",
    "non-strict-env-handling",
    "old-env-behavior",
    "select",
    "input-filter",
    "output-filter",
    "secretstore-filter",
    "debug",
    "quiet",
    "config-url-retry-attempts",
    "watch-config",
    "watch-interval",
    "watch-debounce-interval",
    "config-url-watch-interval",
    "print-plugin-config-source",
];

/// What is asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    /// One of `VERBS`.
    verb: &'static str,
    name: String,
    display_name: String,
    /// How long after a failure it is started anew, if it is.
    restart: Option<Duration>,
    /// What the service is to be started with.
    arguments: Vec<OsString>,
}

/// The flags beside the command.
pub(super) fn flags() -> Vec<Arg> {
    vec![
        value("service", "ACTION", "As the command service: install, start, stop, reload, status, uninstall or run")
            .value_parser(VERBS.map(|(verb, _)| verb)),
        value("service-name", "NAME", "Name of the service [default: agent]").global(true),
        value("service-display-name", "NAME", "With install: the name that people see [default: Telemetry agent]")
            .global(true)
            .alias("display-name"),
        switch("service-auto-restart", "With install: start it anew after a failure")
            .global(true)
            .alias("auto-restart"),
        value("service-restart-delay", "TIME", "With install: so long after the failure [default: 5m]")
            .global(true)
            .alias("restart-delay")
            .value_parser(period),
        switch("console", "Run in the foreground, whoever started it"),
    ]
}

/// The command.
pub(super) fn command() -> Command {
    Command::new("service")
        .about("Installs, starts, stops and removes the agent as a service of Windows")
        .subcommand_required(true)
        .subcommands(VERBS.map(|(verb, about)| {
            let command = Command::new(verb).about(about);
            if verb == "install" { command.args(args::sources()) } else { command }
        }))
}

/// What the command or the flag asks for, if one of them is there.
pub(super) fn asked(root: &ArgMatches) -> Result<Option<Asked>> {
    let command = root.subcommand_matches("service").and_then(ArgMatches::subcommand);
    let (word, inner) = match (command, root.get_one::<String>("service")) {
        (Some((verb, inner)), _) => (verb, Some(inner)),
        (None, Some(verb)) => (verb.as_str(), None),
        (None, None) => return Ok(None),
    };
    let Some((verb, _)) = VERBS.iter().find(|(verb, _)| *verb == word) else { bail!("unknown command {word:?}") };
    let text = |id: &str, usual: &str| root.get_one::<String>(id).map_or(usual, String::as_str).to_owned();
    let delay = root.get_one::<Duration>("service-restart-delay").copied().unwrap_or(RESTART_DELAY);
    let mut arguments = Vec::new();
    for level in std::iter::once(root).chain(inner) {
        pass(level, &mut arguments)?;
    }
    if let Some(name) = root.get_one::<String>("service-name") {
        arguments.push(format!("--service-name={name}").into());
    }
    arguments.extend(["service", "run"].map(OsString::from));
    Ok(Some(Asked {
        verb,
        name: text("service-name", NAME),
        display_name: text("service-display-name", DISPLAY_NAME),
        restart: args::flag(root, "service-auto-restart").then_some(delay),
        arguments,
    }))
}

/// The name that a service runs under.
#[cfg(windows)]
fn name(root: &ArgMatches) -> &str {
    root.get_one::<String>("service-name").map_or(NAME, String::as_str)
}

/// Adds the flags of one level that the service needs, too.
fn pass(level: &ArgMatches, arguments: &mut Vec<OsString>) -> Result<()> {
    for id in PLACES.into_iter().chain(PASSED) {
        let given = level.try_get_raw(id).ok().flatten();
        for raw in given.into_iter().flatten() {
            let text = raw.to_string_lossy();
            if !PLACES.contains(&id) {
                arguments.push(format!("--{id}={text}").into());
                continue;
            }
            for place in text.split(',').filter(|place| !place.is_empty()) {
                arguments.push(format!("--{id}={}", anywhere(place)?).into());
            }
        }
    }
    Ok(())
}

/// The same place, whatever the folder is.
fn anywhere(place: &str) -> Result<String> {
    if place.contains("://") {
        return Ok(place.to_owned());
    }
    let path = std::path::absolute(Path::new(place)).map_err(|e| anyhow!("find {place:?}: {e}"))?;
    Ok(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<Asked>> {
        let arguments = args::normalise(line.split(' ').map(str::to_owned));
        let known = args::everywhere().args(flags()).subcommand(command());
        asked(&known.try_get_matches_from(arguments).map_err(|e| anyhow!("{e}"))?)
    }

    fn arguments(asked: &Asked) -> Vec<&str> {
        asked.arguments.iter().filter_map(|a| a.to_str()).collect()
    }

    #[test]
    fn the_command_and_telegrafs_flags_ask_for_the_same() {
        let ours = read(
            "agent --config /etc/a.conf --service-name mine service install --display-name Mine --auto-restart --restart-delay 10s",
        );
        let telegrafs = read(
            "agent --config /etc/a.conf --service install --service-name=mine --service-display-name Mine --service-auto-restart \
             --service-restart-delay 10s",
        );
        let ours = ours.expect("a good line").expect("it is about a service");
        assert_eq!(Some(&ours), telegrafs.expect("a good line").as_ref());
        assert_eq!((ours.verb, ours.name.as_str(), ours.display_name.as_str()), ("install", "mine", "Mine"));
        assert_eq!(ours.restart, Some(Duration::from_secs(10)));
        assert_eq!(arguments(&ours), ["--config=/etc/a.conf", "--service-name=mine", "service", "run"]);
    }

    #[test]
    fn without_flags_there_are_the_usual_name_and_no_restart() {
        let asked = read("agent service status").expect("a good line").expect("it is about a service");
        assert_eq!((asked.verb, asked.name.as_str(), asked.restart), ("status", NAME, None));
        assert_eq!(read("agent --config x").expect("a good line"), None);
        let asked = read("agent -service-auto-restart -service install").expect("a good line").expect("as Telegraf");
        assert_eq!((asked.display_name.as_str(), asked.restart), (DISPLAY_NAME, Some(RESTART_DELAY)));
    }

    #[test]
    fn the_service_is_started_with_places_that_hold_anywhere() {
        let asked = read(
            "agent --debug --watch-config poll --watch-interval 2s --test service install --config a.conf,https://x/y",
        )
        .expect("a good line")
        .expect("it is about a service");
        let here = std::env::current_dir().expect("there is a folder").join("a.conf");
        let file = format!("--config={}", here.display());
        let want = [
            "--debug=true",
            "--watch-config=poll",
            "--watch-interval=2s",
            &file,
            "--config=https://x/y",
            "service",
            "run",
        ];
        assert_eq!(arguments(&asked), want);
    }

    #[test]
    fn mistakes_are_refused() {
        for line in
            ["agent service", "agent service remove", "agent --service remove", "agent --service-restart-delay x"]
        {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
