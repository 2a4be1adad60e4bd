//! `queue list|inspect|verify|repair|export|drop`: what waits on disk for outputs.

use super::{args, load, log, print, sources, surroundings};
use crate::pipeline::{Mode, Offline, Survey, folders};
use agent_api::{Context, Result, Serializer, bail};
use clap::ArgMatches;
use std::fmt::Write;
use std::process::ExitCode;

pub(super) async fn queue(root: &ArgMatches, matches: &ArgMatches) -> Result<ExitCode> {
    let config = load(&sources(&[root, matches]))?;
    let Some((command, m)) = matches.subcommand() else { bail!("no command") };
    let queues: Vec<_> =
        folders(&config).into_iter().filter_map(|f| Some((f.name, Offline::new(f.queue?, f.keys, log())))).collect();
    if command == "list" {
        let mut out = String::new();
        for (name, queue) in &queues {
            writeln!(out, "{name}: {}", sum(&queue.survey()?))?;
        }
        return print::text(&out);
    }
    let name = m.get_one::<String>("OUTPUT").map(String::as_str).unwrap_or_default();
    crate::secrets::start(&config, &surroundings(&config, Mode::Run)).await?;
    let Some((_, queue)) = queues.iter().find(|q| q.0 == name) else {
        let names: Vec<&str> = queues.iter().map(|q| q.0.as_str()).collect();
        bail!("unknown output {name:?}; with a queue on disk: {}", names.join(", "));
    };
    match command {
        "inspect" => {
            let survey = queue.survey()?;
            let mut out = format!("{name}: {}\n", sum(&survey));
            for file in &survey.files {
                writeln!(out, "    {}: {} bytes, {} metrics", file.name, file.bytes, file.metrics)?;
            }
            print::text(&out)
        }
        "verify" => {
            let mut metrics = 0;
            let bad = queue.export(|view| {
                metrics += view.len();
                Ok(())
            })?;
            print::text(&format!("{name}: {metrics} metrics are whole, {bad} places are damaged\n"))?;
            Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        "repair" => {
            let repaired = queue.repair()?;
            print::text(&format!("{name}: {repaired} files repaired\n"))
        }
        "export" => {
            let (mut writer, mut out) = (agent_formats::influx::Writer::readable(), Vec::new());
            let bad = queue.export(|view| {
                view.iter().try_for_each(|metric| writer.serialize(metric, &mut out))?;
                std::io::Write::write_all(&mut std::io::stdout().lock(), &out).context("write standard output")?;
                out.clear();
                Ok(())
            })?;
            Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        "drop" => {
            let survey = queue.survey()?;
            if !args::flag(m, "yes") {
                bail!("{name} has {}; give --yes to drop it", sum(&survey));
            }
            queue.drop_all()?;
            print::text(&format!("{name}: dropped {}\n", sum(&survey)))
        }
        other => bail!("unknown command {other:?}"),
    }
}

fn sum(survey: &Survey) -> String {
    let metrics: usize = survey.files.iter().map(|f| f.metrics).sum();
    let bytes: u64 = survey.files.iter().map(|f| f.bytes).sum();
    let mut out = format!("{metrics} metrics in {} files of {bytes} bytes", survey.files.len());
    if survey.damages > 0 {
        out.push_str(&format!(", {} places are damaged", survey.damages));
    }
    if survey.in_use {
        out.push_str(", in use by an agent");
    }
    out
}
