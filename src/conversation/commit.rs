//! Changes that become durable together, and what follows from them in memory and in the log.

use std::rc::Rc;

use serde_json::value::RawValue;

use super::journal::End;
use super::ports::{Change, Millis, Ports, StorageError, after};
use super::record::Record;
use super::rows::{self, Entry, Letter, Reply};
use super::stored::{Stored, put};
use super::{Conversation, UNTIL_WRITABLE};

/// The largest state that lies in the record, in bytes: a row of its own costs a write of its own.
const MAX_INLINE_STATE: usize = 2_048;

/// How many ids are kept in memory. Where there are more, storage is asked.
const MAX_SEEN: usize = 1_000;

/// More pieces than a letter has.
const MAX_PIECES: usize = 100_000;

/// What one step changes.
pub(super) struct Commit {
    pub(super) now: Millis,
    changes: Vec<Change>,
    follows: Vec<Follow>,
    record: Option<Record>,
    ends: Vec<End>,
    /// The answers that it buries, by what their keys begin with.
    buried: Vec<String>,
    /// The key of a row that storage would not take.
    too_large: Option<String>,
}

/// How memory follows.
enum Follow {
    Inbox(String, Option<Rc<Entry>>),
    Replies(String, Option<Rc<Reply>>),
    Letters(String, Option<Rc<Letter>>),
    State { state: Rc<RawValue>, has_row: bool },
    SetAside(String),
    Seen(String, String),
}

/// The message that an event has brought, while that event goes on without a pause.
#[derive(Default)]
pub(super) enum Arrival {
    #[default]
    None,
    /// It goes along with the next commit, whichever that is; and what goes with it.
    Held(Rc<Entry>, Vec<Change>),
    /// That commit could not be written.
    Failed(Rc<Entry>, StorageError),
}

impl Arrival {
    pub(super) fn is_held(&self) -> bool {
        matches!(self, Self::Held(..))
    }

