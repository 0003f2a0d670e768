//! What an operator sees of a conversation in flight.

use super::Conversation;
use super::outcome::Counts;
use super::ports::{Millis, Ports, StorageError};
use super::rows::{self, Entry, Letter, Reply};
use crate::json::{Field, object};

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
        /// What KV still has to be told.
        pub letters: u64 as "letters",
        /// Which of the conversation's generations this is.
        pub generation: u64 as "generation",
        /// The newest generation that KV has accepted.
        pub archived: u64 as "archived",
        /// When the last message came or was dealt with, in UNIX milliseconds.
        pub updated_at: Millis as "updatedAt",
    }
}

impl<P: Ports> Conversation<P> {
    /// The conversation as it is stored, or `None` where nothing is in flight. Changes nothing.
    ///
    /// # Errors
    ///
    /// The rows could not be read.
    pub fn view(&self) -> Result<Option<View>, StorageError> {
        let record = self.record()?;
        let mut counts = record.counts;
        let mut inbox = 0_u64;
        self.each::<Entry>(&rows::inbox(), |entry| {
            inbox = inbox.saturating_add(1);
            if !entry.replay {
                counts.receive();
            }
        })?;
        let mut outbox = 0_u64;
        let mut unconfirmed = 0_u64;
        let mut newest = None;
        self.each::<Reply>(&rows::outbox(), |reply| {
            outbox = outbox.saturating_add(1);
            if newest.replace(reply.seq) != Some(reply.seq) {
                unconfirmed = unconfirmed.saturating_add(1);
            }
        })?;
        let mut letters = 0_u64;
        self.each::<Letter>(&rows::letters(), |_| letters = letters.saturating_add(1))?;
        if !record.flight().loaded && counts == Counts::default() {
            return Ok(None);
        }
        let archived = record.flight().archived;
        Ok(Some(View {
            conversation: self.address.to_string(),
            conversation_id: record.conversation_id,
            counts,
            in_flight: unconfirmed.saturating_add(inbox),
            inbox,
            outbox,
            letters,
            generation: record.generation,
            archived,
            updated_at: record.updated_at,
        }))
    }

    fn each<T: Field>(&self, prefix: &str, mut visit: impl FnMut(T)) -> Result<(), StorageError> {
        let mut cursor = String::new();
        while let Some((key, row)) = rows::first::<T>(&self.ports, prefix, &cursor)? {
            visit(row);
            cursor = key;
        }
        Ok(())
    }
}
