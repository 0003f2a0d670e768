//! Rows of other versions: older ones are rewritten, newer ones are left alone and counted, and what cannot be read
//! is set aside.
//!
//! | version | rows |
//! | --- | --- |
//! | 1 | `1/record`, `1/inbox/…`, `1/outbox/…`, `1/letter/…`, `1/seen/message/{id}`: the state in the record whatever its size, ids for ever, letters in one row |
//! | 2 | see `rows` |

use super::ports::{Change, Storage, StorageError};
use super::record::Record;
use super::rows;
use crate::json::Field as _;

/// Before the rows that no version reads.
pub(super) const ASIDE: &str = "aside/";

/// Before the ids of version 1. They are left where they are, and go as a whole when they are old enough.
pub(super) const OLD_SEEN: &str = "1/seen/";

/// How many rows are rewritten at a time.
const PAGE: usize = 100;

/// After every row of an older version.
pub(super) const END: &str = "1/~";

/// Whether a row is one of an older version.
pub(super) fn is_old(key: &str) -> bool {
    key.starts_with("1/")
}

/// Whether a row is one of a newer version.
pub(super) fn is_newer(key: &str) -> bool {
    let version = key.split('/').next().and_then(|version| version.parse::<u32>().ok());
    version.is_some_and(|version| version > rows::VERSION)
}

/// Rewrites the rows of version 1. A crash on the way leaves the rest for the next time: the record comes last.
///
/// After a rollback and its end there are rows of both versions. Then those of version 1 are the later ones.
pub(super) fn rewrite(storage: &impl Storage) -> Result<(), StorageError> {
    let newer = storage.read(&[rows::RECORD.to_owned()])?.and_then(|(_, text)| Record::read(Some(&text)));
    let mut offset = 0_u64;
    if newer.is_some() {
        for prefix in [rows::INBOX, rows::OUTBOX, rows::DOUBT, rows::LETTERS] {
            let last = storage.last(prefix, &rows::end_of(prefix))?;
            offset = offset.max(last.map_or(0, |key| rows::seq_of(prefix, &key)));
        }
    }
    for (old, new) in [("1/inbox/", rows::INBOX), ("1/outbox/", rows::OUTBOX), ("1/letter/", rows::LETTERS)] {
        loop {
            let page = storage.range(old, &rows::end_of(old), PAGE)?;
            if page.is_empty() {
                break;
            }
            let mut changes = Vec::new();
            for (key, text) in page {
                let seq = rows::seq_of(old, &key).saturating_add(offset);
                let place = key.strip_prefix(old).unwrap_or_default();
                let rest = place.split_once('/').map_or(String::new(), |(_, rest)| format!("/{rest}"));
                changes.push(Change::Put(format!("{new}{seq:016}{rest}"), text));
                changes.push(Change::Delete(key));
            }
            storage.write(&changes)?;
        }
    }
    let key = "1/record".to_owned();
    let Some((_, text)) = storage.read(std::slice::from_ref(&key))? else { return Ok(()) };
    let mut changes = vec![Change::Delete(key)];
    let merged = match (Record::read(Some(&text)), newer) {
        (Some(old), Some(newer)) => {
            if old.bookkeeping().loaded {
                changes.push(Change::Delete(rows::STATE.to_owned()));
            }
            merge(old, newer).to_json()
        }
        _ => text,
    };
    changes.push(Change::Put(rows::RECORD.to_owned(), merged));
    storage.write(&changes)
}

/// The record of version 1 that was made while a newer one lay beside it.
fn merge(mut old: Record, newer: Record) -> Record {
    old.generation = old.generation.max(newer.generation).saturating_add(1);
    if !old.bookkeeping().loaded {
        old.bookkeeping_mut().loaded = newer.bookkeeping().loaded;
        old.counts = old.counts.plus(newer.counts);
        old.state = newer.state;
        old.sent = newer.sent;
    }
    old.bookkeeping_mut().archived = 0;
    old
}
