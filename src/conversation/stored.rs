//! What is stored, as this instance knows it: read once, kept typed, and written through.
//!
//! One object is one thread, and nobody else writes its rows. So what is in memory may be trusted until a write fails;
//! then it is read anew.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::ports::{Change, Storage, StorageError};
use super::record::Record;
use super::rows::{self, Entry, Letter, Reply};
use super::upgrade;
use crate::json::Field;

/// How many rows are read at a time.
const PAGE: usize = 64;

/// The key after all of those that this code writes.
const SEEN_END: &str = "seen0";

/// The rows of a conversation.
pub(super) struct Stored {
    pub(super) record: Record,
    pub(super) state: Option<Rc<RawValue>>,
    /// Whether the state has a row of its own.
    pub(super) has_state_row: bool,
    /// Whether there is anything at all.
    pub(super) has_record: bool,
    pub(super) inbox: Queue<Entry>,
    pub(super) outbox: Queue<Reply>,
    pub(super) doubt: Queue<Reply>,
    pub(super) letters: Queue<Letter>,
    /// The highest number given to a row.
    pub(super) last_seq: u64,
    /// The ids that have been received, where they are few: all rows below [`rows::SEEN`].
    pub(super) seen: Option<BTreeMap<String, String>>,
    /// Whether there are ids that version 1 has stored.
    pub(super) has_old_seen: bool,
    /// Rows that cannot be read, and still lie among those that can.
    pub(super) unreadable: Vec<Unreadable>,
    /// Rows of newer versions, and rows set aside. They outlive the conversation.
    pub(super) foreign: Foreign,
}

/// A row that cannot be read.
#[derive(Debug, Clone)]
pub(super) struct Unreadable {
    pub(super) key: String,
    pub(super) text: String,
}

/// How many rows there are that this code leaves alone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Foreign {
    pub(super) newer: u64,
    pub(super) aside: u64,
}

impl Foreign {
    pub(super) fn any(self) -> bool {
        self.newer > 0 || self.aside > 0
    }
}

impl Stored {
    /// Reads the rows, and brings those of an older version up to this one.
    pub(super) fn load(storage: &impl Storage) -> Result<Self, StorageError> {
        // One question is enough for all but the busiest conversations.
        let mut page = storage.range("", SEEN_END, PAGE)?;
        let mut has_old_seen = false;
        if page.first().is_some_and(|(key, _)| upgrade::is_old(key)) {
            upgrade::rewrite(storage)?;
            has_old_seen = !storage.range(upgrade::OLD_SEEN, upgrade::END, 1)?.is_empty();
            page = storage.range(upgrade::END, SEEN_END, PAGE)?;
        }
        let is_whole = page.len() < PAGE;
        let (seen, known): (BTreeMap<_, _>, BTreeMap<_, _>) =
            page.into_iter().partition(|(key, _)| key.starts_with(rows::SEEN));
        // Ids come last.
        let known = (is_whole || !seen.is_empty()).then_some(known);
        let mut stored = Self {
            record: Record::fresh(),
            state: None,
            has_state_row: false,
            has_record: false,
            inbox: Queue::new(rows::INBOX),
            outbox: Queue::new(rows::OUTBOX),
            doubt: Queue::new(rows::DOUBT),
            letters: Queue::new(rows::LETTERS),
            last_seq: 0,
            seen: is_whole.then_some(seen),
            has_old_seen,
            unreadable: Vec::new(),
            foreign: Foreign::default(),
        };
        match known {
            Some(known) => stored.take_all(known),
            None => stored.take_some(storage)?,
        }
        Ok(stored)
    }

