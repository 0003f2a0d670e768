//! The settings of a deployment, read once and checked whole.

use std::fmt;
use std::time::Duration;

use crate::bot::Behaviour;
use crate::bot::registry::Registry;
use crate::callback::{CallbackError, Credentials, uid};
use crate::conversation::Settings;
use crate::json::{Field, Fields};

/// Everything a deployer sets, as it is used.
pub struct Config {
    /// The app whose callbacks are accepted.
    pub app_id: String,
    /// Its region.
    pub region: String,
    /// The base URL of the REST API, without a slash at its end. Never built from a payload.
    pub api_url: String,
    /// The REST API key.
    pub api_key: Secret,
    /// What a callback must present.
    pub credentials: Credentials,
    /// What the operator's routes ask for; `None` closes them.
    pub admin_token: Option<Secret>,
    /// Where conversations are created: one of Cloudflare's location hints.
    pub location_hint: Option<String>,
    /// The UIDs of every bot, those of other systems among them.
    pub roster: Vec<String>,
    /// How conversations are kept.
    pub conversation: Settings,
    behaviours: Vec<(String, &'static dyn Behaviour)>,
}

/// A setting that must not be shown.
pub struct Secret(String);

impl Secret {
    /// The secret, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The settings that are missing, empty or unreadable. It names them and never shows their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misconfigured(pub Vec<(&'static str, &'static str)>);

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (setting, problem)) in self.0.iter().enumerate() {
            write!(f, "{}{setting} {problem}", if n == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// 503 for a deployment whose settings are not complete.
impl From<&Misconfigured> for CallbackError {
    fn from(problems: &Misconfigured) -> Self {
        Self::new(503, "ERR_MISCONFIGURED", format!("The settings are not complete: {problems}."))
    }
}

impl Config {
    /// Reads the settings through `get`, which answers `None` for one that is not there. A binding has any text.
    /// `registry` has the bots.
    ///
    /// # Errors
    ///
    /// Every setting that is missing, empty or unreadable, at once.
    pub fn read(get: impl Fn(&str) -> Option<String>, registry: Registry) -> Result<Self, Misconfigured> {
        let mut problems = Vec::new();
        let mut required = |name| {
            let value = text(&get, name);
            if value.is_none() {
                problems.push((name, "is missing"));
            }
            value.unwrap_or_default()
        };
        let app_id = required("COMETCHAT_APP_ID");
        let region = required("COMETCHAT_REGION");
        let api_key = Secret(required("COMETCHAT_API_KEY"));
        let username = required("CALLBACK_USERNAME");
        let password = required("CALLBACK_PASSWORD");
        let bots = required("BOTS");
        required("CONVERSATIONS");
        required("CONVERSATION");

        // Both become part of a host name that the API key is sent to.
        for (name, value) in [("COMETCHAT_APP_ID", &app_id), ("COMETCHAT_REGION", &region)] {
            if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                problems.push((name, "must be letters and digits"));
            }
        }
        let api_url = text(&get, "COMETCHAT_API_URL")
            .unwrap_or_else(|| format!("https://{app_id}.api-{region}.cometchat.io/v3"))
            .trim_end_matches('/')
            .to_owned();
        if !api_url.starts_with("https://") && !api_url.starts_with("http://") {
            problems.push(("COMETCHAT_API_URL", "must be a URL such as https://host/v3"));
        }

        let mut behaviours: Vec<(String, &'static dyn Behaviour)> = Vec::new();
        if !bots.is_empty() {
            match Fields::parse(&bots) {
                Ok(names) => {
                    for (bot, name) in names.iter() {
                        let name = String::read(Some(name.get())).unwrap_or_default();
                        match registry(&name) {
                            Some(behaviour) if is_uid(bot) => behaviours.push((uid(bot), behaviour)),
                            Some(_) => problems.push(("BOTS", "holds what is not a UID")),
                            None => problems.push(("BOTS", "names a behaviour that this worker does not have")),
                        }
                    }
                    if behaviours.is_empty() && problems.is_empty() {
                        problems.push(("BOTS", "names no bot"));
                    }
                }
                Err(_) => problems.push(("BOTS", "must be a JSON object from bot UID to behaviour")),
            }
        }
        let other_bots = text(&get, "OTHER_BOTS").unwrap_or_default();
        let roster = behaviours.iter().map(|(bot, _)| bot.clone()).chain(list(&other_bots).map(uid)).collect();

        let mut number = |name, default| match text(&get, name).map(|text| text.parse::<u64>()) {
            None => default,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                problems.push((name, "must be a whole number"));
                default
            }
        };
        let conversation = Settings {
            rest_after: Duration::from_secs(number("REST_AFTER_SECONDS", 30)),
            empty_after: Duration::from_secs(number("EMPTY_AFTER_SECONDS", 24 * 60 * 60)),
            // KV takes no expiry under a minute.
            state_ttl: Duration::from_secs(number("STATE_TTL_DAYS", 90).clamp(1, 36_500).saturating_mul(24 * 60 * 60)),
            give_up_after: Duration::from_secs(number("GIVE_UP_AFTER_SECONDS", 24 * 60 * 60)),
            reply_budget_per_minute: u32::try_from(number("REPLY_BUDGET_PER_MINUTE", 30)).unwrap_or(u32::MAX),
            logs_messages: match text(&get, "LOG").as_deref() {
                None | Some("messages") => true,
                Some("problems") => false,
                Some(_) => {
                    problems.push(("LOG", "must be messages or problems"));
                    true
                }
            },
            interactive_messages: match text(&get, "INTERACTIVE_MESSAGES").as_deref() {
                None | Some("false") => false,
                Some("true") => true,
                Some(_) => {
                    problems.push(("INTERACTIVE_MESSAGES", "must be true or false"));
                    false
                }
            },
        };
        if !problems.is_empty() {
            return Err(Misconfigured(problems));
        }

        let previous = text(&get, "CALLBACK_PASSWORD_PREVIOUS");
        let passwords = [Some(password.as_str()), previous.as_deref()];
        Ok(Self {
            credentials: Credentials::new(&username, passwords.into_iter().flatten()),
            location_hint: text(&get, "LOCATION_HINT").or_else(|| near(&region).map(str::to_owned)),
            admin_token: text(&get, "ADMIN_TOKEN").map(Secret),
            app_id,
            region,
            api_url,
            api_key,
            roster,
            conversation,
            behaviours,
        })
    }

    /// The UIDs of our own bots.
    pub fn bots(&self) -> Vec<&str> {
        self.behaviours.iter().map(|(bot, _)| bot.as_str()).collect()
    }

    /// What the bot with this UID does, if it is one of ours.
    pub fn behaviour(&self, bot: &str) -> Option<&'static dyn Behaviour> {
        self.behaviours.iter().find(|(uid, _)| uid == bot).map(|(_, behaviour)| *behaviour)
    }
}

/// Where to create conversations so that they are near CometChat. CometChat does not publish its cities.
fn near(region: &str) -> Option<&'static str> {
    match region {
        "us" => Some("enam"),
        "eu" => Some("weur"),
        "in" => Some("apac"),
        _ => None,
    }
}

