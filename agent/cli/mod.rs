//! The command line: what can be said, and what is done for it.
//!
//! One definition (`args`) gives the help, the man page and the shell completions. Flags and their quirks are Telegraf's
//! (single-dash long flags, lists split at commas, `--once=true`), so that service files and scripts go on working.

mod args;
mod dlq;
mod flows;
mod print;
mod queue;
mod reload;
mod run;
mod secrets;
#[cfg(any(windows, test))]
mod service;
mod signals;
mod status;
mod watch;

use crate::config::{Config, Migrated, Sources, Surroundings};
use crate::pipeline::Mode;
use agent_api::plugin::AgentInfo;
use agent_api::{HostPaths, Log, Result, Secret, anyhow, bail, stats};
use clap::ArgMatches;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The version that is shown.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Does what the arguments say.
pub fn main(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let arguments = args::normalise(arguments);
    let matches = match args::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(e) => {
            // Help and versions are no errors; clap knows where each goes.
            let code = u8::try_from(e.exit_code()).unwrap_or(1);
            let _unprinted = e.print();
            return if code == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    };
    let (debug, quiet) = (args::flag(&matches, "debug"), args::flag(&matches, "quiet"));
    crate::logging::start(debug, quiet);
    match dispatch(&matches) {
        Ok(code) => code,
        Err(e) => {
            log().error(format_args!("{e:#}"));
            ExitCode::FAILURE
        }
    }
}

fn log() -> Log {
    Log::new("", None, stats::Counter::default())
}

fn dispatch(matches: &ArgMatches) -> Result<ExitCode> {
    #[cfg(windows)]
    if let Some(asked) = service::asked(matches)? {
        return service::act(matches, asked);
    }
    match matches.subcommand() {
        Some(("version", _)) => print::version(),
        Some(("plugins", m)) => print::plugins(m),
        Some(("flows", m)) => flows::flows(m),
        Some(("status", m)) => status::status(matches, m),
        Some(("schema", _)) => print::schema(),
        Some(("completions", m)) => print::completions(m),
        Some(("man", _)) => print::man(),
        Some(("config", m)) => config(matches, m),
        Some(("dlq", m)) => runtime()?.block_on(dlq::dlq(matches, m)),
        Some(("queue", m)) => runtime()?.block_on(queue::queue(matches, m)),
        Some(("secrets", m)) => runtime()?.block_on(secrets::secrets(matches, m)),
        Some((other, _)) => bail!("unknown command {other:?}"),
        None => without_command(matches),
    }
}

fn without_command(matches: &ArgMatches) -> Result<ExitCode> {
    if args::flag(matches, "version") {
        return print::version();
    }
    if args::flag(matches, "sample-config") {
        return print::sample(matches, matches);
    }
    for (flag, family) in [("input-list", "inputs"), ("output-list", "outputs")] {
        if args::flag(matches, flag) {
            return print::list(family);
        }
    }
    if args::flag(matches, "deprecation-list") {
        return print::text("");
    }
    if let Some(name) = matches.get_one::<String>("usage") {
        return print::usage(name);
    }
    run::run(matches)
}

fn config(root: &ArgMatches, matches: &ArgMatches) -> Result<ExitCode> {
    match matches.subcommand() {
        None => print::sample(root, matches),
        Some(("create", m)) => print::sample(root, m),
        Some(("check", m)) => check(root, m),
        Some(("explain", m)) => print::text(&Config::explain(&sources(&[root, m])).map_err(|e| anyhow!("{e}"))?),
        Some(("migrate", m)) => migrate(&sources(&[root, matches, m]), args::flag(m, "force")),
        Some(("compat", m)) => {
            let file = m.get_one::<String>("FILE").map(String::as_str).unwrap_or_default();
            let text = std::fs::read_to_string(file).map_err(|e| anyhow!("read {file:?}: {e}"))?;
            print::text(&Config::compat(file, &text))
        }
        Some((other, _)) => bail!("unknown command {other:?}"),
    }
}

/// Writes the files in which something was exchanged beside those that were read; what comes from an address into this folder.
fn migrate(sources: &Sources, force: bool) -> Result<ExitCode> {
    use std::io::Write;
    for Migrated { file, notes } in Config::migrate(sources).map_err(|e| anyhow!("{e}"))? {
        if notes.is_empty() {
            print::text(&format!("{}: nothing to migrate\n", file.name))?;
            continue;
        }
        let is_address = file.name.contains("://");
        let path = file.name.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()).filter(|_| is_address);
        let target = format!("{}.migrated", path.unwrap_or(&file.name));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(force).truncate(force).create_new(!force);
        // It may hold passwords.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
        let written = options.open(&target).and_then(|mut out| out.write_all(file.text.as_bytes()));
        written.map_err(|e| anyhow!("write {target:?}: {e}{}", if force { "" } else { "; --force overwrites it" }))?;
        print::text(&format!("{}: written to {target}\n", file.name))?;
        for note in notes {
            print::text(&format!("  {note}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Loads and builds everything, starts nothing.
fn check(root: &ArgMatches, matches: &ArgMatches) -> Result<ExitCode> {
    // Some plugins look for the runtime when they are built.
    let runtime = runtime()?;
    let _entered = runtime.enter();
    let config = load(&sources(&[root, matches]))?;
    let surroundings = surroundings(&config, Mode::Run);
    config.check(&surroundings).map_err(|e| anyhow!("{e}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Loads a configuration; every mistake in it is part of the error.
fn load(sources: &Sources) -> Result<Config> {
    Config::load(sources).map_err(|e| anyhow!("{e}"))
}

/// What the flags of a command and of those above it say about the configuration.
fn sources(levels: &[&ArgMatches]) -> Sources {
    let list = |id: &str, separator: char| -> Vec<String> {
        let given = levels.iter().flat_map(|m| args::all(m, id));
        given
            .flat_map(|v| v.split(separator).map(str::to_owned).collect::<Vec<_>>())
            .filter(|v| !v.is_empty())
            .collect()
    };
    let flag = |id: &str| levels.iter().any(|m| args::flag(m, id));
    let password = levels.iter().find_map(|m| m.try_get_one::<String>("password").ok().flatten()).cloned();
    let attempts = levels
        .iter()
        .find_map(|m| m.try_get_one::<i64>("config-url-retry-attempts").ok().flatten())
        .copied()
        .unwrap_or(3);
    Sources {
        files: list("config", ','),
        directories: list("config-directory", ','),
        inputs: list("input-filter", ':'),
        outputs: list("output-filter", ':'),
        secretstores: list("secretstore-filter", ':'),
        select: list("select", ','),
        password: Secret::new(password.unwrap_or_default()),
        non_strict: flag("non-strict-env-handling"),
        old_variables: flag("old-env-behavior"),
        fetch: Some(Box::new(move |address| crate::remote::fetch(address, attempts))),
        ..Sources::default()
    }
}

fn surroundings(config: &Config, mode: Mode) -> Surroundings {
    let agent = AgentInfo {
        version: VERSION.to_owned(),
        hostname: config.agent.hostname.clone(),
        interval: config.agent.interval,
        flush_interval: config.agent.flush_interval,
        metric_batch_size: config.agent.metric_batch_size,
        password: config.password.clone(),
        once: mode != Mode::Run,
    };
    Surroundings { agent: Arc::new(agent), host: HostPaths::from_env(), ..Surroundings::default() }
}

/// As many threads as cores. Those that compute look for what has come from outside after every fourth task, not every 61st, as a task may
/// compute for milliseconds.
fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.enable_all().event_interval(4).thread_keep_alive(Duration::from_secs(2)).build()?)
}