    /// Everything there is, in one page.
    fn take_all(&mut self, rows: BTreeMap<String, String>) {
        for (key, text) in rows {
            for prefix in [rows::INBOX, rows::OUTBOX, rows::DOUBT, rows::LETTERS] {
                self.last_seq = self.last_seq.max(rows::seq_of(prefix, &key));
            }
            if key.starts_with(rows::INBOX) {
                self.inbox.take(key, text, &mut self.unreadable);
            } else if key.starts_with(rows::OUTBOX) {
                self.outbox.take(key, text, &mut self.unreadable);
            } else if key.starts_with(rows::DOUBT) {
                self.doubt.take(key, text, &mut self.unreadable);
            } else if key.starts_with(rows::LETTERS) {
                self.letters.take(key, text, &mut self.unreadable);
            } else if key == rows::RECORD {
                self.take_record(text);
            } else if key == rows::STATE {
                self.take_state(text);
            } else if upgrade::is_newer(&key) {
                self.foreign.newer = self.foreign.newer.saturating_add(1);
            } else {
                self.foreign.aside = self.foreign.aside.saturating_add(1);
            }
        }
        for whole in [&mut self.inbox.whole, &mut self.outbox.whole, &mut self.doubt.whole, &mut self.letters.whole] {
            *whole = true;
        }
    }

    /// The heads of the queues; what is behind them is read when its turn comes.
    fn take_some(&mut self, storage: &impl Storage) -> Result<(), StorageError> {
        for prefix in [rows::INBOX, rows::OUTBOX, rows::DOUBT, rows::LETTERS] {
            let last = storage.last(prefix, &rows::end_of(prefix))?;
            let seq = last.map_or(0, |key| rows::seq_of(prefix, &key));
            self.last_seq = self.last_seq.max(seq);
        }
        if let Some((_, text)) = storage.read(&[rows::RECORD.to_owned()])? {
            self.take_record(text);
        }
        if let Some((_, text)) = storage.read(&[rows::STATE.to_owned()])? {
            self.take_state(text);
        }
        self.foreign.newer = storage.count(rows::END, upgrade::ASIDE)?;
        self.foreign.aside = storage.count(upgrade::ASIDE, rows::SEEN)?;
        Ok(())
    }

    fn take_record(&mut self, text: String) {
        self.has_record = true;
        match Record::read(Some(&text)) {
            Some(record) => {
                // The row of its own is the newer one.
                self.state = self.state.take().or_else(|| record.state.clone());
                self.record = record;
            }
            None => self.unreadable.push(Unreadable { key: rows::RECORD.to_owned(), text }),
        }
    }

    fn take_state(&mut self, text: String) {
        match Rc::<RawValue>::read(Some(&text)) {
            Some(state) => {
                self.has_state_row = true;
                self.state = Some(state);
            }
            None => self.unreadable.push(Unreadable { key: rows::STATE.to_owned(), text }),
        }
    }

    /// The first message in the inbox.
    pub(super) fn first_message(&mut self, storage: &impl Storage) -> Result<Option<Rc<Entry>>, StorageError> {
        let first = self.inbox.next(storage, "", &mut self.unreadable)?;
        Ok(first.map(|(_, entry)| entry))
    }

    /// The places of messages and answers of which a row cannot be read: the former in the inbox, the latter not.
    pub(super) fn unreadable_places(&self) -> (usize, BTreeSet<(&'static str, u64)>) {
        let place = |row: &Unreadable, prefix| (prefix, rows::seq_of(prefix, &row.key));
        let inbox = self.unreadable.iter().filter(|row| row.key.starts_with(rows::INBOX)).count();
        let answers = [rows::OUTBOX, rows::DOUBT].into_iter().flat_map(|prefix| {
            let is_of_answer = move |row: &&Unreadable| row.key.starts_with(prefix) && !rows::is_notice(&row.key);
            self.unreadable.iter().filter(is_of_answer).map(move |row| place(row, prefix))
        });
        (inbox, answers.collect())
    }

    /// Whether inbox, outbox and letters are empty.
    pub(super) fn is_quiet(&mut self, storage: &impl Storage) -> Result<bool, StorageError> {
        Ok(self.inbox.next(storage, "", &mut self.unreadable)?.is_none()
            && self.outbox.next(storage, "", &mut self.unreadable)?.is_none()
            && self.doubt.next(storage, "", &mut self.unreadable)?.is_none()
            && self.letters.next(storage, "", &mut self.unreadable)?.is_none()
            && self.unreadable.is_empty())
    }

    /// Whether a message with this id is on its way through the part of the queues that is in memory.
    pub(super) fn has_in_flight(&self, id: &str) -> bool {
        self.inbox.any(|entry| entry.id == id)
            || [&self.outbox, &self.doubt]
                .into_iter()
                .any(|queue| queue.any(|reply| reply.message_id == id && !reply.is_notice()))
    }
}

/// A row in a queue.
pub(super) trait Row: Field {
    /// Tells it the place in the order of arrival that its key names.
    fn place(&mut self, seq: u64);
}

impl Row for Entry {
    fn place(&mut self, seq: u64) {
        self.seq = seq;
    }
}

impl Row for Reply {
    fn place(&mut self, seq: u64) {
        self.seq = seq;
    }
}

impl Row for Letter {
    fn place(&mut self, _: u64) {}
}

/// Rows below one prefix, in their order. Of many, only the first are in memory.
pub(super) struct Queue<T> {
    prefix: &'static str,
    rows: BTreeMap<String, Rc<T>>,
    /// How far the rows have been read.
    read_to: String,
    /// Whether there is none beyond.
    whole: bool,
}

impl<T: Row> Queue<T> {
    fn new(prefix: &'static str) -> Self {
        Self { prefix, rows: BTreeMap::new(), read_to: prefix.to_owned(), whole: false }
    }

