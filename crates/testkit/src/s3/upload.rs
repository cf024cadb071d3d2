//! The calls on multipart uploads.

use hyper::body::Incoming;
use jiff::Timestamp;

use super::body::{bad_digest, borne, not_implemented};
use super::book::{ObjectFacts, PartFacts, Upload, UploadFacts};
use super::digest::{Cover, S3Checksum, composite, joined_etag};
use super::object::stored_headers;
use super::request::Asked;
use super::sign::Payload;
use super::xml::{CompletedPart, Refusal, completion, document, element, empty, set};
use super::{Court, Notes};
use crate::court::Misdeed;
use crate::wire::{Answer, Breaker};

const SPACE: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

impl Court {
    pub(super) fn create(&self, asked: &Asked) -> Result<Answer, Refusal> {
        let headers = stored_headers(asked)?;
        let said = self.asked_checksum(asked)?;
        let kept = said.or(self.usual_checksum().map(|kind| (kind, kind.usual_cover())));
        let facts = UploadFacts {
            id: String::new(),
            key: asked.key.clone(),
            headers,
            checksum: kept,
            demanded: said.is_some(),
            initiated: self.now().as_second(),
        };
        let id = {
            let mut notes = self.notes();
            if notes.book.uploads().any(|open| open.facts.key == asked.key) {
                let text = format!("a second upload of {} begun beside one that is open", asked.key);
                notes.tally.breaches.push(text);
            }
            notes.book.create(facts)
        };
        let mut answer = document(&format!(
            "<InitiateMultipartUploadResult {SPACE}>{}{}{}</InitiateMultipartUploadResult>",
            element("Bucket", &self.rules.bucket),
            element("Key", &asked.key),
            element("UploadId", &id)
        ));
        if let Some((checksum, cover)) = said {
            set(&mut answer, "x-amz-checksum-algorithm", checksum.name());
            set(&mut answer, "x-amz-checksum-type", cover.name());
        }
        Ok(answer)
    }

    /// The checksum that a creation asks for, and what it is to cover.
    fn asked_checksum(&self, asked: &Asked) -> Result<Option<(S3Checksum, Cover)>, Refusal> {
        let Some(name) = asked
            .header("x-amz-checksum-algorithm")
            .filter(|_| !self.rules.verifies_nothing)
        else {
            return Ok(None);
        };
        let checksum = S3Checksum::named(name).ok_or_else(|| {
            let text = "Checksum algorithm provided is unsupported.";
            Refusal::breach(400, "InvalidRequest", text)
        })?;
        if !self.rules.checksums.contains(&checksum) {
            return Err(not_implemented(checksum));
        }
        let cover = match asked.header("x-amz-checksum-type") {
            None => Some(checksum.usual_cover()),
            Some(name) => Cover::named(name).filter(|cover| checksum.allows(*cover)),
        };
        let Some(cover) = cover else {
            let text = format!("The checksum type cannot be used with the {name} checksum algorithm.");
            return Err(Refusal::breach(400, "InvalidRequest", text));
        };
        Ok(Some((checksum, cover)))
    }

