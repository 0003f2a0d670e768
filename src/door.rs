//! The door: which callbacks go on to their conversation, and what the others are told. The checks stand in the order
//! of the contract, so that nobody learns more than the one before allows.

use crate::address::Address;
use crate::callback::envelope::Envelope;
use crate::callback::{Callback, CallbackError, Ignored, MAX_BYTES, Roster, shorten, uid};
use crate::config::{Config, Misconfigured};
use crate::conversation::Entry;
use crate::json::{Field as _, Json};

/// A callback that may be read: the settings are complete, the credentials right, and the bot is one of this
/// deployment's.
pub struct Door<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The bot as the path names it.
    named: &'a str,
    bot: String,
}

/// What is answered with an error, and logged.
#[derive(Debug, PartialEq)]
pub struct Refused {
    /// The answer.
    pub error: CallbackError,
    /// The line for the log.
    pub line: String,
}

/// What has been read.
pub enum Passed {
    /// A message, for a conversation.
    Message(Box<Delivery>),
    /// An event that carries none: the line for the log.
    UnknownTrigger(String),
}

/// A message on its way to its conversation.
pub struct Delivery {
    /// Which conversation.
    pub address: Address,
    /// The message.
    pub entry: Entry,
    /// The rule that keeps it from the bot, if any.
    pub ignored: Option<Ignored>,
    /// What is odd about the callback: a line for the log.
    pub mismatch: Option<String>,
}

impl<'a> Door<'a> {
    /// What may be decided before a byte of the body is read. `named` is the bot in the path.
    ///
    /// # Errors
    ///
    /// 503 while the settings are not complete, 401 without the right credentials, 404 for a bot that is not there.
    pub fn open(
        config: &'a Result<Config, Misconfigured>,
        named: &'a str,
        authorization: Option<&str>,
    ) -> Result<Self, Refused> {
        let config = config.as_ref().map_err(|problems| Refused {
            error: problems.into(),
            line: Json::new().text("event", "misconfigured").text("detail", &problems.to_string()).build(),
        })?;
        if !config.credentials.accept(authorization) {
            return Err(refused(CallbackError::wrong_credentials(), named));
        }
        let bot = uid(named);
        if config.behaviour(&bot).is_none() {
            let message = "The setting BOTS does not have this bot.";
            return Err(refused(CallbackError::new(404, "ERR_BOT_NOT_FOUND", message), named));
        }
        Ok(Self { config, named, bot })
    }

    /// 413, for a body of more than [`MAX_BYTES`].
    pub fn too_large(&self) -> Refused {
        let message = format!("A callback may have {MAX_BYTES} bytes.");
        refused(CallbackError::new(413, "ERR_TOO_LARGE", message), self.named)
    }

    /// Reads the body.
    ///
    /// # Errors
    ///
    /// 400 for what is no callback, 403 for one of another app.
    pub fn read(&self, body: &str) -> Result<Passed, Refused> {
        let envelope = Envelope::parse(body).map_err(|error| refused(error, self.named))?;
        if envelope.app_id() != self.config.app_id {
            let error = CallbackError::new(403, "ERR_WRONG_APP", "This callback is from another app.");
            return Err(refused(error, self.named));
        }
        Ok(match envelope {
            Envelope::Message(callback) => Passed::Message(Box::new(self.delivery(&callback))),
            Envelope::UnknownTrigger { trigger, .. } => {
                let line =
                    Json::new().text("event", "unknown_trigger").text("bot", &self.bot).text("trigger", &trigger);
                Passed::UnknownTrigger(line.build())
            }
        })
    }

    fn delivery(&self, callback: &Callback<'_>) -> Delivery {
        Delivery {
            address: Address::new(&self.bot, callback.receiver_type, callback.peer(&self.bot)),
            entry: Entry::new(
                callback.id.clone(),
                callback.sender.clone(),
                format!("{}/{}", callback.category, callback.kind),
                callback.conversation_id.clone(),
                callback.message.to_owned().into(),
            ),
            ignored: callback.ignored(Roster { bot: &self.bot, bots: &self.config.roster }),
            mismatch: self.mismatch(callback),
        }
    }

