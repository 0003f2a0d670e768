//! What the engine needs of the world. The edge provides it over Cloudflare, the simulation under a virtual clock.

use std::fmt;
use std::time::Duration;

use crate::cometchat::{NoAnswer, Request, Response};

/// A moment, in UNIX milliseconds.
pub type Millis = u64;

/// Adds a duration to a moment.
pub(crate) fn after(moment: Millis, wait: Duration) -> Millis {
    moment.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

/// Time.
pub trait Clock {
    /// What time it is.
    fn now(&self) -> Millis;
    /// Waits.
    fn sleep(&self, wait: Duration) -> impl Future<Output = ()>;
}

/// A change to the stored rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Writes a row.
    Put(String, String),
    /// Deletes a row; deleting what is not there is no error.
    Delete(String),
    /// Deletes the first `limit` rows with keys after `after` and before `until`.
    DeleteRange {
        /// The key before the first one.
        after: String,
        /// The key after the last one.
        until: String,
        /// How many rows at most.
        limit: usize,
    },
}

/// The rows of one conversation in flight: an ordered map from key to text, and one alarm.
///
/// Writes and an alarm set without an `await` between them become durable together, and nothing leaves the
/// conversation (no answer, no request) before they are. So the engine waits for the disk only where it hands over to
/// code that may take the instance with it.
pub trait Storage {
    /// Any of these rows that is there, with its key.
    fn read(&self, keys: &[String]) -> Result<Option<(String, String)>, StorageError>;
    /// The first `limit` rows with keys after `after` and before `until`, in their order.
    fn range(&self, after: &str, until: &str, limit: usize) -> Result<Vec<(String, String)>, StorageError>;
    /// The last key after `after` and before `until`.
    fn last(&self, after: &str, until: &str) -> Result<Option<String>, StorageError>;
    /// How many rows have keys after `after` and before `until`.
    fn count(&self, after: &str, until: &str) -> Result<u64, StorageError>;
    /// Writes all of the changes, or none. Of one row that is deleted and written, the writing comes last.
    fn write(&self, changes: &[Change]) -> Result<(), StorageError>;
    /// Waits until everything that was written is on disk.
    fn sync(&self) -> impl Future<Output = Result<(), StorageError>>;
    /// Calls for the alarm at `at`, in place of the one that was set before.
    fn set_alarm(&self, at: Millis) -> impl Future<Output = Result<(), StorageError>>;
    /// Deletes every row and the alarm.
    fn clear(&self) -> impl Future<Output = Result<(), StorageError>>;
}

/// Where conversations rest, and dead letters lie: KV.
///
/// A read may be a minute old, and a key takes one write a second; the engine expects no more.
pub trait Archive {
    /// Reads a value.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, ArchiveError>>;
    /// Writes a value that expires `ttl` from now, with metadata (JSON, at most 1,024 bytes) for listings.
    fn put(
        &self,
        key: &str,
        value: &str,
        ttl: Duration,
        metadata: &str,
    ) -> impl Future<Output = Result<(), ArchiveError>>;
    /// Deletes a value; one that is not there is no error.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), ArchiveError>>;
}

/// The REST API.
pub trait CometChat {
    /// Sends a request and waits for the answer, but not longer than [`crate::cometchat::DEADLINE`]: then it gives the
    /// request up, for `timeout`.
    fn call(&self, request: &Request) -> impl Future<Output = Result<Response, NoAnswer>>;
}

/// Where one line of JSON per event goes.
pub trait Journal {
    /// Writes a line.
    fn line(&self, line: String);
}

/// The whole world of one conversation.
pub trait Ports: Clock + Storage + Archive + CometChat + Journal {}

impl<T: Clock + Storage + Archive + CometChat + Journal> Ports for T {}

/// The rows could not be read or written. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageError(pub String);

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "storage: {}", self.0)
    }
}

impl std::error::Error for StorageError {}

/// KV could not be read or written, or did not answer in time. Whether a write was taken is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveError(pub String);

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "archive: {}", self.0)
    }
}

impl std::error::Error for ArchiveError {}