    pub(super) async fn upload_part(
        &self,
        breaker: &Breaker,
        asked: &Asked,
        payload: &Payload,
        body: Incoming,
        misdeed: Option<&Misdeed>,
    ) -> Result<Answer, Refusal> {
        let number = asked.part_number().filter(|number| (1..=10_000).contains(number));
        let Some(number) = number else {
            let text = "Part number must be an integer between 1 and 10000, inclusive";
            return Err(Refusal::breach(400, "InvalidArgument", text));
        };
        let borne = borne(self, asked)?.map(|(checksum, _)| checksum);
        let kept = {
            let mut notes = self.notes();
            let kept = kept_by(find(&notes, asked)?, borne)?;
            let id = asked.upload_id();
            if notes
                .tally
                .shown
                .get(id)
                .is_some_and(|shown| shown.contains(&number))
            {
                let (key, bytes) = (&asked.key, asked.length.unwrap_or_default());
                let text = format!(
                    "part {number} of {key} sent again ({bytes} bytes) though it is known to be there"
                );
                notes.tally.breaches.push(text);
            }
            kept
        };
        let taken = self.take(breaker, asked, payload, body, kept, misdeed).await?;
        let mut notes = self.notes();
        // It may have been aborted or completed while the body came.
        find(&notes, asked)?;
        let facts = PartFacts {
            size: taken.size,
            etag: taken.md5.clone(),
            checksum: taken.checksum.clone(),
            modified: self.now().as_second(),
        };
        notes.book.put_part(asked.upload_id(), number, taken.file, &facts);
        if misdeed != Some(&Misdeed::SwallowReply) {
            show(&mut notes, asked, [number]);
        }
        let mut answer = empty(200);
        set(&mut answer, "etag", &format!("\"{}\"", taken.md5));
        if let Some((checksum, value)) = borne.zip(taken.checksum) {
            set(&mut answer, checksum.header(), &value);
        }
        Ok(answer)
    }

    pub(super) fn list_parts(&self, asked: &Asked, misdeed: Option<&Misdeed>) -> Result<Answer, Refusal> {
        let max = asked.number("max-parts")?.unwrap_or(1000).min(self.rules.page);
        let marker = asked.number("part-number-marker")?.unwrap_or(0);
        let mut notes = self.notes();
        let upload = find(&notes, asked)?;
        let rest = || {
            upload
                .parts
                .iter()
                .filter(|(number, _)| **number as usize > marker)
        };
        let page: Vec<u32> = rest().take(max).map(|(number, _)| *number).collect();
        let parts: String = rest()
            .take(max)
            .map(|(number, part)| part_element(upload, *number, part))
            .collect();
        let checksum = upload.facts.checksum.map_or(String::new(), |(kind, cover)| {
            element("ChecksumAlgorithm", kind.name()) + &element("ChecksumType", cover.name())
        });
        let answer = document(&format!(
            "<ListPartsResult {SPACE}>{}{}{}{}{}{}{}{checksum}{parts}</ListPartsResult>",
            element("Bucket", &self.rules.bucket),
            element("Key", &asked.key),
            element("UploadId", asked.upload_id()),
            element("PartNumberMarker", &marker.to_string()),
            element(
                "NextPartNumberMarker",
                &page.last().copied().unwrap_or(0).to_string()
            ),
            element("MaxParts", &max.to_string()),
            element("IsTruncated", &(rest().count() > page.len()).to_string()),
        ));
        if misdeed != Some(&Misdeed::SwallowReply) {
            show(&mut notes, asked, page);
        }
        Ok(answer)
    }

    pub(super) fn list_uploads(&self, asked: &Asked) -> Result<Answer, Refusal> {
        let max = asked.number("max-uploads")?.unwrap_or(1000).min(self.rules.page);
        let prefix = asked.query("prefix").unwrap_or_default();
        let (key_marker, id_marker) = (asked.query("key-marker"), asked.query("upload-id-marker"));
        let notes = self.notes();
        let mut all: Vec<&UploadFacts> = notes.book.uploads().map(|upload| &upload.facts).collect();
        // By key, and those of one key in order of creation.
        all.sort_by(|left, right| left.key.cmp(&right.key));
        let after_marker = match (key_marker.filter(|key| !key.is_empty()), id_marker) {
            (None, _) => 0,
            (Some(key), Some(id)) if !id.is_empty() => all
                .iter()
                .position(|facts| facts.key == key && facts.id == id)
                .map_or(all.len(), |place| place + 1),
            (Some(key), _) => all.partition_point(|facts| facts.key.as_str() <= key),
        };
        let rest: Vec<&UploadFacts> = all[after_marker..]
            .iter()
            .copied()
            .filter(|facts| facts.key.starts_with(prefix))
            .collect();
        let page = &rest[..rest.len().min(max)];
        let truncated = page.len() < rest.len();
        let next = page.last().filter(|_| truncated).map_or(String::new(), |last| {
            element("NextKeyMarker", &last.key) + &element("NextUploadIdMarker", &last.id)
        });
        let uploads: String = page
            .iter()
            .map(|facts| {
                let text = element("Key", &facts.key)
                    + &element("UploadId", &facts.id)
                    + &element("Initiated", &iso(facts.initiated));
                format!("<Upload>{text}</Upload>")
            })
            .collect();
        Ok(document(&format!(
            "<ListMultipartUploadsResult {SPACE}>{}{}{}{next}{}{}{uploads}</ListMultipartUploadsResult>",
            element("Bucket", &self.rules.bucket),
            element("Prefix", prefix),
            element("KeyMarker", key_marker.unwrap_or_default()),
            element("MaxUploads", &max.to_string()),
            element("IsTruncated", &truncated.to_string()),
        )))
    }

