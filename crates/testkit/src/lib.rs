//! Judges and damage for tests; never part of the product.
//!
//! [`TusJudge`] is a strict tus server, [`S3Judge`] a strict S3 store, and [`OpencastJudge`] an
//! Opencast that takes lectures as the real one does; [`HookJudge`] is a webhook that checks
//! signatures, [`MailJudge`] a strict mail server. All keep count, can misbehave on command and
//! kill their client at a named moment. [`RealTus`] is the real @tus/server, [`RealS3`] moto or
//! s3s-fs, [`CuttingProxy`] a line that breaks, [`CampusProxy`] a proxy that wants a sign-in,
//! [`TestCa`] a certificate authority of one's own.
//! Everything runs inside the test's tokio runtime and ends with its owner. This crate knows
//! nothing of the rooms that it judges.

mod ca;
mod campus;
mod court;
mod hook;
mod judge;
mod mail;
mod opencast;
mod proxy;
mod real_s3;
mod real_tus;
mod s3;
mod small;
mod wire;

pub use ca::TestCa;
pub use campus::CampusProxy;
pub use court::{Misdeed, Moment};
pub use hook::{HookJudge, HookRules};
pub use judge::{On, Rules, Seen, TusChecksum, TusJudge, Upload};
pub use mail::{MailJudge, MailLine, MailMisdeed, MailRules, TakenMail};
pub use opencast::{
    OpencastAuth, OpencastCall, OpencastEnd, OpencastJudge, OpencastRegistry, OpencastRules, OpencastTrack,
    OpencastWorkflow,
};
pub use proxy::CuttingProxy;
pub use real_s3::{REAL_S3_BUCKET, REAL_S3_KEYS, RealS3, RealS3Kind};
pub use real_tus::RealTus;
pub use s3::{OpenUpload, S3Call, S3Checksum, S3Judge, S3Object, S3On, S3Rules, S3Style};
pub use small::{free_port, noise_file, sha256_of_file, wait_until};
pub use wire::LINGER;
