//! Keeps folders, features, names, READMEs, samples and schema in step with the code.
//!
//! `BLESS=1 cargo test --test tidy` writes the generated blocks of the READMEs.

use agent::config::{Config, Sources};
use agent::sample;
use agent_api::plugin::{Entry, Family, entries, find};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use agent_formats as _;
use agent_secretstores as _;
use aggregators as _;
use inputs as _;
use outputs as _;
use processors as _;

/// The families whose plugins have folders at the top.
const FAMILIES: [Family; 4] = [Family::Inputs, Family::Processors, Family::Aggregators, Family::Outputs];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn registered() -> impl Iterator<Item = &'static Entry> {
    entries().into_iter().filter(|e| FAMILIES.contains(&e.family))
}

fn folder(entry: &Entry) -> PathBuf {
    let family = entry.family.name();
    let within = if entry.family == Family::SecretStores { root().join("agent") } else { root().to_owned() };
    within.join(family).join(entry.name)
}

fn fail(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn every_plugin_is_registered_once_and_has_its_folder() {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for entry in entries() {
        if !seen.insert((entry.family, entry.name)) {
            problems.push(format!("{}.{} is registered twice", entry.family.name(), entry.name));
        }
    }
    for entry in registered() {
        for part in ["mod.rs", "README.md", "cases"] {
            if !folder(entry).join(part).exists() {
                problems.push(format!("{}.{} has no {part}", entry.family.name(), entry.name));
            }
        }
    }
    for family in FAMILIES {
        let names: BTreeSet<&str> = registered().filter(|e| e.family == family).map(|e| e.name).collect();
        for path in
            std::fs::read_dir(root().join(family.name())).expect("the family's folder").flatten().map(|e| e.path())
        {
            let module = std::fs::read_to_string(path.join("mod.rs")).unwrap_or_default();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if module.contains("register!(") && !names.contains(name.as_str()) {
                problems.push(format!("{}/{name} registers a plugin that is not in this binary", family.name()));
            }
        }
    }
    fail(problems);
}

#[test]
fn every_plugin_has_a_feature_of_its_name() {
    let mut problems = Vec::new();
    for family in FAMILIES {
        let manifest = std::fs::read_to_string(root().join(family.name()).join("Cargo.toml")).expect("a manifest");
        for entry in registered().filter(|e| e.family == family) {
            let line = format!("{} = [", entry.name);
            if !manifest.lines().any(|l| l.starts_with(&line)) {
                problems.push(format!("{} has no feature {}", family.name(), entry.name));
            }
        }
    }
    fail(problems);
}

#[test]
fn readmes_show_the_settings_and_examples_of_the_code() {
    let mut problems = Vec::new();
    let stores = entries().into_iter().filter(|e| e.family == Family::SecretStores);
    for entry in registered().chain(stores) {
        let path = folder(entry).join("README.md");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let settings = format!("```toml\n{}```", sample::plugin(entry));
        let mut want = match replaced(&text, "settings", &settings) {
            Some(want) => want,
            None => {
                problems.push(format!("{} has no block <!-- settings -->", path.display()));
                continue;
            }
        };
        let shown = std::fs::read_to_string(folder(entry).join("cases/default/expected.out"));
        if let Ok(shown) = shown
            && !shown.trim().is_empty()
            && let Some(with_example) = replaced(&want, "example", &format!("```text\n{}\n```", shown.trim_end()))
        {
            want = with_example;
        }
        problems.extend(blessed(&path, &text, &want));
    }
    fail(problems);
}

/// Formats are read and written in tables of inputs and outputs, so that is where their settings are shown.
#[test]
fn readmes_of_formats_show_the_settings_of_the_code() {
    let mut problems = Vec::new();
    for folder in std::fs::read_dir(root().join("agent/formats")).expect("the formats' folder").flatten() {
        let path = folder.path().join("README.md");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let name = folder.file_name().to_string_lossy().into_owned();
        let block = |family, table| {
            let sample = sample::plugin(find(family, &name)?);
            let (about, options) = sample.split_once('\n')?;
            let options = options.replace(&format!("{}.{name}.", family.name()), &format!("{table}."));
            Some(format!("```toml\n{about}\n[[{table}]]\n  data_format = \"{name}\"\n{options}```"))
        };
        let blocks = [block(Family::Parsers, "inputs.file"), block(Family::Serializers, "outputs.file")];
        let blocks: Vec<String> = blocks.into_iter().flatten().collect();
        // What several formats share has a README, too.
        if blocks.is_empty() {
            continue;
        }
        match replaced(&text, "settings", &blocks.join("\n\n")) {
            Some(want) => problems.extend(blessed(&path, &text, &want)),
            None => problems.push(format!("{} has no block <!-- settings -->", path.display())),
        }
    }
    fail(problems);
}

/// Writes what a README should be where that is asked for, else complains if it is something else.
fn blessed(path: &Path, text: &str, want: &str) -> Option<String> {
    if text == want {
        return None;
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, want).expect("the README can be written");
        return None;
    }
    Some(format!("{} is not up to date: BLESS=1 cargo test --test tidy", path.display()))
}

