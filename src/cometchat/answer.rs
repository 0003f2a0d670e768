//! What CometChat's answer to a request means for the one who made it.

use super::{Action, NoAnswer, Response};
use crate::json::Fields;

/// The longest id that is kept, in bytes. CometChat's are numbers; nothing bounds what an answer may hold.
const MAX_ID_BYTES: usize = 64;

/// The longest wait that CometChat is believed, in milliseconds.
const LONGEST_WAIT: u64 = 60 * 60 * 1_000;

/// What became of a reply, by what the sender can do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// CometChat has it.
    Sent(Sent),
    /// CometChat did not look at it, and will later.
    Later(Later),
    /// Nobody knows: no answer, an answer that cannot be read, or a fault on CometChat's side.
    Unknown(String),
    /// CometChat will never take it.
    Refused {
        /// CometChat's own code, such as `ERR_UID_NOT_FOUND`, or `HTTP_418` where none was given.
        code: String,
        /// Whether the refusal may mean that CometChat has it already: 409.
        conflict: bool,
    },
}

/// Why CometChat does not look at a request now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Later {
    /// Too many requests: 429.
    Busy {
        /// How long it asks to wait, in milliseconds; `None` where it does not say.
        wait: Option<u64>,
    },
    /// It refuses the key, the app or the plan, and with them every request: somebody has to mend that.
    Denied {
        /// Such as `AUTH_ERR_APIKEY_NOT_FOUND`, or `HTTP_401` where none was given.
        code: String,
    },
}

/// How CometChat serves us, whatever it says to this one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// It answers.
    Answers,
    /// It does not: no answer, or a fault of its own.
    Fails,
    /// It refuses the key, the app or the plan.
    Denies,
}

impl Service {
    /// What an answer, or none, shows of it.
    pub fn of(answer: &Result<Response, NoAnswer>) -> Self {
        match answer {
            Err(_) => Self::Fails,
            Ok(response) if response.status >= 500 => Self::Fails,
            Ok(response) if matches!(later(response, 0), Some(Later::Denied { .. })) => Self::Denies,
            Ok(_) => Self::Answers,
        }
    }
}

/// A message that CometChat has taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// The id it was given; empty where it is none that could be one.
    pub id: String,
}

impl Sent {
    /// A message with the id that stands in this object, if there is one at all.
    pub(super) fn new(message: &Fields<'_>) -> Option<Self> {
        let id = message.id("id")?;
        Some(Self { id: if id.len() > MAX_ID_BYTES { String::new() } else { id } })
    }
}

impl Answer {
    /// Reads what came back. `now` is in UNIX milliseconds.
    pub fn read(response: Result<Response, NoAnswer>, action: Action, now: u64) -> Self {
        let response = match response {
            Ok(response) => response,
            Err(NoAnswer(why)) => return Self::Unknown(why),
        };
        match (later(&response, now), response.status) {
            (Some(later), _) => Self::Later(later),
            // A proxy may answer in CometChat's place, and an error may come with any status.
            (_, 200..=299) => {
                let answer = Fields::parse(&response.body).unwrap_or_default();
                let message = Sent::new(&answer.object("data"));
                let sent = match action {
                    Action::MarkRead => answer.raw("data").map(|_| Sent::default()),
                    action if action.makes_a_message() => message,
                    // An edit, a deletion and a reaction are answered with a message too, which is not a new one.
                    _ => message.map(|_| Sent::default()),
                };
                sent.map_or_else(|| Self::Unknown(error_code(&response)), Self::Sent)
            }
            // Request Timeout and Too Early say nothing of what became of the request.
            (_, 400..=407 | 409..=424 | 426..=499) => {
                Self::Refused { code: error_code(&response), conflict: response.status == 409 }
            }
            _ => Self::Unknown(error_code(&response)),
        }
    }
}

/// Whether CometChat has put the request off rather than dealt with it.
pub(super) fn later(response: &Response, now: u64) -> Option<Later> {
    if response.status == 429 {
        return Some(Later::Busy { wait: wait(response, now) });
    }
    let code = error_code(response);
    let of_everyone = match response.status {
        401 => true,
        // Where CometChat gives no code of its own, something before it keeps us out.
        403 => code == "HTTP_403" || is_about_us(&code),
        400..=499 => is_about_us(&code),
        _ => false,
    };
    of_everyone.then_some(Later::Denied { code })
}

/// Codes that refuse us and not the message (docs/cometchat.md, section 1.7). Which status they come with is not
/// documented.
fn is_about_us(code: &str) -> bool {
    code.starts_with("AUTH_ERR_")
        || matches!(code, "ERR_PLAN_RESTRICTION" | "ERR_PLAN_QUOTA_RESTRICTION" | "ERR_SUBSCRIPTION_EXPIRED")
}

/// CometChat's code for an answer that is not a success.
pub(super) fn error_code(response: &Response) -> String {
    let code = Fields::parse(&response.body).unwrap_or_default().object("error").text("code");
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if (1..=64).contains(&code.len()) && code.bytes().all(is_code) { code } else { format!("HTTP_{}", response.status) }
}

