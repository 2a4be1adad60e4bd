//! The settings of procstat, and what follows from them.

use super::find::{Conditions, Selector};
use super::report::Options;
use super::{Search, sockets};
use agent_api::*;
use agent_golang::glob::{Filter, Glob};
use agent_golang::regexp::Regexp;
use schemars::JsonSchema;
use serde::Deserialize;

/// Which processes are looked for, and what is reported of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// File that holds the number of the process.
    pub(super) pid_file: String,
    /// Regular expression for the name of the process.
    pub(super) exe: String,
    /// Regular expression for the whole command line.
    pub(super) pattern: String,
    /// User whose rights the process has, by name or number; on Windows by `DOMAIN\name`.
    pub(super) user: String,
    /// Unit of systemd: its main process.
    pub(super) systemd_unit: String,
    /// Report all processes of the unit, whose name may then have wildcards.
    pub(super) include_systemd_children: bool,
    /// Control group, by its path or by that below `/sys/fs/cgroup`; may have wildcards.
    pub(super) cgroup: String,
    /// Services of supervisord; not supported, use `cgroup` or `pattern`.
    pub(super) supervisor_units: Vec<String>,
    /// Service by its name, on Windows.
    pub(super) win_service: String,
    /// Name in place of the process's own in the tag `process_name`.
    pub(super) process_name: String,
    /// Text put before the names of fields, with an underscore.
    pub(super) prefix: String,
    /// Usage of the processor: `irix` counts one processor as 100 %, `solaris` all of them.
    pub(super) mode: String,
    /// What becomes a tag and not a field: `cmdline`, `pid`, `ppid`, `status`, `user`; of sockets `protocol`, `state`, `src`,
    /// `src_port`, `dest`, `dest_port`, `name`; `level` (generations below a process that a filter found).
    pub(super) tag_with: Vec<String>,
    /// Older spelling of `tag_with = ["pid"]`.
    pub(super) pid_tag: bool,
    /// Older spelling of `tag_with = ["cmdline"]`.
    pub(super) cmdline_tag: bool,
    /// Groups of fields: `cpu`, `limits`, `memory`, `mmap` (costly for large processes), `sockets`.
    pub(super) properties: Vec<String>,
    /// Protocols of `sockets`: `all`, `tcp4`, `tcp6`, `udp4`, `udp6`, `unix`.
    pub(super) socket_protocols: Vec<String>,
    /// `pgrep` or `native`: only shown in the tag `pid_finder`; processes are always found without running a program.
    pub(super) pid_finder: String,
    /// Sections that find processes by several conditions, in place of the options above.
    pub(super) filter: Vec<FilterSettings>,
}

/// A section of conditions: one service at most, and any of the others, all of which must hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FilterSettings {
    /// Name of the section, shown in the tag `filter`.
    pub(super) name: String,
    /// Units of systemd, with wildcards.
    pub(super) systemd_units: Vec<String>,
    /// Control groups, by their path or by that below `/sys/fs/cgroup`, with wildcards.
    pub(super) cgroups: Vec<String>,
    /// Services of supervisord; not supported.
    pub(super) supervisor_units: Vec<String>,
    /// Services by their names, on Windows.
    pub(super) win_services: Vec<String>,
    /// Regular expressions, one of which must match the whole command line.
    pub(super) patterns: Vec<String>,
    /// Users who started the process, with wildcards.
    pub(super) users: Vec<String>,
    /// Paths of the program, with wildcards.
    pub(super) executables: Vec<String>,
    /// Names of the process, with wildcards.
    pub(super) process_names: Vec<String>,
    /// Generations of children that are reported too; below 0 means all.
    pub(super) recursion_depth: i64,
}

impl Default for Settings {
    fn default() -> Self {
        let list = |items: &[&str]| items.iter().map(|i| (*i).to_owned()).collect();
        Settings {
            pid_file: String::new(),
            exe: String::new(),
            pattern: String::new(),
            user: String::new(),
            systemd_unit: String::new(),
            include_systemd_children: false,
            cgroup: String::new(),
            supervisor_units: Vec::new(),
            win_service: String::new(),
            process_name: String::new(),
            prefix: String::new(),
            mode: "irix".to_owned(),
            tag_with: Vec::new(),
            pid_tag: false,
            cmdline_tag: false,
            properties: list(&["cpu", "limits", "memory", "mmap"]),
            socket_protocols: list(&["all"]),
            pid_finder: "pgrep".to_owned(),
            filter: Vec::new(),
        }
    }
}

const TAGS: [&str; 15] = [
    "cmdline",
    "pid",
    "ppid",
    "status",
    "user",
    "child_level",
    "parent_pid",
    "level",
    "protocol",
    "state",
    "src",
    "src_port",
    "dest",
    "dest_port",
    "name",
];
const PROPERTIES: [&str; 5] = ["cpu", "limits", "memory", "mmap", "sockets"];

