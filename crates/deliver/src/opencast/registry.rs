//! Opencast's service registry: which host serves what. Its answer has three shapes: one service
//! as an object, several as a list, none as an empty text.

use std::hash::{BuildHasher, Hasher, RandomState};

use serde_json::Value;
use url::Url;

use crate::fault::Fault;
use crate::net;

/// A service that Lectern uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Service {
    /// Takes lectures.
    Ingest,
    /// Knows what became of them.
    Workflow,
    /// Knows the capture agents and what they do.
    CaptureAdmin,
    /// Keeps what was taken.
    Assets,
}

impl Service {
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Ingest => "org.opencastproject.ingest",
            Self::Workflow => "org.opencastproject.workflow",
            Self::CaptureAdmin => "org.opencastproject.capture.admin",
            Self::Assets => "org.opencastproject.assetmanager",
        }
    }
}

/// Every address at which the answer says that a service can be used; `None` when it is no answer
/// of a registry.
pub(super) fn read(answer: &[u8]) -> Option<Vec<String>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let listed: Vec<&Value> = match answer.get("services")? {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::Object(services) => match services.get("service") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(several)) => several.iter().collect(),
            Some(one) => vec![one],
        },
        _ => return None,
    };
    let usable = listed.into_iter().filter(|service| {
        flag(service, "active").unwrap_or(true)
            && flag(service, "online").unwrap_or(true)
            && !flag(service, "maintenance").unwrap_or(false)
    });
    let address = |service: &Value| {
        let text = |key| service.get(key).and_then(Value::as_str);
        Some(format!(
            "{}/{}/",
            text("host")?.trim_end_matches('/'),
            text("path")?.trim_matches('/')
        ))
    };
    Some(usable.filter_map(address).collect())
}

/// The registry writes its flags as truth values or as words, depending on its version.
fn flag(service: &Value, key: &str) -> Option<bool> {
    match service.get(key)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(word) => word.parse().ok(),
        _ => None,
    }
}

/// One of several, so that many rooms spread over the hosts.
pub(super) fn any(addresses: &[String]) -> Option<&String> {
    let count = u64::try_from(addresses.len()).ok().filter(|count| *count > 0)?;
    let chosen = RandomState::new().build_hasher().finish() % count;
    addresses.get(usize::try_from(chosen).ok()?)
}

/// The address of a service as it may be used from here. A server behind a proxy may call itself
/// by a name that others can listen to: on the configured host the configured way is taken.
pub(super) fn reachable(address: &str, home: &Url) -> Result<Url, Fault> {
    let checked = net::checked_url(address, "service");
    let Ok(named) = Url::parse(address) else {
        return checked;
    };
    if checked.is_ok() || named.host() != home.host() {
        return checked.map_err(|_| {
            Fault::refused(
                format!(
                    "{} names {} as the place of a service, which others on the network can read.",
                    net::authority(home),
                    net::shown(&named)
                ),
                "Ask its operator to give that host an https address in org.opencastproject.server.url.",
            )
        });
    }
    let mut url = home.clone();
    url.set_path(named.path());
    url.set_query(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(host: &str, more: &Value) -> Value {
        let mut service = json!({ "host": host, "path": "/ingest", "active": true, "online": "true" });
        service
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        service
    }

    fn addresses(answer: &Value) -> Option<Vec<String>> {
        read(answer.to_string().as_bytes())
    }

    #[test]
    fn the_three_shapes_are_read_and_what_is_off_is_left_out() {
        let one = service("https://a.example", &json!({}));
        let off = [
            json!({ "online": false }),
            json!({ "active": "false" }),
            json!({ "maintenance": true }),
        ];
        let mut several: Vec<Value> = off
            .iter()
            .map(|more| service("https://off.example", more))
            .collect();
        several.push(one.clone());
        several.push(service("https://b.example/", &json!({ "path": "ingest/" })));
        let a = "https://a.example/ingest/".to_owned();
        let b = "https://b.example/ingest/".to_owned();
        let of = |services: Value| addresses(&json!({ "services": services }));
        assert_eq!(of(json!({ "service": one })), Some(vec![a.clone()]));
        assert_eq!(of(json!({ "service": several })), Some(vec![a, b]));
        assert_eq!(of(json!("")), Some(Vec::new()));
        assert_eq!(of(json!({})), Some(Vec::new()));
        assert_eq!(of(json!(7)), None);
        assert_eq!(read(b"<html>"), None);
    }

    #[test]
    fn a_service_is_reached_by_a_way_that_nobody_reads() {
        let home = Url::parse("https://oc.example/").unwrap();
        let at = |address| reachable(address, &home).map(String::from);
        assert_eq!(
            at("https://in.example/ingest/").unwrap(),
            "https://in.example/ingest/"
        );
        assert_eq!(
            at("http://oc.example:8080/ingest/").unwrap(),
            "https://oc.example/ingest/"
        );
        let refused = at("http://in.example/ingest/").unwrap_err();
        assert!(matches!(refused, Fault::Refused { .. }), "{refused}");
    }
}
