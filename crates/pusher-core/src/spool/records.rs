//! Decides for each record of a file: publish, drop or set aside.

use std::collections::HashMap;

use pusher_proto::spool::{Record, SpoolError, decode};

/// The decision for a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Work<'a> {
    Publish(Record<'a>),
    /// Its time is over.
    Expired,
    /// Only the latest event of its topic matters, and a later record has it.
    Superseded,
    /// It cannot be published by this version.
    SetAside(&'a [u8], SpoolError),
}

/// Returns the work of each line, and the number of bytes up to its end.
pub(crate) fn works(bytes: &[u8], now_ms: u64) -> Vec<(usize, Work<'_>)> {
    let mut works: Vec<(usize, Work<'_>)> = Vec::new();
    let mut end = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        end += line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if !line.is_empty() {
            works.push((end, work(line, now_ms)));
        }
    }
    supersede(&mut works);
    works
}

fn work(line: &[u8], now_ms: u64) -> Work<'_> {
    match decode(line) {
        Ok(record) if record.expires_ms() <= now_ms => Work::Expired,
        Ok(record) => Work::Publish(record),
        Err(error) => Work::SetAside(line, error),
    }
}

/// Drops the records of `latest` before the last one of each topic.
fn supersede(works: &mut [(usize, Work<'_>)]) {
    let mut latest = HashMap::new();
    for (index, (_, work)) in works.iter().enumerate() {
        if let Work::Publish(record) = work
            && record.latest
        {
            latest.insert(record.topic.to_string(), index);
        }
    }
    for (index, (_, work)) in works.iter_mut().enumerate() {
        if let Work::Publish(record) = work
            && record.latest
            && latest.get(&*record.topic) != Some(&index)
        {
            *work = Work::Superseded;
        }
    }
}

#[cfg(test)]
mod tests {
    use pusher_proto::spool::encode;

    use super::*;

    const NOW_MS: u64 = 1_000_000;

    fn record(topic: &'static str, latest: bool, age_s: u64) -> Record<'static> {
        Record {
            time_ms: NOW_MS - age_s * 1000,
            ttl_s: 10,
            topic: topic.into(),
            id: "id".into(),
            latest,
            exclude: None,
            token: None,
            event: "{}",
        }
    }

    #[test]
    fn expired_and_superseded_records_are_not_published() {
        let records = [
            record("a", true, 1),
            record("a", false, 1),
            record("b", true, 1),
            record("a", true, 10),
            record("a", true, 9),
        ];
        let bytes: Vec<u8> = records.iter().flat_map(encode).collect();
        let works = works(&bytes, NOW_MS);
        let [_, second, third, _, last] = &records;
        let expected = [
            Work::Superseded,
            Work::Publish(second.clone()),
            Work::Publish(third.clone()),
            Work::Expired,
            Work::Publish(last.clone()),
        ];
        assert!(works.iter().map(|(_, work)| work).eq(expected.iter()));
        assert_eq!(works.last().unwrap().0, bytes.len());
    }

    #[test]
    fn a_damaged_record_does_not_harm_the_others() {
        let good = encode(&record("a", false, 1));
        let torn = &good[..good.len() / 2];
        let bytes = [torn, &good[..], b"junk\n", &good[..]].concat();
        let works = works(&bytes, NOW_MS);
        let is_publish: Vec<_> = works
            .iter()
            .map(|(_, work)| matches!(work, Work::Publish(_)))
            .collect();
        assert_eq!(is_publish, [false, true, false, true]);
    }

    #[test]
    fn a_record_from_the_future_is_published() {
        let ahead = Record {
            time_ms: NOW_MS * 2,
            ..record("a", false, 0)
        };
        let bytes = encode(&ahead);
        assert!(matches!(works(&bytes, NOW_MS)[..], [(_, Work::Publish(_))]));
    }
}
