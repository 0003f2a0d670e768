//! What the operator may ask for: the paths below `/admin/` and their parameters. Without a network; the edge answers.

use crate::address::Address;
use crate::callback::{ReceiverType, uid};

/// How many items a page has, unless asked otherwise, and at most.
const LIMIT: u64 = 100;
const MAX_LIMIT: u64 = 1_000;

/// The longest UID or GUID, in bytes, and the longest message id: what the door lets in.
const MAX_PEER_BYTES: usize = 255;
const MAX_ID: usize = 64;

/// A route, with the parts of its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET conversations`: those at rest.
    Conversations,
    /// `GET conversations/{bot}/{user or group}/{peer}`
    Conversation(Address),
    /// `GET dead`: the dead letters.
    DeadLetters,
    /// `POST dead/replay`: tries those again that a query selects.
    ReplayMany,
    /// `POST dead/{bot}/{user or group}/{peer}/{messageId}/replay`, by the letter's KV key.
    Replay(String),
    /// `DELETE dead/{bot}/{user or group}/{peer}/{messageId}`, by the letter's KV key.
    DeadLetter(String),
}

impl Route {
    /// Reads what stands after `/admin/`. `decode` undoes percent-encoding.
    pub fn parse(path: &str, decode: impl Fn(&str) -> String) -> Option<Self> {
        let parts: Vec<String> = path.split('/').map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Some(match parts.as_slice() {
            ["conversations"] => Self::Conversations,
            ["conversations", bot, receiver_type, peer] => Self::Conversation(address(bot, receiver_type, peer)?),
            ["dead"] => Self::DeadLetters,
            ["dead", "replay"] => Self::ReplayMany,
            ["dead", rest @ .., "replay"] => Self::Replay(letter(rest)?),
            ["dead", rest @ ..] => Self::DeadLetter(letter(rest)?),
            _ => return None,
        })
    }

    /// The only method that it takes.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Conversations | Self::Conversation(_) | Self::DeadLetters => "GET",
            Self::Replay(_) | Self::ReplayMany => "POST",
            Self::DeadLetter(_) => "DELETE",
        }
    }
}

fn address(bot: &str, receiver_type: &str, peer: &str) -> Option<Address> {
    let receiver_type = ReceiverType::parse(receiver_type)?;
    let fits = |text: &str| (1..=MAX_PEER_BYTES).contains(&text.len());
    let peer = if receiver_type == ReceiverType::User { uid(peer) } else { peer.to_owned() };
    (fits(bot) && fits(&peer)).then(|| Address::new(uid(bot), receiver_type, peer))
}

/// The KV key of a letter. Those of before its conversation was part of it are named by bot and message alone.
fn letter(parts: &[&str]) -> Option<String> {
    let (place, id) = match parts {
        [bot, id] => (address(bot, "user", "-")?.bot, id),
        [bot, receiver_type, peer, id] => (address(bot, receiver_type, peer)?.to_string(), id),
        _ => return None,
    };
    (1..=MAX_ID).contains(&id.len()).then(|| format!("dead:{place}:{id}"))
}

/// The parameters of a query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// How many items are looked at.
    pub limit: u64,
    /// Where to go on.
    pub cursor: Option<String>,
    /// Only letters with this reason.
    pub reason: Option<String>,
    /// Only letters about what died at this moment or later, in UNIX milliseconds.
    pub after: Option<u64>,
    /// Only letters about what died before this moment.
    pub before: Option<u64>,
}

impl Query {
    /// Reads what stands after `?`. `decode` undoes percent-encoding.
    ///
    /// # Errors
    ///
    /// The parameter that is unknown, or no number where it has to be one: it might have been meant to select few of many.
    pub fn parse(query: &str, decode: impl Fn(&str) -> String) -> Result<Self, String> {
        let mut read = Self { limit: LIMIT, ..Self::default() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            let number = || value.parse::<u64>().map_err(|_| name.to_owned());
            match name {
                "limit" => read.limit = number()?.clamp(1, MAX_LIMIT),
                "cursor" => read.cursor = Some(value),
                "reason" => read.reason = Some(value),
                "after" => read.after = Some(number()?),
                "before" => read.before = Some(number()?),
                _ => return Err(name.to_owned()),
            }
        }
        Ok(read)
    }

