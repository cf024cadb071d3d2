//! The words of tus 1.0.0: headers out, headers in. Pure: no I/O, no decision.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use lectern_domain::ids::LectureId;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::checksum::Algorithm;
use crate::net::Reply;

pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
pub(super) const OFFSET_STREAM: HeaderValue = HeaderValue::from_static("application/offset+octet-stream");
pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");

/// The status of a piece whose checksum did not match; the server has dropped it.
pub(super) const CHECKSUM_MISMATCH: u16 = 460;

/// What a lecture's file is announced with.
pub(super) struct Announced<'a> {
    pub(super) lecture: LectureId,
    pub(super) title: &'a str,
    pub(super) name: &'a str,
    pub(super) content_type: &'a str,
    pub(super) sha256: &'a str,
    pub(super) size_bytes: u64,
}

/// The headers that every request but OPTIONS carries.
pub(super) fn versioned() -> HeaderMap {
    HeaderMap::from_iter([(TUS_RESUMABLE, VERSION)])
}

/// The headers of a creation. Values of metadata are base64 of UTF-8, so a title of any script
/// arrives as it was typed.
pub(super) fn creation(announced: &Announced<'_>) -> HeaderMap {
    let lecture = announced.lecture.to_string();
    let metadata = [
        ("filename", announced.name),
        ("filetype", announced.content_type),
        ("lecture_id", &lecture),
        ("sha256", announced.sha256),
        ("title", announced.title),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(key, value)| format!("{key} {}", STANDARD.encode(value)))
    .collect::<Vec<_>>()
    .join(",");
    let mut headers = versioned();
    headers.insert(UPLOAD_LENGTH, announced.size_bytes.into());
    headers.insert(
        UPLOAD_METADATA,
        metadata
            .parse()
            .expect("base64 and plain keys are valid in a header"),
    );
    headers
}

/// The headers of a creation that no lecture is behind.
pub(super) fn probe(size_bytes: u64) -> HeaderMap {
    let mut headers = versioned();
    headers.insert(UPLOAD_LENGTH, size_bytes.into());
    let name = format!("filename {}", STANDARD.encode("lectern-probe"));
    headers.insert(
        UPLOAD_METADATA,
        name.parse().expect("base64 is valid in a header"),
    );
    headers
}

/// When the server drops an upload that is not whole by then, if it said so.
pub(super) fn expires(reply: &Reply) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::parse(reply.header("upload-expires")?.trim()).ok()?;
    Some(date.timestamp())
}

/// What a server said of itself; a server that answers no OPTIONS is taken as able.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    versions: Option<String>,
    extensions: Option<String>,
    max_size: Option<u64>,
    /// The best digest that both know for a piece, if it has the checksum extension.
    pub(super) checksum: Option<Algorithm>,
}

/// Why a server cannot take a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Objection {
    /// No file at all.
    Any(String),
    /// Not one of this size.
    Size(String),
}

impl Capabilities {
    pub(super) fn read(reply: &Reply) -> Self {
        if !reply.status.is_success() {
            return Self::default();
        }
        let text = |name| reply.header(name).map(str::to_owned);
        let extensions = text("tus-extension");
        let checksums = reply
            .header("tus-checksum-algorithm")
            .filter(|_| extensions.as_deref().is_some_and(|list| lists(list, "checksum")));
        Self {
            checksum: checksums.and_then(Algorithm::best_of),
            versions: text("tus-version"),
            extensions,
            max_size: reply.number("tus-max-size"),
        }
    }

    /// Why a file of this size cannot be sent there, if so.
    pub(super) fn objection(&self, size_bytes: u64) -> Option<Objection> {
        if let Some(versions) = &self.versions
            && !lists(versions, "1.0.0")
        {
            return Some(Objection::Any(format!(
                "it speaks tus {versions}, and 1.0.0 is needed"
            )));
        }
        if let Some(extensions) = &self.extensions
            && !lists(extensions, "creation")
        {
            return Some(Objection::Any(format!(
                "it lets nobody create uploads (its extensions: {extensions})"
            )));
        }
        match self.max_size {
            Some(max) if max < size_bytes => Some(Objection::Size(format!(
                "it takes at most {max} bytes, and the file has {size_bytes}"
            ))),
            _ => None,
        }
    }
}

fn lists(list: &str, wanted: &str) -> bool {
    list.split(',').any(|item| item.trim() == wanted)
}

/// Why a Location is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadLocation {
    Missing,
    NoUrl(String),
    /// Bytes and credential would go to another origin than the configured one.
    Elsewhere(Url),
}

