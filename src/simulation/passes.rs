//! How often a message is gone through by the JSON reader on its way from the callback to the reply.
//!
//! Nothing fails here and nothing waits, so every future is ready when it is polled first.

use std::cell::RefCell;
use std::future::{pending, ready};
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::storage::{self, Rows};
use crate::address::Address;
use crate::bot::{Bot, Result, Turn};
use crate::callback::Roster;
use crate::callback::envelope::{Callback, Envelope};
use crate::cometchat::{NoAnswer, Request, Response};
use crate::conversation::ports::{
    Archive, ArchiveError, Change, Clock, CometChat, Journal, Millis, Storage, StorageError,
};
use crate::conversation::{Conversation, Entry, Receipt, Settings};
use crate::json::{Field as _, parsed};

/// Far more than all else that is parsed on the way: rows, answers, names of fields.
const TEXT_BYTES: usize = 100_000;

struct Brief;

impl Bot for Brief {
    type State = ();

    async fn on_message(&self, turn: &mut Turn<()>) -> Result {
        Ok(turn.reply("yes"))
    }
}

#[derive(Default)]
struct Calm(RefCell<Rows>);

impl Clock for Rc<Calm> {
    fn now(&self) -> Millis {
        1_700_000_000_000
    }

    async fn sleep(&self, _: Duration) {
        pending().await
    }
}

impl Storage for Rc<Calm> {
    fn read(&self, keys: &[String]) -> std::result::Result<Option<(String, String)>, StorageError> {
        Ok(keys.iter().find_map(|key| Some((key.clone(), self.0.borrow().get(key)?.clone()))))
    }

    fn range(
        &self,
        after: &str,
        until: &str,
        limit: usize,
    ) -> std::result::Result<Vec<(String, String)>, StorageError> {
        Ok(storage::range(&self.0.borrow(), after, until, limit))
    }

    fn last(&self, after: &str, until: &str) -> std::result::Result<Option<String>, StorageError> {
        Ok(storage::between(&self.0.borrow(), after, until).next_back().map(|(key, _)| key.clone()))
    }

    fn count(&self, after: &str, until: &str) -> std::result::Result<u64, StorageError> {
        Ok(storage::between(&self.0.borrow(), after, until).count() as u64)
    }

    fn write(&self, changes: &[Change]) -> std::result::Result<(), StorageError> {
        for change in changes {
            match change {
                Change::Put(key, value) => drop(self.0.borrow_mut().insert(key.clone(), value.clone())),
                Change::Delete(key) => drop(self.0.borrow_mut().remove(key)),
                Change::DeleteRange { .. } => panic!("there is nothing to forget"),
            }
        }
        Ok(())
    }

    fn sync(&self) -> impl Future<Output = std::result::Result<(), StorageError>> {
        ready(Ok(()))
    }

    async fn set_alarm(&self, _: Millis) -> std::result::Result<(), StorageError> {
        Ok(())
    }

    async fn clear(&self) -> std::result::Result<(), StorageError> {
        panic!("it does not empty itself");
    }
}

impl Archive for Rc<Calm> {
    async fn get(&self, _: &str) -> std::result::Result<Option<String>, ArchiveError> {
        Ok(None)
    }

    async fn put(&self, _: &str, _: &str, _: Duration, _: &str) -> std::result::Result<(), ArchiveError> {
        panic!("it does not rest");
    }

    async fn delete(&self, _: &str) -> std::result::Result<(), ArchiveError> {
        panic!("there are no letters");
    }
}

impl CometChat for Rc<Calm> {
    fn call(&self, _: &Request) -> impl Future<Output = std::result::Result<Response, NoAnswer>> {
        ready(Ok(Response { status: 200, body: r#"{"data":{"id":"8"}}"#.to_owned(), ..Response::default() }))
    }
}

impl Journal for Rc<Calm> {
    fn line(&self, _: String) {}
}

fn engine(world: &Rc<Calm>) -> Rc<Conversation<Rc<Calm>>> {
    let address = Address::parse("demo_bot:user:ann").unwrap();
    Rc::new(Conversation::new(world.clone(), address, Settings::default(), Some(&Brief), Rc::default()))
}

fn at_the_door(body: &str) -> Box<Callback<'_>> {
    let Ok(Envelope::Message(callback)) = Envelope::parse(body) else { panic!("this is a message") };
    assert_eq!(callback.ignored(Roster { bot: "demo_bot", bots: &["demo_bot".to_owned()] }), None);
    callback
}

/// How often a message of this length has been gone through since this was asked last.
fn passes(bytes: usize) -> usize {
    parsed::take() / bytes
}

#[test]
fn a_message_is_gone_through_no_more_often_than_this() {
    let text = "x".repeat(TEXT_BYTES);
    let message = format!(
        r#"{{"id":"7","sender":"ann","receiverType":"user","receiver":"demo_bot","category":"message","type":"text","data":{{"text":"{text}"}}}}"#
    );
    let body = format!(r#"{{"trigger":"after_message","appId":"app","bot":"demo_bot","data":{message}}}"#);
    let world = Rc::<Calm>::default();
    let conversation = engine(&world);
    parsed::take();

    let callback = at_the_door(&body);
    // The body, `data` in it, and the `data` of the message for mentions and metadata.
    let at_the_door = passes(text.len());

    let entry = Entry::new("7".to_owned(), "ann".to_owned(), String::new(), None, callback.message.to_owned().into());
    let hop = entry.to_json();
    let entry = Entry::read(Some(&hop)).unwrap();
    // The hop's body; the message in it is kept as JSON.
    let in_the_object = passes(text.len());

    let (receipt, work) = conversation.receive(entry, None).now_or_never().unwrap().unwrap();
    assert!(receipt == Receipt::Accepted && work.is_none(), "There is more to do.");
    assert!(world.0.borrow()["2/record"].contains(r#""answered":1"#), "The turn has not been.");
    // The message, its `data`, and the text in that.
    let in_its_turn = passes(text.len());

    assert_eq!([at_the_door, in_the_object, in_its_turn], [3, 1, 3]);

    // Another instance reads it from its row once.
    let world = Rc::<Calm>::default();
    // It may have had an attempt, and so is stored before the next.
    let entry = Entry { attempts: 1, ..Entry::read(Some(&hop)).unwrap() };
    let (_, work) = engine(&world).receive(entry, None).now_or_never().unwrap().unwrap();
    assert!(work.is_some(), "There is nothing left to do.");
    parsed::take();
    assert!(engine(&world).view().is_ok());
    assert_eq!(passes(text.len()), 1);
}
