//! The run: loads, starts, listens to signals, reloads, stops.

use super::reload::{Parts, Reloader};
use super::signals::{self, Signals};
use super::watch::{self, Watch};
use super::{VERSION, args, load, log, runtime, sources, surroundings};
use crate::config::Config;
use crate::control::{Context, Server};
use crate::pipeline::{self, Control, Mode, Summary};
use crate::{logging, state};
use agent_api::plugin::here;
use agent_api::{Result, bail};
use clap::ArgMatches;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Release};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Runs until the end that the flags ask for.
pub(super) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    let wait = matches.get_one::<u64>("test-wait").copied().unwrap_or(0);
    let once = args::flag(matches, "once");
    let mode = match (once, args::flag(matches, "test") || wait > 0) {
        (true, _) => Mode::Once,
        (false, true) => Mode::Test,
        (false, false) => Mode::Run,
    };
    #[cfg(windows)]
    if mode == Mode::Run && super::service::may_be(matches) && super::service::serve(matches)? {
        return Ok(ExitCode::SUCCESS);
    }
    in_foreground(matches, mode, Duration::from_secs(wait))
}

/// Runs in this thread.
pub(super) fn in_foreground(matches: &ArgMatches, mode: Mode, wait: Duration) -> Result<ExitCode> {
    let runtime = runtime()?;
    let result = runtime.block_on(until_stopped(matches, mode, wait));
    // What is left are blocking reads of inputs that have been told to stop; they are of no use any more.
    runtime.shutdown_background();
    result
}

async fn until_stopped(matches: &ArgMatches, mode: Mode, wait: Duration) -> Result<ExitCode> {
    let pidfile = matches.get_one::<String>("pidfile").filter(|_| mode == Mode::Run);
    if let Some(file) = pidfile {
        write_pid(Path::new(file));
    }
    let result = one_life(matches, mode, wait).await.and_then(|summary| finish(mode, summary));
    if let Some(file) = pidfile {
        // It may be gone already.
        let _gone = std::fs::remove_file(file);
    }
    result
}

/// From loading to the end of the pipeline.
async fn one_life(matches: &ArgMatches, mode: Mode, wait: Duration) -> Result<Summary> {
    let (control, begun) = (Control::default(), Instant::now());
    signals::listen_for_end(control.stop.clone())?;
    let signals = Signals::new()?;
    let watch = Watch::new(matches);
    let config = Arc::new(load(&sources(&[matches]))?);
    logging::configure(&config.agent, args::flag(matches, "debug"), args::flag(matches, "quiet"))?;
    announce(&config, args::flag(matches, "print-plugin-config-source"));
    let surroundings = surroundings(&config, mode);
    crate::secrets::start(&config, &surroundings).await?;
    config.check(&surroundings).map_err(|e| agent_api::anyhow!("{e}"))?;
    let keeps_state = move |config: &Config| !config.agent.statefile.is_empty() && mode == Mode::Run;
    if keeps_state(&config) {
        state::load(Path::new(&config.agent.statefile), &surroundings)?;
    }
    let ready = Arc::new(AtomicBool::new(false));
    let telling = tokio::spawn(tell_when_ready(control.clone(), ready.clone()));
    let (pipeline, reloads) = mpsc::channel(1);
    let (reloader, requests) = Reloader::new(config.clone());
    let api = Arc::new(Server::default());
    let context = Context { board: control.board.clone(), reloads: Arc::new(reloader.clone()), begun, ready };
    if mode == Mode::Run {
        let opened = api.open(config.agent.api.as_deref()).await?;
        api.follow(config.agent.api.as_deref(), opened, &context);
    }
    let parts =
        Parts { matches: matches.clone(), surroundings: surroundings.clone(), pipeline, api: api.clone(), context };
    reloader.serve(requests, parts);
    signals.serve(reloader.clone(), control.clone());
    if mode == Mode::Run {
        watch::start(matches, watch, &config.sources, &reloader);
    }
    let no_more = CancellationToken::new();
    let keeping = {
        let no_more = no_more.clone();
        let (reloader, surroundings) = (reloader.clone(), surroundings.clone());
        let file =
            move || Some(reloader.current()).filter(|c| keeps_state(c)).map(|c| c.agent.statefile.clone().into());
        tokio::spawn(state::keep(file, surroundings, no_more))
    };
    let result = pipeline::run(config, mode, wait, &surroundings, &control, reloads).await;
    telling.abort();
    no_more.cancel();
    // What it is writing is not to be mixed up with what follows.
    drop(keeping.await);
    api.stop().await;
    let config = reloader.current();
    if keeps_state(&config) {
        state::save(Path::new(&config.agent.statefile), &surroundings)?;
    }
    result
}

