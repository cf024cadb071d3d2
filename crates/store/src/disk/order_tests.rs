//! The order of every write path but the segments' (`spool/writer_tests.rs`), and each failure at
//! each of its steps (T1).
//!
//! A path is run once to learn its steps, then once for each step and each kind of error: what
//! was there before must be there still, and an error must name what failed.

use std::io;
use std::path::{Path, PathBuf};

use lectern_domain::ids::LectureId;

use super::scripted_tests::ScriptedDisk;
use crate::layout::Layout;
use crate::meta::{self, Meta};
use crate::plans::{self, Unkept};
use crate::recovery::quarantine::quarantine;
use crate::removal::{Removal, remove};
use crate::spool::documents::{Documents, Text};
use crate::spool::folders::make_folder;

const KINDS: [io::ErrorKind; 2] = [io::ErrorKind::Other, io::ErrorKind::StorageFull];

fn layout() -> Layout {
    Layout::new(Path::new("/spool"))
}

fn put(disk: &ScriptedDisk, path: &str, bytes: &[u8]) {
    disk.0
        .lock()
        .unwrap()
        .files
        .insert(PathBuf::from(path), bytes.to_vec());
}

fn at(disk: &ScriptedDisk, path: &str) -> Option<Vec<u8>> {
    disk.0.lock().unwrap().files.get(Path::new(path)).cloned()
}

fn log(disk: &ScriptedDisk) -> Vec<String> {
    disk.0.lock().unwrap().log.clone()
}

/// The disk after `work` with an error of a kind at a step, and what `work` said.
fn with_fault<T>(
    prepare: impl Fn(&ScriptedDisk),
    step: usize,
    kind: io::ErrorKind,
    work: impl Fn(&mut ScriptedDisk) -> T,
) -> (ScriptedDisk, T) {
    let mut disk = ScriptedDisk::new();
    prepare(&disk);
    disk.0.lock().unwrap().fail = Some((step, kind));
    let said = work(&mut disk);
    (disk, said)
}

#[test]
fn t1_meta_is_replaced_in_one_piece_or_not_at_all() {
    let meta = Meta {
        uuid: uuid::Uuid::nil(),
        room: "b-204".to_owned(),
        created_unix_ms: 1,
    };
    let path = "/spool/meta.json";
    let write = |disk: &mut ScriptedDisk| meta::write(disk, &layout(), &meta);
    let mut disk = ScriptedDisk::new();
    write(&mut disk).unwrap();
    let steps = [
        "create_private meta.json.tmp",
        "append meta.json.tmp",
        "sync_all meta.json.tmp",
        "rename meta.json",
        "sync_dir spool",
    ];
    assert_eq!(log(&disk), steps);
    let new = at(&disk, path).unwrap();
    for kind in KINDS {
        for (step, name) in steps.iter().enumerate() {
            let (disk, said) = with_fault(|disk| put(disk, path, b"old"), step, kind, write);
            let error = said.unwrap_err().to_string();
            assert!(error.contains("meta.json"), "{name}: {error}");
            let left = at(&disk, path).unwrap();
            let renamed = *name == "sync_dir spool";
            assert_eq!(
                left,
                if renamed { new.clone() } else { b"old".to_vec() },
                "{name}"
            );
        }
    }
}

#[test]
fn t1_plans_are_replaced_in_one_piece_and_only_a_lost_folder_is_fatal() {
    let path = "/spool/plans.json";
    let write = |disk: &mut ScriptedDisk| plans::write(disk, &layout(), b"new text");
    let mut disk = ScriptedDisk::new();
    write(&mut disk).unwrap();
    let steps = [
        "create_private plans.json.tmp",
        "append plans.json.tmp",
        "sync_all plans.json.tmp",
        "rename plans.json",
        "sync_dir spool",
    ];
    assert_eq!(log(&disk), steps);
    for kind in KINDS {
        for (step, name) in steps.iter().enumerate() {
            let (disk, said) = with_fault(|disk| put(disk, path, b"old"), step, kind, write);
            let lost = *name == "sync_dir spool";
            match said.unwrap_err() {
                Unkept::NotWritten(error) => {
                    assert!(
                        !lost && error.to_string().contains("plans.json"),
                        "{name}: {error}"
                    );
                }
                Unkept::FolderLost(folder) => assert!(lost, "{name}: {folder}"),
            }
            let left = at(&disk, path).unwrap();
            assert_eq!(left, if lost { &b"new text"[..] } else { b"old" }, "{name}");
        }
    }
}

