//! How long a lecture is, from what is closed: pauses and gaps between runs taken out.

use lectern_domain::ids::LectureId;
use rusqlite::{Connection, params};

use super::rows::{get_uint_opt, uint};
use super::run::NS_PER_MS;

/// What is recorded of a lecture, in closed segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Length, pauses taken out, in milliseconds.
    pub(crate) ms: u64,
    /// Size in bytes.
    pub(crate) bytes: u64,
    /// Segments.
    pub(crate) segments: u64,
}

/// Sums up every run of a lecture.
pub(crate) fn recorded(connection: &Connection, lecture: LectureId) -> rusqlite::Result<Recorded> {
    let key = lecture.to_string();
    let mut total = Recorded::default();
    let mut statement = connection.prepare_cached(
        "SELECT r.run, r.end_ns, min(s.start_ns) AS first_ns, max(s.end_ns) AS last_ns,
                coalesce(sum(s.bytes), 0) AS bytes, count(s.number) AS segments
         FROM runs r LEFT JOIN segments s ON s.lecture = r.lecture AND s.run = r.run AND s.state = 'closed'
         WHERE r.lecture = ?1 GROUP BY r.run, r.end_ns",
    )?;
    let mut rows = statement.query([&key])?;
    while let Some(row) = rows.next()? {
        total.bytes += uint(row.get("bytes")?);
        total.segments += uint(row.get("segments")?);
        let (Some(first), Some(last)) = (get_uint_opt(row, "first_ns")?, get_uint_opt(row, "last_ns")?)
        else {
            continue;
        };
        let end = get_uint_opt(row, "end_ns")?.map_or(last, |end| end.min(last));
        let paused = paused_within(connection, &key, row.get("run")?, first, end)?;
        total.ms += (end.saturating_sub(first)).saturating_sub(paused) / NS_PER_MS;
    }
    Ok(total)
}

/// Nanoseconds of a run's pauses within `[from, to)`.
fn paused_within(
    connection: &Connection,
    lecture: &str,
    run: u32,
    from: u64,
    to: u64,
) -> rusqlite::Result<u64> {
    let mut statement =
        connection.prepare_cached("SELECT from_ns, to_ns FROM pauses WHERE lecture = ?1 AND run = ?2")?;
    let mut rows = statement.query(params![lecture, run])?;
    let mut sum = 0;
    while let Some(row) = rows.next()? {
        let begin = uint(row.get("from_ns")?).clamp(from, to.max(from));
        let end = get_uint_opt(row, "to_ns")?
            .unwrap_or(to)
            .clamp(from, to.max(from));
        sum += end.saturating_sub(begin);
    }
    Ok(sum)
}
