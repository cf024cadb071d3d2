//! Classes of fault, as the journal knows them: each has an id that never changes, so that
//! `journalctl MESSAGE_ID=…` finds every fault of its kind on every machine, and `journalctl -x`
//! explains it from `config/monitoring/lectern.catalog`.
//!
//! A class is the code of a message to people. What is told to people is told to the journal
//! once when it comes up and once when it is over, by [`watch_faults`].

use std::sync::Arc;

use lectern_domain::api::{Message, Severity, Status};
use tokio::sync::watch;
use tracing::{error, info, warn};

/// The field of an event that names its class.
pub(super) const FIELD: &str = "fault";

/// Code and id, by code. An id is 128 bits, drawn once with `systemd-id128 new`; one that is not
/// used any more is never given to something else.
const IDS: &[(&str, &str)] = &[
    ("budget-spent", "6cec669e4674489eaad439bdc070ba68"),
    ("clock-untrusted", "7ffe2ea8f9824341a8f4577e1fbbc0d9"),
    ("close-failed", "14dd4db81b514feb82785869ec51705f"),
    ("config-faulty", "9ff258b5025348659f153e09cacf7b9e"),
    ("config-waits", "83d1165d854f4a8489a8ab3eea475e65"),
    ("delivery-parked", "a0d35a944580443286dee5b0ae4898ea"),
    ("disk-full", "c03e41bc312b450a847674c754ee2dfa"),
    ("disk-low", "2d3869f3400947b68d747a0161dc8adc"),
    ("disk-stopped", "27e53f70e68d4c1995f65f848b140244"),
    ("ends-soon", "72cf7b909e6c466081c9bc468afade7d"),
    ("entry-failed", "a306ee7e49124d42966fc6421b85af72"),
    ("finish-failed", "3f943976513744ee9cad88b126caa887"),
    ("hours-unknown", "68d4da2e16694d4c84e81519be4f0b9c"),
    ("load-shed", "4ccd4be2b8424e698934b56bf6f362fd"),
    ("nothing-arrived", "f4bbd964318949d29596857ba1cbdd99"),
    ("plan-clock", "2988c14e3d644e74bc2b650d49e98286"),
    ("plan-hindered", "f05e7140fe284d1a97cd21c22551366d"),
    ("plan-missed", "0b0a9a190eb140ff9789d62eaeaf57c4"),
    ("plan-waits", "e0f21a65802749708f5ffbb075634e55"),
    ("platform-denies", "a61264d8748043c19d39c16de26fa78b"),
    ("platform-refuses", "5bd6369e32f84ed2bd245430c18621ed"),
    ("program-waits", "ada6fa7cb315433ab736361fa617aa3b"),
    ("recorder-panicked", "3b06963c41e645b9bf4e88295e8ba70a"),
    ("resumed-too-late", "b80e91bcab3a4c00a790c3e1d8c64cfd"),
    ("segments-damaged", "ed3fae26f49d48efba46b5cf702655cf"),
    ("sound-muted", "58325e0505e34c1eb480f99c56f01a0d"),
    ("source-lost", "c06fd409db614460849aa47cfeca37e3"),
    ("spare", "ca41937409514bc9bc6bdb60a33c18c1"),
    ("write-failed", "c1b9a354d3ca436c99ad56f6b56c01d6"),
];

/// The id of a class; `None` for what is none.
pub(super) fn message_id(code: &str) -> Option<&'static str> {
    IDS.iter().find(|(known, _)| *known == code).map(|(_, id)| *id)
}

/// Tells the journal of each message to people, for as long as there is a status.
pub(crate) async fn watch_faults(mut published: watch::Receiver<Arc<Status>>) {
    let mut known: Vec<Message> = Vec::new();
    loop {
        let status = Arc::clone(&published.borrow_and_update());
        for message in status.messages.iter().filter(|message| !holds(&known, message)) {
            came_up(&status, message);
        }
        for message in known.iter().filter(|message| !holds(&status.messages, message)) {
            info!(fault = message.code, subject = message.subject, "fault was over");
        }
        known.clone_from(&status.messages);
        if published.changed().await.is_err() {
            return;
        }
    }
}

/// A message whose figures changed is the same message.
fn holds(messages: &[Message], message: &Message) -> bool {
    messages
        .iter()
        .any(|other| (&other.code, &other.subject) == (&message.code, &message.subject))
}

fn came_up(status: &Status, message: &Message) {
    let subject = message.subject.as_deref();
    let source = subject.filter(|name| status.sources.iter().any(|source| source.name.as_str() == *name));
    let platforms = &status.uploads.platforms;
    let platform = subject.filter(|name| platforms.iter().any(|platform| platform.name.as_str() == *name));
    let at_work = status.lecture.as_ref().map(|lecture| lecture.id.to_string());
    let named = subject.filter(|_| source.is_none() && platform.is_none());
    let lecture = named.or(at_work.as_deref());
    let Message {
        code,
        what,
        safe,
        todo,
        detail,
        ..
    } = message;
    macro_rules! tell {
        ($level:ident) => {
            $level!(
                fault = code,
                lecture,
                source,
                platform,
                what,
                safe,
                todo,
                detail,
                "fault came up"
            )
        };
    }
    match message.severity {
        Severity::Error => tell!(error),
        Severity::Warning => tell!(warn),
        Severity::Info => tell!(info),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const CATALOG: &str = include_str!("../../../../config/monitoring/lectern.catalog");
    const MESSAGES: &str = include_str!("../../../words/lang/en/messages.ftl");

    #[test]
    fn each_id_is_128_bits_and_there_once() {
        let ids: BTreeSet<_> = IDS.iter().map(|(_, id)| id).collect();
        assert_eq!(ids.len(), IDS.len());
        let codes: Vec<_> = IDS.iter().map(|(code, _)| code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        for (code, id) in IDS {
            let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
            assert!(id.len() == 32 && id.chars().all(hex), "{code}: {id}");
        }
    }

    #[test]
    fn each_message_to_people_is_a_class_and_each_class_is_explained() {
        let told = MESSAGES
            .lines()
            .filter_map(|line| line.strip_prefix("message-")?.split_once(" ="));
        let mut missing: Vec<_> = told
            .map(|(code, _)| code)
            .filter(|code| message_id(code).is_none())
            .map(|code| {
                format!("{code}: draw an id for it (systemd-id128 new) and explain it in the catalog")
            })
            .collect();
        for (code, id) in IDS {
            if !CATALOG.lines().any(|line| line == format!("-- {id}")) {
                missing.push(format!("{code}: -- {id} is not in the catalog"));
            }
        }
        assert!(missing.is_empty(), "{}", missing.join("\n"));
    }
}
