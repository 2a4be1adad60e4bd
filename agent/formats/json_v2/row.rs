//! A metric in the making, and the combinations of rows.

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Float(f64),
    Int(i64),
    Uint(u64),
    Bool(bool),
    Text(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) tags: Vec<(String, String)>,
    pub(super) fields: Vec<(String, Cell)>,
    pub(super) time: Option<i64>,
}

/// A document may give so many values in all, as the combinations of several arrays multiply.
const LARGEST: usize = 10_000_000;

/// Every row of the one with every row of the other; the other alone where one has none. The time of `a` counts before that of `b`.
pub(super) fn combine(a: Vec<Row>, b: Vec<Row>) -> Result<Vec<Row>, String> {
    if a.is_empty() || b.is_empty() {
        return Ok(if a.is_empty() { b } else { a });
    }
    let width = |rows: &[Row]| rows.iter().map(|row| 1 + row.tags.len() + row.fields.len()).max().unwrap_or(1);
    if a.len().saturating_mul(b.len()).saturating_mul(width(&a) + width(&b)) > LARGEST {
        return Err(format!("{} times {} combinations of array elements are too many", a.len(), b.len()));
    }
    if let ([_], [_]) = (&a[..], &b[..]) {
        // The usual case: a value is added to a row without a copy.
        return Ok(a.into_iter().zip(b).map(|(a, b)| merge(a, b)).collect());
    }
    Ok(a.iter().flat_map(|a| b.iter().map(|b| merge(a.clone(), b.clone()))).collect())
}

fn merge(mut a: Row, b: Row) -> Row {
    a.tags.extend(b.tags);
    a.fields.extend(b.fields);
    a.time = a.time.or(b.time);
    a
}
