//! The owner of the coders and muxers: what is built, replaced and taken down when.
//!
//! All methods are for the engine's thread; those that build or take down a pipeline take some
//! milliseconds, with hardware some hundred.

mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use lectern_domain::config::{Encoder, Source};
use lectern_domain::fact::FactKind;
use lectern_domain::wire::FailureReason;

use super::choice::{Candidate, Choice};
use super::chunks::{Muxer, Plan};
use super::coder::{Coder, Recipe};
use super::probe::Probing;
use super::track::{Begin, Track};
use super::verdicts::{Pictures, Verdicts};
use super::{picture, settings};
use crate::capture::Reports;
use crate::clock::{self, SECOND_NS};
use crate::element::exists;
use crate::failure::Failure;
use crate::feeder::KeyRule;
use crate::form::Form;
use crate::grid::Grid;
use crate::inputs::PartNumber;
use crate::session::Run;
use crate::shed::{Ladder, Rung};

/// What is kept beyond the pre-roll, in nanoseconds: a press is heard a little later than made.
const PRE_ROLL_SPARE_NS: u64 = SECOND_NS;
/// How long a replaced coder may take to give out what it holds, in nanoseconds.
const RETIRE_NS: u64 = SECOND_NS;
/// How long after the first picture hardware may be tried, in nanoseconds: the first press of a
/// lecturer who is in a hurry comes before.
const PROBE_AFTER_NS: u64 = 2 * SECOND_NS;
/// How long the end of the process waits for a trial to break off.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);

/// What is to be encoded, and how much of it is kept.
#[derive(Debug)]
pub(crate) struct Order {
    /// The source as configured.
    pub(crate) source: Source,
    /// How much of the past is kept, in nanoseconds; 0 encodes only during runs.
    pub(crate) pre_roll_ns: u64,
    /// Encoders not to be taken while there are others.
    pub(crate) shun: Vec<Encoder>,
    /// An encoder of the user's own as a launch fragment, from raw I420 to H.264.
    pub(crate) fragment: Option<String>,
}

/// A run at work.
struct AtWork {
    run: Run,
    muxer: Muxer,
    /// Where it ends, in nanoseconds of the run, once that is known.
    until_ns: Option<u64>,
    /// Nothing more is fed.
    closing: bool,
}

/// A coder and the encoder in it; none for sound and for coded pictures.
struct Working {
    coder: Coder,
    candidate: Option<Candidate>,
}

/// Everything between the feed and the outbox.
pub(crate) struct Encoding {
    order: Order,
    reports: Reports,
    plan: Plan,
    track: Arc<Track>,
    choice: Choice,
    verdicts: Verdicts,
    parts: u64,
    coder: Option<Working>,
    /// Replaced coders that still give out what they hold, each with its deadline.
    retiring: Vec<(Coder, u64)>,
    at_work: Option<AtWork>,
    ladder: Ladder,
    probing: Option<Probing>,
    probe_due_ns: Option<u64>,
    /// When dropped pictures were last spoken of, and how many there were.
    drops_told: (u64, u64),
    /// The whole second of the clock that was last looked at.
    second: u64,
}

impl Encoding {
    /// Nothing is built yet.
    pub(crate) fn new(order: Order, reports: Reports) -> Self {
        let plan = if order.source.role.is_video() {
            Plan::Pictures
        } else {
            Plan::Sound
        };
        let keep_ns = (order.pre_roll_ns > 0).then(|| order.pre_roll_ns.saturating_add(PRE_ROLL_SPARE_NS));
        let wanted = order
            .source
            .video
            .as_ref()
            .map_or(Encoder::Auto, |video| video.encoder);
        Self {
            track: Track::new(
                plan,
                keep_ns,
                reports.inputs.clone(),
                reports.feed.key_seen().clone(),
            ),
            choice: Choice::new(wanted, order.fragment.clone(), order.shun.clone()),
            verdicts: Verdicts::of_this_machine(),
            order,
            reports,
            plan,
            parts: 0,
            coder: None,
            retiring: Vec::new(),
            at_work: None,
            ladder: Ladder::default(),
            probing: None,
            probe_due_ns: None,
            drops_told: (0, 0),
            second: 0,
        }
    }

    /// The device delivers: with pre-roll the past begins here.
    ///
    /// # Errors
    /// No encoder works.
    pub(crate) fn delivered(&mut self) -> Result<(), Failure> {
        self.probe_due_ns = Some(clock::now_ns() + PROBE_AFTER_NS);
        if let Some(words) = self.choice.missing(exists) {
            self.note(FactKind::EncoderFallback, words);
        }
        if self.is_warm() {
            self.start_coder()
        } else {
            Ok(())
        }
    }

