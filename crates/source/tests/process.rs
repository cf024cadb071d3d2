//! The process beside its daemon: its two pipes, its refusals, its ends.

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use lectern_domain::config::SourceKind;
use lectern_domain::wire::{self, FailureReason, SourceCommand, SourceEvent, WIRE_VERSION};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::media::{self, Track};
use support::{Driver, PATIENCE, audio_source, test_audio, test_video, video_source};

fn is_alive(event: &SourceEvent) -> bool {
    matches!(event, SourceEvent::Alive { .. })
}

#[test]
fn it_greets_first_and_then_shows_that_it_lives() {
    let mut driver = Driver::start();
    let first = driver.wait("an event", |_| true);
    assert_eq!(
        driver.heard[first].frame.message,
        SourceEvent::Hello { wire: WIRE_VERSION }
    );
    let one = driver.wait("a sign of life", is_alive);
    let two = driver.wait_from(one + 1, "a second sign of life", is_alive);
    let apart = driver.heard[two].at - driver.heard[one].at;
    assert!(apart > Duration::from_millis(100), "{apart:?}");
    driver.quit();
}

/// P10: nothing that is sent makes it fall over.
#[test]
fn p10_commands_out_of_place_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut driver = Driver::start();
    let source = || Box::new(test_audio());
    let stray = SourceCommand::Encode {
        run: support::run_id(),
        base_ns: 0,
        from_ns: 0,
    };
    driver.send(&SourceCommand::KeyFrame);
    driver.send(&SourceCommand::StopEncode { until_ns: u64::MAX });
    driver.send(&stray);
    driver.send(&SourceCommand::Open {
        wire: WIRE_VERSION,
        source: source(),
        pre_roll_ns: 0,
        expect: None,
        shun: Vec::new(),
    });
    driver.send(&SourceCommand::Open {
        wire: WIRE_VERSION,
        source: source(),
        pre_roll_ns: 0,
        expect: None,
        shun: Vec::new(),
    });
    driver.wait_live();
    driver.send(&SourceCommand::StopEncode { until_ns: 0 });
    let run = driver.encode();
    driver.send(&stray);
    driver.wait_chunk_until(&run, Duration::from_millis(600));
    driver.send(&SourceCommand::Open {
        wire: WIRE_VERSION,
        source: source(),
        pre_roll_ns: 0,
        expect: None,
        shun: Vec::new(),
    });
    driver.stop(&run);
    driver.send(&SourceCommand::KeyFrame);
    driver.quit();
    let track = Track::gather(&driver, &run);
    track.check_chunks();
    assert_eq!(media::decode_errors(&track.write(folder.path(), "sound.mp4")), "");
    let strays = driver
        .heard
        .iter()
        .filter(|heard| match (&heard.frame.message, &stray) {
            (
                SourceEvent::Init { run, .. } | SourceEvent::Chunk { run, .. },
                SourceCommand::Encode { run: other, .. },
            ) => run == other,
            _ => false,
        });
    assert_eq!(strays.count(), 0, "the refused run was not encoded");
}

#[test]
fn p10_a_torn_stream_of_commands_is_the_end_in_words() {
    for bytes in [&[0xff; 8][..], b"\x02\0\0\0\0\0\0\0{}"] {
        let mut driver = Driver::start();
        driver.send_bytes(bytes);
        let (reason, message) = driver.wait_failed();
        assert_eq!(reason, FailureReason::Internal);
        assert!(
            message.starts_with("the daemon's commands could not be read: "),
            "{message}"
        );
    }
}

#[test]
fn a_daemon_of_another_version_is_refused_by_name() {
    let mut driver = Driver::start();
    driver.send(&SourceCommand::Open {
        wire: WIRE_VERSION + 1,
        source: Box::new(test_video()),
        pre_roll_ns: 0,
        expect: None,
        shun: Vec::new(),
    });
    let (reason, message) = driver.wait_failed();
    assert_eq!(reason, FailureReason::Config);
    assert!(
        message.contains("install both from the same package"),
        "{message}"
    );
}