/// Says to the service manager and the API when everything is started, and to the API when it is about to stop.
async fn tell_when_ready(control: Control, ready: Arc<AtomicBool>) {
    control.started.notified().await;
    ready.store(true, Release);
    crate::service::ready(&control.stop);
    control.stop.cancelled().await;
    ready.store(false, Release);
}

fn finish(mode: Mode, summary: Summary) -> Result<ExitCode> {
    if mode == Mode::Once && summary.unsent > 0 {
        bail!("output plugins unable to send {} metrics", summary.unsent);
    }
    if mode != Mode::Run && summary.gather_errors > 0 {
        bail!("input plugins recorded {} errors", summary.gather_errors);
    }
    Ok(ExitCode::SUCCESS)
}

/// The lines that people look for at the start.
fn announce(config: &Config, with_sources: bool) {
    let log = log();
    for source in &config.sources {
        log.info(format_args!("Loading config: {source}"));
    }
    let count = |family: &str| here().filter(|e| e.family.name() == family).count();
    log.info(format_args!("Starting agent {VERSION}"));
    log.info(format_args!(
        "Available plugins: {} inputs, {} aggregators, {} processors, {} parsers, {} outputs, {} secret-stores",
        count("inputs"),
        count("aggregators"),
        count("processors"),
        count("parsers"),
        count("outputs"),
        count("secretstores")
    ));
    let groups: [(&str, Vec<&crate::config::Instance>); 5] = [
        ("inputs", config.inputs.iter().map(|p| &p.plugin).collect()),
        ("aggregators", config.aggregators.iter().map(|p| &p.plugin).collect()),
        ("processors", config.processors.iter().map(|p| &p.plugin).collect()),
        ("secretstores", config.secretstores.iter().map(|p| &p.plugin).collect()),
        ("outputs", config.outputs.iter().map(|p| &p.plugin).collect()),
    ];
    for (family, plugins) in groups {
        let mut names: Vec<&str> = plugins.iter().map(|p| p.entry.name).collect();
        names.sort_unstable();
        let mut text = String::new();
        for same in names.chunk_by(|a, b| a == b) {
            let times = if same.len() > 1 { format!(" ({}x)", same.len()) } else { String::new() };
            text.push_str(&format!(" {}{times}", same[0]));
        }
        log.info(format_args!("Loaded {family}:{text}"));
        if with_sources {
            for plugin in plugins {
                let source = config.sources.get(plugin.source).map_or("", String::as_str);
                log.info(format_args!("  {} from {source}", plugin.log_name()));
            }
        }
    }
    let tags: Vec<String> = config.global_tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
    log.info(format_args!("Tags enabled: {}", tags.join(" ")));
    for note in &config.notes {
        log.warn(note);
    }
    Logged(&config.agent).log();
}

/// The line about the agent's own settings.
struct Logged<'a>(&'a crate::config::AgentSettings);

impl Logged<'_> {
    fn log(&self) {
        let agent = self.0;
        agent_api::Log::new("agent", None, agent_api::stats::Counter::default()).info(format_args!(
            "Config: Interval:{:?}, Quiet:{}, Hostname:{:?}, Flush Interval:{:?}",
            agent.interval, agent.quiet, agent.hostname, agent.flush_interval
        ));
    }
}

fn write_pid(file: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    let written = options
        .open(file)
        .and_then(|mut f| std::io::Write::write_all(&mut f, format!("{}\n", std::process::id()).as_bytes()));
    if let Err(e) = written {
        log().error(format_args!("write pidfile {}: {e}", file.display()));
    }
}
