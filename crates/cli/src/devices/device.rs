//! One device as `lectern-source` listed it, and which `[[source]]` it is.

use lectern_domain::api::SourceStatus;
use lectern_domain::config::{Source, SourceKind};
use lectern_domain::track::TrackHealth;
use serde_json::{Map, Value, json};

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Camera,
    Microphone,
    Screen,
}

impl Group {
    /// All, in the order in which they are told.
    pub(super) const ALL: [Self; 3] = [Self::Camera, Self::Microphone, Self::Screen];

    /// For people.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Microphone => "microphone",
            Self::Screen => "screen",
        }
    }

    /// The key in JSON.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Camera => "cameras",
            Self::Microphone => "microphones",
            Self::Screen => "screens",
        }
    }

    /// The role that it is usually given.
    pub(super) const fn role(self) -> &'static str {
        match self {
            Self::Camera => "presenter",
            Self::Microphone => "microphone",
            Self::Screen => "presentation",
        }
    }
}

/// A `[[source]]` that is this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) source: String,
    pub(super) role: String,
    /// What the recorder says of it; `None`: it stands in the files only.
    pub(super) health: Option<TrackHealth>,
}

impl Use {
    /// Whether the recorder has the device open now.
    pub(super) fn holds(&self) -> bool {
        self.health.is_some_and(is_held)
    }
}

/// Whether a source of this health has its device open.
pub(super) fn is_held(health: TrackHealth) -> bool {
    match health {
        TrackHealth::Starting | TrackHealth::Live | TrackHealth::Stalled => true,
        TrackHealth::Restarting | TrackHealth::Dead | TrackHealth::Ended => false,
    }
}

/// A device.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Device {
    pub(super) group: Group,
    facts: Map<String, Value>,
    pub(super) uses: Vec<Use>,
}

impl Device {
    /// Every device of a list; what is not one is left out.
    pub(super) fn all(list: &Value) -> Vec<Self> {
        let of = |group: Group| {
            let devices = list[group.key()].as_array().into_iter().flatten();
            devices.filter_map(move |facts| {
                Some(Self {
                    group,
                    facts: facts.as_object()?.clone(),
                    uses: Vec::new(),
                })
            })
        };
        Group::ALL.into_iter().flat_map(of).collect()
    }

    /// A fact that is a text.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.facts.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// A fact that is a list of texts.
    pub(super) fn texts(&self, key: &str) -> Vec<&str> {
        let list = self.facts.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Any fact.
    pub(super) fn fact(&self, key: &str) -> &Value {
        self.facts.get(key).unwrap_or(&Value::Null)
    }

    /// By which the configuration knows it.
    pub(super) fn address(&self) -> &str {
        self.text("device")
            .or_else(|| self.text("display"))
            .unwrap_or("?")
    }

    /// As its maker calls it.
    pub(super) fn label(&self) -> &str {
        self.text("label").unwrap_or_else(|| self.address())
    }

    /// Whether a person who types `word` means it.
    pub(super) fn is_called(&self, word: &str) -> bool {
        let plain = self.address().strip_prefix("hw:CARD=");
        self.address() == word
            || plain == Some(word)
            || self.text("node") == Some(word)
            || self.text("label") == Some(word)
            || self.text("serial") == Some(word)
            || self.texts("links").contains(&word)
    }

    /// All that is known of it, for `--json`. `answered`: the recorder was asked and told.
    pub(super) fn to_json(&self, answered: bool) -> Value {
        let uses = self.uses.iter().map(|used| {
            json!({
                "source": used.source,
                "role": used.role,
                "health": used.health.map(TrackHealth::as_str),
            })
        });
        let mut facts = self.facts.clone();
        facts.insert("used_by".into(), uses.collect());
        facts.insert(
            "in_use".into(),
            json!(answered.then(|| self.uses.iter().any(Use::holds))),
        );
        Value::Object(facts)
    }

    /// Finds the sources that are this device: those `running` in the recorder and those
    /// `configured` in the files.
    pub(super) fn find_uses(&mut self, running: &[SourceStatus], configured: &[Source]) {
        let in_files = |name: &str| configured.iter().find(|source| source.name.as_str() == name);
        let here = running.iter().filter(|source| {
            self.is_said_by(source).unwrap_or_else(|| {
                in_files(source.name.as_str())
                    .is_some_and(|file| file.kind.as_str() == source.kind && self.is_named_by(file))
            })
        });
        let mut uses: Vec<Use> = here
            .map(|source| Use {
                source: source.name.to_string(),
                role: source.role.as_str().to_owned(),
                health: Some(source.health),
            })
            .collect();
        let only_in_files = configured.iter().filter(|source| {
            self.is_named_by(source) && !running.iter().any(|other| other.name == source.name)
        });
        uses.extend(only_in_files.map(|source| Use {
            source: source.name.to_string(),
            role: source.role.as_str().to_owned(),
            health: None,
        }));
        self.uses = uses;
    }

    /// Whether the recorder says that a source of its is this device; `None` when one of both does
    /// not know enough.
    fn is_said_by(&self, source: &SourceStatus) -> Option<bool> {
        if self.text("kind") != Some(&source.kind) {
            return Some(false);
        }
        let said = source.device.as_deref()?;
        match source.kind.as_str() {
            "x11" => Some(same_display(said.rsplit(' ').next()?, self.address())),
            "pulse" => Some(said == self.address()),
            _ => Some(said == self.text("identity")?),
        }
    }

    /// Whether a `[[source]]` of the files names this device.
    pub(super) fn is_named_by(&self, source: &Source) -> bool {
        if self.text("kind") != Some(source.kind.as_str()) {
            return false;
        }
        let serial = self.text("serial");
        match &source.kind {
            SourceKind::V4l2 { device } => {
                self.is_called(device) || (serial.is_some() && source.serial.as_deref() == serial)
            }
            SourceKind::Alsa { device } => {
                let card = device.split_once(':').map_or(device.as_str(), |(_, rest)| rest);
                let card = card.split(',').next().unwrap_or(card);
                let card = card.strip_prefix("CARD=").unwrap_or(card);
                self.address() == format!("hw:CARD={card}")
                    || self
                        .fact("card")
                        .as_u64()
                        .is_some_and(|number| number.to_string() == card)
                    || (serial.is_some() && source.serial.as_deref() == serial)
            }
            SourceKind::Pulse { device } => device.as_deref() == Some(self.address()),
            SourceKind::X11 { display } => display
                .as_deref()
                .is_some_and(|name| same_display(name, self.address())),
            SourceKind::Rtsp { .. }
            | SourceKind::TestVideo
            | SourceKind::TestAudio
            | SourceKind::Gst { .. } => false,
        }
    }
}

/// `:0.0` is `:0`.
fn same_display(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.strip_suffix(".0").unwrap_or(name).to_owned();
    plain(one) == plain(other)
}
