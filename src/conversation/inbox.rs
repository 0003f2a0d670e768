//! The inbox: a message is stored and deduplicated before it is acknowledged.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use super::budget::Grant;
use super::commit::{Arrival, Commit};
use super::journal::End;
use super::lanes::Lane;
use super::outcome::Outcome;
use super::ports::{Millis, Ports, StorageError, after};
use super::rows::Entry;
use super::turn::FIRST_WAIT;
use super::{Conversation, QUIET};
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

/// What goes on once a message may be acknowledged.
pub type Work = Pin<Box<dyn Future<Output = ()>>>;

impl<P: Ports + 'static> Conversation<P> {
    /// Stores a message, and begins with what follows from it. When this returns, the message may be acknowledged; what
    /// is left to do is the second half of the answer.
    ///
    /// In a conversation where nothing waits the turn begins here, and where the bot waits for nothing it ends here: then
    /// the message and its replies are one commit. A bot that takes the instance with it takes the message too, which
    /// has not been acknowledged: whoever has brought it brings it again, with the number of attempts that were made.
    ///
    /// `ignored` is the fixed rule that puts it aside, if any. A message that an app-wide webhook has reported as not
    /// addressed to the bot is received when the bot's own callback brings it after all.
    ///
    /// # Errors
    ///
    /// The message could not be stored, and CometChat has to be told so.
    pub async fn receive(
        self: &Rc<Self>,
        entry: Entry,
        ignored: Option<Ignored>,
    ) -> Result<(Receipt, Option<Work>), StorageError> {
        let receipt = self.take(entry, ignored, true).await?;
        if receipt != Receipt::Accepted {
            return Ok((receipt, None));
        }
        let conversation = self.clone();
        let mut work: Work = Box::pin(async move { conversation.process().await });
        if self.memory.borrow().arrival.is_held() {
            let is_done = poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_ready())).await;
            self.store_arrival().await?;
            if is_done {
                return Ok((receipt, None));
            }
        }
        Ok((receipt, Some(work)))
    }
}

impl<P: Ports> Conversation<P> {
    /// Stores a message. Where its turn may begin at once and `may_hold`, it is stored with the next commit.
    pub(super) async fn take(
        &self,
        mut entry: Entry,
        ignored: Option<Ignored>,
        may_hold: bool,
    ) -> Result<Receipt, StorageError> {
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
                self.ignore(commit, entry, ignored).await?;
            }
            return Ok(Receipt::Ignored(ignored));
        }
        commit.see(key, String::new());
        if is_heeded {
            self.record_of(&mut commit)?.counts.heed();
        }
        let seq = self.next_seq()?;
        let begins = self.is_idle(now)?;
        {
            let mut memory = self.memory.borrow_mut();
            memory.is_busy = now < after(memory.last_came, QUIET);
            memory.last_came = now;
        }
        entry.seq = seq;
        entry.received_at = now;
        entry.counted = is_heeded;
        // One that is handed over again may have had an attempt, of which nothing else is left.
        entry.attempts = entry.attempts.min(1).saturating_add(u32::from(begins));
        entry.due_at = if begins { after(now, FIRST_WAIT) } else { now };
        if begins {
            self.memory.borrow_mut().begun = Some((seq, entry.attempts));
        }
        let sender = entry.sender.clone();
        let stored = if may_hold && begins && entry.attempts == 1 && !is_heeded {
            self.hold_back(commit, entry)
        } else {
            commit.put_entry(entry);
            self.finish(commit).await
        };
        if let Err(error) = stored {
            self.forget_arrival(seq, &sender);
            return Err(error);
        }
        Ok(Receipt::Accepted)
    }

    /// Stores the message that has just come, unless a commit has done so, or has failed to. Which it is is settled before
    /// anything else may happen in this conversation.
    async fn store_arrival(&self) -> Result<(), StorageError> {
        let is_held = self.memory.borrow().arrival.is_held();
        if is_held {
            // What has gone wrong is found below.
            let _ = self.write(self.begin(), || ());
        }
        let arrival = std::mem::take(&mut self.memory.borrow_mut().arrival);
        let stored = if let Arrival::Failed(entry, error) = arrival {
            self.forget_arrival(entry.seq, &entry.sender);
            Err(error)
        } else {
            Ok(())
        };
        if is_held { stored.and(self.arm().await) } else { stored }
    }

    /// It could not be stored, as far as is known.
    fn forget_arrival(&self, seq: u64, sender: &str) {
        let mut memory = self.memory.borrow_mut();
        memory.begun.take_if(|begun| begun.0 == seq);
        memory.budget.give_back(sender);
    }

    /// Whether a message that is stored now has its turn at once. Then its attempt is recorded with it, which saves a row.
    fn is_idle(&self, now: Millis) -> Result<bool, StorageError> {
        Ok(!self.memory.borrow().lanes.is_taken(Lane::Turn, now) && self.first_message()?.is_none())
    }

    fn over_budget(&self, sender: &str, now: Millis) -> Option<Ignored> {
        let grant = self.memory.borrow_mut().budget.take(sender, now, self.settings.reply_budget_per_minute);
        if grant == Grant::FirstRefusal {
            self.note("over_budget", &sender);
        }
        (grant != Grant::Granted).then_some(Ignored::OverBudget)
    }

    async fn ignore(&self, mut commit: Commit, entry: Entry, ignored: Ignored) -> Result<(), StorageError> {
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
