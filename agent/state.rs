//! The state file: what plugins keep over restarts, one JSON object by plugin id.

use crate::config::Surroundings;
use agent_api::stats::Counter;
use agent_api::{Context, Log, Result, State};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Reads the file into the states; a file that is missing is no error.
pub fn load(file: &Path, surroundings: &Surroundings) -> Result<()> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e).with_context(|| format!("read statefile {}", file.display())),
    };
    if text.trim().is_empty() {
        return Ok(());
    }
    let values: BTreeMap<String, Value> =
        serde_json::from_str(&text).with_context(|| format!("parse statefile {}", file.display()))?;
    let mut states = surroundings.states.lock().unwrap_or_else(PoisonError::into_inner);
    for (id, value) in values {
        let state = State::default();
        state.set_value(Some(value));
        states.insert(id, state);
    }
    Ok(())
}

/// Writes the states beside the file, then puts that in its place, so that a crash leaves the old one.
pub fn save(file: &Path, surroundings: &Surroundings) -> Result<()> {
    write(file, &text(surroundings)?)
}

/// Writes the states, whenever they have changed, until it is stopped: a run that is killed has lost little. `file` says where;
/// none is nowhere.
pub async fn keep(file: impl Fn() -> Option<PathBuf>, surroundings: Surroundings, stop: CancellationToken) {
    let (mut last, mut failing) = (None, false);
    loop {
        // A reload may say where, but until it does there is nothing to wake the processor for.
        let pause = if file().is_some() { PAUSE } else { LONG_PAUSE };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let (Some(file), Ok(now)) = (file(), text(&surroundings)) else { continue };
        let now = Some((file, now));
        if now == last {
            continue;
        }
        let kept = now.clone();
        let written = tokio::task::spawn_blocking(move || kept.map_or(Ok(()), |(file, text)| write(&file, &text)));
        match written.await {
            Ok(Ok(())) => (last, failing) = (now, false),
            Ok(Err(e)) if !std::mem::replace(&mut failing, true) => {
                Log::new("agent", None, Counter::default()).error(format_args!("{e:#}; trying again"));
            }
            _ => {}
        }
    }
}

/// States are looked at so often.
const PAUSE: Duration = Duration::from_millis(200);
/// So often while there is no state file.
const LONG_PAUSE: Duration = Duration::from_secs(2);

fn text(surroundings: &Surroundings) -> Result<Vec<u8>> {
    let states = surroundings.states.lock().unwrap_or_else(PoisonError::into_inner);
    let values: BTreeMap<&String, Value> = states.iter().filter_map(|(id, s)| Some((id, s.value()?))).collect();
    Ok(serde_json::to_vec(&values)?)
}

fn write(file: &Path, text: &[u8]) -> Result<()> {
    let beside = file.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut out = std::fs::File::create(&beside)?;
        out.write_all(text)?;
        out.sync_all()?;
        std::fs::rename(&beside, file)
    };
    write().with_context(|| format!("write statefile {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_loaded() {
        let folder = tempfile::tempdir().expect("there is room");
        let file = folder.path().join("state.json");
        let before = Surroundings::default();
        let state = State::default();
        state.store(&[1, 2, 3]);
        before.states.lock().expect("one thread").insert("id".to_owned(), state);
        save(&file, &before).expect("the folder can be written");
        let after = Surroundings::default();
        load(&file, &after).expect("it was saved");
        let states = after.states.lock().expect("one thread");
        assert_eq!(states["id"].load::<Vec<i32>>(), Some(vec![1, 2, 3]));
    }

    #[test]
    fn a_missing_file_is_no_error_and_a_broken_one_is() {
        assert!(load(Path::new("/nonexistent/state.json"), &Surroundings::default()).is_ok());
        let folder = tempfile::tempdir().expect("there is room");
        let file = folder.path().join("state.json");
        std::fs::write(&file, "{broken").expect("the folder can be written");
        assert!(load(&file, &Surroundings::default()).is_err());
    }

    #[tokio::test]
    async fn what_changes_during_a_run_is_kept() {
        let folder = tempfile::tempdir().expect("there is room");
        let file = folder.path().join("state.json");
        let before = Surroundings::default();
        let state = State::default();
        before.states.lock().expect("one thread").insert("id".to_owned(), state.clone());
        let (path, stop) = (file.clone(), CancellationToken::new());
        let keeping = tokio::spawn(keep(move || Some(path.clone()), before, stop.clone()));
        for value in [1, 2] {
            state.store(&value);
            let wanted = format!("{{\"id\":{value}}}");
            while std::fs::read_to_string(&file).ok().as_ref() != Some(&wanted) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        stop.cancel();
        keeping.await.expect("it ends");
    }
}
