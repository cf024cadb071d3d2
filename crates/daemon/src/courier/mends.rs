//! Files that a platform is reached by, watched while it refuses everybody: whoever renews a token
//! need not tell the recorder.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lectern_deliver::{LineRules, Secrets, Traces};
use lectern_domain::config::Platform;
use lectern_domain::ids::PlatformName;

/// How often the files are looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(5);

/// See the module. Holds at most one entry for each platform that refuses.
#[derive(Debug, Default)]
pub(super) struct Mends {
    /// What the files looked like before the try that was refused, or when they were last changed.
    seen: BTreeMap<PlatformName, Traces>,
    looked: Option<Instant>,
}

impl Mends {
    /// A platform refused who came with these files, which were looked at before the try: what is
    /// mended during it is seen too.
    pub(super) fn watch(&mut self, platform: PlatformName, before: Traces) {
        if before.is_empty() {
            // What it was refused for is in no file.
            self.seen.remove(&platform);
        } else {
            self.seen.insert(platform, before);
        }
    }

    /// Whether there is anything to be looked at every [`LOOK_EVERY`].
    pub(super) fn is_watching(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Those of `parked` whose files were changed since this was asked last; nobody if that was
    /// less than [`LOOK_EVERY`] ago. Forgets all other platforms. Blocks for asking the file system
    /// about three names for each.
    pub(super) fn look<'a>(
        &mut self,
        now: Instant,
        parked: impl Iterator<Item = &'a Platform>,
        rules: &LineRules,
        secrets: &Secrets,
    ) -> Vec<PlatformName> {
        let looked = self.looked.map(|at| now.saturating_duration_since(at));
        if !self.is_watching() || looked.is_some_and(|ago| ago < LOOK_EVERY) {
            return Vec::new();
        }
        self.looked = Some(now);
        let mut before = std::mem::take(&mut self.seen);
        let mut mended = Vec::new();
        for platform in parked {
            let Some(before) = before.remove(&platform.name) else {
                continue;
            };
            let traces = Traces::of(platform, rules, secrets);
            if traces != before {
                mended.push(platform.name.clone());
            }
            self.seen.insert(platform.name.clone(), traces);
        }
        mended
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lectern_domain::config::{Credential, PlatformKind};

    use super::super::holds::{Holds, Learnt};
    use super::*;

    /// No proxy is on the way.
    const DIRECT: LineRules = LineRules {
        rate: None,
        yields: false,
        proxy: None,
        proxy_credential: None,
    };

    fn platform(name: &str, token: &Path) -> Platform {
        Platform {
            name: name.parse().unwrap(),
            kind: PlatformKind::Tus {
                url: "https://lectures.example/files/".to_owned(),
                receipt_url: None,
            },
            send: Vec::new(),
            credential: Some(Credential::File(token.to_owned())),
            ca_file: None,
        }
    }

    fn watched(platforms: &[Platform]) -> Mends {
        let mut mends = Mends::default();
        for platform in platforms {
            mends.watch(
                platform.name.clone(),
                Traces::of(platform, &DIRECT, &Secrets::default()),
            );
        }
        mends
    }

    #[test]
    fn a_mended_file_is_seen_within_seconds_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (
            platform("one", &dir.path().join("one")),
            platform("other", &dir.path().join("other")),
        );
        let both = [one.clone(), other.clone()];
        let (mut mends, mut now, secrets) = (watched(&both), Instant::now(), Secrets::default());
        assert!(
            mends.look(now, both.iter(), &DIRECT, &secrets).is_empty(),
            "nothing was changed"
        );
        std::fs::write(dir.path().join("one"), "canary").unwrap();
        assert!(
            mends.look(now, both.iter(), &DIRECT, &secrets).is_empty(),
            "not looked at all the time"
        );
        now += LOOK_EVERY;
        assert_eq!(
            mends.look(now, both.iter(), &DIRECT, &secrets),
            std::slice::from_ref(&one.name)
        );
        now += LOOK_EVERY;
        assert!(
            mends.look(now, both.iter(), &DIRECT, &secrets).is_empty(),
            "told already"
        );
        // Served meanwhile: its files are nobody's business any more.
        now += LOOK_EVERY;
        assert!(
            mends
                .look(now, [&other].into_iter(), &DIRECT, &secrets)
                .is_empty()
                && mends.is_watching()
        );
        std::fs::write(dir.path().join("one"), "canaries").unwrap();
        now += LOOK_EVERY;
        assert!(mends.look(now, both.iter(), &DIRECT, &secrets).is_empty());
        now += LOOK_EVERY;
        assert!(mends.look(now, [].into_iter(), &DIRECT, &secrets).is_empty() && !mends.is_watching());
    }

    #[test]
    fn what_is_changed_during_the_try_is_seen_and_what_has_no_file_is_not_watched() {
        let dir = tempfile::tempdir().unwrap();
        let central = platform("central", &dir.path().join("token"));
        let before = Traces::of(&central, &DIRECT, &Secrets::default());
        std::fs::write(dir.path().join("token"), "canary").unwrap();
        let mut mends = Mends::default();
        mends.watch(central.name.clone(), before);
        let mended = mends.look(
            Instant::now(),
            [&central].into_iter(),
            &DIRECT,
            &Secrets::default(),
        );
        assert_eq!(mended, std::slice::from_ref(&central.name));
        let open = Platform {
            credential: None,
            ..central
        };
        mends.watch(open.name.clone(), Traces::of(&open, &DIRECT, &Secrets::default()));
        assert!(!mends.is_watching());
    }

    /// A program that rewrites the credential all the time, and a platform that answers 401 to all
    /// of them: no account is locked by it.
    #[test]
    fn a_file_that_changes_all_the_time_makes_nobody_knock_all_the_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let central = platform("central", &path);
        let (mut holds, mut mends, secrets) = (Holds::default(), Mends::default(), Secrets::default());
        let (began, mut tries) = (Instant::now(), Vec::new());
        for step in 0..4 * 720u32 {
            let second = step * 5;
            let now_unix_ms = 1_790_000_000_000 + i64::from(second) * 1_000;
            let now = began + Duration::from_secs(second.into());
            // Another length each time: no clock of a file system is too coarse for it.
            std::fs::write(&path, "x".repeat(step as usize % 7 + 1)).unwrap();
            for name in mends.look(now, [&central].into_iter(), &DIRECT, &secrets) {
                holds.learn(&name, Learnt::Mended, now_unix_ms);
            }
            if holds.allows(&central.name, now_unix_ms) {
                tries.push(second);
                mends.watch(central.name.clone(), Traces::of(&central, &DIRECT, &secrets));
                let why = "401".to_owned();
                holds.learn(&central.name, Learnt::Refuses { why }, now_unix_ms);
            }
        }
        let in_the_first_hour = tries.iter().filter(|second| **second < 3600).count();
        assert!(tries[1] <= 10, "the first change is tried at once: {tries:?}");
        assert!((6..=12).contains(&in_the_first_hour), "{tries:?}");
        assert!(tries.len() - in_the_first_hour <= 3 * 4, "{tries:?}");
    }
}
