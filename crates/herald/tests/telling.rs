//! A webhook and a mail server that are strict, and what goes wrong with both.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use lectern_domain::api::Verdict;
use lectern_testkit::{
    CampusProxy, HookJudge, HookRules, MailJudge, MailLine, MailMisdeed, MailRules, Misdeed, TestCa,
    wait_until,
};
use serde_json::Value;
use support::{GUEST, Memory, SECRET, Told, hook, http, https, trouble, trusting};

/// The longest that any state may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn events(judge: &HookJudge) -> Vec<String> {
    let event = |notice: &Value| notice["event"].as_str().unwrap().to_owned();
    judge.taken().iter().map(event).collect()
}

fn only_faults() -> &'static str {
    "when = [\"fault\"]"
}

async fn taken(judge: &HookJudge, n: usize) {
    wait_until(&format!("{n} notices"), PATIENCE, || judge.taken().len() >= n)
        .await
        .unwrap();
}

/// Waits until so many notices are still to be sent.
async fn kept(memory: &Memory, n: usize) {
    wait_until(&format!("{n} letters"), PATIENCE, || memory.waiting() == n)
        .await
        .unwrap();
}

fn mail(judge: &MailJudge, tls: &str, more: &str) -> String {
    format!(
        "[[notify]]\nname = \"team\"\nkind = \"smtp\"\nserver = \"localhost\"\nport = {}\ntls = \"{tls}\"\nfrom = \
         \"lectern@example.org\"\nto = [\"av@example.org\", \"night@example.org\"]\nwhen = [\"fault\"]\n\
         hold_off = \"0s\"\n{more}\n",
        judge.port()
    )
}

async fn server(line: MailLine, mechanisms: &str) -> MailJudge {
    let account = (!mechanisms.is_empty()).then(|| ("lectern".to_owned(), SECRET.to_owned()));
    let rules = MailRules {
        line,
        account,
        mechanisms: mechanisms.to_owned(),
    };
    MailJudge::start(rules).await.unwrap()
}

/// P8: what is not taken is kept, comes again as the same notice, and holds up nobody else.
#[tokio::test]
async fn a_receiver_that_fails_gets_the_same_notice_again_and_holds_up_nobody() {
    let (broken, well) = (http().await, http().await);
    let targets = hook("broken", &broken, only_faults()) + &hook("well", &well, only_faults());
    let memory = Arc::new(Memory::default());
    for misdeed in [
        Misdeed::Status(500, None),
        // Its own address, where nobody may come.
        Misdeed::Location(broken.url().replace("notices", "elsewhere")),
        Misdeed::StallAfter(0),
    ] {
        broken.behave();
        // More than it is asked in a minute.
        (0..10).for_each(|_| broken.misbehave(misdeed.clone()));
        let before = broken.seen();
        // Each start tries at once what the one before it could not send.
        let told = Told::start(&targets, &memory, vec![trouble("camera")]);
        wait_until("a try", PATIENCE, || broken.seen() > before)
            .await
            .unwrap();
        taken(&well, 1).await;
        if misdeed == Misdeed::StallAfter(0) {
            told.stand(Vec::new());
            taken(&well, 2).await;
        }
        kept(&memory, well.taken().len()).await;
        // Ends at once, although somebody does not answer.
        told.herald.close();
    }
    assert_eq!(broken.taken(), Vec::<Value>::new());
    broken.behave();
    assert_eq!(events(&well), ["fault", "over"]);

    let told = Told::start(&targets, &memory, Vec::new());
    taken(&broken, 2).await;
    assert_eq!(events(&broken), ["fault", "over"]);
    kept(&memory, 0).await;
    let (one, other) = (broken.taken(), well.taken());
    assert_ne!(one[0]["id"], other[0]["id"], "a notice for each who is told");
    assert_eq!(one[0]["trouble"]["code"], "source-lost");
    let sent = format!("{one:?}{other:?}");
    assert!(!sent.contains("Canary") && !sent.contains(SECRET), "{sent}");
    assert_eq!((broken.breaches(), well.breaches()), (Vec::new(), Vec::new()));
    told.herald.close();
}