    fn take_held(&mut self) -> Option<(Rc<Entry>, Vec<Change>)> {
        match std::mem::take(self) {
            Self::Held(entry, others) => Some((entry, others)),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Commit {
    fn new(now: Millis) -> Self {
        Self {
            now,
            changes: Vec::new(),
            follows: Vec::new(),
            record: None,
            ends: Vec::new(),
            buried: Vec::new(),
            too_large: None,
        }
    }

    pub(super) fn put_entry(&mut self, entry: Entry) {
        let key = rows::message(entry.seq);
        self.change(put(key.clone(), &entry));
        self.follows.push(Follow::Inbox(key, Some(Rc::new(entry))));
    }

    pub(super) fn drop_entry(&mut self, seq: u64) {
        let key = rows::message(seq);
        self.change(Change::Delete(key.clone()));
        self.follows.push(Follow::Inbox(key, None));
    }

    pub(super) fn put_reply(&mut self, key: String, reply: Reply) {
        self.change(put(key.clone(), &reply));
        self.follows.push(Follow::Replies(key, Some(Rc::new(reply))));
    }

    pub(super) fn drop_reply(&mut self, key: String) {
        self.change(Change::Delete(key.clone()));
        self.follows.push(Follow::Replies(key, None));
    }

    pub(super) fn put_letter(&mut self, key: String, letter: Letter) {
        self.change(put(key.clone(), &letter));
        self.follows.push(Follow::Letters(key, Some(Rc::new(letter))));
    }

    pub(super) fn drop_letter(&mut self, key: String) {
        self.change(Change::DeleteRange { after: key.clone(), until: rows::end_of(&key), limit: MAX_PIECES });
        self.change(Change::Delete(key.clone()));
        self.follows.push(Follow::Letters(key, None));
    }

    /// An id that has been received, and what is known of it.
    pub(super) fn see(&mut self, key: String, status: String) {
        self.change(Change::Put(key.clone(), status.clone()));
        self.follows.push(Follow::Seen(key, status));
    }

    /// A row that is not kept in memory.
    pub(super) fn put(&mut self, key: String, text: String) {
        self.change(Change::Put(key, text));
    }

    /// Moves a row to where no version reads it.
    pub(super) fn set_aside(&mut self, key: &str, text: String) {
        // Nobody knows what it holds, and a NUL is what the platform's values are told apart by.
        let text = text.replace('\0', "\u{fffd}");
        self.change(Change::Put(format!("{}{key}", super::upgrade::ASIDE), text));
        self.change(Change::Delete(key.to_owned()));
        self.follows.push(Follow::SetAside(key.to_owned()));
    }

    /// The answer that this reply is part of comes to its end.
    pub(super) fn bury(&mut self, key: &str) {
        self.buried.extend(key.rsplit_once('/').map(|(answer, _)| answer.to_owned()));
    }

    /// Whether the answer that this reply is part of comes to its end.
    pub(super) fn buries(&self, key: &str) -> bool {
        self.buried.iter().any(|answer| key.starts_with(answer.as_str()))
    }

    /// A message has ended: a line in the log, once that is durable.
    pub(super) fn end(&mut self, end: End) {
        self.ends.push(end);
    }

    /// Adds a message that has just come, and what goes with it. If it is over by then its row is never written.
    fn join(&mut self, entry: &Entry, others: &[Change]) {
        let row = rows::message(entry.seq);
        let is_of_row = |change: &Change| matches!(change, Change::Put(key, _) | Change::Delete(key) if *key == row);
        match self.changes.iter().position(is_of_row) {
            Some(n) if matches!(self.changes.get(n), Some(Change::Delete(_))) => drop(self.changes.remove(n)),
            Some(_) => {}
            None => self.change(put(row, entry)),
        }
        self.changes.extend(others.iter().cloned());
    }

    /// Whether storage would not take a row of it.
    pub(super) fn is_too_large(&self) -> bool {
        self.too_large.is_some()
    }

    pub(super) fn change(&mut self, change: Change) {
        if let Change::Put(key, text) = &change
            && text.len() > rows::MAX_ROW_BYTES
        {
            self.too_large.get_or_insert_with(|| key.clone());
        }
        self.changes.push(change);
    }
}

impl<P: Ports> Conversation<P> {
    pub(super) fn begin(&self) -> Commit {
        Commit::new(self.ports.now())
    }

    /// The record as the commit will leave it.
    pub(super) fn record_of<'a>(&self, commit: &'a mut Commit) -> Result<&'a mut Record, StorageError> {
        let record = match commit.record.take() {
            Some(record) => record,
            None => self.stored(|stored| stored.record.clone())?,
        };
        Ok(commit.record.insert(record))
    }

    /// Stores the bot's state, if it has changed.
    pub(super) fn put_state(&self, commit: &mut Commit, state: Rc<RawValue>) -> Result<(), StorageError> {
        let is_small = state.get().len() <= MAX_INLINE_STATE;
        let (is_known, has_row) = self.stored(|stored| {
            let known = stored.state.as_ref().is_some_and(|known| known.get() == state.get());
            (known, stored.has_state_row)
        })?;
        let record = self.record_of(commit)?;
        record.state = is_small.then(|| state.clone());
        match (is_small, has_row) {
            (true, true) => commit.change(Change::Delete(rows::STATE.to_owned())),
            (true, false) => {}
            (false, true) if is_known => {}
            (false, _) => commit.change(Change::Put(rows::STATE.to_owned(), state.get().to_owned())),
        }
        commit.follows.push(Follow::State { state, has_row: !is_small });
        Ok(())
    }

    /// Makes a step's last commit durable. The alarm that it needs is set as the step ends, before anything can come
    /// between them.
    pub(super) fn conclude(&self, commit: Commit) -> Result<(), StorageError> {
        self.write(commit, || ())
    }

    /// Makes a commit durable, and the alarm that it needs with it.
    ///
    /// # Errors
    ///
    /// It may not be durable. What is in memory has been forgotten, and an alarm is set all the same.
    pub(super) async fn finish(&self, commit: Commit) -> Result<(), StorageError> {
        self.finish_then(commit, || ()).await
    }

    /// The same, and does `then` once it is written.
    pub(super) async fn finish_then(&self, commit: Commit, then: impl FnOnce()) -> Result<(), StorageError> {
        let stored = self.write(commit, then);
        // The step's own error says more than the alarm's.
        stored.and(self.arm().await)
    }

    /// The same, without the alarm.
    pub(super) fn write(&self, mut commit: Commit, then: impl FnOnce()) -> Result<(), StorageError> {
        let written = self.write_rows(&mut commit);
        if written.is_ok() {
            self.write_again_at.set(0);
            then();
        } else {
            // Whether anything of it is stored is not known.
            self.memory.borrow_mut().stored = None;
            self.write_again_at.set(after(self.ports.now(), UNTIL_WRITABLE));
        }
        written
    }

    /// Lets the message that has just come go along with the next commit. Memory has it from here on.
    pub(super) fn hold_back(&self, mut commit: Commit, entry: Entry) -> Result<(), StorageError> {
        let entry = Rc::new(entry);
        commit.follows.push(Follow::Inbox(rows::message(entry.seq), Some(entry.clone())));
        self.follow(&mut commit)?;
        self.memory.borrow_mut().arrival = Arrival::Held(entry, commit.changes);
        Ok(())
    }

    fn write_rows(&self, commit: &mut Commit) -> Result<(), StorageError> {
        let has_record = commit.record.is_some();
        if has_record {
            self.add_confirmations(commit)?;
            self.add_unreadable(commit)?;
            self.note_seen(commit)?;
        }
        if let Some(record) = &commit.record {
            let row = put(rows::RECORD.to_owned(), record);
            commit.change(row);
        }
        if let Some(key) = &commit.too_large {
            return Err(StorageError(format!("{key} is too large for a row")));
        }
        let arrival = self.memory.borrow_mut().arrival.take_held();
        if let Some((entry, others)) = &arrival {
            commit.join(entry, others);
        }
        if let Err(error) = self.ports.write(&commit.changes) {
            if let Some((entry, _)) = arrival {
                self.memory.borrow_mut().arrival = Arrival::Failed(entry, error.clone());
            }
            return Err(error);
        }
        self.follow(commit)?;
        if has_record {
            self.forget_confirmed();
        }
        for end in commit.ends.drain(..) {
            self.journal_end(&end);
        }
        Ok(())
    }

    fn follow(&self, commit: &mut Commit) -> Result<(), StorageError> {
        self.stored(|stored| {
            if let Some(record) = commit.record.take() {
                stored.record = record;
                stored.has_record = true;
            }
            for follow in commit.follows.drain(..) {
                stored.follow(follow);
            }
        })
    }
}

impl Stored {
    fn follow(&mut self, follow: Follow) {
        match follow {
            Follow::Inbox(key, row) => self.inbox.follow(key, row),
            Follow::Replies(key, row) if key.starts_with(rows::DOUBT) => self.doubt.follow(key, row),
            Follow::Replies(key, row) => self.outbox.follow(key, row),
            Follow::Letters(key, row) => self.letters.follow(key, row),
            Follow::State { state, has_row } => {
                self.state = Some(state);
                self.has_state_row = has_row;
            }
            Follow::SetAside(key) => {
                self.unreadable.retain(|row| row.key != key);
                self.foreign.aside = self.foreign.aside.saturating_add(1);
            }
            Follow::Seen(key, status) => {
                self.seen.as_mut().map(|seen| seen.insert(key, status));
                self.seen.take_if(|seen| seen.len() > MAX_SEEN);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_more_bytes_than_storage_takes_is_noticed() {
        for (bytes, is_too_large) in [(1_990_000, false), (1_990_001, true), (2_000_000, true)] {
            let mut commit = Commit::new(0);
            commit.put("2/state".to_owned(), "x".repeat(bytes));
            assert_eq!(commit.is_too_large(), is_too_large, "{bytes}");
        }
    }
}
