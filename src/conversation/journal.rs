//! The log: one line of JSON for each message that has ended, and one for whatever else a deployer should know.
//!
//! Lines carry ids, kinds, outcomes and durations, never what people wrote.

use std::fmt::Display;

use super::Conversation;
use super::outcome::Outcome;
use super::ports::{Millis, Ports};
use crate::json::Json;

/// How a message ended.
pub(super) struct End {
    pub(super) message_id: String,
    pub(super) kind: String,
    pub(super) outcome: Outcome,
    /// Empty where there is none.
    pub(super) reason: String,
    pub(super) attempts: u32,
    pub(super) replies: usize,
    pub(super) took: Millis,
}

impl<P: Ports> Conversation<P> {
    /// The line about a message whose outcome is final.
    pub(super) fn journal_end(&self, end: &End) {
        if end.outcome != Outcome::Dead && !self.settings.logs_messages {
            return;
        }
        self.ports.line(
            Json::new()
                .text("event", "message")
                .text("conversation", &self.address.to_string())
                .text("messageId", &end.message_id)
                .text("kind", &end.kind)
                .text("outcome", end.outcome.as_str())
                .text("reason", &end.reason)
                .number("attempts", u64::from(end.attempts))
                .number("replies", u64::try_from(end.replies).unwrap_or(u64::MAX))
                .number("tookMs", end.took)
                .build(),
        );
    }

    /// A line about the conversation itself. It must not hold what people wrote.
    pub(super) fn note(&self, event: &str, detail: &dyn Display) {
        self.ports.line(
            Json::new()
                .text("event", event)
                .text("conversation", &self.address.to_string())
                .text("detail", &detail.to_string())
                .build(),
        );
    }
}
