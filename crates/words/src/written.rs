//! How lengths, moments, sizes and names of sources are written in each language.

use fluent_bundle::FluentArgs;
use jiff::Timestamp;

use crate::{Language, Voice, catalogue};

const MINUTE_MS: u64 = 60_000;

/// The word of `written.ftl` for a number.
fn counted(language: Language, key: &str, n: u64) -> String {
    let mut args = FluentArgs::new();
    #[expect(clippy::cast_precision_loss, reason = "what is counted for people is small")]
    args.set("n", n as f64);
    catalogue::of(language)
        .say(key, &args)
        .unwrap_or_else(|| n.to_string())
}

fn plain(language: Language, key: &str) -> Option<String> {
    catalogue::of(language).say(key, &FluentArgs::new())
}

/// `40 minutes`, `61 hours`: rounded down, because it is mostly a promise.
pub(crate) fn length(language: Language, ms: u64) -> String {
    match ms / MINUTE_MS {
        0 => counted(language, "length-seconds", ms / 1000),
        minutes @ 1..120 => counted(language, "length-minutes", minutes),
        minutes => counted(language, "length-hours", minutes / 60),
    }
}

/// `11:50` on the same day, else `20 Nov, 22:00` in the language's words and order.
pub(crate) fn moment(voice: &Voice, unix_ms: i64) -> String {
    // A time outside the calendar can only come from a broken clock.
    let zoned = |ms| Timestamp::from_millisecond(ms).map(|t| t.to_zoned(voice.zone.clone()));
    let (Ok(at), Ok(now)) = (zoned(unix_ms), zoned(voice.now_unix_ms)) else {
        return "?".to_owned();
    };
    let time = at.strftime("%H:%M").to_string();
    if at.date() == now.date() {
        return time;
    }
    let mut args = FluentArgs::new();
    args.set("day", at.strftime("%-d").to_string());
    // A number, because its word is chosen by it.
    args.set("month", i64::from(at.month()));
    args.set("time", time.clone());
    catalogue::of(voice.language)
        .say("moment-other-day", &args)
        .unwrap_or(time)
}

/// `1.2 GB`
pub(crate) fn size(language: Language, bytes: u64) -> String {
    let (key, unit) = match bytes {
        0..1_000_000 => ("size-kb", 1_000),
        1_000_000..1_000_000_000 => ("size-mb", 1_000_000),
        _ => ("size-gb", 1_000_000_000),
    };
    counted(language, key, bytes.div_ceil(unit))
}

/// `Camera, Slides and Microphone`: names that are known are translated, others are written as
/// they are configured, with a capital.
pub(crate) fn sources(language: Language, names: &[String]) -> String {
    let mut written: Vec<String> = names.iter().map(|name| source(language, name)).collect();
    let Some(last) = written.pop() else {
        return String::new();
    };
    if written.is_empty() {
        return last;
    }
    let mut args = FluentArgs::new();
    let comma = plain(language, "list-comma").unwrap_or_else(|| ", ".to_owned());
    args.set("most", written.join(&comma));
    args.set("last", last.clone());
    catalogue::of(language).say("list-and", &args).unwrap_or(last)
}

fn source(language: Language, name: &str) -> String {
    plain(language, &format!("source-{name}")).unwrap_or_else(|| {
        let mut letters = name.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect())
            .unwrap_or_default()
    })
}
