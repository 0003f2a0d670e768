//! Rows that cannot be read: they are set aside, and what hung on them comes to an end that is counted and logged.

use super::Conversation;
use super::commit::Commit;
use super::journal::End;
use super::outcome::Outcome;
use super::ports::{Ports, StorageError};
use super::reason::Reason;
use super::rows;
use super::stored::Unreadable;
use crate::json::Fields;

impl<P: Ports> Conversation<P> {
    /// Adds what cannot be read to a commit. A message that has lost a row is dead.
    pub(super) fn add_unreadable(&self, commit: &mut Commit) -> Result<(), StorageError> {
        let unreadable = self.stored(|stored| stored.unreadable.clone())?;
        let answers = self.stored(|stored| stored.unreadable_places().1)?;
        for Unreadable { key, text } in unreadable {
            self.note("row_set_aside", &key);
            if key.starts_with(rows::INBOX) {
                let id = Fields::parse(&text).ok().and_then(|fields| fields.id("id"));
                self.record_of(commit)?.counts.receive();
                self.end_unreadable(commit, id.unwrap_or_default())?;
            }
            if key == rows::RECORD {
                // A fresh one takes its place, and has to learn from KV what is known there.
                let now = commit.now;
                self.record_of(commit)?.touch(now);
            }
            if key.starts_with(rows::LETTERS) {
                for (piece, text) in self.ports.range(&key, &rows::end_of(&key), usize::from(u16::MAX))? {
                    commit.set_aside(&piece, text);
                }
            }
            commit.set_aside(&key, text);
        }
        for (prefix, seq) in answers {
            let first = rows::reply(prefix, seq, 0);
            if commit.buries(&first) {
                continue;
            }
            let rest = self.answer_from(&first)?;
            if rest.is_empty() {
                self.end_unreadable(commit, String::new())?;
            } else {
                self.add_death_of_replies(commit, rest, &Reason::UnreadableRow)?;
            }
        }
        Ok(())
    }

    fn end_unreadable(&self, commit: &mut Commit, message_id: String) -> Result<(), StorageError> {
        let now = commit.now;
        self.record_of(commit)?.end(Outcome::Dead, now);
        commit.end(End {
            message_id,
            kind: String::new(),
            outcome: Outcome::Dead,
            reason: Reason::UnreadableRow.to_string(),
            attempts: 0,
            replies: 0,
            took: 0,
        });
        Ok(())
    }
}
