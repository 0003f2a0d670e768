//! The fixed rules: which messages no bot ever sees, and why.

use super::envelope::{Callback, Trigger};
use super::message::ReceiverType;

/// Why a message is put aside before any bot sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// The bot wrote it itself.
    OwnMessage,
    /// CometChat wrote it: the sender is `app_system`.
    System,
    /// Another bot wrote it, without mentioning this one: one of the roster, or one that runs on another Halley.
    OtherBot,
    /// An action, such as a member who joined.
    Action,
    /// A call.
    Call,
    /// It has been deleted since.
    Deleted,
    /// It came by an app-wide webhook and is not meant for the bot.
    NotAddressed,
    /// The sender has had as many answers this minute as the budget allows.
    OverBudget,
}

impl Ignored {
    const ALL: [Self; 8] = [
        Self::OwnMessage,
        Self::System,
        Self::OtherBot,
        Self::Action,
        Self::Call,
        Self::Deleted,
        Self::NotAddressed,
        Self::OverBudget,
    ];

    /// Reads what [`as_str`](Self::as_str) writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// As it stands in answers, logs and counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnMessage => "own_message",
            Self::System => "system",
            Self::OtherBot => "other_bot",
            Self::Action => "action",
            Self::Call => "call",
            Self::Deleted => "deleted",
            Self::NotAddressed => "not_addressed",
            Self::OverBudget => "over_budget",
        }
    }
}

/// The sender of what the REST API sends on nobody's behalf (observed; docs/cometchat.md, section 2.4).
const SYSTEM: &str = "app_system";

/// Who is a bot: this one, and the others that it must not talk to in circles.
#[derive(Debug, Clone, Copy)]
pub struct Roster<'a> {
    /// The bot that the callback is for.
    pub bot: &'a str,
    /// The UIDs of every bot, this one among them.
    pub bots: &'a [String],
}

impl Callback<'_> {
    /// The UID or GUID that names the conversation: the group, or the other person of a 1:1 chat.
    pub fn peer(&self, bot: &str) -> &str {
        if self.receiver_type == ReceiverType::User && self.sender != bot { &self.sender } else { &self.receiver }
    }

    /// The first fixed rule that puts the message aside, if any.
    pub fn ignored(&self, roster: Roster<'_>) -> Option<Ignored> {
        if self.sender == roster.bot {
            Some(Ignored::OwnMessage)
        } else if self.sender == SYSTEM {
            Some(Ignored::System)
        } else if (roster.bots.contains(&self.sender) || self.is_from_halley()) && !self.mentions(roster.bot) {
            Some(Ignored::OtherBot)
        } else if self.category == "action" {
            Some(Ignored::Action)
        } else if self.category == "call" {
            Some(Ignored::Call)
        } else if self.is_deleted {
            Some(Ignored::Deleted)
        } else if !self.is_addressed(roster.bot) {
            Some(Ignored::NotAddressed)
        } else {
            None
        }
    }

    /// A callback that names a bot is addressed by CometChat itself. An app-wide webhook also fires for chats
    /// between two people, so there the message has to say that it is meant for the bot.
    fn is_addressed(&self, bot: &str) -> bool {
        self.trigger == Trigger::AfterMessage
            || self.bot.is_some()
            || match self.receiver_type {
                ReceiverType::User => self.receiver == bot,
                ReceiverType::Group => self.mentions(bot) || self.is_slashed(),
            }
    }
}