/// `Retry-After` wins, then the time of the reset (docs, rate-limits).
fn wait(response: &Response, now: u64) -> Option<u64> {
    let number = |header: &Option<String>| header.as_deref().and_then(|text| text.trim().parse::<u64>().ok());
    number(&response.retry_after)
        .map(|seconds| seconds.saturating_mul(1_000))
        .or_else(|| number(&response.rate_limit_reset).map(|at| at.saturating_mul(1_000).saturating_sub(now)))
        .map(|wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Result<Response, NoAnswer> {
        Ok(Response { status, body: body.to_owned(), ..Response::default() })
    }

    #[test]
    fn each_answer_says_what_can_be_done_about_it() {
        let sent = |id: &str| Answer::Sent(Sent { id: id.to_owned() });
        let unknown = |why: &str| Answer::Unknown(why.to_owned());
        let refused = |code: &str| Answer::Refused { code: code.to_owned(), conflict: false };
        let denied = |code: &str| Answer::Later(Later::Denied { code: code.to_owned() });
        let error = |code: &str| format!(r#"{{"error":{{"code":"{code}"}}}}"#);
        for (answer, meaning) in [
            (response(200, r#"{"data":{"id":"101"}}"#), sent("101")),
            (response(200, r#"{"data":{"id":101}}"#), sent("101")),
            (response(201, r#"{"data":{"id":101}}"#), sent("101")),
            (response(200, &format!(r#"{{"data":{{"id":"{}"}}}}"#, "9".repeat(65))), sent("")),
            (response(200, r#"{"data":{}}"#), unknown("HTTP_200")),
            (response(200, r#"{"data":{"id":null}}"#), unknown("HTTP_200")),
            (response(200, "<html>"), unknown("HTTP_200")),
            (response(204, ""), unknown("HTTP_204")),
            (response(200, &error("ERR_EXCEPTION")), unknown("ERR_EXCEPTION")),
            (response(400, &error("ERR_BAD_REQUEST")), refused("ERR_BAD_REQUEST")),
            (response(404, &error("ERR_UID_NOT_FOUND")), refused("ERR_UID_NOT_FOUND")),
            (response(403, &error("ERR_BLOCKED_RECEIVER")), refused("ERR_BLOCKED_RECEIVER")),
            (response(400, &error("said <b>Ann</b>")), refused("HTTP_400")),
            (response(409, ""), Answer::Refused { code: "HTTP_409".into(), conflict: true }),
            (response(408, ""), unknown("HTTP_408")),
            (response(425, ""), unknown("HTTP_425")),
            (response(401, &error("AUTH_ERR_APIKEY_NOT_FOUND")), denied("AUTH_ERR_APIKEY_NOT_FOUND")),
            (response(401, "<html>"), denied("HTTP_401")),
            (response(403, "<html>"), denied("HTTP_403")),
            (response(403, &error("AUTH_ERR_NO_ACCESS")), denied("AUTH_ERR_NO_ACCESS")),
            (response(400, &error("AUTH_ERR_INVALID_APPID")), denied("AUTH_ERR_INVALID_APPID")),
            (response(402, &error("ERR_SUBSCRIPTION_EXPIRED")), denied("ERR_SUBSCRIPTION_EXPIRED")),
            (response(429, ""), Answer::Later(Later::Busy { wait: None })),
            (response(500, &error("ERR_MISSION_FAILED")), unknown("ERR_MISSION_FAILED")),
            (response(302, ""), unknown("HTTP_302")),
            (Err(NoAnswer("timeout".into())), unknown("timeout")),
        ] {
            assert_eq!(Answer::read(answer, Action::Send, 0), meaning);
        }
    }

    #[test]
    fn a_rate_limit_says_how_long_to_wait() {
        for (retry_after, reset, wait) in [
            (Some("7"), Some("99"), Some(7_000)),
            (Some("90000"), None, Some(LONGEST_WAIT)),
            (None, Some("99"), Some(9_000)),
            (None, Some("80"), Some(0)),
            (Some("soon"), None, None),
            (None, None, None),
        ] {
            let response = Response {
                status: 429,
                retry_after: retry_after.map(str::to_owned),
                rate_limit_reset: reset.map(str::to_owned),
                body: String::new(),
            };
            assert_eq!(Answer::read(Ok(response), Action::Send, 90_000), Answer::Later(Later::Busy { wait }));
        }
    }

    #[test]
    fn an_answer_shows_how_we_are_served() {
        let denied = r#"{"error":{"code":"AUTH_ERR_APIKEY_NOT_FOUND"}}"#;
        for (answer, service) in [
            (response(200, ""), Service::Answers),
            (response(404, ""), Service::Answers),
            (response(429, ""), Service::Answers),
            (response(499, ""), Service::Answers),
            (response(401, ""), Service::Denies),
            (response(400, denied), Service::Denies),
            (response(500, ""), Service::Fails),
            (response(503, denied), Service::Fails),
            (Err(NoAnswer("timeout".into())), Service::Fails),
        ] {
            assert_eq!(Service::of(&answer), service, "{answer:?}");
        }
    }
}
