//! A real room tells people who are not in it: a fault once, that it is over, the report in the
//! morning; across `kill -9`, and nothing of what is taught.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::unix::fs::PermissionsExt;

use lectern_testkit::{HookJudge, HookRules, MailJudge, MailRules, Moment};
use lectern_tests::room::{MICROPHONE, Room};
use lectern_tests::until;
use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

const SECRET: &str = "canary-of-a-secret";
/// What only those in the room may know.
const TITLE: &str = "Canary of a title";
const PRESENTER: &str = "Canary of a name";

/// Sound alone: it is four hours of pictures that a disk in use may not hold any more, and that is
/// told too.
fn tables(judge: &HookJudge) -> String {
    format!(
        "{MICROPHONE}[recording]\nundo = \"0s\"\n[[notify]]\nname = \"operations\"\nkind = \
         \"webhook\"\nurl = \"{}\"\ncredential_file = \"{{dir}}/key\"\nwhen = [\"fault\"]\nhold_off = \"1s\"\n",
        judge.url()
    )
}

/// Reads the configuration anew.
fn hang_up(room: &Room) {
    let tried = room.status()["config"]["tried_unix_ms"].clone();
    kill(room.pid(), Signal::SIGHUP).unwrap();
    until("the configuration is read", || {
        (room.status()["config"]["tried_unix_ms"] != tried).then_some(())
    });
}

/// P8, P10: killed in the moment in which the notice was taken, and the answer was not heard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p8_a_fault_is_told_once_across_a_kill_and_nothing_of_the_lecture_leaves() {
    let hook = HookJudge::start(HookRules {
        secret: SECRET.to_owned(),
        ..HookRules::default()
    });
    let hook = hook.await.unwrap();
    let mails = MailJudge::start(MailRules::default()).await.unwrap();
    let well = tables(&hook);
    let mut room = Room::new(&well);
    let key = room.path("key");
    std::fs::write(&key, SECRET).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    room.start();
    room.await_sources();
    let lecture = room.lectern(&["start", "--title", TITLE, "--presenter", PRESENTER]);
    room.await_recorded(1_000);

    room.configure(&well.replace("\"1s\"", "\"one\""));
    hook.kill_at(room.pid().as_raw().unsigned_abs(), 1, Moment::AfterEffect);
    kill(room.pid(), Signal::SIGHUP).unwrap();
    until("the daemon is killed", || (!hook.is_killing()).then_some(()));
    room.kill9();
    room.configure(&well);
    room.start();
    until("told again, and that it is over", || {
        (hook.taken().len() >= 3).then_some(())
    });
    let told = hook.taken();
    let events: Vec<&Value> = told.iter().map(|notice| &notice["event"]).collect();
    assert_eq!(events, ["fault", "fault", "over"], "{told:#?}");
    assert_eq!(told[0], told[1], "the same notice, its id too");
    assert_eq!(told[0]["trouble"]["code"], "config-faulty");
    assert_eq!(told[0]["trouble"]["lecture"], json!(lecture));

    // Another who is told, at once and while it records; the report of today is due since midnight.
    let team = format!(
        "[[notify]]\nname = \"team\"\nkind = \"smtp\"\nserver = \"localhost\"\nport = {}\ntls = \"none\"\nfrom = \
         \"lectern@example.org\"\nto = [\"av@example.org\"]\nreport_at = \"00:00\"\n",
        mails.port()
    );
    room.configure(&format!("{well}{team}"));
    hang_up(&room);
    assert_eq!(room.status()["config"]["waits"], json!([]));
    until("the report", || (!mails.taken().is_empty()).then_some(()));
    let report = mails.taken()[0].text().unwrap();
    assert!(report.contains("Recorded yesterday: 0"), "{report}");

    let asked = room.lectern(&["notify", "--test"]);
    assert_eq!(asked.matches("The test notice was taken.").count(), 2, "{asked}");
    let doctor: Value = serde_json::from_slice(&room.cli(&["doctor", "--json"]).stdout).unwrap();
    let looked = |name: &str| {
        let mut checks = doctor["checks"].as_array().unwrap().iter();
        checks.any(|check| check["subject"] == name && check["verdict"] == "good")
    };
    assert!(looked("notify.operations") && looked("notify.team"), "{doctor:#}");

    let sent = format!("{:?}{:?}", hook.taken(), mails.taken());
    let texts: String = mails.taken().iter().filter_map(|mail| mail.text()).collect();
    for private in [SECRET, TITLE, PRESENTER] {
        assert!(
            !sent.contains(private) && !texts.contains(private),
            "{private}: {sent}{texts}"
        );
    }
    assert!(!room.log().contains(SECRET));
    assert_eq!((hook.breaches(), mails.breaches()), (Vec::new(), Vec::new()));
    drop(hook);
    let refused = room.cli(&["notify", "--test"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");

    room.lectern(&["stop"]);
    room.await_state(&lecture, "finished");
    room.terminate();
    let texts = mails.taken().into_iter().filter_map(|mail| mail.text());
    let reports = texts.filter(|text| text.contains("Recorded yesterday")).count();
    assert_eq!(reports, 1, "one report a day");
}
