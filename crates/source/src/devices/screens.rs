//! Screens: the X servers of this machine, whoever's session they are.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Uid, User};
use serde_json::{Value, json};
use x11rb::connection::Connection;

use super::entries;
use crate::screen::{self, Trouble};

/// How long one X server may take to answer. A frozen one never does.
const PATIENCE: Duration = Duration::from_secs(3);

/// What an X server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It let us in, and its screen has so many pixels.
    Size(u16, u16),
    /// It did not, and why.
    Refused(String),
    /// Nobody is there: a server that was killed leaves its socket behind.
    Nobody,
}

/// The X servers whose sockets are in `folder`, each asked with `ask` (its socket, its display).
pub(super) fn displays(folder: &Path, ask: impl Fn(&Path, &str) -> Answer) -> Vec<Value> {
    let mut found: Vec<(u32, PathBuf)> = entries(folder)
        .into_iter()
        .filter_map(|socket| {
            let number = socket.file_name()?.to_str()?.strip_prefix('X')?.parse().ok()?;
            Some((number, socket))
        })
        .collect();
    found.sort();
    let screen = |(number, socket): (u32, PathBuf)| {
        let display = format!(":{number}");
        let (formats, refused) = match ask(&socket, &display) {
            Answer::Nobody => return None,
            Answer::Size(width, height) => (vec![format!("{width}x{height}")], None),
            Answer::Refused(why) => (Vec::new(), Some(why)),
        };
        let owner = socket.metadata().ok().map(|socket| Uid::from_raw(socket.uid()));
        let user = owner
            .and_then(|uid| User::from_uid(uid).ok().flatten())
            .map(|user| user.name);
        let toml = [
            "kind = \"x11\"".to_owned(),
            format!("display = {}", json!(display)),
        ];
        Some(json!({
            "kind": "x11",
            "display": display,
            "toml": toml,
            "label": user.as_ref().map_or_else(|| "X display".to_owned(), |user| format!("X display of {user}")),
            "user": user,
            "formats": formats,
            "refused": refused,
        }))
    };
    found.into_iter().filter_map(screen).collect()
}

/// Asks an X server for the size of its screen. Blocks at most [`PATIENCE`].
pub(super) fn ask(socket: &Path, display: &str) -> Answer {
    // At once, and also for those that let nobody in.
    if let Err(error) = UnixStream::connect(socket) {
        return match error.kind() {
            std::io::ErrorKind::PermissionDenied => Answer::Refused("you may not open its socket".to_owned()),
            _ => Answer::Nobody,
        };
    }
    let (done, answer) = std::sync::mpsc::sync_channel(1);
    let name = display.to_owned();
    let asking = std::thread::Builder::new().name("display".into()).spawn(move || {
        // Nobody reads it after the patience has ended; the thread ends with this short process.
        let _late = done.send(size(&name));
    });
    match asking {
        Ok(_) => answer.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            Answer::Refused(format!("it did not answer within {} s", PATIENCE.as_secs()))
        }),
        Err(error) => Answer::Refused(format!("a thread could not be started: {error}")),
    }
}

fn size(display: &str) -> Answer {
    match screen::open(Some(display)) {
        Ok((connection, number)) => match connection.setup().roots.get(number) {
            Some(root) => Answer::Size(root.width_in_pixels, root.height_in_pixels),
            None => Answer::Refused("it has no screen".to_owned()),
        },
        Err(Trouble::Denied(_)) => Answer::Refused(format!(
            "it does not let you in; its user allows the recorder with: DISPLAY={display} xhost +SI:localuser:lectern"
        )),
        Err(trouble) => Answer::Refused(trouble.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn displays_are_found_by_their_sockets_whoever_may_open_them() {
        let root = tempfile::tempdir().unwrap();
        for name in ["X0", "X15", "X7", "X2", "Xnot", "other"] {
            fs::write(root.path().join(name), "").unwrap();
        }
        let all = displays(root.path(), |_, display| match display {
            ":7" => Answer::Nobody,
            ":15" => Answer::Refused("it does not let you in".into()),
            _ => Answer::Size(1280, 720),
        });
        let named: Vec<_> = all.iter().map(|screen| screen["display"].clone()).collect();
        assert_eq!(named, [":0", ":2", ":15"]);
        assert_eq!(all[0]["formats"], json!(["1280x720"]));
        assert_eq!(all[0]["refused"], Value::Null);
        assert_eq!(all[2]["refused"], "it does not let you in");
        assert_eq!(all[2]["toml"], json!(["kind = \"x11\"", "display = \":15\""]));
    }
}
