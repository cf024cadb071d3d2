//! What every platform must pass: promise P5, whatever is cut, killed or already there.
//!
//! Each check is written once ([`checks`]) and run for each platform. A new platform adds a
//! [`stage`](stage::Stage) and a line to the table below, and inherits all of them.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod checks;
#[path = "../common/mod.rs"]
mod common;
mod stage;

macro_rules! conformance {
    ($($name:ident: $stage:ty;)*) => { $(
        mod $name {
            use crate::{checks, stage::Stage as _};

            #[tokio::test]
            async fn p5_sends_afresh() {
                checks::sends_afresh(<$stage>::new().await).await;
            }

            #[tokio::test]
            async fn p5_sends_nothing_that_is_confirmed() {
                checks::sends_nothing_that_is_confirmed(<$stage>::new().await).await;
            }

            #[tokio::test]
            async fn p6_confirms_again_what_it_has() {
                checks::confirms_again_what_it_has(<$stage>::new().await).await;
            }

            #[tokio::test]
            async fn p5_resumes_at_any_offset() {
                checks::resumes_at_any_offset::<$stage>().await;
            }

            #[tokio::test]
            async fn p5_resumes_beside_the_bounds_of_parts() {
                checks::resumes_beside_the_bounds_of_parts::<$stage>().await;
            }

            #[tokio::test]
            async fn p5_sends_what_goes_first_and_gives_way() {
                checks::sends_what_goes_first_and_gives_way::<$stage>().await;
            }

            #[tokio::test]
            async fn p6_sends_no_part_that_rotted() {
                checks::sends_no_part_that_rotted::<$stage>().await;
            }

            #[tokio::test]
            async fn p5_survives_a_kill_at_every_commit() {
                checks::survives_a_kill_at_every_commit::<$stage>().await;
            }

            #[tokio::test]
            async fn p5_survives_a_kill_at_any_moment() {
                checks::survives_a_kill_at_any_moment::<$stage>().await;
            }

            #[tokio::test]
            async fn leaves_another_file_alone() {
                checks::leaves_another_file_alone(<$stage>::new().await).await;
            }

            #[tokio::test]
            async fn never_completes_a_file_that_changed() {
                checks::never_completes_a_file_that_changed::<$stage>().await;
            }

            #[tokio::test]
            async fn takes_names_of_any_script() {
                checks::takes_names_of_any_script(<$stage>::new().await).await;
            }

            #[tokio::test]
            async fn takes_files_of_any_length() {
                checks::takes_files_of_any_length::<$stage>().await;
            }
        }
    )* };
}

conformance! {
    tus: crate::stage::tus::Tus<false, false, false>;
    tus_with_receipts: crate::stage::tus::Tus<true, false, false>;
    tus_that_moves_what_is_finished: crate::stage::tus::Tus<false, true, false>;
    tus_that_moves_and_has_receipts: crate::stage::tus::Tus<true, true, false>;
    tus_with_digests: crate::stage::tus::Tus<false, false, true>;
    s3: crate::stage::s3::S3<false>;
    s3_of_old: crate::stage::s3::S3<true>;
    opencast: crate::stage::opencast::Opencast<false>;
    opencast_with_digest: crate::stage::opencast::Opencast<true>;
    directory: crate::stage::directory::Directory;
}
