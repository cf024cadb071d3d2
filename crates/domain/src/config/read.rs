//! From the text of the files and the environment to a [`Config`], or to every fault at once.
//!
//! Pure: whoever calls has read the files. What each section holds is read in
//! `plain`, `source` and `platform`.

use super::faults::{Fault, Faults, Findings, Layer, Place, listed, nearest};
use super::settings::Settings;
use super::tree::{Entry, Node, Origin, Table, Value, shown};
use super::{Config, button, light, merge, notify, panel, plain, platform, source, syntax, upload};

/// A configuration file that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// As faults shall call it, usually its path.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl ConfigFile {
    /// A file's bytes as text.
    ///
    /// # Errors
    /// The place of the first byte that is not UTF-8.
    pub fn decode(name: &str, bytes: Vec<u8>) -> Result<Self, Fault> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let upto = error.utf8_error().valid_up_to();
            let sound = String::from_utf8_lossy(&error.as_bytes()[..upto]).into_owned();
            let at = Origin::new(0, &name.into(), &sound).place(upto);
            Fault {
                file: name.to_owned(),
                line: at.line,
                column: at.column,
                key: "syntax".to_owned(),
                message:
                    "this character is not UTF-8; a configuration is UTF-8 text; example: save the file \
                          again with the encoding UTF-8"
                        .to_owned(),
                layer: Layer::Text,
            }
        })?;
        Ok(Self {
            name: name.to_owned(),
            text,
        })
    }
}

/// What came of reading a configuration.
pub struct Examined {
    /// What it means; `None` when a fault leaves that open. It is there beside faults that are
    /// only [`Layer::References`].
    pub config: Option<Config>,
    /// All that is wrong with it.
    pub faults: Option<Faults>,
    /// Every key of every section with its value and who set it; worth something without faults.
    pub settings: Settings,
}

impl Config {
    /// Reads and checks a configuration: `files` in the order in which they lie over each other,
    /// then the variables of `env` that begin with `LECTERN__`. Does no I/O and never blocks.
    ///
    /// # Errors
    /// Every fault of all files, in their order.
    pub fn read(files: &[ConfigFile], env: &[(String, String)]) -> Result<Self, Faults> {
        let examined = Self::examine(files, env);
        match (examined.config, examined.faults) {
            (Some(config), None) => Ok(config),
            (_, Some(faults)) => Err(faults),
            (None, None) => unreachable!("a section is only withheld together with a fault"),
        }
    }

    /// The same, for whoever wants to know more than whether it is sound.
    #[must_use]
    pub fn examine(files: &[ConfigFile], env: &[(String, String)]) -> Examined {
        let mut findings = Findings::default();
        let first = files.first().map_or("(no file)", |file| file.name.as_str());
        let mut root = Table::empty(Place::top(0, first));
        for (layer, file) in files.iter().enumerate() {
            merge::lay_over(&mut root, syntax::parse(layer, file, &mut findings));
        }
        merge::lay_environment_over(&mut root, files.len(), env, &mut findings);
        let config = read_root(root, &mut findings);
        Examined {
            config,
            settings: Settings::of(findings.take_sections(), files.len()),
            faults: findings.into_faults(),
        }
    }
}

/// A section of the file.
pub(super) struct Form {
    pub(super) name: &'static str,
    /// As the file writes it; in double brackets if there may be several.
    pub(super) title: &'static str,
    /// One sentence for an editor.
    pub(super) about: &'static str,
}

impl Form {
    const fn new(name: &'static str, title: &'static str, about: &'static str) -> Self {
        Self { name, title, about }
    }

    /// Whether there may be several, each with a name.
    pub(super) fn is_list(&self) -> bool {
        self.title.starts_with("[[")
    }
}

/// Every section, in the order in which a file has them.
pub(super) const SECTIONS: [Form; 11] = [
    Form::new(
        "room",
        "[room]",
        "Which room this is, for people and for file names.",
    ),
    Form::new(
        "storage",
        "[storage]",
        "Where recordings lie and how they are kept.",
    ),
    Form::new("recording", "[recording]", "How lectures are recorded."),
    Form::new(
        "source",
        "[[source]]",
        "One for each camera, screen and microphone; at least one.",
    ),
    Form::new(
        "platform",
        "[[platform]]",
        "One for each place that gets finished lectures; without any they stay here.",
    ),
    Form::new("upload", "[upload]", "When and how lectures are sent."),
    Form::new(
        "panel",
        "[panel]",
        "The page at the podium, and who may reach it.",
    ),
    Form::new("control", "[control]", "What the command line talks to."),
    Form::new(
        "light",
        "[[light]]",
        "One for each lamp that tells the state from afar.",
    ),
    Form::new("button", "[[button]]", "One for each key at the podium."),
    Form::new(
        "notify",
        "[[notify]]",
        "One for each who is told of what a person must do.",
    ),
];

/// Lists inside of a section.
pub(super) const NESTED: [Form; 1] = [Form::new(
    "panel.token",
    "[[panel.token]]",
    "One for each who may come in from other machines.",
)];

