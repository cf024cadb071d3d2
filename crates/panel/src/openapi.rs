//! The OpenAPI document, made from the table of routes and from the types of the domain: their
//! serde attributes say what is required, their comments say what it means. Examples are real
//! values of the same types ([`crate::sample`]), so that neither can fall behind.
//!
//! The document is also a file of the repository, `openapi.json` beside this crate's manifest, for
//! whoever writes a client without a recorder at hand; a test fails when it is not current.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use lectern_domain::api::{Levels, Problem, Queue, Status};
use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::problem::PROBLEM_JSON;
use crate::routes::{Gives, Route, table};
use crate::sample;

/// The document as it is served and as it lies in the repository.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = serde_json::to_string_pretty(&build(&table())).expect("the document has only text keys");
    text.push('\n');
    text
});

pub(crate) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// The shape of a JSON body, and an example of it.
pub(crate) struct Shape {
    schema: fn(&mut SchemaGenerator) -> Schema,
    example: Value,
}

impl Shape {
    pub(crate) fn of<T: JsonSchema + Serialize>(example: fn() -> T) -> Self {
        Self {
            schema: SchemaGenerator::subschema_for::<T>,
            example: serde_json::to_value(example()).expect("the API's documents have only text keys"),
        }
    }

    fn content(&self, schemas: &mut SchemaGenerator) -> Value {
        json!({ "application/json": { "schema": (self.schema)(schemas), "example": self.example } })
    }
}

/// A parameter of the query or a header.
pub(crate) struct Parameter {
    pub(crate) place: &'static str,
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
}

/// The two directions: what is told has every key, what is taken may leave keys out.
struct Schemas {
    told: SchemaGenerator,
    taken: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let generator = |contract| {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings.contract = contract;
            settings.into_generator()
        };
        Self {
            told: generator(Contract::Serialize),
            taken: generator(Contract::Deserialize),
        }
    }

    /// All that was named, under one name each.
    fn into_components(mut self) -> Map<String, Value> {
        let mut all = self.told.take_definitions(true);
        for (name, schema) in self.taken.take_definitions(true) {
            let before = all.insert(name.clone(), schema.clone());
            assert!(
                before.is_none_or(|before| before == schema),
                "{name} is told in one shape and taken in another; give each a type of its own"
            );
        }
        all
    }
}

fn build(routes: &[Route]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for route in routes {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method] = operation(route, &mut schemas);
    }
    // The events carry these; a media type has no place to say so.
    schemas.told.subschema_for::<Status>();
    schemas.told.subschema_for::<Levels>();
    schemas.told.subschema_for::<Queue>();
    let problem = json!({ PROBLEM_JSON: {
        "schema": schemas.told.subschema_for::<Problem>(),
        "example": sample::problem()
    } });
    let responses: Map<String, Value> = REFUSALS
        .iter()
        .map(|refusal| {
            let mut response = json!({ "description": refusal.meaning, "content": problem });
            if refusal.status == "503" {
                response["headers"] = json!({ "Retry-After": {
                    "description": "Seconds. Only where the recorder or its sources are just being started: what was \
                        asked was not begun, and may be asked again without asking a person",
                    "schema": { "type": "integer" }
                } });
            }
            (refusal.name.to_owned(), response)
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Lectern",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
            "description": "The same on the control socket and on the panel's port. Times are milliseconds since 1970 \
                (_unix_ms), lengths are milliseconds (_ms), sizes are bytes. Later versions add keys and never rename one."
        },
        "servers": [{ "url": "http://localhost:8470", "description": "The panel's port as it comes" }],
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "responses": responses,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the configuration; its role is at least the one that is named"
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "lectern-session",
                    "description": "What a browser gets that signed in with the PIN or a token; over TLS its name begins with __Host-"
                }
            }
        }
    })
}

/// A status that a request can be refused with, and to which requests that may happen.
struct Refusal {
    status: &'static str,
    name: &'static str,
    meaning: &'static str,
    happens: fn(&Route) -> bool,
}

