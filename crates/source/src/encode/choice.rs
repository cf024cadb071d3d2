//! Which encoder does the work: the order of the candidates, and what takes one out.
//!
//! `auto` takes hardware that has proved itself on this machine with pictures of this size and
//! rate, then x264, then OpenH264. An encoder that the configuration names goes first without
//! proof. One that failed in this process is not taken again; one that failed in a process before
//! this (the daemon says which) only if nothing else is left. Pure but for the look whether an
//! element exists, which the caller makes.

use lectern_domain::config::Encoder;

/// The hardware encoders by kind, best first, with the package that brings each.
const HARDWARE: [(Encoder, &str, &str); 6] = [
    (Encoder::Vaapi, "vah264enc", "gstreamer1.0-plugins-bad"),
    (Encoder::Vaapi, "vah264lpenc", "gstreamer1.0-plugins-bad"),
    (Encoder::Vaapi, "vaapih264enc", "gstreamer1.0-vaapi"),
    (Encoder::V4l2, "v4l2h264enc", "gstreamer1.0-plugins-good"),
    (Encoder::Nvenc, "nvh264enc", "gstreamer1.0-plugins-bad"),
    (Encoder::Qsv, "qsvh264enc", "gstreamer1.0-plugins-bad"),
];

/// The software encoders, best first.
const SOFTWARE: [(Encoder, &str, &str); 2] = [
    (Encoder::X264, "x264enc", "gstreamer1.0-plugins-ugly"),
    (Encoder::Openh264, "openh264enc", "gstreamer1.0-plugins-bad"),
];

/// An encoder that may be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// One that this program knows.
    Known {
        /// Its kind in the configuration.
        kind: Encoder,
        /// The element.
        factory: &'static str,
    },
    /// A launch fragment of the user's own, from raw I420 to H.264.
    Fragment(String),
}

impl Candidate {
    /// For people: `x264`, `vaapi (vah264enc)`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Known { kind, factory } if kind.is_software() => factory.trim_end_matches("enc").to_owned(),
            Self::Known { kind, factory } => format!("{} ({factory})", kind.as_str()),
            Self::Fragment(launch) => format!("the fragment \"{launch}\""),
        }
    }

    /// Whether it can spend less on each picture by a setting.
    pub(super) fn has_faster(&self) -> bool {
        matches!(
            self,
            Self::Known {
                kind: Encoder::X264,
                ..
            }
        )
    }
}

/// What is known of a hardware encoder with pictures of one size and rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was tried and is good.
    Works,
    /// It was tried and is not, or took the process with it.
    Fails,
    /// It was never tried here.
    Unknown,
}

/// The choice of one source.
#[derive(Debug)]
pub(super) struct Choice {
    wanted: Encoder,
    fragment: Option<String>,
    shun: Vec<Encoder>,
    failed: Vec<Candidate>,
}

impl Choice {
    /// A choice as configured. `fragment`: one of the user's own that goes before all others.
    pub(super) fn new(wanted: Encoder, fragment: Option<String>, shun: Vec<Encoder>) -> Self {
        Self {
            wanted,
            fragment,
            shun,
            failed: Vec::new(),
        }
    }

    /// Never takes this one again.
    pub(super) fn fail(&mut self, candidate: Candidate) {
        self.failed.push(candidate);
    }

    /// The best candidate that is left.
    pub(super) fn best(
        &self,
        exists: impl Fn(&str) -> bool,
        verdict: impl Fn(&str) -> Verdict,
    ) -> Option<Candidate> {
        let mut shunned = None;
        if let Some(fragment) = &self.fragment {
            let candidate = Candidate::Fragment(fragment.clone());
            if !self.failed.contains(&candidate) {
                return Some(candidate);
            }
        }
        for (kind, factory, _) in self.order() {
            let candidate = Candidate::Known { kind, factory };
            let proved = kind.is_software() || kind == self.wanted || verdict(factory) == Verdict::Works;
            if self.failed.contains(&candidate) || !proved || !exists(factory) {
                continue;
            }
            if !self.shun.contains(&kind) {
                return Some(candidate);
            }
            shunned.get_or_insert(candidate);
        }
        shunned
    }

    /// The hardware that is worth a trial, best first; nothing if an encoder was named.
    pub(super) fn untried(
        &self,
        exists: impl Fn(&str) -> bool,
        verdict: impl Fn(&str) -> Verdict,
    ) -> Vec<Candidate> {
        if self.wanted != Encoder::Auto {
            return Vec::new();
        }
        HARDWARE
            .into_iter()
            .filter(|(kind, factory, _)| {
                !self.shun.contains(kind) && verdict(factory) == Verdict::Unknown && exists(factory)
            })
            .map(|(kind, factory, _)| Candidate::Known { kind, factory })
            .filter(|candidate| !self.failed.contains(candidate))
            .collect()
    }

