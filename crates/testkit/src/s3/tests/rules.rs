//! Every rule refuses what it is there to refuse.

use super::*;

#[tokio::test]
async fn an_upload_becomes_one_object_and_is_then_unknown() {
    let (judge, _dir) = judge(|_| {}).await;
    let id = create(&judge).await;
    let encoded = id.contains('%');
    assert!(
        encoded,
        "an upload id that needs no encoding proves nothing: {id}"
    );
    assert_eq!(part(&judge, &id, 2, b"9").send().await.status, 200);
    let first = part(&judge, &id, 1, b"12345678").send().await;
    assert_eq!(first.header("etag"), Some("\"25d55ad283aa400af464c76d713c07ad\""));
    let xml = listing(&[(1, b"12345678"), (2, b"9")], none);
    let done = complete(&judge, &id, &xml)
        .with("if-none-match", "*")
        .send()
        .await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(complete(&judge, &id, &xml).send().await.code(), "NoSuchUpload");

    let object = judge.objects().remove(0);
    assert_eq!(
        (object.key.as_str(), object.size, object.received),
        ("raum 1/강.mp4", 9, 9)
    );
    assert_eq!(object.sha256, hex(&Sha256::digest(b"123456789")));
    let crc64 = S3Checksum::Crc64Nvme.of(b"123456789");
    assert_eq!(
        object.checksum,
        Some((S3Checksum::Crc64Nvme, crc64.clone())),
        "combined from its parts"
    );
    let head = Ask::new(&judge, "HEAD", KEY)
        .with("x-amz-checksum-mode", "ENABLED")
        .send()
        .await;
    assert_eq!(head.header("content-length"), Some("9"));
    assert_eq!(head.header("x-amz-checksum-crc64nvme"), Some(crc64.as_str()));
    assert_eq!(head.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    assert!(head.text.ends_with("\r\n\r\n"), "a HEAD has no body: {head:?}");
    assert!(judge.open_uploads().is_empty());
    assert_eq!(judge.breaches(), [""; 0]);
}

#[tokio::test]
async fn a_request_that_is_not_signed_as_it_must_be_is_refused() {
    let (judge, _dir) = judge(|_| {}).await;
    let head = || Ask::new(&judge, "GET", KEY);
    let code = async |ask: Ask<'_>| {
        let got = ask.send().await;
        (got.status, got.code().to_owned())
    };
    let secret = head().signed_with(|rules| rules.secret += "x");
    assert_eq!(code(secret).await, (403, "SignatureDoesNotMatch".to_owned()));
    let access = head().signed_with(|rules| rules.access += "x");
    assert_eq!(code(access).await, (403, "InvalidAccessKeyId".to_owned()));
    let region = head()
        .signed_with(|rules| rules.region = "us-east-1".to_owned())
        .send()
        .await;
    assert_eq!(
        (region.code(), region.element("Region")),
        ("AuthorizationHeaderMalformed", "campus-1")
    );
    assert_eq!(
        code(Ask::new(&judge, "GET", "/other/key")).await,
        (404, "NoSuchBucket".to_owned())
    );
    let text = format!("GET {KEY} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let unsigned = exchange(judge.address(), text, Vec::new()).await;
    assert_eq!((unsigned.status, unsigned.code()), (403, "AccessDenied"));
    judge.set_clock_offset(-1000);
    let skewed = head().send().await;
    assert_eq!((skewed.status, skewed.code()), (403, "RequestTimeTooSkewed"));
    assert!(skewed.text.contains("<ServerTime>"), "{skewed:?}");
    judge.set_clock_offset(800);
    assert_eq!(code(head()).await, (404, "NoSuchKey".to_owned()));
    assert_eq!(judge.breaches(), [""; 0], "none of it is against the protocol");
}

#[tokio::test]
async fn what_is_damaged_on_its_way_is_refused_and_not_kept() {
    let (judge, _dir) = judge(|_| {}).await;
    let put = |target: &'static str| Ask::new(&judge, "PUT", target).body(b"12345678");
    let damaged = put(KEY).but_sends(b"12345679").send().await;
    assert_eq!(
        (damaged.status, damaged.code()),
        (400, "XAmzContentSHA256Mismatch")
    );
    let unsigned = || put(KEY).with("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    let md5 = STANDARD.encode(Md5::digest(b"other"));
    let wrong = unsigned().with("content-md5", md5).send().await;
    assert_eq!((wrong.status, wrong.code()), (400, "BadDigest"));
    assert_eq!(
        unsigned().with("content-md5", "short").send().await.code(),
        "InvalidDigest"
    );
    for checksum in S3Checksum::ALL {
        let wrong = unsigned()
            .with(checksum.header(), checksum.of(b"other"))
            .send()
            .await;
        assert_eq!((wrong.status, wrong.code()), (400, "BadDigest"), "{checksum:?}");
        let odd = unsigned().with(checksum.header(), "AA==").send().await;
        assert_eq!(odd.code(), "InvalidRequest", "{checksum:?}");
        assert!(judge.objects().is_empty());
        let right = unsigned()
            .with(checksum.header(), checksum.of(b"12345678"))
            .send()
            .await;
        assert_eq!(
            right.header(checksum.header()),
            Some(checksum.of(b"12345678").as_str())
        );
        assert_eq!(Ask::new(&judge, "DELETE", KEY).send().await.status, 204);
    }
    let promised = unsigned()
        .with("x-amz-sdk-checksum-algorithm", "CRC32")
        .send()
        .await;
    assert_eq!(promised.code(), "InvalidRequest");
    let chunked = put(KEY)
        .with("transfer-encoding", "chunked")
        .but_sends(b"1\r\nx\r\n0\r\n\r\n");
    let chunked = chunked
        .with("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        .send()
        .await;
    assert_eq!((chunked.status, chunked.code()), (411, "MissingContentLength"));
}

#[tokio::test]
async fn a_completion_that_is_not_what_was_uploaded_is_refused() {
    let (judge, _dir) = judge(|_| {}).await;
    let id = create(&judge).await;
    for (number, body) in [(1, &b"12345678"[..]), (2, b"small"), (3, b"9")] {
        part(&judge, &id, number, body).send().await;
    }
    let good: (u32, &[u8]) = (1, b"12345678");
    for (code, parts) in [
        ("InvalidPartOrder", vec![(3, &b"9"[..]), good]),
        ("InvalidPartOrder", vec![good, good]),
        ("InvalidPart", vec![good, (4, b"9")]),
        ("InvalidPart", vec![(1, b"other"), (3, b"9")]),
        ("EntityTooSmall", vec![good, (2, b"small"), (3, b"9")]),
        ("MalformedXML", vec![]),
    ] {
        let xml = listing(&parts, none);
        let got = complete(&judge, &id, &xml).send().await;
        assert_eq!((got.status, got.code()), (400, code), "{parts:?}");
    }
    let xml = listing(&[good, (3, b"9")], none);
    let sized = complete(&judge, &id, &xml)
        .with("x-amz-mp-object-size", "8")
        .send()
        .await;
    assert_eq!(sized.code(), "InvalidRequest");
    let summed = complete(&judge, &id, &xml).with("x-amz-checksum-crc64nvme", S3Checksum::Crc64Nvme.of(b"x"));
    assert_eq!(summed.send().await.code(), "BadDigest");
    assert_eq!(judge.breaches().len(), 7, "{:?}", judge.breaches());
    assert!(judge.objects().is_empty());
    assert_eq!(
        complete(&judge, &id, &xml).send().await.status,
        200,
        "part 2 may be left out"
    );
    assert_eq!(judge.objects()[0].size, 9);
}

#[tokio::test]
async fn checksums_of_parts_make_that_of_the_whole() {
    let (judge, _dir) = judge(|_| {}).await;
    let (one, two) = (&b"12345678"[..], &b"9"[..]);
    // The CRCs of "123456789" are the check values of their catalogue.
    for (checksum, cover, whole) in [
        (S3Checksum::Sha256, "COMPOSITE", None),
        (S3Checksum::Crc32, "COMPOSITE", None),
        (S3Checksum::Crc32c, "FULL_OBJECT", Some("4waSgw==")),
        (S3Checksum::Crc64Nvme, "FULL_OBJECT", Some("rosUhgp5mIg=")),
    ] {
        let created = Ask::new(&judge, "POST", format!("{KEY}?uploads"))
            .with("x-amz-checksum-algorithm", checksum.name())
            .with("x-amz-checksum-type", cover)
            .send()
            .await;
        let id = super::super::request::percent_encoded(created.element("UploadId").as_bytes(), false);
        assert_eq!(
            part(&judge, &id, 1, one).send().await.code(),
            "InvalidRequest",
            "no checksum"
        );
        for (number, body) in [(1, one), (2, two)] {
            let sent = part(&judge, &id, number, body).with(checksum.header(), checksum.of(body));
            assert_eq!(sent.send().await.status, 200);
        }
        let bare = listing(&[(1, one), (2, two)], none);
        if cover == "COMPOSITE" {
            assert_eq!(complete(&judge, &id, &bare).send().await.code(), "InvalidRequest");
        }
        let wrong = listing(&[(1, one), (2, two)], |_| {
            xml::element(&checksum.element(), "AAAA")
        });
        assert_eq!(complete(&judge, &id, &wrong).send().await.code(), "InvalidPart");
        let full = listing(&[(1, one), (2, two)], |body| {
            xml::element(&checksum.element(), &checksum.of(body))
        });
        let done = complete(&judge, &id, &full).send().await;
        let expected = whole.map_or_else(
            || digest::composite(checksum, &[checksum.of(one), checksum.of(two)]).unwrap(),
            str::to_owned,
        );
        assert_eq!(
            (done.status, done.element(&checksum.element())),
            (200, expected.as_str())
        );
        Ask::new(&judge, "DELETE", KEY).send().await;
    }
    for (name, cover) in [
        ("SHA256", "FULL_OBJECT"),
        ("CRC64NVME", "COMPOSITE"),
        ("MD4", "COMPOSITE"),
    ] {
        let odd = Ask::new(&judge, "POST", format!("{KEY}?uploads"))
            .with("x-amz-checksum-algorithm", name)
            .with("x-amz-checksum-type", cover);
        assert_eq!(odd.send().await.code(), "InvalidRequest", "{name} {cover}");
    }
}
