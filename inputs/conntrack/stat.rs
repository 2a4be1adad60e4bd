//! `/proc/net/stat/nf_conntrack`: a line of hexadecimal numbers for each processor.
//!
//! The head names the columns. Newer kernels have other ones in the place of some (`clashres` for `searched`, `chainlength` for
//! `delete_list`); these get the field of their place, since that is where dashboards made with Telegraf look for them.

use crate::host::scan;

/// Fields, which are the names of the columns.
pub(super) const FIELDS: [&str; 17] = [
    "entries",
    "searched",
    "found",
    "new",
    "invalid",
    "ignore",
    "delete",
    "delete_list",
    "insert",
    "insert_failed",
    "drop",
    "early_drop",
    "icmp_error",
    "expect_new",
    "expect_create",
    "expect_delete",
    "search_restart",
];

/// The numbers of a processor; a column that is missing is 0. A head of other length says nothing of places.
pub(super) type Row = [u64; FIELDS.len()];

/// The lines behind the head.
pub(super) fn parse(text: &[u8]) -> impl Iterator<Item = Row> {
    let mut lines = scan::lines(text);
    let names: Vec<&[u8]> = lines.next().map_or_else(Vec::new, |head| scan::words(head).collect());
    let place = |i: usize| {
        let free = names.len() == FIELDS.len() && !names.contains(&FIELDS[i].as_bytes());
        free.then_some(i)
    };
    let field = |(i, name): (usize, &&[u8])| FIELDS.iter().position(|f| f.as_bytes() == *name).or_else(|| place(i));
    let head: Vec<Option<usize>> = names.iter().enumerate().map(field).collect();
    lines.filter(|l| !l.trim_ascii().is_empty()).filter_map(move |line| {
        let mut row = Row::default();
        for (at, word) in head.iter().zip(scan::words(line)) {
            let value = scan::hex(word)?;
            if let Some(at) = at {
                row[*at] = value;
            }
        }
        Some(row)
    })
}

/// The sum of all processors.
pub(super) fn sum(rows: &[Row]) -> Row {
    std::array::from_fn(|i| rows.iter().fold(0u64, |sum, row| sum.saturating_add(row[i])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const STAT: &[u8] = b"entries clashres found new\n0000001f 5 6 ff\n1 2 3 4\nx\n";

    #[test]
    fn columns_are_found_by_name() {
        let rows: Vec<_> = parse(STAT).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0][0], rows[0][1], rows[0][2], rows[0][3]), (31, 0, 6, 255));
        assert_eq!(sum(&rows)[3], 259);
    }

    #[test]
    fn a_column_of_a_newer_kernel_has_the_field_of_its_place() {
        let text = format!("{}\n{}\n", FIELDS.join(" ").replace("searched", "clashres"), "a ".repeat(FIELDS.len()));
        assert_eq!(parse(text.as_bytes()).collect::<Vec<_>>(), [[10; FIELDS.len()]]);
    }

    #[test]
    fn takes_anything() {
        noise(STAT, |text| {
            sum(&parse(text).collect::<Vec<_>>());
        });
    }
}
