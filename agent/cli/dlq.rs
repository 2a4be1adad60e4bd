//! `dlq list|show|replay|drop`: metrics that outputs have refused for good.

use super::{args, load, log, print, sources, surroundings};
use crate::pipeline::{DeadLetters, Letter, Mode, folders, replay};
use agent_api::{Context, Result, bail};
use clap::ArgMatches;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::ExitCode;

pub(super) async fn dlq(root: &ArgMatches, matches: &ArgMatches) -> Result<ExitCode> {
    let config = load(&sources(&[root, matches]))?;
    let Some((command, m)) = matches.subcommand() else { bail!("no command") };
    let kept: Vec<_> = folders(&config)
        .into_iter()
        .zip(&config.outputs)
        .filter_map(|(f, o)| Some((f.name, DeadLetters::new(f.dead_letters?, o.plugin.log_name(), f.keys), o)))
        .collect();
    if command == "list" {
        return list(kept.iter().map(|(name, letters, _)| (name.as_str(), letters)));
    }
    let name = m.get_one::<String>("OUTPUT").map(String::as_str).unwrap_or_default();
    let Some((_, letters, output)) = kept.iter().find(|k| k.0 == name) else {
        let names: Vec<&str> = kept.iter().map(|k| k.0.as_str()).collect();
        bail!("unknown output {name:?}; with dead letters: {}", names.join(", "));
    };
    let id = |id: &String| id.parse().with_context(|| format!("read the number of a letter: {id:?}"));
    let ids: BTreeSet<u64> = args::all(m, "ID").iter().map(id).collect::<Result<_>>()?;
    let (mut found, _) = letters.read()?;
    found.retain(|letter: &Letter| ids.is_empty() || ids.contains(&letter.id));
    let surroundings = surroundings(&config, Mode::Once);
    if command != "drop" {
        crate::secrets::start(&config, &surroundings).await?;
    }
    match command {
        "show" => show(letters, &found),
        "drop" => {
            if ids.is_empty() && !args::flag(m, "all") {
                bail!("name the letters to drop, or give --all");
            }
            let removed = if found.is_empty() { 0 } else { letters.remove(&found.iter().map(|l| l.id).collect())? };
            print::text(&format!("{removed} dropped\n"))
        }
        "replay" => {
            let all = found.len();
            // Those that cannot be read stay, and keep none of the others from being sent.
            found.retain(|letter| {
                letters.open(letter).map_err(|e| log().error(format_args!("dead letters: {e:#}"))).is_ok()
            });
            let written = replay(output, letters, &found, &surroundings).await?;
            print::text(&format!("{written} of {all} written\n"))?;
            Ok(if written == all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        other => bail!("unknown command {other:?}"),
    }
}

/// How many letters each output has, and of when.
fn list<'a>(kept: impl Iterator<Item = (&'a str, &'a DeadLetters)>) -> Result<ExitCode> {
    let mut out = String::new();
    for (name, letters) in kept {
        let (found, bad) = letters.read()?;
        let count = found.len();
        write!(out, "{name}: {count} {}", if count == 1 { "letter" } else { "letters" })?;
        if let (Some(first), Some(last)) = (found.first(), found.last()) {
            write!(out, ", {} to {}", first.time, last.time)?;
        }
        writeln!(out, "{}", if bad > 0 { format!(", {bad} lines that cannot be read") } else { String::new() })?;
    }
    print::text(&out)
}

/// What letters hold; a failure where one cannot be opened.
fn show(letters: &DeadLetters, found: &[Letter]) -> Result<ExitCode> {
    let (mut out, mut locked) = (String::new(), 0);
    for letter in found {
        write!(out, "{} {} {}: ", letter.id, letter.time, letter.output)?;
        match letters.open(letter) {
            Ok(refused) => writeln!(out, "{}\n    {}", refused.reason, refused.metric)?,
            Err(e) => {
                locked += 1;
                writeln!(out, "{e:#}")?;
            }
        }
    }
    print::text(&out)?;
    Ok(if locked == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
