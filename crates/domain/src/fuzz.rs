//! Entries for the fuzz targets of `tests/fuzz`, and the replay of their seeds (P8, P10).
//!
//! An entry takes any bytes and must come back; what it asserts holds for every input.

use crate::config::{Config, ConfigFile};
use crate::wire::{Decoder, Frame, SourceCommand, SourceEvent, encode};

/// Layers of configuration, parted by zero bytes; what begins with `$` is a variable instead.
///
/// # Panics
/// When a configuration is neither taken nor told what is wrong with it.
pub fn config(bytes: &[u8]) {
    let (mut files, mut variables) = (Vec::new(), Vec::new());
    for (number, layer) in bytes.split(|byte| *byte == 0).enumerate() {
        if let Some(variable) = layer.strip_prefix(b"$") {
            let text = String::from_utf8_lossy(variable);
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            variables.push((name.to_owned(), value.to_owned()));
        } else if let Ok(file) = ConfigFile::decode(&format!("{number}.toml"), layer.to_vec()) {
            files.push(file);
        }
    }
    match Config::read(&files, &variables) {
        Ok(config) => assert!(serde_json::to_string(&config).is_ok(), "it has no JSON"),
        Err(faults) => assert!(!faults.to_string().is_empty(), "refused without a word"),
    }
}

/// A stream between the daemon and a source, cut where its first byte says.
///
/// # Panics
/// When the place of the cut changes what is read.
pub fn wire(bytes: &[u8]) {
    let Some((cut, stream)) = bytes.split_first() else {
        return;
    };
    let cut = usize::from(*cut).min(stream.len());
    let (head, tail) = stream.split_at(cut);
    assert_eq!(
        frames::<SourceEvent>(&[stream]),
        frames::<SourceEvent>(&[head, tail]),
        "events"
    );
    assert_eq!(
        frames::<SourceCommand>(&[stream]),
        frames::<SourceCommand>(&[head, tail]),
        "commands"
    );
}

/// What is read from pieces of a stream, encoded again.
fn frames<T: serde::Serialize + serde::de::DeserializeOwned>(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::default();
    let mut read = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        while let Ok(Some(Frame { message, blob })) = decoder.next_frame::<T>() {
            read.push(encode::<T>(&message, &blob));
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn replay(target: &str, entry: fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds");
        let mut seen = 0;
        for seed in std::fs::read_dir(seeds.join(target)).unwrap() {
            entry(&std::fs::read(seed.unwrap().path()).unwrap());
            seen += 1;
        }
        assert!(seen > 0, "{target} has no seeds");
    }

    #[test]
    fn p8_every_seed_of_a_configuration_is_answered() {
        replay("config", super::config);
    }

    #[test]
    fn p10_every_seed_of_a_stream_is_answered() {
        replay("wire", super::wire);
    }
}
