//! Who talks with the bot, and how.

use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::cometchat::message;
use super::world::World;
use super::{BOT, Heard, address};

/// Somebody who talks with the bot: in a 1:1 chat, or in a group.
#[derive(Clone)]
pub struct Person<'a> {
    world: &'a Rc<World>,
    uid: String,
    name: String,
    role: String,
    group: Option<String>,
    parent: Option<String>,
}

impl<'a> Person<'a> {
    pub(super) fn new(world: &'a Rc<World>, uid: &str, group: Option<&str>) -> Self {
        Self {
            world,
            uid: uid.to_owned(),
            name: String::new(),
            role: "default".to_owned(),
            group: group.map(str::to_owned),
            parent: None,
        }
    }

    /// With a name that the chat shows.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// With this role in CometChat.
    #[must_use]
    pub fn in_role(self, role: &str) -> Self {
        Self { role: role.to_owned(), ..self }
    }

    /// In the thread under the message with this id.
    #[must_use]
    pub fn in_thread_of(self, id: &str) -> Self {
        Self { parent: Some(id.to_owned()), ..self }
    }

    /// Writes a text.
    pub fn says(&self, text: &str) -> Heard {
        self.sends("message", "text", json!({ "text": text }))
    }

    /// Writes a text that mentions the bot.
    pub fn mentions(&self, text: &str) -> Heard {
        let mention = json!({ BOT: { "uid": BOT, "name": "Bot" } });
        self.sends("message", "text", json!({ "text": format!("<@uid:{BOT}> {text}"), "mentions": mention }))
    }

    /// Sends a file of a kind: `image`, `video`, `audio` or `file`.
    pub fn shows(&self, kind: &str, url: &str, caption: &str) -> Heard {
        let attachment = json!({ "url": url, "name": url.rsplit('/').next().unwrap_or_default() });
        self.sends("message", kind, json!({ "text": caption, "url": url, "attachments": [attachment] }))
    }

    /// Sends a custom message.
    pub fn sends_custom(&self, kind: &str, data: &Value) -> Heard {
        self.sends("custom", kind, json!({ "customData": data }))
    }

    /// What the bot remembers of this conversation.
    pub fn state<T: DeserializeOwned + Default>(&self) -> T {
        self.world.state(&self.address())
    }

    fn address(&self) -> crate::address::Address {
        match &self.group {
            Some(guid) => address(guid, true),
            None => address(&self.uid, false),
        }
    }

    /// Sends any message: its category, its type, and its `data`.
    pub fn sends(&self, category: &str, kind: &str, mut data: Value) -> Heard {
        let receiver = match &self.group {
            Some(guid) => ("group", guid.as_str()),
            None => ("user", BOT),
        };
        let name = if self.name.is_empty() { &self.uid } else { &self.name };
        data["entities"] = json!({ "sender": { "entity": { "uid": self.uid, "name": name, "role": self.role }, "entityType": "user" } });
        let heard_before = self.world.history.borrow().all().len();
        let said = message(&self.uid, receiver, (category, kind), data.clone());
        let id = self.world.history.borrow_mut().say(said);
        let callback = json!({
            "trigger": "after_message", "appId": "app", "region": "eu", "bot": BOT,
            "data": {
                "id": id, "sender": self.uid, "receiverType": receiver.0, "receiver": receiver.1,
                "category": category, "type": kind, "parentId": self.parent, "data": data, "sentAt": self.world.seconds(),
            },
        });
        Heard::after(self.world, self.address(), &id, heard_before, &callback.to_string())
    }
}

/// A group that the bot is in.
pub struct Group<'a> {
    world: &'a Rc<World>,
    guid: String,
}

impl<'a> Group<'a> {
    pub(super) fn new(world: &'a Rc<World>, guid: &str) -> Self {
        Self { world, guid: guid.to_owned() }
    }

    /// A member of the group, who writes there.
    pub fn person(&self, uid: &str) -> Person<'a> {
        Person::new(self.world, uid, Some(&self.guid))
    }

    /// What the bot remembers of the group.
    pub fn state<T: DeserializeOwned + Default>(&self) -> T {
        self.person(super::ANN).state()
    }
}
