//! What the daemon and a source process say to each other over two pipes.
//!
//! The daemon writes [`SourceCommand`]s to the child's standard input; the child writes
//! [`SourceEvent`]s to its standard output; its log goes to standard error. Each message is a
//! frame: header length and blob length as two little-endian `u32`, then the header as JSON, then
//! the blob as it is (an init segment, a chunk, a JPEG; empty for most). JSON costs nothing at
//! five chunks a second and can be read in a trace; media bytes are never encoded twice.
//!
//! The decoder is sans-I/O: feed it bytes, take frames. A length beyond its limit is an error
//! and not an allocation, because a broken child must not take the daemon's memory (P10).

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::{Encoder, Source};
use crate::fact::FactKind;
use crate::ids::RunId;

/// The version both sides must agree on; a child of another version is refused by name.
pub const WIRE_VERSION: u32 = 3;

/// The most that a header may take, in bytes.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The most that a blob may take, in bytes: a chunk of one second at 200 Mbit/s.
pub const MAX_BLOB_BYTES: usize = 32 * 1024 * 1024;

/// What the daemon asks of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum SourceCommand {
    /// The first command, once: open the device and show pictures and levels.
    Open {
        /// [`WIRE_VERSION`] of the daemon.
        wire: u32,
        /// The `[[source]]` as configured.
        source: Box<Source>,
        /// How much of the past is kept encoded in memory, in nanoseconds; 0 keeps nothing and
        /// encodes only between `encode` and `stop_encode`. While it is kept, pictures get a key
        /// frame at each whole second of `CLOCK_MONOTONIC`, so that a run that begins at such a
        /// second begins with a key frame in every track.
        pre_roll_ns: u64,
        /// The device that was here before, as `live` named it: another one is refused.
        expect: Option<String>,
        /// Encoders that failed with this source since the daemon started: not to be taken again.
        shun: Vec<Encoder>,
    },
    /// Encode from now on. Run time zero is `base_ns` of the system's monotonic clock
    /// (`CLOCK_MONOTONIC`), which all sources share. Answered by `init` and `chunk` events.
    Encode {
        /// The run, repeated in each event that belongs to it.
        run: RunId,
        /// `CLOCK_MONOTONIC` at run time zero, in nanoseconds.
        base_ns: u64,
        /// Nothing from before this moment belongs to the run, in nanoseconds of the run: 0, or
        /// the end of a pause. What is kept in memory from then on belongs to it.
        from_ns: u64,
    },
    /// Make the next picture a key frame, so that a resumed track can begin there.
    KeyFrame,
    /// Encode what was captured until `until_ns` (nanoseconds of the run), flush it, say
    /// `drained`; go on showing pictures and levels.
    StopEncode {
        /// The moment of the stop, in nanoseconds of the run.
        until_ns: u64,
    },
    /// How often small pictures are wanted: `often` while somebody looks, about five a second; at
    /// first, and while nobody does, one every two seconds.
    Pictures {
        /// Somebody looks.
        often: bool,
    },
    /// Flush, close the device and exit with 0. The end of standard input means the same.
    Quit,
}

/// Why a source could not go on. The daemon decides by it how to speak of it and how to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureReason {
    /// The device, display or server is not there (unplugged, not started, wrong address).
    NotFound,
    /// It is there and refuses us (permission, password).
    Denied,
    /// It is there and another program holds it.
    Busy,
    /// It was there and went away: unplugged, killed, connection broken, stream ended.
    Lost,
    /// It cannot do what the configuration asks (format, size, rate, codec).
    Unsupported,
    /// The configuration of the source makes no sense to the media library.
    Config,
    /// Another device is at its place.
    Swapped,
    /// The encoder failed, not the device.
    Encoder,
    /// No data arrived although nothing failed.
    Stalled,
    /// The process ended without a word, or did not answer and was killed.
    Crashed,
    /// Anything else.
    Internal,
}

impl FailureReason {
    /// The name in JSON, log and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::Lost => "lost",
            Self::Unsupported => "unsupported",
            Self::Config => "config",
            Self::Swapped => "swapped",
            Self::Encoder => "encoder",
            Self::Stalled => "stalled",
            Self::Crashed => "crashed",
            Self::Internal => "internal",
        }
    }
}

/// What a source tells the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SourceEvent {
    /// The first event, once, before anything is opened.
    Hello {
        /// [`WIRE_VERSION`] of the child.
        wire: u32,
    },
    /// The device delivers: the first buffer has arrived. Sent once.
    Live {
        /// What was agreed with the device, for people: `1280x720@30`, `48000 Hz stereo`.
        format: String,
        /// Which device it is, where that can be known: in one line its model with its serial
        /// number, or else with its socket. Equal lines mean the same device.
        device: Option<String>,
    },
    /// Every 500 ms from the child's main loop: it lives, and this is what it counted.
    Alive {
        /// Buffers that the device delivered since the start of the process.
        captured: u64,
        /// Pictures or sound buffers dropped before the encoder because it could not follow.
        dropped: u64,
        /// Pictures left out on purpose to spare the processor, and not counted in `dropped`.
        shed: u64,
        /// How much faster the device's clock runs than the system's, in parts per million, once
        /// it is known; sound only. It is corrected.
        drift_ppm: Option<f32>,
        /// Chunks dropped after the encoder because the daemon did not take them in time.
        chunks_dropped: u64,
    },
    /// Blob: `ftyp` + `moov`. Goes before the first chunk of each encoder, and again if the
    /// encoder's parameters change.
    Init {
        /// The run.
        run: RunId,
        /// For people and for the finished file's description: `H.264 High 1280x720`.
        codec: String,
    },
    /// Blob: one complete chunk.
    Chunk {
        /// The run.
        run: RunId,
        /// Presentation time of its first sample, nanoseconds of the run.
        start_ns: u64,
        /// Presentation time of its end, nanoseconds of the run.
        end_ns: u64,
        /// Whether it begins with a key frame (always true for sound).
        key: bool,
    },
    /// Everything until the stop of `run` has been sent.
    Drained {
        /// The run.
        run: RunId,
    },
    /// Blob: a small JPEG of what the source sees; how often says [`SourceCommand::Pictures`].
    Picture {
        /// `CLOCK_MONOTONIC` when it was captured, in nanoseconds.
        at_ns: u64,
    },
    /// Ten times a second for sound.
    Level {
        /// Root mean square of each channel over 100 ms, in dBFS; -120 for digital silence.
        rms_dbfs: Vec<f32>,
        /// Peak of each channel over 100 ms, in dBFS.
        peak_dbfs: Vec<f32>,
        /// Samples at full scale in the same 100 ms, over all channels.
        clipped: u32,
    },
    /// Something that a person may want to know of the recording later; it goes on.
    Noted {
        /// What kind of thing.
        what: FactKind,
        /// The same for people, one sentence without a full stop.
        detail: String,
        /// `CLOCK_MONOTONIC` when it was so, in nanoseconds.
        at_ns: u64,
    },
    /// It cannot go on. The process exits after it; what was encoded has been flushed before.
    Failed {
        /// The kind of failure.
        reason: FailureReason,
        /// For a technician: what failed, on which device, in the library's words.
        message: String,
    },
}

