//! The arrays of `/proc/mdstat`, see md(4).
//!
//! An array is a line with its name, state and devices, and the lines below it that begin with blanks: its size, perhaps a
//! bitmap, and what is being done to it.

/// An array.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Array {
    pub(super) name: String,
    /// `active` or `inactive`.
    state: String,
    /// What is being done to it, if anything is.
    work: Option<&'static str>,
    /// Devices, sorted.
    pub(super) devices: Vec<String>,
    pub(super) active: i64,
    pub(super) total: i64,
    pub(super) down: i64,
    pub(super) failed: i64,
    pub(super) spare: i64,
    /// Blocks of 1 KiB, and how many of them are in order.
    pub(super) blocks: i64,
    pub(super) synced: i64,
    /// How far the work is in percent, minutes to its end, and KiB a second.
    pub(super) percent: f64,
    pub(super) minutes: f64,
    pub(super) speed: f64,
}

/// Works and what an array that they are done to is called.
const WORKS: [(&str, &str); 4] =
    [("recovery", "recovering"), ("resync", "resyncing"), ("check", "checking"), ("reshape", "reshaping")];

impl Array {
    /// What goes on with it.
    pub(super) fn activity(&self) -> &str {
        self.work.unwrap_or(&self.state)
    }

    /// Reads the line with the name.
    fn head(line: &str) -> Option<Array> {
        let (name, rest) = line.split_once(" : ")?;
        let mut devices: Vec<String> =
            rest.split_whitespace().filter_map(|w| Some(w.split_once('[')?.0.to_owned())).collect();
        devices.sort();
        let state = rest.split_whitespace().next()?.to_owned();
        // These know no spare and no missing device, and their line of the size says nothing of devices.
        let whole = rest.contains("raid0") || rest.contains("linear");
        let all = if whole { devices.len() as i64 } else { 0 };
        Some(Array {
            name: name.trim().to_owned(),
            state,
            devices,
            active: all,
            total: all,
            failed: rest.matches("(F)").count() as i64,
            spare: rest.matches("(S)").count() as i64,
            ..Array::default()
        })
    }

    /// Reads a line below.
    fn add(&mut self, line: &str) {
        let line = line.trim();
        if let Some((blocks, rest)) = line.split_once(" blocks") {
            self.blocks = blocks.parse().unwrap_or(0);
            self.synced = self.blocks;
            // Devices of an array that does not run are there, but in no use.
            if self.state == "inactive" {
                return;
            }
            let mut groups = rest.split('[').skip(1).filter_map(|g| g.split_once(']')).map(|g| g.0);
            if let Some((total, active)) = groups.find_map(|g| g.split_once('/'))
                && let (Ok(total), Ok(active)) = (total.parse(), active.parse())
            {
                (self.total, self.active) = (total, active);
                self.down = groups.next().map_or(0, |g| g.matches('_').count() as i64);
            }
        } else if line.starts_with("bitmap:") {
            // Says nothing of the state.
        } else if let Some((_, work)) = WORKS.iter().find(|w| line.contains(w.0)) {
            self.work = Some(work);
            // Work that waits (DELAYED, PENDING) has done nothing.
            self.synced = between(line, "(", "/").and_then(|t| t.parse().ok()).unwrap_or(0);
            let number = |from, to| between(line, from, to).and_then(|t| t.trim().parse().ok()).unwrap_or(0.0);
            self.percent = number("= ", "%");
            self.minutes = number("finish=", "min");
            self.speed = number("speed=", "K");
        }
    }
}

/// All arrays.
pub(super) fn parse(text: &str) -> Vec<Array> {
    let mut arrays: Vec<Array> = Vec::new();
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some(array) = arrays.last_mut() {
                array.add(line);
            }
        } else if !line.starts_with("Personalities") && !line.starts_with("unused") {
            arrays.extend(Array::head(line));
        }
    }
    arrays
}

/// The text between the first `from` and the next `to`.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    Some(text.split_once(from)?.1.split_once(to)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const TABLE: &str = "Personalities : [linear] [raid0] [raid1]\n\
        md2 : active raid5 sdd[3](S) sdc[2](F) sdb[1] sda[0]\n      100 blocks level 5 [3/2] [UU_]\n\
        \x20     bitmap: 0/1 pages [0KB], 65536KB chunk\n\x20     [=>..]  recovery =  8.5% (16/195) finish=17.0min speed=259783K/sec\n\n\
        md3 : active (auto-read-only) raid1 sdb1[1] sda1[0]\n      200 blocks [2/2] [UU]\n      \tresync=PENDING\n\n\
        md4 : active raid0 sdb2[1] sda2[0]\n      300 blocks super 1.2 512k chunks\n\n\
        md5 : inactive sdc1[2](S)\n      400 blocks\n\n\
        md6 : inactive raid1 sda3[0](F) sdb3[1](S)\n      500 blocks [2/2] [UU]\n\nunused devices: <none>\n";

    #[test]
    fn reads_arrays_in_every_state() {
        let arrays = parse(TABLE);
        assert_eq!(arrays.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["md2", "md3", "md4", "md5", "md6"]);
        assert_eq!(
            arrays.iter().map(Array::activity).collect::<Vec<_>>(),
            ["recovering", "resyncing", "active", "inactive", "inactive"]
        );
        let disks = |a: &Array| [a.active, a.total, a.down, a.failed, a.spare];
        assert_eq!(
            arrays.iter().map(disks).collect::<Vec<_>>(),
            [[2, 3, 1, 1, 1], [2, 2, 0, 0, 0], [2, 2, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 1]]
        );
        assert_eq!(
            arrays.iter().map(|a| (a.blocks, a.synced)).collect::<Vec<_>>(),
            [(100, 16), (200, 0), (300, 300), (400, 400), (500, 500)]
        );
        assert_eq!((arrays[0].percent, arrays[0].minutes, arrays[0].speed), (8.5, 17.0, 259783.0));
        assert_eq!(arrays[0].devices, ["sda", "sdb", "sdc", "sdd"]);
    }

    #[test]
    fn takes_anything() {
        noise(TABLE.as_bytes(), |text| {
            parse(&String::from_utf8_lossy(text));
        });
    }
}
