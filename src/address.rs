//! Which conversation: the same three parts name the Durable Object, the KV key and where a reply goes.

use std::fmt;

use crate::callback::ReceiverType;

/// A conversation: a bot, and the person or the group that it talks with.
///
/// CometChat's own `conversationId` is opaque and exists only after the first message, so it is never a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The bot's UID.
    pub bot: String,
    /// Whether the peer is a person or a group.
    pub receiver_type: ReceiverType,
    /// The UID of the person or the GUID of the group.
    pub peer: String,
}

impl Address {
    /// A conversation of `bot` with `peer`.
    pub fn new(bot: impl Into<String>, receiver_type: ReceiverType, peer: impl Into<String>) -> Self {
        Self { bot: bot.into(), receiver_type, peer: peer.into() }
    }

    /// Reads `{bot}:{user|group}:{peer}`. A UID holds no colon; a GUID may.
    pub fn parse(name: &str) -> Option<Self> {
        let (bot, rest) = name.split_once(':')?;
        let (receiver_type, peer) = rest.split_once(':')?;
        let receiver_type = ReceiverType::parse(receiver_type)?;
        (!bot.is_empty() && !peer.is_empty()).then(|| Self::new(bot, receiver_type, peer))
    }

    /// The KV key of the conversation at rest.
    pub fn key(&self) -> String {
        format!("conversation:{self}")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.bot, self.receiver_type.as_str(), self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back() {
        for name in ["demo_bot:user:ann", "demo_bot:group:team-1", "b:group:a:b:c"] {
            assert_eq!(Address::parse(name).map(|address| address.to_string()).as_deref(), Some(name));
        }
        for name in ["", "demo_bot", "demo_bot:user", "demo_bot:user:", ":user:ann", "demo_bot:room:ann"] {
            assert_eq!(Address::parse(name), None, "{name}");
        }
    }
}