fn text(get: &impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// UIDs as a JSON array or separated by commas.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '[', ']', '"']).map(str::trim).filter(|item| !item.is_empty())
}

/// A UID: up to 100 of `a-z 0-9 - _`, in either case (docs, properties-and-constraints).
fn is_uid(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const COMPLETE: [(&str, &str); 8] = [
        ("COMETCHAT_APP_ID", "app1"),
        ("COMETCHAT_REGION", "eu"),
        ("COMETCHAT_API_KEY", "key"),
        ("CALLBACK_USERNAME", "halley"),
        ("CALLBACK_PASSWORD", "secret"),
        ("BOTS", r#"{"Demo_Bot":"assistant"}"#),
        ("CONVERSATIONS", "{}"),
        ("CONVERSATION", "{}"),
    ];

    fn read(changes: &[(&str, &str)]) -> Result<Config, Misconfigured> {
        let settings: BTreeMap<&str, &str> = COMPLETE.into_iter().chain(changes.iter().copied()).collect();
        Config::read(|name| settings.get(name).map(|value| (*value).to_owned()), crate::bots::behaviour)
    }

    #[test]
    fn the_host_is_built_from_app_and_region() {
        let config = read(&[]).ok().unwrap();
        assert_eq!(config.api_url, "https://app1.api-eu.cometchat.io/v3");
        assert_eq!(config.location_hint.as_deref(), Some("weur"));
        assert!(config.behaviour("demo_bot").is_some());
        assert!(config.behaviour("other").is_none());
        assert!(config.admin_token.is_none());
        assert_eq!(config.conversation.rest_after, Duration::from_secs(30));
    }

    #[test]
    fn what_is_set_wins() {
        let config = read(&[
            ("COMETCHAT_API_URL", "http://127.0.0.1:4100/v3/"),
            ("LOCATION_HINT", "apac"),
            ("OTHER_BOTS", "Helper, watcher"),
            ("EMPTY_AFTER_SECONDS", "3"),
            ("LOG", "problems"),
            ("INTERACTIVE_MESSAGES", "true"),
        ])
        .ok()
        .unwrap();
        assert_eq!(config.api_url, "http://127.0.0.1:4100/v3");
        assert_eq!(config.location_hint.as_deref(), Some("apac"));
        assert_eq!(config.roster, ["demo_bot", "helper", "watcher"]);
        assert_eq!(config.conversation.empty_after, Duration::from_secs(3));
        assert!(!config.conversation.logs_messages);
        assert!(config.conversation.interactive_messages);
    }

    #[test]
    fn every_problem_is_named_at_once_and_no_value_is_shown() {
        let problems = |changes| read(changes).err().map(|problems| problems.to_string());
        for (changes, problem) in [
            (
                &[("COMETCHAT_API_KEY", ""), ("CALLBACK_PASSWORD", " ")][..],
                "COMETCHAT_API_KEY is missing; CALLBACK_PASSWORD is missing",
            ),
            (&[("COMETCHAT_APP_ID", "evil.example/")], "COMETCHAT_APP_ID must be letters and digits"),
            (&[("COMETCHAT_API_URL", "ftp://x")], "COMETCHAT_API_URL must be a URL such as https://host/v3"),
            (&[("BOTS", "[]")], "BOTS must be a JSON object from bot UID to behaviour"),
            (&[("BOTS", "{}")], "BOTS names no bot"),
            (&[("BOTS", r#"{"a":"nobody"}"#)], "BOTS names a behaviour that this worker does not have"),
            (&[("BOTS", r#"{"a b":"assistant"}"#)], "BOTS holds what is not a UID"),
            (&[("CONVERSATIONS", "")], "CONVERSATIONS is missing"),
            (&[("REST_AFTER_SECONDS", "soon")], "REST_AFTER_SECONDS must be a whole number"),
            (&[("LOG", "nothing")], "LOG must be messages or problems"),
        ] {
            assert_eq!(problems(changes).as_deref(), Some(problem));
        }
        assert_eq!(format!("{:?}", Secret("key".into())), "Secret(…)");
    }
}
