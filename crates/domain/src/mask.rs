//! What nobody else may read, taken out of texts that people and logs see.

use crate::config::is_secret;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "***";

/// Text without the secrets that may stand in it: before the `@` of an address, and behind
/// `user-pw=` of a GStreamer fragment or `password=` of a query. Never blocks; any text will do.
pub fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
            .unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(host) => {
                out.push_str(MASK);
                &after[host..]
            }
            None => after,
        };
    }
    out.push_str(rest);
    masked_words(&out)
}

fn masked_words(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        let name = before[..at].trim_end();
        let begin = name
            .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_')))
            .map_or(0, |last| {
                last + name[last..].chars().next().map_or(1, char::len_utf8)
            });
        rest = after;
        if !names_secret(&name[begin..]) {
            continue;
        }
        let value = after.trim_start();
        let closing = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let end = match closing {
            Some(quote) => value[1..].find(quote).map_or(value.len(), |end| end + 2),
            None => value
                .find(|c: char| c.is_whitespace() || matches!(c, '&' | ';' | ',' | '"' | '\''))
                .unwrap_or(value.len()),
        };
        out.push_str(MASK);
        rest = &value[end..];
    }
    out.push_str(rest);
    out
}

/// What services call the secret in the address of a webhook. Whole names: `key` is also a part of
/// many harmless ones.
const IN_QUERIES: [&str; 5] = ["key", "sig", "signature", "code", "apikey"];

/// Whether a word, such as an option or a property, names a secret.
pub(crate) fn names_secret(word: &str) -> bool {
    let plain = word.trim_start_matches('-').to_lowercase().replace('-', "_");
    is_secret(&plain)
        || IN_QUERIES.contains(&plain.as_str())
        || plain
            .split('_')
            .any(|part| is_secret(part) || matches!(part, "pw" | "pwd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        for (text, shown) in [
            (
                "rtsp://viewer:hunter2@10.0.0.9/stream1",
                "rtsp://***@10.0.0.9/stream1",
            ),
            (
                "rtsp://10.0.0.9/s?user=a&password=hunter2&x=1",
                "rtsp://10.0.0.9/s?user=a&password=***&x=1",
            ),
            (
                "https://hooks.example.edu/in?key=hunter2&room=b204",
                "https://hooks.example.edu/in?key=***&room=b204",
            ),
            ("x264enc key-int-max=30", "x264enc key-int-max=30"),
            (
                "rtspsrc location=rtsp://a:hunter2@b user-pw = \"hunter2 x\" ! identity",
                "rtspsrc location=rtsp://***@b user-pw =*** ! identity",
            ),
            ("x user-pw=hunter2 y", "x user-pw=*** y"),
            ("rtsp://a:hunter/2@b/c", "rtsp://***@b/c"),
            ("videotestsrc is-live=true", "videotestsrc is-live=true"),
            (
                "rtspsrc\nuser-pw=hunter2\n! fakesink",
                "rtspsrc\nuser-pw=***\n! fakesink",
            ),
            ("é=é", "é=é"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_mask_panic(text in "[a-z:/@=\"' é-]{0,60}") {
            drop(masked(&text));
        }
    }
}