#[test]
fn two_lectures_are_encoded_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut driver = Driver::open(test_video());
    // The first one before the device is there.
    let early = driver.encode();
    driver.wait_live();
    let mut runs = vec![early];
    for number in 0..3 {
        if number > 0 {
            runs.push(driver.encode());
        }
        let run = runs.last().unwrap();
        driver.wait_chunk_until(run, Duration::from_millis(900));
        driver.send(&SourceCommand::KeyFrame);
        driver.wait_chunk_until(run, Duration::from_millis(1700));
        let length_ns = driver.stop(run);
        let track = Track::gather(&driver, run);
        let durations = track.check_chunks();
        // A machine that cannot follow loses pictures; those that are left stay on the grid.
        let (_, on_grid) = durations.split_last().unwrap();
        assert!(
            on_grid.iter().all(|ticks| ticks.is_multiple_of(3000)),
            "{durations:?}"
        );
        assert_eq!(
            media::decode_errors(&track.write(folder.path(), "picture.mp4")),
            ""
        );
        assert!(track.end_ns().abs_diff(length_ns) < 200_000_000);
        assert!(
            track.chunks.iter().filter(|chunk| chunk.key).count() >= 2,
            "the asked key frame begins a chunk"
        );
        let id = run.id;
        let at = driver.wait(
            "init",
            |event| matches!(event, SourceEvent::Init { run, .. } if *run == id),
        );
        let to_init = driver.heard[at].at - run.sent;
        println!(
            "lecture {number}: first chunk {} ms after Encode",
            to_init.as_millis()
        );
    }
    driver.quit();
}

#[test]
fn the_end_of_standard_input_flushes_and_ends() {
    let mut driver = Driver::open(test_video());
    driver.wait_live();
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_millis(500));
    driver.close_stdin();
    driver.wait_drained(&run);
    assert_eq!(driver.wait_exit(), Some(0));
    Track::gather(&driver, &run).check_chunks();
}

#[test]
fn a_terminals_interrupt_is_the_daemons_to_understand() {
    let mut driver = Driver::open(test_audio());
    driver.wait_live();
    let pid = Pid::from_raw(i32::try_from(driver.child.id()).unwrap());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        kill(pid, signal).unwrap();
    }
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_millis(500));
    driver.stop(&run);
    driver.quit();
}

#[test]
fn it_dies_with_its_daemon() {
    // The shell stands for the daemon; standard input stays open, so only its death tells.
    let script = format!(
        "{} --name orphan & echo $!; wait",
        env!("CARGO_BIN_EXE_lectern-source")
    );
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("exec 3<&0; {}", script.replace(" &", " <&3 &"))]);
    let mut shell = shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = std::io::BufReader::new(shell.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    let pid = Pid::from_raw(line.trim().parse().unwrap());
    // Its greeting shows that it is bound to its parent.
    let mut greeting = [0; 8];
    std::io::Read::read_exact(&mut stdout, &mut greeting).unwrap();
    shell.kill().unwrap();
    shell.wait().unwrap();
    // Both held the pipe; its end is the end of the last.
    let (ended, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || ended.send(std::io::copy(&mut stdout, &mut std::io::sink())));
    let end = heard.recv_timeout(PATIENCE);
    // On failure nothing stays behind.
    let _killed = kill(pid, Signal::SIGKILL);
    end.expect("the orphan ends").unwrap();
}

#[test]
fn a_daemon_that_pauses_loses_nothing() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lectern-source"));
    let command = command
        .args(["--name", "test"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut driver = Driver::reading_late(command, Duration::from_secs(6));
    driver.send(&SourceCommand::Open {
        wire: WIRE_VERSION,
        source: Box::new(test_video()),
        pre_roll_ns: 0,
        expect: None,
        shun: Vec::new(),
    });
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_secs(7));
    driver.stop(&run);
    driver.quit();
    Track::gather(&driver, &run).check_chunks();
    let dropped = driver.heard.iter().filter_map(|heard| match heard.frame.message {
        SourceEvent::Alive { chunks_dropped, .. } => Some(chunks_dropped),
        _ => None,
    });
    assert_eq!(dropped.max(), Some(0));
}

#[test]
fn a_delay_moves_the_sound() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = test_audio();
    source.delay_ms = 250;
    let mut driver = Driver::open(source);
    driver.wait_live();
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_secs(3));
    driver.stop(&run);
    driver.quit();
    let track = Track::gather(&driver, &run);
    let file = track.write(folder.path(), "late.mp4");
    let base = (run.base_ns % 1_000_000_000) as f64 / 1e9;
    let beeps = media::beeps(&file);
    assert!(beeps.len() >= 2, "{beeps:?}");
    for beep in beeps.into_iter().filter(|beep| track.begins_before(*beep)) {
        let off = (beep + base).fract();
        assert!((off - 0.25).abs() < 0.005, "{off}");
    }
}

