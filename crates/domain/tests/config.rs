//! The configuration as an admin meets it: samples that load, layers that lie over each other,
//! and every broken file of `fixtures/config` with the exact words that are said of it.
//!
//! With `LECTERN_BLESS=1` in the environment the expected words are written instead of compared;
//! read the difference before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use lectern_domain::api::Field;
use lectern_domain::config::{self, Config, ConfigFile, Create, Faults, PlatformKind, SourceKind};
use lectern_domain::units::{Rate, Size, Span};
use proptest::prelude::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn file(name: &str, text: &str) -> ConfigFile {
    ConfigFile {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn read_one(text: &str) -> Result<Config, Faults> {
    Config::read(&[file("lectern.toml", text)], &[])
}

/// Variables as the daemon passes them.
fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

const SMALL: &str = r#"
[room]
id = "room-1"
[[source]]
name = "camera"
role = "presenter"
kind = "test-video"
[[source]]
name = "microphone"
role = "microphone"
kind = "test-audio"
"#;

#[test]
fn each_sample_loads() {
    let mut loaded = 0;
    for entry in fs::read_dir(root().join("config")).expect("the samples are in the repository") {
        let path = entry.expect("the folder can be listed").path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = fs::read_to_string(&path).expect("a sample can be read");
            if let Err(faults) = read_one(&text) {
                panic!("{}:\n{faults}", path.display());
            }
            loaded += 1;
        }
    }
    assert_eq!(loaded, 5);
}

#[test]
fn the_sample_of_layers_loads_as_one_room() {
    let folder = root().join("config/thin-line");
    let files = [
        "lectern.toml",
        "lectern.d/10-campus.toml",
        "lectern.d/50-room.toml",
    ]
    .map(|name| {
        file(
            name,
            &fs::read_to_string(folder.join(name)).expect("a layer can be read"),
        )
    });
    let examined = Config::examine(&files, &variables(&[("LECTERN__UPLOAD__RATE", "1Mbit/s")]));
    let (Some(config), None) = (examined.config, examined.faults) else {
        panic!("the sample has faults")
    };
    assert_eq!(config.room.id.as_str(), "c-017");
    assert_eq!(config.room.help.as_deref(), Some("Help desk 4444"));
    assert!(matches!(config.sources[0].kind, SourceKind::Rtsp { .. }));
    let origin = |key: &str| {
        let setting = examined.settings.as_slice().iter().find(|one| one.key == key);
        setting.unwrap_or_else(|| panic!("{key}")).origin.to_string()
    };
    assert_eq!(origin("room.id"), "lectern.d/50-room.toml:5");
    assert_eq!(origin("room.help"), "lectern.d/10-campus.toml:8");
    assert_eq!(origin("source.microphone.delay"), "lectern.d/50-room.toml:18");
    assert_eq!(origin("source.microphone.device"), "lectern.d/10-campus.toml:41");
    assert_eq!(origin("upload.rate"), "LECTERN__UPLOAD__RATE");
    assert_eq!(origin("storage.segment"), "default");
    assert_eq!(origin("upload.daily"), "not set");
    // What is shown says the same.
    let shown = examined.settings.to_toml();
    assert_eq!(
        read_one(&shown).unwrap_or_else(|faults| panic!("{faults}\n{shown}")),
        config
    );
}

/// No password leaves the machine in what an admin pastes into a mail.
#[test]
fn no_secret_is_shown() {
    let text = format!(
        "{SMALL}[[source]]\nname = \"board\"\nrole = \"presenter\"\nkind = \"rtsp\"\nurl = \
         \"rtsp://viewer:hunter2@10.0.0.9/s?token=hunter2\"\n[[source]]\nname = \"odd\"\nrole = \"presenter\"\n\
         kind = \"gst\"\nlaunch = 'rtspsrc location=rtsp://a:hunter2@b user-pw=\"hunter2\"'\n[[light]]\nname = \"l\"\n\
         kind = \"exec\"\ncommand = [\"/bin/lamp\", \"--password\", \"hunter2\", \"--token=hunter2\"]\n"
    );
    let settings = Config::examine(&[file("a", &text)], &[]).settings;
    let (toml, json) = (settings.to_toml(), serde_json::to_string(&settings).unwrap());
    assert!(!toml.contains("hunter2") && !json.contains("hunter2"), "{toml}");
    assert!(toml.contains("rtsp://***@10.0.0.9/s?token=***"), "{toml}");
}

#[test]
fn the_default_text_has_every_default() {
    let said = read_one(config::default_text()).unwrap();
    let unsaid = read_one(SMALL).unwrap();
    assert_eq!(said, unsaid);
    assert_eq!(unsaid.room.name, "room-1");
    assert_eq!(unsaid.room.timezone, None);
    assert_eq!(unsaid.room.languages, ["en"]);
    assert_eq!(unsaid.storage.path, Path::new("/var/lib/lectern"));
    assert_eq!(unsaid.storage.reserve, Size(10 << 30));
    assert_eq!(unsaid.storage.sync_every, Span(1_000));
    assert_eq!(unsaid.storage.segment, Span(60_000));
    assert_eq!(unsaid.storage.keep_sent.to_string(), "14d");
    assert_eq!(unsaid.recording.max_length.to_string(), "4h");
    assert_eq!(unsaid.recording.pre_roll, Span(0));
    assert!(!unsaid.recording.gap_card);
    assert!(unsaid.recording.require.is_empty());
    assert_eq!(unsaid.recording.undo, Span(10_000));
    assert_eq!(unsaid.recording.resume_within.to_string(), "30m");
    assert_eq!(unsaid.recording.picture, config::Picture::Presentation);
    assert_eq!(unsaid.panel.listen, "127.0.0.1:8470".parse().ok());
    assert_eq!(unsaid.control.socket, Path::new("/run/lectern/control.sock"));
    assert!(unsaid.platforms.is_empty());
    assert_eq!(unsaid.upload, lectern_domain::upload::Upload::default());
    assert!(unsaid.upload.yields && unsaid.upload.window.is_empty());
}

/// A key that the default text leaves out would be a key that nobody finds.
#[test]
fn the_default_text_loads_with_its_examples_too() {
    let written: String = config::default_text()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(code) if !code.starts_with([' ', ':']) => code,
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    // The examples repeat the names of the test sources; those keep theirs.
    let mut seen: Vec<&str> = Vec::new();
    let renamed: String = written
        .lines()
        .map(|line| {
            let taken = line.starts_with("name = ") && seen.contains(&line);
            seen.push(line);
            if taken {
                format!("name = \"n{}\"\n", seen.len())
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    let config = read_one(&renamed).unwrap_or_else(|faults| panic!("{faults}\n{renamed}"));
    assert_eq!((config.sources.len(), config.platforms.len()), (8, 5));
    assert_eq!(config.room.help.as_deref(), Some("Help desk 4444"));
    assert_eq!(config.recording.require, [Field::Title, Field::Presenter]);
}

#[test]
fn each_kind_has_its_own_defaults() {
    let one = |lines: &str| {
        let text = format!("[room]\nid = \"r\"\n[[source]]\nname = \"s\"\n{lines}");
        read_one(&text)
            .unwrap_or_else(|faults| panic!("{faults}"))
            .sources
            .remove(0)
    };
    let video = one("role = \"presenter\"\nkind = \"v4l2\"\ndevice = \"/dev/video0\"")
        .video
        .unwrap();
    assert_eq!(
        (video.width, video.height, video.fps),
        (Some(1280), Some(720), 30)
    );
    assert_eq!(video.bitrate, Some(Rate(2_500_000)));
    let screen = one("role = \"presentation\"\nkind = \"x11\"");
    assert_eq!(screen.kind, SourceKind::X11 { display: None });
    let video = screen.video.unwrap();
    assert_eq!(
        (video.width, video.height, video.fps, video.bitrate),
        (None, None, 15, None)
    );
    let camera = one("role = \"presenter\"\nkind = \"rtsp\"\nurl = \"rtsp://10.0.0.9/s\"\ndelay = \"-40ms\"");
    assert_eq!((camera.delay_ms, camera.audio), (-40, None));
    assert_eq!(camera.video.unwrap().width, None);
    let sound = one("role = \"microphone\"\nkind = \"gst\"\nlaunch = \"audiotestsrc\"");
    assert_eq!(sound.video, None);
    let audio = sound.audio.unwrap();
    assert_eq!((audio.channels, audio.bitrate), (2, Rate(128_000)));
}

#[test]
fn a_room_file_changes_what_it_names_and_adds_the_rest() {
    let fleet = format!("{SMALL}[[platform]]\nname = \"share\"\nkind = \"directory\"\npath = \"/srv/a\"\n");
    let room = r#"
[room]
name = "Hall B-204"
[storage]
segment = "30s"
[[source]]
name = "camera"
fps = 25
[[source]]
name = "screen"
role = "presentation"
kind = "x11"
[[platform]]
name = "share"
path = "/srv/b"
"#;
    let config = Config::read(
        &[file("lectern.toml", &fleet), file("lectern.d/50-room.toml", room)],
        &[],
    )
    .unwrap();
    assert_eq!(config.room.id.as_str(), "room-1");
    assert_eq!(config.room.name, "Hall B-204");
    assert_eq!(config.storage.segment, Span(30_000));
    let names: Vec<_> = config.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["camera", "microphone", "screen"]);
    assert_eq!(config.sources[0].video.as_ref().unwrap().fps, 25);
    assert_eq!(config.sources[0].video.as_ref().unwrap().width, Some(1280));
    let path = PathBuf::from("/srv/b");
    assert_eq!(
        config.platforms[0].kind,
        PlatformKind::Directory {
            path,
            label: None,
            create: Create::Beside
        }
    );
}

#[test]
fn another_kind_takes_the_keys_of_the_earlier_one_with_it() {
    let fleet = SMALL.replace(
        "kind = \"test-video\"",
        "kind = \"v4l2\"\ndevice = \"/dev/video0\"\nwidth = 640\nheight = 480",
    );
    let room = "[[source]]\nname = \"camera\"\nkind = \"rtsp\"\nurl = \"rtsp://10.0.0.9/s\"\n";
    let config = Config::read(&[file("a", &fleet), file("b", room)], &[]).unwrap();
    assert_eq!(
        config.sources[0].kind,
        SourceKind::Rtsp {
            url: "rtsp://10.0.0.9/s".to_owned()
        }
    );
    let env = variables(&[("LECTERN__SOURCE__CAMERA__KIND", "test-video")]);
    let config = Config::read(&[file("a", &fleet)], &env).unwrap();
    assert_eq!(config.sources[0].kind, SourceKind::TestVideo);
}

#[test]
fn the_environment_comes_last() {
    let text = format!(
        "{SMALL}[[source]]\nname = \"screen-2\"\nrole = \"presentation\"\nkind = \"x11\"\n[[light]]\nname = \
         \"tally\"\nkind = \"busylight\"\n[[panel.token]]\nname = \"noc\"\nrole = \"viewer\"\ncredential = \"noc\"\n"
    );
    let env = variables(&[
        ("LECTERN__STORAGE__PATH", "/data/spool"),
        ("LECTERN__PANEL__LISTEN", "off"),
        ("LECTERN__SOURCE__CAMERA__DEVICE", "/dev/video3"),
        ("LECTERN__SOURCE__CAMERA__KIND", "v4l2"),
        ("LECTERN__SOURCE__CAMERA__FPS", "20"),
        ("LECTERN__SOURCE__MICROPHONE__REQUIRED", "true"),
        ("LECTERN__SOURCE__SCREEN_2__DISPLAY", ":99"),
        ("LECTERN__ROOM__LANGUAGES", "[\"fr\", \"en\"]"),
        ("LECTERN__LIGHT__TALLY__COLOURS", "{ recording = \"#00ff7f\" }"),
        ("LECTERN__PANEL__TOKEN__NOC__ROLE", "operator"),
        ("LECTERN_LOG", "debug"),
        ("PATH", "/bin"),
    ]);
    let config = Config::read(&[file("lectern.toml", &text)], &env).unwrap();
    assert_eq!(config.storage.path, Path::new("/data/spool"));
    assert_eq!(config.panel.listen, None);
    assert_eq!(config.room.languages, ["fr", "en"]);
    assert_eq!(config.lights[0].colours.recording, config::Colour([0, 255, 127]));
    assert_eq!(config.panel.tokens[0].role.as_str(), "operator");
    assert_eq!(
        config.sources[0].kind,
        SourceKind::V4l2 {
            device: "/dev/video3".to_owned()
        }
    );
    assert_eq!(config.sources[0].video.as_ref().unwrap().fps, 20);
    assert!(config.sources[1].required);
    assert_eq!(
        config.sources[2].kind,
        SourceKind::X11 {
            display: Some(":99".to_owned())
        }
    );
}

#[test]
fn faults_of_the_environment_name_the_variable() {
    let env = variables(&[
        ("LECTERN__STORAGE__PATHH", "/data"),
        ("LECTERN__STORAGE__SEGMENT", "60"),
        ("LECTERN__SORAGE__PATH", "/data"),
        ("LECTERN__ROOM__LANGUAGES", "en"),
        ("LECTERN__SOURCE__CAMRA__DEVICE", "/dev/video3"),
        ("LECTERN__SOURCE__CAMERA", "v4l2"),
        ("LECTERN__", ""),
    ]);
    let faults = Config::read(&[file("lectern.toml", SMALL)], &env).unwrap_err();
    let places: Vec<_> = faults
        .as_slice()
        .iter()
        .map(|fault| (fault.file.as_str(), fault.line))
        .collect();
    let mut expected: Vec<_> = env.iter().map(|(name, _)| (name.as_str(), 1)).collect();
    expected.sort_unstable();
    assert_eq!(places, expected, "{faults}");
}

#[test]
fn bytes_that_are_not_utf8_are_named_by_their_place() {
    let fault = ConfigFile::decode("a.toml", b"[room]\nname = \"Caf\xe9\"\n".to_vec()).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "a.toml:2:12 syntax: this character is not UTF-8; a configuration is UTF-8 text; example: save the file \
         again with the encoding UTF-8"
    );
    assert!(ConfigFile::decode("a.toml", b"[room]\n".to_vec()).is_ok());
}

#[test]
fn no_file_at_all_is_a_fault_and_not_a_panic() {
    let faults = Config::read(&[], &[]).unwrap_err();
    assert_eq!(faults.as_slice().len(), 2, "{faults}");
}

/// Every `NAME.toml` gives exactly the lines of `NAME.expected`; a folder `NAME.d` beside it is
/// read over it, and over that the variables of `NAME.env`.
#[test]
fn broken_files_are_refused_in_the_expected_words() {
    let folder = root().join("fixtures/config");
    let bless = std::env::var_os("LECTERN_BLESS").is_some();
    let mut checked = 0;
    for path in toml_files(&folder) {
        let name = path
            .file_name()
            .expect("it was listed")
            .to_string_lossy()
            .into_owned();
        let mut files = vec![file(
            &name,
            &fs::read_to_string(&path).expect("a fixture can be read"),
        )];
        for above in toml_files(&path.with_extension("d")) {
            let name = above
                .strip_prefix(&folder)
                .expect("it lies below")
                .to_string_lossy()
                .into_owned();
            files.push(file(
                &name,
                &fs::read_to_string(&above).expect("a fixture can be read"),
            ));
        }
        let Err(faults) = Config::read(&files, &environment(&path.with_extension("env"))) else {
            panic!("{name} was accepted")
        };
        let said = format!("{faults}\n");
        for line in said.lines() {
            assert_eq!(line.matches("; ").count(), 2, "three parts in {name}: {line}");
        }
        let expected = path.with_extension("expected");
        if bless {
            fs::write(&expected, &said).expect("the words can be written");
        }
        assert_eq!(said, fs::read_to_string(&expected).unwrap_or_default(), "{name}");
        checked += 1;
    }
    assert!(checked >= 60, "{checked}");
}

/// A line `NAME=value` for each variable; none without the file.
fn environment(file: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    files
}

proptest! {
    /// P10: no file, however malformed, ends the daemon.
    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}=\"'#a-z0-9 \n.,\\\\é-]{0,200}") {
        let files = [file("a", &text), file("b", &text)];
        prop_assert!(Config::read(&files, &[]).is_err());
    }

    /// P10: a sound file with one stretch of it lost or doubled is read or refused, and each
    /// fault is one line.
    #[test]
    fn no_damage_makes_the_reader_panic(from in 0usize..4000, length in 0usize..60, put in "[\\[\\]{}=\"'a\n]{0,4}") {
        let sound = config::default_text();
        let from = sound.floor_char_boundary(from.min(sound.len()));
        let upto = sound.floor_char_boundary((from + length).min(sound.len()));
        let damaged = format!("{}{put}{}", &sound[..from], &sound[upto..]);
        if let Err(faults) = read_one(&damaged) {
            for fault in faults.as_slice() {
                prop_assert!(!fault.to_string().contains('\n'), "{}", fault);
            }
        }
    }
}
