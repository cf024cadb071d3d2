//! Pieces: what a PATCH must be, the storing of its body, and what a break leaves behind.

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};

use super::Court;
use super::answer::{gone, number, plain, refuse, set};
use super::digest::Expected;
use crate::court::Misdeed;
use crate::wire::{Answer, Breaker};

/// How a body ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It came as it was announced.
    Whole,
    /// It broke off, or a misdeed let no more of it in.
    Broken,
    /// It would not end where the upload ends.
    TooLong,
}

/// Why a PATCH is not taken.
enum Unfit {
    /// With this status, and what there is to note is noted.
    Refused(u16),
    /// It does not go on where the upload is. A breach, unless its sender was killed: then it lay
    /// in the kernels while the next one asked and went on, and nobody waits for its answer.
    Late(String),
}

impl Court {
    pub(super) async fn patch(
        &self,
        breaker: &Breaker,
        id: &str,
        request: Request<Incoming>,
        misdeed: Option<&Misdeed>,
    ) -> Answer {
        let headers = request.headers();
        if headers
            .get(header::CONTENT_TYPE)
            .is_none_or(|kind| kind != "application/offset+octet-stream")
        {
            return self.breach("a PATCH that is no application/offset+octet-stream", 415);
        }
        let Some(from) = number(headers, "upload-offset") else {
            return self.breach("a PATCH without Upload-Offset", 400);
        };
        let Ok(mut expected) = self.expected(headers) else {
            return self.breach("an Upload-Checksum that is malformed or was not offered", 400);
        };
        let announced = number(headers, "content-length");
        let length = match self.admit(id, from, announced, misdeed) {
            Ok(length) => length,
            Err(Unfit::Refused(status)) => return refuse(status, None),
            Err(Unfit::Late(what)) => {
                if comes_whole(request.into_body()).await {
                    self.notes().breaches.push(what);
                }
                return refuse(409, None);
            }
        };
        // Settles the upload whatever happens to the request, also when its connection is cut.
        let mut piece = Piece {
            court: self,
            id,
            from,
            keep: expected.is_none(),
            answered: false,
            refusals: 0,
        };
        if expected.is_some() {
            self.notes().book.doubt_from(id, Some(from));
        }
        let room = Misdeed::room(misdeed).min(length - from);
        let end = self
            .store(id, request.into_body(), room, misdeed, expected.as_mut())
            .await;
        match misdeed {
            Some(Misdeed::ResetAfter(_)) => {
                drop(piece);
                breaker.cut(true).await
            }
            Some(Misdeed::StallAfter(_)) => {
                drop(piece);
                return std::future::pending().await;
            }
            Some(Misdeed::HoldAfter(_, refusals)) => {
                piece.refusals = *refusals;
                drop(piece);
                breaker.cut(true).await
            }
            _ => {}
        }
        if end == End::TooLong {
            return self.breach(&format!("a PATCH beyond the end of {id}"), 413);
        }
        let checked = expected.is_some();
        let wrong = expected.is_some_and(|expected| !expected.holds()) || misdeed == Some(&Misdeed::Mismatch);
        let refused = end == End::Whole && wrong;
        piece.keep = !refused && (piece.keep || end == End::Whole);
        piece.answered = end == End::Whole && misdeed != Some(&Misdeed::SwallowReply);
        drop(piece);
        if refused {
            return refuse(460, None);
        }
        let mut notes = self.notes();
        let offset = notes.book.offset(id);
        if checked {
            notes.book.add_checked(id, offset - from);
        }
        let mut answer = plain(204);
        set(&mut answer, "upload-offset", &offset.to_string());
        self.set_expiry(&mut notes, id, &mut answer);
        if offset == length && self.rules.moves_finished {
            notes.book.remove(id);
        }
        answer
    }

