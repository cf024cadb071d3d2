//! What a person should know now, beside what only the conductor knows. What concerns the way to
//! the platforms is in `uploads`.

use lectern_domain::api::{Arg, ClockTrust, Message, Severity, SourceStatus};
use lectern_domain::lecture::LectureEvent;
use lectern_domain::reason;

use super::{View, choice, planned, sources, told, uploads};
use crate::space::LOW_MS;

/// How long before its planned end a lecture says so.
const ENDS_SOON_NS: u64 = 5 * MINUTE_NS;
const MINUTE_NS: u64 = 60_000_000_000;
const MINUTE_MS: u64 = 60_000;
/// Where a technician finds what takes the room.
const QUEUE: &str = "Lectures that still wait to be sent take some of it: lectern queue.";

/// All messages, most urgent first.
pub(super) fn all(view: &View<'_>, sources: &[SourceStatus]) -> Vec<Message> {
    let mut messages = view.troubles.to_vec();
    messages.extend(sources.iter().flat_map(|source| sources::messages(view, source)));
    messages.extend(space(view));
    messages.extend(ends_soon(view));
    messages.extend(clock(view));
    messages.extend(configuration(view));
    messages.extend(planned::message(view));
    messages.extend(uploads::messages(view));
    for detail in messages.iter_mut().filter_map(|message| message.detail.as_mut()) {
        *detail = reason(&detail);
    }
    messages.sort_by_key(|message| message.severity);
    messages
}

/// The sentence about the disk; none beside the conductor's own that it filled up.
fn space(view: &View<'_>) -> Option<Message> {
    if view.troubles.iter().any(|message| message.code == "disk-full") {
        return None;
    }
    if view.session.is_none() && !view.budget.can_start() {
        return Some(Message {
            detail: Some(QUEUE.to_owned()),
            ..told(&view.voice(), Severity::Error, "message-disk-full", [])
        });
    }
    let left_ms = view.budget.recordable_ms();
    if left_ms >= LOW_MS {
        return None;
    }
    let (room, left_ms) = about(left_ms);
    let args = [("room", choice(room)), ("left", Arg::LengthMs(left_ms))];
    Some(Message {
        detail: Some(QUEUE.to_owned()),
        ..told(&view.voice(), Severity::Warning, "message-disk-low", args)
    })
}

/// A length that does not change with every look, and the word that chooses its sentence.
fn about(ms: u64) -> (&'static str, u64) {
    const STEP_MS: u64 = 10 * MINUTE_MS;
    match ms / STEP_MS {
        0 => ("little", STEP_MS),
        steps => ("some", steps * STEP_MS),
    }
}

/// The warning before a lecture stops by itself; it counts the last minutes.
fn ends_soon(view: &View<'_>) -> Option<Message> {
    let session = view.session?;
    if session.state.step(LectureEvent::Stop).is_err() {
        return None;
    }
    let left_ns = session.ends_ns.saturating_sub(view.now_ns);
    if left_ns > ENDS_SOON_NS {
        return None;
    }
    let minutes = Arg::Number(left_ns.div_ceil(MINUTE_NS).max(1));
    Some(Message {
        detail: Some("From a terminal: lectern extend 30.".to_owned()),
        ..told(
            &view.voice(),
            Severity::Warning,
            "message-ends-soon",
            [("minutes", minutes)],
        )
    })
}

fn clock(view: &View<'_>) -> Option<Message> {
    (view.clock == ClockTrust::Untrusted).then(|| {
        Message {
        detail: Some(
            "It shows a time that has passed already. Connect the recorder to a time server or set its clock."
                .to_owned(),
        ),
        ..told(&view.voice(), Severity::Warning, "message-clock-untrusted", [])
    }
    })
}

/// What became of the configuration that was read last: faulty, or not wholly at work yet. Where
/// nothing is under way, what waits is taken over before it could be read here.
fn configuration(view: &View<'_>) -> Option<Message> {
    let configured = view.configured;
    let (severity, key, detail) = if let Some(fault) = &configured.fault {
        let given_up = match configured.given_up.as_slice() {
            [] => String::new(),
            sections => format!(
                " What waited for the end of a lecture is not taken over either, until then: {}.",
                sections.join(", ")
            ),
        };
        let detail = format!(
            "{fault}. Every fault: lecternd check. Once it is mended: systemctl reload lecternd.{given_up}"
        );
        (Severity::Warning, "message-config-faulty", detail)
    } else if configured.waits.is_empty() || view.session.is_none() {
        return None;
    } else {
        let unasked = match &configured.unasked {
            None => String::new(),
            Some(why) => format!(" The new program could not be asked yet: {why}; it is asked again."),
        };
        let detail = format!("What waits: {}.{unasked}", configured.waits.join(", "));
        let key = match configured.waits.as_slice() {
            [one] if one == crate::reload::PROGRAM => "message-program-waits",
            _ => "message-config-waits",
        };
        (Severity::Info, key, detail)
    };
    Some(Message {
        detail: Some(detail),
        ..told(&view.voice(), severity, key, [])
    })
}

#[cfg(test)]
mod tests {

    use lectern_domain::api::{ConfigStatus, Metadata};
    use lectern_domain::config::{self, Config, ConfigFile};
    use lectern_domain::ids::LectureId;
    use lectern_domain::lecture::LectureState as S;

    use super::super::Blank;
    use super::*;
    use crate::session::Session;
    use crate::space::Budget;

    const HOUR_S: u64 = 3_600;
    const NOW_NS: u64 = 1_000 * MINUTE_NS;

