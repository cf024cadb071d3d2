//! The threads with programs in place of devices.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use super::*;
use crate::gesture::Act;

/// The longest that anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script, "sh"].map(str::to_owned).to_vec()
}

fn light(script: &str) -> Light {
    Light {
        name: "lamp".parse().unwrap(),
        kind: LightKind::Exec {
            command: shell(script),
        },
        colours: Colours::default(),
    }
}

fn button(script: &str) -> Button {
    Button {
        name: "key".parse().unwrap(),
        kind: ButtonKind::Exec {
            command: shell(script),
        },
    }
}

fn start(lights: &[Light], buttons: &[Button]) -> (Fittings, Receiver<Press>) {
    let (out, presses) = sync_channel(64);
    let fittings = Fittings::start(lights, buttons, move |pressed| {
        out.send(pressed.press).unwrap();
    });
    (fittings.unwrap(), presses)
}

fn await_text(path: &Path, wanted: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text == wanted {
            return;
        }
        assert!(Instant::now() < until, "{text:?} is not {wanted:?}");
        thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn a_lamps_program_hears_each_state_and_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = format!("echo $1 $2 $LECTERN_STATE >> {}", log.display());
    let (fittings, _) = start(&[light(&script)], &[]);
    let mut wanted = "ready #000000 ready\n".to_owned();
    await_text(&log, &wanted);
    for (sign, line) in [
        (Sign::Recording, "recording #ff0000 recording\n"),
        (Sign::Paused, "paused #ffa000 paused\n"),
    ] {
        fittings.show(sign);
        wanted.push_str(line);
        await_text(&log, &wanted);
    }
    fittings.refuse();
    wanted.push_str("refused #ffffff refused\npaused #ffa000 paused\n");
    await_text(&log, &wanted);
    fittings.close();
    wanted.push_str("off #000000 off\n");
    await_text(&log, &wanted);
}

#[test]
fn a_lamps_program_that_hangs_is_killed_and_the_latest_state_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = format!(
        "echo $1 >> {}; if [ $1 = ready ]; then sleep 600; fi",
        log.display()
    );
    let (fittings, _) = start(&[light(&script)], &[]);
    await_text(&log, "ready\n");
    fittings.show(Sign::Starting);
    fittings.show(Sign::Recording);
    await_text(&log, "ready\nrecording\n");
    fittings.close();
}

#[test]
fn a_buttons_program_is_heard_and_started_again_when_it_crashes() {
    let folder = tempfile::tempdir().unwrap();
    let again = folder.path().join("again");
    let script = format!(
        "if [ -e {0} ]; then printf 'pause\\nnonsense\\nmark\\n'; exec sleep 600; \
         else touch {0}; printf 'press\\nrelease\\nstart\\npress\\n'; kill -9 $$; fi",
        again.display()
    );
    let (fittings, presses) = start(&[], &[button(&script)]);
    let heard: Vec<_> = (0..4).map(|_| presses.recv_timeout(PATIENCE).unwrap()).collect();
    assert_eq!(
        heard,
        [Press::Act(Act::Tap), Press::Start, Press::Pause, Press::Mark]
    );
    fittings.close();
    assert!(
        presses.try_recv().is_err(),
        "the key that was down at the crash meant nothing"
    );
}

#[test]
fn a_held_key_acts_while_it_is_held() {
    let (fittings, presses) = start(&[], &[button("echo press; exec sleep 600")]);
    assert_eq!(presses.recv_timeout(PATIENCE).unwrap(), Press::Act(Act::Hold));
    fittings.close();
}

#[test]
fn what_is_not_there_holds_nothing_up() {
    let absent = Light {
        kind: LightKind::Usb {
            model: lectern_domain::config::LightModel::Busylight,
            device: Some("/dev/hidraw-of-nobody".into()),
        },
        ..light("")
    };
    let key = Button {
        kind: ButtonKind::Evdev {
            device: "/dev/input/of-nobody".into(),
            key: None,
        },
        ..button("")
    };
    let (fittings, presses) = start(&[absent], &[key]);
    fittings.show(Sign::Recording);
    let began = Instant::now();
    fittings.close();
    assert!(began.elapsed() < PATIENCE);
    assert!(presses.try_recv().is_err());
}
