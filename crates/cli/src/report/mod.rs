//! The daemon's documents as people read them: one fact a line, aligned, the most important
//! first. Anything that a program should read is in the JSON form.

mod doctor;
mod lectures;
mod queue;
mod status;

use std::collections::BTreeSet;

use lectern_domain::api::{DeliveryView, Done, PlatformState, PodiumState, Queue, Status};
use lectern_domain::delivery::DeliveryState;
use lectern_domain::ids::{LectureId, PlatformName};

use crate::figures::{WallClock, bytes, columns, counted, percent};

pub(crate) use doctor::doctor;
pub(crate) use lectures::{lecture, lectures};
pub(crate) use queue::queue;
pub(crate) use status::status;

pub(crate) const fn word(state: PodiumState) -> &'static str {
    match state {
        PodiumState::Ready => "ready",
        PodiumState::Starting => "starting",
        PodiumState::Recording => "recording",
        PodiumState::Paused => "paused",
        PodiumState::Saved => "saved",
        PodiumState::Fault => "fault",
    }
}

/// A growing list of facts.
#[derive(Default)]
struct Facts(Vec<Vec<String>>);

impl Facts {
    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.push(vec![name.to_owned(), value.into()]);
    }

    fn maybe(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn print(&self) -> String {
        columns(&self.0)
    }
}

/// What a command did.
pub(crate) fn done(done: &Done) -> String {
    match (done.lecture, done.state) {
        (Some(id), Some(state)) => format!("{id}  {state}\n"),
        (Some(id), None) => format!("{id}\n"),
        (None, _) => "done\n".into(),
    }
}

/// What `extend` did: until when the lecture goes on, if that is known.
pub(crate) fn extended(extended: &Done, status: Option<&Status>) -> String {
    let lecture = status.and_then(|status| Some((status, status.lecture.as_ref()?)));
    match (lecture, extended.state) {
        (Some((status, lecture)), Some(state)) if Some(lecture.id) == extended.lecture => {
            let ends = WallClock::of(&status.room).time_of_day(lecture.ends_unix_ms);
            format!("{}  {state}, ends {ends}\n", lecture.id)
        }
        _ => done(extended),
    }
}

/// What `retry` did, told from the queue after it, if that is known: at a platform that refuses everybody, trying one
/// lecture again mends nothing.
pub(crate) fn retried(retried: &Done, platform: Option<&PlatformName>, queue: Option<&Queue>) -> String {
    let mut text = done(retried);
    let Some(queue) = queue else { return text };
    let goes_there = |to: &PlatformName| {
        let mut deliveries = queue.deliveries.iter();
        platform.is_none_or(|only| only == to)
            && deliveries.any(|d| {
                Some(d.lecture) == retried.lecture && d.platform == *to && d.state == DeliveryState::Queued
            })
    };
    let refusing = queue
        .uploads
        .platforms
        .iter()
        .filter(|p| p.state == PlatformState::Parked);
    for platform in refusing.filter(|p| goes_there(&p.name)) {
        text.push_str(&format!(
            "platform {} refuses every lecture as it is set up; it is tried once more as soon as it may be sent, the \
             other lectures wait for it too: {}\n",
            platform.name,
            platform.message.as_deref().unwrap_or("it did not say why")
        ));
    }
    text
}

/// What `send-now` of all or of `only` one lecture did, told from the queue after it: a lecture that was sent before,
/// or is not ready yet, is not promised.
pub(crate) fn sent_now(queue: &Queue, only: Option<LectureId>) -> String {
    let goes = |delivery: &&DeliveryView| match delivery.state {
        DeliveryState::Queued
        | DeliveryState::Waiting
        | DeliveryState::Reconciling
        | DeliveryState::Sending
        | DeliveryState::Verifying => true,
        DeliveryState::Parked | DeliveryState::Done | DeliveryState::Cancelled => false,
    };
    // One that lacks at four platforms is one.
    let lectures: BTreeSet<_> = queue.deliveries.iter().filter(goes).map(|d| d.lecture).collect();
    if let Some(id) = only {
        return match lectures.contains(&id) {
            true => format!("{id} will be sent now\n"),
            false => format!("nothing of {id} waits to be sent; see \"lectern show {id}\"\n"),
        };
    }
    match lectures.len() as u64 {
        0 => "nothing waits to be sent\n".to_owned(),
        n => format!("{} will be sent now\n", counted(n, "lecture")),
    }
}

fn title(title: Option<&str>) -> &str {
    title.filter(|t| !t.is_empty()).unwrap_or("(untitled)")
}

fn one_delivery(delivery: &DeliveryView, clock: &WallClock) -> String {
    let mut text = format!(
        "{}: {}, {} of {}",
        delivery.platform,
        delivery.state,
        percent(delivery.sent_bytes, delivery.total_bytes),
        bytes(delivery.total_bytes)
    );
    if let Some(next) = delivery.next_unix_ms {
        text.push_str(&format!(", next try {}", clock.moment(next)));
    }
    if let Some(message) = &delivery.message {
        text.push_str(&format!("; {message}"));
    }
    text
}
