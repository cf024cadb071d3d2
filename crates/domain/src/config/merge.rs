//! Puts the layers over each other: files in their order, then the environment.
//!
//! Tables merge key by key and the later value wins. A later file's `[[source]]`, or any other
//! section of which there may be several, merges over the one that has its name, else it is
//! added. When it has another `kind`, the earlier kind's own keys go with it, so that a room file
//! can turn the fleet's `v4l2` camera into an `rtsp` one without a rest of the old one being
//! refused.

use super::faults::{Findings, Place, listed};
use super::read::{Form, NESTED, SECTIONS};
use super::tree::{Entry, Node, Table, Value};

/// Keys of a named table that outlive a change of its kind.
const OF_EVERY_KIND: [&str; 7] = [
    "name",
    "role",
    "required",
    "spare_for",
    "delay",
    "send",
    "colours",
];

/// What an environment variable begins with to be one of ours.
pub(super) const PREFIX: &str = "LECTERN__";

/// The sections that are lists of named tables.
fn lists() -> impl Iterator<Item = &'static Form> {
    SECTIONS.iter().chain(&NESTED).filter(|form| form.is_list())
}

/// Merges one file's tree over the earlier ones.
pub(super) fn lay_over(below: &mut Table, above: Table) {
    for entry in above.entries {
        // No two lists end in the same word, and no key is called like one.
        let named = lists().any(|form| form.name.rsplit('.').next() == Some(&entry.key));
        match (
            below.node_mut(&entry.key).map(|node| &mut node.value),
            entry.node.value,
        ) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (Some(Value::List(below)), Value::List(above)) if named => lay_list_over(below, above),
            (_, value) => below.set(Entry {
                node: Node {
                    at: entry.node.at,
                    value,
                },
                ..entry
            }),
        }
    }
}

fn lay_list_over(below: &mut Vec<Node>, above: Vec<Node>) {
    // Two of one name in the same file are a slip and must both be seen, so that it is reported.
    let mut met = vec![false; below.len()];
    for node in above {
        let name = name_of(&node).map(str::to_owned);
        let earlier =
            (0..met.len()).find(|&i| !met[i] && name.is_some() && name_of(&below[i]) == name.as_deref());
        match (earlier, node.value) {
            (Some(index), Value::Table(above)) => {
                met[index] = true;
                if let Value::Table(below) = &mut below[index].value {
                    forget_other_kind(below, above.text("kind"));
                    lay_over(below, above);
                }
            }
            (_, value) => below.push(Node { at: node.at, value }),
        }
    }
}

fn name_of(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Table(table) => table.text("name"),
        _ => None,
    }
}

fn forget_other_kind(table: &mut Table, kind: Option<&str>) {
    if kind.is_some() && table.text("kind").is_some_and(|before| Some(before) != kind) {
        table
            .entries
            .retain(|entry| OF_EVERY_KIND.contains(&entry.key.as_str()));
    }
}

/// Merges `LECTERN__SECTION__KEY` and `LECTERN__SOURCE__NAME__KEY` over the files. In a name,
/// `_` of the variable also stands for `-`.
pub(super) fn lay_environment_over(
    root: &mut Table,
    layer: usize,
    env: &[(String, String)],
    findings: &mut Findings,
) {
    let mut variables: Vec<_> = env
        .iter()
        .filter_map(|(name, value)| Some((name, name.strip_prefix(PREFIX)?, value)))
        .collect();
    // A change of kind drops keys, so it comes before the keys of the new kind.
    variables.sort_by_key(|(name, _, _)| (!name.ends_with("__KIND"), *name));
    for (variable, path, value) in variables {
        let at = Place::top(layer, variable);
        let path = path.to_lowercase();
        let value = Node {
            at: at.clone(),
            value: Value::Bare(value.clone()),
        };
        match Target::of(&path) {
            Some(Target::Named { list, name, key }) => match named(root, list, &name) {
                Some(table) => {
                    if key == "kind" {
                        forget_other_kind(table, value.value.text());
                    }
                    table.set(entry(key, &at, value));
                }
                None => no_such_name(root, &at, list, &name, findings),
            },
            Some(Target::Plain { section, key }) => match root.node_mut(section).map(|node| &mut node.value) {
                Some(Value::Table(table)) => table.set(entry(key, &at, value)),
                // It is reported where the file says so.
                Some(_) => {}
                None => {
                    let mut table = Table::empty(at.clone());
                    table.set(entry(key, &at, value));
                    let node = Node {
                        at: at.clone(),
                        value: Value::Table(table),
                    };
                    root.set(entry(section, &at, node));
                }
            },
            None => findings.add(
                &at,
                &path.replace("__", "."),
                "this does not name a key",
                "allowed are LECTERN__SECTION__KEY, LECTERN__SOURCE__NAME__KEY and LECTERN__PLATFORM__NAME__KEY",
                "LECTERN__STORAGE__PATH=/var/lib/lectern",
            ),
        }
    }
}

