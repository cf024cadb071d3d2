//! A trial of a source's encoder, as the doctor asks for it: `lectern-source --trial` reads the
//! `[[source]]` as JSON and answers with this.

use serde::{Deserialize, Serialize};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncoderTrial {
    /// The encoder that a lecture would take now, for people: `x264`, `vaapi (vah264enc)`.
    pub encoder: String,
    /// How many seconds of pictures it encoded in a second; `None`: it did not.
    pub speed: Option<f64>,
    /// Why it did not, without a full stop.
    pub why: Option<String>,
}
