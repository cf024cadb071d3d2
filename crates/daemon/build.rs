//! Tells the program when it was built: no clock that is right shows an earlier time.

use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed=build.rs");
    // Packagers set it so that two builds of one source are equal.
    let told = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|text| text.parse::<u64>().ok());
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_secs())
    };
    println!(
        "cargo::rustc-env=LECTERN_BUILT_UNIX_S={}",
        told.unwrap_or_else(now)
    );
}
