//! Between SQLite's values and the domain's types.
//!
//! SQLite has signed integers and text only. Numbers of ours fit 63 bits by far (nanoseconds of
//! 292 years); a text that is none of ours is an error that names it, never a default.

use std::str::FromStr;

use rusqlite::Row;
use rusqlite::types::Type;

/// A value that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" in the column {1}")]
pub(crate) struct UnknownValue(String, String);

/// For a column that holds a size, a count or a media time.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// From a column that is CHECKed to be 0 or more.
pub(crate) fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A column as a number of 0 or more.
pub(crate) fn get_uint(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(uint)
}

/// A column as a number of 0 or more, or NULL.
pub(crate) fn get_uint_opt(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(uint))
}

/// A text column as a type of the domain.
pub(crate) fn get_text<T: FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| unknown(text, column))
}

/// A text column as a type of the domain, or NULL.
pub(crate) fn get_text_opt<T: FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|_| unknown(text, column)))
        .transpose()
}

/// The error for a value that is none of ours.
pub(crate) fn unknown(text: String, column: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(UnknownValue(text, column.to_owned())))
}
