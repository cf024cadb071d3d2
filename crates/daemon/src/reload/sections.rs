//! What of another configuration is taken over at once, and what waits: pure.
//!
//! At once: what is asked for anew with each use, and what those that use it can be handed while
//! they work. Waiting: what is open as long as the daemon runs, which are the spool, the sources,
//! the doors, lamps and buttons. Whatever is not named here waits too: that is always right.

use lectern_domain::config::{Config, Panel, Recording, Room, Storage};

/// The difference between the configuration at work and another one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// What is to be at work from now on: the old one with what is taken over at once.
    pub(crate) config: Config,
    /// Sections, as in the file, of which something is taken over at once.
    pub(crate) at_once: Vec<&'static str>,
    /// Sections, as in the file, of which something waits.
    pub(crate) waits: Vec<&'static str>,
}

/// Compares the configuration at work with the one that was read.
pub(crate) fn compare(at_work: &Config, read: &Config) -> Change {
    let config = Config {
        room: Room {
            // Names of folders, and the calendar of the database.
            id: at_work.room.id.clone(),
            timezone: at_work.room.timezone.clone(),
            ..read.room.clone()
        },
        storage: Storage {
            keep_sent: read.storage.keep_sent,
            ..at_work.storage.clone()
        },
        recording: Recording {
            // The sources keep it in memory.
            pre_roll: at_work.recording.pre_roll,
            ..read.recording.clone()
        },
        platforms: read.platforms.clone(),
        upload: read.upload.clone(),
        panel: panel(&at_work.panel, &read.panel),
        notify: read.notify.clone(),
        ..at_work.clone()
    };
    let at_once = differing(at_work, &config);
    let mut waits = differing(&config, read);
    if waits.is_empty() && config != *read {
        waits.push("settings");
    }
    Change {
        config,
        at_once,
        waits,
    }
}

/// Who may come in belongs to the door: with another address all of it waits, so that the old
/// door is never guarded by what was meant for the new one.
fn panel(at_work: &Panel, read: &Panel) -> Panel {
    if at_work.listen == read.listen {
        read.clone()
    } else {
        at_work.clone()
    }
}

/// The sections in which they differ, as they are called in the file.
fn differing(a: &Config, b: &Config) -> Vec<&'static str> {
    let sections = [
        ("room", a.room != b.room),
        ("storage", a.storage != b.storage),
        ("recording", a.recording != b.recording),
        ("source", a.sources != b.sources),
        ("platform", a.platforms != b.platforms),
        ("upload", a.upload != b.upload),
        ("panel", a.panel != b.panel),
        ("control", a.control != b.control),
        ("light", a.lights != b.lights),
        ("button", a.buttons != b.buttons),
        ("notify", a.notify != b.notify),
    ];
    sections
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use lectern_domain::config::ConfigFile;

    use super::*;

    const ROOM: &str = r#"
[room]
id = "b-204"
name = "B 204"
timezone = "Europe/Berlin"
[storage]
path = "/var/lib/lectern"
keep_sent = "7d"
[recording]
undo = "10s"
pre_roll = "0s"
[panel]
listen = "127.0.0.1:8470"
[[source]]
name = "microphone"
role = "microphone"
kind = "test-audio"
[upload]
rate = "8Mbit/s"
"#;

    fn config(text: &str) -> Config {
        let file = ConfigFile::decode("room.toml", text.as_bytes().to_vec()).unwrap();
        Config::read(&[file], &[]).unwrap()
    }

    #[test]
    fn p1_each_section_is_taken_over_at_once_or_waits() {
        type Names = &'static [&'static str];
        let share = "[[platform]]\nname = \"share\"\nkind = \"directory\"\npath = \"/srv/share\"\n[upload]";
        let hook = "[[notify]]\nname = \"a\"\nkind = \"webhook\"\nurl = \"https://a.example/\"\ncredential = \"a\"\n\
                    [upload]";
        let light = "[[light]]\nname = \"lamp\"\nkind = \"exec\"\ncommand = [\"/bin/true\"]\n[upload]";
        let table: [(&str, &str, Names, Names); 16] = [
            ("B 204", "Hörsaal 4", &["room"], &[]),
            ("id = \"b-204\"", "id = \"b-205\"", &[], &["room"]),
            ("Europe/Berlin", "Europe/Paris", &[], &["room"]),
            ("\"7d\"", "\"9d\"", &["storage"], &[]),
            ("/var/lib/lectern", "/srv/lectern", &[], &["storage"]),
            ("undo = \"10s\"", "undo = \"20s\"", &["recording"], &[]),
            (
                "undo = \"10s\"",
                "undo = \"10s\"\nrequire = [\"title\"]",
                &["recording"],
                &[],
            ),
            ("pre_roll = \"0s\"", "pre_roll = \"5s\"", &[], &["recording"]),
            ("8Mbit/s", "9Mbit/s", &["upload"], &[]),
            ("[upload]", share, &["platform"], &[]),
            ("[upload]", hook, &["notify"], &[]),
            (
                "listen = \"127.0.0.1:8470\"",
                "listen = \"127.0.0.1:8470\"\npin_file = \"/etc/lectern/pin\"",
                &["panel"],
                &[],
            ),
            (
                "listen = \"127.0.0.1:8470\"",
                "listen = \"127.0.0.1:8471\"\npin_file = \"/etc/lectern/pin\"",
                &[],
                &["panel"],
            ),
            (
                "kind = \"test-audio\"",
                "kind = \"test-audio\"\nrequired = true",
                &[],
                &["source"],
            ),
            (
                "[upload]",
                "[control]\nsocket = \"/run/a.sock\"\n[upload]",
                &[],
                &["control"],
            ),
            ("[upload]", light, &[], &["light"]),
        ];
        let old = config(ROOM);
        for (from, to, at_once, waits) in table {
            let read = config(&ROOM.replace(from, to));
            let change = compare(&old, &read);
            assert_eq!((&*change.at_once, &*change.waits), (at_once, waits), "{to}");
            assert_eq!(change.config == read, waits.is_empty(), "{to}");
            // What waits goes on waiting, and nothing is taken over twice.
            let again = compare(&change.config, &read);
            assert_eq!((again.at_once.is_empty(), &*again.waits), (true, waits), "{to}");
            // Taken back before it was taken over.
            assert!(compare(&change.config, &old).waits.is_empty(), "{to}");
        }
        let same = compare(&old, &config(ROOM));
        assert_eq!(
            (same.at_once.len(), same.waits.len(), same.config == old),
            (0, 0, true)
        );
    }
}
