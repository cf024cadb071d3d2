//! From the text of one file to its tree, with every line that is not TOML named once.
//!
//! The parser recovers from a broken line, but one missing bracket makes it complain about each
//! line after it. So the first complaint is reported, its statement blanked, and the rest read
//! again, until nothing is broken: a file with three slips has three faults, and the sound part
//! of it is checked as well.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::ConfigFile;
use super::faults::{Findings, Place};
use super::read::{Form, SECTIONS, wrong_form};
use super::tree::{Origin, Table};

/// After this many, a file is not a configuration; the rest of it is not read.
const MAX_FAULTS_PER_FILE: usize = 50;

/// The words of a syntax fault.
pub(super) struct Words {
    pub(super) wrong: Cow<'static, str>,
    pub(super) allowed: &'static str,
    pub(super) example: &'static str,
}

/// The tree of `file`, without the statements that are reported as broken.
pub(super) fn parse(layer: usize, file: &ConfigFile, findings: &mut Findings) -> Table {
    let name: Arc<str> = file.name.as_str().into();
    let mut text = file.text.clone();
    for _ in 0..MAX_FAULTS_PER_FILE {
        let (document, errors) = DeTable::parse_recoverable(&text);
        let origin = Origin::new(layer, &name, &text);
        if let Some((form, key)) = single_brackets(&text, document.get_ref(), &errors) {
            wrong_form(&origin.place(key), form, form.title, findings);
            let header = line_range(&text, key);
            let doubled = text[header.clone()].replacen('[', "[[", 1).replacen(']', "]]", 1);
            text.replace_range(header, &doubled);
            continue;
        }
        let (doubled, broken): (Vec<_>, Vec<_>) = errors
            .iter()
            .partition(|error| error.message().starts_with("duplicate key"));
        let first = broken.into_iter().min_by_key(|error| offset(error));
        let Some(error) = first else {
            for error in doubled {
                let at = offset(error);
                findings.add_unreadable(&origin.place(at), &label(&text, at), &words(error.message(), ""));
            }
            return origin.table(origin.place(0), document.get_ref());
        };
        let statement = Statement::around(&text, document.get_ref(), offset(error));
        let said = match statement.unclosed {
            Some(opener) => unclosed(opener),
            None => words(error.message(), line_at(&text, statement.fault_at)),
        };
        findings.add_unreadable(
            &origin.place(statement.fault_at),
            &label(&text, statement.fault_at),
            &said,
        );
        // Spaces of the same length keep every other place as it is.
        let blank: String = text[statement.lines.clone()]
            .bytes()
            .map(|b| if b == b'\n' { '\n' } else { ' ' })
            .collect();
        text.replace_range(statement.lines, &blank);
    }
    Table::empty(Place::top(layer, &name))
}

/// A header `[source]` where `[[source]]` is meant, and the place of its key. Taken as meant, or each
/// further one would be the same section a second time.
fn single_brackets(
    text: &str,
    document: &DeTable<'_>,
    errors: &[toml::de::Error],
) -> Option<(&'static Form, usize)> {
    let tables = document
        .iter()
        .filter(|(_, value)| matches!(value.get_ref(), DeValue::Table(_)))
        .map(|(key, _)| key.span().start);
    let at = tables.chain(errors.iter().map(offset));
    at.filter_map(|at| {
        let header = line_at(text, text.floor_char_boundary(at.min(text.len()))).trim_start();
        let (name, _) = header.strip_prefix('[')?.split_once(']')?;
        let form = SECTIONS
            .iter()
            .find(|form| form.is_list() && form.name == name.trim())?;
        Some((form, text.floor_char_boundary(at)))
    })
    .min_by_key(|(_, at)| *at)
}

fn offset(error: &toml::de::Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

/// A broken statement: what to blank, and where to say so.
struct Statement {
    /// Whole lines; never empty.
    lines: Range<usize>,
    fault_at: usize,
    /// The first character of a value whose end was never found.
    unclosed: Option<char>,
}

impl Statement {
    fn around(text: &str, document: &DeTable<'_>, at: usize) -> Self {
        let at = last_written(text, at);
        let here = line_range(text, at);
        if let Some((key, opener)) = multi_line_value(text, document, at)
            && key < here.start
        {
            // The next statement inside a list means that the list was never closed.
            let lost = is_statement(&text[here.clone()]) || at + 1 >= text.trim_end().len();
            let mut end = line_range(text, key).end;
            while end < text.len() && !is_statement(&text[line_range(text, end)]) {
                end = line_range(text, end).end;
            }
            return Self {
                lines: line_range(text, key).start..end,
                fault_at: if lost { key } else { at },
                unclosed: lost.then_some(opener),
            };
        }
        let mut end = here.end;
        if is_header(&text[here.clone()]) {
            // The keys below a broken header belong to no section that could check them.
            while end < text.len() && !is_header(&text[line_range(text, end)]) {
                end = line_range(text, end).end;
            }
        }
        Self {
            lines: here.start..end,
            fault_at: at,
            unclosed: None,
        }
    }
}

/// The key and the opening character of the list, inline table or text that `at` lies in.
fn multi_line_value(text: &str, table: &DeTable<'_>, at: usize) -> Option<(usize, char)> {
    table.iter().find_map(|(key, value)| {
        let (key, span) = (key.span().start, value.span());
        if key < span.start && (span.start..=span.end).contains(&at) {
            return text[span.start..].chars().next().map(|opener| (key, opener));
        }
        match value.get_ref() {
            DeValue::Table(inner) => multi_line_value(text, inner, at),
            DeValue::Array(items) => items.iter().find_map(|item| match item.get_ref() {
                DeValue::Table(inner) => multi_line_value(text, inner, at),
                _ => None,
            }),
            _ => None,
        }
    })
}

/// `at`, or the last character before it that is not blank, so that a fault found at the end of
/// the text names a line with something in it.
fn last_written(text: &str, at: usize) -> usize {
    let at = text.floor_char_boundary(at.min(text.len()));
    if line_at(text, at).trim().is_empty() {
        text[..at]
            .trim_end()
            .char_indices()
            .next_back()
            .map_or(0, |(last, _)| last)
    } else {
        at
    }
}

fn line_range(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..]
        .find('\n')
        .map_or(text.len(), |newline| at + newline + 1);
    start..end
}

