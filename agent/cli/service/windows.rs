//! Doing what was asked for, through the service manager.

use super::{Asked, name};
use crate::cli::{args, log, print, run};
use crate::logging;
use crate::pipeline::Mode;
use crate::service::windows as manager;
use agent_api::{Result, bail};
use clap::ArgMatches;
use std::process::ExitCode;
use std::time::Duration;

/// Does what is asked for and says what came of it, in Telegraf's words.
pub(crate) fn act(matches: &ArgMatches, asked: Asked) -> Result<ExitCode> {
    let name = asked.name;
    match asked.verb {
        "install" => {
            let Asked { display_name, restart, arguments, .. } = asked;
            let service = manager::Install { name, display_name, arguments, restart };
            for note in manager::install(&service)? {
                log().warn(note);
            }
            print::text(&format!("Successfully installed service {:?}\n", service.name))
        }
        "start" => {
            manager::start(&name)?;
            print::text(&format!("Successfully started service {name:?}\n"))
        }
        "stop" => {
            manager::stop(&name)?;
            print::text(&format!("Successfully stopped service {name:?}\n"))
        }
        "reload" => {
            manager::reload(&name)?;
            print::text(&format!("Service {name:?} reads its configuration anew; its log says what came of it\n"))
        }
        "status" => print::text(&format!("Service {name:?} is in {:?} state\n", manager::status(&name)?)),
        "uninstall" => {
            manager::uninstall(&name)?;
            print::text(&format!("Successfully uninstalled service {name:?}\n"))
        }
        "run" => {
            if !serve(matches)? {
                bail!(
                    "the service manager has not started this process; without \"service run\" it runs in the foreground"
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("unknown command {other:?}"),
    }
}

/// True if the service manager may have started this process although nobody said so, as that of a Telegraf is started whose
/// program was replaced.
pub(crate) fn may_be(matches: &ArgMatches) -> bool {
    !args::flag(matches, "console") && (matches.contains_id("service-name") || agent_windows::among_services())
}

/// Runs as the service that the service manager has started; false if it has not started this process.
pub(crate) fn serve(matches: &ArgMatches) -> Result<bool> {
    let root = matches.clone();
    manager::serve(name(matches), move || {
        // Nobody sees what is said on standard error.
        if let Err(e) = logging::to_event_log() {
            log().warn(format_args!("{e:#}"));
        }
        match run::in_foreground(&root, Mode::Run, Duration::ZERO) {
            Ok(_) => true,
            Err(e) => {
                log().error(format_args!("{e:#}"));
                false
            }
        }
    })
}
