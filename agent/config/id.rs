//! The identity of a plugin: what its state and its queue are filed under over restarts.
//!
//! It follows from what the user wrote, before variables are filled in, as in Telegraf (TELEGRAF.md 4, Plugin ID): a
//! plugin keeps its state as long as its section is not edited, wherever in the files it stands.

use super::errors::Files;
use agent_api::options::{Setting, Table};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// SHA-256 over the name and the options sorted by key, in hexadecimal.
pub(super) fn of(name: &str, table: &Table, files: &Files) -> String {
    let mut options = Vec::new();
    flatten("", table, files, &mut options);
    options.sort();
    let mut hash = Sha256::new();
    hash.update(name);
    hash.update([0]);
    for (key, source) in options {
        hash.update(format!("{key}:{source}"));
        hash.update([0]);
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a String takes everything");
        out
    })
}

/// `a.b` for a table in a table, `a#0.b` for a list of tables; every other value with its source text.
fn flatten<'f>(prefix: &str, table: &Table, files: &'f Files, out: &mut Vec<(String, &'f str)>) {
    for entry in table.entries() {
        let key = format!("{prefix}{}", entry.key);
        match &entry.item.value {
            Setting::Table(inner) => flatten(&format!("{key}."), inner, files, out),
            Setting::Array(list) if !list.is_empty() && list.iter().all(|i| matches!(i.value, Setting::Table(_))) => {
                for (i, item) in list.iter().enumerate() {
                    if let Setting::Table(inner) = &item.value {
                        flatten(&format!("{key}#{i}."), inner, files, out);
                    }
                }
            }
            _ => out.push((key, files.text(entry.item.span))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::errors::File;
    use super::super::toml::{Text, read};
    use super::*;

    fn id(text: &str) -> String {
        let files = Files::new(vec![File { name: "x".into(), text: text.into() }]);
        of("inputs.x", &read(&Text::new(0, text, false)).0, &files)
    }

    #[test]
    fn it_is_the_hash_of_name_and_sorted_options() {
        let written = b"inputs.x\0a:1\0l#0.m:true\0l#1.m:[1,2]\0t.k:\"$V\"\0";
        let want = Sha256::digest(written).iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(id("l = [{m = true}, {m = [1,2]}]\na = 1\n[t]\nk = \"$V\"\n"), want);
    }

    #[test]
    fn place_and_comments_do_not_count() {
        assert_eq!(id("a = 1\nb = 2"), id("# moved\n\nb = 2 # x\na =   1"));
        assert_ne!(id("a = 1"), id("a = 2"));
    }
}
