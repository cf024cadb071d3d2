//! Lists, overwriting, other makers' stores, and each misdeed done as ordered.

use super::*;

#[tokio::test]
async fn lists_come_in_pages_and_what_they_show_is_not_to_be_sent_again() {
    let (judge, _dir) = judge(|_| {}).await;
    let id = create(&judge).await;
    for number in 1..=3 {
        judge.misbehave(S3On::Part(number), Misdeed::SwallowReply);
        assert_eq!(part(&judge, &id, number, b"12345678").send().await.status, 0);
    }
    assert_eq!(part(&judge, &id, 3, b"12345678").send().await.status, 200);
    assert_eq!(judge.breaches(), [""; 0], "it could not know");
    let list = |more: &str| Ask::new(&judge, "GET", format!("{KEY}?uploadId={id}{more}")).send();
    let first = list("").await;
    assert_eq!(first.element("IsTruncated"), "true");
    assert_eq!(first.text.matches("<PartNumber>").count(), 2);
    let rest = list(&format!(
        "&part-number-marker={}",
        first.element("NextPartNumberMarker")
    ))
    .await;
    assert_eq!(
        (rest.element("IsTruncated"), rest.element("PartNumber")),
        ("false", "3")
    );
    assert_eq!(list("&max-parts=1").await.text.matches("<PartNumber>").count(), 1);
    part(&judge, &id, 2, b"12345678").send().await;
    assert_eq!(judge.breaches().len(), 1);
    assert!(judge.breaches()[0].contains("part 2 of raum 1/강.mp4 sent again (8 bytes)"));
    assert_eq!(judge.received(), 5 * 8);

    for _ in 0..2 {
        create(&judge).await;
    }
    assert_eq!(judge.breaches().len(), 3);
    assert_eq!(
        judge.breaches()[2],
        "a second upload of raum 1/강.mp4 begun beside one that is open"
    );
    let list = |query: String| Ask::new(&judge, "GET", format!("/lectures?uploads{query}")).send();
    let first = list("&prefix=raum%201%2F".to_owned()).await;
    assert_eq!(first.text.matches("<Upload>").count(), 2);
    let encode = |name| super::super::request::percent_encoded(first.element(name).as_bytes(), false);
    let (key, marker) = (encode("NextKeyMarker"), encode("NextUploadIdMarker"));
    let rest = list(format!("&key-marker={key}&upload-id-marker={marker}")).await;
    assert_eq!(
        (rest.text.matches("<Upload>").count(), rest.element("IsTruncated")),
        (1, "false")
    );
    assert!(
        !list("&prefix=raum%202".to_owned())
            .await
            .text
            .contains("<Upload>")
    );
}

#[tokio::test]
async fn an_object_that_is_there_is_overwritten_only_by_a_client_that_does_not_ask() {
    let (judge, _dir) = judge(|_| {}).await;
    assert_eq!(upload(&judge).await.status, 200);
    let put = |guard: bool| {
        let ask = Ask::new(&judge, "PUT", KEY).body(b"foreign");
        if guard {
            ask.with("if-none-match", "*")
        } else {
            ask
        }
    };
    let guarded = put(true).send().await;
    assert_eq!((guarded.status, guarded.code()), (412, "PreconditionFailed"));
    let id = create(&judge).await;
    part(&judge, &id, 1, b"12345678").send().await;
    let xml = listing(&[(1, b"12345678")], none);
    assert_eq!(
        complete(&judge, &id, &xml)
            .with("if-none-match", "*")
            .send()
            .await
            .status,
        412
    );
    assert_eq!(judge.open_uploads().len(), 1, "the upload stays");
    assert_eq!((judge.breaches().len(), judge.objects()[0].written), (0, 1));
    assert_eq!(put(false).send().await.status, 200);
    assert_eq!(judge.breaches(), ["raum 1/강.mp4 overwritten"]);
    assert_eq!((judge.objects()[0].size, judge.objects()[0].written), (7, 2));
}

#[tokio::test]
async fn a_store_of_another_maker_lacks_what_its_rules_say() {
    let (old, _dir) = judge(|rules| {
        rules.verifies_nothing = true;
        rules.ignores_if_none_match = true;
    })
    .await;
    let put = Ask::new(&old, "PUT", KEY)
        .with("x-amz-checksum-crc32", "AAAAAA==")
        .but_sends(b"x")
        .body(b"y");
    let put = put.with("if-none-match", "*").send().await;
    assert_eq!((put.status, put.header("x-amz-checksum-crc32")), (200, None));
    let again = Ask::new(&old, "PUT", KEY).with("if-none-match", "*").send().await;
    assert_eq!(again.status, 200);
    assert_eq!(old.breaches(), [""; 0], "it did what it could");

    let (few, _dir) = judge(|rules| {
        rules.checksums = vec![S3Checksum::Sha256];
        rules.style = S3Style::Host;
    })
    .await;
    let host = || Ask::new(&few, "POST", "/key?uploads").with("host", "lectures.store.example");
    assert_eq!(host().send().await.status, 200);
    let other = host().with("x-amz-checksum-algorithm", "CRC64NVME").send().await;
    assert_eq!((other.status, other.code()), (501, "NotImplemented"));
    assert_eq!(
        Ask::new(&few, "POST", format!("{KEY}?uploads"))
            .send()
            .await
            .code(),
        "NoSuchBucket"
    );
}

