//! What Opencast writes: media packages and workflows, as XML and as JSON. Only what is compared
//! with what we hold is read; the document itself goes back to the server as it came.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::Value;

/// One track or attachment of a media package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) id: String,
    pub(super) flavor: String,
    /// In bytes, where told.
    pub(super) size: Option<u64>,
    pub(super) checksum: Option<Checksum>,
}

/// A digest as the server tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checksum {
    /// `md5`, `sha-256`, …; lower case.
    pub(super) kind: String,
    /// Lower-case hex.
    pub(super) hex: String,
}

/// A media package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MediaPackage {
    pub(super) id: String,
    pub(super) elements: Vec<Element>,
}

/// What a workflow made of a media package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Workflow {
    pub(super) id: String,
    pub(super) state: State,
    pub(super) package: MediaPackage,
}

/// How far a workflow is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It has ended well.
    Succeeded,
    /// It has not ended, under the name that the server gives to it.
    Going(String),
    /// It has ended otherwise, under that name.
    Broken(String),
}

impl State {
    fn read(text: &str) -> Self {
        match text {
            "SUCCEEDED" => Self::Succeeded,
            "FAILED" | "FAILING" | "STOPPED" => Self::Broken(text.to_owned()),
            _ => Self::Going(text.to_owned()),
        }
    }

    /// The server's word.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Going(word) | Self::Broken(word) => word,
        }
    }
}

impl MediaPackage {
    /// Reads a document with a media package in it; `None` when it has none, or is no XML.
    pub(super) fn of_xml(text: &str) -> Option<Self> {
        let mut reader = Reader::from_str(text);
        let mut found: Option<Self> = None;
        let mut open: Option<Element> = None;
        let mut inside = String::new();
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) => {
                    inside.clear();
                    begin(&tag, &mut found, &mut open);
                }
                Event::Empty(tag) => {
                    begin(&tag, &mut found, &mut open);
                    end(tag.local_name().as_ref(), "", &mut found, &mut open);
                }
                Event::Text(text) => inside.push_str(&text.xml10_content()),
                Event::End(tag) => {
                    end(tag.local_name().as_ref(), inside.trim(), &mut found, &mut open);
                    inside.clear();
                }
                Event::Eof => return found.filter(|package| !package.id.is_empty()),
                _ => {}
            }
        }
    }

    /// Reads the JSON form, which writes one as an object and several as a list.
    pub(super) fn of_json(value: &Value) -> Option<Self> {
        let group = |name: &str, each: &str| {
            value
                .get(name)
                .map(|group| several(group, each))
                .unwrap_or_default()
        };
        let listed = group("media", "track")
            .into_iter()
            .chain(group("attachments", "attachment"));
        let element = |value: &Value| {
            Some(Element {
                id: word(value, "id")?,
                flavor: word(value, "type").unwrap_or_default(),
                size: word(value, "size").and_then(|text| text.parse().ok()),
                checksum: value.get("checksum").and_then(|checksum| {
                    Some(Checksum {
                        kind: word(checksum, "type")?.to_ascii_lowercase(),
                        hex: word(checksum, "$")
                            .or_else(|| word(checksum, "value"))?
                            .to_ascii_lowercase(),
                    })
                }),
            })
        };
        Some(Self {
            id: word(value, "id")?,
            elements: listed.filter_map(element).collect(),
        })
    }
}

impl Workflow {
    /// Reads the workflow that an ingest answers with; its media package is inside it.
    pub(super) fn of_xml(text: &str) -> Option<Self> {
        let mut reader = Reader::from_str(text);
        let (mut found, mut depth) = (None, 0_u32);
        let mut inside = String::new();
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) => {
                    depth += 1;
                    inside.clear();
                    if depth == 1 && tag.local_name().as_ref() == "workflow" {
                        found = Some((attribute(&tag, "id"), attribute(&tag, "state")));
                    }
                }
                Event::Text(text) => inside.push_str(&text.xml10_content()),
                Event::End(tag) => {
                    // Newer servers write it as an element.
                    if let (2, "state", Some((_, state))) = (depth, tag.local_name().as_ref(), &mut found) {
                        inside.trim().clone_into(state);
                    }
                    depth = depth.saturating_sub(1);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let (id, state) = found?;
        Some(Self {
            id,
            state: State::read(&state),
            package: MediaPackage::of_xml(text)?,
        })
    }
}

/// The workflows of an `instances.json`; `None` when it is something else.
pub(super) fn workflows(answer: &[u8]) -> Option<Vec<Workflow>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let set = answer.get("workflows").unwrap_or(&answer);
    let listed = match set {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::Array(listed) => listed.iter().collect(),
        Value::Object(_) => several(set, "workflow"),
        _ => return None,
    };
    listed
        .into_iter()
        .map(|value| {
            Some(Workflow {
                id: word(value, "id")?,
                state: State::read(&word(value, "state")?.to_ascii_uppercase()),
                package: value
                    .get("mediapackage")
                    .and_then(MediaPackage::of_json)
                    .unwrap_or_default(),
            })
        })
        .collect()
}

