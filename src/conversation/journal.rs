//! The log: one line of JSON for each message that has ended, and one for whatever else a deployer should know.
//!
//! Lines carry ids, kinds, outcomes and durations, never what people wrote.

use std::fmt::Display;

use super::outcome::Outcome;
use super::ports::{Millis, Ports};
use super::{Address, Conversation};
use crate::json::Json;

/// How a message ended.
pub(super) struct End<'a> {
    pub(super) message_id: &'a str,
    pub(super) kind: &'a str,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<&'a str>,
    pub(super) attempts: u32,
    pub(super) replies: usize,
    pub(super) took: Millis,
}

impl<P: Ports> Conversation<P> {
    /// The line about a message whose outcome is final.
    pub(super) fn end(&self, end: &End<'_>) {
        self.ports.line(
            Json::new()
                .text("event", "message")
                .text("conversation", &self.address.to_string())
                .text("messageId", end.message_id)
                .text("kind", end.kind)
                .text("outcome", end.outcome.as_str())
                .text("reason", end.reason.unwrap_or_default())
                .number("attempts", u64::from(end.attempts))
                .number("replies", u64::try_from(end.replies).unwrap_or(u64::MAX))
                .number("tookMs", end.took)
                .build(),
        );
    }
}

/// A line about the conversation itself.
pub(super) fn note(address: &Address, event: &str, detail: &dyn Display) -> String {
    Json::new()
        .text("event", event)
        .text("conversation", &address.to_string())
        .text("detail", &detail.to_string())
        .build()
}
