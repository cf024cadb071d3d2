//! A lecture's folder as the daemon leaves it: segments of several sources and runs, and the job
//! to finish them.

use std::path::{Path, PathBuf};

use lectern_domain::config::Picture;
use lectern_domain::ids::RunNumber;
use lectern_domain::media::Role;
use lectern_finish::{Finished, Job, RunInput, SegmentInput, TrackInput, finish};
use sha2::{Digest, Sha256};

use crate::clip::{Clip, MS};

/// The moment of a run's stop, and its pauses.
pub(crate) type Run<'a> = (Option<u64>, &'a [(u64, u64)]);

/// A lecture's folder under construction.
pub(crate) struct Recording {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) job: Job,
}

impl Recording {
    pub(crate) fn new(runs: &[Run<'_>]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runs = runs.iter().zip(1..).map(|((end_ns, pauses), number)| RunInput {
            run: RunNumber(number),
            end_ns: *end_ns,
            pauses: pauses.to_vec(),
            ..RunInput::unknown(RunNumber(number))
        });
        let job = Job {
            lecture_dir: dir.path().to_owned(),
            picture: Picture::Presentation,
            tracks: Vec::new(),
            runs: runs.collect(),
            marks: Vec::new(),
            facts: Vec::new(),
            gap_card: false,
            language: "en".to_owned(),
            timezone: jiff::tz::TimeZone::UTC,
            renderer: None,
            metadata: serde_json::json!({"title": "Algebra I"}),
            title: Some("Algebra I – größer".to_owned()),
            started_unix_ms: Some(1_795_000_000_000),
        };
        Self { dir, job }
    }

    /// Adds segments of `clip` to a track: its chunks from `from_ns` up to `to_ns`, beginning
    /// with a key frame, moved by `shift_ns` on the clock of run `run`, two seconds to a file.
    pub(crate) fn record(
        &mut self,
        source: &str,
        role: Role,
        run: u32,
        clip: &Clip,
        span: (u64, u64),
        shift_ns: u64,
    ) {
        let chosen = clip
            .chunks
            .iter()
            .filter(|chunk| (span.0..span.1).contains(&chunk.start_ns));
        let mut file = Vec::new();
        let (mut began, mut ended) = (0, 0);
        for chunk in chosen.skip_while(|chunk| !chunk.key) {
            if !file.is_empty() && chunk.key && chunk.start_ns >= began + 2_000 * MS {
                self.segment(source, role, run, &std::mem::take(&mut file));
                self.recorded(source, (began + shift_ns, chunk.start_ns + shift_ns));
            }
            if file.is_empty() {
                began = chunk.start_ns;
                file.extend_from_slice(&clip.init);
            }
            chunk.write(clip, shift_ns, &mut file);
            ended = chunk.start_ns;
        }
        self.segment(source, role, run, &file);
        self.recorded(source, (began + shift_ns, ended + shift_ns));
    }

    /// Says when the newest segment of a source was recorded.
    fn recorded(&mut self, source: &str, span_ns: (u64, u64)) {
        let mut tracks = self.job.tracks.iter_mut();
        let track = tracks.find(|track| track.source.as_str() == source).unwrap();
        track.segments.last_mut().unwrap().span_ns = Some(span_ns);
    }

    /// Adds one segment file.
    pub(crate) fn segment(&mut self, source: &str, role: Role, run: u32, bytes: &[u8]) {
        let source: lectern_domain::ids::SourceName = source.parse().unwrap();
        if !self.job.tracks.iter().any(|track| track.source == source) {
            self.job.tracks.push(TrackInput {
                source: source.clone(),
                role,
                spare_for: None,
                segments: Vec::new(),
            });
        }
        let track = self
            .job
            .tracks
            .iter_mut()
            .find(|track| track.source == source)
            .unwrap();
        let path = PathBuf::from(format!("{source}/{:08}.mp4", track.segments.len() + 1));
        std::fs::create_dir_all(self.dir.path().join(source.as_str())).unwrap();
        std::fs::write(self.dir.path().join(&path), bytes).unwrap();
        let sha256 = Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let run = RunNumber(run);
        track.segments.push(SegmentInput {
            run,
            path,
            size_bytes: bytes.len() as u64,
            sha256,
            span_ns: None,
        });
    }

    pub(crate) fn finish(&self) -> Finished {
        finish(&self.job, &mut |_| std::ops::ControlFlow::Continue(())).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("finished").join(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let listed = std::fs::read_dir(self.dir.path().join("finished")).unwrap();
        let mut names: Vec<String> = listed
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Reads a JSON file.
pub(crate) fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
