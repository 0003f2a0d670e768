//! What a conversation knows of itself: the state the bot keeps, the counts, and how far KV has it.

use std::rc::Rc;

use serde_json::value::RawValue;

use super::outcome::{Counts, Outcome};
use super::ports::Millis;
use crate::json::{Field, Fields, object};

/// The version of the values in KV. What a newer version wrote is set aside, and is found again by the code that
/// knows it.
pub const VERSION: u32 = 1;

/// How many ids of sent replies are remembered, so that a thread under one of them is known to be the bot's.
const SENT_IDS: usize = 100;

/// How many labelled messages are remembered.
const LABELS: usize = 20;

/// The largest state a bot may keep in one conversation, in bytes of JSON. A row holds 2 MB.
pub const MAX_STATE_BYTES: usize = 1024 * 1024;

object! {
    /// A conversation: one row while it is in flight, one KV value while it rests.
    #[derive(Debug, Clone, Default)]
    pub struct Record {
        /// [`VERSION`] of the code that wrote it.
        pub version: u32 as "version" = 0,
        /// Grows with every change that KV has to see.
        pub generation: u64 as "generation" = 0,
        /// The bot's UID.
        pub bot: String as "bot" = String::new(),
        /// CometChat's own id, shown and never used as a key.
        pub conversation_id: Option<String> as "conversationId",
        /// The bot's state; in flight only where it is small, and else a row of its own.
        pub state: Option<Rc<RawValue>> as "state",
        /// How the messages ended.
        pub counts: Counts as "counts" = Counts::default(),
        /// The ids that CometChat gave to the newest replies in a group, oldest first.
        pub sent: Vec<String> as "sent" = Vec::new(),
        /// The messages of the bot's own that have a label, oldest first.
        pub labels: Option<Vec<Label>> as "labels",
        /// When the last message came or was dealt with, in UNIX milliseconds.
        pub updated_at: Millis as "updatedAt" = 0,
        /// The newer version whose value in KV was set aside when this conversation was started afresh.
        pub aside: Option<u32> as "aside",
        /// What only a conversation in flight knows.
        pub bookkeeping: Option<Bookkeeping> as "flight",
    }
}

object! {
    /// A message of the bot's own that it may edit or delete later.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Label {
        /// What the bot calls it.
        pub label: String as "label",
        /// CometChat's id.
        pub id: String as "id",
    }
}

object! {
    /// How far KV has a conversation that is in flight, and what else only its object has to know.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct Bookkeeping {
        /// Whether KV has been read since the object was empty. Until then the counts are only what came since.
        pub loaded: bool as "loaded" = false,
        /// The newest generation that KV has accepted.
        pub archived: u64 as "archived" = 0,
        /// When it did.
        pub archived_at: Millis as "archivedAt" = 0,
        /// Since when there is something that KV has not seen; 0 where there is nothing, or that is not known.
        pub unrested_since: Millis as "unrestedSince" = 0,
        /// How often in a row KV has failed.
        pub tries: u32 as "tries" = 0,
        /// Not before this moment is KV tried again.
        pub due_at: Millis as "dueAt" = 0,
        /// Not before this moment is KV told of what replaces a letter: the letter, or its deletion, may be under way.
        pub letters_again_at: Millis as "lettersAgainAt" = 0,
        /// Ids of messages are known from here on, at the earliest, in UNIX milliseconds; 0 where there are none.
        pub seen_since: Millis as "seenSince" = 0,
        /// Until when the ids that version 1 has stored are remembered; 0 where there are none.
        pub old_seen_until: Millis as "oldSeenUntil" = 0,
    }
}

impl Record {
    /// A conversation that nothing is known of.
    pub fn fresh() -> Self {
        Self { version: VERSION, ..Self::default() }
    }

    /// Takes over what KV had, once. Counts made meanwhile are added to it.
    pub fn adopt(&mut self, archived: Option<&Self>) {
        if self.bookkeeping().loaded {
            return;
        }
        self.bookkeeping_mut().loaded = true;
        let Some(archived) = archived else { return };
        self.generation = self.generation.saturating_add(archived.generation);
        self.counts = self.counts.plus(archived.counts);
        self.conversation_id = self.conversation_id.take().or_else(|| archived.conversation_id.clone());
        self.sent.clone_from(&archived.sent);
        let newer = std::mem::replace(&mut self.labels, archived.labels.clone());
        newer.into_iter().flatten().for_each(|Label { label, id }| self.label(label, id));
        self.aside = archived.aside;
        self.state.clone_from(&archived.state);
    }

    /// What only a conversation in flight knows; a record from KV knows nothing of it.
    pub fn bookkeeping(&self) -> Bookkeeping {
        self.bookkeeping.unwrap_or_default()
    }

    /// The same, to change it.
    pub fn bookkeeping_mut(&mut self) -> &mut Bookkeeping {
        self.bookkeeping.get_or_insert_default()
    }

    /// Whether KV has to be told.
    pub fn has_to_rest(&self) -> bool {
        self.generation > self.bookkeeping().archived
    }

    /// The value for KV.
    pub fn at_rest(&self, bot: &str, state: Option<Rc<RawValue>>) -> Self {
        Self { version: VERSION, bot: bot.to_owned(), state, bookkeeping: None, ..self.clone() }
    }

    /// Reads a value from KV, of any version.
    pub fn from_kv(json: &str) -> Reading {
        let version = Fields::parse(json).ok().and_then(|fields| fields.read::<u32>("version"));
        match (version, <Self as Field>::read(Some(json))) {
            (Some(version), _) if version > VERSION => Reading::Newer(version),
            (Some(_), Some(record)) => Reading::Known(Box::new(record)),
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

    /// Gives a message of the bot's own a label, which is taken from the one that had it.
    pub fn label(&mut self, label: String, id: String) {
        let labels = self.labels.get_or_insert_default();
        labels.retain(|known| known.label != label);
        let surplus = labels.len().saturating_add(1).saturating_sub(LABELS);
        labels.drain(..surplus.min(labels.len()));
        labels.push(Label { label, id });
    }

    /// The message with this label is gone.
    pub fn forget_label(&mut self, label: &str) {
        self.labels.iter_mut().for_each(|labels| labels.retain(|known| known.label != label));
    }

    /// The id of the message with this label.
    pub fn labelled(&self, label: &str) -> Option<&str> {
        self.labels.iter().flatten().find(|known| known.label == label).map(|known| known.id.as_str())
    }

    /// Notes a change that KV has to see.
    pub fn touch(&mut self, now: Millis) {
        if !self.has_to_rest() {
            self.bookkeeping_mut().unrested_since = now;
        }
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
