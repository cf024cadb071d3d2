//! What the renderer's pipelines share: reading a file of one track, the file at the end, and
//! waiting for the end of a stream.

use std::path::Path;

use gst::prelude::*;

use crate::element::{chain, exists, link, make};
use crate::failure::Failure;

/// The first element of a list that exists here; the first of all if none does, so that the fault
/// names the usual one.
pub(super) fn first_of(factories: &[&str]) -> Result<gst::Element, Failure> {
    let found = factories.iter().find(|factory| exists(factory));
    make(found.or(factories.first()).copied().unwrap_or_default(), &[])
}

/// Puts a reader of `file` before `elements` and links all of them: the track goes into the first
/// one as soon as the file has been looked into.
pub(super) fn read_into(
    pipeline: &gst::Pipeline,
    file: &Path,
    elements: &[&gst::Element],
) -> Result<(), Failure> {
    let source = make("filesrc", &[])?;
    source.set_property("location", location(file)?);
    let demux = make("qtdemux", &[])?;
    chain(pipeline, &[&source, &demux])?;
    pipeline
        .add_many(elements.iter().copied())
        .map_err(|error| Failure::internal(error.to_string()))?;
    link(elements)?;
    let first = elements
        .first()
        .and_then(|element| element.static_pad("sink"))
        .ok_or_else(|| Failure::internal("nothing reads the file"))?;
    demux.connect_pad_added(move |_, pad| {
        if !first.is_linked()
            && let Err(error) = pad.link(&first)
        {
            tracing::warn!(%error, "the file has a track of another kind");
        }
    });
    Ok(())
}

/// The file at the end.
pub(super) fn sink(out: &Path) -> Result<gst::Element, Failure> {
    let sink = make("filesink", &[])?;
    sink.set_property("location", location(out)?);
    Ok(sink)
}

/// Plays the pipeline to its end and takes it down. Blocks; whoever asked for the file ends this
/// process when it takes too long.
pub(super) fn run(pipeline: &gst::Pipeline) -> Result<(), Failure> {
    let ended = play(pipeline);
    let stopped = pipeline.set_state(gst::State::Null);
    ended?;
    stopped
        .map(|_| ())
        .map_err(|error| Failure::internal(error.to_string()))
}

fn play(pipeline: &gst::Pipeline) -> Result<(), Failure> {
    let bus = pipeline.bus().expect("a pipeline has a bus");
    let started = pipeline.set_state(gst::State::Playing);
    let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
    let first = match started {
        Ok(_) => bus.timed_pop_filtered(gst::ClockTime::NONE, &kinds),
        Err(_) => bus.pop_filtered(&kinds),
    };
    match first.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Eos(_)) => Ok(()),
        Some(gst::MessageView::Error(error)) => {
            let debug = error.debug().unwrap_or_default();
            Err(Failure::internal(format!("{} ({debug})", error.error())))
        }
        _ => Err(Failure::internal("the pipeline did not start")),
    }
}

fn location(file: &Path) -> Result<&str, Failure> {
    file.to_str()
        .ok_or_else(|| Failure::internal(format!("{}: the path is not UTF-8", file.display())))
}
