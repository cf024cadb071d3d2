//! Serves the podium page with a scripted room behind it, so that anybody can look at it and
//! press its buttons without a camera: `cargo run -p lectern-panel --example show [SCENE]`.
//!
//! The scenes are in `scenes.rs`. The port is 8471 unless `PORT` says otherwise; `LANGUAGES`
//! (`en,fr`) are the room's, all five when it is absent. With `all`, each scene has a port of its
//! own, `PORT` and those after it. A line `SCENE http://127.0.0.1:PORT/` says where each is.
//! It is a stage for the page and never part of the product.

#[path = "../../tests/script/mod.rs"]
mod script;

mod play;
mod scenes;

use std::net::TcpListener;
use std::sync::Arc;

use lectern_panel::{Keys, Listeners, serve};
use tokio::task::JoinSet;

use scenes::Scene;
use script::{Script, ready};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wanted = std::env::args().nth(1).unwrap_or_else(|| "ready".into());
    let scenes: Vec<Scene> = match wanted.as_str() {
        "all" => Scene::ALL.to_vec(),
        name => vec![Scene::from_name(name).ok_or_else(|| {
            let names = Scene::ALL.map(Scene::name).join(", ");
            format!("there is no scene {name}; choose all, or one of {names}")
        })?],
    };
    let first: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse()?,
        Err(_) => 8471,
    };
    let languages = std::env::var("LANGUAGES").unwrap_or_else(|_| "en,fr,zh,ru,ar".into());
    let mut plays = JoinSet::new();
    let mut servers = JoinSet::new();
    for (scene, port) in scenes.into_iter().zip(first..) {
        let room = Script::new(ready());
        room.set(|status| status.room.languages = languages.split(',').map(str::to_owned).collect());
        scene.set(&room);
        let tcp = TcpListener::bind(("127.0.0.1", port))?;
        println!("{} http://{}/", scene.name(), tcp.local_addr()?);
        plays.spawn(play::play(Arc::clone(&room), scene));
        // Without the signal the program can still be killed.
        let interrupted = async { drop(tokio::signal::ctrl_c().await) };
        let listeners = Listeners {
            socket: None,
            tcp: Some(tcp),
        };
        servers.spawn(serve(listeners, Keys::default().unchanging(), room, interrupted));
    }
    while let Some(served) = servers.join_next().await {
        served??;
    }
    plays.shutdown().await;
    Ok(())
}
