//! What somebody is told: its words in his language, and its JSON. Pure.

use jiff::tz::TimeZone;
use lectern_domain::api::{Arg, Args, Message, Severity, args};
use lectern_domain::config::Notify;
use lectern_domain::ids::LectureId;
use lectern_domain::notice::DayFigures;
use lectern_words::{Language, Voice};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::standing::Say;

/// The body of a webhook's request, and what a mail is written from. Keys are stable: a later
/// version adds and never renames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Stays the same however often it is sent: whoever knows it already leaves it out.
    pub id: Uuid,
    /// What it tells.
    pub event: Event,
    /// Where.
    pub room: RoomName,
    /// When it was written, in milliseconds since 1970.
    pub at_unix_ms: i64,
    /// Which language the words below are in.
    pub language: String,
    /// One line.
    pub title: String,
    /// All of it, a line for each thing.
    pub text: String,
    /// The trouble; absent in reports and tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// Yesterday in figures; in reports only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<DayFigures>,
}

/// What a notice tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A person must do something.
    Fault,
    /// It still stands.
    Still,
    /// It is over.
    Over,
    /// The morning report.
    Report,
    /// Somebody asked for it.
    Test,
}

/// A room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomName {
    /// `room.id`
    pub id: String,
    /// `room.name`
    pub name: String,
}

/// A trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Stable word for programs, such as `source-lost`.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// What it is about: a source, a platform, a lecture's id.
    pub subject: Option<String>,
    /// Since when, in milliseconds since 1970.
    pub since_unix_ms: i64,
    /// The lecture that was under way when this was written.
    pub lecture: Option<LectureId>,
    /// What happened.
    pub what: String,
    /// What is safe.
    pub safe: String,
    /// What to do.
    pub todo: String,
}

/// For whom, where and when something is said.
pub(crate) struct Scribe<'a> {
    pub(crate) target: &'a Notify,
    pub(crate) room: &'a RoomName,
    pub(crate) zone: &'a TimeZone,
    pub(crate) now_unix_ms: i64,
}