    /// What is told about a lecture that ends in so many seconds, on a disk with room for so many.
    fn messages(state: Option<S>, ends_in_s: u64, room_s: u64, clock: ClockTrust) -> Vec<(String, String)> {
        let text = config::default_text().as_bytes().to_vec();
        let file = ConfigFile::decode("default.toml", text).unwrap();
        let config = Config::read(&[file], &[]).unwrap();
        let session = state.map(|state| Session {
            ends_ns: NOW_NS + ends_in_s * 1_000_000_000,
            ..Session::new(LectureId::random(), Metadata::default(), state)
        });
        let blank = Blank::default();
        let view = View {
            session: session.as_ref(),
            budget: Budget {
                free: 3_000 * room_s,
                rate: 1_000,
                ..Budget::default()
            },
            clock,
            now_ns: NOW_NS,
            ..View::blank(&config, &blank, 0)
        };
        all(&view, &[]).into_iter().map(|m| (m.code, m.what)).collect()
    }

    #[test]
    fn an_end_is_told_five_minutes_before_in_every_state_in_which_it_can_come() {
        for (state, ends_in_s, word) in [
            (S::Recording, 301, None),
            (S::Recording, 300, Some("in 5 minutes.")),
            (S::Paused, 61, Some("in 2 minutes.")),
            (S::Armed, 60, Some("within a minute.")),
            (S::Recording, 0, Some("within a minute.")),
            (S::Stopping, 0, None),
        ] {
            let told = messages(Some(state), ends_in_s, 5 * HOUR_S, ClockTrust::Trusted);
            match word {
                None => assert_eq!(told, [], "{state} {ends_in_s}"),
                Some(word) => {
                    assert_eq!((told.len(), told[0].0.as_str()), (1, "ends-soon"));
                    assert!(told[0].1.ends_with(word), "{told:?}");
                }
            }
        }
    }

    #[test]
    fn p8_a_disk_that_fills_is_told_below_four_hours_and_without_room_for_a_lecture() {
        for (room_s, code, word) in [
            (4 * HOUR_S, None, ""),
            (4 * HOUR_S - 1, Some("disk-low"), "about 3 hours"),
            (HOUR_S, Some("disk-low"), "about 60 minutes"),
            (HOUR_S - 1, Some("disk-low"), "about 50 minutes"),
            (500, Some("disk-low"), "less than 10 minutes"),
            (99, Some("disk-full"), "full"),
        ] {
            let told = messages(None, 0, room_s, ClockTrust::Trusted);
            assert_eq!(told.first().map(|(code, _)| code.as_str()), code, "{room_s}");
            assert!(told.iter().all(|(_, what)| what.contains(word)), "{told:?}");
        }
        let recording = messages(Some(S::Recording), HOUR_S, 99, ClockTrust::Trusted);
        assert_eq!(recording[0].0, "disk-low", "it records until it is stopped");
    }

    #[test]
    fn p1_a_faulty_file_says_what_is_given_up_with_it() {
        let file = ConfigFile::decode("default.toml", config::default_text().into()).unwrap();
        let config = Config::read(&[file], &[]).unwrap();
        let mut configured = ConfigStatus {
            fault: Some("lectern.toml:3:1 room.id: is missing".to_owned()),
            ..ConfigStatus::default()
        };
        let blank = Blank::default();
        let detail = |configured: &ConfigStatus| {
            let view = View {
                configured,
                ..View::blank(&config, &blank, 0)
            };
            let mut told = all(&view, &[]).into_iter();
            told.find(|message| message.code == "config-faulty")
                .and_then(|message| message.detail)
                .unwrap()
        };
        assert!(detail(&configured).ends_with("systemctl reload lecternd."));
        configured.given_up = vec!["source".to_owned(), "storage".to_owned()];
        assert!(detail(&configured).ends_with("until then: source, storage."));
    }

    #[test]
    fn p1_a_program_that_could_not_be_asked_is_no_fault_and_goes_on_waiting() {
        let file = ConfigFile::decode("default.toml", config::default_text().into()).unwrap();
        let config = Config::read(&[file], &[]).unwrap();
        let session = Session {
            ends_ns: NOW_NS + HOUR_S * 1_000_000_000,
            ..Session::new(LectureId::random(), Metadata::default(), S::Recording)
        };
        let configured = ConfigStatus {
            waits: vec![crate::reload::PROGRAM.to_owned()],
            unasked: Some("lecternd check did not end within 30 s".to_owned()),
            ..ConfigStatus::default()
        };
        let blank = Blank::default();
        let view = View {
            session: Some(&session),
            configured: &configured,
            now_ns: NOW_NS,
            ..View::blank(&config, &blank, 0)
        };
        let told = all(&view, &[]);
        let codes: Vec<&str> = told.iter().map(|message| message.code.as_str()).collect();
        assert!(!codes.contains(&"config-faulty"), "{codes:?}");
        let waits = told
            .iter()
            .find(|message| message.code == "program-waits")
            .unwrap();
        assert_eq!(
            waits.detail.as_deref(),
            Some(
                "What waits: program. The new program could not be asked yet: lecternd check did not end within 30 s; \
                 it is asked again."
            )
        );
    }

    #[test]
    fn p3_a_clock_that_cannot_be_right_is_told() {
        let told = messages(None, 0, 5 * HOUR_S, ClockTrust::Untrusted);
        assert_eq!((told.len(), told[0].0.as_str()), (1, "clock-untrusted"));
    }
}
