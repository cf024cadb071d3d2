//! From a platform's configuration to its adapter. The one place that knows all protocols.

use lectern_domain::config;

use crate::credential::Secrets;
use crate::directory::Directory;
use crate::net::Patience;
use crate::platform::Platform;
use crate::tus::Tus;

/// The adapter of a configured platform. Touches neither disk nor network: certificates and the
/// credential are read at the first call of a run, so that what is wrong with them parks the
/// delivery with a sentence, and what was mended since is taken. Make a new one for each run.
#[must_use]
pub fn connect(platform: &config::Platform, secrets: Secrets) -> Box<dyn Platform> {
    connect_with(platform, secrets, Patience::default())
}

/// [`connect`] with other limits on waiting, for tests.
#[must_use]
pub fn connect_with(platform: &config::Platform, secrets: Secrets, patience: Patience) -> Box<dyn Platform> {
    match &platform.kind {
        config::PlatformKind::Tus { url, receipt_url } => Box::new(Tus::new(
            url.clone(),
            receipt_url.clone(),
            platform,
            secrets,
            patience,
        )),
        config::PlatformKind::Directory { path, create } => {
            Box::new(Directory::new(path.clone(), *create, patience))
        }
    }
}