fn several<'v>(group: &'v Value, each: &str) -> Vec<&'v Value> {
    match group.get(each) {
        Some(Value::Array(listed)) => listed.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    }
}

/// A value as text; attributes may have an `@` before their name.
fn word(value: &Value, name: &str) -> Option<String> {
    match value.get(name).or_else(|| value.get(format!("@{name}")))? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An attribute's value; empty when it has none.
fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    tag.try_get_attribute(name)
        .ok()
        .flatten()
        .and_then(|attribute| attribute.normalized_value(XmlVersion::Implicit1_0).ok())
        .map(std::borrow::Cow::into_owned)
        .unwrap_or_default()
}

fn begin(tag: &BytesStart<'_>, found: &mut Option<MediaPackage>, open: &mut Option<Element>) {
    let attribute = |name| attribute(tag, name);
    match tag.local_name().as_ref() {
        "mediapackage" if found.is_none() => {
            *found = Some(MediaPackage {
                id: attribute("id"),
                elements: Vec::new(),
            });
        }
        "track" | "attachment" => {
            *open = Some(Element {
                id: attribute("id"),
                flavor: attribute("type"),
                ..Element::default()
            });
        }
        "checksum" => {
            if let Some(element) = open {
                element.checksum = Some(Checksum {
                    kind: attribute("type").to_ascii_lowercase(),
                    hex: String::new(),
                });
            }
        }
        _ => {}
    }
}

fn end(name: &str, inside: &str, found: &mut Option<MediaPackage>, open: &mut Option<Element>) {
    match name {
        "track" | "attachment" => {
            if let Some(package) = found {
                package.elements.extend(open.take());
            }
        }
        "size" => {
            if let Some(element) = open {
                element.size = inside.parse().ok();
            }
        }
        "checksum" => {
            if let Some(checksum) = open.as_mut().and_then(|element| element.checksum.as_mut()) {
                checksum.hex = inside.to_ascii_lowercase();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn track() -> Element {
        Element {
            id: "t-1".to_owned(),
            flavor: "presenter/source".to_owned(),
            size: Some(17),
            checksum: Some(Checksum {
                kind: "md5".to_owned(),
                hex: "abcd".to_owned(),
            }),
        }
    }

    #[test]
    fn a_media_package_is_read_with_any_prefix() {
        let plain = r#"<?xml version="1.0"?><mediapackage xmlns="http://mediapackage.opencastproject.org" id="m-1"
            start="2026-11-21T10:00:00Z"><title>a &amp; ب</title><media><track id="t-1" type="presenter/source">
            <mimetype>video/mp4</mimetype><checksum type="MD5">ABCD</checksum><size>17</size></track>
            <track id="t-2" type="x/y"/></media><metadata><catalog id="c-1" type="dublincore/episode"/></metadata>
            <attachments/></mediapackage>"#;
        let read = MediaPackage::of_xml(plain).unwrap();
        assert_eq!(read.id, "m-1");
        assert_eq!(read.elements[0], track());
        assert_eq!((read.elements.len(), read.elements[1].id.as_str()), (2, "t-2"));
        let prefixed = r#"<wf:workflow xmlns:wf="w" xmlns:mp="m" id="9"><mp:mediapackage id="m-1"><mp:media>
            <mp:track id="t-1" type="a/b"/></mp:media></mp:mediapackage></wf:workflow>"#;
        assert_eq!(MediaPackage::of_xml(prefixed).unwrap().elements.len(), 1);
        for other in [
            "",
            "<html><body>x</body></html>",
            "<mediapackage/>",
            "<mediapackage id='1'",
        ] {
            assert_eq!(MediaPackage::of_xml(other), None, "{other}");
        }
    }

    #[test]
    fn workflows_are_read_as_one_as_several_and_as_none() {
        let one = json!({ "id": 12, "state": "RUNNING", "mediapackage": { "id": "m-1", "media": { "track": {
            "id": "t-1", "type": "presenter/source", "size": 17, "checksum": { "type": "md5", "$": "abcd" } } } } });
        let read = |value: &Value| workflows(value.to_string().as_bytes());
        let single = read(&json!({ "workflows": { "workflow": one } })).unwrap();
        assert_eq!(
            (single[0].id.as_str(), &single[0].state),
            ("12", &State::Going("RUNNING".to_owned()))
        );
        assert_eq!(single[0].package.elements, [track()]);
        let two = json!([one, { "@id": "13", "state": "FAILED" }]);
        for several in [
            json!({ "workflows": { "workflow": two } }),
            json!({ "workflows": two }),
            two.clone(),
        ] {
            let read = read(&several).unwrap();
            assert_eq!(read.len(), 2);
            assert_eq!(read[1].state, State::Broken("FAILED".to_owned()));
        }
        for none in [json!({ "workflows": "" }), json!({ "workflows": {} }), json!([])] {
            assert_eq!(read(&none), Some(Vec::new()), "{none}");
        }
        assert_eq!(read(&json!({ "workflows": [{ "id": 1 }] })), None);
        assert_eq!(workflows(b"<html>"), None);
    }
}
