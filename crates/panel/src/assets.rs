//! The page's style sheet, script and icon, kept in the binary: a recorder without internet and
//! without a package of web files shows the page all the same.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::problem::Fault;

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 8] = [
    Asset {
        name: "panel.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("../assets/panel.css"),
    },
    Asset {
        name: "layout.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("../assets/layout.css"),
    },
    Asset {
        name: "panel.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../assets/panel.js"),
    },
    Asset {
        name: "pictures.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../assets/pictures.js"),
    },
    Asset {
        name: "rest.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../assets/rest.js"),
    },
    Asset {
        name: "sign-in.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("../assets/sign-in.css"),
    },
    Asset {
        name: "sign-in.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../assets/sign-in.js"),
    },
    Asset {
        name: "icon.svg",
        kind: "image/svg+xml",
        text: include_str!("../assets/icon.svg"),
    },
];

pub(crate) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Fault> {
    let asset = ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .ok_or_else(|| Fault::not_found(format!("There is no file /static/{name}.")))?;
    let tag = tag(asset.text);
    // The browser keeps the file and asks each time whether it is still the same, so that a new
    // version of the daemon never runs with an old script.
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| *known == tag);
    let fresh = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, fresh).into_response());
    }
    Ok((fresh, [(header::CONTENT_TYPE, asset.kind)], asset.text).into_response())
}

fn tag(text: &str) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    HeaderValue::try_from(tag).expect("hexadecimal digits and quotes are visible ASCII")
}