impl Settings {
    /// What is reported of a process.
    pub(super) fn options(&self) -> Result<Options> {
        let known = |option: &str, given: &[String], known: &[&str]| -> Result<()> {
            for name in given {
                ensure!(known.contains(&name.as_str()), "{option}: unknown {name:?}, known are {}", known.join(", "));
            }
            Ok(())
        };
        known("tag_with", &self.tag_with, &TAGS)?;
        known("properties", &self.properties, &PROPERTIES)?;
        known("socket_protocols", &self.socket_protocols, &[&["all"], &sockets::PROTOCOLS[..]].concat())?;
        known("mode", std::slice::from_ref(&self.mode), &["irix", "solaris", ""])?;
        known("pid_finder", std::slice::from_ref(&self.pid_finder), &["pgrep", "native", "test", ""])?;
        let mut tag_with = self.tag_with.clone();
        tag_with.extend(self.pid_tag.then(|| "pid".to_owned()));
        tag_with.extend(self.cmdline_tag.then(|| "cmdline".to_owned()));
        let wanted =
            |p: &&str| self.socket_protocols.iter().any(|s| s == p || s == "all") || self.socket_protocols.is_empty();
        Ok(Options {
            prefix: if self.prefix.is_empty() { String::new() } else { format!("{}_", self.prefix) },
            process_name: self.process_name.clone(),
            of_all_processors: self.mode == "solaris",
            tag_with,
            // Windows has none of the two.
            properties: self
                .properties
                .iter()
                .filter(|p| !cfg!(windows) || !["limits", "mmap"].contains(&p.as_str()))
                .cloned()
                .collect(),
            protocols: sockets::PROTOCOLS.into_iter().filter(wanted).collect(),
        })
    }

    /// The ways to find processes.
    pub(super) fn searches(&self) -> Result<Vec<Search>> {
        for (option, given, there) in [
            ("win_service", &self.win_service, cfg!(windows)),
            ("systemd_unit", &self.systemd_unit, !cfg!(windows)),
            ("cgroup", &self.cgroup, !cfg!(windows)),
        ] {
            ensure!(given.is_empty() || there, "{option}: not on this system");
        }
        ensure!(self.supervisor_units.is_empty(), "supervisor_units: not supported, use cgroup or pattern");
        let Settings { pid_file, exe, pattern, user, systemd_unit, cgroup, win_service, .. } = self;
        let selectors = [pid_file, exe, pattern, user, systemd_unit, cgroup, win_service];
        if !self.filter.is_empty() {
            ensure!(selectors.iter().all(|s| s.is_empty()), "filter: sections and single selectors exclude each other");
            return self.filter.iter().map(FilterSettings::search).collect();
        }
        let regexp = |option: &str, text: &str| Regexp::compile(text).with_context(|| option.to_owned());
        let selector = if !self.systemd_unit.is_empty() {
            unit(&self.systemd_unit, self.include_systemd_children)?
        } else if !self.cgroup.is_empty() {
            Selector::Cgroup(self.cgroup.clone())
        } else if !self.pid_file.is_empty() {
            Selector::PidFile(self.pid_file.clone())
        } else if !self.exe.is_empty() {
            Selector::Exe(regexp("exe", &self.exe)?)
        } else if !self.pattern.is_empty() {
            Selector::Pattern(regexp("pattern", &self.pattern)?)
        } else if !self.user.is_empty() {
            Selector::User(self.user.clone())
        } else if !self.win_service.is_empty() {
            Selector::Service(self.win_service.clone())
        } else {
            let more = if cfg!(windows) { "win_service" } else { "systemd_unit, cgroup" };
            bail!("no processes are selected: give pid_file, exe, pattern, user, {more} or a filter");
        };
        let finder = if self.pid_finder.is_empty() { "pgrep" } else { &self.pid_finder };
        Ok(vec![Search { selectors: vec![selector], conditions: None, tags: vec![("pid_finder", finder.to_owned())] }])
    }
}

impl FilterSettings {
    fn search(&self) -> Result<Search> {
        ensure!(!self.name.is_empty(), "filter: a section without name");
        let context = |option: &str| format!("filter {:?}: {option}", self.name);
        for (option, given, there) in [
            ("win_services", &self.win_services, cfg!(windows)),
            ("systemd_units", &self.systemd_units, !cfg!(windows)),
            ("cgroups", &self.cgroups, !cfg!(windows)),
        ] {
            ensure!(given.is_empty() || there, "{}: not on this system", context(option));
        }
        ensure!(
            self.supervisor_units.is_empty(),
            "{}: not supported, use cgroups or patterns",
            context("supervisor_units")
        );
        ensure!(
            self.systemd_units.is_empty() || self.cgroups.is_empty(),
            "{} exclude each other",
            context("systemd_units and cgroups")
        );
        let mut selectors = Vec::new();
        for name in &self.systemd_units {
            selectors.push(unit(name, true).with_context(|| context("systemd_units"))?);
        }
        selectors.extend(self.cgroups.iter().cloned().map(Selector::Cgroup));
        selectors.extend(self.win_services.iter().cloned().map(Selector::Service));
        if selectors.is_empty() {
            selectors.push(Selector::All);
        }
        let filter = |option: &str, list: &[String]| Filter::compile(list, &[]).with_context(|| context(option));
        let patterns = self.patterns.iter().map(|p| Regexp::compile(p).with_context(|| context("patterns")));
        let conditions = Conditions {
            users: filter("users", &self.users)?,
            executables: filter("executables", &self.executables)?,
            names: filter("process_names", &self.process_names)?,
            patterns: patterns.collect::<Result<_>>()?,
            depth: self.recursion_depth,
        };
        Ok(Search { selectors, conditions: Some(conditions), tags: vec![("filter", self.name.clone())] })
    }
}

fn unit(name: &str, children: bool) -> Result<Selector> {
    // Units without an ending are services, as for systemctl.
    let ending =
        name.rsplit_once('.').is_some_and(|(_, e)| ["service", "scope", "slice", "socket", "mount"].contains(&e));
    let full = if ending || name.contains(['*', '?', '[']) { name.to_owned() } else { format!("{name}.service") };
    Ok(Selector::Unit { unit: Glob::compile(&full, &[]).context("systemd_unit")?, name: name.to_owned(), children })
}