    pub(super) fn complete(
        &self,
        asked: &Asked,
        body: &[u8],
        misdeed: Option<&Misdeed>,
    ) -> Result<Answer, Refusal> {
        let mut notes = self.notes();
        find(&notes, asked)?;
        let wanted = completion(body)?.parts;
        let upload = find(&notes, asked)?;
        self.judge_parts(upload, &wanted)?;
        let numbers: Vec<u32> = wanted.iter().map(|part| part.number).collect();
        let facts = self.object_of(asked, upload, &numbers)?;
        self.may_write(&mut notes, asked)?;
        if misdeed == Some(&Misdeed::ErrorInside(false)) {
            return Ok(error_inside());
        }
        let whole = notes.book.joined(find(&notes, asked)?, &numbers);
        let result = document(&format!(
            "<CompleteMultipartUploadResult {SPACE}>{}{}{}{}{}</CompleteMultipartUploadResult>",
            element("Location", &format!("/{}/{}", self.rules.bucket, asked.key)),
            element("Bucket", &self.rules.bucket),
            element("Key", &asked.key),
            element("ETag", &format!("\"{}\"", facts.etag)),
            facts
                .checksum
                .as_ref()
                .map_or(String::new(), |(kind, cover, value)| {
                    element(&kind.element(), value) + &element("ChecksumType", cover.name())
                })
        ));
        notes.book.put(whole, facts);
        notes.book.abort(asked.upload_id());
        *notes.tally.written.entry(asked.key.clone()).or_default() += 1;
        if misdeed == Some(&Misdeed::ErrorInside(true)) {
            return Ok(error_inside());
        }
        Ok(result)
    }

    /// Each part that the client names must be the one that is there, in order and large enough.
    fn judge_parts(&self, upload: &Upload, wanted: &[CompletedPart]) -> Result<(), Refusal> {
        if wanted.windows(2).any(|pair| pair[0].number >= pair[1].number) {
            let text = "The list of parts was not in ascending order. Parts must be ordered by part number.";
            return Err(Refusal::breach(400, "InvalidPartOrder", text));
        }
        for (place, part) in wanted.iter().enumerate() {
            let invalid = |why: &str| {
                let text = format!("One or more of the specified parts could not be used: {why}");
                Refusal::breach(400, "InvalidPart", text).with("PartNumber", &part.number.to_string())
            };
            let Some(stored) = upload.parts.get(&part.number) else {
                return Err(invalid("it was not uploaded"));
            };
            if stored.etag != part.etag() {
                return Err(invalid("its entity tag is another"));
            }
            if let Some((checksum, cover)) = upload.facts.checksum {
                let said = part.checksum(checksum);
                if said.is_some_and(|said| Some(said) != stored.checksum.as_deref()) {
                    return Err(invalid("its checksum is another"));
                }
                if upload.facts.demanded && cover == Cover::Composite && said.is_none() {
                    let text = format!(
                        "The upload was created using a {} checksum. The complete request must include the checksum \
                         for each part. It was missing for part {} in the request.",
                        checksum.name(),
                        part.number
                    );
                    return Err(Refusal::breach(400, "InvalidRequest", text));
                }
            }
            if stored.size < self.rules.min_part && place + 1 < wanted.len() {
                let text = "Your proposed upload is smaller than the minimum allowed size";
                return Err(Refusal::breach(400, "EntityTooSmall", text)
                    .with("ProposedSize", &stored.size.to_string())
                    .with("MinSizeAllowed", &self.rules.min_part.to_string())
                    .with("PartNumber", &part.number.to_string()));
            }
        }
        Ok(())
    }

