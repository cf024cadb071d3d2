//! The OpenAPI document, made from the table of routes. Examples are real documents of the
//! domain's types ([`crate::sample`]), and the schemas are read off them, so that neither can
//! fall behind the types.

use axum::Json;
use serde_json::{Map, Value, json};

use crate::problem::PROBLEM_JSON;
use crate::routes::{Gives, Route, table};
use crate::sample;

pub(crate) async fn document() -> Json<Value> {
    Json(build(&table()))
}

fn build(routes: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lectern",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The same on the control socket and on the panel's port. Times are milliseconds since 1970 \
                (_unix_ms), lengths are milliseconds (_ms), sizes are bytes. Later versions add keys and never rename one."
        },
        "paths": paths,
        "components": { "schemas": { "Problem": schema_of(&sample::problem()) } }
    })
}

fn operation(route: &Route) -> Value {
    let answer = match route.gives {
        Gives::Json(example) => {
            json!({ "200": { "description": "Done", "content": { "application/json": content(&example()) } } })
        }
        Gives::Media(kind) => json!({ "200": { "description": "Done", "content": { kind: {} } } }),
        Gives::WebSocket => json!({ "101": { "description": "The protocol changes to WebSocket" } }),
    };
    let mut responses = answer;
    responses["default"] = json!({
        "description": "An RFC 9457 problem; 409 names the state and what it allows",
        "content": { PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/Problem" } } }
    });
    let mut operation = json!({ "summary": route.summary, "responses": responses });
    let in_path =
        route.path.split(['{', '}']).skip(1).step_by(2).map(
            |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
        );
    let in_query = route.query.iter().map(|(name, meaning)| {
        json!({ "name": name, "in": "query", "description": meaning, "schema": { "type": "string" } })
    });
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some(example) = route.takes {
        operation["requestBody"] = json!({ "content": { "application/json": content(&example()) } });
    }
    operation
}

fn content(example: &Value) -> Value {
    json!({ "schema": schema_of(example), "example": example })
}

/// The schema that a complete example fits.
fn schema_of(example: &Value) -> Value {
    match example {
        Value::Null => json!({}),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(n) if n.is_f64() => json!({ "type": "number" }),
        Value::Number(_) => json!({ "type": "integer", "format": "int64" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Array(items) => {
            json!({ "type": "array", "items": items.first().map_or_else(|| json!({}), schema_of) })
        }
        Value::Object(fields) => {
            let properties: Map<String, Value> = fields
                .iter()
                .map(|(name, value)| (name.clone(), schema_of(value)))
                .collect();
            json!({ "type": "object", "properties": properties })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_every_route_with_a_full_schema() {
        let document = build(&table());
        for route in table() {
            let operation = &document["paths"][route.path][route.method];
            assert_eq!(operation["summary"], route.summary);
        }
        let text = document.to_string();
        assert!(!text.contains("null"), "an example leaves something open");
        let status =
            &document["paths"]["/api/v1/status"]["get"]["responses"]["200"]["content"]["application/json"];
        assert_eq!(
            status["schema"]["properties"]["lecture"]["properties"]["recorded_ms"]["type"],
            "integer"
        );
    }
}
