//! Everything that reads an answer of a tus server, for the fuzz targets.

use jiff::Timestamp;
use url::Url;

use super::protocol::{self, Capabilities};
use super::receipt::Receipt;
use super::refusal;
use crate::net::Reply;

/// Reads an answer in every way in which one of them may be read.
///
/// # Panics
/// When a server leads an upload to another origin.
pub(crate) fn answer(reply: &Reply, home: &Url) {
    drop(Capabilities::read(reply).objection(u64::MAX));
    if let Ok(there) = protocol::location(home, reply) {
        assert_eq!(there.origin(), home.origin(), "{there}");
    }
    let _until = protocol::expires(reply);
    let _wait = reply.retry_after(Timestamp::UNIX_EPOCH);
    let _offset = reply.number("upload-offset");
    drop(serde_json::from_slice::<Receipt>(&reply.body));
    drop(refusal::fault(reply, "the creation", home));
    drop(refusal::not_tus(reply, "the creation", home, "Location"));
}
