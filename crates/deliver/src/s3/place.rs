//! Where a lecture's files lie in a store: addresses and keys. Pure.
//!
//! A file's key is `<prefix><folder>_<lecture>/<name>`: readable by the folder, and the lecture's id
//! makes it the same from every run and no other lecture's, so that sending twice could only
//! replace, never duplicate.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::fault::Fault;
use crate::net;
use crate::parcel::Parcel;

/// What stands as it is in a request that is signed.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const IN_PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// A bucket, and where in it lectures go.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The bucket's address, without a slash at its end in path style.
    bucket_url: Url,
    /// The bucket's name.
    pub(super) bucket: String,
    prefix: String,
}

impl Place {
    /// From the endpoint and the bucket as configured.
    pub(super) fn new(endpoint: &str, bucket: &str, prefix: &str, path_style: bool) -> Result<Self, Fault> {
        let mut url = net::checked_url(endpoint, "url")?;
        let nowhere = |why: &str| {
            Fault::refused(
                format!("The platform's url and bucket make no address: {why}."),
                "Mend url, bucket and path_style in the platform's section of the configuration.",
            )
        };
        url.set_query(None);
        url.set_fragment(None);
        if path_style {
            let path = format!("{}/{}", url.path().trim_end_matches('/'), encode(bucket));
            url.set_path(&path);
        } else {
            let host = url.host_str().ok_or_else(|| nowhere("there is no host"))?;
            let host = format!("{bucket}.{host}");
            url.set_host(Some(&host))
                .map_err(|error| nowhere(&error.to_string()))?;
            if url.host_str() != Some(host.as_str()) {
                return Err(nowhere(
                    "this bucket's name cannot stand in a host's name: use path_style",
                ));
            }
        }
        Ok(Self {
            bucket_url: url,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    /// The key of a parcel's file. The lecture's folder is named after its id, which no other
    /// lecture of any room has.
    pub(super) fn key(&self, parcel: &Parcel<'_>) -> String {
        format!("{}{}/{}", self.prefix, parcel.folder(), parcel.file.name)
    }

    /// A key of our own choice below the prefix.
    pub(super) fn key_named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The address of an object, with a query of these pairs; an empty value is left out with its `=`.
    pub(super) fn object(&self, key: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.bucket_url.clone();
        let path = format!("{}/{}", url.path().trim_end_matches('/'), encode_path(key));
        url.set_path(&path);
        with_query(url, query)
    }

    /// The address of the bucket itself.
    pub(super) fn bucket(&self, query: &[(&str, &str)]) -> Url {
        with_query(self.bucket_url.clone(), query)
    }

    /// For people.
    pub(super) fn shown(&self, key: &str) -> String {
        format!("{} in bucket {} at {}", key, self.bucket, self.peer())
    }

    /// Host and port, for people.
    pub(super) fn peer(&self) -> String {
        net::authority(&self.bucket_url)
    }

    /// The bucket's address, of which only the origin matters.
    pub(super) fn url(&self) -> &Url {
        &self.bucket_url
    }
}

fn with_query(mut url: Url, query: &[(&str, &str)]) -> Url {
    let pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| match *value {
            "" => encode(name),
            value => format!("{}={}", encode(name), encode(value)),
        })
        .collect();
    url.set_query((!pairs.is_empty()).then(|| pairs.join("&")).as_deref());
    url
}

/// As a value in a query or in a header.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

fn encode_path(key: &str) -> String {
    utf8_percent_encode(key, IN_PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(endpoint: &str, path_style: bool, key: &str) -> String {
        let place = Place::new(endpoint, "lec-1", "", path_style).unwrap();
        place.object(key, &[]).to_string()
    }

    #[test]
    fn the_bucket_stands_in_the_path_or_in_the_host() {
        for (endpoint, path_style, wanted) in [
            ("https://s3.example", true, "https://s3.example/lec-1/a/b.mp4"),
            ("https://s3.example/", true, "https://s3.example/lec-1/a/b.mp4"),
            (
                "https://s3.example:9000/base/",
                true,
                "https://s3.example:9000/base/lec-1/a/b.mp4",
            ),
            ("https://s3.example", false, "https://lec-1.s3.example/a/b.mp4"),
            (
                "https://s3.example:9000/base",
                false,
                "https://lec-1.s3.example:9000/base/a/b.mp4",
            ),
            (
                "http://127.0.0.1:9000",
                true,
                "http://127.0.0.1:9000/lec-1/a/b.mp4",
            ),
        ] {
            assert_eq!(object(endpoint, path_style, "a/b.mp4"), wanted);
        }
        let place = Place::new("https://s3.example", "lec-1", "", true).unwrap();
        assert_eq!(
            place.bucket(&[("uploads", "")]).as_str(),
            "https://s3.example/lec-1?uploads"
        );
        let fault = Place::new("https://10.0.0.1", "lec-1", "", false).unwrap_err();
        assert!(matches!(fault, Fault::Refused { .. }), "{fault}");
    }

    #[test]
    fn keys_of_any_script_are_encoded_as_they_are_signed() {
        assert_eq!(
            object("https://s3.example", true, "线 & 100%?#+=.mp4"),
            "https://s3.example/lec-1/%E7%BA%BF%20%26%20100%25%3F%23%2B%3D.mp4"
        );
        let place = Place::new("https://s3.example", "b", "", true).unwrap();
        let url = place.object("k", &[("prefix", "a/b +"), ("uploads", "")]);
        assert_eq!(url.query(), Some("prefix=a%2Fb%20%2B&uploads"));
    }
}
