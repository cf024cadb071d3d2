//! The judge's answers, unless a misdeed was ordered.

use std::sync::Arc;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use rustls::ServerConfig;

use super::request::{Asked, S3Call, stores};
use super::sign::verify;
use super::xml::{Refusal, empty, set};
use super::{Court, S3On};
use crate::court::{Misdeed, Sword};
use crate::judge::Seen;
use crate::wire::{Answer, Breaker, Hears, http_date};

impl Hears for Court {
    async fn hear(&self, breaker: &Breaker, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let asked = Asked::read(&self.rules, &head);
        let (place, misdeed) = self.note(&head, &asked);
        let mut answer = match &misdeed {
            Some(Misdeed::Nothing) => breaker.cut(false).await,
            Some(Misdeed::Status(status, after)) => ordered(*status, *after),
            Some(Misdeed::Html) => page(),
            Some(Misdeed::Location(there)) => {
                let mut answer = ordered(307, None);
                set(&mut answer, "location", there);
                answer
            }
            _ => match self.rule(breaker, &head, &asked, body, misdeed.as_ref()).await {
                Ok(answer) => answer,
                Err(refusal) => self.refuse(&asked, &refusal),
            },
        };
        if misdeed == Some(Misdeed::SwallowReply) {
            breaker.cut(true).await;
        }
        set(&mut answer, "date", &http_date(self.now()));
        set(&mut answer, "x-amz-request-id", "LECTERNJUDGE");
        self.notes().tally.seen[place].1.status = Some(answer.status().as_u16());
        answer
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.rules.tls.clone()
    }

    fn sword(&self) -> &Sword {
        &self.sword
    }
}

impl Court {
    /// Notes a request; gives its place and the misdeed that it meets.
    fn note(&self, head: &Parts, asked: &Asked) -> (usize, Option<Misdeed>) {
        let mut notes = self.notes();
        let place = notes.tally.seen.len();
        let seen = Seen {
            method: head.method.clone(),
            target: head.uri.to_string(),
            status: None,
        };
        notes.tally.seen.push((asked.call, seen));
        let fits = |on: &S3On| match on {
            S3On::Next(call) => *call == asked.call,
            S3On::Part(number) => asked.call == S3Call::UploadPart && asked.part_number() == Some(*number),
            S3On::Request(number) => *number == place + 1,
        };
        let Some(found) = notes.script.iter().position(|(on, _)| fits(on)) else {
            return (place, None);
        };
        if notes.script[found].1.waits(asked.length) {
            return (place, None);
        }
        (place, notes.script.remove(found).map(|(_, misdeed)| misdeed))
    }

    fn refuse(&self, asked: &Asked, refusal: &Refusal) -> Answer {
        if refusal.breach {
            let text = format!(
                "{:?} {}: {}: {}",
                asked.call, asked.key, refusal.code, refusal.message
            );
            self.notes().tally.breaches.push(text);
        }
        refusal.answer()
    }

    async fn rule(
        &self,
        breaker: &Breaker,
        head: &Parts,
        asked: &Asked,
        body: Incoming,
        misdeed: Option<&Misdeed>,
    ) -> Result<Answer, Refusal> {
        let payload = verify(&self.rules, self.now(), head)?;
        if asked.bucket != self.rules.bucket {
            let text = "The specified bucket does not exist";
            return Err(Refusal::new(404, "NoSuchBucket", text).with("BucketName", &asked.bucket));
        }
        if asked.key.len() > 1024 {
            return Err(Refusal::breach(400, "KeyTooLongError", "Your key is too long"));
        }
        if misdeed == Some(&Misdeed::Expire) {
            self.notes().book.abort(asked.upload_id());
        }
        if stores(&head.method, asked.call) {
            return if asked.call == S3Call::PutObject {
                self.put(breaker, asked, &payload, body, misdeed).await
            } else {
                self.upload_part(breaker, asked, &payload, body, misdeed).await
            };
        }
        match asked.call {
            S3Call::CreateMultipartUpload => self.create(asked),
            S3Call::ListParts => self.list_parts(asked, misdeed),
            S3Call::ListMultipartUploads => self.list_uploads(asked),
            S3Call::CompleteMultipartUpload => {
                let body = self.read_small(body).await?;
                super::body::judge_small(asked, &payload, &body)?;
                self.complete(asked, &body, misdeed)
            }
            S3Call::AbortMultipartUpload => {
                let mut notes = self.notes();
                let there = notes.book.upload(asked.upload_id(), &asked.key).is_some();
                if !there {
                    return Err(Refusal::no_such_upload());
                }
                notes.book.abort(asked.upload_id());
                Ok(empty(204))
            }
            S3Call::HeadObject | S3Call::GetObject => self.get(asked),
            S3Call::DeleteObject => {
                self.notes().book.delete(&asked.key);
                Ok(empty(204))
            }
            S3Call::HeadBucket => Ok(empty(200)),
            S3Call::PutObject | S3Call::UploadPart | S3Call::Unknown => {
                let text = format!("{} {} is no request of this judge", head.method, head.uri);
                Err(Refusal::breach(405, "MethodNotAllowed", text))
            }
        }
    }
}

fn ordered(status: u16, after: Option<u32>) -> Answer {
    let mut answer = Refusal::ordered(status).answer();
    if let Some(seconds) = after {
        set(&mut answer, "retry-after", &seconds.to_string());
    }
    answer
}

fn page() -> Answer {
    let mut answer = Answer::new(Full::from("<!doctype html><title>Please log in</title>"));
    set(&mut answer, "content-type", "text/html; charset=utf-8");
    answer
}
