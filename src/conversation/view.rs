//! What an operator sees of a conversation in flight.

use super::outcome::Counts;
use super::ports::{Millis, Ports, StorageError};
use super::{Conversation, rows};
use crate::json::object;

object! {
    /// A conversation in flight. `received = answered + ignored + handedOver + dead + inFlight`.
    #[derive(Debug, Clone)]
    pub struct View {
        /// Which conversation.
        pub conversation: String as "conversation",
        /// CometChat's own id.
        pub conversation_id: Option<String> as "conversationId",
        /// How the messages ended. `received` includes the messages in the inbox.
        pub counts: Counts as "counts",
        /// Messages that have not ended: those in the inbox, and those whose replies are not all confirmed.
        pub in_flight: u64 as "inFlight",
        /// Messages that wait for their turn.
        pub inbox: u64 as "inbox",
        /// Replies that wait to be confirmed.
        pub outbox: u64 as "outbox",
        /// How many of them have been in doubt for so long that newer ones go before them.
        pub apart: u64 as "apart",
        /// What KV still has to be told.
        pub letters: u64 as "letters",
        /// What a reply waits for, or else the first message: CometChat's code, or what went wrong.
        pub waits_for: Option<String> as "waitsFor",
        /// Rows that cannot be read, and were set aside.
        pub set_aside: u64 as "setAside",
        /// Rows of a newer version, which wait for the code that knows them.
        pub newer: u64 as "newer",
        /// Which of the conversation's generations this is.
        pub generation: u64 as "generation",
        /// The newest generation that KV has accepted.
        pub archived: u64 as "archived",
        /// When the last message came or was dealt with, in UNIX milliseconds.
        pub updated_at: Millis as "updatedAt",
    }
}

impl<P: Ports> Conversation<P> {
    /// The conversation as it is stored, or `None` where nothing is in flight. Changes nothing, except that rows of an
    /// older version are brought up to this one.
    ///
    /// # Errors
    ///
    /// The rows could not be read.
    pub fn view(&self) -> Result<Option<View>, StorageError> {
        self.stored(|stored| {
            let record = &stored.record;
            let mut counts = record.counts;
            let mut waits_for = None;
            let mut inbox = 0_u64;
            stored.inbox.each(&self.ports, |entry| {
                if inbox == 0 {
                    waits_for.clone_from(&entry.waits_for);
                }
                inbox = inbox.saturating_add(1);
                if !entry.counted {
                    counts.receive();
                }
            })?;
            let (unreadable, mut answers) = stored.unreadable_places();
            for _ in 0..unreadable {
                inbox = inbox.saturating_add(1);
                counts.receive();
            }
            let (mut outbox, mut apart) = (0_u64, 0_u64);
            for (queue, prefix) in [(&stored.doubt, rows::DOUBT), (&stored.outbox, rows::OUTBOX)] {
                queue.each(&self.ports, |reply| {
                    outbox = outbox.saturating_add(1);
                    apart = apart.saturating_add(u64::from(prefix == rows::DOUBT));
                    if !reply.is_notice() {
                        answers.insert((prefix, reply.seq));
                    }
                    if reply.waits_for.is_some() {
                        waits_for.clone_from(&reply.waits_for);
                    }
                })?;
            }
            let unconfirmed = u64::try_from(answers.len()).unwrap_or(u64::MAX);
            let mut letters = 0_u64;
            stored.letters.each(&self.ports, |_| letters = letters.saturating_add(1))?;
            let has_foreign = stored.foreign.any() || !stored.unreadable.is_empty();
            if !record.bookkeeping().loaded && counts == Counts::default() && !has_foreign {
                return Ok(None);
            }
            let unreadable = u64::try_from(stored.unreadable.len()).unwrap_or(u64::MAX);
            Ok(Some(View {
                conversation: self.address.to_string(),
                conversation_id: record.conversation_id.clone(),
                counts,
                in_flight: unconfirmed.saturating_add(inbox),
                inbox,
                outbox,
                apart,
                letters,
                waits_for,
                set_aside: stored.foreign.aside.saturating_add(unreadable),
                newer: stored.foreign.newer,
                generation: record.generation,
                archived: record.bookkeeping().archived,
                updated_at: record.updated_at,
            }))
        })?
    }
}
