//! The inbox: a message is stored and deduplicated before it is acknowledged.

use super::budget::Grant;
use super::lanes::Lane;
use super::outcome::Outcome;
use super::ports::{Change, Millis, Ports, StorageError, after};
use super::rows::{self, Entry};
use super::turn::first_wait;
use super::{Conversation, journal};
use crate::callback::Ignored;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It is stored, and the bot will see it.
    Accepted,
    /// It was received before.
    Duplicate,
    /// It is recorded, and the bot will not see it.
    Ignored(Ignored),
}

impl<P: Ports> Conversation<P> {
    /// Stores a message. When this returns, the message may be acknowledged; then [`drive`](Self::drive) goes on.
    ///
    /// `ignored` is the fixed rule that puts it aside, if any.
    ///
    /// # Errors
    ///
    /// The message could not be stored, and CometChat has to be told so.
    pub async fn receive(&self, mut entry: Entry, ignored: Option<Ignored>) -> Result<Receipt, StorageError> {
        let now = self.ports.now();
        let seen = rows::seen(&entry.id);
        if self.ports.read(&seen)?.is_some() {
            return Ok(Receipt::Duplicate);
        }
        let seen = Change::Put(seen, String::new());
        if let Some(ignored) = ignored.or_else(|| self.over_budget(&entry.sender, now)) {
            self.record_ignored(&entry, ignored, seen, now).await?;
            return Ok(Receipt::Ignored(ignored));
        }
        let seq = self.next_seq()?;
        let begins = self.begins(seq, now)?;
        entry.seq = seq;
        entry.received_at = now;
        entry.attempts = u32::from(begins);
        entry.due_at = if begins { after(now, first_wait()) } else { now };
        let stored = self.commit(&[seen, rows::put(rows::message(seq), &entry)]).await;
        if stored.is_err() {
            self.memory.borrow_mut().begun.take_if(|begun| begun.0 == seq);
        }
        stored.map(|()| Receipt::Accepted)
    }

    /// Whether the turn of the message numbered `seq` begins at once. Then its first attempt is recorded with it,
    /// which saves a row.
    fn begins(&self, seq: u64, now: Millis) -> Result<bool, StorageError> {
        let idle =
            !self.memory.borrow().lanes.is_taken(Lane::Turn, now) && self.ports.first(&rows::inbox(), "")?.is_none();
        if idle {
            self.memory.borrow_mut().begun = Some((seq, 1));
        }
        Ok(idle)
    }

    fn over_budget(&self, sender: &str, now: Millis) -> Option<Ignored> {
        let grant = self.memory.borrow_mut().budget.take(sender, now, self.settings.reply_budget_per_minute);
        if grant == Grant::FirstRefusal {
            self.note("over_budget", &sender);
        }
        (grant != Grant::Granted).then_some(Ignored::OverBudget)
    }

    async fn record_ignored(
        &self,
        entry: &Entry,
        ignored: Ignored,
        seen: Change,
        now: Millis,
    ) -> Result<(), StorageError> {
        let mut record = self.record()?;
        record.counts.receive();
        // Nothing that KV has to see soon: it goes along with the next turn.
        record.counts.end(Outcome::Ignored);
        record.updated_at = now;
        self.commit(&[seen, rows::put(rows::record(), &record)]).await?;
        self.end(&journal::End {
            message_id: &entry.id,
            kind: &entry.kind,
            outcome: Outcome::Ignored,
            reason: Some(ignored.as_str()),
            attempts: 0,
            replies: 0,
            took: 0,
        });
        Ok(())
    }
}
