//! Bodies that no operation may take, made from the schemas of the OpenAPI document: whatever comes
//! out of here breaks the schema, or is no JSON at all.

use serde_json::{Map, Value, json};

use super::dice::Dice;

/// One operation of the document.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The schema of its body; null when it takes none.
    pub(crate) schema: Value,
    /// Names of its query parameters.
    pub(crate) query: Vec<String>,
}

/// Every operation, with the references of body schemas resolved.
pub(crate) fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let schema = match schema["$ref"].as_str() {
                None => schema,
                Some(there) => document
                    .pointer(there.trim_start_matches('#'))
                    .expect("references lead somewhere"),
            };
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let query = parameters.filter(|p| p["in"] == "query");
            all.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                schema: schema.clone(),
                query: query
                    .filter_map(|p| p["name"].as_str().map(str::to_owned))
                    .collect(),
            });
        }
    }
    all
}

/// A body that must be refused.
pub(crate) fn broken(operation: &Operation, dice: &mut Dice) -> (&'static str, Vec<u8>) {
    let (kind, value) = match dice.below(11) {
        0 => ("a field too many", with_stranger(operation, dice)),
        1 => ("no object", not_an_object(dice)),
        2 => return ("deep nesting", deep(dice)),
        3 => return ("broken UTF-8", broken_text(operation, dice)),
        4 => return ("cut off", cut_off(dice)),
        5 => {
            return (
                "a key twice",
                br#"{"x":1,"x":2,"title":"a","title":"b"}"#.to_vec(),
            );
        }
        6 => {
            let count = dice.below(200);
            let mut bytes = vec![0xff];
            bytes.extend(dice.bytes(count));
            return ("noise", bytes);
        }
        7 => return ("too long", vec![b' '; 64 * 1024 + 1 + dice.below(40_000)]),
        8 => return ("a number beyond all", huge_number(operation, dice)),
        _ => wrong_field(operation, dice),
    };
    (kind, serde_json::to_vec(&value).expect("JSON"))
}

fn properties(operation: &Operation) -> Vec<(String, Value)> {
    let fields = operation.schema["properties"].as_object().cloned();
    fields.unwrap_or_default().into_iter().collect()
}

/// All that is required, each as it should be.
fn sound(operation: &Operation) -> Map<String, Value> {
    let required = operation.schema["required"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let least = |name: &str| operation.schema["properties"][name]["minimum"].clone();
    let named = required.iter().filter_map(Value::as_str);
    named.map(|name| (name.to_owned(), least(name))).collect()
}

fn with_stranger(operation: &Operation, dice: &mut Dice) -> Value {
    let mut body = sound(operation);
    let names = ["Title", "minutes ", "__proto__", "", "\u{0}", "state", "💥"];
    body.insert((*dice.pick(&names)).to_owned(), json!(dice.next()));
    Value::Object(body)
}

fn not_an_object(dice: &mut Dice) -> Value {
    let all = [
        json!(null),
        json!(true),
        json!(-1),
        json!("stop"),
        json!([]),
        json!([{}]),
        json!(["a", "b", "c", "d", 5]),
        json!([null, null, null, null, null]),
        json!([10]),
    ];
    dice.pick(&all).clone()
}

fn deep(dice: &mut Dice) -> Vec<u8> {
    let depth = 130 + dice.below(20_000);
    let (open, close) = *dice.pick(&[("[", "]"), ("{\"title\":", "}")]);
    let depth = depth.min(60_000 / open.len() / 2);
    let mut text = open.repeat(depth);
    if dice.below(2) == 0 {
        text.push_str("null");
        text.push_str(&close.repeat(depth));
    }
    text.into_bytes()
}

fn broken_text(operation: &Operation, dice: &mut Dice) -> Vec<u8> {
    let bad: [&[u8]; 7] = [
        b"\xff",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\\ud800",
        b"\\u12",
        b"\x00",
    ];
    let name = properties(operation)
        .first()
        .map_or_else(|| "title".to_owned(), |(name, _)| name.clone());
    let mut bytes = format!("{{\"{name}\":\"a").into_bytes();
    bytes.extend_from_slice(dice.pick::<&[u8]>(&bad));
    bytes.extend_from_slice(b"\"}");
    bytes
}

fn cut_off(dice: &mut Dice) -> Vec<u8> {
    let whole = br#"{"title":"Cells","minutes":90,"label":"x"}"#;
    whole[..1 + dice.below(whole.len() - 2)].to_vec()
}

fn huge_number(operation: &Operation, dice: &mut Dice) -> Vec<u8> {
    let name = properties(operation)
        .into_iter()
        .find(|(_, schema)| allows(schema, "integer"))
        .map_or_else(|| "minutes".to_owned(), |(name, _)| name);
    let digits = "9".repeat(20 + dice.below(2_000));
    let number = match dice.below(4) {
        0 => digits,
        1 => format!("-{digits}"),
        2 => "1e400".to_owned(),
        _ => format!("0.{digits}"),
    };
    format!("{{\"{name}\":{number}}}").into_bytes()
}

/// One field of another type than it may have, or out of its bounds.
fn wrong_field(operation: &Operation, dice: &mut Dice) -> (&'static str, Value) {
    let fields = properties(operation);
    if fields.is_empty() {
        return ("a field too many", with_stranger(operation, dice));
    }
    let (name, schema) = dice.pick(&fields).clone();
    let mut body = sound(operation);
    let beyond: Vec<Value> = [
        schema["maximum"].as_i64().map(|n| json!(n + 1)),
        schema["minimum"].as_i64().map(|n| json!(n - 1)),
        schema["maxLength"].as_u64().map(|n| {
            let n = usize::try_from(n).expect("a short text");
            json!("я".repeat(n + 1))
        }),
        schema["maxLength"].as_u64().map(|_| json!("a\u{1b}[2Jb")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if dice.below(2) == 0 && !beyond.is_empty() {
        body.insert(name, dice.pick(&beyond).clone());
        return ("out of bounds", Value::Object(body));
    }
    let others = [
        ("boolean", json!(false)),
        ("array", json!([1, [2]])),
        ("object", json!({ "a": { "b": null } })),
        ("number", json!(0.5)),
        ("string", json!("90")),
        ("integer", json!(7)),
        ("null", json!(null)),
    ];
    let wrong: Vec<&Value> = others
        .iter()
        .filter(|(kind, _)| !allows(&schema, kind))
        .map(|(_, value)| value)
        .collect();
    body.insert(name, (*dice.pick(&wrong)).clone());
    ("of another type", Value::Object(body))
}

fn allows(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::String(only) => only == kind,
        Value::Array(some) => some.iter().any(|one| one == kind),
        _ => false,
    }
}