    fn take(&mut self, key: String, text: String, unreadable: &mut Vec<Unreadable>) {
        self.read_to.clone_from(&key);
        // Pieces of letters belong to the row before them.
        if self.prefix == rows::LETTERS && key.len() > rows::letter(0).len() {
            return;
        }
        match T::read(Some(&text)) {
            Some(mut row) => {
                row.place(rows::seq_of(self.prefix, &key));
                self.rows.insert(key, Rc::new(row));
            }
            None => unreadable.push(Unreadable { key, text }),
        }
    }

    /// The first row after `after`.
    pub(super) fn next(
        &mut self,
        storage: &impl Storage,
        after: &str,
        unreadable: &mut Vec<Unreadable>,
    ) -> Result<Option<(String, Rc<T>)>, StorageError> {
        loop {
            let next = self.rows.range::<str, _>((Bound::Excluded(after), Bound::Unbounded)).next();
            if let Some((key, row)) = next {
                return Ok(Some((key.clone(), row.clone())));
            }
            if self.whole {
                return Ok(None);
            }
            let page = storage.range(&self.read_to, &rows::end_of(self.prefix), PAGE)?;
            self.whole = page.len() < PAGE;
            for (key, text) in page {
                self.take(key, text, unreadable);
            }
        }
    }

    /// Whether one of the rows in memory is like that.
    pub(super) fn any(&self, like: impl Fn(&T) -> bool) -> bool {
        self.rows.values().any(|row| like(row))
    }

    pub(super) fn get(&self, key: &str) -> Option<Rc<T>> {
        self.rows.get(key).cloned()
    }

    /// A row was written, or deleted. New ones come at the end.
    pub(super) fn follow(&mut self, key: String, row: Option<Rc<T>>) {
        match row {
            None => drop(self.rows.remove(&key)),
            // Beyond what has been read it will be found in its place.
            Some(_) if key > self.read_to && (!self.whole || self.rows.len() >= PAGE) => self.whole = false,
            Some(row) => {
                if key > self.read_to {
                    self.read_to.clone_from(&key);
                }
                self.rows.insert(key, row);
            }
        }
    }

    /// Calls `visit` with every row, also those that are not in memory.
    pub(super) fn each(&self, storage: &impl Storage, mut visit: impl FnMut(&T)) -> Result<(), StorageError> {
        self.rows.values().for_each(|row| visit(row));
        let mut read_to = self.read_to.clone();
        let mut whole = self.whole;
        while !whole {
            let page = storage.range(&read_to, &rows::end_of(self.prefix), PAGE)?;
            whole = page.len() < PAGE;
            for (key, text) in page {
                let mut one = Self::new(self.prefix);
                one.take(key, text, &mut Vec::new());
                one.rows.values().for_each(|row| visit(row));
                read_to = one.read_to;
            }
        }
        Ok(())
    }
}

/// Writes a row.
pub(super) fn put(key: String, value: &impl Field) -> Change {
    Change::Put(key, value.to_json())
}
