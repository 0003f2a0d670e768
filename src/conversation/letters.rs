//! Dead letters: what could not be dealt with, kept in KV for an operator, and tried again when one says so.
//!
//! A letter is a row until KV has accepted it, so a message that is dead is never lost.

use std::time::Duration;

use super::lanes::Pass;
use super::outcome::Outcome;
use super::ports::{Change, Millis, Ports, StorageError, after};
use super::record::VERSION;
use super::rows::{self, Entry, Letter, Reply};
use super::{Address, Conversation, backoff};
use crate::json::{Field, Json, object};

/// How long a dead letter is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

object! {
    /// A message that died, with all that is needed to try again: the rows that were taken out of the conversation.
    #[derive(Debug, Clone)]
    pub struct DeadLetter {
        /// [`VERSION`] of the code that wrote it.
        pub version: u32 as "version",
        /// The conversation it died in: `{bot}:{user|group}:{peer}`.
        pub conversation: String as "conversation",
        /// CometChat's id of the message.
        pub message_id: String as "messageId",
        /// Why it died: an error of the bot, CometChat's code, or one of Halley's own words.
        pub reason: String as "reason",
        /// How many attempts were made.
        pub attempts: u32 as "attempts",
        /// When it died, in UNIX milliseconds.
        pub died_at: Millis as "diedAt",
        /// The message whose turn died; `None` where its replies did.
        pub turn: Option<Entry> as "turn",
        /// The replies that were not sent, in order.
        pub replies: Vec<Reply> as "replies",
    }
}

/// What became of a wish to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// It is in flight again.
    Accepted,
    /// It is in flight already, or has been dealt with since.
    Duplicate,
    /// KV could not be read, so the conversation's counts are not known: later.
    Unavailable,
}

impl DeadLetter {
    pub(super) fn of_turn(entry: Entry, address: &Address, reason: &str, died_at: Millis) -> Self {
        Self {
            version: VERSION,
            conversation: address.to_string(),
            message_id: entry.id.clone(),
            reason: reason.to_owned(),
            attempts: entry.attempts,
            died_at,
            turn: Some(entry),
            replies: Vec::new(),
        }
    }

    pub(super) fn of_replies(first: Reply, rest: Vec<Reply>, address: &Address, reason: &str, died_at: Millis) -> Self {
        Self {
            version: VERSION,
            conversation: address.to_string(),
            message_id: first.message_id.clone(),
            reason: reason.to_owned(),
            attempts: first.tries.max(1),
            died_at,
            turn: None,
            replies: std::iter::once(first).chain(rest).collect(),
        }
    }

    /// The KV key of the letter about a message.
    pub fn key(bot: &str, message_id: &str) -> String {
        format!("dead:{bot}:{message_id}")
    }

    /// `turn` or `reply`.
    pub fn kind(&self) -> &'static str {
        if self.turn.is_some() { "turn" } else { "reply" }
    }

    /// The row that obliges the conversation to tell KV.
    pub(super) fn into_row(self, bot: &str, seq: u64, now: Millis) -> Change {
        // KV metadata holds 1,024 bytes; the reason is the only part without a bound of its own.
        let reason: String = self.reason.chars().take(100).collect();
        let metadata = Json::new()
            .text("kind", self.kind())
            .text("reason", &reason)
            .number("attempts", u64::from(self.attempts))
            .number("diedAt", self.died_at)
            .build();
        let letter = Letter {
            key: Self::key(bot, &self.message_id),
            value: Some(self.to_json()),
            metadata,
            ttl_seconds: KEPT.as_secs(),
            tries: 0,
            due_at: now,
        };
        rows::put(rows::letter(seq), &letter)
    }
}

impl<P: Ports> Conversation<P> {
    pub(super) fn head_of_letters(&self) -> Result<Option<(String, Letter)>, StorageError> {
        rows::first(&self.ports, &rows::letters(), "")
    }

    /// Tells KV the first thing it still has to be told.
    pub(super) async fn deliver(&self, pass: Pass, key: String, mut letter: Letter) -> Result<(), StorageError> {
        let ttl = Duration::from_secs(letter.ttl_seconds);
        let delivered = match &letter.value {
            Some(value) => self.store(pass, &letter.key, value, ttl, &letter.metadata).await,
            None => self.remove(&letter.key).await,
        };
        if self.head_of_letters()?.is_none_or(|(head, row)| head != key || row.tries != letter.tries) {
            return Ok(());
        }
        match delivered {
            Ok(()) => self.conclude(pass, &[Change::Delete(key)]).await,
            Err(error) => {
                self.note("letter_refused", &error);
                letter.tries = letter.tries.saturating_add(1);
                letter.due_at = after(self.ports.now(), backoff::archive(letter.tries, &letter.key));
                self.conclude(pass, &[rows::put(key, &letter)]).await
            }
        }
    }

    /// Tries a dead message again: runs its turn again, or sends its replies under the ids that they had.
    ///
    /// # Errors
    ///
    /// It could not be stored; the letter has to be kept.
    pub async fn replay(&self, letter: DeadLetter) -> Result<Replayed, StorageError> {
        // The counts have to be known before one can be taken out of `dead`.
        let Ok(loaded) = self.load().await? else { return Ok(Replayed::Unavailable) };
        let seen = rows::seen(&letter.message_id);
        if self.ports.read(&seen)?.is_some_and(|status| status != Outcome::Dead.as_str()) {
            return Ok(Replayed::Duplicate);
        }
        let now = self.ports.now();
        let seq = self.next_seq()?;
        let mut changes = vec![Change::Put(seen, String::new())];
        let mut record = self.record()?;
        if !record.flight().loaded {
            loaded.into_record(&mut record, self.next_seq()?, now, &mut changes)?;
        }
        record.counts.revive();
        record.touch(now);
        changes.push(rows::put(rows::record(), &record));
        if let Some(entry) = letter.turn {
            let entry = Entry { seq, attempts: 0, delays: 0, due_at: now, replay: true, ..entry };
            changes.push(rows::put(rows::message(seq), &entry));
        }
        for (n, reply) in letter.replies.into_iter().enumerate() {
            // It may have been accepted before it was given up.
            let reply = Reply { seq, tries: 0, waits: 0, due_at: now, doubtful: true, ..reply };
            changes.push(rows::put(rows::reply(seq, n), &reply));
        }
        // Letters are delivered in order: the old one is gone from KV before a new one could take its place.
        let gone = Letter {
            key: DeadLetter::key(&self.address.bot, &letter.message_id),
            value: None,
            metadata: String::new(),
            ttl_seconds: 0,
            tries: 0,
            due_at: now,
        };
        changes.push(rows::put(rows::letter(self.next_seq()?), &gone));
        self.commit(&changes).await?;
        Ok(Replayed::Accepted)
    }
}
