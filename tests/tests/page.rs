//! The page in a real browser: what an instructor sees and presses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Command;

use lectern_testkit::free_port;
use lectern_tests::room::Room;
use lectern_tests::things::Process;
use lectern_tests::until;
use serde_json::{Value, json};

/// A session of Chromium behind chromedriver, spoken to in plain WebDriver.
struct Browser {
    base: String,
    session: String,
    client: reqwest::Client,
    // Ends the browser too: it is killed last.
    _driver: Process,
}

impl Browser {
    async fn open() -> Self {
        // The client is built with TLS inside, although only plain loopback is spoken here.
        drop(rustls::crypto::ring::default_provider().install_default());
        let port = free_port().unwrap();
        let driver = Process::start(Command::new("chromedriver").arg(format!("--port={port}")));
        let base = format!("http://127.0.0.1:{port}");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        until("chromedriver", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--window-size=1280,800",
        ];
        let wish = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}});
        let answer: Value = client
            .post(format!("{base}/session"))
            .json(&wish)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let session = answer["value"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned();
        Self {
            base,
            session,
            client,
            _driver: driver,
        }
    }

    async fn call(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/session/{}/{path}", self.base, self.session);
        let answer: Value = self
            .client
            .post(url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        answer["value"].clone()
    }

    async fn visit(&self, url: &str) {
        self.call("url", json!({"url": url})).await;
    }

    /// Makes the page this large, whatever the browser's own frame takes.
    async fn size(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call(
            "goog/cdp/execute",
            json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}),
        )
        .await;
    }

    /// Keeps a picture of the page in the folder that `LECTERN_PICTURES` names, if it is set.
    async fn keep_picture(&self, name: &str) {
        use base64::Engine;
        let Some(folder) = std::env::var_os("LECTERN_PICTURES") else {
            return;
        };
        let url = format!("{}/session/{}/screenshot", self.base, self.session);
        let answer: Value = self.client.get(url).send().await.unwrap().json().await.unwrap();
        let png = base64::engine::general_purpose::STANDARD
            .decode(answer["value"].as_str().unwrap())
            .unwrap();
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), png).unwrap();
    }

    /// What a script in the page returns.
    async fn look(&self, script: &str) -> Value {
        self.call(
            "execute/sync",
            json!({"script": format!("return {script}"), "args": []}),
        )
        .await
    }

    async fn press(&self, css: &str) {
        let found = self
            .call("element", json!({"using": "css selector", "value": css}))
            .await;
        let element = found
            .as_object()
            .and_then(|o| o.values().next())
            .and_then(Value::as_str);
        let element = element.unwrap_or_else(|| panic!("no {css}: {found}"));
        self.call(&format!("element/{element}/click"), json!({})).await;
    }

    /// Presses as a person does who sees that nothing happened: the page ignores a second press
    /// that comes too quickly after the first, lest two taps end a lecture.
    async fn press_until(&self, css: &str, word: &str) {
        let deadline = std::time::Instant::now() + lectern_tests::room::PATIENCE;
        loop {
            self.press(css).await;
            for _ in 0..20 {
                if self
                    .look("document.body.innerText")
                    .await
                    .as_str()
                    .is_some_and(|text| text.contains(word))
                {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "{css} does not lead to \"{word}\""
            );
        }
    }

    /// Waits until the page's text has a word.
    async fn read(&self, word: &str) {
        let deadline = std::time::Instant::now() + lectern_tests::room::PATIENCE;
        loop {
            let text = self.look("document.body.innerText").await;
            if text.as_str().is_some_and(|text| text.contains(word)) {
                return;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "no \"{word}\" on the page: {text}"
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    async fn close(&self) {
        let url = format!("{}/session/{}", self.base, self.session);
        self.client.delete(url).send().await.unwrap();
    }
}

#[tokio::test]
async fn an_instructor_records_pauses_and_stops_on_the_page() {
    let port = free_port().unwrap();
    let mut room = Room::new(&format!(
        r#"
[panel]
listen = "127.0.0.1:{port}"
[recording]
undo = "20s"
[[source]]
name = "camera"
role = "presenter"
kind = "test-video"
width = 640
height = 360
[[source]]
name = "microphone"
role = "microphone"
kind = "test-audio"
"#
    ));
    room.start();
    room.await_sources();
    let browser = Browser::open().await;
    browser.size(1280, 800).await;
    browser.visit(&format!("http://127.0.0.1:{port}/")).await;
    browser.read("Ready").await;
    browser.keep_picture("ready").await;
    let fits = browser
        .look("document.documentElement.scrollHeight <= window.innerHeight")
        .await;
    assert_eq!(fits, json!(true), "the page scrolls at 1280x800");

    browser.press_until("#do-start", "Recording").await;
    assert_eq!(room.status()["state"], "recording");
    // A picture from the WebSocket has been drawn.
    let deadline = std::time::Instant::now() + lectern_tests::room::PATIENCE;
    while browser.look("[...document.images].some(i => i.complete && i.naturalWidth > 100) || [...document.querySelectorAll('canvas')].some(c => c.width > 100)").await != json!(true) {
        assert!(std::time::Instant::now() < deadline, "no preview picture");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    browser.keep_picture("recording").await;
    // Another hand presses; the page follows.
    room.lectern(&["pause"]);
    browser.read("Paused").await;
    browser.keep_picture("paused").await;
    browser.press_until("#do-resume", "Recording").await;
    browser.press_until("#do-stop", "Saved").await;
    browser.keep_picture("saved").await;
    browser.press_until("#do-undo", "Recording").await;
    assert_eq!(room.status()["state"], "recording");
    browser.press_until("#do-stop", "Saved").await;
    browser.close().await;
}
