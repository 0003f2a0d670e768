//! Answers in JSON, and errors in the form that CometChat gives its own.

use worker::Result;
use worker::web_sys::{Headers, Response, ResponseInit};

use crate::callback::CallbackError;

/// A JSON answer.
pub fn json(status: u16, body: &str) -> Result<Response> {
    send(status, None, body)
}

/// An error, with the header that its status asks for.
pub fn error(error: &CallbackError) -> Result<Response> {
    Ok(Response::new_with_opt_str_and_init(Some(&error.to_json()), &init_of(error)?)?)
}

/// How the answer with this error begins.
pub fn init_of(error: &CallbackError) -> Result<ResponseInit> {
    init(error.status, (error.status == 503).then_some(("Retry-After", "10")))
}

/// 401, with the scheme that is asked for.
pub fn unauthorized(scheme: &str) -> Result<Response> {
    let header = format!("{scheme} realm=\"halley\"");
    send(401, Some(("WWW-Authenticate", &header)), &CallbackError::wrong_credentials().to_json())
}

/// 405, with the methods that are allowed.
pub fn method_not_allowed(allow: &str) -> Result<Response> {
    let error = CallbackError::new(405, "ERR_METHOD_NOT_ALLOWED", format!("This path takes {allow} only."));
    send(405, Some(("Allow", allow)), &error.to_json())
}

/// 404 for a path that leads nowhere.
pub fn not_found() -> Result<Response> {
    error(&CallbackError::new(404, "ERR_API_NOT_FOUND", "There is nothing at this path."))
}

/// 503 for something that may go better later.
pub fn unavailable(what: &str) -> Result<Response> {
    error(&sorry(what))
}

/// What is said then.
pub fn sorry(what: &str) -> CallbackError {
    CallbackError::new(503, "ERR_UNAVAILABLE", format!("{what} Try again later."))
}

fn send(status: u16, header: Option<(&str, &str)>, body: &str) -> Result<Response> {
    let init = match (status, header) {
        (200, None) => OK.with(Clone::clone),
        _ => init(status, header)?,
    };
    Ok(Response::new_with_opt_str_and_init(Some(body), &init)?)
}

thread_local! {
    /// How nearly every answer begins, made once.
    static OK: ResponseInit = init(200, None).unwrap_or_default();
}

fn init(status: u16, header: Option<(&str, &str)>) -> Result<ResponseInit> {
    let headers = Headers::new()?;
    headers.set("Content-Type", "application/json")?;
    if let Some((name, value)) = header {
        headers.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(status);
    init.set_headers(&headers);
    Ok(init)
}
