//! What a reply, or what a bot does to a message, asks of CometChat.

use super::{Request, segment};
use crate::address::Address;
use crate::callback::ReceiverType;
use crate::json::{Field, Json, add_text};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A message into the conversation: `POST /bots/{uid}/messages`.
    Send,
    /// A message into the thread under another one: `POST /messages/{id}/thread`.
    SendInThread,
    /// Another text for a message: `PUT /messages/{id}`.
    Edit,
    /// `DELETE /messages/{id}`.
    Delete,
    /// `POST /messages/{id}/reactions/{reaction}`.
    React,
    /// `DELETE /messages/{id}/reactions/{reaction}`.
    Unreact,
    /// `POST /users/{uid}/conversation/read`, or the same of a group.
    MarkRead,
}

const ALL: [Action; 7] = [
    Action::Send,
    Action::SendInThread,
    Action::Edit,
    Action::Delete,
    Action::React,
    Action::Unreact,
    Action::MarkRead,
];

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::SendInThread => "send_in_thread",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::React => "react",
            Self::Unreact => "unreact",
            Self::MarkRead => "mark_read",
        }
    }

    /// Whether it makes a message, and so must not be done twice. Everything else may be repeated harmlessly.
    pub fn makes_a_message(self) -> bool {
        matches!(self, Self::Send | Self::SendInThread)
    }

    /// Whether a refusal may mean that it has been done before: what is gone cannot be taken away again.
    pub fn may_be_done(self) -> bool {
        matches!(self, Self::Delete | Self::Unreact)
    }

    /// The call. `target` is the message that it is about, and `content` the body, or for a reaction the reaction.
    ///
    /// What is not Send Bot Message is done on behalf of the bot (docs/cometchat.md, section 5).
    pub fn request(self, address: &Address, target: &str, content: String) -> Request {
        let message = || format!("/messages/{}", segment(target));
        let (method, path, body) = match self {
            Self::Send => ("POST", format!("/bots/{}/messages", segment(&address.bot)), Some(content)),
            Self::SendInThread => ("POST", format!("{}/thread", message()), Some(content)),
            Self::Edit => ("PUT", message(), Some(content)),
            Self::Delete => ("DELETE", message(), None),
            Self::React => ("POST", format!("{}/reactions/{}", message(), segment(&content)), None),
            Self::Unreact => ("DELETE", format!("{}/reactions/{}", message(), segment(&content)), None),
            Self::MarkRead => ("POST", format!("{}/conversation/read", peer(address)), None),
        };
        let on_behalf_of = (self != Self::Send).then(|| address.bot.clone());
        Request { method, path, on_behalf_of, body }
    }
}

impl Field for Action {
    fn read(json: Option<&str>) -> Option<Self> {
        let text = String::read(json)?;
        ALL.into_iter().find(|action| action.as_str() == text)
    }

    fn write(&self, json: &mut String) {
        // What nearly every row holds goes without saying.
        if *self != Self::Send {
            add_text(json, self.as_str());
        }
    }
}

/// The body of an edit.
pub fn edited(text: &str) -> String {
    Json::new().raw("data", &Json::new().text("text", text).build()).build()
}

/// The path of the history that a reply shows up in.
pub(super) fn history(address: &Address) -> String {
    format!("{}/messages", peer(address))
}

/// The path of whom the bot talks with.
fn peer(address: &Address) -> String {
    match address.receiver_type {
        ReceiverType::User => format!("/users/{}", segment(&address.peer)),
        ReceiverType::Group => format!("/groups/{}", segment(&address.peer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_is_a_call() {
        let address = Address::new("demo_bot", ReceiverType::Group, "team-1");
        for (action, content, call) in [
            (Action::Send, "{}", "POST /bots/demo_bot/messages {}"),
            (Action::SendInThread, "{}", "POST /messages/71/thread as demo_bot {}"),
            (Action::Edit, "{}", "PUT /messages/71 as demo_bot {}"),
            (Action::Delete, "", "DELETE /messages/71 as demo_bot"),
            (Action::React, "👍", "POST /messages/71/reactions/%F0%9F%91%8D as demo_bot"),
            (Action::Unreact, "👍", "DELETE /messages/71/reactions/%F0%9F%91%8D as demo_bot"),
            (Action::MarkRead, "", "POST /groups/team-1/conversation/read as demo_bot"),
        ] {
            let Request { method, path, on_behalf_of, body } = action.request(&address, "71", content.to_owned());
            let uid = on_behalf_of.map_or(String::new(), |uid| format!(" as {uid}"));
            let body = body.map_or(String::new(), |body| format!(" {body}"));
            assert_eq!(format!("{method} {path}{uid}{body}"), call);
        }
    }

    #[test]
    fn an_action_is_read_back_and_what_is_missing_is_a_message() {
        for action in ALL {
            let json = action.to_json();
            assert_eq!(Action::read(Some(&json)), (action != Action::Send).then_some(action));
        }
        assert_eq!(Action::read(Some("\"send\"")), Some(Action::Send));
        assert_eq!(Action::read(Some("\"fly\"")), None);
    }
}
