//! The first start after an installation, when GStreamer reads every plugin to make its index.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use support::{Driver, test_audio};

/// The daemon takes a source that is silent for 5 s for a hung one.
const SILENT: Duration = Duration::from_secs(2);

#[test]
fn a_long_first_start_is_neither_silent_nor_a_device_that_delivers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Reads no plugin and takes its time; GStreamer then reads them itself.
    let scanner = folder.path().join("scanner");
    std::fs::write(&scanner, "#!/bin/sh\nsleep 6\nexit 1\n").unwrap();
    std::fs::set_permissions(&scanner, std::fs::Permissions::from_mode(0o755)).unwrap();
    let index = folder.path().join("registry.bin");
    let mut driver = Driver::open_with(
        test_audio(),
        &[
            ("GST_PLUGIN_SCANNER", scanner.to_str().unwrap()),
            ("GST_REGISTRY", index.to_str().unwrap()),
        ],
    );
    driver.wait_live();
    let first = driver.heard.first().unwrap().at;
    let took = driver.heard.last().unwrap().at - first;
    assert!(
        took > Duration::from_secs(6),
        "it started in {took:?}: not slow at all"
    );
    for pair in driver.heard.windows(2) {
        let silent = pair[1].at - pair[0].at;
        assert!(silent < SILENT, "it was silent for {silent:?}");
    }
    driver.quit();
}
