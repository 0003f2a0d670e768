//! The rows of a conversation in flight: their keys, and typed reading and writing.
//!
//! Every key starts with the version of its format, so that code of one version never meets the rows of another.

use serde_json::value::RawValue;

use super::outcome::Outcome;
use super::ports::{Change, Millis, Storage, StorageError};
use super::record::{Record, VERSION};
use crate::json::{Field, object};

/// The prefix of every row of this version.
pub fn root() -> String {
    format!("{VERSION}/")
}

/// The key of the record.
pub fn record() -> String {
    format!("{VERSION}/record")
}

/// The prefix of the messages that wait for their turn, in order of arrival.
pub fn inbox() -> String {
    format!("{VERSION}/inbox/")
}

/// The key of a message that waits for its turn.
pub fn message(seq: u64) -> String {
    format!("{VERSION}/inbox/{seq:016}")
}

/// The prefix of the replies that wait to be confirmed, in the order in which they were made.
pub fn outbox() -> String {
    format!("{VERSION}/outbox/")
}

/// The prefix of the replies to one message.
pub fn replies_to(seq: u64) -> String {
    format!("{VERSION}/outbox/{seq:016}/")
}

/// The key of a reply.
pub fn reply(seq: u64, n: usize) -> String {
    format!("{VERSION}/outbox/{seq:016}/{n:06}")
}

/// How many replies to the same message there are up to and with the one that has this key.
pub fn replies_up_to(key: &str) -> usize {
    let n = key.rsplit('/').next().and_then(|n| n.parse::<usize>().ok());
    n.unwrap_or_default().saturating_add(1)
}

/// The prefix of what KV still has to be told.
pub fn letters() -> String {
    format!("{VERSION}/letter/")
}

/// The key of something KV still has to be told.
pub fn letter(seq: u64) -> String {
    format!("{VERSION}/letter/{seq:016}")
}

/// The key that says that a message has been received: one for all the triggers that report it.
pub fn seen(id: &str) -> String {
    format!("{VERSION}/seen/message/{id}")
}

object! {
    /// A message: at the door, in the inbox, or in its turn.
    #[derive(Debug, Clone)]
    pub struct Entry {
        /// CometChat's id.
        pub id: String as "id",
        /// The sender's UID.
        pub sender: String as "sender",
        /// Its category and type, for the log.
        pub kind: String as "kind",
        /// CometChat's id of the conversation.
        pub conversation_id: Option<String> as "conversationId",
        /// Its place in the order of arrival.
        pub seq: u64 as "seq",
        /// When it was stored.
        pub received_at: Millis as "receivedAt",
        /// How many attempts have begun. The newest one is the turn's epoch: only it may commit.
        pub attempts: u32 as "attempts",
        /// How often in a row the turn had to wait for KV.
        pub delays: u32 as "delays",
        /// Not before this moment does the next attempt begin.
        pub due_at: Millis as "dueAt",
        /// Whether it has been dead and is tried again, and so was counted as received before.
        pub replay: bool as "replay",
        /// The message as it came.
        pub message: Box<RawValue> as "message",
    }
}

impl Entry {
    /// A message at the door. The rest of the row is the inbox's.
    pub fn new(
        id: String,
        sender: String,
        kind: String,
        conversation_id: Option<String>,
        message: Box<RawValue>,
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
            due_at: 0,
            replay: false,
            message,
        }
    }
}

object! {
    /// A reply that waits to be confirmed.
    #[derive(Debug, Clone)]
    pub struct Reply {
        /// Its identity, which every attempt carries.
        pub id: String as "id",
        /// The place of the message it answers.
        pub seq: u64 as "seq",
        /// The message it answers.
        pub message_id: String as "messageId",
        /// That message's category and type, for the log.
        pub kind: String as "kind",
        /// When that message was stored.
        pub received_at: Millis as "receivedAt",
        /// How many attempts its turn took.
        pub attempts: u32 as "attempts",
        /// Whether it is the last reply to that message, with whose confirmation the message ends.
        pub last: bool as "last",
        /// How the message ends then.
        pub outcome: Outcome as "outcome",
        /// Why, where the bot gave a reason.
        pub reason: Option<String> as "reason",
        /// When the reply was made: it cannot be at CometChat any earlier.
        pub made_at: Millis as "madeAt",
        /// How often sending has failed.
        pub tries: u32 as "tries",
        /// How often in a row CometChat has asked to wait.
        pub waits: u32 as "waits",
        /// Not before this moment is it sent again.
        pub due_at: Millis as "dueAt",
        /// Whether CometChat may have it already.
        pub doubtful: bool as "doubtful",
        /// The whole body of the REST call.
        pub body: Box<RawValue> as "body",
    }
}

object! {
    /// Something that KV still has to be told: an obligation that is kept until KV has accepted it.
    #[derive(Debug, Clone)]
    pub struct Letter {
        /// The KV key.
        pub key: String as "key",
        /// The KV value; `None` where the key has to go.
        pub value: Option<String> as "value",
        /// The KV metadata, as JSON.
        pub metadata: String as "metadata",
        /// When it expires, in seconds from the time of writing.
        pub ttl_seconds: u64 as "ttlSeconds",
        /// How often KV has failed.
        pub tries: u32 as "tries",
        /// Not before this moment is it tried again.
        pub due_at: Millis as "dueAt",
    }
}

/// Writes a row.
pub fn put(key: String, value: &impl Field) -> Change {
    Change::Put(key, value.to_json())
}

/// Reads the record, if there is one.
///
/// One that cannot be read is moved aside, and a fresh one stands in for it, so that KV is read again.
pub fn find_record(storage: &impl Storage) -> Result<Option<Record>, StorageError> {
    let key = record();
    match storage.read(&key)? {
        Some(text) => Ok(Some(decode(storage, key, text)?.unwrap_or_else(Record::fresh))),
        None => Ok(None),
    }
}

/// The first readable row below `prefix` and after `after`. Unreadable ones are moved aside.
pub fn first<T: Field>(storage: &impl Storage, prefix: &str, after: &str) -> Result<Option<(String, T)>, StorageError> {
    while let Some((key, text)) = storage.first(prefix, after)? {
        if let Some(value) = decode(storage, key.clone(), text)? {
            return Ok(Some((key, value)));
        }
    }
    Ok(None)
}

/// Reads a row's text, or moves the row aside under a key that no version reads.
fn decode<T: Field>(storage: &impl Storage, key: String, text: String) -> Result<Option<T>, StorageError> {
    match T::read(Some(&text)) {
        Some(value) => Ok(Some(value)),
        None => {
            storage.write(&[Change::Put(format!("aside/{key}"), text), Change::Delete(key)])?;
            Ok(None)
        }
    }
}
