//! The bodies of requests: small forms, and the multipart form around a file.

use std::hash::{BuildHasher, Hasher, RandomState};

use bytes::Bytes;
use url::form_urlencoded::Serializer;

/// The type of a small form.
pub(super) const URLENCODED: &str = "application/x-www-form-urlencoded";

/// A small form as a body.
pub(super) fn urlencoded<'f>(fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> Bytes {
    Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
        .into()
}

/// What stands before and after a file in a multipart form. The file comes last: Opencast reads no
/// field behind it.
pub(super) struct Multipart {
    pub(super) content_type: String,
    pub(super) before: Bytes,
    pub(super) after: Bytes,
}

impl Multipart {
    pub(super) fn new(fields: &[(&str, &str)], name: &str, content_type: &str) -> Self {
        // 128 random bits are in no file.
        let random = || RandomState::new().build_hasher().finish();
        Self::with_boundary(
            &format!("lectern-{:016x}{:016x}", random(), random()),
            fields,
            name,
            content_type,
        )
    }

    fn with_boundary(boundary: &str, fields: &[(&str, &str)], name: &str, content_type: &str) -> Self {
        let mut before = String::new();
        for (field, value) in fields {
            before.push_str(&format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\
                 Content-Type: text/plain; charset=UTF-8\r\n\r\n{value}\r\n"
            ));
        }
        // As browsers write a name: any script as it is, and what would end the line or the quotes
        // as a code.
        let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        before.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"BODY\"; filename=\"{name}\"\r\n\
             Content-Type: {content_type}\r\n\r\n"
        ));
        Self {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            before: before.into(),
            after: format!("\r\n--{boundary}--\r\n").into(),
        }
    }

    /// Length of the body with a file of `file_bytes` in it.
    pub(super) fn length(&self, file_bytes: u64) -> u64 {
        self.before.len() as u64 + file_bytes + self.after.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_comes_last_and_no_name_ends_its_line() {
        let form = Multipart::with_boundary(
            "b",
            &[("flavor", "a/b"), ("tags", "")],
            "x\"\r\n.mp4",
            "video/mp4",
        );
        let text = std::str::from_utf8(&form.before).unwrap();
        assert_eq!(
            text,
            "--b\r\nContent-Disposition: form-data; name=\"flavor\"\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n\
             a/b\r\n--b\r\nContent-Disposition: form-data; name=\"tags\"\r\nContent-Type: text/plain; \
             charset=UTF-8\r\n\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"BODY\"; \
             filename=\"x%22%0D%0A.mp4\"\r\nContent-Type: video/mp4\r\n\r\n"
        );
        assert_eq!(form.after, "\r\n--b--\r\n");
        assert_eq!(form.length(5), form.before.len() as u64 + 5 + 9);
    }
}
