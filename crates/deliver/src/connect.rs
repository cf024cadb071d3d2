//! From a platform's configuration to its adapter. The one place that knows all protocols.

use std::sync::Arc;

use lectern_domain::config;

use crate::credential::Secrets;
use crate::directory::Directory;
use crate::net::{Line, Patience};
use crate::opencast::{Opencast, Settings};
use crate::platform::Adapter;
use crate::s3::{Address, S3};
use crate::tus::Tus;

/// The adapter of a configured platform. Touches neither disk nor network: certificates and the
/// credential are read at the first call of a run, so that what is wrong with them holds the
/// platform with a sentence, and what was mended since is taken. Make a new one for each run. All
/// adapters share one `line`.
#[must_use]
pub fn connect(platform: &config::Platform, secrets: Secrets, line: &Arc<Line>) -> Adapter {
    connect_with(platform, secrets, line, Patience::default())
}

/// [`connect`] with other limits on waiting, for tests.
#[must_use]
pub fn connect_with(
    platform: &config::Platform,
    secrets: Secrets,
    line: &Arc<Line>,
    patience: Patience,
) -> Adapter {
    match &platform.kind {
        config::PlatformKind::Tus { url, receipt_url } => Adapter::Files(Box::new(Tus::new(
            url.clone(),
            receipt_url.clone(),
            platform,
            secrets,
            patience,
            Arc::clone(line),
        ))),
        config::PlatformKind::Directory { path, label, create } => Adapter::Files(Box::new(Directory::new(
            platform.name.clone(),
            path.clone(),
            label.clone(),
            *create,
            patience,
        ))),
        config::PlatformKind::S3 {
            url,
            bucket,
            region,
            prefix,
            path_style,
            checksum,
        } => {
            let address = Address {
                url: url.clone(),
                bucket: bucket.clone(),
                region: region.clone(),
                prefix: prefix.clone(),
                path_style: *path_style,
                checksum: *checksum,
            };
            let line = Arc::clone(line);
            Adapter::Files(Box::new(S3::new(address, platform, secrets, patience, line)))
        }
        config::PlatformKind::Opencast {
            url,
            user,
            auth,
            workflow,
            parameters,
            agent,
        } => {
            let settings = Settings {
                url: url.clone(),
                user: user.clone(),
                auth: *auth,
                workflow: workflow.clone(),
                parameters: parameters.clone(),
                agent: agent.clone(),
            };
            let line = Arc::clone(line);
            Adapter::Package(Box::new(Opencast::new(
                settings, platform, secrets, patience, line,
            )))
        }
    }
}