/// What a variable sets.
enum Target<'a> {
    /// A key of a section that stands once.
    Plain { section: &'a str, key: &'a str },
    /// A key of the table of a list that has this name.
    Named {
        list: &'static str,
        name: String,
        key: &'a str,
    },
}

impl<'a> Target<'a> {
    /// `path` is the variable's name in small letters, without what all of them begin with.
    fn of(path: &'a str) -> Option<Self> {
        let mut parts: Vec<_> = path.split("__").collect();
        let key = parts.pop().filter(|key| !key.is_empty())?;
        let list = lists().map(|form| form.name).find(|list| {
            let words: Vec<_> = list.split('.').collect();
            parts.starts_with(&words)
        });
        match (list, parts.as_slice()) {
            (Some(list), parts) => {
                let name = parts[list.split('.').count()..].join("__");
                (!name.is_empty()).then_some(Self::Named { list, name, key })
            }
            (None, [section]) if !lists().any(|form| form.name == *section) => {
                Some(Self::Plain { section, key })
            }
            (None, _) => None,
        }
    }
}

fn entry(key: &str, at: &Place, node: Node) -> Entry {
    Entry {
        key: key.to_owned(),
        at: at.clone(),
        node,
    }
}

/// The tables of a list; `list` is its path, such as `panel.token`.
fn list<'a>(root: &'a Table, list: &str) -> &'a [Node] {
    let node = match list.split_once('.') {
        None => root.entry(list),
        Some((section, list)) => match root.entry(section).map(|entry| &entry.node.value) {
            Some(Value::Table(table)) => table.entry(list),
            _ => None,
        },
    };
    match node.map(|entry| &entry.node.value) {
        Some(Value::List(nodes)) => nodes,
        _ => &[],
    }
}

fn named<'a>(root: &'a mut Table, path: &str, name: &str) -> Option<&'a mut Table> {
    let index = list(root, path)
        .iter()
        .position(|node| name_of(node).is_some_and(|n| n.replace('-', "_") == name))?;
    let node = match path.split_once('.') {
        None => root.node_mut(path)?,
        Some((section, list)) => match &mut root.node_mut(section)?.value {
            Value::Table(table) => table.node_mut(list)?,
            _ => return None,
        },
    };
    match &mut node.value {
        Value::List(nodes) => match &mut nodes.get_mut(index)?.value {
            Value::Table(table) => Some(table),
            _ => None,
        },
        _ => None,
    }
}

fn no_such_name(root: &Table, at: &Place, path: &str, name: &str, findings: &mut Findings) {
    let names = listed(list(root, path).iter().filter_map(name_of));
    let allowed = if names.is_empty() {
        format!("the files have no [[{path}]]")
    } else {
        format!("the files have {names}")
    };
    findings.add(
        at,
        &format!("{path}.{name}"),
        &format!("no file has a [[{path}]] of this name"),
        &allowed,
        "LECTERN__SOURCE__CAMERA__DEVICE=/dev/video0",
    );
}
