//! The only code that knows Cloudflare: the Worker at the door, the Durable Object behind it, and the ports.
//!
//! | route | what |
//! | --- | --- |
//! | `POST /callback/{bot}` | CometChat's callbacks |
//! | `GET /health` | whether the settings are complete, and nothing keeps messages waiting that somebody has to mend |
//! | `/admin/…` | the operator's routes |

mod admin;
mod callback;
mod health;
mod hop;
mod kv;
mod object;
mod platform;
mod respond;
mod settings;

use worker::{Context, Env, Method, Request, Response, Result, console_error, event};

use crate::json::Json;

/// Keeps a panic to one report. `worker` installs a hook of its own when the module starts, after every start handler
/// of ours, so ours replaces it with the first event.
fn report_panics_once() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    report_panics_once();
    match answer(request, &env).await {
        Ok(response) => Ok(response),
        Err(error) => {
            console_error!("{}", Json::new().text("event", "failed").text("detail", &error.to_string()).build());
            respond::unavailable("The platform did not do its part.")
        }
    }
}

async fn answer(request: Request, env: &Env) -> Result<Response> {
    let path = request.path();
    let mut segments = path.strip_prefix('/').unwrap_or(&path).split('/');
    match (segments.next(), segments.next(), segments.next()) {
        (Some("callback"), Some(bot), None) if !bot.is_empty() => match request.method() {
            Method::Post => callback::answer(request, env, bot).await,
            _ => respond::method_not_allowed("POST"),
        },
        (Some("health"), None, None) => match request.method() {
            Method::Get | Method::Head => health::answer(env).await,
            _ => respond::method_not_allowed("GET, HEAD"),
        },
        (Some("admin"), Some(_), _) => {
            admin::answer(request, env, path.strip_prefix("/admin/").unwrap_or_default()).await
        }
        _ => respond::not_found(),
    }
}
