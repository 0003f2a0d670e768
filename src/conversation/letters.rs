//! Dead letters: what could not be dealt with, kept in KV for an operator, and tried again when one says so.
//!
//! A letter is a row until KV has accepted it, so a message that is dead is never lost. What it is about lies in
//! rows of its own beside it, so that no letter is too large to be written.

use std::time::Duration;

use super::commit::Commit;
use super::lanes::Pass;
use super::ports::{Millis, Ports, StorageError, after};
use super::reason::Reason;
use super::record::VERSION;
use super::rows::{self, Entry, Letter, Reply};
use super::turn::UNDER_WAY;
use super::{Conversation, backoff};
use crate::address::Address;
use crate::json::{Field, Json, object};

/// How long a dead letter is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long what was given up may still be under way to KV, a letter or its deletion. An assumption, like that about
/// CometChat.
const UNDER_WAY_TO_KV: Duration = Duration::from_secs(30);

/// How many pieces are read at a time.
const PAGE: usize = 100;

object! {
    /// A message that died, with all that is needed to try again: the rows that were taken out of the conversation.
    #[derive(Debug, Clone)]
    pub struct DeadLetter {
        /// [`VERSION`] of the code that wrote it.
        pub version: u32 as "version" = VERSION,
        /// The conversation it died in: `{bot}:{user|group}:{peer}`.
        pub conversation: String as "conversation",
        /// CometChat's id of the message.
        pub message_id: String as "messageId",
        /// Why it died: Halley's own word, CometChat's code, or what the bot said, after `bot:`.
        pub reason: String as "reason" = String::new(),
        /// How many attempts were made.
        pub attempts: u32 as "attempts" = 0,
        /// When it died, in UNIX milliseconds.
        pub died_at: Millis as "diedAt" = 0,
        /// The message whose turn died; `None` where its replies did.
        pub turn: Option<Entry> as "turn",
        /// The replies that were not sent, in order.
        pub replies: Vec<Reply> as "replies" = Vec::new(),
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
    pub(super) fn of_turn(entry: &Entry, address: &Address, reason: &Reason, died_at: Millis) -> Self {
        Self::new(&entry.id, address, reason, entry.attempts, died_at)
    }

    pub(super) fn of_replies(first: &Reply, address: &Address, reason: &Reason, died_at: Millis) -> Self {
        Self::new(&first.message_id, address, reason, first.tries.max(1), died_at)
    }

    fn new(message_id: &str, address: &Address, reason: &Reason, attempts: u32, died_at: Millis) -> Self {
        Self {
            version: VERSION,
            conversation: address.to_string(),
            message_id: message_id.to_owned(),
            reason: reason.to_string(),
            attempts,
            died_at,
            turn: None,
            replies: Vec::new(),
        }
    }

    /// The KV key of the letter about a message. One id may be in two conversations.
    pub fn key(address: &Address, message_id: &str) -> String {
        format!("dead:{address}:{message_id}")
    }

    /// The letter without what it is about.
    fn head(&self) -> Json {
        Json::new()
            .number("version", u64::from(self.version))
            .text("conversation", &self.conversation)
            .text("messageId", &self.message_id)
            .text("reason", &self.reason)
            .number("attempts", u64::from(self.attempts))
            .number("diedAt", self.died_at)
    }
}

impl<P: Ports> Conversation<P> {
    /// Adds a letter to a commit, and what it is about: pieces of the field `field`. `again` says that the message has
    /// had a letter before.
    pub(super) fn put_dead_letter<T: Field>(
        &self,
        commit: &mut Commit,
        letter: &DeadLetter,
        again: bool,
        field: &str,
        pieces: Vec<T>,
    ) -> Result<(), StorageError> {
        // KV metadata holds 1,024 bytes; the reason is the only part without a bound of its own.
        let reason: String = letter.reason.chars().take(100).collect();
        let metadata = Json::new()
            .text("kind", if field == "turn" { "turn" } else { "reply" })
            .text("reason", &reason)
            .number("attempts", u64::from(letter.attempts))
            .number("diedAt", letter.died_at)
            .build();
        let key = rows::letter(self.next_seq()?);
        for (n, piece) in pieces.into_iter().enumerate() {
            let piece = piece.to_json();
            if piece.len() > rows::MAX_ROW_BYTES {
                // Nothing that may lie in a conversation must keep it from going on.
                self.note("letter_cut", &letter.message_id);
            } else {
                commit.put(rows::piece(&key, n), piece);
            }
        }
        let row = Letter {
            key: DeadLetter::key(&self.address, &letter.message_id),
            value: Some(letter.head().build()),
            pieces: Some(field.to_owned()),
            death: None,
            again,
            metadata,
            ttl_seconds: KEPT.as_secs(),
            tries: 0,
            due_at: commit.now,
        };
        commit.put_letter(key, row);
        Ok(())
    }

    pub(super) fn first_letter(&self) -> Result<Option<(String, std::rc::Rc<Letter>)>, StorageError> {
        self.stored(|stored| stored.letters.next(&self.ports, "", &mut stored.unreadable))?
    }

    /// When KV is told of the first letter.
    pub(super) fn letter_due(&self) -> Result<Option<Millis>, StorageError> {
        let settled = self.stored(|stored| stored.record.bookkeeping().letters_again_at)?;
        let first = self.first_letter()?;
        let is_second = |letter: &Letter| letter.again || letter.death.is_some();
        Ok(first.map(|(_, letter)| if is_second(&letter) { letter.due_at.max(settled) } else { letter.due_at }))
    }

