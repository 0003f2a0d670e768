//! What an object finds when it starts: rows of an older version, of a newer one, rows set aside, and damaged ones.

use serde_json::{Value, json};

use super::bot::Memory;
use super::callbacks::{self, End, Plan, Size};
use super::storage;
use super::world::{BEGIN, State};
use crate::cometchat::{Body, ReplyId};
use crate::json::Field as _;

/// The rows of which one may be damaged.
const DAMAGEABLE: [&str; 4] = ["2/inbox/", "2/outbox/", "2/doubt/", "2/letter/"];

/// Puts rows into an object that has not started yet.
pub fn plant(state: &mut State, object: usize) {
    if state.random.chance(0.1) {
        for (key, text) in [("3/inbox/0000000000000001", r#"{"of":"a newer version"}"#), ("aside/1/record", "{")] {
            put(state, object, key.to_owned(), text.to_owned());
            state.objects[object].planted.insert(key.to_owned(), text.to_owned());
        }
    }
    if state.random.chance(0.1) {
        state.count("objects of version 1");
        plant_version_1(state, object);
    } else if state.random.chance(0.05) {
        let address = &state.objects[object].address;
        let (key, aside) = (address.key(), format!("aside:9:{address}"));
        let value = r#"{"version":9,"state":"of a newer version"}"#;
        state.kv.land(&key, Some(value), BEGIN - 600_000, 1_000_000_000_000);
        state.objects[object].set_aside = Some((aside, value.to_owned()));
    }
}

fn put(state: &mut State, object: usize, key: String, text: String) {
    let disk = &mut state.objects[object].disk;
    disk.durable.insert(key.clone(), text.clone());
    disk.live.insert(key, text);
}

/// A conversation as version 1 has stored it: some messages have had their turn, and others wait for it.
fn plant_version_1(state: &mut State, object: usize) {
    let (turned, waiting) = (state.random.below(3), state.random.below(4));
    let mut memory = Memory::default();
    for n in 0..turned + waiting {
        let plan = Plan {
            rule: None,
            replies: 2,
            size: Size::Short,
            acts: false,
            end: End::Replies,
            poison: None,
            fills: false,
        };
        let message = callbacks::compose(state, object, plan);
        let message = state.messages[message].clone();
        put(state, object, format!("1/seen/message/{}", message.id), String::new());
        let this = &mut state.objects[object];
        this.acknowledged.insert(message.id.clone());
        this.taken.insert(message.id.clone());
        this.heard.insert(message.id.clone());
        this.order.push(message.id.clone());
        let seq = n + 1;
        if n < turned {
            memory.turns += 1;
            memory.messages.push(message.id.clone());
            for part in 0..2 {
                let reply = reply(state, object, &message.id, seq, part);
                put(state, object, format!("1/outbox/{seq:016}/{part:06}"), reply.to_string());
            }
        } else {
            let mut entry = callbacks::entry(state, &message);
            entry.seq = seq;
            entry.received_at = BEGIN;
            let mut row: Value = serde_json::from_str(&entry.to_json()).unwrap();
            for field in ["dueAt", "delays", "replay"] {
                row.as_object_mut().unwrap().remove(field);
            }
            put(state, object, format!("1/inbox/{seq:016}"), row.to_string());
        }
    }
    let counts = json!({ "received": turned, "answered": 0, "ignored": 0, "handedOver": 0, "dead": 0 });
    let record = json!({
        "version": 1, "generation": turned, "bot": "", "state": &memory, "counts": counts, "sent": [],
        "updatedAt": BEGIN, "flight": { "loaded": true, "archived": 0, "archivedAt": 0, "tries": 0, "dueAt": 0 },
    });
    if turned > 0 {
        put(state, object, "1/record".to_owned(), record.to_string());
    }
    state.objects[object].state = memory;
    if turned + waiting > 0 {
        state.set_alarm(object, BEGIN);
    }
}

fn reply(state: &State, object: usize, message: &str, seq: u64, n: usize) -> Value {
    let address = &state.objects[object].address;
    let id = ReplyId { bot: &address.bot, message, purpose: "answer", n }.to_string();
    let body = Body::of(&format!("{n} to {message}").into()).unwrap().remove(0).to_json(address, &id);
    json!({
        "id": id, "seq": seq, "messageId": message, "kind": "message/text", "receivedAt": BEGIN, "attempts": 1,
        "last": n == 1, "outcome": "answered", "madeAt": BEGIN, "tries": 0, "waits": 0, "dueAt": BEGIN,
        "doubtful": false, "body": serde_json::from_str::<Value>(&body).unwrap(),
    })
}

impl State {
    /// Damages a row of an object that is about to start.
    pub fn damage(&mut self, object: usize) {
        let damages = self.faults.damages;
        let prefix = self.random.pick(&DAMAGEABLE);
        let Some((key, text)) = storage::first(&self.objects[object].disk.durable, prefix) else { return };
        let Ok(row) = serde_json::from_str::<Value>(&text) else { return };
        // Of a message that has been counted before nobody could tell any more that it has, nor which of its deaths a
        // letter is about.
        let is_second = row["replay"] == true || row["again"] == true || row["death"].is_string();
        if is_second || self.objects[object].disk.pending() > 0 || !self.fault("rows damaged", damages) {
            return;
        }
        let named = row["messageId"].as_str().or(row["id"].as_str());
        let id = named.or(row["key"].as_str().and_then(|key| key.rsplit(':').next())).unwrap_or_default().to_owned();
        let damaged = text.chars().take(text.chars().count() / 2).collect::<String>();
        self.trace(Some(object), format_args!("{key} of {id} is damaged"));
        self.objects[object].damaged.insert(id);
        // When the row was due nobody knows any more.
        self.hold_back(object, 600_000);
        put(self, object, key.clone(), damaged.clone());
        self.objects[object].planted.insert(format!("aside/{key}"), damaged);
    }
}
