//! The document is whole and true, and the file in the repository is it.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

const RENEW: &str = "LECTERN_RENEW=1 cargo test -p lectern-panel --lib openapi";

#[test]
fn the_file_in_the_repository_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("LECTERN_RENEW").is_some() {
        std::fs::write(&path, TEXT.as_str()).unwrap();
    }
    let file = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        file == *TEXT,
        "crates/panel/openapi.json is not what the code says; renew it with: {RENEW}"
    );
}

#[test]
fn every_route_is_described() {
    let document = build(&table());
    let mut ids = BTreeSet::new();
    for route in table() {
        let operation = &document["paths"][route.path][route.method];
        assert_eq!(operation["summary"], route.summary);
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id.clone()), "{id} names two operations");
        assert_eq!(
            operation["requestBody"].is_object(),
            route.takes.is_some(),
            "{id}"
        );
        assert!(operation["responses"]["503"].is_object(), "{id}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_nothing_lies_unused() {
    let document = build(&table());
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    for there in &used {
        let pointer = there.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{there} leads nowhere");
    }
    let events = ["Status", "Levels", "Queue"];
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        let there = format!("#/components/schemas/{name}");
        assert!(
            used.contains(&there) || events.contains(&name.as_str()),
            "{there} is not used"
        );
    }
}

fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(there)) = fields.get("$ref") {
                into.insert(there.clone());
            }
            fields.values().for_each(|value| references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

#[test]
fn schemas_say_what_the_types_say() {
    let document = build(&table());
    let schemas = &document["components"]["schemas"];
    let start = &schemas["StartRequest"];
    assert_eq!(start["additionalProperties"], false);
    assert_eq!(start["properties"]["title"]["maxLength"], 300);
    assert!(start["required"].is_null(), "nothing is mandatory");
    assert_eq!(
        schemas["PlanRequest"]["required"],
        json!(["starts_unix_ms", "minutes"])
    );
    assert_eq!(schemas["ExtendRequest"]["properties"]["minutes"]["maximum"], 1440);
    let recorded = &schemas["CurrentLecture"]["properties"]["recorded_ms"];
    assert_eq!(
        (&recorded["type"], &recorded["minimum"]),
        (&json!("integer"), &json!(0))
    );
    assert!(
        recorded["description"]
            .as_str()
            .unwrap()
            .starts_with("Recorded so far")
    );
    let required = schemas["Status"]["required"].as_array().unwrap();
    assert!(required.contains(&json!("revision")) && required.contains(&json!("next")));
    let states = schemas["PodiumState"].to_string();
    for state in ["ready", "starting", "recording", "paused", "saved", "fault"] {
        assert!(states.contains(&format!("{state:?}")), "{state}");
    }
}
