//! The words of S3: headers out, XML out and in. Pure: no I/O, no decision.

use lectern_domain::ids::LectureId;
use quick_xml::events::Event;
use quick_xml::se::to_string;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::digest::{self, Sum, Whole};
use super::place::encode;
use crate::net::Reply;

pub(super) const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("x-amz-checksum-algorithm");
pub(super) const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");
pub(super) const CHECKSUM_MODE: HeaderName = HeaderName::from_static("x-amz-checksum-mode");
pub(super) const ENABLED: HeaderValue = HeaderValue::from_static("ENABLED");
const OBJECT_SIZE: HeaderName = HeaderName::from_static("x-amz-mp-object-size");
const META_SHA256: HeaderName = HeaderName::from_static("x-amz-meta-sha256");
const META_LECTURE: HeaderName = HeaderName::from_static("x-amz-meta-lecture");
const META_TITLE: HeaderName = HeaderName::from_static("x-amz-meta-title");
const XML: HeaderValue = HeaderValue::from_static("application/xml");
pub(super) const ANY: HeaderValue = HeaderValue::from_static("*");

/// All metadata of an object may have 2 KiB; what a title takes of it when it is encoded.
const LONGEST_TITLE: usize = 1024;

/// What a lecture's file is announced with.
pub(super) struct Announced<'a> {
    pub(super) lecture: LectureId,
    pub(super) title: &'a str,
    pub(super) content_type: &'a str,
    pub(super) sha256: &'a str,
}

/// The headers that stay with an object. The title is percent-encoded UTF-8, which every language
/// decodes with one call: headers are ASCII, titles are of any script.
pub(super) fn metadata(announced: &Announced<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(kind) = announced.content_type.parse() {
        headers.insert(CONTENT_TYPE, kind);
    }
    for (name, value) in [
        (META_SHA256, announced.sha256.to_owned()),
        (META_LECTURE, announced.lecture.to_string()),
        (META_TITLE, title(announced.title)),
    ] {
        if !value.is_empty() {
            headers.insert(
                name,
                value.parse().expect("hex, ids and what is encoded are ASCII"),
            );
        }
    }
    headers
}

/// Encoded, and cut between two characters if it is too long.
fn title(title: &str) -> String {
    let mut text = String::new();
    for character in title.chars() {
        let next = encode(character.encode_utf8(&mut [0; 4]));
        if text.len() + next.len() > LONGEST_TITLE {
            break;
        }
        text.push_str(&next);
    }
    text
}

/// What a store must be told before the first part.
pub(super) fn announce_sum(headers: &mut HeaderMap, sum: Sum) {
    if let (Some(algorithm), Some(kind)) = (sum.algorithm(), sum.kind()) {
        headers.insert(CHECKSUM_ALGORITHM, HeaderValue::from_static(algorithm));
        headers.insert(CHECKSUM_TYPE, HeaderValue::from_static(kind));
    }
}

/// The header of one part's sum.
pub(super) fn insert_sum(headers: &mut HeaderMap, sum: Sum, value: &[u8]) {
    if let Some(name) = sum.header() {
        headers.insert(name, digest::text(value).parse().expect("base64 is ASCII"));
    }
}

/// The headers of a completion. What is over the whole object is checked by the store before the
/// object comes into being; a sum of sums is made of what the parts are listed with.
pub(super) fn completion_headers(sum: Sum, whole: &Whole, size_bytes: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, XML);
    if let (Some("FULL_OBJECT"), Some(name), Some(told)) = (sum.kind(), sum.header(), whole.told()) {
        headers.insert(name, told.parse().expect("base64 is ASCII"));
        headers.insert(CHECKSUM_TYPE, HeaderValue::from_static("FULL_OBJECT"));
        headers.insert(OBJECT_SIZE, size_bytes.into());
    }
    headers
}

#[derive(Serialize)]
#[serde(rename = "CompleteMultipartUpload")]
struct Completion {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    #[serde(rename = "Part")]
    parts: Vec<CompletedPart>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CompletedPart {
    part_number: u64,
    #[serde(rename = "ETag")]
    etag: String,
    #[serde(rename = "ChecksumCRC64NVME", skip_serializing_if = "Option::is_none")]
    crc64nvme: Option<String>,
    #[serde(rename = "ChecksumCRC32C", skip_serializing_if = "Option::is_none")]
    crc32c: Option<String>,
    #[serde(rename = "ChecksumSHA256", skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// The body of a completion: every part with the store's ETag and our sum.
pub(super) fn completion<'a>(sum: Sum, parts: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let parts = (1..)
        .zip(parts)
        .map(|(part_number, (etag, value))| {
            let told = Some(digest::text(value));
            let part = CompletedPart {
                part_number,
                etag: etag.to_owned(),
                ..CompletedPart::default()
            };
            match sum {
                Sum::Crc64nvme => CompletedPart {
                    crc64nvme: told,
                    ..part
                },
                Sum::Crc32c => CompletedPart { crc32c: told, ..part },
                Sum::Sha256 => CompletedPart { sha256: told, ..part },
                Sum::Md5 | Sum::None => part,
            }
        })
        .collect();
    to_string(&Completion {
        xmlns: "http://s3.amazonaws.com/doc/2006-03-01/",
        parts,
    })
    .expect("text and numbers become XML")
}

/// The answer to a creation.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Created {
    pub(super) upload_id: String,
}

