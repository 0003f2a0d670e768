//! A reply: its identity, its body, and how a long text becomes several.

use std::fmt;

use super::{Request, segment};
use crate::address::Address;
use crate::callback::ReceiverType;
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

/// What closes a code fence that is open at a cut.
const CLOSING: &str = "\n```";

/// What a bot wants said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(String);

impl Body {
    /// Splits a text into as many replies as it needs, each within CometChat's limit.
    ///
    /// A cut falls between paragraphs, lines or words where one of those is near enough, never inside a character. A
    /// code fence that is open at a cut is closed before it and opened again after it.
    pub fn split(text: &str) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut opening = String::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let taken = DATA_OVERHEAD_BYTES.saturating_add(json_length(&opening)).saturating_add(json_length(CLOSING));
            let (part, remainder) = rest.split_at(cut(rest, MAX_DATA_BYTES.saturating_sub(taken)));
            let mut part = format!("{opening}{}", part.trim_end());
            opening = match open_fence(&part) {
                Some(fence) if !remainder.trim().is_empty() => format!("{fence}\n"),
                _ => String::new(),
            };
            if opening.is_empty() {
                rest = remainder.trim_start();
            } else {
                // Inside a fence the indentation counts.
                part.push_str(CLOSING);
                rest = remainder.trim_start_matches('\n');
            }
            parts.push(Self(part));
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

/// The line that opened a code fence which the text does not close; of a very long one, its beginning.
fn open_fence(text: &str) -> Option<String> {
    let mut open = None;
    for line in text.lines().filter(|line| line.trim_start().starts_with("```")) {
        open = if open.is_some() { None } else { Some(line) };
    }
    open.map(|line| line.chars().take(40).collect())
}

/// How many bytes a text takes inside a JSON string.
fn json_length(text: &str) -> usize {
    text.chars().map(json_bytes).fold(0, usize::saturating_add)
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

    #[test]
    fn a_fence_that_is_cut_is_closed_and_opened_again() {
        let line = "    let x = 1;\n".repeat(900);
        let parts = texts(&format!("See:\n```rust\n{line}```\nDone."));
        assert_eq!(parts.len(), 2);
        assert!(
            parts[0].starts_with("See:\n```rust\n    let") && parts[0].ends_with("let x = 1;\n```"),
            "{}",
            parts[0]
        );
        assert!(parts[1].starts_with("```rust\n    let") && parts[1].ends_with("```\nDone."), "{}", parts[1]);
    }

    proptest! {
        #[test]
        fn fences_stay_balanced(text in "([a-z ]{0,60}\n|```\n|```rust\n|\\{ \"\n){0,60}", times in 1_usize..20) {
            let closed = text.lines().filter(|line| line.starts_with("```")).count() % 2 == 0;
            let text = text.repeat(times);
            let parts = Body::split(&text);
            let address = Address::new("b".repeat(100), ReceiverType::Group, "p".repeat(255));
            for part in &parts {
                let body: serde_json::Value = serde_json::from_str(&part.to_json(&address, &"i".repeat(180))).unwrap();
                prop_assert!(body["data"].to_string().len() <= MAX_DATA_BYTES);
                prop_assert!(!closed || open_fence(&part.0).is_none(), "{}", part.0);
            }
            let words = |text: &str| text.lines().filter(|line| !line.contains("```")).collect::<String>().replace(' ', "");
            let joined: Vec<&str> = parts.iter().map(|part| part.0.as_str()).collect();
            prop_assert_eq!(words(&joined.join("\n")), words(&text));
        }

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

    /// What is left of `data` for the text of a part.
    const ROOM: usize = MAX_DATA_BYTES - DATA_OVERHEAD_BYTES - "\\n```".len();

    #[test]
    fn a_part_is_filled_to_the_last_byte_of_its_json() {
        for (character, bytes) in [("a", 1), ("é", 2), ("\"", 2), ("\\", 2), ("\u{1}", 6), ("𝄞", 4)] {
            let fits = ROOM / bytes;
            assert_eq!(texts(&character.repeat(fits)).len(), 1, "{character:?}");
            let parts = texts(&character.repeat(fits + 1));
            assert_eq!(parts, [character.repeat(fits), character.to_owned()], "{character:?}");
        }
    }

    #[test]
    fn a_part_is_never_cut_in_its_first_half() {
        let text = |space: usize| format!("{} {}", "a".repeat(space), "b".repeat(ROOM));
        assert_eq!(texts(&text(ROOM / 2 + 1))[0].len(), ROOM / 2 + 1);
        assert_eq!(texts(&text(ROOM / 2))[0].len(), ROOM);
        assert_eq!(texts(&text(2))[0].len(), ROOM);
    }

    #[test]
    fn a_fence_that_the_text_leaves_open_is_left_open() {
        assert_eq!(texts("See:\n```\nlet x = 1;"), ["See:\n```\nlet x = 1;"]);
    }
}
