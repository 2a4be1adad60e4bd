//! Where a configuration comes from: files, directories, addresses, or the places that are looked at when none is named.

use super::errors::{File, Problem};
use agent_api::{Context, Result, Secret, bail, ensure};
use std::path::Path;

/// A source may have so many bytes.
const LONGEST: u64 = 16 << 20;
/// Directories are searched so deep.
const DEPTH: usize = 64;

/// Gets the text at an address.
pub type Fetch = Box<dyn Fn(&str) -> Result<String> + Send + Sync>;
/// Gives the value of an environment variable.
pub type Environment = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the command line says about the configuration.
pub struct Sources {
    /// `--config`: paths and addresses.
    pub files: Vec<String>,
    /// `--config-directory`.
    pub directories: Vec<String>,
    /// `--input-filter`: the only inputs to be looked at; empty for all.
    pub inputs: Vec<String>,
    /// `--output-filter`.
    pub outputs: Vec<String>,
    /// `--secretstore-filter`.
    pub secretstores: Vec<String>,
    /// `--select`.
    pub select: Vec<String>,
    /// `--password`, for secret stores that have none in their settings; empty for none.
    pub password: Secret,
    /// `--non-strict-env-handling`: variables are filled in before the text is parsed, so that they may give numbers and names.
    pub non_strict: bool,
    /// `--old-env-behavior`: `$$` is no escape.
    pub old_variables: bool,
    /// How addresses are fetched; without it they are errors.
    pub fetch: Option<Fetch>,
    /// The environment.
    pub environment: Environment,
}

impl Default for Sources {
    /// The default places, this process's environment.
    fn default() -> Self {
        Sources {
            files: Vec::new(),
            directories: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            secretstores: Vec::new(),
            select: Vec::new(),
            password: Secret::default(),
            non_strict: false,
            old_variables: false,
            fetch: None,
            environment: Box::new(|name| std::env::var_os(name).map(|v| v.to_string_lossy().into_owned())),
        }
    }
}

/// What was read.
#[derive(Default)]
pub(super) struct Readings {
    pub(super) files: Vec<Reading>,
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Vec<String>,
}

/// A file, and whether bytes that were no UTF-8 have been replaced in it.
pub(super) struct Reading {
    pub(super) file: File,
    pub(super) replaced: bool,
}

impl Sources {
    /// Reads everything, in order: files first, then directories.
    pub(super) fn read(&self) -> Readings {
        let mut out = Readings::default();
        let (mut files, mut directories) = (self.files.clone(), self.directories.clone());
        if files.is_empty() && directories.is_empty() {
            match self.default_places() {
                Ok(places) => (files, directories) = places,
                Err(error) => out.problems.push(Problem::new(format!("{error:#}"))),
            }
        }
        for directory in &directories {
            find(Path::new(directory), DEPTH, &mut files, &mut out.notes);
        }
        for name in files {
            let text = if name.contains("://") { self.fetch(&name) } else { read_file(&name) };
            match text.and_then(|bytes| decode(&name, bytes)) {
                Ok(reading) => out.files.push(reading),
                Err(error) => out.problems.push(Problem::new(format!("{error:#}"))),
            }
        }
        out
    }

    fn fetch(&self, address: &str) -> Result<Vec<u8>> {
        let scheme = address.split("://").next().unwrap_or_default();
        ensure!(matches!(scheme, "http" | "https"), "read {address}: scheme {scheme:?} is not supported");
        let fetch = self.fetch.as_ref().with_context(|| format!("read {address}: no way to fetch an address here"))?;
        Ok(fetch(address).with_context(|| format!("read {address}"))?.into_bytes())
    }

    /// Files and directories that are read when none is named.
    fn default_places(&self) -> Result<(Vec<String>, Vec<String>)> {
        let variable = |name| (self.environment)(name).filter(|v| !v.is_empty());
        if let Some(path) = variable("TELEGRAF_CONFIG_PATH") {
            return Ok((vec![path], Vec::new()));
        }
        let home = variable("HOME").map(|home| format!("{home}/.telegraf/telegraf.conf"));
        if let Some(home) = home.as_ref().filter(|path| Path::new(path).is_file()) {
            return Ok((vec![home.clone()], Vec::new()));
        }
        let (file, directory) = match variable("ProgramFiles").filter(|_| cfg!(windows)) {
            Some(programs) => {
                (format!("{programs}\\Telegraf\\telegraf.conf"), format!("{programs}\\Telegraf\\telegraf.d"))
            }
            None => ("/etc/telegraf/telegraf.conf".to_owned(), "/etc/telegraf/telegraf.d".to_owned()),
        };
        let found = (Path::new(&file).is_file(), Path::new(&directory).is_dir());
        if let (false, false) = found {
            let home = home.map(|h| format!("{h}, ")).unwrap_or_default();
            bail!(
                "no configuration named with --config, and none found in $TELEGRAF_CONFIG_PATH, {home}{file} or {directory}"
            );
        }
        Ok((found.0.then_some(file).into_iter().collect(), found.1.then_some(directory).into_iter().collect()))
    }
}