#[test]
fn launch_fragments_give_pictures_or_sound_by_role() {
    let folder = tempfile::tempdir().unwrap();
    let gst = |launch: &str| SourceKind::Gst {
        launch: launch.into(),
    };
    let picture =
        gst("videotestsrc is-live=true pattern=ball ! video/x-raw,width=321,height=241,framerate=10/1");
    let sound = gst("audiotestsrc is-live=true wave=sine ! audio/x-raw,rate=44100,channels=1");
    for (source, codec) in [
        (video_source(picture, None, 10, None), "H.264 High 320x240"),
        (audio_source(sound, 2), "AAC-LC 48000 Hz stereo"),
    ] {
        let mut driver = Driver::open(source);
        driver.wait_live();
        let run = driver.encode();
        driver.wait_chunk_until(&run, Duration::from_secs(3));
        let length_ns = driver.stop(&run);
        driver.quit();
        let track = Track::gather(&driver, &run);
        assert_eq!(track.codec, codec);
        track.check_chunks();
        assert_eq!(
            media::decode_errors(&track.write(folder.path(), "fragment.mp4")),
            ""
        );
        assert!(track.end_ns().abs_diff(length_ns) < 200_000_000, "{codec}");
    }
}

#[test]
fn wrong_fragments_and_devices_are_named() {
    let gst = |launch: &str| {
        video_source(
            SourceKind::Gst {
                launch: launch.into(),
            },
            None,
            10,
            None,
        )
    };
    let camera = video_source(
        SourceKind::V4l2 {
            device: "/dev/video-none".into(),
        },
        None,
        30,
        None,
    );
    let cases = [
        (camera, FailureReason::NotFound, "camera /dev/video-none: "),
        (
            gst("nosuchelement"),
            FailureReason::Config,
            "no element \"nosuchelement\"",
        ),
        (
            gst("videotestsrc"),
            FailureReason::Config,
            "only a live source can be recorded",
        ),
        (
            gst("videotestsrc is-live=true num-buffers=20"),
            FailureReason::Lost,
            "its stream ended",
        ),
        (
            gst("filesrc location=/none/at/all.y4m ! y4mdec"),
            FailureReason::NotFound,
            "/none/at/all.y4m",
        ),
        (
            gst("audiotestsrc is-live=true"),
            FailureReason::Unsupported,
            "its role needs raw pictures",
        ),
    ];
    for (source, reason, words) in cases {
        let (is, message) = Driver::open(source).wait_failed();
        assert!(
            is == reason && message.contains(words),
            "{is:?} {message:?}, not {reason:?} {words:?}"
        );
    }
}

#[test]
fn small_pictures_come_often_while_somebody_looks() {
    let mut driver = Driver::open(test_video());
    let picture = |driver: &mut Driver, after_ns: u64| {
        let at = driver.wait(
            "a picture",
            |event| matches!(event, SourceEvent::Picture { at_ns } if *at_ns > after_ns),
        );
        match driver.heard[at].frame.message {
            SourceEvent::Picture { at_ns } => at_ns,
            _ => unreachable!("it was a picture"),
        }
    };
    let first = picture(&mut driver, 0);
    let second = picture(&mut driver, first);
    assert!(second - first >= 1_900_000_000, "nobody looks");
    driver.send(&SourceCommand::Pictures { often: true });
    let mut last = second;
    // A machine out of breath may leave some out.
    loop {
        let next = picture(&mut driver, last);
        if next - last < 500_000_000 {
            break;
        }
        last = next;
    }
    driver.quit();
}

#[test]
fn the_devices_are_listed_as_json() {
    let out = Command::new(env!("CARGO_BIN_EXE_lectern-source"))
        .arg("--list")
        .output()
        .unwrap();
    assert!(out.status.success());
    let list: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    for key in ["cameras", "microphones", "screens"] {
        assert!(list[key].is_array(), "{list}");
    }
}

#[test]
fn a_failure_is_said_in_a_frame_that_fits() {
    let launch = "x".repeat(wire::MAX_HEADER_BYTES / 2);
    let source = video_source(SourceKind::Gst { launch }, None, 10, None);
    let (reason, message) = Driver::open(source).wait_failed();
    assert_eq!(reason, FailureReason::Config);
    assert!(message.len() <= 4096, "{}", message.len());
}