/// P10: who is told is asked by name, and a certificate that nobody vouches for is one of a stranger.
#[tokio::test]
async fn a_probe_and_a_test_say_who_cannot_be_told_and_why() {
    let dir = tempfile::tempdir().unwrap();
    let ca = TestCa::new(dir.path()).unwrap();
    let (good, strange) = (https(&ca).await, https(&ca).await);
    let rules = HookRules {
        tls: Some(ca.expired_server().unwrap()),
        secret: SECRET.to_owned(),
        ..HookRules::default()
    };
    let old = HookJudge::start(rules).await.unwrap();
    let rules = HookRules {
        secret: "another".to_owned(),
        ..HookRules::default()
    };
    let other = HookJudge::start(rules).await.unwrap();
    let gone = http().await;
    let trust = trusting(ca.pem());
    let targets = [
        hook("good", &good, &trust),
        hook("strange", &strange, ""),
        hook("old", &old, &trust),
        hook("other", &other, ""),
        hook("gone", &gone, ""),
    ];
    drop(gone);
    let told = Told::start(&targets.concat(), &Arc::default(), Vec::new());
    let words = |checks: Vec<lectern_domain::api::Check>| -> Vec<(String, bool, String)> {
        let word = |check: lectern_domain::api::Check| {
            let is_good = check.verdict == Verdict::Good;
            (check.subject, is_good, check.found + &check.todo)
        };
        checks.into_iter().map(word).collect()
    };
    let looked = words(told.herald.tester().probe().await);
    let good_ones = |asked: &[(String, bool, String)]| -> Vec<String> {
        let good = asked.iter().filter(|(_, is_good, _)| *is_good);
        good.map(|(name, ..)| name.clone()).collect()
    };
    assert_eq!(good_ones(&looked), ["notify.good", "notify.other"], "{looked:#?}");
    let tested = words(told.herald.tester().test().await);
    assert_eq!(good_ones(&tested), ["notify.good"], "{tested:#?}");
    for (name, _, said) in &tested[1..] {
        let word = match name.as_str() {
            "notify.strange" | "notify.old" => "certificate",
            "notify.other" => "same secret",
            _ => "localhost cannot be reached",
        };
        assert!(said.contains(word), "{name}: {said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    assert!(events(&good).contains(&"test".to_owned()));
    assert!(
        (strange.seen(), old.seen()) == (0, 0),
        "nothing was said to a stranger"
    );
    told.herald.close();
}

/// P8: by STARTTLS and TLS, PLAIN and LOGIN; never in the clear, not even when the server asks.
#[tokio::test]
async fn a_mail_arrives_whole_and_never_in_the_clear() {
    let dir = tempfile::tempdir().unwrap();
    let ca = TestCa::new(dir.path()).unwrap();
    let tls = ca.server().unwrap();
    let trust = trusting(ca.pem());
    let signed = format!("user = \"lectern\"\ncredential = \"password\"\n{trust}");
    let starttls = server(MailLine::Starttls(Arc::clone(&tls)), "PLAIN LOGIN").await;
    let implicit = server(MailLine::Implicit(Arc::clone(&tls)), "LOGIN").await;
    let plain = server(MailLine::Plain, "").await;
    for (judge, word, more) in [
        (&starttls, "starttls", &*signed),
        (&implicit, "implicit", &*signed),
        (&plain, "none", ""),
    ] {
        let told = Told::start(&mail(judge, word, more), &Arc::default(), Vec::new());
        let looked = told.herald.tester().probe().await;
        assert_eq!(looked[0].verdict, Verdict::Good, "{word}: {looked:?}");
        assert_eq!(judge.taken(), [], "a look sends nothing");
        told.stand(vec![trouble("camera")]);
        wait_until("a mail", PATIENCE, || !judge.taken().is_empty())
            .await
            .unwrap();
        let got = &judge.taken()[0];
        assert_eq!(got.from, "lectern@example.org");
        assert_eq!(got.to, ["av@example.org", "night@example.org"]);
        assert_eq!(got.encrypted, word != "none");
        assert_eq!(got.user.is_some(), word != "none");
        assert!(got.field("subject").unwrap().contains("b-204"), "{got:?}");
        assert_eq!(got.field("auto-submitted").as_deref(), Some("auto-generated"));
        let text = got.text().unwrap();
        assert!(text.contains("About: camera."), "{text}");
        assert!(!got.raw.contains(SECRET) && !text.contains("Canary"), "{text}");
        assert_eq!(judge.breaches(), Vec::<String>::new(), "{word}");
        told.herald.close();
    }

    // A server that takes the mail and says nothing gets it again under the same id; one without
    // STARTTLS, or whose certificate nobody vouches for, gets nothing.
    let memory = Arc::new(Memory::default());
    let unsure = server(MailLine::Plain, "").await;
    unsure.misbehave(MailMisdeed::SwallowReply);
    unsure.misbehave(MailMisdeed::NotNow);
    for tries in 1..=2 {
        let told = Told::start(&mail(&unsure, "none", ""), &memory, vec![trouble("camera")]);
        // Its end breaks a try off: the first one must have come as far as its mail.
        wait_until("a try", PATIENCE, || {
            unsure.connections() >= tries && !unsure.taken().is_empty()
        })
        .await
        .unwrap();
        told.herald.close();
    }
    let told = Told::start(&mail(&unsure, "none", ""), &memory, vec![trouble("camera")]);
    wait_until("the mail once more", PATIENCE, || unsure.taken().len() == 2)
        .await
        .unwrap();
    let ids: Vec<_> = unsure
        .taken()
        .iter()
        .map(|mail| mail.field("message-id"))
        .collect();
    assert!(ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
    told.herald.close();

    starttls.misbehave(MailMisdeed::NoStarttls);
    let without = Told::start(&mail(&starttls, "starttls", &signed), &Arc::default(), Vec::new());
    assert_eq!(without.herald.tester().test().await[0].verdict, Verdict::Bad);
    without.herald.close();
    let stranger = signed.replace(&trust, "");
    let without = Told::start(
        &mail(&implicit, "implicit", &stranger),
        &Arc::default(),
        Vec::new(),
    );
    let said = without.herald.tester().test().await;
    assert!(said[0].found.contains("certificate"), "{said:?}");
    without.herald.close();
    assert_eq!((starttls.taken().len(), implicit.taken().len()), (1, 1));
    assert_eq!(starttls.breaches(), Vec::<String>::new());
}

/// P8: one report a day, across restarts, and another configuration at once.
#[tokio::test]
async fn the_report_comes_once_and_a_new_configuration_is_taken_over_at_once() {
    let (first, second) = (http().await, http().await);
    let report = "when = [\"report\"]\nreport_at = \"00:00\"";
    let memory = Arc::new(Memory::default());
    let alone = hook("first", &first, report);
    let both = format!("{alone}{}", hook("second", &second, only_faults()));
    for (targets, n) in [(&alone, 1), (&both, 2)] {
        let told = Told::start(targets, &memory, vec![trouble("camera")]);
        taken(&first, 1).await;
        told.herald.renewer().renew(support::settings(&both));
        if n == 2 {
            told.stand(vec![trouble("camera"), trouble("slides")]);
        }
        taken(&second, n).await;
        kept(&memory, 0).await;
        told.herald.close();
    }
    let about = |notice: &Value| (notice["event"].clone(), notice["trouble"]["subject"].clone());
    let told: Vec<(Value, Value)> = second.taken().iter().map(about).collect();
    let fault = |source: &str| (Value::from("fault"), Value::from(source));
    assert_eq!(
        told,
        [fault("camera"), fault("slides")],
        "a restart repeats nothing"
    );
    let reports = first.taken();
    // One for each day that this test has seen.
    let mut days: Vec<i64> = reports
        .iter()
        .map(|report| report["at_unix_ms"].as_i64().unwrap() / 86_400_000)
        .collect();
    days.dedup();
    assert_eq!(days.len(), reports.len(), "{reports:?}");
    assert!(
        reports[0]["title"]
            .as_str()
            .unwrap()
            .contains("6 recorded, 6 sent"),
        "{reports:?}"
    );
    let text = reports[0]["text"].as_str().unwrap();
    assert!(
        text.contains("61 hours") && text.contains("Without any sound for a time: 1"),
        "{text}"
    );
    assert_eq!(reports[0]["figures"]["recorded"], 6);
}

/// P8: webhooks go through the proxy of the uploads, signed in as those are.
#[tokio::test]
async fn p8_a_webhook_behind_a_proxy_is_reached_once_it_is_signed_in() {
    let dir = tempfile::tempdir().unwrap();
    let ca = TestCa::new(dir.path()).unwrap();
    let (judge, proxy) = (https(&ca).await, CampusProxy::start(GUEST).await.unwrap());
    let hook = hook("hook", &judge, &trusting(ca.pem()));
    let asked = async |credential: &str| {
        let targets = format!("[upload]\nproxy = \"{}\"\n{credential}\n{hook}", proxy.url());
        let told = Told::start(&targets, &Arc::default(), Vec::new());
        let checks = told.herald.tester().test().await;
        told.herald.close();
        checks.into_iter().next().unwrap()
    };
    let refused = asked("").await;
    assert_eq!(refused.verdict, Verdict::Bad);
    assert!(
        refused.found.contains("the proxy wants a user and a password"),
        "{refused:?}"
    );
    assert!(refused.todo.contains("proxy_credential_file"), "{refused:?}");
    assert_eq!(judge.seen(), 0);
    let taken = asked("proxy_credential = \"proxy-user\"").await;
    assert_eq!(taken.verdict, Verdict::Good, "{taken:?}");
    assert!(!judge.taken().is_empty());
    assert_eq!(judge.breaches(), Vec::<String>::new());
    assert!(proxy.heads().iter().all(|head| head.starts_with("CONNECT ")));
}
