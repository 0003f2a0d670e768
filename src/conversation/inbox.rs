//! The inbox: a message is stored and deduplicated before it is acknowledged.

use super::Conversation;
use super::budget::Grant;
use super::commit::Commit;
use super::journal::End;
use super::lanes::Lane;
use super::outcome::Outcome;
use super::ports::{Millis, Ports, StorageError, after};
use super::rows::Entry;
use super::turn::FIRST_WAIT;
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

/// Stands with the id of a message that a rule has put aside which holds for one wire and not for another.
const NOT_ADDRESSED: &str = "not_addressed";

impl<P: Ports> Conversation<P> {
    /// Stores a message. When this returns, the message may be acknowledged; then [`drive`](Self::drive) goes on.
    ///
    /// `ignored` is the fixed rule that puts it aside, if any. A message that an app-wide webhook has reported as not
    /// addressed to the bot is received when the bot's own callback brings it after all.
    ///
    /// # Errors
    ///
    /// The message could not be stored, and CometChat has to be told so.
    pub async fn receive(&self, mut entry: Entry, ignored: Option<Ignored>) -> Result<Receipt, StorageError> {
        let now = self.ports.now();
        let known = self.seen(&entry.id, now)?;
        let is_heeded = ignored.is_none() && known.as_ref().is_some_and(|(_, status)| status == NOT_ADDRESSED);
        if !is_heeded && (known.is_some() || self.stored(|stored| stored.has_in_flight(&entry.id))?) {
            return Ok(Receipt::Duplicate);
        }
        let key = known.map_or_else(|| self.seen_key(&entry.id, now), |(key, _)| key);
        let mut commit = self.begin();
        if let Some(ignored) = ignored.or_else(|| self.over_budget(&entry.sender, now)) {
            if !is_heeded {
                let status = if ignored == Ignored::NotAddressed { NOT_ADDRESSED } else { "" };
                commit.see(key, status.to_owned());
                self.put_aside(commit, entry, ignored).await?;
            }
            return Ok(Receipt::Ignored(ignored));
        }
        commit.see(key, String::new());
        if is_heeded {
            self.record_of(&mut commit)?.counts.heed();
        }
        let seq = self.next_seq()?;
        let begins = self.begins(seq, now)?;
        entry.seq = seq;
        entry.received_at = now;
        entry.counted = is_heeded;
        entry.attempts = u32::from(begins);
        entry.due_at = if begins { after(now, FIRST_WAIT) } else { now };
        let sender = entry.sender.clone();
        commit.put_entry(entry);
        let stored = self.finish(commit).await;
        if stored.is_err() {
            let mut memory = self.memory.borrow_mut();
            memory.begun.take_if(|begun| begun.0 == seq);
            memory.budget.give_back(&sender);
        }
        stored.map(|()| Receipt::Accepted)
    }

    /// Whether the turn of the message numbered `seq` begins at once. Then its first attempt is recorded with it,
    /// which saves a row.
    fn begins(&self, seq: u64, now: Millis) -> Result<bool, StorageError> {
        let idle = !self.memory.borrow().lanes.is_taken(Lane::Turn, now) && self.first_message()?.is_none();
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

    async fn put_aside(&self, mut commit: Commit, entry: Entry, ignored: Ignored) -> Result<(), StorageError> {
        let now = commit.now;
        let record = self.record_of(&mut commit)?;
        record.counts.receive();
        // Nothing that KV has to see soon: it goes along with the next turn.
        record.counts.end(Outcome::Ignored);
        record.updated_at = now;
        commit.end(End {
            message_id: entry.id,
            kind: entry.kind,
            outcome: Outcome::Ignored,
            reason: ignored.as_str().to_owned(),
            attempts: 0,
            replies: 0,
            took: 0,
        });
        self.finish(commit).await
    }
}