    /// Begins a run. Returns whether its first picture is there already; if not, the next one is
    /// made a key frame and the device should deliver one soon.
    ///
    /// # Errors
    /// No encoder works, or the muxer does not.
    pub(crate) fn begin(&mut self, run: Run) -> Result<bool, Failure> {
        let number = self.next_number();
        let (muxer, input) = Muxer::start(number, run.id, self.plan, &self.reports)?;
        let found = self.track.begin(Begin {
            number,
            run,
            input,
            picture_ns: self.picture_ns(),
        });
        self.at_work = Some(AtWork {
            run,
            muxer,
            until_ns: None,
            closing: false,
        });
        if self.coder.is_none() {
            self.start_coder()?;
        } else if !found {
            self.reports.feed.force_key();
        }
        Ok(found)
    }

    /// Ends the run at work at `until_ns` of it.
    pub(crate) fn stop_at(&mut self, until_ns: u64) {
        let warm = self.is_warm();
        let Some(at_work) = &mut self.at_work else { return };
        at_work.until_ns = Some(until_ns);
        if !warm {
            let until_ns = at_work.run.base_ns.saturating_add(until_ns);
            self.reports.feed.stop_at(until_ns);
        }
        self.track.stop_at(until_ns, warm);
    }

    /// Feeds the run nothing more; its muxer drains.
    pub(crate) fn end(&mut self) {
        if let Some(at_work) = &mut self.at_work {
            at_work.closing = true;
        }
        if self.is_warm() {
            self.track.end();
        } else {
            self.track.end_with_coders();
            self.reports.feed.finish();
        }
    }

    /// Takes the run's pipelines down, whatever they still hold.
    pub(crate) fn discard(&mut self) {
        if let Some(at_work) = self.at_work.take() {
            at_work.muxer.discard();
        }
        self.track.leave();
        if !self.is_warm() {
            self.discard_coders();
        }
    }

    /// Whether this coder or muxer is still at work.
    pub(crate) fn is_current(&self, number: PartNumber) -> bool {
        let coder = self.coder.as_ref().map(|working| working.coder.number);
        let muxer = self.at_work.as_ref().map(|at_work| at_work.muxer.number);
        [coder, muxer].contains(&Some(number))
    }

    /// A muxer has drained. Whether the run is complete; if not, the next muxer goes on.
    ///
    /// # Errors
    /// The next muxer does not start.
    pub(crate) fn drained(&mut self, number: PartNumber) -> Result<bool, Failure> {
        if !self.track.needs_muxer(number) {
            return Ok(true);
        }
        let next = self.next_number();
        let Some(at_work) = &mut self.at_work else {
            return Ok(true);
        };
        let (muxer, input) = Muxer::start(next, at_work.run.id, self.plan, &self.reports)?;
        std::mem::replace(&mut at_work.muxer, muxer).discard();
        self.track.go_on(next, input);
        Ok(false)
    }

    /// A coder gave out its last frame.
    pub(crate) fn coder_ended(&mut self, number: PartNumber) {
        if let Some(working) = self.coder.take_if(|working| working.coder.number == number) {
            working.coder.discard();
        }
        for (coder, _) in self.retiring.extract_if(.., |(coder, _)| coder.number == number) {
            coder.discard();
        }
    }

    /// A coder failed: another encoder goes on in its place.
    ///
    /// # Errors
    /// None is left.
    pub(crate) fn coder_failed(&mut self, number: PartNumber, failure: Failure) -> Result<(), Failure> {
        self.track.coder_ended(number);
        for (coder, _) in self.retiring.extract_if(.., |(coder, _)| coder.number == number) {
            coder.discard();
        }
        let Some(working) = self.coder.take_if(|working| working.coder.number == number) else {
            return Ok(());
        };
        working.coder.discard();
        let Some(candidate) = working.candidate else {
            return Err(failure);
        };
        self.give_up(candidate, &failure);
        if self.is_closing() {
            return Ok(());
        }
        self.start_coder()
    }

    /// The device delivers something else from now on.
    ///
    /// # Errors
    /// No encoder works with it.
    pub(crate) fn form_changed(&mut self, from: &str, to: &str) -> Result<(), Failure> {
        self.note(FactKind::FormatChanged, format!("{from} → {to}"));
        self.probe_due_ns = Some(clock::now_ns() + PROBE_AFTER_NS);
        let wanted = self.is_warm() || self.at_work.as_ref().is_some_and(|at_work| !at_work.closing);
        if !wanted || self.reports.feed.is_seated() {
            return Ok(());
        }
        self.start_coder()
    }

    /// Breaks trials off and takes all down. May block as long as a driver does.
    pub(crate) fn close(mut self) {
        if let Some(probing) = self.probing.take() {
            if probing.ends_within(PROBE_PATIENCE) {
                probing.stop();
            } else {
                tracing::error!("the trial of an encoder hung");
            }
        }
        self.discard();
        self.discard_coders();
    }

