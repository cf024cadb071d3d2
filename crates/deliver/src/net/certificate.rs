//! When a certificate ends: the one field of X.509 that the doctor tells.
//!
//! Whether a certificate is to be trusted is rustls' matter; this reads what it has let pass. Only
//! the fields in front of the validity are walked, each by its length; nothing is allocated, and
//! bytes that are no certificate give `None`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT`: the version, absent in version 1.
const VERSION: u8 = 0xa0;

/// `notAfter` of a certificate in DER.
pub(super) fn ends(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (body, _) = expect(certificate, SEQUENCE)?;
    let body = match element(body)? {
        (VERSION, _, rest) => rest,
        _ => body,
    };
    let (_serial, body) = expect(body, INTEGER)?;
    let (_algorithm, body) = expect(body, SEQUENCE)?;
    let (_issuer, body) = expect(body, SEQUENCE)?;
    let (validity, _) = expect(body, SEQUENCE)?;
    let (_, _not_before, rest) = element(validity)?;
    let (kind, not_after, _) = element(rest)?;
    let text = std::str::from_utf8(not_after).ok()?;
    let written = match kind {
        // RFC 5280: two digits below 50 are of this century.
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", written).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The contents of an element of this kind, and what follows it.
fn expect(bytes: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (found, contents, rest) = element(bytes)?;
    (found == kind).then_some((contents, rest))
}

/// The first element: its kind, its contents, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[kind, short], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        // No certificate needs lengths of more than three bytes.
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            let length = digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((kind, contents, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate up to its validity, with `not_after` of this kind.
    fn certificate(version: bool, kind: u8, not_after: &str) -> Vec<u8> {
        let wrap = |kind: u8, contents: &[u8]| {
            let mut out = vec![kind, 0x82];
            out.extend(u16::try_from(contents.len()).unwrap().to_be_bytes());
            out.extend_from_slice(contents);
            out
        };
        let mut body = Vec::new();
        if version {
            body.extend(wrap(VERSION, &[INTEGER, 1, 2]));
        }
        body.extend([INTEGER, 1, 7, SEQUENCE, 0, SEQUENCE, 0]);
        let mut validity = vec![UTC_TIME, 13];
        validity.extend_from_slice(b"250101000000Z");
        validity.extend(wrap(kind, not_after.as_bytes()));
        body.extend(wrap(SEQUENCE, &validity));
        wrap(SEQUENCE, &wrap(SEQUENCE, &body))
    }

    #[test]
    fn both_ways_to_write_a_time_are_read() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        for version in [true, false] {
            let utc = certificate(version, UTC_TIME, "270115083000Z");
            assert_eq!(ends(&utc), at("2027-01-15T08:30:00Z"));
            let long = certificate(version, GENERALIZED_TIME, "20610115083000Z");
            assert_eq!(ends(&long), at("2061-01-15T08:30:00Z"));
        }
    }

    #[test]
    fn p10_bytes_that_are_no_certificate_give_nothing() {
        let whole = certificate(true, UTC_TIME, "270115083000Z");
        for cut in 0..whole.len() {
            assert_eq!(ends(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(ends(&certificate(true, UTC_TIME, "é70115083000Z")), None);
        assert_eq!(ends(&certificate(true, INTEGER, "270115083000Z")), None);
        assert_eq!(ends(&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
