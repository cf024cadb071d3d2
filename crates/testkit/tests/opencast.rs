//! Who judges the judge of Opencast: each rule that its clients are held to, by requests that a
//! test writes by hand.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::ask;
use lectern_testkit::{OpencastAuth, OpencastEnd, OpencastJudge, OpencastRegistry, OpencastRules};
use tempfile::TempDir;

const BASIC: &str = "HTTP/1.1\nAuthorization: Basic cm9vbS1hZ2VudDpvbmx5LWZvci10aGUtanVkZ2U=";
const DUBLIN_CORE: &str = "%3Cdublincore%3E%3Ctitle%3Ex%3C%2Ftitle%3E%3C%2Fdublincore%3E";

struct Bench {
    judge: OpencastJudge,
    _dir: TempDir,
}

impl Bench {
    async fn new(rules: OpencastRules) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let judge = OpencastJudge::start(dir.path(), rules).await.unwrap();
        Self { judge, _dir: dir }
    }

    async fn get(&self, target: &str) -> (u16, String) {
        ask(self.judge.address(), &format!("GET {target} {BASIC}"), "").await
    }

    async fn form(&self, target: &str, fields: &str) -> (u16, String) {
        let head = format!("POST {target} {BASIC}\nContent-Type: application/x-www-form-urlencoded");
        ask(self.judge.address(), &head, fields).await
    }

    /// Sends a file with these parts of a multipart form before it.
    async fn add(&self, before: &[(&str, &str)], content: &str) -> (u16, String) {
        let head = format!("POST /ingest/addTrack {BASIC}\nContent-Type: multipart/form-data; boundary=b");
        let mut body = String::new();
        for (name, value) in before {
            body += &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        let file = "Content-Disposition: form-data; name=\"BODY\"; filename=\"x.mp4\"";
        body += &format!("--b\r\n{file}\r\n\r\n{content}\r\n--b--\r\n");
        ask(self.judge.address(), &head, &body).await
    }

    /// A package that was opened and described.
    async fn open(&self, lecture: &str) -> String {
        let head = format!("PUT /ingest/createMediaPackageWithID/{lecture} {BASIC}");
        let (status, answer) = ask(self.judge.address(), &head, "").await;
        assert_eq!(status, 200, "{answer}");
        body(&answer).to_owned()
    }

    fn breaches(&self) -> usize {
        self.judge.breaches().len()
    }
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

fn coded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn whoever_is_not_known_is_sent_to_the_login_page_or_challenged() {
    let bench = Bench::new(OpencastRules::default()).await;
    let target = "GET /services/available.json?serviceType=org.opencastproject.ingest HTTP/1.1";
    let (status, answer) = ask(bench.judge.address(), target, "").await;
    assert!(status == 302 && answer.contains("login.html"), "{answer}");
    let digest = format!("{target}\nX-Requested-Auth: Digest");
    let (status, answer) = ask(bench.judge.address(), &digest, "").await;
    assert!(
        status == 401 && answer.contains("digest realm=\"opencast\", qop=\"auth\""),
        "{answer}"
    );
    let wrong = format!("{target}\nAuthorization: Basic YTpi");
    assert_eq!(ask(bench.judge.address(), &wrong, "").await.0, 401);
    let system = Bench::new(OpencastRules {
        auth: OpencastAuth::Digest,
        ..OpencastRules::default()
    })
    .await;
    assert_eq!(
        system.get("/services/available.json").await.0,
        302,
        "Basic is not its way"
    );
    assert_eq!(system.breaches(), 0);
    assert_eq!(system.get("/admin-ng/login.html").await.0, 302);
    assert_eq!(system.breaches(), 1, "who follows to the login page is noted");
}

#[tokio::test]
async fn the_registry_has_three_shapes() {
    for (registry, begins) in [
        (OpencastRegistry::One, "{\"services\":{\"service\":{"),
        (OpencastRegistry::Several, "{\"services\":{\"service\":[{"),
        (OpencastRegistry::Nothing, "{\"services\":\"\"}"),
    ] {
        let bench = Bench::new(OpencastRules {
            registry,
            ..OpencastRules::default()
        })
        .await;
        let target = "/services/available.json?serviceType=org.opencastproject.ingest";
        let (status, answer) = bench.get(target).await;
        assert!(status == 200 && body(&answer).starts_with(begins), "{answer}");
        let (_, other) = bench
            .get("/services/available.json?serviceType=org.example")
            .await;
        assert_eq!(body(&other), "{\"services\":\"\"}");
    }
}

#[tokio::test]
async fn fields_stand_before_the_file_and_a_repetition_is_there_twice() {
    let bench = Bench::new(OpencastRules::default()).await;
    let package = bench.open("m-1").await;
    let right = [("mediaPackage", package.as_str()), ("flavor", "presenter/source")];
    for (case, fields) in [
        &right[..1],
        &right[1..],
        &[right[0], ("flavor", "presenter")],
        &[],
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(bench.add(fields, "x").await.0, 400, "{case}");
        assert_eq!(bench.breaches(), case + 1);
    }
    let (status, once) = bench.add(&right, "abc").await;
    assert_eq!((status, once.matches("<track ").count()), (200, 1));
    let again = [("mediaPackage", body(&once)), right[1]];
    let (_, twice) = bench.add(&again, "abc").await;
    assert_eq!(
        twice.matches("<track ").count(),
        2,
        "a file that is added twice is there twice"
    );
    assert_eq!(bench.breaches(), 4);
    let (status, _) = bench
        .form("/ingest/ingest", &format!("mediaPackage={}", coded(body(&twice))))
        .await;
    assert_eq!(
        (status, bench.breaches()),
        (200, 5),
        "the same file twice is noted"
    );
    assert_eq!(bench.judge.whole().len(), 2);
}

#[tokio::test]
async fn a_second_handing_in_is_noted_and_refused_while_the_first_is_at_work() {
    let bench = Bench::new(OpencastRules {
        end: OpencastEnd::Running,
        ..OpencastRules::default()
    })
    .await;
    let package = bench.open("m-1").await;
    let fields = format!(
        "mediaPackage={}&dublinCore={DUBLIN_CORE}&flavor=dublincore%2Fepisode",
        coded(&package)
    );
    let (status, described) = bench.form("/ingest/addDCCatalog", &fields).await;
    assert_eq!(status, 200);
    let (_, full) = bench
        .add(&[("flavor", "a/b"), ("mediaPackage", body(&described))], "abc")
        .await;
    let fields = format!(
        "mediaPackage={}&workflowDefinitionId=w&key=value",
        coded(body(&full))
    );
    let (status, answer) = bench.form("/ingest/ingest", &fields).await;
    assert!(status == 200 && answer.contains("<workflow "), "{answer}");
    let (_, told) = bench.get("/workflow/mediaPackage/m-1/instances.json").await;
    assert!(
        told.contains("\"state\":\"running\"") && told.contains("\"size\":3"),
        "{told}"
    );
    assert_eq!(bench.breaches(), 0);
    assert_eq!(
        bench.form("/ingest/ingest", &fields).await.0,
        500,
        "one is at work"
    );
    assert!(bench.breaches() > 0);
    bench.judge.end_workflows("SUCCEEDED");
    assert_eq!(
        bench.form("/ingest/ingest", &fields).await.0,
        200,
        "as Opencast does it"
    );
    assert_eq!(bench.judge.workflows().len(), 2);
    let workflow = &bench.judge.workflows()[0];
    assert_eq!(workflow.definition.as_deref(), Some("w"));
    assert_eq!(workflow.parameters["key"], "value");
    assert!(workflow.dublin_core.contains("<title>x</title>"));
}

#[tokio::test]
async fn what_is_malformed_or_unknown_is_refused_and_noted() {
    let bench = Bench::new(OpencastRules::default()).await;
    let package = coded(&bench.open("m-1").await);
    let unknown =
        coded("<mediapackage id=\"m-1\"><media><track id=\"t\" type=\"a/b\"/></media></mediapackage>");
    for (case, (target, fields, status)) in [
        ("/ingest/ingest", "mediaPackage=x".to_owned(), 400),
        ("/ingest/ingest", format!("mediaPackage={unknown}"), 400),
        (
            "/ingest/addDCCatalog",
            format!("mediaPackage={package}&dublinCore=x"),
            400,
        ),
        ("/ingest/addDCCatalog", format!("dublinCore={DUBLIN_CORE}"), 400),
        ("/capture-admin/agents/a", "state=asleep".to_owned(), 400),
        ("/capture-admin/recordings/m-1", "state=sent".to_owned(), 400),
        ("/ingest/addMediaPackage", String::new(), 404),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(bench.form(target, &fields).await.0, status, "{target} {fields}");
        assert_eq!(bench.breaches(), case + 1, "{:?}", bench.judge.breaches());
    }
}

#[tokio::test]
async fn states_are_kept_and_an_unscheduled_recording_has_none() {
    let bench = Bench::new(OpencastRules::default()).await;
    assert_eq!(bench.get("/capture-admin/agents/a.json").await.0, 404);
    let (status, answer) = bench.form("/capture-admin/agents/a", "state=uploading").await;
    assert!(
        status == 200 && answer.ends_with("a set to uploading"),
        "{answer}"
    );
    assert_eq!(bench.get("/capture-admin/agents/a.json").await.0, 200);
    assert_eq!(bench.judge.agent("a").as_deref(), Some("uploading"));
    let target = "/capture-admin/recordings/m-1";
    assert_eq!(bench.form(target, "state=uploading").await.0, 404);
    let scheduled = Bench::new(OpencastRules {
        scheduled: true,
        ..OpencastRules::default()
    })
    .await;
    assert_eq!(scheduled.form(target, "state=upload_finished").await.0, 200);
    assert_eq!(
        scheduled.judge.recording("m-1").as_deref(),
        Some("upload_finished")
    );
    assert_eq!(bench.breaches() + scheduled.breaches(), 0);
}

#[tokio::test]
async fn what_was_taken_outlives_a_restart_and_a_doubt_begins_with_it() {
    let mut bench = Bench::new(OpencastRules::default()).await;
    let package = bench.open("m-1").await;
    let (_, full) = bench
        .add(&[("mediaPackage", &package), ("flavor", "a/b")], "abc")
        .await;
    bench.judge = bench.judge.restart().await.unwrap();
    let fields = format!("mediaPackage={}", coded(body(&full)));
    assert_eq!(bench.form("/ingest/ingest", &fields).await.0, 200);
    assert_eq!(bench.breaches(), 1, "it was handed in without a question");
    assert_eq!(bench.judge.workflows().len(), 1);
    bench.judge.clear_workflows();
    let (_, told) = bench.get("/workflow/mediaPackage/m-1/instances.json").await;
    assert_eq!(body(&told), "{\"workflows\":\"\"}");
    assert_eq!(
        bench.get("/assets/episode/m-1").await.0,
        200,
        "the archive has it"
    );
    assert_eq!(bench.get("/assets/episode/m-2").await.0, 404);
}
