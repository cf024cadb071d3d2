//! Everything that reads an answer of an S3 store, for the fuzz targets.

use jiff::Timestamp;

use super::protocol::{self, Created, PartsPage, UploadsPage};
use super::refusal::{self, Target};
use crate::net::Reply;

/// Reads an answer in every way in which one of them may be read.
pub(crate) fn answer(reply: &Reply) {
    drop(protocol::read::<Created>(
        &reply.body,
        "InitiateMultipartUploadResult",
    ));
    drop(protocol::read::<PartsPage>(&reply.body, "ListPartsResult"));
    drop(protocol::read::<UploadsPage>(
        &reply.body,
        "ListMultipartUploadsResult",
    ));
    let target = Target {
        peer: "store.example.edu",
        bucket: "lectures",
        region: "eu-1",
    };
    drop(refusal::fault(
        reply,
        "the upload of a part",
        target,
        Timestamp::UNIX_EPOCH,
    ));
    let _gone = refusal::no_such_upload(reply) || refusal::not_known(reply);
}
