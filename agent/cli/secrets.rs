//! `secrets list|get|set|remove`.

use super::{args, load, print, sources, surroundings};
use crate::config::Sources;
use crate::pipeline::Mode;
use agent_api::{Result, anyhow, bail};
use clap::ArgMatches;
use std::fmt::Write;
use std::process::ExitCode;

pub(super) async fn secrets(root: &ArgMatches, matches: &ArgMatches) -> Result<ExitCode> {
    // Only stores are loaded: whoever sets the first secret may not have the rest of a configuration right yet.
    let nothing = vec!["-".to_owned()];
    let sources = Sources { inputs: nothing.clone(), outputs: nothing, ..sources(&[root, matches]) };
    let config = load(&sources)?;
    let surroundings = surroundings(&config, Mode::Run);
    // Stores may have secrets of other stores.
    crate::secrets::start(&config, &surroundings).await?;
    let stores = crate::secrets::build(&config, &surroundings)?;
    let Some((command, m)) = matches.subcommand() else { bail!("no command") };
    let word = |id: &str| m.try_get_one::<String>(id).ok().flatten().cloned().unwrap_or_default();
    let store = |id: &str| {
        stores.iter().find(|s| s.0 == id).map(|s| &s.1).ok_or_else(|| anyhow!("unknown secret store {id:?}"))
    };
    let (id, key) = if command == "list" { (String::new(), String::new()) } else { (word("STORE"), word("KEY")) };
    match command {
        "list" => {
            let wanted = args::all(m, "STORE");
            for id in &wanted {
                store(id)?;
            }
            let mut out = String::new();
            for (id, store) in stores.iter().filter(|s| wanted.is_empty() || wanted.contains(&s.0)) {
                writeln!(out, "Known secrets for store {id:?}:")?;
                for key in store.keys().await? {
                    // Scripts read columns, so the one of values is there without values, too.
                    let value = match args::flag(m, "reveal-secret") {
                        true => store.get(&key).await?.reveal()?,
                        false => String::new(),
                    };
                    writeln!(out, "    {key:<30}  {value}")?;
                }
            }
            print::text(&out)
        }
        "get" => {
            let value = store(&id)?.get(&key).await?.reveal()?;
            print::text(&format!("{id}:{key} = {value}\n"))
        }
        "set" => {
            let value = match m.get_one::<String>("VALUE") {
                Some(value) => value.clone(),
                None => ask()?,
            };
            store(&id)?.set(&key, &value).await?;
            Ok(ExitCode::SUCCESS)
        }
        "remove" => {
            store(&id)?.remove(&key).await?;
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("unknown command {other:?}"),
    }
}

/// Asks for a secret on the terminal.
fn ask() -> Result<String> {
    print::text("Enter secret value: ")?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
