//! Live pictures: one at a time by address, or all of them over one WebSocket whose pace is the
//! viewer's. The viewer asks, and is answered with the newest picture of each source that it has
//! not seen; a slow or hidden page costs nothing, and nothing is queued for it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future;
use tokio::sync::{OwnedSemaphorePermit, watch};

use lectern_domain::media::{Picture, Viewing};

use crate::control::Pictures;
use crate::problem::Fault;
use crate::site::{Closing, Site};

/// A viewer that takes nothing for so long is let go.
const SEND_WITHIN: Duration = Duration::from_secs(5);
/// What a viewer sends is a word.
const MAX_ASK_BYTES: usize = 256;

pub(crate) async fn still(State(site): State<Site>, Path(file): Path<String>) -> Result<Response, Fault> {
    let missing = |why: &str| Fault::not_found(format!("There is no picture at /preview/{file}: {why}."));
    let source = file
        .strip_suffix(".jpg")
        .ok_or_else(|| missing("the name must end in .jpg"))?;
    let latest = site
        .control
        .pictures()
        .get(source)
        .ok_or_else(|| missing("no source with pictures has this name"))?;
    let picture = latest
        .borrow()
        .clone()
        .ok_or_else(|| missing("the source has shown none yet"))?;
    Ok((
        [(header::CONTENT_TYPE, "image/jpeg")],
        Bytes::from_owner(Arc::clone(&picture.jpeg)),
    )
        .into_response())
}

pub(crate) async fn socket(State(site): State<Site>, upgrade: WebSocketUpgrade) -> Result<Response, Fault> {
    let seat = site.preview_seat()?;
    let viewer = Viewer::new(&site.control.pictures());
    Ok(upgrade
        .max_message_size(MAX_ASK_BYTES)
        .max_frame_size(MAX_ASK_BYTES)
        .on_upgrade(move |socket| show(socket, viewer, site.closing, seat)))
}

/// Serves one viewer until it leaves, fails, falls silent in mid-message, or the server closes.
async fn show(mut socket: WebSocket, mut viewer: Viewer, mut closing: Closing, seat: OwnedSemaphorePermit) {
    let mut asked = false;
    loop {
        tokio::select! {
            biased;
            () = closing.wait() => break,
            message = socket.recv() => match message {
                Some(Ok(Message::Text(_) | Message::Binary(_))) => asked = true,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            },
            batch = viewer.news(), if asked => {
                // Several asks before one answer count as one: a page asks again when it has drawn.
                asked = false;
                let Some(batch) = batch else { break };
                for message in batch {
                    match tokio::time::timeout(SEND_WITHIN, socket.send(Message::Binary(message))).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) | Err(_) => return,
                    }
                }
            }
        }
    }
    // A viewer that does not take the goodbye is gone as well.
    drop(tokio::time::timeout(SEND_WITHIN, socket.send(Message::Close(None))).await);
    drop(seat);
}

/// What one viewer has seen.
struct Viewer {
    eyes: Vec<Eye>,
    /// The sources make more pictures while somebody looks.
    _looks: Viewing,
}

struct Eye {
    index: u8,
    latest: watch::Receiver<Option<Arc<Picture>>>,
}

impl Viewer {
    fn new(pictures: &Pictures) -> Self {
        let eyes = pictures.iter().zip(0u8..=u8::MAX).map(|((_, latest), index)| {
            let mut latest = latest.clone();
            latest.mark_changed();
            Eye { index, latest }
        });
        Self {
            eyes: eyes.collect(),
            _looks: pictures.audience().join(),
        }
    }

    /// Every picture that is new, waiting until there is one; `None` when there will be none.
    async fn news(&mut self) -> Option<Vec<Bytes>> {
        loop {
            if self.eyes.is_empty() {
                // A room with only a microphone: the socket stays open until the page leaves.
                future::pending::<()>().await;
            }
            let waits = self.eyes.iter_mut().map(|eye| Box::pin(eye.latest.changed()));
            let (first, which, _) = future::select_all(waits).await;
            if first.is_err() {
                // This source's sender is gone; the others may go on.
                self.eyes.remove(which);
                if self.eyes.is_empty() {
                    return None;
                }
                continue;
            }
            self.eyes[which].latest.mark_changed();
            let batch: Vec<Bytes> = self.eyes.iter_mut().filter_map(Eye::take).collect();
            if !batch.is_empty() {
                return Some(batch);
            }
        }
    }
}

impl Eye {
    /// The message for the latest picture, if it is new.
    fn take(&mut self) -> Option<Bytes> {
        if !self.latest.has_changed().unwrap_or(false) {
            return None;
        }
        let picture = self.latest.borrow_and_update().clone()?;
        let mut message = BytesMut::with_capacity(1 + picture.jpeg.len());
        message.put_u8(self.index);
        message.extend_from_slice(&picture.jpeg);
        Some(message.freeze())
    }
}
