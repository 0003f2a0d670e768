//! The operator's routes, answered: conversations and dead letters. Without `ADMIN_TOKEN` they are not there.

use futures_util::future::join_all;
use worker::js_sys::decode_uri_component;
use worker::web_sys::{Request, Response};
use worker::{Env, Result};

use super::kv::Kv;
use super::{hop, respond, settings, text};
use crate::address::Address;
use crate::admin::{Query, Route, name_of_letter};
use crate::callback::authentication::is_bearer;
use crate::callback::{CallbackError, shorten};
use crate::config::Config;
use crate::conversation::DeadLetter;
use crate::conversation::record::{Reading, Record};
use crate::json::{Field as _, Fields, Json};

/// How many letters are tried again at the same time.
const AT_A_TIME: usize = 10;

/// Answers a request below `/admin/`.
pub async fn answer(request: &Request, env: &Env, method: &str, path: &str, query: &str) -> Result<Response> {
    let config = settings::config(env);
    let config = match config.as_ref() {
        Ok(config) => config,
        Err(problems) => return respond::error(&problems.into()),
    };
    let Some(token) = &config.admin_token else { return respond::not_found() };
    if !is_bearer(token.expose(), request.headers().get("Authorization")?.as_deref()) {
        return respond::unauthorized("Bearer");
    }
    let Some(route) = Route::parse(path, decoded) else { return respond::not_found() };
    let allowed = route.method();
    if method != allowed {
        return respond::method_not_allowed(allowed);
    }
    let query = match Query::parse(query, decoded) {
        Ok(query) => query,
        Err(parameter) => {
            let problem = "must be a number, or is no parameter of these routes";
            return respond::error(&CallbackError::field(&shorten(&parameter), problem));
        }
    };
    let kv = Kv::conversations(env)?;
    match route {
        Route::Conversations => list(&kv, &query, "conversation:", conversation).await,
        Route::Conversation(address) => show(env, config, &kv, &address).await,
        Route::DeadLetters => list(&kv, &query, "dead:", letter).await,
        Route::ReplayMany => replay_many(env, config, &kv, &query).await,
        Route::Replay(key) => match kv.get(&key).await? {
            Some(letter) => replay(env, config, &key, &letter).await,
            None => no_letter(),
        },
        Route::DeadLetter(key) => give_up(&kv, &key).await,
    }
}

fn conversation(key: &str) -> Json {
    Json::new().text("conversation", key.strip_prefix("conversation:").unwrap_or(key))
}

fn letter(key: &str) -> Json {
    let (conversation, id) = name_of_letter(key);
    Json::new().text("conversation", conversation).text("messageId", id)
}

/// A page of what stands below `prefix`: each key as `name` tells it, with its metadata.
async fn list(kv: &Kv, query: &Query, prefix: &str, name: impl Fn(&str) -> Json) -> Result<Response> {
    let page = kv.list(prefix, query.limit, query.cursor.as_deref()).await?;
    let page = Fields::parse(&page)?;
    let mut items = String::new();
    for key in page.objects("keys") {
        let item = name(&key.text("name"));
        let metadata = key.object("metadata");
        let item = metadata.iter().fold(item, |item, (field, value)| item.raw(field, value.get()));
        items.push_str(if items.is_empty() { "" } else { "," });
        items.push_str(&item.build());
    }
    respond::json(
        200,
        &Json::new().raw("items", &format!("[{items}]")).field("cursor", &page.read::<String>("cursor")).build(),
    )
}

/// A conversation in flight as its object sees it, or at rest as KV has it.
async fn show(env: &Env, config: &Config, kv: &Kv, address: &Address) -> Result<Response> {
    let answer = hop::ask(env, config, address, "GET", "view", None).await?;
    let view = text(answer.text()).await?;
    let seen = Fields::parse(&view).unwrap_or_default();
    // Rows that this version does not read may be all that an object has.
    let is_at_rest = answer.status() == 200
        && seen.read("generation").unwrap_or(0_u64) == 0
        && seen.read("inFlight").unwrap_or(0_u64) == 0;
    if !is_at_rest {
        return respond::json(answer.status(), &view);
    }
    let value = kv.get(&address.key()).await?;
    match value.as_deref().map(Record::from_kv) {
        Some(Reading::Known(record)) => {
            let counts = record.counts.plus(seen.read("counts").unwrap_or_default());
            let view = Json::new()
                .text("conversation", &address.to_string())
                .field("conversationId", &record.conversation_id)
                .field("counts", &counts)
                .number("inFlight", 0)
                .number("generation", record.generation)
                .number("archived", record.generation)
                .number("updatedAt", record.updated_at)
                .field("setAside", &seen.read::<u64>("setAside"))
                .field("newer", &seen.read::<u64>("newer"));
            respond::json(200, &view.build())
        }
        Some(_) => respond::error(&CallbackError::new(
            409,
            "ERR_UNREADABLE",
            "KV holds a value that this version cannot read.",
        )),
        None if view != "null" => respond::json(200, &view),
        None => {
            respond::error(&CallbackError::new(404, "ERR_CONVERSATION_NOT_FOUND", "There is no such conversation."))
        }
    }
}

/// Tries a letter again. The object takes it out of KV itself, after what it has stored and before it could write a
/// new one.
async fn replay(env: &Env, config: &Config, key: &str, letter: &str) -> Result<Response> {
    let conversation = DeadLetter::read(Some(letter)).and_then(|letter| Address::parse(&letter.conversation));
    let Some(address) = conversation else {
        return respond::error(&CallbackError::new(409, "ERR_UNREADABLE", "This version cannot read the dead letter."));
    };
    let body = Json::new().text("key", key).raw("letter", letter).build();
    hop::ask(env, config, &address, "POST", "replay", Some(&body)).await
}

/// Tries the letters of one page again that the query selects, and says what became of them.
async fn replay_many(env: &Env, config: &Config, kv: &Kv, query: &Query) -> Result<Response> {
    let page = kv.list("dead:", query.limit, query.cursor.as_deref()).await?;
    let page = Fields::parse(&page)?;
    let keys: Vec<String> = page
        .objects("keys")
        .into_iter()
        .filter(|key| {
            let metadata = key.object("metadata");
            query.selects(&metadata.text("reason"), metadata.read("diedAt").unwrap_or_default())
        })
        .map(|key| key.text("name"))
        .collect();
    let (mut accepted, mut duplicate, mut failed) = (0_u64, 0_u64, 0_u64);
    for keys in keys.chunks(AT_A_TIME) {
        let tries = keys.iter().map(|key| async move {
            match kv.get(key).await? {
                Some(letter) => text(replay(env, config, key, &letter).await?.text()).await,
                None => Ok(r#"{"status":"duplicate"}"#.to_owned()),
            }
        });
        for answer in join_all(tries).await {
            let answer = answer.unwrap_or_default();
            let count = match Fields::parse(&answer).unwrap_or_default().text("status").as_str() {
                "accepted" => &mut accepted,
                "duplicate" => &mut duplicate,
                _ => &mut failed,
            };
            *count = count.saturating_add(1);
        }
    }
    let answer = Json::new()
        .number("accepted", accepted)
        .number("duplicate", duplicate)
        .number("failed", failed)
        .field("cursor", &page.read::<String>("cursor"));
    respond::json(200, &answer.build())
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