/// One page of the parts of an upload.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PartsPage {
    #[serde(default)]
    pub(super) is_truncated: bool,
    pub(super) next_part_number_marker: Option<u64>,
    #[serde(rename = "Part", default)]
    pub(super) parts: Vec<Part>,
}

/// A part that a store has.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Part {
    pub(super) part_number: u64,
    /// Some stores leave it out.
    #[serde(rename = "ETag")]
    pub(super) etag: Option<String>,
    pub(super) size: u64,
}

/// The first page of the uploads that are open below a prefix.
#[derive(Deserialize)]
pub(super) struct UploadsPage {
    #[serde(rename = "Upload", default)]
    pub(super) uploads: Vec<OpenUpload>,
}

/// An upload that is open.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OpenUpload {
    pub(super) key: String,
    pub(super) upload_id: String,
}

/// What a store says of a request that it does not fulfil.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) region: Option<String>,
    pub(super) server_time: Option<String>,
}

/// An answer's XML, if its root element is `root`; some stores end that name with `Response` where
/// it is `Result`.
pub(super) fn read<T: DeserializeOwned>(body: &[u8], root: &str) -> Option<T> {
    let text = std::str::from_utf8(body).ok()?;
    let found = root_of(text)?;
    if found != root && found.strip_suffix("Response") != Some(root.strip_suffix("Result")?) {
        return None;
    }
    quick_xml::de::from_str(text).ok()
}

/// The error in an answer, which may come with 200 after a completion.
pub(super) fn refusal(reply: &Reply) -> Option<Refusal> {
    read(&reply.body, "Error")
}

/// The name of the first element. The deserializer does not look at it.
fn root_of(text: &str) -> Option<String> {
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => {
                let name = element.local_name();
                return Some(name.as_ref().to_owned());
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_of_any_script_fits_into_a_header() {
        let announced = |title| Announced {
            lecture: LectureId::random(),
            title,
            content_type: "video/mp4",
            sha256: "ab",
        };
        let headers = metadata(&announced("Ω–1"));
        assert_eq!(headers[META_TITLE], "%CE%A9%E2%80%931");
        assert!(!metadata(&announced("")).contains_key(META_TITLE));
        let long = "线".repeat(500);
        assert_eq!(
            metadata(&announced(&long))[META_TITLE].len(),
            9 * (LONGEST_TITLE / 9)
        );
    }

    #[test]
    fn a_completion_lists_parts_with_their_sums() {
        let parts = [("\"e1\"", &[0u8, 1][..]), ("\"e&2\"", &[2, 3])];
        assert_eq!(
            completion(Sum::Sha256, parts.into_iter()),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Part><PartNumber>1</PartNumber><ETag>\"e1\"</ETag><ChecksumSHA256>AAE=</ChecksumSHA256></Part>\
             <Part><PartNumber>2</PartNumber><ETag>\"e&amp;2\"</ETag><ChecksumSHA256>AgM=</ChecksumSHA256></Part>\
             </CompleteMultipartUpload>"
        );
        assert!(!completion(Sum::None, parts.into_iter()).contains("Checksum"));
    }

    #[test]
    fn answers_are_read_by_their_root() {
        let page: PartsPage = read(
            b"<?xml version=\"1.0\"?>\n<ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
              <Bucket>b</Bucket><Key>k</Key><NextPartNumberMarker>2</NextPartNumberMarker>\
              <IsTruncated>true</IsTruncated>\
              <Part><PartNumber>1</PartNumber><ETag>&quot;e1&quot;</ETag><Size>5</Size></Part>\
              <Owner><ID>x</ID></Owner>\
              <Part><PartNumber>2</PartNumber><Size>6</Size><ETag>\"e2\"</ETag><ChecksumSHA256>x</ChecksumSHA256></Part>\
              </ListPartsResult>",
            "ListPartsResult",
        )
        .unwrap();
        assert!(page.is_truncated);
        assert_eq!(page.next_part_number_marker, Some(2));
        let parts: Vec<_> = page
            .parts
            .iter()
            .map(|p| (p.part_number, p.etag.as_deref().unwrap(), p.size))
            .collect();
        assert_eq!(parts, [(1, "\"e1\"", 5), (2, "\"e2\"", 6)]);
        let none: PartsPage = read(b"<ListPartsResult/>", "ListPartsResult").unwrap();
        assert!(!none.is_truncated && none.parts.is_empty());

        let error = b"<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>";
        assert!(read::<PartsPage>(error, "ListPartsResult").is_none());
        let refusal: Refusal = read(error, "Error").unwrap();
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            ("NoSuchUpload", "gone")
        );
        for nonsense in [
            &b""[..],
            b"<",
            b"<a",
            b"\xff",
            b"<html><body>Sign in</body></html>",
            b"<Error>",
        ] {
            assert_eq!(read::<Refusal>(nonsense, "Error"), None);
        }
    }
}
