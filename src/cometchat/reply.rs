//! A reply as CometChat takes it: its identity, and the body of the call.

use std::fmt;

use super::split::split;
use crate::address::Address;
use crate::bot::reply::{Content, Reply};
use crate::callback::Attachment;
use crate::json::{self, Json};

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

/// The least room for a text beside its metadata, in bytes of JSON: with less it would fall into crumbs.
const MIN_TEXT_BYTES: usize = 1_000;

/// One message, as CometChat takes it from a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    category: &'static str,
    kind: String,
    /// The fields of `data`, without the metadata.
    data: String,
    /// The fields of the bot's own metadata.
    metadata: String,
    tags: Vec<String>,
}

impl Body {
    /// The messages that a reply needs, each within CometChat's limit: one, but for a long text.
    ///
    /// `None` where it cannot be made to fit.
    pub fn of(reply: &Reply) -> Option<Vec<Self>> {
        let metadata = reply.metadata.as_ref().map_or("", |metadata| inner(metadata.get()));
        let room = MAX_DATA_BYTES.saturating_sub(DATA_OVERHEAD_BYTES).checked_sub(metadata.len())?;
        let body = |category, kind: &str, data: Json| {
            let data = inner(&data.build()).to_owned();
            Self { category, kind: kind.to_owned(), data, metadata: metadata.to_owned(), tags: reply.tags.clone() }
        };
        let single = match &reply.content {
            Content::Text(_) if room < MIN_TEXT_BYTES => return None,
            Content::Text(text) => {
                let part = |part: String| body("message", "text", Json::new().text("text", &part));
                return Some(split(text, room).into_iter().map(part).collect());
            }
            Content::Media { kind, files, caption } => {
                let files: Vec<String> = files.iter().map(attachment).collect();
                let data = if caption.is_empty() { Json::new() } else { Json::new().text("text", caption) };
                body("message", kind, data.raw("attachments", &format!("[{}]", files.join(","))))
            }
            Content::Custom { kind, data } => body("custom", kind, Json::new().raw("customData", data.get())),
            Content::Interactive { kind, data } => {
                body("interactive", kind, Json::new().raw("interactiveData", data.get()))
            }
        };
        (single.data.len() <= room).then(|| vec![single])
    }

    /// The whole body of the REST call (Send Bot Message), with the id twice: as `muid`, and in the metadata because
    /// no answer is known to return `muid`.
    pub fn to_json(&self, address: &Address, id: &str) -> String {
        let ours = Json::new().text("halley", id).build();
        let comma = if self.metadata.is_empty() { "" } else { "," };
        // Of two fields with the same name the last one counts.
        let metadata = format!("{{{}{comma}{}}}", self.metadata, inner(&ours));
        let data = format!("{{{},\"metadata\":{metadata}}}", self.data);
        let body = Json::new()
            .text("receiver", &address.peer)
            .text("receiverType", address.receiver_type.as_str())
            .text("category", self.category)
            .text("type", &self.kind)
            .raw("data", &data);
        let body = match self.tags.as_slice() {
            [] => body,
            tags => body.raw("tags", &json::list(tags.iter().map(String::as_str))),
        };
        body.text("muid", id).build()
    }
}

/// What stands between the braces of an object.
fn inner(object: &str) -> &str {
    object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default().trim()
}

/// A file, as `data.attachments` has it. The size is declared as a text (docs/cometchat.md, section 1.2).
fn attachment(file: &Attachment) -> String {
    let json = Json::new()
        .text("url", &file.url)
        .text("name", &file.name)
        .text("mimeType", &file.mime_type)
        .text("extension", &file.extension);
    match file.size {
        Some(size) => json.text("size", &size.to_string()),
        None => json,
    }
    .build()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::callback::ReceiverType;

    fn sent(reply: &Reply) -> Vec<Value> {
        let address = Address::new("demo_bot", ReceiverType::User, "ann");
        let bodies = Body::of(reply).unwrap();
        bodies
            .iter()
            .map(|body| serde_json::from_str(&body.to_json(&address, "demo_bot-7-answer-0")).unwrap())
            .collect()
    }

    #[test]
    fn a_reply_goes_to_the_sender_or_to_the_group() {
        for (address, receiver, receiver_type) in [
            (Address::new("demo_bot", ReceiverType::User, "ann"), "ann", "user"),
            (Address::new("demo_bot", ReceiverType::Group, "team-1"), "team-1", "group"),
        ] {
            let id = ReplyId { bot: "demo_bot", message: "712", purpose: "answer", n: 0 }.to_string();
            let bodies = Body::of(&Reply::text("Hello")).unwrap();
            let body: Value = serde_json::from_str(&bodies[0].to_json(&address, &id)).unwrap();
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
    fn each_kind_has_its_own_data() {
        let image = Reply::image("https://a.example/menu.png?size=2").caption("Today").tag("menu");
        let file = Attachment { size: Some(20_133), ..Attachment::at("https://a.example/list") };
        let metadata = json!({ "halley": "demo_bot-7-answer-0" });
        for (reply, kind, data) in [
            (
                image.and(file),
                ("message", "image"),
                json!({ "text": "Today", "metadata": metadata, "attachments": [
                    { "url": "https://a.example/menu.png?size=2", "name": "menu.png", "mimeType": "image/png", "extension": "png" },
                    { "url": "https://a.example/list", "name": "list", "mimeType": "", "extension": "", "size": "20133" },
                ] }),
            ),
            (
                Reply::custom("location", &json!({ "lat": 1.5 })),
                ("custom", "location"),
                json!({ "customData": { "lat": 1.5 }, "metadata": metadata }),
            ),
            (
                Reply::interactive("form", &json!({ "title": "Seats" })),
                ("interactive", "form"),
                json!({ "interactiveData": { "title": "Seats" }, "metadata": metadata }),
            ),
        ] {
            let bodies = sent(&reply);
            assert_eq!(bodies.len(), 1);
            assert_eq!((bodies[0]["category"].as_str(), bodies[0]["type"].as_str()), (Some(kind.0), Some(kind.1)));
            assert_eq!(bodies[0]["data"], data);
            assert_eq!(bodies[0]["tags"], if reply.tags.is_empty() { Value::Null } else { json!(["menu"]) });
        }
    }

    #[test]
    fn metadata_goes_along_and_cannot_pass_for_ours() {
        let reply = Reply::text("hi").metadata(&json!({ "order": 7, "halley": "forged" }));
        assert_eq!(sent(&reply)[0]["data"]["metadata"], json!({ "order": 7, "halley": "demo_bot-7-answer-0" }));
    }

    #[test]
    fn what_does_not_fit_is_none() {
        let data = |bytes: usize| json!({ "x": "x".repeat(bytes) });
        let room = MAX_DATA_BYTES - DATA_OVERHEAD_BYTES;
        let fits = room - r#""customData":{"x":""}"#.len();
        assert_eq!(sent(&Reply::custom("seats", &data(fits))).len(), 1);
        assert_eq!(Body::of(&Reply::custom("seats", &data(fits + 1))), None);
        assert_eq!(Body::of(&Reply::text("hi").metadata(&data(room))), None);
        assert_eq!(Body::of(&Reply::text("hi").metadata(&data(room - MIN_TEXT_BYTES))), None);
        let long = Reply::text("word ".repeat(3_000)).metadata(&data(5_000));
        for body in sent(&long) {
            assert!(body["data"].to_string().len() <= MAX_DATA_BYTES);
        }
    }
}
