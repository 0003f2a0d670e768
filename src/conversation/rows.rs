//! The rows of a conversation in flight: their keys, and what is in them.
//!
//! The keys of what is worked on start with the version of their format, so that code of one version never takes the
//! rows of another for its own. Within a version, fields are only added, with a value for rows that lack them.

use std::rc::Rc;

use serde_json::value::RawValue;

use super::outcome::Outcome;
use super::ports::Millis;
use crate::cometchat::Action;
use crate::json::object;

/// The version of the rows. See `upgrade` for those before it.
pub(super) const VERSION: u32 = 2;

/// The largest row that storage takes, in bytes, with room for its key: 2 MB.
pub(super) const MAX_ROW_BYTES: usize = 1_990_000;

/// Before every row that is worked on, and after it.
pub(super) const ROOT: &str = "2/";
pub(super) const END: &str = "2/~";

/// The record.
pub(super) const RECORD: &str = "2/record";
/// The bot's state, where it is too large for the record.
pub(super) const STATE: &str = "2/state";
/// The messages that wait for their turn, in order of arrival.
pub(super) const INBOX: &str = "2/inbox/";
/// The replies that wait to be confirmed, in the order in which they were made.
pub(super) const OUTBOX: &str = "2/outbox/";
/// The answers that have been in doubt for so long that newer ones go before them.
pub(super) const DOUBT: &str = "2/doubt/";
/// What KV still has to be told.
pub(super) const LETTERS: &str = "2/letter/";
/// Ids of messages, by the time at which they were stored. After all other rows.
pub(super) const SEEN: &str = "seen/";

/// The key after every one that starts with `prefix`.
pub(super) fn end_of(prefix: &str) -> String {
    format!("{prefix}~")
}

/// The key of a message that waits for its turn.
pub(super) fn message(seq: u64) -> String {
    format!("{INBOX}{seq:016}")
}

/// The key of a reply, below [`OUTBOX`] or [`DOUBT`].
pub(super) fn reply(prefix: &str, seq: u64, n: usize) -> String {
    format!("{prefix}{seq:016}/{n:06}")
}

/// The number of a notice among the replies to a message: what the sender is told when the message is dead. It is no answer.
const NOTICE: usize = 999_999;

/// The key of a notice.
pub(super) fn notice(seq: u64) -> String {
    reply(OUTBOX, seq, NOTICE)
}

/// Whether this is the key of a notice, whatever the row holds.
pub(super) fn is_notice(key: &str) -> bool {
    key.ends_with("/999999")
}

/// The key of something KV still has to be told.
pub(super) fn letter(seq: u64) -> String {
    format!("{LETTERS}{seq:016}")
}

/// The key of a part of it.
pub(super) fn piece(letter: &str, n: usize) -> String {
    format!("{letter}/{n:06}")
}

/// The place in the order of arrival that a key below `prefix` names.
pub(super) fn seq_of(prefix: &str, key: &str) -> u64 {
    key.strip_prefix(prefix).and_then(|rest| rest.split('/').next()?.parse().ok()).unwrap_or_default()
}

/// How many replies to the same message there are up to and with the one that has this key.
pub(super) fn replies_up_to(key: &str) -> usize {
    let n = key.rsplit('/').next().and_then(|n| n.parse::<usize>().ok());
    n.unwrap_or_default().saturating_add(1)
}

/// The key that says that `what` has been received, in the stretch of time that begins at `start` (UNIX seconds).
pub(super) fn seen(start: u64, what: &str) -> String {
    format!("{SEEN}{start:011}/{what}")
}

object! {
    /// A message: at the door, in the inbox, or in its turn.
    #[derive(Debug, Clone)]
    pub struct Entry {
        /// CometChat's id.
        pub id: String as "id",
        /// The sender's UID.
        pub sender: String as "sender" = String::new(),
        /// Its category and type, for the log.
        pub kind: String as "kind" = String::new(),
        /// CometChat's id of the conversation.
        pub conversation_id: Option<String> as "conversationId",
        /// Its place in the order of arrival.
        pub seq: u64 as "seq" = 0,
        /// When it was stored.
        pub received_at: Millis as "receivedAt" = 0,
        /// How many attempts have begun. The newest one is the turn's epoch: only it may commit.
        pub attempts: u32 as "attempts" = 0,
        /// How often the turn had to wait for something that is not its own fault.
        pub delays: u32 as "delays" = 0,
        /// What it waited for last.
        pub waits_for: Option<String> as "waitsFor",
        /// Not before this moment does the next attempt begin.
        pub due_at: Millis as "dueAt" = 0,
        /// Whether it was counted as received before: it is tried again, or a rule had put it aside first.
        pub counted: bool as "replay" = false,
        /// The message as it came.
        pub message: Rc<RawValue> as "message",
    }
}