/// Every refusal is a problem document, and these are all.
const REFUSALS: [Refusal; 10] = [
    Refusal {
        status: "400",
        name: "Unreadable",
        meaning: "The query or the body cannot be read",
        happens: |route| changes(route) || in_path(route).next().is_some() || !route.parameters.is_empty(),
    },
    Refusal {
        status: "401",
        name: "Unauthorized",
        meaning: "Nobody has said who asks: the PIN or a token is missing, or it is wrong",
        happens: |route| route.needs.is_some(),
    },
    Refusal {
        status: "403",
        name: "Forbidden",
        meaning: "Whoever asks may not: a role too small, another site's page, or a name that is not this machine's",
        happens: |_| true,
    },
    Refusal {
        status: "404",
        name: "NotFound",
        meaning: "There is no such thing",
        happens: |route| in_path(route).next().is_some(),
    },
    Refusal {
        status: "409",
        name: "Refused",
        meaning: "Not possible in this state; \"state\" names it and \"allowed\" says what it allows",
        happens: changes,
    },
    Refusal {
        status: "413",
        name: "TooLong",
        meaning: "The body is longer than 64 KiB, or ended before its time",
        happens: changes,
    },
    Refusal {
        status: "415",
        name: "UnknownType",
        meaning: "The body is of another type than application/json",
        happens: changes,
    },
    Refusal {
        status: "422",
        name: "Invalid",
        meaning: "The body has a field too many, too few, or out of its bounds",
        happens: changes,
    },
    Refusal {
        status: "500",
        name: "Failed",
        meaning: "The daemon failed at it; the recording is not touched, and the log says more",
        happens: |_| true,
    },
    Refusal {
        status: "503",
        name: "Unable",
        meaning: "It cannot be done now: the disk is full, a source is missing, the daemon shuts down",
        happens: |_| true,
    },
];

fn changes(route: &Route) -> bool {
    route.method != "get"
}

fn in_path(route: &Route) -> impl Iterator<Item = &'static str> + use<> {
    route.path.split(['{', '}']).skip(1).step_by(2)
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let (status, response) = match &route.gives {
        Gives::Json(shape) => (
            "200",
            json!({ "description": "Done", "content": shape.content(&mut schemas.told) }),
        ),
        Gives::Document => (
            "200",
            json!({ "description": "Done", "content": { "application/json": { "schema": { "type": "object" } } } }),
        ),
        Gives::Media(kind) => ("200", json!({ "description": "Done", "content": { *kind: {} } })),
        Gives::WebSocket => (
            "101",
            json!({ "description": "The protocol changes to WebSocket" }),
        ),
    };
    let mut responses = Map::from_iter([(status.to_owned(), response)]);
    for refusal in REFUSALS.iter().filter(|refusal| (refusal.happens)(route)) {
        let there = format!("#/components/responses/{}", refusal.name);
        responses.insert(refusal.status.to_owned(), json!({ "$ref": there }));
    }
    let mut operation =
        json!({ "operationId": operation_id(route), "summary": route.summary, "responses": responses });
    let from_path = in_path(route)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let mut parameters: Vec<Value> = from_path.collect();
    for parameter in route.parameters {
        parameters.push(json!({
            "name": parameter.name,
            "in": parameter.place,
            "description": parameter.meaning,
            "schema": (parameter.schema)(&mut schemas.taken)
        }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    // A door that knows who comes, such as the control socket, asks for nothing.
    operation["security"] = match route.needs {
        None => json!([]),
        Some(role) => json!([{}, { "token": [role.as_str()] }, { "session": [role.as_str()] }]),
    };
    if let Some(shape) = &route.takes {
        operation["requestBody"] = json!({ "content": shape.content(&mut schemas.taken) });
    }
    operation
}

/// `post_recording_pause` of `POST /api/v1/recording/pause`: what generated clients call it.
fn operation_id(route: &Route) -> String {
    let words = route
        .path
        .trim_start_matches("/api/v1")
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    std::iter::once(route.method)
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;
