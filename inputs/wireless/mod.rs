//! Quality of wireless links, from `/proc/net/wireless`.
//!
//! Quality goes up and down, discarded packets are counted: two metrics an interface.

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<Wireless>());

/// Reads `/proc/net/wireless`.
struct Wireless {
    table: PathBuf,
    reader: Reader,
}

/// Where the table is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Folder in place of `/proc`; empty means what `HOST_PROC` says, else `/proc`.
    host_proc: String,
}

impl Plugin for Wireless {
    const NAME: &'static str = "wireless";
    const ABOUT: &'static str = "Reads the quality of wireless links.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let proc = if settings.host_proc.is_empty() { env.host.proc.clone() } else { settings.host_proc.into() };
        Ok(Wireless { table: proc.join("net/wireless"), reader: Reader::new() })
    }
}

impl Input for Wireless {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        for line in scan::lines(self.reader.need(&self.table)?) {
            let Some((name, link)) = parse(line) else { continue };
            let name = scan::text(name);
            for (fields, kind) in [(&GAUGES[..], Kind::Gauge), (&COUNTERS[..], Kind::Counter)] {
                let mut metric = out.metric("wireless").tag("interface", &name).kind(kind);
                for (field, column) in fields {
                    metric.add_field(field, link[*column]);
                }
            }
        }
        Ok(())
    }
}

/// Fields and their columns.
const GAUGES: [(&str, usize); 4] = [("status", 0), ("link", 1), ("level", 2), ("noise", 3)];
const COUNTERS: [(&str, usize); 6] = [("nwid", 4), ("crypt", 5), ("frag", 6), ("retry", 7), ("misc", 8), ("beacon", 9)];

/// Name and columns of a line; nothing for the two lines of the head. The status is hexadecimal; a point behind a number says
/// that it has changed since it was last read.
fn parse(line: &[u8]) -> Option<(&[u8], [i64; 10])> {
    let (name, rest) = scan::split_once(line, b':')?;
    let mut words = scan::words(rest);
    let mut columns = [0; 10];
    columns[0] = i64::try_from(scan::hex(words.next()?)?).ok()?;
    for column in &mut columns[1..] {
        let word = words.next()?;
        *column = scan::int(word.strip_suffix(b".").unwrap_or(word))?;
    }
    Some((name.trim_ascii(), columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather, noise};

    const TABLE: &str = "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n \
        face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n\
        wlp3s0: 001f   57.  -53.  -256        1      2      3      4    155        6\n";

    #[test]
    fn an_interface_is_two_metrics() {
        let tree = Tree::of(&[("proc/net/wireless", TABLE)]);
        let want = [
            "wireless,interface=wlp3s0 beacon=6i,crypt=2i,frag=3i,misc=155i,nwid=1i,retry=4i",
            "wireless,interface=wlp3s0 level=-53i,link=57i,noise=-256i,status=31i",
        ];
        assert_eq!(gather(&mut Wireless::new(Settings::default(), &tree.env()).unwrap()), want);
        let settings = Settings { host_proc: tree.path().join("proc").to_string_lossy().into_owned() };
        assert_eq!(gather(&mut Wireless::new(settings, &Tree::empty().env()).unwrap()), want);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let got = gather(&mut Wireless::new(Settings::default(), &Tree::empty().env()).unwrap());
        assert!(got[0].contains("/proc/net/wireless: "), "{got:?}");
    }

    #[test]
    fn takes_anything() {
        noise(TABLE.as_bytes(), |text| {
            assert!(scan::lines(text).filter_map(parse).count() <= text.len());
        });
    }
}
