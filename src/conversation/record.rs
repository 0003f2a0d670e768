//! What a conversation knows of itself: the state the bot keeps, the counts, and how far KV has it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::outcome::{Counts, Outcome};
use super::ports::Millis;

/// The version of everything stored: the rows of an object in flight and the values in KV.
///
/// Rows carry it in their keys, values in a field. What a newer version wrote is left where it is, or set aside, and
/// is found again by the code that knows it.
pub const VERSION: u32 = 1;

/// How many ids of sent replies are remembered, so that a thread under one of them is known to be the bot's.
const SENT_IDS: usize = 100;

/// The largest state a bot may keep in one conversation, in bytes of JSON. A row holds 2 MB.
pub const MAX_STATE_BYTES: usize = 1024 * 1024;

/// A conversation: one row while it is in flight, one KV value while it rests.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Record {
    /// [`VERSION`] of the code that wrote it.
    pub version: u32,
    /// Grows with every change that KV has to see.
    pub generation: u64,
    /// The bot's UID.
    pub bot: String,
    /// CometChat's own id, shown and never used as a key.
    pub conversation_id: Option<String>,
    /// The bot's state.
    pub state: Option<Box<RawValue>>,
    /// How the messages ended.
    pub counts: Counts,
    /// The ids that CometChat gave to the newest replies, oldest first.
    pub sent: Vec<String>,
    /// When the last message came or was dealt with, in UNIX milliseconds.
    pub updated_at: Millis,
    /// The newer version whose value in KV was set aside when this conversation was started afresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aside: Option<u32>,
    /// What only a conversation in flight knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flight: Option<Flight>,
}

/// How far KV has a conversation that is in flight.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Flight {
    /// Whether KV has been read since the object was empty. Until then the counts are only what came since.
    pub loaded: bool,
    /// The newest generation that KV has accepted.
    pub archived: u64,
    /// When it did.
    pub archived_at: Millis,
    /// How often in a row KV has failed.
    pub tries: u32,
    /// Not before this moment is KV tried again.
    pub due_at: Millis,
}

impl Record {
    /// Takes over what KV had, once. Counts made meanwhile are added to it.
    pub fn adopt(&mut self, archived: Option<Self>) {
        if self.flight().loaded {
            return;
        }
        self.flight_mut().loaded = true;
        let Some(archived) = archived else { return };
        self.generation = self.generation.saturating_add(archived.generation);
        self.counts = self.counts.plus(archived.counts);
        self.conversation_id = self.conversation_id.take().or(archived.conversation_id);
        self.sent = archived.sent;
        self.aside = archived.aside;
        self.state = archived.state;
    }

    /// What only a conversation in flight knows; a record from KV knows nothing of it.
    pub fn flight(&self) -> Flight {
        self.flight.unwrap_or_default()
    }

    /// The same, to change it.
    pub fn flight_mut(&mut self) -> &mut Flight {
        self.flight.get_or_insert_default()
    }

    /// Whether KV has to be told.
    pub fn has_to_rest(&self) -> bool {
        self.generation > self.flight().archived
    }

    /// The value for KV.
    pub fn at_rest(&self, bot: &str) -> Self {
        Self { version: VERSION, bot: bot.to_owned(), flight: None, ..self.clone() }
    }

    /// Reads a value from KV, of any version.
    pub fn read(json: &str) -> Reading {
        match serde_json::from_str::<Self>(json) {
            Ok(record) if record.version == VERSION => return Reading::Known(Box::new(record)),
            _ => {}
        }
        let version = serde_json::from_str::<Value>(json).ok().and_then(|value| value.get("version")?.as_u64());
        match version.and_then(|version| u32::try_from(version).ok()) {
            Some(version) if version > VERSION => Reading::Newer(version),
            _ => Reading::Damaged,
        }
    }

    /// Notes the id that CometChat gave to a reply.
    pub fn remember(&mut self, sent: &str) {
        if sent.is_empty() {
            return;
        }
        let surplus = self.sent.len().saturating_add(1).saturating_sub(SENT_IDS);
        self.sent.drain(..surplus.min(self.sent.len()));
        self.sent.push(sent.to_owned());
    }

    /// Notes a change that KV has to see.
    pub fn touch(&mut self, now: Millis) {
        self.generation = self.generation.saturating_add(1);
        self.updated_at = now;
    }

    /// Counts a message that has ended, and tells KV of it.
    pub fn end(&mut self, outcome: Outcome, now: Millis) {
        self.counts.end(outcome);
        self.touch(now);
    }
}

/// What reading a value from KV may show.
#[derive(Debug)]
pub enum Reading {
    /// A value that this code knows.
    Known(Box<Record>),
    /// One that a newer version wrote.
    Newer(u32),
    /// One that nobody can read.
    Damaged,
}