#[tokio::test]
async fn each_misdeed_is_done_once_and_as_ordered() {
    let (judge, _dir) = judge(|_| {}).await;
    let id = create(&judge).await;
    let body = vec![7; 3_000_000];
    let send = |number| part(&judge, &id, number, &body).send();
    judge.misbehave(S3On::Next(S3Call::UploadPart), Misdeed::ResetAfter(4_000_000));
    assert_eq!(send(1).await.status, 200);
    assert_eq!((send(2).await.status, judge.received()), (0, 4_000_000));
    assert_eq!(
        judge.open_uploads()[0].parts,
        [(1, 3_000_000)],
        "half a part is no part"
    );
    judge.misbehave(S3On::Request(2), Misdeed::Status(503, Some(7)));
    assert_eq!(send(2).await.status, 200);
    let busy = send(3).await;
    assert_eq!((busy.code(), busy.header("retry-after")), ("SlowDown", Some("7")));
    judge.misbehave(S3On::Part(4), Misdeed::Mismatch);
    assert_eq!((send(3).await.status, send(4).await.code()), (200, "BadDigest"));
    judge.misbehave(S3On::Next(S3Call::UploadPart), Misdeed::SlowReader(30_000_000));
    let begun = std::time::Instant::now();
    assert_eq!(send(4).await.status, 200);
    assert!(begun.elapsed().as_millis() >= 90, "3 MB at 30 MB/s");
    judge.misbehave(S3On::Next(S3Call::ListParts), Misdeed::Nothing);
    judge.misbehave(S3On::Next(S3Call::ListParts), Misdeed::Html);
    let there = "http://elsewhere.example/".to_owned();
    judge.misbehave(S3On::Next(S3Call::ListParts), Misdeed::Location(there.clone()));
    judge.misbehave(S3On::Next(S3Call::ListParts), Misdeed::Expire);
    let list = || Ask::new(&judge, "GET", format!("{KEY}?uploadId={id}")).send();
    assert_eq!(list().await.text, "");
    assert!(list().await.text.contains("Please log in"));
    let sent_on = list().await;
    assert_eq!(
        (sent_on.status, sent_on.header("location")),
        (307, Some(there.as_str()))
    );
    assert_eq!(list().await.code(), "NoSuchUpload");

    for done in [false, true] {
        judge.misbehave(
            S3On::Next(S3Call::CompleteMultipartUpload),
            Misdeed::ErrorInside(done),
        );
        let got = upload(&judge).await;
        assert_eq!((got.status, got.code()), (200, "InternalError"));
        assert_eq!(judge.objects().len(), usize::from(done));
    }
    assert_eq!((judge.misdeeds_left(), judge.open_uploads().len()), (0, 1));
    judge.expire_uploads();
    assert!(judge.open_uploads().is_empty());
}

#[tokio::test]
async fn a_stalled_part_is_gone_and_all_else_is_kept_when_the_judge_is_killed() {
    let (judge, _dir) = judge(|_| {}).await;
    assert_eq!(upload(&judge).await.status, 200);
    let id = create(&judge).await;
    part(&judge, &id, 1, b"12345678").send().await;
    judge.misbehave(S3On::Part(2), Misdeed::StallAfter(3));
    let (address, stalled) = (judge.address(), judge.received() + 3);
    let mut socket = TcpStream::connect(address).unwrap();
    let ask = part(&judge, &id, 2, b"abcdef").with("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    let (rules, target) = (ask.rules.clone(), ask.target.clone());
    let (head, ()) = Request::put(&target)
        .header("host", "x")
        .header(
            "x-amz-date",
            Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string(),
        )
        .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        .body(())
        .unwrap()
        .into_parts();
    let date = head.headers["x-amz-date"].to_str().unwrap();
    let signature = authorization(&rules, &head);
    let text = format!(
        "PUT {target} HTTP/1.1\r\nhost: x\r\nx-amz-date: {date}\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\
         authorization: {signature}\r\ncontent-length: 6\r\n\r\nabcdef"
    );
    socket.write_all(text.as_bytes()).unwrap();
    wait_until("the stall", std::time::Duration::from_secs(20), || {
        judge.received() == stalled
    })
    .await
    .unwrap();
    let judge = judge.restart().await.unwrap();
    assert_eq!((judge.address(), judge.received()), (address, stalled));
    assert_eq!(judge.open_uploads()[0].parts, [(1, 8)]);
    let xml = listing(&[(1, b"12345678")], none);
    part(&judge, &id, 1, b"12345678").send().await;
    assert_eq!(
        judge.breaches().len(),
        1,
        "it was answered before the restart: {:?}",
        judge.breaches()
    );
    assert_eq!(complete(&judge, &id, &xml).send().await.status, 200);
    assert_eq!(judge.objects()[0].written, 2);
}