/// Adds the `*.conf` below a directory in the order of their names. Directories whose name begins with `..` are passed over
/// (Kubernetes keeps old versions there), links to directories below the first are not followed.
fn find(directory: &Path, depth: usize, files: &mut Vec<String>, notes: &mut Vec<String>) {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            notes.push(format!("configuration directory {}: {error}", directory.display()));
            return;
        }
    };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth == 0 {
                notes.push(format!("configuration directory {}: nested too deep", path.display()));
            } else if !name.starts_with("..") {
                find(&path, depth - 1, files, notes);
            }
        } else if name.len() > ".conf".len() && name.ends_with(".conf") {
            files.push(path.to_string_lossy().into_owned());
        }
    }
}

fn read_file(path: &str) -> Result<Vec<u8>> {
    use std::io::Read;
    let file = std::fs::File::open(path).with_context(|| format!("read {path}"))?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).with_context(|| format!("read {path}"))?;
    Ok(bytes)
}

fn decode(name: &str, mut bytes: Vec<u8>) -> Result<Reading> {
    ensure!(bytes.len() as u64 <= LONGEST, "read {name}: longer than {LONGEST} bytes");
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    ensure!(
        !bytes.starts_with(b"\xff\xfe") && !bytes.starts_with(b"\xfe\xff"),
        "read {name}: UTF-16; save it as UTF-8"
    );
    ensure!(!bytes.contains(&0), "provided config is not a TOML file: {name}");
    let (text, replaced) = match String::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
    };
    Ok(Reading { file: File { name: name.to_owned(), text }, replaced })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_searched_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (path, text) in [
            ("b.conf", ""),
            ("a/z.conf", ""),
            ("a/.hidden.conf", ""),
            ("a/.conf", "not read"),
            ("..data/x.conf", "not read"),
            ("c.conf.bak", "not read"),
            ("c.toml", "not read"),
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let (mut files, mut notes) = (Vec::new(), Vec::new());
        find(root, DEPTH, &mut files, &mut notes);
        let root_name = format!("{}/", root.display());
        let files: Vec<_> = files.iter().map(|f| f.trim_start_matches(&root_name)).collect();
        assert_eq!(files, ["a/.hidden.conf", "a/z.conf", "b.conf"]);
        find(&root.join("gone"), DEPTH, &mut Vec::new(), &mut notes);
        assert_eq!(notes.len(), 1);
    }

    #[test]
    fn without_a_name_the_default_places_are_read() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".telegraf/telegraf.conf");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "[agent]").unwrap();
        let place = home.path().display().to_string();
        let mut sources = Sources {
            environment: Box::new(move |name| (name == "HOME").then(|| place.clone())),
            ..Sources::default()
        };
        assert_eq!(sources.read().files[0].file.name, file.display().to_string());
        sources.environment = Box::new(|name| (name == "TELEGRAF_CONFIG_PATH").then(|| "/none/such".to_owned()));
        assert_eq!(sources.read().problems[0].message, "read /none/such: No such file or directory (os error 2)");
    }

    #[test]
    fn addresses_are_fetched() {
        let mut sources = Sources { files: vec!["http://h/x".into(), "ftp://h/y".into()], ..Sources::default() };
        assert_eq!(sources.read().problems.len(), 2);
        sources.fetch = Some(Box::new(|address| Ok(format!("# {address}"))));
        let read = sources.read();
        assert_eq!(read.files[0].file.text, "# http://h/x");
        assert_eq!(read.problems[0].message, "read ftp://h/y: scheme \"ftp\" is not supported");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(decode("a", b"\x7fELF\0\0".to_vec()).is_err());
        assert!(decode("a", b"\xff\xfea\0".to_vec()).is_err());
        assert_eq!(decode("a", b"\xef\xbb\xbfx".to_vec()).unwrap().file.text, "x");
        assert!(decode("a", b"# \xb0C".to_vec()).unwrap().replaced);
    }
}