/// A message and its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<T> {
    /// The message.
    pub message: T,
    /// Its bytes; empty for most messages.
    pub blob: Vec<u8>,
}

/// Why a stream of frames could not be read on. The connection is of no more use after it.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// A length beyond the limit: the stream is not ours, or torn.
    #[error(
        "a frame announced {header} + {blob} bytes; at most {MAX_HEADER_BYTES} + {MAX_BLOB_BYTES} are allowed"
    )]
    TooLong {
        /// Announced header length.
        header: usize,
        /// Announced blob length.
        blob: usize,
    },
    /// The header was not the JSON of a known message.
    #[error("a frame's header was not understood: {0}")]
    Header(#[from] serde_json::Error),
}

/// Encodes one frame: what to write, in one piece.
///
/// # Panics
/// Never for this module's messages: their JSON has only text keys and finite numbers, and
/// their blobs come from producers that respect [`MAX_BLOB_BYTES`].
#[must_use]
pub fn encode<T: Serialize>(message: &T, blob: &[u8]) -> Vec<u8> {
    let header = serde_json::to_vec(message).expect("wire messages always have a JSON form");
    let mut out = Vec::with_capacity(8 + header.len() + blob.len());
    let length = |n: usize| {
        u32::try_from(n)
            .expect("frames stay far below 4 GiB")
            .to_le_bytes()
    };
    out.extend_from_slice(&length(header.len()));
    out.extend_from_slice(&length(blob.len()));
    out.extend_from_slice(&header);
    out.extend_from_slice(blob);
    out
}

/// Turns a stream of bytes into frames.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
    taken: usize,
}

impl Decoder {
    /// Adds bytes as they arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.pending.drain(..self.taken);
            self.taken = 0;
        }
        self.pending.extend_from_slice(bytes);
    }

    /// The next complete frame, or `None` until more bytes are fed.
    ///
    /// # Errors
    /// [`WireError`]: the stream cannot be read on.
    pub fn next_frame<T: DeserializeOwned>(&mut self) -> Result<Option<Frame<T>>, WireError> {
        let rest = &self.pending[self.taken..];
        let Some((lengths, rest)) = rest.split_at_checked(8) else {
            return Ok(None);
        };
        let length = |at: usize| {
            u32::from_le_bytes([lengths[at], lengths[at + 1], lengths[at + 2], lengths[at + 3]]) as usize
        };
        let (header, blob) = (length(0), length(4));
        if header > MAX_HEADER_BYTES || blob > MAX_BLOB_BYTES {
            return Err(WireError::TooLong { header, blob });
        }
        let Some((head, rest)) = rest.split_at_checked(header) else {
            return Ok(None);
        };
        let Some((body, _)) = rest.split_at_checked(blob) else {
            return Ok(None);
        };
        let frame = Frame {
            message: serde_json::from_slice(head)?,
            blob: body.to_vec(),
        };
        self.taken += 8 + header + blob;
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level() -> SourceEvent {
        SourceEvent::Level {
            rms_dbfs: vec![-20.5, -120.0],
            peak_dbfs: vec![-3.0, -120.0],
            clipped: 0,
        }
    }

    #[test]
    fn frames_survive_any_cut_of_the_stream() {
        let mut bytes = encode(&level(), b"");
        bytes.extend(encode(&SourceEvent::Picture { at_ns: 7 }, &[1, 2, 3]));
        for cut in 0..bytes.len() {
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                decoder.feed(part);
                while let Some(frame) = decoder.next_frame::<SourceEvent>().unwrap() {
                    seen.push(frame);
                }
            }
            assert_eq!(seen.len(), 2, "cut at {cut}");
            assert_eq!(seen[0].message, level());
            assert_eq!(seen[1].blob, [1, 2, 3]);
        }
    }

    #[test]
    fn a_monstrous_length_is_an_error_and_not_an_allocation() {
        let mut decoder = Decoder::default();
        decoder.feed(&[0xff; 8]);
        assert!(matches!(
            decoder.next_frame::<SourceEvent>(),
            Err(WireError::TooLong { .. })
        ));
    }

    proptest::proptest! {
        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let mut decoder = Decoder::default();
            decoder.feed(&noise);
            while let Ok(Some(_)) = decoder.next_frame::<SourceEvent>() {}
        }
    }
}
