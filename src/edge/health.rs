//! `GET /health`: whether the settings are complete, and whether there is trouble that somebody has to mend.

use std::cell::RefCell;

use futures_util::future::join_all;
use worker::web_sys::Response;
use worker::{Date, Env, Result};

use super::kv::Kv;
use super::{respond, settings};
use crate::callback::CallbackError;
use crate::conversation::Trouble;
use crate::json::{Json, list};

/// How long what KV has said is believed, in milliseconds. Everybody may ask, and KV's reads are counted.
const BELIEVED: u64 = 15_000;

thread_local! {
    static TROUBLE: RefCell<(u64, Vec<&'static str>)> = const { RefCell::new((0, Vec::new())) };
}

/// Answers 200, or 503 with what is missing or wrong.
pub async fn answer(env: &Env) -> Result<Response> {
    let config = settings::config(env);
    let config = match config.as_ref() {
        Ok(config) => config,
        Err(problems) => {
            let names = list(problems.0.iter().map(|(name, _)| *name));
            return respond::error(&CallbackError {
                details: Some(Json::new().raw("settings", &names).build()),
                ..problems.into()
            });
        }
    };
    let trouble = trouble(env).await;
    let (status, word) = if trouble.is_empty() { (200, "ok") } else { (503, "trouble") };
    let answer = Json::new().text("status", word).raw("bots", &list(config.bots()));
    let answer = if trouble.is_empty() { answer } else { answer.raw("trouble", &list(trouble)) };
    respond::json(status, &answer.build())
}

/// What conversations have noted in KV (src/conversation/trouble.rs).
async fn trouble(env: &Env) -> Vec<&'static str> {
    let now = Date::now().as_millis();
    let known = TROUBLE.with_borrow(|(at, trouble)| (now < at.saturating_add(BELIEVED)).then(|| trouble.clone()));
    if let Some(known) = known {
        return known;
    }
    let noted = Trouble::ALL.map(|trouble| async move {
        match Kv::conversations(env) {
            Ok(kv) => matches!(kv.get(&trouble.key()).await, Ok(Some(_))).then_some(trouble.as_str()),
            Err(_) => None,
        }
    });
    let trouble: Vec<&'static str> = join_all(noted).await.into_iter().flatten().collect();
    TROUBLE.set((now, trouble.clone()));
    trouble
}