    /// Tells KV of the first letter.
    pub(super) async fn deliver(&self, pass: Pass) -> Result<(), StorageError> {
        let Some((key, letter)) = self.first_letter()? else { return Ok(()) };
        let delivered = match self.whole(&key, &letter)? {
            Some(value) => {
                let ttl = Duration::from_secs(letter.ttl_seconds);
                self.store(pass, &letter.key, &value, ttl, &letter.metadata).await
            }
            None => self.remove(&letter.key).await,
        };
        if self.first_letter()?.is_none_or(|(first, row)| first != key || row.tries != letter.tries) {
            return Ok(());
        }
        let mut commit = self.begin();
        match delivered {
            Ok(()) => {
                let now = commit.now;
                if let Some(death) = &letter.death {
                    // KV may go on showing what is gone: so long this is remembered, and the object does not empty itself.
                    commit.see(self.seen_key(death, now), String::new());
                    self.record_of(&mut commit)?.bookkeeping_mut().archived_at = now;
                }
                // An attempt before this one, perhaps of an earlier instance, may still be under way.
                if letter.tries > 0 || letter.due_at <= self.started {
                    self.record_of(&mut commit)?.bookkeeping_mut().letters_again_at = after(now, UNDER_WAY_TO_KV);
                }
                commit.drop_letter(key);
            }
            Err(error) => {
                self.note("letter_refused", &error);
                let tries = letter.tries.saturating_add(1);
                let due_at = after(commit.now, backoff::archive(tries, &letter.key));
                commit.put_letter(key, Letter { tries, due_at, ..Letter::clone(&letter) });
            }
        }
        self.conclude(commit)
    }

    /// The value for KV, put together from its pieces.
    fn whole(&self, key: &str, letter: &Letter) -> Result<Option<String>, StorageError> {
        let (Some(head), Some(field)) = (&letter.value, &letter.pieces) else { return Ok(letter.value.clone()) };
        let mut pieces = Vec::new();
        let mut after = key.to_owned();
        loop {
            let page = self.ports.range(&after, &rows::end_of(key), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            pieces.extend(page.into_iter().map(|(_, piece)| piece));
        }
        let about = match (field.as_str(), pieces.as_slice()) {
            ("turn", [piece, ..]) => piece.clone(),
            ("turn", []) => "null".to_owned(),
            _ => format!("[{}]", pieces.join(",")),
        };
        let open = head.strip_suffix('}').unwrap_or(head);
        Ok(Some(format!("{open},\"{field}\":{about}}}")))
    }

    /// Tries a dead message again: runs its turn again, or sends its replies under the ids that they had. `kv_key` is
    /// where the letter lies.
    ///
    /// What was refused, or never sent, needs no look; what was given up in doubt does.
    ///
    /// # Errors
    ///
    /// It could not be stored; the letter has to be kept.
    pub async fn replay(&self, kv_key: &str, letter: DeadLetter) -> Result<Replayed, StorageError> {
        if letter.turn.is_none() && letter.replies.is_empty() {
            return Ok(Replayed::Duplicate);
        }
        // The counts have to be known before one can be taken out of `dead`.
        let Ok(loaded) = self.load().await? else { return Ok(Replayed::Unavailable) };
        // A message may die again; this is about this death of it.
        let death = format!("replay:{}:{}", letter.message_id, letter.died_at);
        let mut commit = self.begin();
        let now = commit.now;
        let goes = self.stored(|stored| stored.letters.any(|letter| letter.death.as_ref() == Some(&death)))?;
        if goes || self.seen(&death, now)?.is_some() {
            return Ok(Replayed::Duplicate);
        }
        commit.see(self.seen_key(&death, now), String::new());
        let seq = self.next_seq()?;
        self.add_archived(&mut commit, &loaded)?;
        let record = self.record_of(&mut commit)?;
        record.counts.revive();
        record.touch(now);
        if let Some(entry) = letter.turn {
            commit.put_entry(Entry { seq, attempts: 0, delays: 0, due_at: now, counted: true, ..entry });
        }
        let mut unsent = Vec::new();
        let last = letter.replies.len().saturating_sub(1);
        for (n, reply) in letter.replies.into_iter().enumerate() {
            let key = rows::reply(rows::OUTBOX, seq, n);
            let due_at = if reply.doubtful { now } else { after(now, UNDER_WAY) };
            if !reply.doubtful {
                unsent.push(key.clone());
            }
            let reply =
                Reply { seq, queued_at: now, tries: 0, waits: 0, due_at, doubtful_since: 0, last: n == last, ..reply };
            commit.put_reply(key, reply);
        }
        // Letters are delivered in order: the old one is gone from KV before a new one could take its place.
        let gone = Letter {
            key: kv_key.to_owned(),
            value: None,
            pieces: None,
            death: Some(death),
            again: false,
            metadata: "{}".to_owned(),
            ttl_seconds: 0,
            tries: 0,
            due_at: now,
        };
        commit.put_letter(rows::letter(self.next_seq()?), gone);
        self.finish_then(commit, || self.memory.borrow_mut().unsent.extend(unsent)).await?;
        Ok(Replayed::Accepted)
    }
}