impl Scribe<'_> {
    /// A trouble that begins, stands or is over.
    pub(crate) fn trouble(
        &self,
        say: Say,
        message: &Message,
        since_unix_ms: i64,
        lecture: Option<LectureId>,
    ) -> Notice {
        let voice = self.voice();
        let [what, safe, todo] = said(&voice, message);
        let (event, key) = match say {
            Say::Stands => (Event::Fault, "notice-fault"),
            Say::StillStands => (Event::Still, "notice-still"),
            Say::Over => (Event::Over, "notice-over"),
        };
        let about = [
            ("room", Arg::Text(self.room.name.clone())),
            ("what", Arg::Text(what.clone())),
        ];
        let mut lines = vec![match say {
            Say::Over => voice.plain("notice-over-line", &args(about.clone())),
            Say::Stands | Say::StillStands => what.clone(),
        }];
        if say != Say::Over {
            lines.extend([safe.clone(), todo.clone()]);
        }
        lines.push(String::new());
        lines.push(voice.plain("notice-since", &args([("at", Arg::AtUnixMs(since_unix_ms))])));
        if let Some(subject) = &message.subject {
            lines.push(voice.plain("notice-subject", &args([("subject", Arg::Text(subject.clone()))])));
        }
        if let Some(lecture) = lecture {
            let id = Arg::Text(lecture.to_string());
            lines.push(voice.plain("notice-lecture", &args([("lecture", id)])));
        }
        lines.push(self.signed(&voice));
        let trouble = Trouble {
            code: message.code.clone(),
            severity: message.severity,
            subject: message.subject.clone(),
            since_unix_ms,
            lecture,
            what,
            safe,
            todo,
        };
        Notice {
            trouble: Some(trouble),
            ..self.notice(event, voice.plain(key, &args(about)), &lines)
        }
    }

    /// The morning report; `troubles` is what needs a person now.
    pub(crate) fn report(
        &self,
        day: DayFigures,
        recordable_ms: u64,
        next_unix_ms: Option<i64>,
        troubles: &[Message],
    ) -> Notice {
        let voice = self.voice();
        let number = |key: &str, n: u32| voice.plain(key, &args([("count", Arg::Number(n.into()))]));
        let mut lines = vec![
            number("report-recorded", day.recorded),
            number("report-sent", day.sent),
        ];
        for (key, n) in [
            ("report-stuck", day.stuck),
            ("report-silent", day.silent),
            ("report-missed", day.missed),
            ("report-crashes", day.crashes),
        ] {
            if n > 0 {
                lines.push(number(key, n));
            }
        }
        lines.push(voice.plain("report-disk", &args([("left", Arg::LengthMs(recordable_ms))])));
        lines.push(match next_unix_ms {
            Some(at) => voice.plain("report-next", &args([("at", Arg::AtUnixMs(at))])),
            None => voice.plain("report-no-next", &Args::new()),
        });
        lines.push(String::new());
        if troubles.is_empty() {
            lines.push(voice.plain("report-well", &Args::new()));
        } else {
            lines.push(voice.plain("report-troubles", &Args::new()));
            for trouble in troubles {
                let [what, _, todo] = said(&voice, trouble);
                lines.push(format!("– {what} {todo}"));
            }
        }
        lines.push(self.signed(&voice));
        let title = voice.plain(
            "report-title",
            &args([
                ("room", Arg::Text(self.room.name.clone())),
                ("recorded", Arg::Number(day.recorded.into())),
                ("sent", Arg::Number(day.sent.into())),
            ]),
        );
        Notice {
            figures: Some(day),
            ..self.notice(Event::Report, title, &lines)
        }
    }

    /// A notice that somebody asked for.
    pub(crate) fn test(&self) -> Notice {
        let voice = self.voice();
        let about = args([("room", Arg::Text(self.room.name.clone()))]);
        let lines = [voice.plain("notice-test-line", &Args::new()), self.signed(&voice)];
        self.notice(Event::Test, voice.plain("notice-test", &about), &lines)
    }

    fn notice(&self, event: Event, title: String, lines: &[String]) -> Notice {
        Notice {
            id: Uuid::new_v4(),
            event,
            room: self.room.clone(),
            at_unix_ms: self.now_unix_ms,
            language: self.target.language.clone(),
            title,
            text: lines.join("\n"),
            trouble: None,
            figures: None,
        }
    }

    /// The last line: which room, when.
    fn signed(&self, voice: &Voice) -> String {
        let said = args([
            ("room", Arg::Text(self.room.id.clone())),
            ("at", Arg::AtUnixMs(self.now_unix_ms)),
        ]);
        voice.plain("notice-from", &said)
    }

    fn voice(&self) -> Voice {
        Voice {
            language: Language::from_tag(&self.target.language).unwrap_or_default(),
            zone: self.zone.clone(),
            now_unix_ms: self.now_unix_ms,
        }
    }
}

/// The three parts of a message. Of one that no catalogue has, only the kind is told: its English
/// was not written for people outside of the room.
fn said(voice: &Voice, message: &Message) -> [String; 3] {
    let key = match voice.find(&message.key, &message.args) {
        Some(_) => message.key.clone(),
        None => "notice-kind".to_owned(),
    };
    let mut known = Message {
        key,
        ..Message::default()
    };
    known.args.clone_from(&message.args);
    known
        .args
        .insert("code".to_owned(), Arg::Text(message.code.clone()));
    voice.message(&known).map(|part| plain(&part))
}

/// Without the marks that isolate what stands in a sentence: mails and programs show them badly.
fn plain(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_message_without_a_sentence_only_its_kind_leaves_the_room() {
        let message = Message {
            code: "invented".to_owned(),
            what: "Canary of a title cannot begin.".to_owned(),
            ..Message::default()
        };
        for (language, word) in [
            (Language::En, "needs a person"),
            (Language::Fr, "demande l’aide"),
            (Language::Zh, "人工处理"),
            (Language::Ru, "вмешательство"),
            (Language::Ar, "يحتاج إلى شخص"),
        ] {
            let voice = Voice {
                language,
                ..Voice::english(TimeZone::UTC, 0)
            };
            let said = said(&voice, &message);
            assert!(said[0].contains("invented") && said[0].contains(word), "{said:?}");
            assert!(
                said.iter()
                    .all(|part| !part.is_empty() && !part.contains("Canary")),
                "{said:?}"
            );
        }
    }
}
