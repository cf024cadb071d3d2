//! The words of tus 1.0.0: headers out, headers in. Pure: no I/O, no decision.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lectern_domain::ids::LectureId;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::net::Reply;

pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
pub(super) const OFFSET_STREAM: HeaderValue = HeaderValue::from_static("application/offset+octet-stream");
pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");

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

/// What a server said of itself; a server that answers no OPTIONS is taken as able.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    versions: Option<String>,
    extensions: Option<String>,
    max_size: Option<u64>,
}

impl Capabilities {
    pub(super) fn read(reply: &Reply) -> Self {
        if !reply.status.is_success() {
            return Self::default();
        }
        let text = |name| reply.header(name).map(str::to_owned);
        Self {
            versions: text("tus-version"),
            extensions: text("tus-extension"),
            max_size: reply.number("tus-max-size"),
        }
    }

    /// Why a file of this size cannot be sent there, if so.
    pub(super) fn objection(&self, size_bytes: u64) -> Option<String> {
        let lists = |list: &str, wanted: &str| list.split(',').any(|item| item.trim() == wanted);
        if let Some(versions) = &self.versions
            && !lists(versions, "1.0.0")
        {
            return Some(format!("it speaks tus {versions}, and 1.0.0 is needed"));
        }
        if let Some(extensions) = &self.extensions
            && !lists(extensions, "creation")
        {
            return Some(format!(
                "it lets nobody create uploads (its extensions: {extensions})"
            ));
        }
        match self.max_size {
            Some(max) if max < size_bytes => Some(format!(
                "it takes at most {max} bytes, and the file has {size_bytes}"
            )),
            _ => None,
        }
    }
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
        assert!(able(&[("tus-version", "0.2.2")]).unwrap().contains("0.2.2"));
        assert!(
            able(&[("tus-extension", "checksum")])
                .unwrap()
                .contains("checksum")
        );
        assert_eq!(able(&[("tus-max-size", "10")]), None);
        assert!(
            able(&[("tus-max-size", "9")])
                .unwrap()
                .contains("at most 9 bytes")
        );
        let not_found = Reply {
            status: StatusCode::NOT_FOUND,
            ..reply(&[("tus-version", "9")])
        };
        assert_eq!(Capabilities::read(&not_found), Capabilities::default());
    }
}