    /// What the upload becomes, held against what the request says of the whole.
    fn object_of(&self, asked: &Asked, upload: &Upload, numbers: &[u32]) -> Result<ObjectFacts, Refusal> {
        let parts: Vec<&PartFacts> = numbers
            .iter()
            .filter_map(|number| upload.parts.get(number))
            .collect();
        let size = parts.iter().map(|part| part.size).sum();
        if asked
            .header("x-amz-mp-object-size")
            .is_some_and(|said| said != u64::to_string(&size))
        {
            let text = "The provided 'x-amz-mp-object-size' header does not match what was computed.";
            return Err(Refusal::breach(400, "InvalidRequest", text));
        }
        let sums = || {
            parts
                .iter()
                .map(|part| Some((part.checksum.clone()?, part.size)))
                .collect::<Option<Vec<_>>>()
        };
        let checksum = upload
            .facts
            .checksum
            .zip(sums())
            .and_then(|((kind, cover), sums)| {
                let value = match cover {
                    Cover::FullObject => kind.combined(&sums)?,
                    Cover::Composite => {
                        composite(kind, &sums.into_iter().map(|(sum, _)| sum).collect::<Vec<_>>())?
                    }
                };
                Some((kind, cover, value))
            });
        if let Some((kind, _, value)) = &checksum
            && asked.header(kind.header()).is_some_and(|said| said != value)
        {
            return Err(bad_digest(kind.name()));
        }
        Ok(ObjectFacts {
            key: asked.key.clone(),
            size,
            etag: joined_etag(&parts.iter().map(|part| part.etag.clone()).collect::<Vec<_>>()),
            headers: upload.facts.headers.clone(),
            checksum,
            modified: self.now().as_second(),
        })
    }
}

/// The checksum that a part is kept with; the one that it bears must be its upload's.
fn kept_by(upload: &Upload, borne: Option<S3Checksum>) -> Result<Option<S3Checksum>, Refusal> {
    let demanded = upload
        .facts
        .checksum
        .filter(|_| upload.facts.demanded)
        .map(|(kind, _)| kind);
    if demanded != borne {
        let name = |kind: Option<S3Checksum>| kind.map_or("null", S3Checksum::name);
        let text = format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            name(demanded),
            name(borne)
        );
        return Err(Refusal::breach(400, "InvalidRequest", text));
    }
    Ok(upload.facts.checksum.map(|(kind, _)| kind))
}

fn find<'a>(notes: &'a Notes, asked: &Asked) -> Result<&'a Upload, Refusal> {
    notes
        .book
        .upload(asked.upload_id(), &asked.key)
        .ok_or_else(Refusal::no_such_upload)
}

/// The client knows now that the store has these.
fn show(notes: &mut Notes, asked: &Asked, parts: impl IntoIterator<Item = u32>) {
    let shown = notes.tally.shown.entry(asked.upload_id().to_owned()).or_default();
    shown.extend(parts);
}

fn part_element(upload: &Upload, number: u32, part: &PartFacts) -> String {
    let checksum = upload
        .facts
        .checksum
        .and_then(|(kind, _)| Some(element(&kind.element(), part.checksum.as_deref()?)))
        .unwrap_or_default();
    format!(
        "<Part>{}{}{}{}{checksum}</Part>",
        element("PartNumber", &number.to_string()),
        element("LastModified", &iso(part.modified)),
        element("ETag", &format!("\"{}\"", part.etag)),
        element("Size", &part.size.to_string())
    )
}

fn iso(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// A long completion begins with 200 before its end is known.
fn error_inside() -> Answer {
    document(
        &Refusal::new(
            500,
            "InternalError",
            "We encountered an internal error. Please try again.",
        )
        .body(),
    )
}
