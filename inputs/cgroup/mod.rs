//! Files of control groups, as numbers.
//!
//! Every file of a control group has one of a few forms, see <https://docs.kernel.org/admin-guide/cgroup-v2.html>; which one it
//! has is told by its contents, so new files need no change here.

mod values;

use crate::globpath::GlobPath;
use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

register!(Entry::input::<Cgroup>());

/// Reads files of folders.
struct Cgroup {
    paths: Vec<GlobPath>,
    files: Vec<String>,
    reader: Reader,
}

/// Which files are read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Folders of control groups, by path or pattern.
    paths: Vec<String>,
    /// Names of files in each folder, with wildcards.
    files: Vec<String>,
}

impl Plugin for Cgroup {
    const NAME: &'static str = "cgroup";
    const ABOUT: &'static str = "Reads files of control groups.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let paths = settings.paths.iter().map(|p| GlobPath::new(p)).collect::<Result<_>>().context("paths")?;
        for file in &settings.files {
            GlobPath::new(file).context("files")?;
        }
        Ok(Cgroup { paths, files: settings.files, reader: Reader::new() })
    }
}

impl Input for Cgroup {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        for folder in self.paths.iter().flat_map(GlobPath::matches).filter(|p| p.is_dir()) {
            let errors = read(&folder, &self.files, &mut self.reader, out);
            errors.into_iter().for_each(|e| out.error(e));
            out.checkpoint();
        }
        Ok(())
    }
}

/// Adds the metric of a folder; files that cannot be read are errors and leave the others.
fn read(folder: &Path, files: &[String], reader: &mut Reader, out: &mut Collector) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut metric = out.metric("cgroup").tag("path", &folder.to_string_lossy());
    for pattern in files {
        // It was compiled before; the folder only stands before it.
        let Ok(glob) = GlobPath::new(&folder.join(pattern).to_string_lossy()) else { continue };
        for path in glob.files() {
            let Some(name) = path.file_name().map(|n| n.to_string_lossy()) else { continue };
            match reader.need(&path) {
                Ok(text) => {
                    if !values::each(text, &name, |key, value| metric.add_field(key, value)) {
                        let text = scan::quoted(text);
                        errors.push(anyhow!("read {}: unknown form of {text}", path.display()));
                    }
                }
                Err(e) => errors.push(e),
            }
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather};

    #[test]
    fn the_files_of_a_folder_are_one_metric() {
        let tree = Tree::of(&[
            ("cg/a.slice/memory.current", "104857600\n"),
            ("cg/a.slice/cpu.stat", "usage_usec 99\nuser_usec 60\n"),
            ("cg/b.slice/memory.current", "1\n"),
            ("cg/b.slice/cpu.stat", "words without sense\n"),
        ]);
        let root = format!("{}/", tree.path().display());
        let settings = Settings {
            paths: vec![format!("{root}cg/*.slice"), format!("{root}none")],
            files: vec!["memory.current".to_owned(), "*.stat".to_owned()],
        };
        let got = gather(&mut Cgroup::new(settings, &tree.env()).unwrap()).join("\n").replace(&root, "");
        assert_eq!(
            got,
            "cgroup,path=cg/a.slice cpu.stat.usage_usec=99i,cpu.stat.user_usec=60i,memory.current=104857600i\n\
             cgroup,path=cg/b.slice memory.current=1i\n\
             error: read cg/b.slice/cpu.stat: unknown form of \"words without sense\\n\""
        );
    }
}
