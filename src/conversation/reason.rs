//! Why a message ended, in Halley's own words, in CometChat's, or in the bot's.

use std::fmt;

/// A reason, as it stands in the log and in dead letters. The words are part of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// Three attempts began and none came to an end: the bot has panicked, or computed for too long.
    Crashed,
    /// The bot took longer than it may.
    Deadline,
    /// The state has grown over 1 MiB.
    StateTooLarge,
    /// What the turn has come to does not fit into storage.
    TooLarge,
    /// The bot made more replies than one turn may.
    TooManyReplies,
    /// A reply, its data or its metadata, is larger than CometChat takes.
    ReplyTooLarge,
    /// The bot made an interactive message, and the settings do not allow them.
    InteractiveNotAllowed,
    /// No message of the bot's own is known by the label that it wants to edit or delete.
    UnknownLabel,
    /// The message has no id, sender or receiver.
    UnreadableMessage,
    /// A row of it cannot be read.
    UnreadableRow,
    /// CometChat may have the reply or not, and its history cannot tell.
    InDoubt,
    /// The bot made no reply and gave no reason.
    NoReply,
    /// What the bot said, as [`BotError::reason`](crate::bot::BotError::reason) puts it.
    Bot(String),
    /// CometChat's code, or what went wrong on the way to it.
    CometChat(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crashed => "crashed",
            Self::Deadline => "deadline",
            Self::StateTooLarge => "state_too_large",
            Self::TooLarge => "too_large",
            Self::TooManyReplies => "too_many_replies",
            Self::ReplyTooLarge => "reply_too_large",
            Self::InteractiveNotAllowed => "interactive_not_allowed",
            Self::UnknownLabel => "unknown_label",
            Self::UnreadableMessage => "unreadable_message",
            Self::UnreadableRow => "unreadable_row",
            Self::InDoubt => "in_doubt",
            Self::NoReply => "no_reply",
            Self::Bot(text) | Self::CometChat(text) => text,
        })
    }
}