/// Reads the whole tree; `None` when a fault was found and noted.
pub(super) fn read_root(mut root: Table, findings: &mut Findings) -> Option<Config> {
    sections(&mut root, findings);
    let nothing = Table::empty(root.at.clone());
    let table = |name: &str| match root.entry(name).map(|entry| &entry.node.value) {
        Some(Value::Table(table)) => table,
        _ => &nothing,
    };
    let room = plain::room(table("room"), findings);
    let storage = plain::storage(table("storage"), findings);
    let recording = plain::recording(table("recording"), findings);
    let sources = source::read_all(&root, findings);
    let platforms = platform::read_all(&root, &storage.path, room.as_ref().map(|room| &room.id), findings);
    let upload = upload::upload(table("upload"), findings);
    let panel = panel::panel(table("panel"), findings);
    let control = plain::control(table("control"), findings);
    let lights = light::read_all(&root, findings);
    let buttons = button::read_all(&root, findings);
    let notify = notify::read_all(&root, findings);
    Some(Config {
        room: room?,
        storage,
        recording,
        sources: sources?,
        platforms: platforms?,
        upload,
        panel: panel?,
        control,
        lights: lights?,
        buttons: buttons?,
        notify: notify?,
    })
}

/// Names what is not one of our sections, or not in its form, and brings what was meant into
/// its form, so that the keys in it are checked in the same go.
fn sections(root: &mut Table, findings: &mut Findings) {
    const EXAMPLE: &str = "[[source]]";
    let known = || SECTIONS.iter().map(|form| form.name);
    let allowed = format!(
        "the sections are {}",
        listed(SECTIONS.iter().map(|form| form.title))
    );
    let present: Vec<_> = root.entries.iter().map(|entry| entry.key.clone()).collect();
    for entry in &mut root.entries {
        let holds_keys = match &entry.node.value {
            Value::Table(_) => true,
            Value::List(nodes) => nodes.iter().all(|node| matches!(node.value, Value::Table(_))),
            Value::Text(_) | Value::Bare(_) | Value::Whole(_) | Value::Flag(_) | Value::Other(_) => false,
        };
        let key = entry.key.escape_debug().to_string();
        if !known().any(|name| name == key) {
            let meant = nearest(&key, known());
            let title = SECTIONS
                .iter()
                .find(|form| Some(form.name) == meant)
                .map(|form| form.title);
            let wrong = match title {
                _ if !holds_keys => "this key stands in no section".to_owned(),
                Some(title) => format!("\"{key}\" is not a section, did you mean {title}?"),
                None => format!("\"{key}\" is not a section"),
            };
            findings.add(&entry.at, &key, &wrong, &allowed, EXAMPLE);
            match meant.filter(|meant| holds_keys && !present.iter().any(|other| other == meant)) {
                Some(meant) => meant.clone_into(&mut entry.key),
                None => continue,
            }
        }
        form(entry, findings);
    }
}

/// Reports `[source]`, `[source.camera]` and `[[room]]`, and goes on with what they hold.
fn form(entry: &mut Entry, findings: &mut Findings) {
    let Some(form) = SECTIONS.iter().find(|form| form.name == entry.key) else {
        return;
    };
    let is_table = |node: &Node| matches!(node.value, Value::Table(_));
    let value = &mut entry.node.value;
    let mut example = form.title.to_owned();
    match value {
        Value::Table(_) if !form.is_list() => return,
        Value::List(nodes) if form.is_list() && nodes.iter().all(is_table) => return,
        // A name in the header, as other programs have it.
        Value::Table(table)
            if !table.entries.is_empty() && table.entries.iter().all(|entry| is_table(&entry.node)) =>
        {
            if let Some(first) = table.entries.first() {
                example = format!("{}, and below it name = {}", form.title, shown(&first.key));
            }
            *value = Value::List(
                std::mem::take(&mut table.entries)
                    .into_iter()
                    .map(named)
                    .collect(),
            );
        }
        Value::Table(table) => {
            let one = Node {
                at: table.at.clone(),
                value: Value::Table(table.clone()),
            };
            *value = Value::List(vec![one]);
        }
        Value::List(nodes) if !form.is_list() && matches!(nodes.as_slice(), [one] if is_table(one)) => {
            if let Some(one) = nodes.pop() {
                *value = one.value;
            }
        }
        // Not even the keys can be told from this.
        _ => {}
    }
    wrong_form(&entry.at, form, &example, findings);
}

/// The table of `[source.camera]` as `[[source]]` has it, with its name inside.
fn named(entry: Entry) -> Node {
    let Entry { key, at, mut node } = entry;
    if let Value::Table(table) = &mut node.value
        && table.entry("name").is_none()
    {
        table.set(Entry {
            key: "name".to_owned(),
            at: at.clone(),
            node: Node {
                at,
                value: Value::Text(key),
            },
        });
    }
    node
}

/// Reports a section with the wrong pair of brackets.
pub(super) fn wrong_form(at: &Place, form: &Form, example: &str, findings: &mut Findings) {
    findings.add(
        at,
        form.name,
        "is not in the form of its section",
        &format!("write {} on a line of its own", form.title),
        example,
    );
}
