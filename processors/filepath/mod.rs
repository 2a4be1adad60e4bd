//! Takes paths in tags and text fields apart.

mod path;

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::processor::<Filepath>());

/// The changes in the order in which they run.
struct Filepath {
    steps: Vec<Step>,
    out: String,
}

/// What is made of paths. The kinds run in the order stem, basename, rel, dirname, clean, toslash.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The last element of a path.
    basename: Vec<Target>,
    /// All but the last element.
    dirname: Vec<Target>,
    /// The last element without its ending: "a.tar" of "/x/a.tar.gz".
    stem: Vec<Target>,
    /// The shortest path that means the same: "/a/c" of "/a/./b/../c".
    clean: Vec<Target>,
    /// The path as it is seen from `base_path`.
    rel: Vec<RelativeTarget>,
    /// The path with "/" in place of "\\"; on Windows only.
    toslash: Vec<Target>,
}

/// Where a path stands.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Target {
    /// Key of the tag.
    tag: String,
    /// Key of the field, which has to hold text.
    field: String,
    /// Key of the tag or field that gets the result; the same if empty.
    dest: String,
}

/// Where a path stands, and from where it is seen.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RelativeTarget {
    /// Key of the tag.
    tag: String,
    /// Key of the field, which has to hold text.
    field: String,
    /// Key of the tag or field that gets the result; the same if empty.
    dest: String,
    /// The directory from which the path is seen. A path that cannot be seen from there stays as it is.
    base_path: String,
}

struct Step {
    target: Target,
    make: Make,
}

enum Make {
    Basename,
    Dirname,
    Stem,
    Clean,
    Relative(String),
    ToSlash,
}

impl Plugin for Filepath {
    const NAME: &'static str = "filepath";
    const ABOUT: &'static str = "Takes paths in tags and fields apart.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let relative = settings.rel.into_iter().map(|r| Step {
            target: Target { tag: r.tag, field: r.field, dest: r.dest },
            make: Make::Relative(r.base_path),
        });
        let steps =
            [steps(settings.stem, || Make::Stem), steps(settings.basename, || Make::Basename), relative.collect()]
                .into_iter()
                .chain([steps(settings.dirname, || Make::Dirname), steps(settings.clean, || Make::Clean)])
                .chain([steps(settings.toslash, || Make::ToSlash)])
                .flatten()
                .collect();
        Ok(Filepath { steps, out: String::new() })
    }
}

fn steps(targets: Vec<Target>, make: fn() -> Make) -> Vec<Step> {
    targets.into_iter().map(|target| Step { target, make: make() }).collect()
}

impl Processor for Filepath {
    fn apply(&mut self, batch: &mut Batch) {
        let Filepath { steps, out } = self;
        batch.each(|m| {
            for Step { target: Target { tag, field, dest }, make } in &*steps {
                if let Some(value) = m.tag(tag).filter(|_| !tag.is_empty()) {
                    make.run(value, out);
                    m.set_tag(if dest.is_empty() { tag } else { dest }, out);
                }
                if let Some(Value::Str(value)) = m.field(field).filter(|_| !field.is_empty()) {
                    make.run(value, out);
                    m.set_field(if dest.is_empty() { field } else { dest }, &*out);
                }
            }
        });
    }
}

impl Make {
    /// Puts the result into `out`, in place of what is there.
    fn run(&self, text: &str, out: &mut String) {
        out.clear();
        match self {
            Make::Basename => out.push_str(path::base(text)),
            Make::Dirname => out.push_str(&path::dir(text)),
            Make::Stem => out.push_str(path::stem(text)),
            Make::Clean => out.push_str(&path::clean(text)),
            Make::Relative(base) => match path::relative(base, text) {
                Some(path) => out.push_str(&path),
                None => out.push_str(text),
            },
            Make::ToSlash if cfg!(windows) => out.extend(text.chars().map(|c| if c == '\\' { '/' } else { c })),
            Make::ToSlash => out.push_str(text),
        }
    }
}
