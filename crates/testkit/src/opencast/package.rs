//! Media packages as documents: read from the client's hands, written back with one element more.

use quick_xml::Reader;
use quick_xml::events::Event;

/// A media package as it travels.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    pub(super) id: String,
    pub(super) start: String,
    /// The Dublin Core catalogue's element, if it was added.
    pub(super) catalogue: Option<String>,
    pub(super) elements: Vec<Reference>,
}

/// One element that a document refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) id: String,
    pub(super) flavor: String,
    /// A track, else an attachment.
    pub(super) track: bool,
}

impl Document {
    /// Reads what [`Document::write`] wrote; `None` for anything else.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut reader = Reader::from_str(text);
        let mut document: Option<Self> = None;
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) | Event::Empty(tag) => {
                    let value = |name: &str| {
                        let found = tag.try_get_attribute(name).ok().flatten()?;
                        Some(
                            found
                                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                                .ok()?
                                .into_owned(),
                        )
                    };
                    let name = tag.local_name();
                    match (name.as_ref(), &mut document) {
                        ("mediapackage", None) => {
                            document = Some(Self {
                                id: value("id")?,
                                start: value("start").unwrap_or_default(),
                                ..Self::default()
                            });
                        }
                        ("catalog", Some(document)) => document.catalogue = value("id"),
                        (kind @ ("track" | "attachment"), Some(document)) => {
                            document.elements.push(Reference {
                                id: value("id")?,
                                flavor: value("type")?,
                                track: kind == "track",
                            });
                        }
                        _ => {}
                    }
                }
                Event::Eof => return document,
                _ => {}
            }
        }
    }

    pub(super) fn write(&self) -> String {
        let Self { id, start, .. } = self;
        let group = |track: bool| {
            let name = if track { "track" } else { "attachment" };
            let listed = self.elements.iter().filter(|element| element.track == track);
            listed
                .map(|Reference { id, flavor, .. }| {
                    format!(
                        "<{name} id=\"{id}\" type=\"{flavor}\"><mimetype>video/mp4</mimetype>\
                         <tags/><url>http://files.invalid/{id}</url></{name}>"
                    )
                })
                .collect::<String>()
        };
        let catalogue = self.catalogue.as_ref().map_or_else(String::new, |id| {
            format!(
                "<catalog id=\"{id}\" type=\"dublincore/episode\"><mimetype>text/xml</mimetype></catalog>"
            )
        });
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
             <mediapackage xmlns=\"http://mediapackage.opencastproject.org\" id=\"{id}\" start=\"{start}\">\
             <media>{}</media><metadata>{catalogue}</metadata><attachments>{}</attachments><publications/>\
             </mediapackage>",
            group(true),
            group(false)
        )
    }
}

/// Whether a text is a flavour: two words with a slash between.
pub(super) fn is_flavor(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(kind, sub)| !kind.is_empty() && !sub.is_empty() && !sub.contains('/'))
}

/// Whether a text is a Dublin Core catalogue with a title.
pub(super) fn is_dublin_core(text: &str) -> bool {
    let mut reader = Reader::from_str(text);
    let (mut root, mut titled) = (false, false);
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => match tag.local_name().as_ref() {
                "dublincore" => root = true,
                "title" => titled = true,
                _ => {}
            },
            Ok(Event::Eof) => return root && titled,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}
