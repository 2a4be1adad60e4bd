//! Finds processes: by pid file, name, command line, user, control group or unit, or by a filter of several of these.
//!
//! No program is run for it: what `pgrep` and `systemctl` would say stands in `/proc` and in the control groups, which systemd
//! names after its units.

use super::process::{Stat, Status, command_line, full_name};
use super::windows;
use crate::globpath::GlobPath;
use crate::host::{Reader, accounts, scan};
use agent_api::*;
use agent_golang::glob::{Filter, Glob};
use agent_golang::regexp::Regexp;
use agent_windows::{Connection, Process};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Processes that were found together, and what their metrics are tagged with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) pids: Vec<u32>,
    pub(super) tags: Vec<(&'static str, String)>,
    /// How many generations below the processes that matched.
    pub(super) level: u32,
}

/// One way to find processes.
pub(super) enum Selector {
    PidFile(String),
    Exe(Regexp),
    Pattern(Regexp),
    User(String),
    Unit {
        unit: Glob,
        name: String,
        children: bool,
    },
    Cgroup(String),
    /// A service of Windows.
    Service(String),
    All,
}

/// What processes of a selector must be like: all that is given must hold.
pub(super) struct Conditions {
    pub(super) users: Filter,
    pub(super) executables: Filter,
    pub(super) names: Filter,
    pub(super) patterns: Vec<Regexp>,
    /// Generations of children that are added; below 0 means all.
    pub(super) depth: i64,
}

/// Where processes are looked for.
pub(super) struct Finder {
    pub(super) proc: PathBuf,
    etc: PathBuf,
    cgroups: PathBuf,
    pub(super) reader: Reader,
    /// The processes of Windows as they were when the gathering began.
    pub(super) listed: HashMap<u32, Process>,
    /// Its sockets, where they are wanted.
    pub(super) connections: Vec<Connection>,
}

/// The folder of a unit is at most so far below the root of the control groups ...
const UNIT_DEPTH: usize = 8;
/// ... and at most so many folders are looked at.
const UNIT_FOLDERS: usize = 20_000;

impl Finder {
    pub(super) fn new(host: &HostPaths) -> Self {
        let cgroups = host.sys.join("fs/cgroup");
        let (listed, connections) = (HashMap::new(), Vec::new());
        Finder { proc: host.proc.clone(), etc: host.etc.clone(), cgroups, reader: Reader::new(), listed, connections }
    }

    /// A gathering begins: Windows is asked for all of its processes at once.
    pub(super) fn begin(&mut self, sockets: bool) -> Result<()> {
        if cfg!(windows) {
            let all = agent_windows::processes().context("ask for the processes")?;
            self.listed = all.into_iter().map(|process| (process.pid, process)).collect();
            if sockets {
                self.connections = agent_windows::connections().context("ask for the sockets")?;
            }
        }
        Ok(())
    }

    /// The processes of all selectors.
    pub(super) fn find(&mut self, selectors: &[Selector]) -> Result<Vec<Group>> {
        let mut groups = Vec::new();
        for selector in selectors {
            groups.extend(self.select(selector)?);
        }
        Ok(groups)
    }

    fn select(&mut self, selector: &Selector) -> Result<Vec<Group>> {
        let one = |pids, tag, value: &str| vec![Group { pids, tags: vec![(tag, value.to_owned())], level: 0 }];
        Ok(match selector {
            Selector::All => vec![Group { pids: self.pids()?, ..Group::default() }],
            Selector::PidFile(path) => {
                let text = self.reader.need(Path::new(path))?.trim_ascii();
                let pid = scan::uint(text).and_then(|n| u32::try_from(n).ok());
                let pid = pid.with_context(|| format!("read {path}: invalid process id {}", scan::quoted(text)))?;
                one(vec![pid], "pidfile", path)
            }
            Selector::Exe(name) => {
                let mut pids = self.pids()?;
                pids.retain(|pid| self.name(*pid).is_some_and(|n| name.is_match(&n)));
                one(pids, "exe", name.pattern())
            }
            Selector::Pattern(pattern) => {
                let mut pids = self.pids()?;
                pids.retain(|pid| self.command_line(*pid).is_some_and(|c| pattern.is_match(&c)));
                one(pids, "pattern", pattern.pattern())
            }
            Selector::User(user) if cfg!(windows) => {
                let mut pids = self.pids()?;
                pids.retain(|pid| self.user(*pid).is_some_and(|u| u == *user));
                one(pids, "user", user)
            }
            Selector::User(user) => {
                let uid = accounts::user_id(accounts::passwd(&mut self.reader, &self.etc), user);
                let mut pids = self.pids()?;
                pids.retain(|pid| uid.is_some() && self.status(*pid).map(|s| s.effective_uid) == uid);
                one(pids, "user", user)
            }
            Selector::Service(name) => {
                let pid = agent_windows::service_process(name).with_context(|| format!("ask for service {name:?}"))?;
                one(pid.into_iter().collect(), "win_service", name)
            }
            Selector::Cgroup(path) => self.control_groups(path)?,
            Selector::Unit { unit, name, children } => self.units(unit, name, *children),
        })
    }

