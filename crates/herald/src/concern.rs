//! Which messages a person outside of the room must act on, and what of them may leave the room.

use lectern_domain::api::{Arg, Message, Severity, Status};

/// Warnings that do not mend themselves: without a person they stay as they are.
const NEEDS_A_PERSON: [&str; 8] = [
    "clock-untrusted",
    "delivery-parked",
    "disk-low",
    "entry-failed",
    "finish-failed",
    "platform-denies",
    "platform-refuses",
    "segments-damaged",
];
/// Errors that only somebody in the room can do something about, and only now.
const FOR_THE_ROOM: [&str; 2] = ["ends-soon", "sound-muted"];
/// What may be said of a lecture in the room and nowhere else.
const PRIVATE_ARGS: [&str; 6] = ["title", "course", "presenter", "named", "label", "lecture"];

/// The troubles of a status that somebody is told of, each with its name: the code, and what it is
/// about. Nothing in them names a person or a title.
pub(crate) fn concerns(status: &Status) -> Vec<(String, Message)> {
    let told = status.messages.iter().filter(|message| {
        let code = message.code.as_str();
        let urgent = message.severity == Severity::Error && !FOR_THE_ROOM.contains(&code);
        urgent || NEEDS_A_PERSON.contains(&code)
    });
    told.map(|message| (name(message), public(message))).collect()
}

fn name(message: &Message) -> String {
    match &message.subject {
        Some(subject) => format!("{} {subject}", message.code),
        None => message.code.clone(),
    }
}

/// The message without what belongs to the room alone. The technician's detail stays here too: it
/// may quote anything.
fn public(message: &Message) -> Message {
    let mut args = message.args.clone();
    for private in PRIVATE_ARGS {
        if let Some(Arg::Text(text)) = args.get_mut(private) {
            // A word that chooses a sentence; any other text chooses the default.
            "no".clone_into(text);
        }
    }
    Message {
        args,
        detail: None,
        ..message.clone()
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::api;

    use super::*;

    fn message(code: &str, severity: Severity) -> Message {
        Message {
            severity,
            code: code.to_owned(),
            ..Message::default()
        }
    }

    #[test]
    fn the_table_names_messages_that_there_are() {
        let catalogue = include_str!("../../words/lang/en/messages.ftl");
        for code in NEEDS_A_PERSON.into_iter().chain(FOR_THE_ROOM) {
            assert!(catalogue.contains(&format!("\nmessage-{code} =")), "{code}");
        }
    }

    #[test]
    fn no_title_and_no_detail_leaves_the_room() {
        let mut told = message("plan-hindered", Severity::Error);
        told.args = api::args([
            ("title", Arg::Text("Canary".to_owned())),
            ("minutes", Arg::Number(5)),
        ]);
        told.detail = Some("Canary".to_owned());
        let public = public(&told);
        assert!(!format!("{public:?}").contains("Canary"), "{public:?}");
        assert_eq!(public.args["minutes"], Arg::Number(5));
    }

    #[test]
    fn a_trouble_is_named_by_its_code_and_what_it_is_about() {
        let mut lost = message("source-lost", Severity::Error);
        assert_eq!(name(&lost), "source-lost");
        lost.subject = Some("camera".to_owned());
        assert_eq!(name(&lost), "source-lost camera");
    }
}
