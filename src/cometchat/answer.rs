//! What CometChat's answer to a reply means for the one who sent it.

use super::{NoAnswer, Response};
use crate::json::Fields;

/// What became of a reply, by what the sender can do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// CometChat has it.
    Sent(Sent),
    /// CometChat did not take it, and will take it later: 429.
    Later {
        /// How long it asks to wait, in milliseconds; `None` where it does not say.
        wait: Option<u64>,
    },
    /// Nobody knows: no answer, an answer that cannot be read, or a fault on CometChat's side.
    Unknown(String),
    /// CometChat will never take it. The code is CometChat's own.
    Refused {
        /// Such as `ERR_UID_NOT_FOUND`, or `HTTP_418` where none was given.
        code: String,
    },
}

/// A message that CometChat has taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// The id it was given; empty where the answer did not say.
    pub id: String,
}

impl Answer {
    /// Reads what came back. `now` is in UNIX milliseconds.
    pub fn read(response: Result<Response, NoAnswer>, now: u64) -> Self {
        let response = match response {
            Ok(response) => response,
            Err(NoAnswer(why)) => return Self::Unknown(why),
        };
        match response.status {
            200..=299 => Self::Sent(sent(&response.body)),
            429 => Self::Later { wait: wait(&response, now) },
            400..=499 => Self::Refused { code: error_code(&response) },
            _ => Self::Unknown(error_code(&response)),
        }
    }
}

fn sent(body: &str) -> Sent {
    let answer = Fields::parse(body).unwrap_or_default();
    Sent { id: answer.object("data").id("id").unwrap_or_default() }
}

/// CometChat's code for an answer that is not a success.
pub(super) fn error_code(response: &Response) -> String {
    let code = Fields::parse(&response.body).unwrap_or_default().object("error").text("code");
    if (1..=64).contains(&code.len()) { code } else { format!("HTTP_{}", response.status) }
}

/// `Retry-After` wins, then the time of the reset (docs, rate-limits).
pub(super) fn wait(response: &Response, now: u64) -> Option<u64> {
    let number = |header: &Option<String>| header.as_deref().and_then(|text| text.trim().parse::<u64>().ok());
    number(&response.retry_after)
        .map(|seconds| seconds.saturating_mul(1_000))
        .or_else(|| number(&response.rate_limit_reset).map(|at| at.saturating_mul(1_000).saturating_sub(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Result<Response, NoAnswer> {
        Ok(Response { status, body: body.to_owned(), ..Response::default() })
    }

    #[test]
    fn each_answer_says_what_can_be_done_about_it() {
        let refused = |code: &str| Answer::Refused { code: code.to_owned() };
        for (answer, meaning) in [
            (response(200, r#"{"data":{"id":"101"}}"#), Answer::Sent(Sent { id: "101".into() })),
            (response(200, r#"{"data":{"id":101}}"#), Answer::Sent(Sent { id: "101".into() })),
            (response(200, "not JSON"), Answer::Sent(Sent::default())),
            (response(400, r#"{"error":{"code":"ERR_BAD_REQUEST"}}"#), refused("ERR_BAD_REQUEST")),
            (response(404, r#"{"error":{"code":"ERR_UID_NOT_FOUND"}}"#), refused("ERR_UID_NOT_FOUND")),
            (response(403, "<html>"), refused("HTTP_403")),
            (response(429, ""), Answer::Later { wait: None }),
            (response(500, r#"{"error":{"code":"ERR_MISSION_FAILED"}}"#), Answer::Unknown("ERR_MISSION_FAILED".into())),
            (response(302, ""), Answer::Unknown("HTTP_302".into())),
            (Err(NoAnswer("timeout".into())), Answer::Unknown("timeout".into())),
        ] {
            assert_eq!(Answer::read(answer, 0), meaning);
        }
    }

    #[test]
    fn a_rate_limit_says_how_long_to_wait() {
        for (retry_after, reset, wait) in [
            (Some("7"), Some("99"), Some(7_000)),
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
            assert_eq!(Answer::read(Ok(response), 90_000), Answer::Later { wait });
        }
    }
}
