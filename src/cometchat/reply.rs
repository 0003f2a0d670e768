//! A reply: its identity, its body, and how a long text becomes several.

use std::fmt;

use super::{Request, segment};
use crate::callback::ReceiverType;
use crate::conversation::Address;
use crate::json::Json;

/// The largest `data` of one reply, in bytes of JSON. CometChat allows 10 KB, file sizes not counted
/// (properties-and-constraints); whether a KB is 1,000 or 1,024 bytes is not said.
pub const MAX_DATA_BYTES: usize = 10_000;

/// What `data` takes beside the text: its keys, and the metadata with the reply's id.
const DATA_OVERHEAD_BYTES: usize = 300;

/// The identity of a reply. The same reply always has the same one, however often it is sent.
///
/// The purpose keeps an answer and a notice about the same message apart, so that neither can pass for the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyId<'a> {
    /// The bot that replies.
    pub bot: &'a str,
    /// The message that is answered.
    pub message: &'a str,
    /// What the reply is for.
    pub purpose: &'a str,
    /// Which of the replies of that purpose, from 0.
    pub n: usize,
}

impl fmt::Display for ReplyId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}-{}", self.bot, self.message, self.purpose, self.n)
    }
}

/// What a bot wants said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(String);

impl Body {
    /// Splits a text into as many replies as it needs, each within CometChat's limit.
    ///
    /// A cut falls between paragraphs, lines or words where one of those is near enough, never inside a character.
    pub fn split(text: &str) -> Vec<Self> {
        let budget = MAX_DATA_BYTES.saturating_sub(DATA_OVERHEAD_BYTES);
        let mut parts = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let end = cut(rest, budget);
            let (part, remainder) = rest.split_at(end);
            parts.push(Self(part.trim_end().to_owned()));
            rest = remainder.trim_start();
        }
        parts
    }

    /// The whole body of the REST call (Send Bot Message), with the id twice: as `muid`, and in the metadata because
    /// no answer is known to return `muid`.
    pub fn to_json(&self, address: &Address, id: &str) -> String {
        let metadata = Json::new().text("halley", id).build();
        let data = Json::new().text("text", &self.0).raw("metadata", &metadata).build();
        Json::new()
            .text("receiver", &address.peer)
            .text("receiverType", address.receiver_type.as_str())
            .text("category", "message")
            .text("type", "text")
            .raw("data", &data)
            .text("muid", id)
            .build()
    }
}

/// The call that sends a reply: `POST /bots/{uid}/messages`.
pub fn send(bot: &str, body: String) -> Request {
    Request { method: "POST", path: format!("/bots/{}/messages", segment(bot)), on_behalf_of: None, body: Some(body) }
}

/// Where to cut `text` so that the first part, as JSON, fits into `budget` bytes.
fn cut(text: &str, budget: usize) -> usize {
    let mut size = 0_usize;
    let fits = text
        .char_indices()
        .find(|(_, character)| {
            size = size.saturating_add(json_bytes(*character));
            size > budget
        })
        .map_or(text.len(), |(index, _)| index);
    if fits == text.len() {
        return fits;
    }
    let Some(head) = text.get(..fits) else { return text.len() };
    // A cut that would leave less than half a part is worse than one inside a paragraph.
    let near = |index: &usize| *index > fits / 2;
    head.rfind("\n\n")
        .filter(near)
        .or_else(|| head.rfind('\n').filter(near))
        .or_else(|| head.rfind(' ').filter(near))
        .unwrap_or(fits)
}

/// How many bytes a character takes inside a JSON string.
fn json_bytes(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

/// The path of the history that a reply shows up in.
pub(super) fn history(address: &Address) -> String {
    match address.receiver_type {
        ReceiverType::User => format!("/users/{}/messages", segment(&address.peer)),
        ReceiverType::Group => format!("/groups/{}/messages", segment(&address.peer)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn texts(text: &str) -> Vec<String> {
        Body::split(text).into_iter().map(|body| body.0).collect()
    }

    #[test]
    fn a_reply_goes_to_the_sender_or_to_the_group() {
        for (address, receiver, receiver_type) in [
            (Address::new("demo_bot", ReceiverType::User, "ann"), "ann", "user"),
            (Address::new("demo_bot", ReceiverType::Group, "team-1"), "team-1", "group"),
        ] {
            let id = ReplyId { bot: "demo_bot", message: "712", purpose: "answer", n: 0 }.to_string();
            let body: serde_json::Value = serde_json::from_str(&Body("Hello".into()).to_json(&address, &id)).unwrap();
            assert_eq!(
                body,
                json!({
                    "receiver": receiver, "receiverType": receiver_type, "category": "message", "type": "text",
                    "data": { "text": "Hello", "metadata": { "halley": "demo_bot-712-answer-0" } },
                    "muid": "demo_bot-712-answer-0",
                })
            );
        }
    }

    #[test]
    fn a_long_text_is_cut_between_paragraphs() {
        let paragraph = "word ".repeat(1_200);
        let parts = texts(&format!("{paragraph}\n\n{paragraph}"));
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0], paragraph.trim_end());
        assert_eq!(texts("short"), ["short"]);
        assert!(texts(" \n ").is_empty());
    }

    proptest! {
        #[test]
        fn every_part_fits_and_nothing_is_lost(text in "[a-z \n\"\\\\é𝄞]{0,400}", times in 1_usize..80) {
            let text = text.repeat(times);
            let address = Address::new("b".repeat(100), ReceiverType::Group, "p".repeat(255));
            let id = ReplyId { bot: &address.bot, message: &"9".repeat(64), purpose: "answer", n: 999 }.to_string();
            let parts = Body::split(&text);
            for part in &parts {
                let body: serde_json::Value = serde_json::from_str(&part.to_json(&address, &id)).unwrap();
                prop_assert!(body["data"].to_string().len() <= MAX_DATA_BYTES);
            }
            let spaceless = |text: &str| text.split_whitespace().collect::<String>();
            let joined: String = parts.iter().map(|part| part.0.as_str()).collect();
            prop_assert_eq!(spaceless(&joined), spaceless(&text));
        }
    }
}
