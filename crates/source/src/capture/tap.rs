//! Where the device's data leaves the capture pipeline: from a sink's callback into the feed.
//!
//! The callbacks run on the streaming thread and do not wait.

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};
use lectern_domain::fact::FactKind;
use lectern_domain::wire::SourceEvent;

use super::Reports;
use super::ear::{Ear, News};
use crate::clock;
use crate::form::Form;
use crate::sound_line::SoundLine;

/// The sink of raw or coded pictures.
pub(super) fn pictures(reports: &Reports) -> gst::Element {
    let feed = reports.feed.clone();
    let mut known = None;
    sink(move |sample| {
        let (Some(buffer), Some(mono_ns)) = (sample.buffer_owned(), captured_at(sample)) else {
            return;
        };
        if let Some(form) = current_form(&mut known, sample) {
            feed.deliver(form, &buffer, mono_ns);
        }
    })
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
        let (Some(buffer), Some(mono_ns)) = (sample.buffer_owned(), captured_at(sample)) else {
            return;
        };
        let Some(form) = current_form(&mut known, sample) else {
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
        // A picture that the sink kept could not be painted over.
        .enable_last_sample(false)
        .async_(false)
        .callbacks(callbacks)
        .build()
        .upcast()
}

/// The form of `sample`, read anew only when the caps changed.
fn current_form<'a>(known: &'a mut Option<Form>, sample: &gst::Sample) -> Option<&'a Form> {
    let caps = sample.caps()?;
    if known.as_ref().is_none_or(|form| form.caps().as_ref() != caps) {
        *known = Form::from_caps(caps.to_owned());
    }
    known.as_ref()
}

/// When the sample was captured, on the monotonic clock: running time, as base time is zero.
fn captured_at(sample: &gst::Sample) -> Option<u64> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let stamp = sample.buffer()?.pts()?;
    segment.to_running_time(stamp).map(gst::ClockTime::nseconds)
}