#[test]
fn t1_lecture_json_is_replaced_in_one_piece_and_only_a_lost_folder_is_fatal() {
    let path = "/spool/lectures/f/lecture.json";
    let write = |disk: &mut ScriptedDisk| {
        let documents = Documents::default();
        let text = Text {
            folder: "f".to_owned(),
            bytes: b"new text".to_vec(),
        };
        documents.leave(LectureId(uuid::Uuid::nil()), text);
        documents.write(disk, &layout())
    };
    let mut disk = ScriptedDisk::new();
    write(&mut disk).unwrap();
    let steps = [
        "create_private lecture.json.tmp",
        "append lecture.json.tmp",
        "sync_all lecture.json.tmp",
        "rename lecture.json",
        "sync_dir f",
    ];
    assert_eq!(log(&disk), steps);
    for kind in KINDS {
        for (step, name) in steps.iter().enumerate() {
            let (disk, said) = with_fault(|disk| put(disk, path, b"old"), step, kind, write);
            let lost = *name == "sync_dir f";
            assert_eq!(said.is_err(), lost, "{name}: {said:?}");
            let left = at(&disk, path).unwrap();
            assert_eq!(left, if lost { &b"new text"[..] } else { b"old" }, "{name}");
        }
    }
}

#[test]
fn t1_a_lectures_folders_are_synced_before_anybody_hears_of_them() {
    let sources = ["camera", "microphone"].map(|name| name.parse().unwrap());
    let make = |disk: &mut ScriptedDisk| make_folder(disk, &layout(), "f", &sources);
    let mut disk = ScriptedDisk::new();
    make(&mut disk).unwrap();
    let steps = [
        "make_dir f",
        "make_dir camera",
        "make_dir microphone",
        "make_dir finished",
        "sync_dir f",
        "sync_dir lectures",
    ];
    assert_eq!(log(&disk), steps);
    for kind in KINDS {
        for (step, name) in steps.iter().enumerate() {
            let (disk, said) = with_fault(|_| {}, step, kind, make);
            assert!(said.is_err(), "{name}");
            assert_eq!(log(&disk).len(), step + 1, "{name}: nothing follows an error");
        }
    }
}

#[test]
fn t1_p6_a_deletion_syncs_a_folder_before_the_next_step_and_stops_at_an_error() {
    let folder = PathBuf::from("/spool/lectures/f/camera");
    let names = ["00000001.mp4", "00000002.mp4"];
    let prepare = |disk: &ScriptedDisk| {
        for name in names {
            put(disk, &format!("/spool/lectures/f/camera/{name}"), b"media");
        }
    };
    let removals = [
        Removal::Files {
            folder: folder.clone(),
            names: names.map(str::to_owned).to_vec(),
        },
        Removal::Folders {
            parent: PathBuf::from("/spool/lectures/f"),
            folders: vec![folder.clone(), PathBuf::from("/spool/lectures/f/finished")],
        },
    ];
    let all = |disk: &mut ScriptedDisk| removals.iter().try_for_each(|removal| remove(disk, removal));
    let mut disk = ScriptedDisk::new();
    prepare(&disk);
    all(&mut disk).unwrap();
    let steps = [
        "unlink 00000001.mp4",
        "unlink 00000002.mp4",
        "sync_dir camera",
        "remove_dir camera",
        "remove_dir finished",
        "sync_dir f",
    ];
    assert_eq!(log(&disk), steps);
    for kind in KINDS {
        for (step, name) in steps.iter().enumerate() {
            let (disk, said) = with_fault(prepare, step, kind, all);
            let (path, _, error) = said.unwrap_err();
            assert_eq!(error.kind(), kind, "{name}");
            assert!(
                name.ends_with(path.file_name().unwrap().to_str().unwrap()),
                "{name}"
            );
            assert_eq!(log(&disk).len(), step + 1, "{name}: nothing follows an error");
        }
    }
    // What a crash had removed already is no error.
    let mut again = ScriptedDisk::new();
    all(&mut again).unwrap();
}

#[test]
fn t1_p6_what_goes_into_quarantine_is_never_gone_from_both_places() {
    let stray = "/spool/lectures/f/camera/notes.txt";
    let target = "/spool/quarantine/f__camera__notes.txt";
    let prepare = |disk: &ScriptedDisk| put(disk, stray, b"notes");
    let aside = |disk: &mut ScriptedDisk| quarantine(disk, &layout(), Path::new(stray));
    let mut disk = ScriptedDisk::new();
    prepare(&disk);
    assert_eq!(aside(&mut disk).unwrap(), Path::new(target));
    let steps = [
        "make_dir quarantine",
        "rename f__camera__notes.txt",
        "sync_dir quarantine",
        "sync_dir camera",
    ];
    assert_eq!(log(&disk), steps);
    for kind in KINDS {
        for (step, name) in steps.iter().enumerate() {
            let (disk, said) = with_fault(prepare, step, kind, aside);
            assert!(said.is_err(), "{name}");
            let (here, there) = (at(&disk, stray), at(&disk, target));
            assert!(here.is_some() != there.is_some(), "{name}: in one place");
        }
    }
    // A second of the same name does not take the first's place.
    prepare(&disk);
    assert_eq!(
        aside(&mut disk).unwrap(),
        Path::new("/spool/quarantine/f__camera__notes.txt.2")
    );
}
