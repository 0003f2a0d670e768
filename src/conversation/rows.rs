//! The rows of a conversation in flight: their keys, and typed reading and writing.
//!
//! Every key starts with the version of its format, so that code of one version never meets the rows of another.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::outcome::Outcome;
use super::ports::{Change, Millis, Storage, StorageError};
use super::record::{Record, VERSION};

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

/// A message: at the door, in the inbox, or in its turn.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// CometChat's id.
    pub id: String,
    /// The sender's UID.
    pub sender: String,
    /// Its category and type, for the log.
    pub kind: String,
    /// CometChat's id of the conversation.
    pub conversation_id: Option<String>,
    /// Its place in the order of arrival.
    pub seq: u64,
    /// When it was stored.
    pub received_at: Millis,
    /// How many attempts have begun. The newest one is the turn's epoch: only it may commit.
    pub attempts: u32,
    /// How often in a row the turn had to wait for KV.
    pub delays: u32,
    /// Not before this moment does the next attempt begin.
    pub due_at: Millis,
    /// Whether it has been dead and is tried again, and so was counted as received before.
    pub replay: bool,
    /// The message as it came.
    pub message: Box<RawValue>,
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

/// A reply that waits to be confirmed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// Its identity, which every attempt carries.
    pub id: String,
    /// The place of the message it answers.
    pub seq: u64,
    /// The message it answers.
    pub message_id: String,
    /// That message's category and type, for the log.
    pub kind: String,
    /// When that message was stored.
    pub received_at: Millis,
    /// How many attempts its turn took.
    pub attempts: u32,
    /// Whether it is the last reply to that message, with whose confirmation the message ends.
    pub last: bool,
    /// How the message ends then.
    pub outcome: Outcome,
    /// When the reply was made: it cannot be at CometChat any earlier.
    pub made_at: Millis,
    /// How often sending has failed.
    pub tries: u32,
    /// How often in a row CometChat has asked to wait.
    pub waits: u32,
    /// Not before this moment is it sent again.
    pub due_at: Millis,
    /// Whether CometChat may have it already.
    pub doubtful: bool,
    /// The whole body of the REST call.
    pub body: Box<RawValue>,
}

/// Something that KV still has to be told: an obligation that is kept until KV has accepted it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// The KV key.
    pub key: String,
    /// The KV value.
    pub value: String,
    /// The KV metadata, as JSON.
    pub metadata: String,
    /// When it expires, in seconds from the time of writing.
    pub ttl_seconds: u64,
    /// How often KV has failed.
    pub tries: u32,
    /// Not before this moment is it tried again.
    pub due_at: Millis,
}

/// Writes a row.
pub fn put<T: Serialize>(key: String, value: &T) -> Result<Change, StorageError> {
    let text = serde_json::to_string(value).map_err(|error| StorageError(format!("{key}: {error}")))?;
    Ok(Change::Put(key, text))
}

/// Reads the record; a conversation that has none starts with the default.
///
/// A record that cannot be read counts as none: it is moved aside, and KV is read again.
pub fn read_record(storage: &impl Storage) -> Result<Record, StorageError> {
    let key = record();
    match storage.read(&key)? {
        Some(text) => Ok(decode(storage, key, text)?.unwrap_or_default()),
        None => Ok(Record::default()),
    }
}

/// The first readable row below `prefix` and after `after`. Unreadable ones are moved aside.
pub fn first<T: DeserializeOwned>(
    storage: &impl Storage,
    prefix: &str,
    after: &str,
) -> Result<Option<(String, T)>, StorageError> {
    while let Some((key, text)) = storage.first(prefix, after)? {
        if let Some(value) = decode(storage, key.clone(), text)? {
            return Ok(Some((key, value)));
        }
    }
    Ok(None)
}

/// Reads a row's text, or moves the row aside under a key that no version reads.
fn decode<T: DeserializeOwned>(storage: &impl Storage, key: String, text: String) -> Result<Option<T>, StorageError> {
    match serde_json::from_str(&text) {
        Ok(value) => Ok(Some(value)),
        Err(_) => {
            storage.write(&[Change::Put(format!("aside/{key}"), text), Change::Delete(key)])?;
            Ok(None)
        }
    }
}