    /// A bot or a region that differs is worth a line, and no more: what the two mean exactly is not documented.
    fn mismatch(&self, callback: &Callback<'_>) -> Option<String> {
        let bot = callback.bot.as_deref().unwrap_or(&self.bot);
        let region = callback.region.as_deref().unwrap_or(&self.config.region);
        (bot != self.bot || region != self.config.region).then(|| {
            Json::new()
                .text("event", "mismatch")
                .text("bot", &self.bot)
                .text("payloadBot", &shorten(bot))
                .text("payloadRegion", &shorten(region))
                .build()
        })
    }
}

impl Delivery {
    /// What is asked of the conversation, as the path of the hop says it.
    pub fn path(&self) -> String {
        match self.ignored {
            Some(reason) => format!("receive/{}", reason.as_str()),
            None => "receive".to_owned(),
        }
    }

    /// The body of the hop.
    pub fn body(&self) -> String {
        self.entry.to_json()
    }
}

fn refused(error: CallbackError, named: &str) -> Refused {
    Refused { line: error.to_line(named), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Result<Config, Misconfigured> {
        Config::read(
            |name| {
                let value = match name {
                    "COMETCHAT_APP_ID" => "app",
                    "COMETCHAT_REGION" => "eu",
                    "CALLBACK_USERNAME" => "ann",
                    "BOTS" => r#"{"bot":"assistant"}"#,
                    "COMETCHAT_API_KEY" | "CALLBACK_PASSWORD" | "CONVERSATIONS" | "CONVERSATION" => "there",
                    _ => return None,
                };
                Some(value.to_owned())
            },
            crate::bots::behaviour,
        )
    }

    /// `ann:there`.
    const RIGHT: Option<&str> = Some("Basic YW5uOnRoZXJl");

    #[test]
    fn each_check_comes_before_the_next() {
        let config = config();
        let missing = Config::read(|_| None, crate::bots::behaviour);
        let status =
            |config, bot, authorization| Door::open(config, bot, authorization).err().map(|it| it.error.status);
        assert_eq!(status(&missing, "nobody", None), Some(503));
        assert_eq!(status(&config, "nobody", None), Some(401));
        assert_eq!(status(&config, "nobody", Some("Basic YW5uOmFubg==")), Some(401));
        assert_eq!(status(&config, "nobody", RIGHT), Some(404));
        assert_eq!(status(&config, "BOT", RIGHT), None);
    }

    #[test]
    fn a_body_is_malformed_before_it_is_anothers() {
        let config = config();
        let door = Door::open(&config, "bot", RIGHT).ok().unwrap();
        let status = |body: &str| door.read(body).err().map(|refused| refused.error.status);
        assert_eq!(status("{"), Some(400));
        assert_eq!(status(r#"{"trigger":"after_message","appId":"other","data":{"id":"7"}}"#), Some(400));
        assert_eq!(status(&callback("other")), Some(403));
        assert_eq!(status(&callback("app")), None);
        assert_eq!(status(r#"{"trigger":"call_ended","appId":"app","data":{}}"#), None);
        assert_eq!(door.too_large().error.status, 413);
    }

    #[test]
    fn a_message_is_for_its_conversation() {
        let config = config();
        let door = Door::open(&config, "bot", RIGHT).ok().unwrap();
        let Ok(Passed::Message(delivery)) = door.read(&callback("app")) else { panic!("no message") };
        assert_eq!(delivery.path(), "receive");
        assert_eq!(delivery.address.to_string(), "bot:user:ann");
        let entry = Entry::read(Some(&delivery.body())).unwrap();
        assert_eq!((entry.id.as_str(), entry.sender.as_str(), entry.kind.as_str()), ("7", "ann", "message/text"));
        assert_eq!(delivery.mismatch, None);
    }

    fn callback(app: &str) -> String {
        let data =
            r#"{"id":"7","sender":"ann","receiver":"bot","receiverType":"user","category":"message","type":"text"}"#;
        format!(r#"{{"trigger":"after_message","appId":"{app}","bot":"bot","region":"eu","data":{data}}}"#)
    }
}