/// The text with what stands between `<!-- name -->` and `<!-- /name -->` replaced; None if there is no such block.
fn replaced(text: &str, name: &str, block: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let from = text.find(&begin)? + begin.len();
    let to = from + text[from..].find(&end)?;
    Some(format!("{}\n{block}\n{}", &text[..from], &text[to..]))
}

#[test]
fn every_option_is_explained() {
    let mut problems = Vec::new();
    for entry in entries() {
        let schema = (entry.schema)();
        let Some(properties) = schema.get("properties").and_then(|p| p.as_object()) else { continue };
        for (key, property) in properties {
            if property.get("description").and_then(|d| d.as_str()).unwrap_or_default().is_empty() {
                problems.push(format!("{}.{}: {key} has no help text", entry.family.name(), entry.name));
            }
        }
        for key in (entry.keys)() {
            if !properties.contains_key(key) {
                problems.push(format!("{}.{}: {key} is not in the schema", entry.family.name(), entry.name));
            }
        }
    }
    fail(problems);
}

#[test]
fn samples_can_be_read_as_they_are_and_with_all_defaults() {
    let mut problems = Vec::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sample.toml");
    let mut read = |entry: &Entry, text: &str, how: &str| {
        std::fs::write(&file, text).expect("the folder can be written");
        let sources = Sources { files: vec![file.display().to_string()], ..Sources::default() };
        if let Err(e) = Config::load(&sources)
            && ["unknown option", "not used", "invalid type", "invalid TOML", "expected"]
                .iter()
                .any(|w| e.to_string().contains(w))
        {
            problems.push(format!("sample of {}.{} {how}: {e}", entry.family.name(), entry.name));
        }
    };
    for entry in registered() {
        let text = sample::plugin(entry);
        read(entry, &text, "as it is");
        let all: String = text.lines().map(|l| format!("{}\n", uncommented(l))).collect();
        read(entry, &all, "with all defaults");
    }
    fail(problems);
}

/// A line of a sample with its option switched on; help texts stay comments.
fn uncommented(line: &str) -> &str {
    match line.strip_prefix("  # ") {
        Some(option) if !option.trim_start().starts_with('#') => option,
        _ => line,
    }
}

#[test]
fn sources_say_what_they_are_for_and_stay_readable() {
    let mut problems = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).expect("a folder of ours").flatten().map(|e| e.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && !["target", "var"].contains(&name.as_str()) {
                    folders.push(path);
                }
                continue;
            }
            if !name.ends_with(".rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source");
            let head = || text.lines().take(10).map(str::trim_start);
            if !head().any(|l| l.starts_with("//!") || l.starts_with("#![doc")) {
                problems.push(format!("{} does not say what it is for", path.display()));
            }
            let lines = text.lines().count();
            let tests = name == "tests.rs" || path.components().any(|c| c.as_os_str() == "tests");
            if lines > 600 && !tests {
                problems.push(format!("{} has {lines} lines, 600 at most", path.display()));
            }
        }
    }
    fail(problems);
}