fn line_at(text: &str, at: usize) -> &str {
    text[line_range(text, at)].trim_end()
}

fn is_header(line: &str) -> bool {
    line.trim_start().starts_with('[')
}

fn is_statement(line: &str) -> bool {
    let key = line
        .split('=')
        .next()
        .filter(|key| key.len() < line.len())
        .map(str::trim);
    is_header(line) || key.is_some_and(is_bare_key)
}

fn is_bare_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// The key that a broken line seems to set, with its section; else the section; else `syntax`.
fn label(text: &str, at: usize) -> String {
    let bare = |header: &str| {
        let name = header
            .split('#')
            .next()
            .unwrap_or("")
            .trim()
            .trim_matches(['[', ']'])
            .trim();
        is_bare_key(name).then(|| name.to_owned())
    };
    let line = line_range(text, at);
    let own = &text[line.clone()];
    if is_header(own) {
        return bare(own).unwrap_or_else(|| "syntax".to_owned());
    }
    let section = text[..line.start]
        .lines()
        .rfind(|line| is_header(line))
        .and_then(bare);
    let key = own
        .split(['=', ':'])
        .next()
        .map(str::trim)
        .filter(|key| is_bare_key(key));
    match (section, key) {
        (Some(section), Some(key)) => format!("{section}.{key}"),
        (None, Some(key)) => key.to_owned(),
        (Some(section), None) => section,
        (None, None) => "syntax".to_owned(),
    }
}

fn unclosed(opener: char) -> Words {
    let (wrong, allowed, example) = match opener {
        '[' => (
            "the list is not closed",
            "a list ends with ]",
            "languages = [\"en\", \"fr\"]",
        ),
        '{' => (
            "the table is not closed",
            "an inline table ends with }",
            "room = { id = \"b-204\" }",
        ),
        _ => (
            "the text is not closed",
            "text ends with the quotes it began with",
            "name = \"Hall B-204\"",
        ),
    };
    Words {
        wrong: Cow::Borrowed(wrong),
        allowed,
        example,
    }
}

/// The parser's message in plain words. The value of the line is not repeated: it may be a secret.
fn words(message: &str, line: &str) -> Words {
    const VALUES: &str = "a value is text in double quotes, a whole number, true or false, or a list in [ ]";
    const LINES: &str = "each line is one key = value, and a comment begins with #";
    const KEYS: &str = "a key is made of a-z, 0-9 and _";
    let has = |part: &str| message.contains(part);
    let no_value = line
        .split_once('=')
        .is_some_and(|(_, value)| value.trim().is_empty());
    let (wrong, allowed, example): (Cow<'static, str>, _, _) = if has("duplicate key") {
        (
            "is written a second time".into(),
            "each key and section is written once in a file",
            "[room]",
        )
    } else if no_value || has("missing value") {
        ("has no value".into(), VALUES, "name = \"camera\"")
    } else if has("must be quoted") {
        (
            "the value is text without quotes".into(),
            VALUES,
            "name = \"camera\"",
        )
    } else if has("invalid basic string") || has("invalid literal string") || has("multi-line") {
        ("the closing quote is missing".into(), VALUES, "name = \"camera\"")
    } else if has("escape") {
        (
            "a backslash in double quotes begins an escape that does not exist".into(),
            "write \\\\ for a backslash, or use single quotes",
            "launch = 'videotestsrc ! identity'",
        )
    } else if has("unclosed table") || has("unclosed array table") {
        (
            "the closing bracket of the section is missing".into(),
            "[section] or [[section]]",
            "[[source]]",
        )
    } else if has("key") && line.contains(':') && !line.contains('=') {
        (
            "there is no = between key and value".into(),
            LINES,
            "name = \"camera\"",
        )
    } else if has("key with no value") {
        ("has no value".into(), VALUES, "name = \"camera\"")
    } else if has("extra `=`") {
        ("there is a second =".into(), LINES, "name = \"camera\"")
    } else if has("comma") {
        (
            "a comma is missing or too many".into(),
            "the items of a list are parted by one comma",
            "languages = [\"en\", \"fr\"]",
        )
    } else if has("unexpected key or value") || has("unexpected content") {
        ("something follows the value".into(), LINES, "segment = \"60s\"")
    } else if has("key") {
        ("this is not a key".into(), KEYS, "name = \"camera\"")
    } else if has("leading zero") || has("integer") || has("float") || has("number") || has("sign") {
        (
            "this is not a number".into(),
            "a whole number stands alone, with a unit it is text in quotes",
            "segment = \"60s\"",
        )
    } else {
        (
            message
                .split(", expected")
                .next()
                .unwrap_or(message)
                .to_owned()
                .into(),
            LINES,
            "name = \"camera\"",
        )
    };
    Words {
        wrong,
        allowed,
        example,
    }
}