    /// The checksum that a piece bears, if the server offers the extension.
    fn expected(&self, headers: &HeaderMap) -> Result<Option<Expected>, ()> {
        let Some(header) = headers
            .get("upload-checksum")
            .filter(|_| !self.rules.checksums.is_empty())
        else {
            return Ok(None);
        };
        let text = header.to_str().unwrap_or_default();
        Expected::read(&self.rules.checksums, text).map(Some).ok_or(())
    }

    /// Checks a PATCH against the upload and locks it; returns the upload's length, or why it
    /// is not taken.
    fn admit(
        &self,
        id: &str,
        from: u64,
        announced: Option<u64>,
        misdeed: Option<&Misdeed>,
    ) -> Result<u64, Unfit> {
        let mut notes = self.notes();
        self.expire(&mut notes, id, misdeed);
        let offset = notes.book.offset(id);
        let Some(entry) = notes.book.live(id) else {
            let status = gone(&mut notes, id);
            return Err(Unfit::Refused(status));
        };
        if entry.is_locked() {
            return Err(Unfit::Refused(423));
        }
        let (length, in_doubt) = (entry.length, entry.in_doubt);
        if from != offset {
            return Err(Unfit::Late(format!(
                "a PATCH at {from} for {id}, which is at {offset}"
            )));
        }
        if in_doubt {
            notes
                .breaches
                .push(format!("bytes for {id} after a doubt, without a HEAD"));
        }
        if announced.is_some_and(|announced| announced > length - from) {
            notes.breaches.push(format!("a PATCH beyond the end of {id}"));
            return Err(Unfit::Refused(413));
        }
        if let Some(entry) = notes.book.live(id) {
            entry.locked = true;
        }
        Ok(length)
    }

    /// Stores the body as it arrives, up to where there is room for it.
    async fn store(
        &self,
        id: &str,
        mut body: Incoming,
        room: u64,
        misdeed: Option<&Misdeed>,
        mut expected: Option<&mut Expected>,
    ) -> End {
        let mut left = room;
        let ordered = Misdeed::room(misdeed) < u64::MAX;
        while !(ordered && left == 0) {
            let frame = match body.frame().await {
                None => return End::Whole,
                Some(Err(_)) => return End::Broken,
                Some(Ok(frame)) => frame,
            };
            let Ok(mut data) = frame.into_data() else { continue };
            if data.len() as u64 > left && !ordered {
                return End::TooLong;
            }
            data.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= data.len() as u64;
            if let Some(expected) = &mut expected {
                expected.update(&data);
            }
            self.notes()
                .book
                .append(id, &data)
                .expect("the judge owns its folder");
            Misdeed::pace(misdeed, data.len() as u64).await;
        }
        End::Broken
    }
}

/// Whether all of a body arrives, without a look at it: whoever was killed sends no more than its
/// kernel had.
async fn comes_whole(mut body: Incoming) -> bool {
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return false;
        }
    }
    true
}

/// Holds an upload for one PATCH.
struct Piece<'a> {
    court: &'a Court,
    id: &'a str,
    from: u64,
    /// What came of it stays. A piece with a checksum stays only when it was verified.
    keep: bool,
    /// The client gets an answer; otherwise it must ask before it sends again.
    answered: bool,
    /// So many requests find the upload locked still.
    refusals: u32,
}

impl Drop for Piece<'_> {
    fn drop(&mut self) {
        let mut notes = self.court.notes();
        if !self.keep {
            notes.book.cut_back(self.id, self.from);
        }
        notes.book.doubt_from(self.id, None);
        if let Some(entry) = notes.book.known(self.id) {
            entry.locked = false;
            entry.held = self.refusals;
            entry.in_doubt = !self.answered;
        }
    }
}

/// The value of `Upload-Metadata` as text.
pub(super) fn metadata_text(headers: &HeaderMap) -> Option<&str> {
    headers
        .get("upload-metadata")
        .map_or(Some(""), |value: &HeaderValue| value.to_str().ok())
}
