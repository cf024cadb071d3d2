//! What Opencast is told of a lecture and its files: the Dublin Core catalogue, and the flavour of
//! each file.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lectern_domain::delivery::{DeliveryFile, DeliveryJob};
use lectern_domain::finished::FileRole;
use lectern_domain::media::Role;
use quick_xml::escape::escape;

/// The episode's Dublin Core. The course goes into `subject`: `isPartOf` would have to be the id
/// of a series that is there.
pub(super) fn dublin_core(job: &DeliveryJob, agent: &str) -> String {
    let start = utc(job.started_unix_ms);
    let length = i64::try_from(job.duration_ms).unwrap_or(i64::MAX);
    let end = utc(job.started_unix_ms.saturating_add(length));
    let period = format!("start={start}; end={end}; scheme=W3C-DTF;");
    // Opencast takes no lecture without a title.
    let title = if job.title.trim().is_empty() {
        &job.folder
    } else {
        &job.title
    };
    let lecture = job.lecture.to_string();
    let terms = [
        ("title", "", Some(title.as_str())),
        ("creator", "", job.presenter.as_deref()),
        ("subject", "", job.course.as_deref()),
        ("language", "", job.language.as_deref()),
        ("identifier", "", Some(lecture.as_str())),
        ("spatial", "", Some(agent)),
        ("created", " xsi:type=\"dcterms:W3CDTF\"", Some(start.as_str())),
        ("temporal", " xsi:type=\"dcterms:Period\"", Some(period.as_str())),
    ];
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<dublincore \
         xmlns=\"http://www.opencastproject.org/xsd/1.0/dublincore/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n",
    );
    for (term, kind, value) in terms {
        if let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) {
            // XML knows no control characters, escaped or not.
            let value: String = value.chars().filter(|c| !c.is_control()).collect();
            let value = escape(value.as_str());
            xml.push_str(&format!("  <dcterms:{term}{kind}>{value}</dcterms:{term}>\n"));
        }
    }
    xml.push_str("</dublincore>\n");
    xml
}

/// To the second: what W3CDTF and Opencast's workflows agree on.
fn utc(unix_ms: i64) -> String {
    let at = Timestamp::from_millisecond(unix_ms).unwrap_or_default();
    at.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// How a file goes into the media package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The method of the ingest service that takes it.
    pub(super) method: &'static str,
    /// What it is there.
    pub(super) flavor: &'static str,
}

/// The place of `file` among `files`. `lecture.mp4` is the presenter's picture when it is the only
/// picture; beside the tracks it was made of it has a flavour that no workflow mistakes for them.
pub(super) fn place(file: &DeliveryFile, files: &[DeliveryFile]) -> Place {
    let picture = |file: &DeliveryFile| matches!(&file.role, FileRole::Track { role, .. } if !matches!(role, Role::Microphone));
    let (method, flavor) = match &file.role {
        FileRole::Lecture if files.iter().any(picture) => ("addTrack", "lecture/source"),
        FileRole::Lecture => ("addTrack", "presenter/source"),
        FileRole::Track { role, .. } => match role {
            Role::Presenter => ("addTrack", "presenter/source"),
            Role::Presentation => ("addTrack", "presentation/source"),
            Role::Microphone => ("addTrack", "presenter-audio/source"),
        },
        FileRole::Metadata => ("addAttachment", "lectern/metadata"),
        FileRole::Checksums => ("addAttachment", "lectern/checksums"),
    };
    Place { method, flavor }
}
