//! `POST /callback/{bot}`: the checks in the order of the contract, then one hop to the conversation.

use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Function, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::{Request, Response};
use worker::{Env, Result, console_error, console_log, console_warn};

use super::{hop, respond, settings, text};
use crate::address::Address;
use crate::callback::envelope::{Callback, Envelope};
use crate::callback::{CallbackError, MAX_BYTES, Roster, shorten, uid};
use crate::config::Config;
use crate::conversation::Entry;
use crate::json::{Field as _, Json};

/// Answers a callback for the bot that the path names.
pub async fn answer(request: &Request, env: &Env, named: &str) -> Result<Response> {
    let config = settings::config(env);
    let config = match config.as_ref() {
        Ok(config) => config,
        Err(problems) => {
            console_error!(
                "{}",
                Json::new().text("event", "misconfigured").text("detail", &problems.to_string()).build()
            );
            return respond::error(&respond::misconfigured(problems));
        }
    };
    if !config.credentials.accept(request.headers().get("Authorization")?.as_deref()) {
        console_warn!("{}", respond::wrong_credentials().to_line(named));
        return respond::unauthorized("Basic");
    }
    let refuse = |error: CallbackError| {
        console_warn!("{}", error.to_line(named));
        respond::error(&error)
    };
    let bot = uid(named);
    if config.behaviour(&bot).is_none() {
        return refuse(CallbackError::new(404, "ERR_BOT_NOT_FOUND", "The setting BOTS does not have this bot."));
    }
    let Some(body) = read(request).await? else {
        let message = format!("A callback may have {MAX_BYTES} bytes.");
        return refuse(CallbackError::new(413, "ERR_TOO_LARGE", message));
    };
    let envelope = match Envelope::parse(&body) {
        Ok(envelope) => envelope,
        Err(error) => return refuse(error),
    };
    if envelope.app_id() != config.app_id {
        return refuse(CallbackError::new(403, "ERR_WRONG_APP", "This callback is from another app."));
    }
    let callback = match envelope {
        Envelope::Message(callback) => callback,
        Envelope::UnknownTrigger { trigger, .. } => {
            let line = Json::new().text("event", "unknown_trigger").text("bot", &bot).text("trigger", &trigger);
            console_log!("{}", line.build());
            return respond::json(200, r#"{"status":"ignored","reason":"unknown_trigger"}"#);
        }
    };
    warn_of_mismatch(&callback, config, &bot);
    receive(env, config, &bot, &callback).await
}

/// The body, or `None` where it is too large: by the length it declares, and by what is counted where it declares none.
///
/// As text, with U+FFFD for what is not UTF-8: the platform decodes faster than it hands over bytes.
async fn read(request: &Request) -> Result<Option<String>> {
    let declared = request.headers().get("Content-Length")?.and_then(|length| length.parse::<usize>().ok());
    match declared {
        Some(length) if length > MAX_BYTES => Ok(None),
        // The platform never hands over more than was declared.
        Some(_) => text(request.text()).await.map(Some),
        None => match request.body() {
            Some(body) => count(&body).await,
            None => Ok(Some(String::new())),
        },
    }
}

/// Reads a body of unknown length, chunk by chunk, and stops where it becomes too large.
async fn count(body: &JsValue) -> Result<Option<String>> {
    let method = |object: &JsValue, name: &str| -> Result<JsValue> {
        let function: Function = Reflect::get(object, &JsValue::from_str(name))?.dyn_into()?;
        Ok(function.call0(object)?)
    };
    let reader = method(body, "getReader")?;
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(method(&reader, "read")?.dyn_into::<Promise>()?).await?;
        if Reflect::get(&chunk, &JsValue::from_str("done"))?.is_truthy() {
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
        let chunk: Uint8Array = Reflect::get(&chunk, &JsValue::from_str("value"))?.dyn_into()?;
        bytes.extend_from_slice(&chunk.to_vec());
        if bytes.len() > MAX_BYTES {
            return Ok(None);
        }
    }
}

async fn receive(env: &Env, config: &Config, bot: &str, callback: &Callback<'_>) -> Result<Response> {
    let address = Address::new(bot, callback.receiver_type, callback.peer(bot));
    let entry = Entry::new(
        callback.id.clone(),
        callback.sender.clone(),
        format!("{}/{}", callback.category, callback.kind),
        callback.conversation_id.clone(),
        callback.message.to_owned().into(),
    );
    let body = entry.to_json();
    let path = match callback.ignored(Roster { bot, bots: &config.roster }) {
        Some(reason) => format!("receive/{}", reason.as_str()),
        None => "receive".to_owned(),
    };
    let mut tries = 0_u8;
    let detail = loop {
        tries = tries.saturating_add(1);
        match hop::ask(env, config, &address, "POST", &path, Some(&body)).await {
            Ok(answer) if answer.status() < 500 => return Ok(answer),
            Ok(answer) => break format!("status {}", answer.status()),
            Err(error) if tries == 1 && is_retryable(&error) => {}
            Err(error) => break error.to_string(),
        }
    };
    let line =
        Json::new().text("event", "not_stored").text("conversation", &address.to_string()).text("detail", &detail);
    console_error!("{}", line.build());
    respond::unavailable("The message could not be stored.")
}

/// Whether the platform says that the same call may work when it is made again (docs, Durable Objects error handling).
fn is_retryable(error: &worker::Error) -> bool {
    let worker::Error::UnknownJsError { original, .. } = error else { return false };
    let flag = |name: &str| Reflect::get(original, &JsValue::from_str(name)).is_ok_and(|flag| flag.is_truthy());
    flag("retryable") && !flag("overloaded")
}

/// A bot or a region that differs is worth a line, and no more: what the two mean exactly is not documented.
fn warn_of_mismatch(callback: &Callback<'_>, config: &Config, bot: &str) {
    let named = callback.bot.as_deref().unwrap_or(bot);
    let region = callback.region.as_deref().unwrap_or(&config.region);
    if named != bot || region != config.region {
        console_warn!(
            "{}",
            Json::new()
                .text("event", "mismatch")
                .text("bot", bot)
                .text("payloadBot", &shorten(named))
                .text("payloadRegion", &shorten(region))
                .build()
        );
    }
}
