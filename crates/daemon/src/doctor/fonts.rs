//! Fonts for what is written into pictures: captions and the card of a gap, in the room's languages.

use std::process::Stdio;
use std::time::Duration;

use lectern_domain::api::Check;
use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

/// For all languages together.
const ASKED_WITHIN: Duration = Duration::from_secs(8);

/// Asks fontconfig, as the renderer does, for a font of each language.
pub(super) async fn look(languages: &[String]) -> Vec<Check> {
    let deadline = Instant::now() + ASKED_WITHIN;
    let mut lacking = Vec::new();
    for language in languages {
        match has_font(language, deadline).await {
            Some(true) => {}
            Some(false) => lacking.push(language.as_str()),
            None => {
                return vec![Check::warning(
                    "fonts",
                    "Whether there are fonts for the room's languages cannot be told: fc-list did not answer.",
                    "apt install fontconfig",
                )];
            }
        }
    }
    vec![judge(languages, &lacking)]
}

fn judge(languages: &[String], lacking: &[&str]) -> Check {
    if lacking.is_empty() {
        let all = languages.join(", ");
        return Check::good(
            "fonts",
            format!("There are fonts for the room's languages: {all}."),
        );
    }
    Check::warning(
        "fonts",
        format!(
            "There is no font for {}: captions would show boxes.",
            lacking.join(", ")
        ),
        format!("apt install {}", packages(lacking)),
    )
}

fn packages(lacking: &[&str]) -> &'static str {
    let is_wide = |language: &&str| ["zh", "ja", "ko"].iter().any(|wide| language.starts_with(wide));
    if lacking.iter().any(is_wide) {
        "fonts-noto-cjk fonts-noto-core"
    } else {
        "fonts-noto-core"
    }
}

/// The name that fontconfig has for a language: its tag in small letters, Chinese with its script.
fn tag(language: &str) -> String {
    match language.to_ascii_lowercase().as_str() {
        "zh" | "zh-hans" => "zh-cn".to_owned(),
        "zh-hant" => "zh-tw".to_owned(),
        chinese if chinese.starts_with("zh-") => chinese.to_owned(),
        other => other.split('-').next().unwrap_or(other).to_owned(),
    }
}

/// Whether a font has all letters of this language; `None`: nobody can tell.
async fn has_font(language: &str, deadline: Instant) -> Option<bool> {
    let mut command = Command::new("fc-list");
    command
        .arg(format!(":lang={}", tag(language)))
        .arg("family")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout_at(deadline, command.output()).await.ok()?.ok()?;
    output.status.success().then_some(!output.stdout.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_asked_for_by_fontconfigs_names() {
        for (language, name) in [
            ("en", "en"),
            ("pt-BR", "pt"),
            ("zh", "zh-cn"),
            ("zh-TW", "zh-tw"),
            ("ar", "ar"),
        ] {
            assert_eq!(tag(language), name);
        }
    }

    #[test]
    fn a_language_without_a_font_names_the_package() {
        let languages = ["en".to_owned(), "zh".to_owned()];
        assert_eq!(judge(&languages, &[]).todo, "");
        let lacking = judge(&languages, &["zh"]);
        assert_eq!(lacking.todo, "apt install fonts-noto-cjk fonts-noto-core");
        assert_eq!(judge(&languages, &["am"]).todo, "apt install fonts-noto-core");
    }
}
