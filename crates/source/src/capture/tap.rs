//! Where the device's data leaves the capture pipeline: from a sink into the feed.
//!
//! All of it runs on the streaming thread and does not wait.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};
use lectern_domain::fact::FactKind;
use lectern_domain::wire::SourceEvent;

use super::Reports;
use super::ear::{Ear, News};
use crate::clock;
use crate::element::make;
use crate::failure::Failure;
use crate::form::Form;
use crate::sound_line::SoundLine;

/// The sink of raw or coded pictures. It is a plain one with an ear at its door: an appsink keeps
/// its newest sample, and a picture that is kept cannot be painted over by a screen.
pub(super) fn pictures(reports: &Reports) -> Result<gst::Element, Failure> {
    let tap = make(
        "fakesink",
        &[
            ("name", "tap"),
            ("sync", "false"),
            ("async", "false"),
            ("enable-last-sample", "false"),
        ],
    )?;
    let pad = tap
        .static_pad("sink")
        .ok_or_else(|| Failure::internal("a sink has no pad"))?;
    let feed = reports.feed.clone();
    let known = Mutex::new(None);
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(kinds, move |pad, info| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let (caps, segment) = (pad.current_caps(), pad.sticky_event::<gst::event::Segment>(0));
        let form = caps.as_ref().and_then(|caps| current_form(&mut known, caps));
        let (Some(form), Some(segment)) = (form, segment) else {
            return gst::PadProbeReturn::Ok;
        };
        let deliver = |buffer: &gst::Buffer| {
            if let Some(mono_ns) = captured_at(segment.segment(), buffer) {
                feed.deliver(form, buffer, mono_ns);
            }
        };
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => deliver(buffer),
            Some(gst::PadProbeData::BufferList(list)) => {
                list.iter_owned().for_each(|buffer| deliver(&buffer))
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    Ok(tap)
}

/// The sink of 48 kHz float sound. `jitters` as in [`super::Medium::Sound`].
pub(super) fn sound(channels: u32, jitters: bool, reports: &Reports) -> gst::Element {
    let reports = reports.clone();
    let mut known = None;
    let mut line = SoundLine::new(channels, jitters);
    let mut ear = Ear::new();
    // What this thread logs is of this source too.
    let span = tracing::Span::current();
    sink(move |sample| {
        let _source = span.enter();
        let (Some(buffer), Some(segment), Some(caps)) =
            (sample.buffer_owned(), sample.segment(), sample.caps())
        else {
            return;
        };
        let Some(mono_ns) = captured_at(segment, &buffer) else {
            return;
        };
        let Some(form) = current_form(&mut known, caps) else {
            return;
        };
        listen(&mut ear, &buffer, channels, mono_ns, &reports);
        for (first, block) in line.place(buffer, mono_ns) {
            let at_ns = clock::from_ticks(first, clock::SOUND_TICKS);
            reports.feed.deliver(form, &block, at_ns);
        }
        reports.meter.set_drift_ppm(line.drift_ppm());
    })
}

/// Counts what is clipped and says when a microphone gives nothing.
fn listen(ear: &mut Ear, buffer: &gst::Buffer, channels: u32, mono_ns: u64, reports: &Reports) {
    let Ok(bytes) = buffer.map_readable() else {
        return;
    };
    let block: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        .collect();
    let heard = ear.hear(&block, channels as usize);
    reports.meter.add_clipped(heard.clipped);
    let Some(news) = heard.news else {
        return;
    };
    let (what, detail) = match news {
        News::Muted => (
            FactKind::SoundMuted,
            "the microphone has given nothing but one and the same value for 5 s; look for a mute switch, \
             a muted mixer or a cable",
        ),
        News::Back => (FactKind::SoundBack, "the microphone gives sound again"),
    };
    tracing::info!(what = what.as_str(), "the sound changed");
    reports.outbox.say(&SourceEvent::Noted {
        what,
        detail: detail.to_owned(),
        at_ns: mono_ns,
    });
}

fn sink(mut take: impl FnMut(&gst::Sample) + Send + 'static) -> gst::Element {
    let callbacks = AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            take(&sample);
            Ok(gst::FlowSuccess::Ok)
        })
        .build();
    AppSink::builder()
        .name("tap")
        .sync(false)
        .async_(false)
        .callbacks(callbacks)
        .build()
        .upcast()
}

/// The form of `caps`, read anew only when they changed.
fn current_form<'a>(known: &'a mut Option<Form>, caps: &gst::CapsRef) -> Option<&'a Form> {
    if known.as_ref().is_none_or(|form| form.caps().as_ref() != caps) {
        *known = Form::from_caps(caps.to_owned());
    }
    known.as_ref()
}

/// When a buffer was captured, on the monotonic clock: running time, as base time is zero.
fn captured_at(segment: &gst::Segment, buffer: &gst::Buffer) -> Option<u64> {
    let segment = segment.downcast_ref::<gst::ClockTime>()?;
    segment
        .to_running_time(buffer.pts()?)
        .map(gst::ClockTime::nseconds)
}