/// Where a created upload lives: absolute or relative, but of the same origin.
pub(super) fn location(request: &Url, reply: &Reply) -> Result<Url, BadLocation> {
    let text = reply.header("location").ok_or(BadLocation::Missing)?;
    let url = request
        .join(text)
        .map_err(|error| BadLocation::NoUrl(error.to_string()))?;
    if url.origin() == request.origin() {
        Ok(url)
    } else {
        Err(BadLocation::Elsewhere(url))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::StatusCode;

    use super::*;

    fn reply(headers: &[(&'static str, &str)]) -> Reply {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        Reply {
            status: StatusCode::CREATED,
            headers,
            body: Bytes::new(),
        }
    }

    #[test]
    fn titles_of_any_script_arrive_as_they_were_typed() {
        let announced = Announced {
            lecture: LectureId::random(),
            title: "线性代数 – محاضرة",
            name: "lecture.mp4",
            content_type: "video/mp4",
            sha256: "ab",
            size_bytes: 7,
        };
        let headers = creation(&announced);
        assert_eq!(headers[UPLOAD_LENGTH], "7");
        let metadata = headers[UPLOAD_METADATA].to_str().unwrap();
        let title = metadata
            .split(',')
            .find_map(|pair| pair.strip_prefix("title "))
            .unwrap();
        assert_eq!(STANDARD.decode(title).unwrap(), announced.title.as_bytes());
        let untitled = creation(&Announced {
            title: "",
            ..announced
        });
        assert!(!untitled[UPLOAD_METADATA].to_str().unwrap().contains("title"));
    }

    #[test]
    fn a_location_is_resolved_and_must_stay_at_home() {
        let home = Url::parse("https://a.example/files/").unwrap();
        let at = |text| location(&home, &reply(&[("location", text)])).map(String::from);
        assert_eq!(at("abc").unwrap(), "https://a.example/files/abc");
        assert_eq!(at("/up/abc").unwrap(), "https://a.example/up/abc");
        assert_eq!(at("//a.example/abc").unwrap(), "https://a.example/abc");
        assert_eq!(at("https://a.example:443/abc").unwrap(), "https://a.example/abc");
        for elsewhere in [
            "http://a.example/abc",
            "https://b.example/abc",
            "https://a.example:8443/abc",
            "//b.example/a",
        ] {
            assert!(
                matches!(at(elsewhere), Err(BadLocation::Elsewhere(_))),
                "{elsewhere}"
            );
        }
        assert_eq!(location(&home, &reply(&[])), Err(BadLocation::Missing));
        assert!(matches!(at("https://["), Err(BadLocation::NoUrl(_))));
    }

    #[test]
    fn a_server_that_cannot_take_the_file_is_known_before_it_is_created() {
        let able = |headers: &[(&'static str, &str)]| Capabilities::read(&reply(headers)).objection(10);
        assert_eq!(able(&[]), None);
        assert_eq!(
            able(&[
                ("tus-version", "1.0.0,0.2.2"),
                ("tus-extension", "creation, expiration")
            ]),
            None
        );
        for (header, value) in [("tus-version", "0.2.2"), ("tus-extension", "checksum")] {
            assert!(
                matches!(able(&[(header, value)]), Some(Objection::Any(why)) if why.contains(value)),
                "{header}"
            );
        }
        assert_eq!(able(&[("tus-max-size", "10")]), None);
        assert!(
            matches!(able(&[("tus-max-size", "9")]), Some(Objection::Size(why)) if why.contains("at most 9 bytes"))
        );
        let not_found = Reply {
            status: StatusCode::NOT_FOUND,
            ..reply(&[("tus-version", "9")])
        };
        assert_eq!(Capabilities::read(&not_found), Capabilities::default());
    }

    #[test]
    fn digests_go_only_to_servers_that_have_the_extension_for_them() {
        let algorithms = ("tus-checksum-algorithm", "sha1,sha256");
        let with = [("tus-extension", "creation,checksum"), algorithms];
        let without = [("tus-extension", "creation"), algorithms];
        assert_eq!(
            Capabilities::read(&reply(&with)).checksum,
            Some(Algorithm::Sha256)
        );
        assert_eq!(Capabilities::read(&reply(&without)).checksum, None);
    }

    #[test]
    fn an_expiry_is_read_from_a_date_of_http() {
        let at = |text| expires(&reply(&[("upload-expires", text)]));
        assert_eq!(
            at("Wed, 25 Jun 2014 16:00:00 GMT"),
            Some("2014-06-25T16:00:00Z".parse().unwrap())
        );
        assert_eq!(at("tomorrow"), None);
        assert_eq!(expires(&reply(&[])), None);
    }
}
