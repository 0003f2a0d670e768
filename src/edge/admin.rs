//! The operator's routes: conversations and dead letters. Without `ADMIN_TOKEN` they are not there.
//!
//! | route | what |
//! | --- | --- |
//! | `GET /admin/conversations` | conversations at rest, a page at a time |
//! | `GET /admin/conversations/{bot}/{user or group}/{peer}` | one conversation, in flight or at rest |
//! | `GET /admin/dead` | dead letters, a page at a time |
//! | `POST /admin/dead/{bot}/{messageId}/replay` | tries a dead message again |
//! | `DELETE /admin/dead/{bot}/{messageId}` | gives it up for good |
//!
//! Pages take `?limit=` (1 to 1,000, default 100) and `?cursor=`, which is the `cursor` of the page before.

use worker::js_sys::decode_uri_component;
use worker::{Env, Request, Response, Result};

use super::kv::Kv;
use super::{hop, respond, settings};
use crate::callback::authentication::is_bearer;
use crate::callback::{CallbackError, ReceiverType, uid};
use crate::config::Config;
use crate::conversation::record::{Reading, Record};
use crate::conversation::{Address, DeadLetter};
use crate::json::{Field as _, Fields, Json};

/// Answers a request below `/admin/`.
pub async fn answer(request: Request, env: &Env, path: &str) -> Result<Response> {
    let config = settings::config(env);
    let config = match config.as_ref() {
        Ok(config) => config,
        Err(problems) => return respond::error(&respond::misconfigured(problems)),
    };
    let Some(token) = &config.admin_token else { return respond::not_found() };
    if !is_bearer(token.expose(), request.headers().get("Authorization")?.as_deref()) {
        return respond::unauthorized("Bearer");
    }
    let mut segments = path.split('/').skip(2).map(decoded);
    let mut next = || segments.next().unwrap_or_default();
    let (collection, bot, second, third, surplus) = (next(), uid(&next()), next(), next(), next());
    let route = match (collection.as_str(), bot.is_empty(), second.is_empty(), third.as_str()) {
        _ if !surplus.is_empty() => return respond::not_found(),
        ("conversations", true, true, "") => Route::Conversations,
        ("conversations", false, false, peer) => match ReceiverType::parse(&second) {
            Some(receiver_type) if !peer.is_empty() => Route::Conversation(Address::new(bot, receiver_type, peer)),
            _ => return respond::not_found(),
        },
        ("dead", true, true, "") => Route::DeadLetters,
        ("dead", false, false, "replay") => Route::Replay(DeadLetter::key(&bot, &second)),
        ("dead", false, false, "") => Route::DeadLetter(DeadLetter::key(&bot, &second)),
        _ => return respond::not_found(),
    };
    let allowed = route.method();
    if request.method().as_ref() != allowed {
        return respond::method_not_allowed(allowed);
    }
    let kv = Kv::conversations(env)?;
    match route {
        Route::Conversations => list(&request, &kv, "conversation:", "conversation").await,
        Route::Conversation(address) => show(env, config, &kv, &address).await,
        Route::DeadLetters => list(&request, &kv, "dead:", "message").await,
        Route::Replay(key) => replay(env, config, &kv, &key).await,
        Route::DeadLetter(key) => give_up(&kv, &key).await,
    }
}

enum Route {
    Conversations,
    Conversation(Address),
    DeadLetters,
    Replay(String),
    DeadLetter(String),
}

impl Route {
    fn method(&self) -> &'static str {
        match self {
            Self::Conversations | Self::Conversation(_) | Self::DeadLetters => "GET",
            Self::Replay(_) => "POST",
            Self::DeadLetter(_) => "DELETE",
        }
    }
}

/// A page of what stands below `prefix`: each key as `name`, with its metadata.
async fn list(request: &Request, kv: &Kv, prefix: &str, name: &str) -> Result<Response> {
    let url = request.inner().url();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let parameter = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| decoded(value))
    };
    let limit = parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100_u64).clamp(1, 1_000);
    let page = kv.list(prefix, limit, parameter("cursor").as_deref()).await?;
    let page = Fields::parse(&page)?;
    let mut items = String::new();
    for key in page.objects("keys") {
        let item = Json::new().text(name, key.text("name").strip_prefix(prefix).unwrap_or_default());
        let metadata = key.object("metadata");
        let item = metadata.iter().fold(item, |item, (field, value)| item.raw(field, value.get()));
        items.push_str(if items.is_empty() { "" } else { "," });
        items.push_str(&item.build());
    }
    let answer = Json::new()
        .raw("items", &format!("[{items}]"))
        .field("cursor", page.read::<String>("cursor").and_then(|cursor| cursor.write()));
    respond::json(200, &answer.build())
}

/// A conversation in flight as its object sees it, or at rest as KV has it.
async fn show(env: &Env, config: &Config, kv: &Kv, address: &Address) -> Result<Response> {
    let mut answer = hop::ask(env, config, address, "GET", "/view", None).await?;
    let view = answer.text().await?;
    if view != "null" {
        return respond::json(answer.status_code(), &view);
    }
    let value = kv.get(&address.key()).await?;
    match value.as_deref().map(Record::from_kv) {
        Some(Reading::Known(record)) => {
            let view = Json::new()
                .text("conversation", &address.to_string())
                .field("conversationId", record.conversation_id.write())
                .raw("counts", &record.counts.to_json())
                .number("inFlight", 0)
                .number("generation", record.generation)
                .number("archived", record.generation)
                .number("updatedAt", record.updated_at);
            respond::json(200, &view.build())
        }
        Some(_) => respond::error(&CallbackError::new(
            409,
            "ERR_UNREADABLE",
            "KV holds a value that this version cannot read.",
        )),
        None => {
            respond::error(&CallbackError::new(404, "ERR_CONVERSATION_NOT_FOUND", "There is no such conversation."))
        }
    }
}

async fn replay(env: &Env, config: &Config, kv: &Kv, key: &str) -> Result<Response> {
    let Some(letter) = kv.get(key).await? else {
        return no_letter();
    };
    let conversation = DeadLetter::read(Some(&letter)).and_then(|letter| Address::parse(&letter.conversation));
    match conversation {
        // The object takes the letter out of KV itself, after what it has stored and before it could write a new one.
        Some(address) => hop::ask(env, config, &address, "POST", "/replay", Some(&letter)).await,
        None => respond::error(&CallbackError::new(409, "ERR_UNREADABLE", "This version cannot read the dead letter.")),
    }
}

async fn give_up(kv: &Kv, key: &str) -> Result<Response> {
    if kv.get(key).await?.is_none() {
        return no_letter();
    }
    kv.delete(key).await?;
    respond::json(200, r#"{"status":"deleted"}"#)
}

fn no_letter() -> Result<Response> {
    respond::error(&CallbackError::new(404, "ERR_DEAD_LETTER_NOT_FOUND", "There is no dead letter for this message."))
}

/// A part of a URL as it was meant; as it stands where it is not encoded properly.
fn decoded(text: &str) -> String {
    decode_uri_component(text).map_or_else(|_| text.to_owned(), String::from)
}