    /// What to tell a person whose encoder is not there; `None` if it is.
    pub(super) fn missing(&self, exists: impl Fn(&str) -> bool) -> Option<String> {
        let mut named = HARDWARE
            .into_iter()
            .chain(SOFTWARE)
            .filter(|(kind, _, _)| *kind == self.wanted)
            .peekable();
        let (_, _, package) = *named.peek()?;
        if named.any(|(_, factory, _)| exists(factory)) {
            return None;
        }
        let name = self.wanted.as_str();
        Some(if self.wanted.is_software() {
            format!("encoder \"{name}\" is not here; install the package {package}")
        } else {
            format!(
                "encoder \"{name}\" is not here: this machine has no such device, or the package {package} \
                 or the device's driver is not installed"
            )
        })
    }

    /// All that may be taken: the named ones first, then, for `auto` all and else the software.
    fn order(&self) -> impl Iterator<Item = (Encoder, &'static str, &'static str)> {
        let wanted = self.wanted;
        let named = HARDWARE
            .into_iter()
            .chain(SOFTWARE)
            .filter(move |(kind, _, _)| *kind == wanted);
        let hardware = HARDWARE.into_iter().filter(move |_| wanted == Encoder::Auto);
        let software = SOFTWARE.into_iter().filter(move |(kind, _, _)| *kind != wanted);
        named.chain(hardware).chain(software)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: fn(&str) -> bool = |_| true;

    /// The candidates in the order in which they are taken when each fails.
    fn taken(
        wanted: Encoder,
        shun: &[Encoder],
        exists: impl Fn(&str) -> bool,
        verdict: impl Fn(&str) -> Verdict,
    ) -> Vec<String> {
        let mut choice = Choice::new(wanted, None, shun.to_vec());
        let mut names = Vec::new();
        while let Some(candidate) = choice.best(&exists, &verdict) {
            names.push(candidate.describe());
            choice.fail(candidate);
        }
        names
    }

    #[test]
    fn auto_takes_proved_hardware_and_then_software() {
        let works = |factory: &str| match factory {
            "vah264lpenc" | "nvh264enc" => Verdict::Works,
            "vah264enc" => Verdict::Fails,
            _ => Verdict::Unknown,
        };
        assert_eq!(
            taken(Encoder::Auto, &[], ALL, works),
            ["vaapi (vah264lpenc)", "nvenc (nvh264enc)", "x264", "openh264"]
        );
        assert_eq!(
            taken(Encoder::Auto, &[], |name| name == "openh264enc", works),
            ["openh264"]
        );
    }

    #[test]
    fn a_named_encoder_goes_first_and_needs_no_proof() {
        let unknown = |_: &str| Verdict::Fails;
        assert_eq!(
            taken(Encoder::Qsv, &[], ALL, unknown),
            ["qsv (qsvh264enc)", "x264", "openh264"]
        );
        assert_eq!(taken(Encoder::Openh264, &[], ALL, unknown), ["openh264", "x264"]);
        assert_eq!(taken(Encoder::X264, &[], ALL, unknown), ["x264", "openh264"]);
    }

    #[test]
    fn a_shunned_encoder_is_the_last_resort() {
        let works = |_: &str| Verdict::Works;
        let only = |name: &'static str| move |factory: &str| factory == name;
        assert_eq!(taken(Encoder::Nvenc, &[Encoder::Nvenc], ALL, works)[0], "x264");
        assert_eq!(
            taken(Encoder::Auto, &[Encoder::X264], only("x264enc"), works),
            ["x264"]
        );
        assert_eq!(taken(Encoder::Auto, &[], only("none"), works), [""; 0]);
    }

    #[test]
    fn only_auto_tries_and_only_what_is_there_and_unknown() {
        let verdict = |factory: &str| match factory {
            "vah264enc" => Verdict::Fails,
            _ => Verdict::Unknown,
        };
        let there = |factory: &str| factory != "nvh264enc";
        let untried = |wanted| {
            let choice = Choice::new(wanted, None, vec![Encoder::Qsv]);
            let names = choice.untried(there, verdict);
            names.iter().map(Candidate::describe).collect::<Vec<_>>()
        };
        assert_eq!(
            untried(Encoder::Auto),
            [
                "vaapi (vah264lpenc)",
                "vaapi (vaapih264enc)",
                "v4l2 (v4l2h264enc)"
            ]
        );
        assert_eq!(untried(Encoder::Vaapi), [""; 0]);
    }

    #[test]
    fn a_fragment_goes_before_all_until_it_fails() {
        let mut choice = Choice::new(Encoder::Auto, Some("myenc".into()), vec![]);
        let first = choice.best(ALL, |_| Verdict::Works).unwrap();
        assert_eq!(first, Candidate::Fragment("myenc".into()));
        choice.fail(first);
        let next = choice.best(ALL, |_| Verdict::Unknown).unwrap();
        assert_eq!(next.describe(), "x264");
    }

    #[test]
    fn a_missing_encoder_is_named_with_its_package() {
        let missing = |wanted, there: &'static str| {
            Choice::new(wanted, None, vec![]).missing(|factory| factory == there)
        };
        assert_eq!(missing(Encoder::Auto, ""), None);
        assert_eq!(missing(Encoder::Vaapi, "vaapih264enc"), None);
        assert!(
            missing(Encoder::X264, "")
                .unwrap()
                .contains("gstreamer1.0-plugins-ugly")
        );
        assert!(missing(Encoder::V4l2, "").unwrap().contains("no such device"));
    }
}
