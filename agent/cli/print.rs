//! Commands that print and end.

use super::{VERSION, args};
use crate::sample;
use agent_api::plugin::{Entry, Family, entries};
use agent_api::{Result, bail};
use clap::ArgMatches;
use std::io::Write;
use std::process::ExitCode;

/// Prints a text; a reader that went away is no error.
pub(super) fn text(text: &str) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

pub(super) fn version() -> Result<ExitCode> {
    text(&format!("agent {VERSION}\n"))
}

/// `family.name`, a line each.
pub(super) fn plugins(matches: &ArgMatches) -> Result<ExitCode> {
    if args::flag(matches, "deprecated") {
        return text("");
    }
    match matches.get_one::<String>("FAMILY") {
        None => text(&names(|_| true)),
        Some(family) => list(family),
    }
}

/// The plugins of one family.
pub(super) fn list(family: &str) -> Result<ExitCode> {
    if !sample::FAMILIES.iter().any(|f| f.name() == family) {
        bail!("unknown family {family:?}; there are {}", sample::FAMILIES.map(Family::name).join(", "));
    }
    text(&names(|f| f.name() == family))
}

fn names(wanted: impl Fn(Family) -> bool) -> String {
    let line = |e: &Entry| {
        let missing = e.missing_here().map_or_else(String::new, |system| format!(" (not on {system})"));
        format!("{}.{}{missing}\n", e.family.name(), e.name)
    };
    let mut names: Vec<String> = entries().into_iter().filter(|e| wanted(e.family)).map(line).collect();
    names.sort();
    names.concat()
}

pub(super) fn schema() -> Result<ExitCode> {
    text(&format!("{:#}\n", sample::schema()))
}

/// The sample of one input or output.
pub(super) fn usage(name: &str) -> Result<ExitCode> {
    let found = entries().into_iter().find(|e| matches!(e.family, Family::Inputs | Family::Outputs) && e.name == name);
    match found {
        Some(entry) => text(&sample::plugin(entry)),
        None => bail!("unknown input or output {name:?}"),
    }
}

/// A sample configuration of the plugins that the filters leave.
pub(super) fn sample(root: &ArgMatches, matches: &ArgMatches) -> Result<ExitCode> {
    let filter = |id: &str| -> Vec<String> {
        let mut given = args::all(root, id);
        given.extend(args::all(matches, id));
        given.iter().flat_map(|v| v.split(':')).filter(|v| !v.is_empty()).map(str::to_owned).collect()
    };
    text(&sample::config(&sample::Wanted {
        sections: filter("section-filter"),
        inputs: filter("input-filter"),
        outputs: filter("output-filter"),
        processors: filter("processor-filter"),
        aggregators: filter("aggregator-filter"),
        secretstores: filter("secretstore-filter"),
    }))
}

pub(super) fn completions(matches: &ArgMatches) -> Result<ExitCode> {
    let mut out = Vec::new();
    if let Some(shell) = matches.get_one::<clap_complete::Shell>("SHELL") {
        clap_complete::generate(*shell, &mut args::command(), "agent", &mut out);
    }
    text(&String::from_utf8_lossy(&out))
}

pub(super) fn man() -> Result<ExitCode> {
    let mut out = Vec::new();
    clap_mangen::Man::new(args::command()).render(&mut out)?;
    text(&String::from_utf8_lossy(&out))
}