    /// Whether it selects a letter with this reason and time of death.
    pub fn selects(&self, reason: &str, died_at: u64) -> bool {
        self.reason.as_ref().is_none_or(|wanted| wanted == reason)
            && self.after.is_none_or(|after| died_at >= after)
            && self.before.is_none_or(|before| died_at < before)
    }
}

/// A letter's KV key as a listing shows it: the conversation it died in, or only the bot where the key says no more,
/// and the message.
pub fn name_of_letter(key: &str) -> (&str, &str) {
    let name = key.strip_prefix("dead:").unwrap_or(key);
    name.rsplit_once(':').unwrap_or(("", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Option<Route> {
        Route::parse(path, |part| part.replace("%2D", "-"))
    }

    #[test]
    fn paths_lead_to_routes() {
        let ann = || Address::new("demo_bot", ReceiverType::User, "ann");
        let team = || Address::new("demo_bot", ReceiverType::Group, "Team-1");
        for (path, route) in [
            ("conversations", Route::Conversations),
            ("conversations/DEMO_BOT/user/Ann", Route::Conversation(ann())),
            ("conversations/demo_bot/group/Team%2D1", Route::Conversation(team())),
            ("dead", Route::DeadLetters),
            ("dead/replay", Route::ReplayMany),
            ("dead/demo_bot/user/ANN/712", Route::DeadLetter("dead:demo_bot:user:ann:712".into())),
            ("dead/demo_bot/group/a:b/712/replay", Route::Replay("dead:demo_bot:group:a:b:712".into())),
            ("dead/demo_bot/712", Route::DeadLetter("dead:demo_bot:712".into())),
            ("dead/demo_bot/712/replay", Route::Replay("dead:demo_bot:712".into())),
        ] {
            assert_eq!(parse(path), Some(route), "{path}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_no_route() {
        let long = |path: &str, n: usize| path.replace('*', &"x".repeat(n));
        for path in [
            "",
            "nothing",
            "conversations/",
            "conversations/demo_bot",
            "conversations/demo_bot/room/x",
            "conversations/demo_bot/user/",
            "conversations/demo_bot/user/x/y",
            "dead/demo_bot",
            "dead/demo_bot/712/bury",
            "dead/demo_bot/user/ann/712/replay/now",
            &long("conversations/demo_bot/user/*", 256),
            &long("conversations/*/user/ann", 256),
            &long("dead/demo_bot/*", 65),
            &long("dead/demo_bot/user/*/7", 256),
            &long("dead/demo_bot/user/ann/*/replay", 65),
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_query_selects_by_reason_and_time() {
        let query = |text: &str| Query::parse(text, str::to_owned).unwrap();
        assert_eq!(query(""), Query { limit: 100, ..Query::default() });
        assert_eq!(query("limit=0&cursor=x").limit, 1);
        assert_eq!(query("limit=5000&cursor=x"), Query { limit: 1_000, cursor: Some("x".into()), ..Query::default() });
        let chosen = query("reason=AUTH_ERR_NO_ACCESS&after=10&before=20");
        for (reason, died_at, selected) in [
            ("AUTH_ERR_NO_ACCESS", 10, true),
            ("AUTH_ERR_NO_ACCESS", 19, true),
            ("AUTH_ERR_NO_ACCESS", 20, false),
            ("AUTH_ERR_NO_ACCESS", 9, false),
            ("crashed", 15, false),
        ] {
            assert_eq!(chosen.selects(reason, died_at), selected, "{reason} {died_at}");
        }
        assert!(query("").selects("crashed", 0));
    }

    #[test]
    fn a_query_that_cannot_be_read_selects_nothing() {
        for (text, parameter) in [
            ("before=2026-01-01", "before"),
            ("after=-1", "after"),
            ("limit=many", "limit"),
            ("reasons=crashed", "reasons"),
        ] {
            assert_eq!(Query::parse(text, str::to_owned), Err(parameter.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_letter_is_named_by_its_key() {
        assert_eq!(name_of_letter("dead:demo_bot:user:ann:712"), ("demo_bot:user:ann", "712"));
        assert_eq!(name_of_letter("dead:demo_bot:group:a:b:712"), ("demo_bot:group:a:b", "712"));
        assert_eq!(name_of_letter("dead:demo_bot:712"), ("demo_bot", "712"));
    }
}