    /// Starts the best coder for what the device delivers. One that works is followed without a
    /// seam; a candidate that does not start makes room for the next.
    fn start_coder(&mut self) -> Result<(), Failure> {
        let form = self
            .reports
            .feed
            .form()
            .ok_or_else(|| Failure::internal("an encoder was wanted before the device delivered"))?;
        loop {
            let candidate = match &form {
                Form::Pictures { .. } => Some(self.best().ok_or_else(|| self.none_left())?),
                Form::Coded { .. } | Form::Sound { .. } => None,
            };
            let rung = self.ladder.rung();
            let recipe = Recipe {
                source: &self.order.source,
                form: &form,
                candidate: candidate.as_ref(),
                faster: rung.is_faster(),
                rule: if self.is_warm() {
                    KeyRule::WholeSeconds
                } else {
                    KeyRule::Distance
                },
                from_ns: self.first_stamp_ns(),
            };
            self.parts += 1;
            let number = PartNumber(self.parts);
            let (coder, mut feeder) = match Coder::start(number, &recipe, self.track.seat(number)) {
                Ok(started) => started,
                Err(failure) => {
                    self.track.coder_ended(number);
                    let Some(candidate) = candidate else {
                        return Err(failure);
                    };
                    self.give_up(candidate, &failure);
                    continue;
                }
            };
            feeder.set_pace(rung.pace());
            if let Some(AtWork {
                run,
                until_ns: Some(until_ns),
                ..
            }) = &self.at_work
                && !self.is_warm()
            {
                feeder.stop_at(run.base_ns.saturating_add(*until_ns));
            }
            if let Some(candidate) = &candidate {
                self.note(FactKind::Encoder, self.describe(candidate, &form, rung));
            }
            self.reports.feed.seat(number, feeder, &form);
            if let Some(before) = self.coder.replace(Working { coder, candidate }) {
                self.retiring.push((before.coder, clock::now_ns() + RETIRE_NS));
            }
            return Ok(());
        }
    }

    fn discard_coders(&mut self) {
        self.reports.feed.finish();
        let current = self.coder.take().map(|working| working.coder);
        let retiring = self.retiring.drain(..).map(|(coder, _)| coder);
        for coder in current.into_iter().chain(retiring) {
            self.track.coder_ended(coder.number);
            coder.discard();
        }
    }

    fn give_up(&mut self, candidate: Candidate, failure: &Failure) {
        let words = format!("{} failed: {}", candidate.describe(), failure.message);
        tracing::warn!(error = %failure, "an encoder failed");
        self.choice.fail(candidate);
        self.note(FactKind::EncoderFallback, words);
    }

    fn none_left(&self) -> Failure {
        let hint = self
            .choice
            .missing(exists)
            .unwrap_or_else(|| "install the package gstreamer1.0-plugins-ugly".to_owned());
        Failure::new(
            FailureReason::Encoder,
            format!("no encoder is left that works; {hint}"),
        )
    }

    fn best(&self) -> Option<Candidate> {
        let pictures = self.pictures();
        self.choice
            .best(exists, |factory| self.verdicts.verdict(factory, &pictures))
    }

    /// What is encoded, as the file of trials has it.
    fn pictures(&self) -> Pictures {
        let fps = self.fps();
        let (width, height) = match (&self.order.source.video, self.reports.feed.form()) {
            (Some(video), Some(Form::Pictures { width, height, .. })) => {
                picture::target(video, width, height)
            }
            _ => (0, 0),
        };
        Pictures(format!("{width}x{height}@{fps}"))
    }

    /// For people: `x264 superfast, 1 thread`, and `1280x720` if it makes that of another size, which
    /// is told with the pictures that come.
    fn describe(&self, candidate: &Candidate, form: &Form, rung: Rung) -> String {
        let (Some(video), Form::Pictures { width, height, .. }) = (&self.order.source.video, form) else {
            return candidate.describe();
        };
        let size = picture::target(video, *width, *height);
        let mut words = candidate.describe();
        if candidate.has_faster() {
            let preset = if rung.is_faster() {
                "ultrafast"
            } else {
                "superfast"
            };
            let threads = settings::threads(size, video.fps);
            let plural = if threads == 1 { "" } else { "s" };
            words = format!("{words} {preset}, {threads} thread{plural}");
        }
        if size == (*width, *height) {
            words
        } else {
            format!("{words}, {}x{}", size.0, size.1)
        }
    }

    fn is_warm(&self) -> bool {
        self.order.pre_roll_ns > 0
    }

    fn is_closing(&self) -> bool {
        !self.is_warm() && self.at_work.as_ref().is_some_and(|at_work| at_work.closing)
    }

    /// The first stamp that a coder gets: without pre-roll nothing from before the run, or from a
    /// pause, is even encoded.
    fn first_stamp_ns(&self) -> u64 {
        match &self.at_work {
            Some(AtWork { run, .. }) if !self.is_warm() => run.base_ns.saturating_add(run.from_ns),
            _ => 0,
        }
    }

    fn fps(&self) -> u32 {
        self.order.source.video.as_ref().map_or(30, |video| video.fps)
    }

    fn picture_ns(&self) -> u64 {
        let rate = self.reports.feed.form().and_then(|form| form.rate());
        Grid::new(rate.unwrap_or((self.fps(), 1))).period_ns()
    }

    fn next_number(&mut self) -> PartNumber {
        self.parts += 1;
        PartNumber(self.parts)
    }

    fn note(&self, what: FactKind, detail: String) {
        self.reports.outbox.note(what, detail);
    }
}