    /// Those of the groups that fulfil the conditions, and their children.
    pub(super) fn filter(&mut self, groups: Vec<Group>, conditions: &Conditions) -> Result<Vec<Group>> {
        let mut kept = Vec::new();
        for mut group in groups {
            group.pids.retain(|pid| self.fulfils(*pid, conditions));
            kept.push(group);
        }
        if conditions.depth != 0 {
            let children = self.children(&kept, conditions.depth)?;
            kept.extend(children);
        }
        Ok(kept)
    }

    fn fulfils(&mut self, pid: u32, conditions: &Conditions) -> bool {
        let Conditions { users, executables, names, patterns, .. } = conditions;
        (users.is_empty() || self.user(pid).is_some_and(|u| users.is_match(&u)))
            && (executables.is_empty() || self.executable(pid).is_some_and(|e| executables.is_match(&e)))
            && (names.is_empty() || self.name(pid).is_some_and(|n| names.is_match(&n)))
            && (patterns.is_empty() || self.command_line(pid).is_some_and(|c| patterns.iter().any(|p| p.is_match(&c))))
    }

    /// Children, and theirs, as groups by their parent. A process that was found is not found again as a child.
    fn children(&mut self, found: &[Group], depth: i64) -> Result<Vec<Group>> {
        let mut by_parent: HashMap<u32, Vec<u32>> = HashMap::new();
        for pid in self.pids()? {
            if let Some(parent) = self.stat(pid).and_then(|s| u32::try_from(s.parent).ok()) {
                by_parent.entry(parent).or_default().push(pid);
            }
        }
        let mut seen: HashSet<u32> = found.iter().flat_map(|g| &g.pids).copied().collect();
        let mut groups: Vec<Group> = Vec::new();
        let mut generation: Vec<Group> = found.to_vec();
        let mut level = 0;
        while !generation.is_empty() && (depth < 0 || i64::from(level) < depth) {
            level += 1;
            let mut next = Vec::new();
            for group in &generation {
                for parent in &group.pids {
                    let mut pids = by_parent.get(parent).cloned().unwrap_or_default();
                    pids.retain(|pid| seen.insert(*pid));
                    if pids.is_empty() {
                        continue;
                    }
                    let own = |t: &&(&'static str, String)| t.0 != "parent_pid" && t.0 != "child_level";
                    let mut tags: Vec<_> = group.tags.iter().filter(own).cloned().collect();
                    tags.push(("parent_pid", parent.to_string()));
                    tags.push(("child_level", level.to_string()));
                    next.push(Group { pids, tags, level });
                }
            }
            groups.extend(next.iter().cloned());
            generation = next;
        }
        Ok(groups)
    }

    /// The processes of the control groups at a path, which may have wildcards.
    fn control_groups(&mut self, path: &str) -> Result<Vec<Group>> {
        let full = if path.starts_with('/') { PathBuf::from(path) } else { self.cgroups.join(path) };
        let mut groups = Vec::new();
        for folder in GlobPath::new(&full.to_string_lossy())?.matches() {
            ensure!(folder.is_dir(), "read {}: not a directory", folder.display());
            let pids = members(self.reader.need(&folder.join("cgroup.procs"))?);
            let tags = vec![("cgroup", path.to_owned()), ("cgroup_full", folder.to_string_lossy().into_owned())];
            groups.push(Group { pids, tags, level: 0 });
        }
        Ok(groups)
    }

    /// The main process of a unit, or all processes of the units that match. A unit that does not run has none.
    fn units(&mut self, unit: &Glob, name: &str, children: bool) -> Vec<Group> {
        let mut groups = Vec::new();
        for folder in self.unit_folders(unit) {
            let mut pids = Vec::new();
            self.members_below(&folder, &mut pids, UNIT_DEPTH);
            let mut tags = vec![("systemd_unit", name.to_owned())];
            if children {
                tags.push(("cgroup_full", folder.to_string_lossy().into_owned()));
            } else {
                pids = self.first_of(&pids).into_iter().collect();
            }
            groups.push(Group { pids, tags, level: 0 });
        }
        if groups.is_empty() {
            groups.push(Group { tags: vec![("systemd_unit", name.to_owned())], ..Group::default() });
        }
        groups
    }

    /// The folders of units that match. Units stand in slices, which may stand in each other.
    fn unit_folders(&self, unit: &Glob) -> Vec<PathBuf> {
        // With the first version of control groups systemd has a tree of its own.
        let own = self.cgroups.join("systemd");
        let root = if own.is_dir() { own } else { self.cgroups.clone() };
        let mut found = Vec::new();
        let mut rest = vec![(root, 0)];
        let mut looked_at = 0;
        while let Some((folder, depth)) = rest.pop() {
            looked_at += 1;
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())) {
                let name = entry.file_name();
                let Some(name) = name.to_str() else { continue };
                if unit.is_match(name) {
                    found.push(entry.path());
                } else if name.ends_with(".slice") && depth < UNIT_DEPTH && looked_at < UNIT_FOLDERS {
                    rest.push((entry.path(), depth + 1));
                }
            }
        }
        found.sort();
        found
    }

    fn members_below(&mut self, folder: &Path, pids: &mut Vec<u32>, depth: usize) {
        if let Ok(text) = self.reader.read(&folder.join("cgroup.procs")) {
            pids.extend(members(text));
        }
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten().filter(|e| depth > 0 && e.file_type().is_ok_and(|t| t.is_dir())) {
            self.members_below(&entry.path(), pids, depth - 1);
        }
    }

    /// The process of a unit that the others come from: the first to start of those whose parent is none of them.
    fn first_of(&mut self, pids: &[u32]) -> Option<u32> {
        let all: HashSet<i64> = pids.iter().map(|p| i64::from(*p)).collect();
        let stats = pids.iter().filter_map(|pid| Some((self.stat(*pid)?, *pid)));
        let roots = stats.filter(|(stat, _)| !all.contains(&stat.parent));
        roots.min_by_key(|(stat, pid)| (stat.start, *pid)).map(|r| r.1)
    }

    /// All processes.
    fn pids(&self) -> Result<Vec<u32>> {
        let mut pids: Vec<u32> = if cfg!(windows) {
            self.listed.keys().copied().collect()
        } else {
            let entries = std::fs::read_dir(&self.proc).with_context(|| format!("read {}", self.proc.display()))?;
            entries.flatten().filter_map(|e| e.file_name().to_str().and_then(|n| n.parse().ok())).collect()
        };
        pids.sort_unstable();
        Ok(pids)
    }

    pub(super) fn path(&self, pid: u32, file: &str) -> PathBuf {
        self.proc.join(format!("{pid}/{file}"))
    }

    pub(super) fn stat(&mut self, pid: u32) -> Option<Stat> {
        if let Some(process) = self.listed.get(&pid) {
            return Some(windows::stat(process));
        }
        let path = self.path(pid, "stat");
        Stat::parse(self.reader.read(&path).ok()?)
    }

    pub(super) fn status(&mut self, pid: u32) -> Option<Status> {
        let path = self.path(pid, "status");
        Some(Status::parse(self.reader.read(&path).ok()?))
    }

    pub(super) fn command_line(&mut self, pid: u32) -> Option<String> {
        if cfg!(windows) {
            return agent_windows::command_line(pid).ok();
        }
        let path = self.path(pid, "cmdline");
        Some(command_line(self.reader.read(&path).ok()?))
    }

    pub(super) fn name(&mut self, pid: u32) -> Option<String> {
        if let Some(process) = self.listed.get(&pid) {
            return Some(process.name.clone());
        }
        let name = self.stat(pid)?.name;
        let path = self.path(pid, "cmdline");
        Some(full_name(&name, self.reader.read(&path).unwrap_or_default()))
    }

    fn executable(&self, pid: u32) -> Option<String> {
        if cfg!(windows) {
            return agent_windows::executable(pid).ok();
        }
        Some(std::fs::read_link(self.path(pid, "exe")).ok()?.to_string_lossy().into_owned())
    }

    pub(super) fn user(&mut self, pid: u32) -> Option<String> {
        if cfg!(windows) {
            return agent_windows::user(pid).ok();
        }
        let uid = self.status(pid)?.uid;
        Some(accounts::user_name(accounts::passwd(&mut self.reader, &self.etc), uid))
    }
}

/// The process ids of a file `cgroup.procs`.
fn members(text: &[u8]) -> Vec<u32> {
    scan::words(text).filter_map(|w| u32::try_from(scan::uint(w)?).ok()).collect()
}
