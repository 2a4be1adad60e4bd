//! What makes a plugin the same one after a reload: its name and what its options come to, wherever they stand.
//!
//! Unlike the id of its state this is made of values, variables filled in, so that neither comments nor the order of options nor
//! the file count. Certificates and scripts count with what is in their files: renewing one and reloading is how people
//! have always put it in use.

use agent_api::options::{Item, Setting, Table};
use sha2::{Digest as _, Sha256};
use std::io::Read;

/// A hash that is equal for equal options.
pub type Digest = [u8; 32];

/// Options that name files which a plugin reads once.
const FILES: [&str; 8] =
    ["tls_ca", "tls_cert", "tls_key", "script", "bearer_token", "token_file", "bearer_token_file", "credentials_file"];

/// So much of a file counts.
const LONGEST: u64 = 4 << 20;

/// The digest of a name and its tables, each with a title.
pub(super) fn of(name: &str, tables: &[(&str, &Table)]) -> Digest {
    let mut hash = Sha256::new();
    part(&mut hash, b'n', name.as_bytes());
    for (title, table) in tables {
        part(&mut hash, b'p', title.as_bytes());
        add_table(&mut hash, table);
    }
    hash.finalize().into()
}

/// The digest of one table.
pub(crate) fn of_table(name: &str, table: &Table) -> Digest {
    of(name, &[("", table)])
}

/// A piece that cannot be mistaken for another: kind, length, bytes.
fn part(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn add_table(hash: &mut Sha256, table: &Table) {
    let mut entries: Vec<_> = table.entries().iter().collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    hash.update([b'{']);
    for entry in entries {
        part(hash, b'k', entry.key.as_bytes());
        add(hash, &entry.item);
        if FILES.contains(&entry.key.as_str()) {
            add_files(hash, &entry.item);
        }
    }
    hash.update([b'}']);
}

fn add(hash: &mut Sha256, item: &Item) {
    match &item.value {
        Setting::Str(text) => part(hash, b's', text.as_bytes()),
        Setting::Datetime(text) => part(hash, b'd', text.as_bytes()),
        Setting::Int(n) => part(hash, b'i', &n.to_le_bytes()),
        Setting::Float(n) => part(hash, b'f', &n.to_bits().to_le_bytes()),
        Setting::Bool(b) => part(hash, b'b', &[u8::from(*b)]),
        Setting::Array(list) => {
            hash.update([b'[']);
            list.iter().for_each(|item| add(hash, item));
            hash.update([b']']);
        }
        Setting::Table(table) => add_table(hash, table),
    }
}

fn add_files(hash: &mut Sha256, item: &Item) {
    match &item.value {
        Setting::Str(path) => {
            // One that cannot be read is the plugin's to complain about. A pipe would never end.
            let file = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
            let mut bytes = Vec::new();
            let read = file
                .and_then(|_| std::fs::File::open(path).ok())
                .and_then(|file| file.take(LONGEST).read_to_end(&mut bytes).ok());
            if read.is_some() {
                part(hash, b'c', &bytes);
            }
        }
        Setting::Array(list) => list.iter().for_each(|item| add_files(hash, item)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::toml::{Text, read};
    use super::*;

    fn digest(text: &str) -> Digest {
        of("inputs.x", &[("", &read(&Text::new(0, text, false)).0)])
    }

    #[test]
    fn place_order_and_spelling_do_not_count() {
        assert_eq!(digest("a = 1\nb = [\"x\"]\n[t]\nk = 2"), digest("# moved\nb = ['x'] # y\nt.k = 0x2\n\na = 1"));
        for other in ["a = 2", "a = 1.0", "a = '1'", "a = [1]", "b = 1", "", "a = true"] {
            assert_ne!(digest("a = 1"), digest(other), "{other}");
        }
        assert_ne!(digest("a = ['b', 'c']"), digest("a = ['bc']"));
        assert_ne!(digest("[t]\na = 1\n"), digest("a = 1\n[t]\n"));
    }

    #[test]
    fn a_renewed_certificate_counts_and_a_file_of_data_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("own.pem");
        let (tls, data) = (format!("tls_cert = '{}'", file.display()), format!("files = ['{}']", file.display()));
        std::fs::write(&file, "old").unwrap();
        let before = (digest(&tls), digest(&data));
        std::fs::write(&file, "new").unwrap();
        let after = (digest(&tls), digest(&data));
        assert_ne!(before.0, after.0);
        assert_eq!(before.1, after.1);
    }
}
