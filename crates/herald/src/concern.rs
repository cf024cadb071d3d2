//! Which messages a person outside of the room must act on, and what of them may leave the room.

use lectern_domain::api::{Arg, Message, Severity, Status};

/// Warnings that do not mend themselves: without a person they stay as they are.
const NEEDS_A_PERSON: [&str; 9] = [
    "clock-untrusted",
    "config-faulty",
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
/// The texts that may leave the room: a platform's name, and words that choose a sentence. Any
/// other text may be a title or a name, also in a message that is yet to be invented.
const PUBLIC_TEXTS: [&str; 7] = ["advice", "platform", "reason", "room", "safe", "span", "why"];

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

/// The message without what belongs to the room alone: its English and the technician's detail may
/// quote anything, and what is said is written anew from its key.
fn public(message: &Message) -> Message {
    let mut args = message.args.clone();
    for (name, arg) in &mut args {
        if let Arg::Text(text) = arg
            && !PUBLIC_TEXTS.contains(&name.as_str())
        {
            // In a word's place it chooses the default sentence.
            "no".clone_into(text);
        }
    }
    Message {
        severity: message.severity,
        code: message.code.clone(),
        key: message.key.clone(),
        subject: message.subject.clone(),
        args,
        ..Message::default()
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
        told.args
            .insert("invented".to_owned(), Arg::Text("Canary".to_owned()));
        told.args
            .insert("reason".to_owned(), Arg::Text("busy".to_owned()));
        told.what = "Canary cannot begin.".to_owned();
        told.detail = Some("Canary".to_owned());
        let public = public(&told);
        assert!(!format!("{public:?}").contains("Canary"), "{public:?}");
        assert_eq!(public.args["minutes"], Arg::Number(5));
        assert_eq!(public.args["reason"], Arg::Text("busy".to_owned()));
    }

    #[test]
    fn a_trouble_is_named_by_its_code_and_what_it_is_about() {
        let mut lost = message("source-lost", Severity::Error);
        assert_eq!(name(&lost), "source-lost");
        lost.subject = Some("camera".to_owned());
        assert_eq!(name(&lost), "source-lost camera");
    }
}
