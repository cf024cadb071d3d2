//! A scripted daemon behind the real panel on a socket, and the real program before it.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState;
use lectern_panel::{Control, Keys, Listeners, serve};
use tokio::sync::oneshot;

use crate::script::{NINE_UNIX_MS, Script, detail, ready};

/// A panel on a thread of its own, ended and joined when dropped.
pub(crate) struct Daemon {
    pub(crate) room: Arc<Script>,
    pub(crate) dir: tempfile::TempDir,
    end: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let room = Script::new(ready());
        let socket = UnixListener::bind(dir.path().join("control.sock")).unwrap();
        let (end, ended) = oneshot::channel();
        let control: Arc<dyn Control> = room.clone();
        let thread = std::thread::Builder::new()
            .name("panel".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                let listeners = Listeners {
                    socket: Some(socket),
                    tcp: None,
                };
                runtime
                    .block_on(serve(listeners, Keys::default().unchanging(), control, async {
                        drop(ended.await)
                    }))
                    .unwrap();
            })
            .unwrap();
        Self {
            room,
            dir,
            end: Some((end, thread)),
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("control.sock")
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        run(&self.socket(), words)
    }

    pub(crate) fn lecture(&self, state: LectureState) -> LectureId {
        let id = LectureId::random();
        self.room.add(detail(id, state, "Cell biology", NINE_UNIX_MS));
        id
    }

    pub(crate) fn stop(&mut self) {
        if let Some((end, thread)) = self.end.take() {
            end.send(()).expect("the panel waits for its end");
            thread.join().unwrap();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn program(socket: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lectern"));
    command
        .env_clear()
        // The room of these tests is in Lagos: its clock counts.
        .env("TZ", "UTC")
        .arg("--socket")
        .arg(socket)
        .stdin(Stdio::null());
    command
}

pub(crate) fn run(socket: &Path, words: &[&str]) -> Output {
    program(socket).args(words).output().unwrap()
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}
