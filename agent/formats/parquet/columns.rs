//! The values of one column, row by row.

use agent_golang::number::{FloatStyle, append_float};
use parquet::basic::{ConvertedType, LogicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;
use std::borrow::Cow;

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// Of 32 bits, which as text has fewer digits.
    Float32(f32),
    Text(String),
}

impl Cell {
    pub(super) fn text(&self) -> Cow<'_, str> {
        let float = |value: f64| {
            let mut out = String::new();
            append_float(value, FloatStyle::Plain, &mut out);
            Cow::Owned(out)
        };
        match self {
            Cell::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Cell::Int(value) => Cow::Owned(value.to_string()),
            Cell::Uint(value) => Cow::Owned(value.to_string()),
            Cell::Float(value) => float(*value),
            Cell::Float32(value) => float(format!("{value}").parse().unwrap_or(f64::from(*value))),
            Cell::Text(value) => Cow::Borrowed(value),
        }
    }
}

/// A column being read.
pub(super) struct Column {
    pub(super) name: String,
    reader: ColumnReader,
    /// A value is there where its level is this.
    full: i16,
    repeated: bool,
    unsigned: bool,
    /// The values of the rows that were read: a row, for lists the place in the list, the value.
    cells: Vec<(usize, usize, Cell)>,
    /// The first of `cells` that was not taken yet.
    at: usize,
}

impl Column {
    pub(super) fn new(descriptor: &ColumnDescriptor, reader: ColumnReader) -> Column {
        let unsigned = match (descriptor.logical_type_ref(), descriptor.converted_type()) {
            (Some(LogicalType::Integer(kind)), _) => !kind.is_signed,
            (_, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64) => {
                true
            }
            _ => false,
        };
        let repeated = descriptor.max_rep_level() > 0;
        Column {
            name: if repeated { list_name(descriptor.path().parts()) } else { descriptor.name().to_owned() },
            reader,
            full: descriptor.max_def_level(),
            repeated,
            unsigned,
            cells: Vec::new(),
            at: 0,
        }
    }

    /// Reads up to `rows` rows; gives how many there were.
    pub(super) fn read(&mut self, rows: usize) -> Result<usize, ParquetError> {
        self.cells.clear();
        self.at = 0;
        let Column { full, unsigned, cells, .. } = self;
        let (full, unsigned) = (*full, *unsigned);
        let text = |v: ByteArray| match String::from_utf8(v.data().to_vec()) {
            Ok(text) => text,
            Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
        };
        match &mut self.reader {
            ColumnReader::BoolColumnReader(r) => take(r, rows, full, cells, Cell::Bool),
            ColumnReader::Int32ColumnReader(r) if unsigned => {
                take(r, rows, full, cells, |v| Cell::Int(i64::from(v as u32)))
            }
            ColumnReader::Int32ColumnReader(r) => take(r, rows, full, cells, |v| Cell::Int(i64::from(v))),
            ColumnReader::Int64ColumnReader(r) if unsigned => take(r, rows, full, cells, |v| Cell::Uint(v as u64)),
            ColumnReader::Int64ColumnReader(r) => take(r, rows, full, cells, Cell::Int),
            ColumnReader::Int96ColumnReader(r) => take(r, rows, full, cells, |v| Cell::Int(v.to_nanos())),
            ColumnReader::FloatColumnReader(r) => take(r, rows, full, cells, Cell::Float32),
            ColumnReader::DoubleColumnReader(r) => take(r, rows, full, cells, Cell::Float),
            ColumnReader::ByteArrayColumnReader(r) => take(r, rows, full, cells, |v| Cell::Text(text(v))),
            ColumnReader::FixedLenByteArrayColumnReader(r) => {
                take(r, rows, full, cells, |v| Cell::Text(text(v.into())))
            }
        }
    }

    /// Calls `each` for every value of a row of those read last, with its name; rows are asked for in order.
    pub(super) fn row(&mut self, row: usize, mut each: impl FnMut(&str, &Cell)) {
        while let Some((own, place, cell)) = self.cells.get(self.at).filter(|(own, _, _)| *own <= row) {
            if *own == row {
                if self.repeated {
                    each(&format!("{}_{place}", self.name), cell);
                } else {
                    each(&self.name, cell);
                }
            }
            self.at += 1;
        }
    }
}

/// Reads rows of a column; gives how many.
fn take<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    full: i16,
    cells: &mut Vec<(usize, usize, Cell)>,
    cell: impl Fn(T::T) -> Cell,
) -> Result<usize, ParquetError> {
    let (mut definitions, mut repetitions, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let (read, _, levels) = reader.read_records(rows, Some(&mut definitions), Some(&mut repetitions), &mut values)?;
    let mut values = values.into_iter();
    let (mut row, mut place) = (0, 0);
    // Columns without levels have a value in every row.
    for i in 0..levels.max(if definitions.is_empty() { values.len() } else { 0 }) {
        match repetitions.get(i) {
            Some(1..) => place += 1,
            _ if i > 0 => (row, place) = (row + 1, 0),
            _ => {}
        }
        if definitions.get(i).is_none_or(|level| *level == full)
            && let Some(value) = values.next()
        {
            cells.push((row, place, cell(value)));
        }
    }
    Ok(read)
}

/// The name of a list: its path without the parts that only say that it is one.
fn list_name(parts: &[String]) -> String {
    let structure = ["list", "element", "item", "array", "bag", "array_element", "key_value"];
    let kept: Vec<&str> = parts
        .iter()
        .enumerate()
        .filter(|(i, part)| *i == 0 || !structure.contains(&part.as_str()))
        .map(|(_, part)| part.as_str())
        .collect();
    kept.join("_")
}
