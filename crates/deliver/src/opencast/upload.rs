//! One file as the body of one request: the form around it, its parts each proven before they
//! leave, and a watch on the connection that takes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hyper::Request;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use tokio::sync::mpsc;
use url::Url;

use super::form::Multipart;
use super::session::{Door, Session, target};
use crate::fault::Fault;
use crate::net::{self, Outgoing, Reply};
use crate::parcel::{Halt, Parcel};

/// Frames between the reading and the connection.
const FRAMES_AHEAD: usize = 2;
/// One frame on the wire.
const FRAME_BYTES: usize = 128 * 1024;
/// How many times the usual patience an answer may take when all bytes have left: the server
/// files a large track away first, and to give up then means to send it again.
const FILING: u32 = 5;

/// Sends `parcel` in `form` to `url`. A challenge that grew old on the way is answered once, which
/// costs the file once more.
pub(super) async fn post(
    session: &Session,
    parcel: &Parcel<'_>,
    url: &Url,
    form: &Multipart,
) -> Result<Reply, Fault> {
    session.prime(url).await?;
    let mut challenged = false;
    loop {
        let reply = post_once(session, parcel, url, form).await?;
        match session.door(&reply, challenged, url)? {
            Door::Open => return Ok(reply),
            Door::Challenge => challenged = true,
        }
    }
}

async fn post_once(
    session: &Session,
    parcel: &Parcel<'_>,
    url: &Url,
    form: &Multipart,
) -> Result<Reply, Fault> {
    parcel.contents.check_size().await?;
    let idle = session.control.patience().idle;
    let moved = AtomicU64::new(0);
    let (feed, frames) = mpsc::channel(FRAMES_AHEAD);
    let request = request(session, url, form, parcel.file.size_bytes, frames)?;
    let exchange = async {
        let mut lane = session
            .control
            .lane(url)
            .await
            .map_err(|fault| fault.into_fault(url))?;
        lane.send(request).await.map_err(|fault| fault.into_fault(url))
    };
    let mut exchange = std::pin::pin!(exchange);
    let sending = async {
        tokio::select! {
            biased;
            // An answer before the end of the file: the server has seen enough of it.
            reply = &mut exchange => reply.map(Some),
            fed = self::feed(parcel, form, feed, &moved) => fed.map(|()| None),
        }
    };
    let stalled = |within: std::time::Duration| {
        Fault::doubt(format!(
            "{} took no byte for {} s.",
            net::authority(url),
            within.as_secs_f32()
        ))
    };
    let sent = match parcel.watched(sending, &moved, Some(idle)).await {
        Ok(sent) => sent?,
        Err(Halt::Stopped) => return Err(Fault::Stopped),
        Err(Halt::Stalled) => return Err(stalled(idle)),
    };
    if let Some(reply) = sent {
        return Ok(reply);
    }
    let filing = idle * FILING;
    match parcel.watched(exchange, &moved, Some(filing)).await {
        Ok(reply) => reply,
        Err(Halt::Stopped) => Err(Fault::Stopped),
        Err(Halt::Stalled) => Err(stalled(filing)),
    }
}

/// Hands the form to the connection. A part that is not what was finished ends the request before
/// its end, and the server drops what it got.
async fn feed(
    parcel: &Parcel<'_>,
    form: &Multipart,
    feed: mpsc::Sender<Bytes>,
    moved: &AtomicU64,
) -> Result<(), Fault> {
    // A connection that takes nothing more has a reason, and tells it itself.
    let gone = async || std::future::pending::<Result<(), Fault>>().await;
    if feed.send(form.before.clone()).await.is_err() {
        return gone().await;
    }
    for index in 0..parcel.contents.part_count() {
        let mut part = parcel.contents.part(index).await?;
        while !part.is_empty() {
            let frame = part.split_to(part.len().min(FRAME_BYTES));
            let length = frame.len() as u64;
            if feed.send(frame).await.is_err() {
                return gone().await;
            }
            moved.fetch_add(length, Ordering::Relaxed);
        }
    }
    if feed.send(form.after.clone()).await.is_err() {
        return gone().await;
    }
    Ok(())
}

fn request(
    session: &Session,
    url: &Url,
    form: &Multipart,
    file_bytes: u64,
    frames: mpsc::Receiver<Bytes>,
) -> Result<Request<Outgoing>, Fault> {
    let length = form.length(file_bytes);
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let body = Outgoing::stream(frames, length, Arc::new(AtomicU64::new(0)));
    let mut request = Request::post(target(url))
        .header(HOST, host)
        .header(USER_AGENT, net::AGENT)
        .header(CONTENT_TYPE, &form.content_type)
        .header(CONTENT_LENGTH, length)
        .body(body)
        .map_err(|error| {
            Fault::refused(
                format!(
                    "{} names a service that cannot be requested: {error}.",
                    net::authority(url)
                ),
                "Ask its operator to mend org.opencastproject.server.url.",
            )
        })?;
    request
        .headers_mut()
        .extend(session.sign_in.headers(&Method::POST, target(url))?);
    Ok(request)
}