impl Entry {
    /// A message at the door. The rest of the row is the inbox's.
    pub fn new(
        id: String,
        sender: String,
        kind: String,
        conversation_id: Option<String>,
        message: Rc<RawValue>,
    ) -> Self {
        Self {
            id,
            sender,
            kind,
            conversation_id,
            seq: 0,
            received_at: 0,
            attempts: 0,
            delays: 0,
            waits_for: None,
            due_at: 0,
            counted: false,
            message,
        }
    }
}

object! {
    /// A reply, or something else that is asked of CometChat, which waits to be confirmed.
    #[derive(Debug, Clone)]
    pub struct Reply {
        /// Its identity, which every attempt carries.
        pub id: String as "id",
        /// The place of the message it answers.
        pub seq: u64 as "seq" = 0,
        /// The message it answers.
        pub message_id: String as "messageId",
        /// That message's category and type, for the log.
        pub kind: String as "kind" = String::new(),
        /// When that message was stored.
        pub received_at: Millis as "receivedAt" = 0,
        /// How many attempts its turn took.
        pub attempts: u32 as "attempts" = 0,
        /// Whether it is the last reply to that message, with whose confirmation the message ends.
        pub last: bool as "last" = true,
        /// How the message ends then.
        pub outcome: Outcome as "outcome" = Outcome::Answered,
        /// Why, where the bot gave a reason.
        pub reason: Option<String> as "reason",
        /// When the reply was made: it cannot be at CometChat any earlier.
        pub made_at: Millis as "madeAt" = 0,
        /// When it was put into the outbox; 0 where that was when it was made.
        pub queued_at: Millis as "queuedAt" = 0,
        /// How often sending has failed.
        pub tries: u32 as "tries" = 0,
        /// How often in a row CometChat has asked to wait, or refused everybody.
        pub waits: u32 as "waits" = 0,
        /// What kept it back last: CometChat's code, or what went wrong.
        pub waits_for: Option<String> as "waitsFor",
        /// Not before this moment is it sent again.
        pub due_at: Millis as "dueAt" = 0,
        /// Whether CometChat may have it already.
        pub doubtful: bool as "doubtful" = true,
        /// Since when it has been in doubt; 0 where it is not, or that is not known.
        pub doubtful_since: Millis as "doubtfulSince" = 0,
        /// What is done.
        pub action: Action as "action" = Action::Send,
        /// The id of the message that it is done to, or of the one whose thread it goes into.
        pub target: Option<String> as "target",
        /// The label of the message that it is done to.
        pub target_label: Option<String> as "targetLabel",
        /// The label of the message that it makes.
        pub label: Option<String> as "label",
        /// The whole body of the REST call; of a reaction, the reaction.
        pub body: Rc<RawValue> as "body",
    }
}

impl Reply {
    /// Whether it is a notice. Its message has ended already.
    pub(super) fn is_notice(&self) -> bool {
        self.outcome == Outcome::Dead
    }

    /// When it was put into the outbox.
    pub(super) fn waits_since(&self) -> Millis {
        if self.queued_at == 0 { self.made_at } else { self.queued_at }
    }
}

object! {
    /// Something that KV still has to be told: an obligation that is kept until KV has accepted it.
    #[derive(Debug, Clone)]
    pub struct Letter {
        /// The KV key.
        pub key: String as "key",
        /// The KV value, without its pieces; `None` where the key has to go.
        pub value: Option<String> as "value",
        /// The field of the value that the pieces go into: the message of a `turn`, or the `replies`. Each piece is a
        /// row of its own, so that no letter is too large for one.
        pub pieces: Option<String> as "pieces",
        /// Where a letter has to go because its message is tried again: what says so among the ids.
        pub death: Option<String> as "death",
        /// Whether there was a letter under this key before, and KV may still be about to delete it.
        pub again: bool as "again" = false,
        /// The KV metadata, as JSON.
        pub metadata: String as "metadata" = "{}".to_owned(),
        /// When it expires, in seconds from the time of writing.
        pub ttl_seconds: u64 as "ttlSeconds" = 0,
        /// How often KV has failed.
        pub tries: u32 as "tries" = 0,
        /// Not before this moment is it tried again.
        pub due_at: Millis as "dueAt" = 0,
    }
}
