//! The engine in a world in which nothing happens by chance: exact rows, requests, lines and waits, step by step. What
//! must hold whatever happens is the simulation's.
#![allow(clippy::arithmetic_side_effects, reason = "the small numbers of a test")]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::{pending, poll_fn, ready};
use std::ops::Bound;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::ports::{Archive, ArchiveError, Change, Clock, CometChat, Journal, Millis, Storage, StorageError};
use super::{Conversation, DeadLetter, Entry, Instance, Receipt, Replayed, Settings};
use crate::address::Address;
use crate::bot::reply::{Effect, Reply, Target};
use crate::bot::{Behaviour, BotError, Failure, Input, Output, Verdict};
use crate::callback::{Ignored, ReceiverType};
use crate::cometchat::{NoAnswer, Request, Response};
use crate::json::Field as _;

const BEGIN: Millis = 1_000_000_000_000;

type Answer = Result<Response, NoAnswer>;

thread_local! {
    /// Whether a bot that waits may go on.
    static GATE: Cell<bool> = const { Cell::new(false) };
}

/// Does what the message says.
struct Scripted;

impl Behaviour for Scripted {
    fn run<'a>(&'a self, input: Input<'a>) -> LocalBoxFuture<'a, Result<Output, Failure>> {
        let message: Value = serde_json::from_str(input.message.get()).unwrap();
        if message["hangs"] == true {
            return Box::pin(pending());
        }
        if message["waits"] == true {
            let state = to_raw_value(&message["state"]).unwrap();
            return Box::pin(poll_fn(move |_| match GATE.get() {
                true => {
                    Poll::Ready(Ok(Output { state: state.clone(), effects: Vec::new(), verdict: Verdict::Replies }))
                }
                false => Poll::Pending,
            }));
        }
        if message["knows"] == false && input.state.is_some() {
            return Box::pin(ready(Err(Failure::UnreadableState)));
        }
        if message["fails"] == true {
            return Box::pin(ready(Err(Failure::Bot(BotError::new("no")))));
        }
        let mut texts: Vec<String> = serde_json::from_value(message["says"].clone()).unwrap_or_default();
        if message["tells"] == true {
            texts.push(input.state.map_or("nothing", RawValue::get).to_owned());
        }
        let said = texts.into_iter().map(|text| Effect::Say(text.into()));
        let effects = said.chain(message["does"].as_array().into_iter().flatten().map(effect)).collect();
        let state = to_raw_value(&message["state"]).unwrap();
        Box::pin(ready(Ok(Output { state, effects, verdict: Verdict::Replies })))
    }

    fn apology(&self, _: &str, message: &RawValue) -> Option<String> {
        let message: Value = serde_json::from_str(message.get()).unwrap();
        message["apology"].as_str().map(str::to_owned)
    }
}

/// What a message has the bot do, such as `["edit", "status", "Done."]`.
fn effect(words: &Value) -> Effect {
    let word = |n: usize| words[n].as_str().unwrap_or_default().to_owned();
    let label = || Target::Label(word(1));
    match word(0).as_str() {
        "say" => Effect::Say(Reply::text(word(2)).label(word(1))),
        "thread" => Effect::Say(Reply::text(word(2)).in_thread_of(word(1))),
        "form" => Effect::Say(Reply::interactive("form", &json!({}))),
        "edit" => Effect::Edit(label(), word(2)),
        "delete" => Effect::Delete(label()),
        "react" => Effect::React(Target::Id(word(1)), word(2)),
        "unreact" => Effect::Unreact(Target::Id(word(1)), word(2)),
        _ => Effect::MarkRead,
    }
}

#[derive(Default)]
struct World {
    now: Cell<Millis>,
    stands_still: Cell<bool>,
    rows: RefCell<BTreeMap<String, String>>,
    /// Every row that was written or deleted, by its key, commit by commit.
    commits: RefCell<Vec<Vec<String>>>,
    /// Whether the next write fails.
    write_fails: Cell<bool>,
    /// How often somebody has waited for the disk.
    syncs: Cell<u32>,
    alarms: RefCell<Vec<Millis>>,
    kv: RefCell<BTreeMap<String, Value>>,
    metadata: RefCell<BTreeMap<String, Value>>,
    ttls: RefCell<BTreeMap<String, Duration>>,
    /// How many of the next writes KV refuses.
    kv_refuses: Cell<u32>,
    kv_is_unreadable: Cell<bool>,
    /// What CometChat answers; afterwards it takes everything, and its histories are empty.
    answers: RefCell<VecDeque<Answer>>,
    requests: RefCell<Vec<String>>,
    lines: RefCell<Vec<Value>>,
    instance: Rc<Instance>,
}

#[derive(Clone)]
struct Ports(Rc<World>);

impl Clock for Ports {
    fn now(&self) -> Millis {
        self.0.now.get()
    }

    /// Whoever has to wait has waited, unless the clock stands still.
    async fn sleep(&self, wait: Duration) {
        if self.0.stands_still.get() {
            pending::<()>().await;
        }
        self.0.pass(u64::try_from(wait.as_millis()).unwrap());
    }
}

impl Storage for Ports {
    fn read(&self, keys: &[String]) -> Result<Option<(String, String)>, StorageError> {
        let rows = self.0.rows.borrow();
        Ok(keys.iter().find_map(|key| Some((key.clone(), rows.get(key)?.clone()))))
    }

    fn range(&self, after: &str, until: &str, limit: usize) -> Result<Vec<(String, String)>, StorageError> {
        let rows = self.0.rows.borrow();
        let range = rows.range::<str, _>((Bound::Excluded(after), Bound::Excluded(until)));
        Ok(range.take(limit).map(|(key, text)| (key.clone(), text.clone())).collect())
    }

    fn last(&self, after: &str, until: &str) -> Result<Option<String>, StorageError> {
        Ok(self.range(after, until, usize::MAX)?.pop().map(|(key, _)| key))
    }

    fn count(&self, after: &str, until: &str) -> Result<u64, StorageError> {
        Ok(self.range(after, until, usize::MAX)?.len() as u64)
    }

    fn write(&self, changes: &[Change]) -> Result<(), StorageError> {
        if self.0.write_fails.take() {
            return Err(StorageError("full".to_owned()));
        }
        let mut keys = Vec::new();
        for change in changes {
            match change {
                Change::Put(key, text) => {
                    keys.push(key.clone());
                    self.0.rows.borrow_mut().insert(key.clone(), text.clone());
                }
                Change::Delete(key) => {
                    keys.push(format!("-{key}"));
                    self.0.rows.borrow_mut().remove(key);
                }
                Change::DeleteRange { after, until, limit } => {
                    for (key, _) in self.range(after, until, *limit)? {
                        self.0.rows.borrow_mut().remove(&key);
                    }
                }
            }
        }
        self.0.commits.borrow_mut().push(keys);
        Ok(())
    }

    async fn sync(&self) -> Result<(), StorageError> {
        self.0.syncs.set(self.0.syncs.get() + 1);
        Ok(())
    }

    async fn set_alarm(&self, at: Millis) -> Result<(), StorageError> {
        self.0.alarms.borrow_mut().push(at);
        Ok(())
    }

    async fn clear(&self) -> Result<(), StorageError> {
        self.0.rows.borrow_mut().clear();
        Ok(())
    }
}

impl Archive for Ports {
    async fn get(&self, key: &str) -> Result<Option<String>, ArchiveError> {
        if self.0.kv_is_unreadable.get() {
            return Err(ArchiveError("500".to_owned()));
        }
        Ok(self.0.kv.borrow().get(key).map(Value::to_string))
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration, metadata: &str) -> Result<(), ArchiveError> {
        if self.0.kv_refuses.get() > 0 {
            self.0.kv_refuses.set(self.0.kv_refuses.get() - 1);
            return Err(ArchiveError("429".to_owned()));
        }
        self.0.kv.borrow_mut().insert(key.to_owned(), parse(value));
        self.0.metadata.borrow_mut().insert(key.to_owned(), parse(metadata));
        self.0.ttls.borrow_mut().insert(key.to_owned(), ttl);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), ArchiveError> {
        self.0.kv.borrow_mut().remove(key);
        Ok(())
    }
}

impl CometChat for Ports {
    async fn call(&self, request: &Request) -> Answer {
        let said = request.body.as_deref().and_then(|body| parse(body)["muid"].as_str().map(str::to_owned));
        let done = match request.method {
            "GET" => "look".to_owned(),
            method => format!("{method} {}", request.path),
        };
        self.0.requests.borrow_mut().push(said.unwrap_or(done));
        let number = self.0.requests.borrow().len();
        let usual = match request.method {
            "GET" => answer(200, &json!({ "data": [] })),
            _ => answer(200, &json!({ "data": { "id": number } })),
        };
        self.0.answers.borrow_mut().pop_front().unwrap_or(usual)
    }
}

impl Journal for Ports {
    fn line(&self, line: String) {
        self.0.lines.borrow_mut().push(parse(&line));
    }
}

impl World {
    fn pass(&self, wait: Millis) {
        self.now.set(self.now.get() + wait);
    }

    /// What has been asked of CometChat since the last time.
    fn asked(&self) -> Vec<String> {
        self.requests.take()
    }

    fn row(&self, key: &str) -> Value {
        self.rows.borrow().get(key).map(|text| parse(text)).unwrap_or_default()
    }

    fn plant(&self, key: &str, text: &str) {
        self.rows.borrow_mut().insert(key.to_owned(), text.to_owned());
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        self.rows.borrow().keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// The lines about the conversation itself, as (event, detail), since the last time.
    fn notes(&self) -> Vec<(String, String)> {
        let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
        let lines = self.lines.take();
        lines
            .iter()
            .filter(|line| line["event"] != "message")
            .map(|line| (text(line, "event"), text(line, "detail")))
            .collect()
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn answer(status: u16, body: &Value) -> Answer {
    Ok(Response { status, body: body.to_string(), ..Response::default() })
}

fn failure(status: u16, code: &str) -> Answer {
    answer(status, &json!({ "error": { "code": code } }))
}

fn note(event: &str, detail: &str) -> (String, String) {
    (event.to_owned(), detail.to_owned())
}

fn raw(value: &Value) -> Rc<RawValue> {
    to_raw_value(value).unwrap().into()
}

/// A message that tells the bot what to do.
fn message(id: &str, what: &Value) -> Entry {
    Entry::new(id.to_owned(), "ann".to_owned(), "message/text".to_owned(), None, raw(what))
}

fn says(id: &str, texts: &[&str]) -> Entry {
    message(id, &json!({ "says": texts }))
}

/// Nothing in this world has to be waited for.
fn done<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("nothing to wait for")
}

struct Scene {
    world: Rc<World>,
    engine: Rc<Conversation<Ports>>,
}

impl Scene {
    fn new() -> Self {
        let world = Rc::new(World::default());
        world.now.set(BEGIN);
        Self::of(world, Settings::default())
    }

    fn of(world: Rc<World>, settings: Settings) -> Self {
        let address = Address::new("bot", ReceiverType::User, "ann");
        let instance = world.instance.clone();
        let engine = Conversation::new(Ports(world.clone()), address, settings, Some(&Scripted), instance);
        Self { world, engine: Rc::new(engine) }
    }

    /// Another instance of the object takes over, in the same instance of the worker.
    fn restart(self) -> Self {
        Self::of(self.world, Settings::default())
    }

    /// A message comes, and is stored.
    fn receive(&self, entry: Entry) -> Receipt {
        done(self.engine.take(entry, None, false)).unwrap()
    }

    /// A message comes, and what it brings about is done; where the clock stands still, as far as it can be.
    fn hear(&self, entry: Entry) {
        let (receipt, work) = done(self.engine.receive(entry, None)).unwrap();
        assert_eq!(receipt, Receipt::Accepted);
        let is_done = work.is_none_or(|work| work.now_or_never().is_some());
        assert!(is_done || self.world.stands_still.get());
    }

    /// The alarm goes off that was set last, or at this moment where that is later.
    fn alarm(&self) {
        let at = self.world.alarms.borrow().last().copied().expect("an alarm");
        self.world.now.set(self.world.now.get().max(at));
        let (due, set) = done(self.engine.wake());
        assert_eq!(set, Ok(()));
        done(self.engine.work(due));
    }

    /// The alarm goes off until this is so.
    fn until(&self, is_so: impl Fn(&World) -> bool) {
        for _ in 0..20 {
            if is_so(&self.world) {
                return;
            }
            self.alarm();
        }
        panic!("the alarm has gone off 20 times in vain");
    }

    /// The alarm goes off until something is asked of CometChat.
    fn until_asked(&self) -> Vec<String> {
        self.until(|world| !world.requests.borrow().is_empty());
        self.world.asked()
    }

    fn letter(&self, id: &str) -> DeadLetter {
        let key = DeadLetter::key(&Address::new("bot", ReceiverType::User, "ann"), id);
        DeadLetter::read(Some(&self.world.kv.borrow()[&key].to_string())).unwrap()
    }
}

#[test]
fn the_event_that_brings_a_message_answers_it() {
    let scene = Scene::new();
    let world = &scene.world;
    scene.hear(says("7", &["one", "two"]));
    assert_eq!(world.asked(), ["bot-7-answer-0", "bot-7-answer-1"]);
    // All that came of the turn, and the message's id. One alarm serves both.
    let id = format!("seen/{:011}/7", BEGIN / 86_400_000 * 86_400);
    let replies = ["2/outbox/0000000000000001/000000", "2/outbox/0000000000000001/000001"];
    let gone = replies.map(|key| format!("-{key}"));
    assert_eq!(
        *world.commits.borrow(),
        [
            vec![replies[0], replies[1], "2/record", id.as_str()],
            // It is not likely that more will come soon.
            vec![&gone[0], &gone[1], "2/record"],
        ]
    );
    assert_eq!(world.keys("2/"), ["2/record"]);
    // For a crash in the middle of it, and for rest.
    assert_eq!(*world.alarms.borrow(), [BEGIN + 32_000]);
    let lines = world.lines.take();
    assert_eq!(
        lines,
        [json!({
            "event": "message", "conversation": "bot:user:ann", "messageId": "7", "kind": "message/text",
            "outcome": "answered", "reason": "", "attempts": 1, "replies": 2, "tookMs": 0,
        })]
    );
    assert_eq!(world.row("2/record")["version"], 1);
    assert_eq!(world.row("2/record")["flight"]["unrestedSince"], BEGIN);
    scene.alarm();
    assert_eq!(world.asked(), [""; 0]);
    assert_eq!(
        world.kv.borrow()["conversation:bot:user:ann"],
        json!({
            "version": 1, "generation": 2, "bot": "bot", "state": null, "sent": [], "updatedAt": BEGIN,
            "counts": { "received": 1, "answered": 1, "ignored": 0, "handedOver": 0, "dead": 0 },
        })
    );
}

fn does(id: &str, effects: &Value) -> Entry {
    message(id, &json!({ "does": effects }))
}

#[test]
fn what_a_bot_does_leaves_in_order_beside_what_it_says() {
    let scene = Scene::new();
    let effects = json!([
        ["say", "status", "Working …"],
        ["edit", "status", "Done."],
        ["react", "7", "👍"],
        ["thread", "7", "Here."],
        ["read"],
        ["unreact", "7", "👍"],
        ["delete", "status"],
    ]);
    scene.hear(does("7", &effects));
    assert_eq!(
        scene.world.asked(),
        [
            "bot-7-answer-0",
            "PUT /messages/1",
            "POST /messages/7/reactions/%F0%9F%91%8D",
            "bot-7-answer-3",
            "POST /users/ann/conversation/read",
            "DELETE /messages/7/reactions/%F0%9F%91%8D",
            "DELETE /messages/1",
        ]
    );
    assert_eq!(scene.world.keys("2/"), ["2/record"]);
    assert_eq!(scene.world.lines.take()[0]["outcome"], "answered");
}

#[test]
fn to_have_read_is_no_answer() {
    let scene = Scene::new();
    scene.hear(does("7", &json!([["read"]])));
    assert_eq!(scene.world.asked(), ["POST /users/ann/conversation/read"]);
    let line = scene.world.lines.take().remove(0);
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("ignored"), &json!("no_reply")));
}

#[test]
fn what_may_be_repeated_is_not_looked_for() {
    let scene = Scene::new();
    let world = &scene.world;
    scene.hear(does("7", &json!([["say", "status", "Working …"]])));
    world.asked();
    for (n, effect) in
        [json!(["edit", "status", "Done."]), json!(["react", "7", "👍"]), json!(["read"])].iter().enumerate()
    {
        world.answers.borrow_mut().push_back(Err(NoAnswer("timeout".to_owned())));
        scene.hear(does(&format!("8{n}"), &json!([effect])));
        let first = world.asked();
        assert_eq!(scene.until_asked(), first, "{effect}");
        scene.until(|world| world.keys("2/outbox/").is_empty());
        assert_eq!(world.asked(), [""; 0]);
    }
}

#[test]
fn what_is_gone_already_has_been_deleted() {
    let scene = Scene::new();
    let world = &scene.world;
    scene.hear(does("7", &json!([["say", "status", "Working …"]])));
    world.asked();
    world.answers.borrow_mut().push_back(Err(NoAnswer("timeout".to_owned())));
    scene.hear(does("8", &json!([["delete", "status"]])));
    world.answers.borrow_mut().push_back(failure(404, "ERR_MESSAGE_ID_NOT_FOUND"));
    world.asked();
    assert_eq!(scene.until_asked(), ["DELETE /messages/1"]);
    scene.until(|world| world.keys("2/outbox/").is_empty());
    assert!(world.kv.borrow().keys().all(|key| !key.starts_with("dead:")));
}

#[test]
fn a_label_is_known_after_a_restart_and_after_rest() {
    let mut scene = Scene::new();
    scene.hear(does("7", &json!([["say", "status", "Working …"]])));
    for (id, restarts) in [("8", false), ("9", true), ("10", true)] {
        if restarts {
            scene.until(|world| world.kv.borrow().contains_key("conversation:bot:user:ann"));
            scene = scene.restart();
        }
        if id == "10" {
            scene.world.rows.borrow_mut().clear();
        }
        scene.world.asked();
        scene.hear(does(id, &json!([["edit", "status", id]])));
        assert_eq!(scene.world.asked(), ["PUT /messages/1"], "{id}");
    }
}

#[test]
fn a_label_goes_with_its_message() {
    for effects in [json!([["delete", "status"], ["edit", "status", "Done."]]), json!([["edit", "status", "Done."]])] {
        let scene = Scene::new();
        scene.hear(does("7", &json!([["say", "status", "Working …"]])));
        if effects[1].is_null() {
            scene.hear(does("8", &json!([["delete", "status"]])));
        }
        scene.hear(does("9", &effects));
        scene.until(|world| world.kv.borrow().contains_key("dead:bot:user:ann:9"));
        assert_eq!(scene.letter("9").reason, "unknown_label", "{effects}");
    }
}

#[test]
fn what_cannot_be_done_is_a_dead_letter_that_says_why() {
    for (effects, reason, kept) in [
        (json!([["edit", "nothing", "Done."], ["react", "7", "👍"]]), "unknown_label", 2),
        (json!([["form"]]), "interactive_not_allowed", 0),
        (json!([["edit", "status", "x".repeat(10_000)]]), "reply_too_large", 0),
    ] {
        let scene = Scene::new();
        scene.hear(does("7", &effects));
        assert_eq!(scene.world.asked(), [""; 0]);
        scene.until(|world| world.kv.borrow().contains_key("dead:bot:user:ann:7"));
        let letter = scene.letter("7");
        assert_eq!((letter.reason.as_str(), letter.replies.len()), (reason, kept));
    }
}

#[test]
fn where_the_bot_has_failed_for_good_it_says_so_once_and_the_message_ends_once() {
    for (answers, events) in [(vec![], vec![]), (vec![failure(400, "ERR_BLOCKED_RECEIVER")], vec!["notice_dropped"])] {
        let scene = Scene::new();
        let world = &scene.world;
        world.answers.borrow_mut().extend(answers);
        scene.hear(message("7", &json!({ "fails": true, "apology": "Sorry." })));
        assert_eq!(scene.until_asked(), ["bot-7-notice-0"]);
        scene
            .until(|world| world.kv.borrow().contains_key("dead:bot:user:ann:7") && world.keys("2/outbox/").is_empty());
        let (ends, notes): (Vec<_>, Vec<_>) =
            world.lines.take().into_iter().partition(|line| line["event"] == "message");
        assert_eq!(ends.len(), 1);
        let dropped: Vec<_> = notes
            .iter()
            .map(|note| note["event"].as_str().unwrap())
            .filter(|event| event.starts_with("notice"))
            .collect();
        assert_eq!(dropped, events);
        assert_eq!(world.row("2/record")["counts"]["dead"], 1);
    }
}

#[test]
fn interactive_messages_are_sent_where_a_setting_allows_it() {
    let scene = Scene::new();
    let scene = Scene::of(scene.world, Settings { interactive_messages: true, ..Settings::default() });
    scene.hear(does("7", &json!([["form"]])));
    assert_eq!(scene.world.asked(), ["bot-7-answer-0"]);
}

#[test]
fn where_more_will_come_a_confirmation_waits_for_the_next_commit_or_the_alarm() {
    let scene = Scene::new();
    let world = &scene.world;
    scene.hear(says("7", &["one"]));
    world.stands_still.set(true);
    for id in ["8", "9"] {
        world.now.set(world.now.get() + 4_000);
        scene.hear(says(id, &["two"]));
        assert_eq!(world.keys("2/outbox/").len(), 1, "its own, and not the one before");
    }
    assert_eq!(world.commits.borrow().len(), 4);
    // The event that was to write it has not come back.
    assert_eq!(*world.alarms.borrow(), [BEGIN + 32_000]);
    scene.alarm();
    assert_eq!(world.keys("2/"), ["2/record"]);
}

#[test]
fn where_no_more_come_a_confirmation_is_written_after_five_seconds() {
    let scene = Scene::new();
    let world = &scene.world;
    scene.hear(says("7", &["one"]));
    world.now.set(world.now.get() + 4_999);
    scene.hear(says("8", &["two"]));
    assert_eq!((world.commits.borrow().len(), world.keys("2/")), (4, vec!["2/record".to_owned()]));
    assert_eq!(world.now.get(), BEGIN + 9_999);
    scene.hear(says("9", &["three"]));
    assert_eq!((world.commits.borrow().len(), world.keys("2/")), (6, vec!["2/record".to_owned()]));
    assert_eq!(world.now.get(), BEGIN + 9_999);
}

#[test]
fn a_message_is_stored_before_its_event_pauses() {
    let scene = Scene::new();
    let world = &scene.world;
    scene.hear(says("6", &[]));
    world.commits.take();
    GATE.set(false);
    world.stands_still.set(true);
    let (receipt, work) = done(scene.engine.receive(message("7", &json!({ "waits": true })), None)).unwrap();
    assert_eq!((receipt, work.is_some()), (Receipt::Accepted, true));
    let id = format!("seen/{:011}/7", BEGIN / 86_400_000 * 86_400);
    assert_eq!(*world.commits.borrow(), [["2/inbox/0000000000000002".to_owned(), id]]);
    assert_eq!(world.row("2/inbox/0000000000000002")["attempts"], 1);
    assert_eq!(world.row("2/inbox/0000000000000002")["dueAt"], BEGIN + 2_000);
    assert_eq!(world.alarms.borrow().last(), Some(&(BEGIN + 2_000)));
    assert_eq!(scene.receive(says("7", &["again"])), Receipt::Duplicate);
    // It has come with this event, so nobody waits for the disk.
    assert_eq!(world.syncs.get(), 0);
    GATE.set(true);
    work.map(done);
    assert_eq!(world.keys("2/inbox/"), [""; 0]);
}

#[test]
fn a_first_attempt_that_fails_is_one_commit_with_its_message() {
    let scene = Scene::new();
    let world = &scene.world;
    scene.hear(message("7", &json!({ "fails": true })));
    let id = format!("seen/{:011}/7", BEGIN / 86_400_000 * 86_400);
    assert_eq!(*world.commits.borrow(), [["2/inbox/0000000000000001".to_owned(), id]]);
    let row = world.row("2/inbox/0000000000000001");
    assert_eq!((&row["attempts"], &row["dueAt"]), (&json!(1), &json!(BEGIN + 1_000)));
}

#[test]
fn a_message_that_comes_again_has_had_an_attempt_and_is_stored_before_the_next() {
    let scene = Scene::new();
    let world = &scene.world;
    let entry = Entry { attempts: 1, ..message("7", &json!({ "fails": true })) };
    let (receipt, work) = done(scene.engine.receive(entry, None)).unwrap();
    assert_eq!(receipt, Receipt::Accepted);
    assert_eq!(world.row("2/inbox/0000000000000001")["attempts"], 2);
    assert_eq!(world.syncs.get(), 0);
    work.map(done);
    assert_eq!(world.syncs.get(), 1);
    scene.until(|world| !world.kv.borrow().is_empty());
    assert_eq!(scene.letter("7").attempts, 3);
    // Whoever says that there were more is not believed.
    let scene = Scene::new();
    let _ = done(scene.engine.receive(Entry { attempts: 9, ..says("7", &[]) }, None)).unwrap();
    assert_eq!(scene.world.row("2/inbox/0000000000000001")["attempts"], 2);
}

#[test]
fn a_message_that_could_not_be_stored_is_not_received() {
    let settings = Settings { reply_budget_per_minute: 1, ..Settings::default() };
    for what in [json!({ "says": ["one"] }), json!({ "fails": true }), json!({ "waits": true })] {
        GATE.set(false);
        let world = Rc::new(World::default());
        world.now.set(BEGIN);
        let scene = Scene::of(world, settings.clone());
        scene.world.stands_still.set(true);
        scene.world.write_fails.set(true);
        let refused = done(scene.engine.receive(message("7", &what), None)).err();
        assert_eq!(refused, Some(StorageError("full".to_owned())), "{what}");
        assert_eq!(scene.world.keys(""), [""; 0], "{what}");
        assert_eq!(scene.world.asked(), [""; 0], "{what}");
        // Neither its id nor its share of the budget is used up.
        scene.world.pass(45_000);
        scene.hear(message("7", &json!({ "says": ["two"] })));
        assert_eq!(scene.world.asked(), ["bot-7-answer-0"], "{what}");
    }
}

#[test]
fn a_state_has_a_row_of_its_own_where_it_is_large_and_is_written_where_it_has_changed() {
    let scene = Scene::new();
    let world = &scene.world;
    let state = |letter: &str, bytes: usize| letter.repeat(bytes - 2);
    world.stands_still.set(true);
    for (n, (state, row)) in [
        (state("a", 2_048), None),
        (state("a", 2_049), Some("2/state")),
        (state("a", 2_049), None),
        (state("b", 2_049), Some("2/state")),
        (state("b", 9), Some("-2/state")),
        (state("c", 9), None),
        (state("d", 5_000), Some("2/state")),
    ]
    .into_iter()
    .enumerate()
    {
        scene.hear(message(&n.to_string(), &json!({ "state": state })));
        let last = world.commits.take().pop().unwrap();
        assert_eq!(last.iter().find(|key| key.ends_with("2/state")).map(String::as_str), row, "{n}");
        assert_eq!(world.row("2/record")["state"], if state.len() < 2_047 { json!(state) } else { Value::Null });
    }
    scene.hear(message("8", &json!({ "state": 8, "tells": true })));
    assert!(world.rows.borrow()["2/outbox/0000000000000008/000000"].contains("ddd"));
    scene.hear(message("9", &json!({ "state": state("e", 5_000) })));
    scene.until(|world| !world.kv.borrow().is_empty());
    let kv = world.kv.borrow();
    assert_eq!(kv["conversation:bot:user:ann"]["state"], state("e", 5_000));
    assert_eq!(kv["conversation:bot:user:ann"]["flight"], Value::Null);
}

#[test]
fn a_reply_without_an_answer_is_looked_for_later_and_later() {
    let scene = Scene::new();
    let world = &scene.world;
    world.answers.borrow_mut().push_back(Err(NoAnswer("timeout".to_owned())));
    scene.hear(says("7", &["one"]));
    assert_eq!(world.asked(), ["bot-7-answer-0"]);
    assert_eq!(world.notes(), [note("send_failed", "timeout")]);
    for tries in 1..=12 {
        let row = world.row("2/outbox/0000000000000001/000000");
        let wait = (4_000 << (tries - 1)).min(120_000);
        let due = row["dueAt"].as_u64().unwrap();
        let now = world.now.get();
        assert!((now + wait / 2..=now + wait).contains(&due), "{tries}: {}", due - now);
        assert_eq!((&row["tries"], &row["waits"]), (&json!(tries), &json!(0)));
        assert_eq!((&row["doubtful"], &row["doubtfulSince"]), (&json!(true), &json!(BEGIN)));
        world.answers.borrow_mut().push_back(failure(500, "ERR_OOPS"));
        assert_eq!(scene.until_asked(), ["look"]);
        assert_eq!(world.now.get(), due);
        assert_eq!(world.row("2/outbox/0000000000000001/000000")["waitsFor"], "ERR_OOPS");
        assert_eq!(world.notes(), [note("send_failed", "ERR_OOPS")]);
    }
    let found = json!({ "data": [{ "id": "9", "sender": "bot", "muid": "bot-7-answer-0" }] });
    world.answers.borrow_mut().push_back(answer(200, &found));
    assert_eq!(scene.until_asked(), ["look"]);
    scene.alarm();
    assert_eq!(world.row("2/record")["counts"]["answered"], 1);
}

#[test]
fn a_reply_that_is_put_off_waits_as_long_as_it_is_told_and_is_not_looked_for() {
    let scene = Scene::new();
    let world = &scene.world;
    world.answers.borrow_mut().push_back(answer(429, &json!({})));
    scene.hear(says("7", &["one"]));
    assert_eq!(world.asked(), ["bot-7-answer-0"]);
    for waits in 1..=10 {
        let row = world.row("2/outbox/0000000000000001/000000");
        assert_eq!(row["dueAt"], world.now.get() + (1_000 << (waits - 1)).min(120_000), "{waits}");
        assert_eq!((&row["tries"], &row["waits"]), (&json!(0), &json!(waits)));
        assert_eq!((&row["doubtful"], &row["doubtfulSince"]), (&json!(false), &json!(0)));
        assert_eq!(row["waitsFor"], "ERR_TOO_MANY_REQUESTS");
        assert_eq!(world.notes(), [note("send_waits", "ERR_TOO_MANY_REQUESTS")]);
        let told = (waits == 10).then(|| "700".to_owned());
        let busy = Response { status: 429, retry_after: told, ..Response::default() };
        world.answers.borrow_mut().push_back(Ok(busy));
        assert_eq!(scene.until_asked(), ["bot-7-answer-0"]);
    }
    let due = world.row("2/outbox/0000000000000001/000000")["dueAt"].as_u64().unwrap();
    assert!((700_500..=701_000).contains(&(due - world.now.get())));
    // An instance that did not see how its last request went cannot be sure: from now on it is in doubt.
    let scene = scene.restart();
    let world = &scene.world;
    world.answers.borrow_mut().push_back(answer(429, &json!({})));
    assert_eq!(scene.until_asked(), ["look"]);
    let row = world.row("2/outbox/0000000000000001/000000");
    assert_eq!((&row["waits"], &row["doubtfulSince"]), (&json!(12), &json!(world.now.get())));
    assert_eq!(scene.until_asked(), ["look", "bot-7-answer-0"]);
}

#[test]
fn a_reply_that_is_refused_takes_the_rest_of_its_answer_with_it() {
    let scene = Scene::new();
    let world = &scene.world;
    world.answers.borrow_mut().extend([answer(200, &json!({ "data": { "id": 1 } })), failure(404, "ERR_NO")]);
    // What is due after an instance has started, none before it can have begun.
    world.pass(1);
    scene.hear(says("7", &["one", "two", "three"]));
    assert_eq!(world.asked(), ["bot-7-answer-0", "bot-7-answer-1"]);
    assert_eq!(world.keys("2/"), ["2/record"]);
    let key = "dead:bot:user:ann:7";
    let mut letter = world.kv.borrow()[key].clone();
    let replies = letter["replies"].take();
    let expected = json!({
        "version": 1, "conversation": "bot:user:ann", "messageId": "7", "reason": "ERR_NO", "attempts": 1,
        "diedAt": BEGIN + 1, "replies": null,
    });
    assert_eq!(letter, expected);
    let kept: Vec<_> =
        replies.as_array().unwrap().iter().map(|row| (row["id"].clone(), row["doubtful"].clone())).collect();
    assert_eq!(kept, [(json!("bot-7-answer-1"), json!(false)), (json!("bot-7-answer-2"), json!(false))]);
    let metadata = json!({ "kind": "reply", "reason": "ERR_NO", "attempts": 1, "diedAt": BEGIN + 1 });
    assert_eq!(world.metadata.borrow()[key], metadata);
    assert_eq!(world.ttls.borrow()[key], Duration::from_secs(2_592_000));
    assert_eq!(world.lines.borrow().last().unwrap()["outcome"], "dead");
    assert_eq!(world.row("2/record")["flight"]["lettersAgainAt"], 0);
}

#[test]
fn of_an_answer_that_is_refused_only_what_cannot_have_been_sent_is_certain() {
    let scene = Scene::new();
    scene.world.answers.borrow_mut().push_back(answer(429, &json!({})));
    scene.hear(says("7", &["one", "two"]));
    let scene = scene.restart();
    let world = &scene.world;
    let nothing = || answer(200, &json!({ "data": [] }));
    let timeout = || Err(NoAnswer("timeout".to_owned()));
    world.answers.borrow_mut().extend([nothing(), timeout(), nothing(), failure(404, "ERR_NO"), nothing()]);
    world.asked();
    assert_eq!(scene.until_asked(), ["look", "bot-7-answer-0"]);
    assert_eq!(scene.until_asked(), ["look", "bot-7-answer-0", "look"]);
    let letter = scene.letter("7");
    let doubtful: Vec<_> = letter.replies.iter().map(|reply| reply.doubtful).collect();
    // The first was looked for after it was refused; the second nobody has looked for.
    assert_eq!(doubtful, [false, true]);
}

#[test]
fn kv_is_told_of_a_letter_until_it_takes_it_and_of_its_deletion_only_then() {
    let scene = Scene::new();
    let world = &scene.world;
    world.kv_refuses.set(3);
    scene.hear(message("7", &json!({ "fails": true })));
    assert_eq!(world.notes(), [note("turn_failed", "bot:no")]);
    let key = "2/letter/0000000000000002";
    scene.until(|world| !world.keys("2/letter/").is_empty() && world.row(key)["tries"] == 1);
    assert_eq!(world.notes()[2], note("letter_refused", "archive: 429"));
    assert_eq!(world.keys("2/letter/"), [key.to_owned(), format!("{key}/000000")]);
    let died = world.now.get();
    let row = world.row(key);
    assert_eq!((&row["tries"], &row["again"]), (&json!(1), &json!(false)));
    let due = row["dueAt"].as_u64().unwrap();
    assert!((died + 60_000..=died + 120_000).contains(&due));
    for (tries, wait) in [(2, 120_000), (3, 240_000)] {
        scene.until(|world| world.row(key)["tries"] == tries);
        assert_eq!(world.row(key)["dueAt"], world.now.get() + wait);
    }
    scene.until(|world| world.kv.borrow().contains_key("dead:bot:user:ann:7"));
    assert!(world.keys("2/letter/").is_empty());
    let mut letter = scene.letter("7");
    assert_eq!((letter.reason.as_str(), letter.attempts, letter.died_at), ("bot:no", 3, died));
    assert_eq!(letter.turn.as_ref().unwrap().attempts, 3);
    assert_eq!(world.metadata.borrow()["dead:bot:user:ann:7"]["kind"], "turn");
    // An earlier attempt may be under way still, so the letter is not deleted before that is over.
    let settled = world.now.get() + 30_000;
    assert_eq!(world.row("2/record")["flight"]["lettersAgainAt"], settled);
    world.pass(1_000);
    letter.turn.as_mut().unwrap().message = raw(&json!({ "says": ["one"] }));
    assert_eq!(done(scene.engine.replay("dead:bot:user:ann:7", letter)), Ok(Replayed::Accepted));
    done(scene.engine.process());
    scene.until(|world| world.keys("2/letter/").is_empty());
    assert!(!world.kv.borrow().contains_key("dead:bot:user:ann:7"));
    assert!(world.now.get() >= settled);
}

#[test]
fn a_letter_that_an_instance_before_has_left_may_be_under_way() {
    let scene = Scene::new();
    scene.world.kv_refuses.set(1);
    scene.world.answers.borrow_mut().push_back(failure(404, "ERR_NO"));
    scene.hear(says("7", &["one"]));
    let key = "2/letter/0000000000000002";
    let mut row = scene.world.row(key);
    assert_eq!((&row["tries"], &row["again"]), (&json!(1), &json!(false)));
    row["tries"] = json!(0);
    scene.world.plant(key, &row.to_string());
    let due = row["dueAt"].as_u64().unwrap();
    scene.world.now.set(due + 1);
    let scene = scene.restart();
    scene.alarm();
    assert_eq!(scene.world.row("2/record")["flight"]["lettersAgainAt"], due + 1 + 30_000);
}

fn dead(id: &str, died_at: Millis, what: &Value) -> DeadLetter {
    let mut letter = json!({ "version": 1, "conversation": "bot:user:ann", "messageId": id, "diedAt": died_at });
    let fields = what.as_object().unwrap().clone();
    letter.as_object_mut().unwrap().extend(fields);
    DeadLetter::read(Some(&letter.to_string())).unwrap()
}

#[test]
fn a_turn_that_is_tried_again_begins_like_a_new_one() {
    let scene = Scene::new();
    let world = &scene.world;
    let turn = json!({
        "id": "7", "sender": "ann", "kind": "message/text", "seq": 9, "receivedAt": 5, "attempts": 3, "delays": 2,
        "dueAt": 6, "replay": false, "message": { "says": ["one"] },
    });
    let letter = dead("7", 1, &json!({ "turn": turn }));
    let other = dead("8", 1, &json!({ "turn": { "id": "8", "message": {} } }));
    let nothing = dead("9", 1, &json!({}));
    let replay = |letter: &DeadLetter| done(scene.engine.replay("dead:key", letter.clone())).unwrap();
    assert_eq!(replay(&letter), Replayed::Accepted);
    assert_eq!(replay(&letter), Replayed::Duplicate);
    assert_eq!(replay(&other), Replayed::Accepted);
    assert_eq!(replay(&nothing), Replayed::Duplicate);
    let again = json!({
        "id": "7", "sender": "ann", "kind": "message/text", "seq": 1, "receivedAt": 5, "attempts": 0, "delays": 0,
        "dueAt": BEGIN, "replay": true, "message": { "says": ["one"] },
    });
    assert_eq!(world.row("2/inbox/0000000000000001"), again);
    let gone = world.row("2/letter/0000000000000002");
    assert_eq!(
        (&gone["key"], &gone["death"], &gone["again"]),
        (&json!("dead:key"), &json!("replay:7:1"), &json!(false))
    );
    // What dies again has had a letter before.
    world.kv_refuses.set(1);
    world.answers.borrow_mut().push_back(failure(404, "ERR_NO"));
    done(scene.engine.process());
    let letters: Vec<_> =
        world.keys("2/letter/").iter().filter(|key| key.len() == 25).map(|key| world.row(key)).collect();
    assert_eq!(letters.last().unwrap()["again"], true);
}

#[test]
fn replies_that_are_tried_again_are_looked_for_where_they_were_in_doubt() {
    let scene = Scene::new();
    let world = &scene.world;
    let reply = |n: usize, doubtful: bool, last: bool| {
        json!({
            "id": format!("bot-7-answer-{n}"), "seq": 9, "messageId": "7", "kind": "message/text", "receivedAt": 5,
            "attempts": 2, "last": last, "outcome": "answered", "madeAt": 6, "queuedAt": 7, "tries": 8, "waits": 9,
            "dueAt": 10, "doubtful": doubtful, "doubtfulSince": 11, "body": { "muid": format!("bot-7-answer-{n}") },
        })
    };
    let letter = dead("7", 1, &json!({ "replies": [reply(0, false, true), reply(1, true, false)] }));
    assert_eq!(done(scene.engine.replay("dead:key", letter)).unwrap(), Replayed::Accepted);
    let again = |n: usize, due_at: Millis, doubtful: bool, last: bool| {
        let mut row = reply(n, doubtful, last);
        row["seq"] = json!(1);
        row["queuedAt"] = json!(BEGIN);
        row["dueAt"] = json!(due_at);
        for field in ["tries", "waits", "doubtfulSince"] {
            row[field] = json!(0);
        }
        row
    };
    assert_eq!(world.row("2/outbox/0000000000000001/000000"), again(0, BEGIN + 2_000, false, false));
    assert_eq!(world.row("2/outbox/0000000000000001/000001"), again(1, BEGIN, true, true));
    done(scene.engine.process());
    assert_eq!(world.asked(), ["bot-7-answer-0"]);
    assert_eq!(scene.until_asked(), ["look", "bot-7-answer-1"]);
}

#[test]
fn a_message_behind_one_that_waits_has_had_no_attempt() {
    let scene = Scene::new();
    scene.hear(message("7", &json!({ "fails": true })));
    scene.hear(says("8", &["one"]));
    let row = scene.world.row("2/inbox/0000000000000002");
    assert_eq!((&row["attempts"], &row["dueAt"]), (&json!(0), &json!(BEGIN)));
    scene.alarm();
    scene.alarm();
    assert_eq!(scene.world.asked(), ["bot-8-answer-0"]);
}

#[test]
fn the_attempt_at_the_next_message_is_recorded_with_the_end_of_the_one_before() {
    for (what, end) in [(json!({}), "ignored"), (json!({ "fails": true }), "dead")] {
        let scene = Scene::new();
        let world = &scene.world;
        let mut entry = message("7", &what);
        (entry.seq, entry.attempts) = (1, 2);
        world.plant("2/inbox/0000000000000001", &entry.to_json());
        let mut next = message("8", &json!({ "hangs": true }));
        next.seq = 2;
        world.plant("2/inbox/0000000000000002", &next.to_json());
        done(scene.engine.process());
        assert_eq!(world.lines.borrow().iter().find(|line| line["event"] == "message").unwrap()["outcome"], end);
        let row = world.row("2/inbox/0000000000000002");
        // Where it left nothing behind, the next would begin later and not at once.
        assert!(world.alarms.borrow().iter().all(|at| *at >= BEGIN), "{:?}", world.alarms.borrow());
        // The attempt that then hung was the first, and needed no commit of its own.
        assert_eq!((&row["attempts"], &row["dueAt"]), (&json!(1), &json!(world.now.get() + 1_000)));
        let commits = world.commits.borrow();
        assert!(commits[1].contains(&"-2/inbox/0000000000000001".to_owned()));
        assert!(commits[1].contains(&"2/inbox/0000000000000002".to_owned()));
        let of_next = |keys: &&Vec<String>| keys.contains(&"2/inbox/0000000000000002".to_owned());
        assert_eq!(commits.iter().filter(of_next).count(), 2, "{commits:?}");
    }
}

#[test]
fn a_sender_over_the_budget_is_told_of_once() {
    let scene = Scene::of(Scene::new().world, Settings { reply_budget_per_minute: 1, ..Settings::default() });
    scene.hear(says("7", &["one"]));
    assert_eq!(scene.receive(says("8", &["two"])), Receipt::Ignored(Ignored::OverBudget));
    assert_eq!(scene.receive(says("9", &["three"])), Receipt::Ignored(Ignored::OverBudget));
    assert_eq!(scene.world.notes(), [note("over_budget", "ann")]);
}

#[test]
fn a_write_that_fails_is_tried_again_two_seconds_later() {
    let scene = Scene::new();
    scene.receive(says("7", &["one"]));
    let scene = scene.restart();
    scene.world.now.set(BEGIN + 2_000);
    let (due, set) = done(scene.engine.wake());
    assert_eq!(set, Ok(()));
    scene.world.write_fails.set(true);
    done(scene.engine.work(due));
    // The alarm that watches over the step, and the one that follows its failure.
    assert_eq!(*scene.world.alarms.borrow(), [BEGIN + 2_000, BEGIN + 12_000, BEGIN + 4_000]);
    assert_eq!(scene.world.notes(), [note("storage_failed", "storage: full")]);
    assert_eq!(scene.until_asked(), ["bot-7-answer-0"]);
}

#[test]
fn rows_of_a_newer_version_are_named() {
    let scene = Scene::new();
    scene.world.plant("3/inbox/0000000000000001", "{}");
    scene.hear(says("7", &["one"]));
    assert_eq!(scene.world.notes(), [note("rows_of_a_newer_version", "1")]);
}

#[test]
fn a_record_that_cannot_be_read_has_to_learn_from_kv() {
    let scene = Scene::new();
    let world = &scene.world;
    world.plant("2/record", "{");
    scene.hear(message("7", &json!({})));
    assert_eq!(world.rows.borrow()["aside/2/record"], "{");
    assert_eq!(world.notes(), [note("row_set_aside", "2/record")]);
    assert_eq!(world.row("2/record")["generation"], 2);
    assert_eq!(world.row("2/record")["flight"]["loaded"], true);
}

/// An answer of 70 replies that waits, of which the last row cannot be read. It lies so far behind that nobody has read
/// it when the first is refused.
fn with_an_answer_that_has_lost_a_row() -> Scene {
    let scene = Scene::new();
    let texts: Vec<String> = (0..70).map(|n| n.to_string()).collect();
    scene.world.answers.borrow_mut().push_back(answer(429, &json!({})));
    scene.hear(message("7", &json!({ "says": texts })));
    scene.world.plant("2/outbox/0000000000000001/000069", "{");
    scene.restart()
}

#[test]
fn an_answer_that_has_lost_a_row_dies_once() {
    let scene = with_an_answer_that_has_lost_a_row();
    let world = &scene.world;
    world.asked();
    world.answers.borrow_mut().extend([answer(200, &json!({ "data": [] })), failure(404, "ERR_NO")]);
    assert_eq!(scene.until_asked(), ["look", "bot-7-answer-0"]);
    assert_eq!(world.row("2/record")["counts"]["dead"], 1);
    assert_eq!(scene.letter("7").replies.len(), 69);
    assert_eq!(world.keys("aside/"), ["aside/2/outbox/0000000000000001/000069"]);
    assert!(world.keys("2/outbox/").is_empty());
}

#[test]
fn of_an_answer_that_has_lost_a_row_what_is_confirmed_is_not_in_the_letter() {
    let scene = with_an_answer_that_has_lost_a_row();
    scene.until(|world| world.kv.borrow().contains_key("dead:bot:user:ann:7"));
    let letter = scene.letter("7");
    assert_eq!(letter.reason, "unreadable_row");
    let asked = scene.world.asked();
    assert!(asked.contains(&"bot-7-answer-40".to_owned()));
    assert!(letter.replies.iter().all(|reply| !asked[1..].contains(&reply.id)), "{asked:?}");
    assert!(!letter.replies.is_empty());
}

#[test]
fn a_reply_that_an_endless_history_cannot_tell_of_is_dead_in_doubt() {
    let scene = Scene::new();
    let world = &scene.world;
    world.answers.borrow_mut().push_back(Err(NoAnswer("timeout".to_owned())));
    for page in 0..100 {
        let said = |n: u64| json!({ "id": 100_000 - page * 100 + n, "sender": "ann", "sentAt": BEGIN / 1_000 });
        world.answers.borrow_mut().push_back(answer(200, &json!({ "data": (0..100).map(said).collect::<Vec<_>>() })));
    }
    scene.hear(says("7", &["one"]));
    scene.until(|world| world.kv.borrow().contains_key("dead:bot:user:ann:7"));
    let letter = scene.letter("7");
    assert_eq!((letter.reason.as_str(), letter.attempts, letter.replies[0].doubtful), ("in_doubt", 1, true));
    assert_eq!(world.asked().len(), 101);
}

#[test]
fn a_message_too_large_for_a_row_does_not_keep_the_conversation_from_going_on() {
    let scene = Scene::new();
    let world = &scene.world;
    let mut entry = message("7", &json!({ "fails": true, "filling": "x".repeat(1_990_001) }));
    (entry.seq, entry.attempts, entry.due_at) = (1, 3, BEGIN);
    world.plant("2/inbox/0000000000000001", &entry.to_json());
    done(scene.engine.process());
    assert_eq!(world.notes(), [note("letter_cut", "7")]);
    assert_eq!(world.kv.borrow()["dead:bot:user:ann:7"]["reason"], "crashed");
    assert_eq!(world.kv.borrow()["dead:bot:user:ann:7"]["turn"], Value::Null);
    assert_eq!(world.keys("2/"), ["2/record"]);
}

#[test]
fn a_value_of_a_newer_version_is_kept_and_taken_back_by_code_that_knows_it() {
    let key = "conversation:bot:user:ann";
    let scene = Scene::new();
    let newer = json!({ "version": 9, "state": "of a newer version" });
    scene.world.kv.borrow_mut().insert(key.to_owned(), newer.clone());
    scene.world.answers.borrow_mut().push_back(answer(429, &json!({})));
    scene.hear(message("7", &json!({ "state": "new", "tells": true })));
    assert!(scene.world.row("2/outbox/0000000000000001/000000")["body"]["data"]["text"] == "nothing");
    scene.until(|world| world.kv.borrow()[key]["version"] == 1);
    let kv = scene.world.kv.borrow().clone();
    assert_eq!(kv["aside:9:bot:user:ann"], newer);
    assert_eq!(scene.world.ttls.borrow()["aside:9:bot:user:ann"], Duration::from_secs(7_776_000));
    assert_eq!((&kv[key]["aside"], &kv[key]["state"]), (&json!(9), &json!("new")));

    for (aside, state, left) in [(1, r#""kept""#, Value::Null), (2, r#""other""#, json!(2))] {
        let scene = Scene::new();
        let world = &scene.world;
        let value = |state: &str, aside: Option<u32>| json!({ "version": 1, "state": state, "aside": aside });
        world.kv.borrow_mut().insert(key.to_owned(), value("other", Some(aside)));
        world.kv.borrow_mut().insert(format!("aside:{aside}:bot:user:ann"), value("kept", None));
        world.answers.borrow_mut().push_back(answer(429, &json!({})));
        scene.hear(message("7", &json!({ "tells": true })));
        assert_eq!(world.row("2/outbox/0000000000000001/000000")["body"]["data"]["text"], state);
        assert_eq!(world.row("2/record")["aside"], left);
    }
}

#[test]
fn a_state_that_the_bot_cannot_read_is_kept() {
    let scene = Scene::new();
    let world = &scene.world;
    scene.hear(message("7", &json!({ "state": "odd" })));
    scene.hear(message("8", &json!({ "state": "new", "knows": false })));
    assert_eq!(world.kv.borrow()["aside:state:bot:user:ann"], "odd");
    assert_eq!(world.row("2/record")["state"], "new");
}

#[test]
fn an_answer_in_doubt_for_half_an_hour_lets_newer_ones_go_before_it() {
    let scene = Scene::new();
    let world = &scene.world;
    world.answers.borrow_mut().push_back(Err(NoAnswer("timeout".to_owned())));
    scene.hear(says("7", &["one", "two"]));
    world.asked();
    while world.keys("2/doubt/").is_empty() {
        assert!(world.now.get() < BEGIN + 33 * 60_000);
        world.answers.borrow_mut().push_back(failure(500, "ERR_OOPS"));
        assert_eq!(scene.until_asked(), ["look"]);
    }
    assert!(world.now.get() >= BEGIN + 30 * 60_000);
    assert_eq!(world.keys("2/doubt/"), ["2/doubt/0000000000000001/000000", "2/doubt/0000000000000001/000001"]);
    assert!(world.keys("2/outbox/").is_empty());
    assert_eq!(world.notes().last(), Some(&note("reply_set_apart", "bot-7-answer-0")));
    scene.hear(says("8", &["three"]));
    assert_eq!(world.asked(), ["bot-8-answer-0"]);
    // The second reply was made by this instance and never sent: it need not be looked for.
    assert_eq!(scene.until_asked(), ["look", "bot-7-answer-0", "bot-7-answer-1"]);
}

#[test]
fn of_answers_in_doubt_the_one_that_is_due_first_is_looked_for_first_and_else_the_oldest() {
    for (first, second, order) in [(20, 10, [2, 1]), (10, 20, [1, 2]), (10, 10, [1, 2])] {
        let scene = Scene::new();
        for (seq, due_in) in [(1, first), (2, second)] {
            let row = json!({
                "id": format!("bot-{seq}-answer-0"), "messageId": seq.to_string(), "madeAt": BEGIN - 10_000_000,
                "dueAt": BEGIN + due_in * 1_000, "doubtfulSince": BEGIN - 9_000_000, "tries": 1,
                "body": { "muid": format!("bot-{seq}-answer-0") },
            });
            scene.world.plant(&format!("2/doubt/{seq:016}/000000"), &row.to_string());
        }
        scene.world.alarms.borrow_mut().push(BEGIN);
        scene.until(|world| world.requests.borrow().len() == 4);
        let asked: Vec<String> = scene.world.asked().into_iter().filter(|asked| asked != "look").collect();
        assert_eq!(asked, order.map(|seq| format!("bot-{seq}-answer-0")), "{first} {second}");
    }
}

#[test]
fn a_new_reply_does_not_wait_for_one_in_doubt_that_is_due_before_it_would_be() {
    let scene = Scene::new();
    let row = json!({
        "id": "bot-1-answer-0", "messageId": "1", "madeAt": BEGIN - 10_000_000, "dueAt": BEGIN + 6_000,
        "doubtfulSince": BEGIN - 9_000_000, "tries": 1, "body": { "muid": "bot-1-answer-0" },
    });
    scene.world.plant("2/doubt/0000000000000001/000000", &row.to_string());
    scene.world.now.set(BEGIN + 5_000);
    scene.hear(says("7", &["one"]));
    assert_eq!(scene.world.asked(), ["bot-7-answer-0"]);
    assert_eq!(scene.until_asked(), ["look", "bot-1-answer-0"]);
    assert_eq!(scene.world.now.get(), BEGIN + 6_000);
}

#[test]
fn nothing_is_sent_while_cometchat_answers_nobody_but_by_who_finds_out() {
    let scene = Scene::new();
    let world = &scene.world;
    for n in 0..4 {
        let other = Address::new("bot", ReceiverType::User, n.to_string());
        world.instance.breaker.failed(&other, BEGIN);
    }
    scene.hear(says("7", &["one"]));
    assert_eq!(world.asked(), [""; 0]);
    let row = world.row("2/outbox/0000000000000001/000000");
    assert_eq!((&row["tries"], &row["waits"], &row["dueAt"]), (&json!(0), &json!(0), &json!(BEGIN + 2_000)));
    // The next attempt to find out is a second away; the others come back in up to twice that time after it.
    assert_eq!(scene.until_asked(), ["bot-7-answer-0"]);
    assert!((BEGIN + 2_000..=BEGIN + 3_000).contains(&world.now.get()), "{}", world.now.get() - BEGIN);
    assert!(!world.instance.breaker.is_open());
}

#[test]
fn trouble_is_noted_in_kv_and_taken_back() {
    let scene = Scene::new();
    let world = &scene.world;
    world.answers.borrow_mut().push_back(answer(401, &json!({})));
    scene.hear(says("7", &["one"]));
    let key = "trouble:cometchat_denies";
    assert_eq!(world.kv.borrow()[key], json!({ "trouble": "cometchat_denies", "at": BEGIN }));
    assert_eq!(world.ttls.borrow()[key], Duration::from_secs(1_200));
    assert_eq!(world.notes(), [note("trouble", "cometchat_denies"), note("send_waits", "HTTP_401")]);
    world.asked();
    scene.until_asked();
    assert!(!world.kv.borrow().contains_key(key));
    assert_eq!(world.notes(), [note("trouble_over", "cometchat_denies")]);
}

#[test]
fn a_conversation_rests_and_a_day_later_its_object_empties_itself() {
    let scene = Scene::new();
    let world = &scene.world;
    let mut entry = message("7", &json!({}));
    entry.conversation_id = Some("ann_user_bot".to_owned());
    world.kv_refuses.set(1);
    scene.hear(entry);
    let flight = |world: &World| world.row("2/record")["flight"].clone();
    scene.until(|world| flight(world)["tries"] == 1);
    assert_eq!(world.now.get(), BEGIN + 32_000);
    assert_eq!(world.lines.take().last().unwrap()["detail"], "archive: 429");
    let due = flight(world)["dueAt"].as_u64().unwrap();
    assert!((BEGIN + 92_000..=BEGIN + 152_000).contains(&due));
    scene.until(|world| flight(world)["archived"] == 1);
    assert_eq!(world.now.get(), due);
    let day = BEGIN / 86_400_000 * 86_400_000;
    let rested = json!({
        "loaded": true, "archived": 1, "archivedAt": due, "unrestedSince": 0, "tries": 0, "dueAt": 0,
        "lettersAgainAt": 0, "seenSince": day, "oldSeenUntil": 0,
    });
    assert_eq!(flight(world), rested);
    let counts = json!({ "received": 1, "answered": 0, "ignored": 1, "handedOver": 0, "dead": 0 });
    let metadata = json!({ "conversationId": "ann_user_bot", "counts": counts, "generation": 1, "updatedAt": BEGIN });
    assert_eq!(world.metadata.borrow()["conversation:bot:user:ann"], metadata);
    assert_eq!(world.ttls.borrow()["conversation:bot:user:ann"], Duration::from_secs(90 * 86_400));
    assert_eq!(world.alarms.borrow().last(), Some(&(BEGIN + 86_400_000)));
    // KV does not show it: it rests again first.
    let value = world.kv.take();
    scene.alarm();
    assert_eq!(world.notes()[0], note("rest_again", "KV does not show what was written"));
    assert_eq!((&flight(world)["archived"], &flight(world)["tries"]), (&json!(0), &json!(1)));
    scene.until(|world| flight(world)["archived"] == 1);
    assert_eq!(*world.kv.borrow(), value);
    let archived = world.now.get();
    scene.until(|world| world.rows.borrow().is_empty());
    assert_eq!(world.now.get(), archived + 120_000);
}

#[test]
fn a_conversation_that_does_not_become_quiet_rests_after_five_minutes() {
    let scene = Scene::new();
    let world = &scene.world;
    let busy = Response { status: 429, retry_after: Some("3600".to_owned()), ..Response::default() };
    world.answers.borrow_mut().push_back(Ok(busy));
    scene.hear(says("7", &["one"]));
    scene.until(|world| world.kv.borrow().contains_key("conversation:bot:user:ann"));
    assert_eq!(world.now.get(), BEGIN + 300_000);
}

#[test]
fn an_object_that_empties_itself_leaves_what_it_does_not_know() {
    for key in ["3/inbox/0000000000000001", "aside/2/record"] {
        let scene = Scene::new();
        let world = &scene.world;
        world.plant(key, "{}");
        scene.hear(message("7", &json!({})));
        scene.until(|world| world.keys("2/").is_empty());
        assert_eq!(world.keys(""), [key]);
    }
}

#[test]
fn a_turn_that_fails_is_tried_three_times() {
    let scene = Scene::new();
    let world = &scene.world;
    scene.hear(message("7", &json!({ "fails": true })));
    for (attempts, wait) in [(1, 1_000), (2, 2_000)] {
        let row = world.row("2/inbox/0000000000000001");
        assert_eq!((&row["attempts"], &row["dueAt"]), (&json!(attempts), &json!(world.now.get() + wait)));
        assert_eq!(world.notes(), [note("turn_failed", "bot:no")]);
        let now = world.now.get();
        scene.until(|world| world.row("2/inbox/0000000000000001") != row);
        assert_eq!(world.now.get(), now + wait);
    }
    let mut line = world.lines.take().pop().unwrap();
    let took = line["tookMs"].take();
    assert_eq!((&line["outcome"], &line["reason"], &line["attempts"]), (&json!("dead"), &json!("bot:no"), &json!(3)));
    assert_eq!(took, 3_000);
}

#[test]
fn a_bot_that_hangs_is_given_up_after_25_seconds() {
    let scene = Scene::new();
    scene.receive(message("7", &json!({ "hangs": true })));
    done(scene.engine.process());
    assert_eq!(scene.world.now.get(), BEGIN + 25_000);
    assert_eq!(scene.world.notes(), [note("turn_failed", "deadline")]);
}

#[test]
fn a_turn_makes_up_to_a_hundred_replies_and_a_state_of_up_to_a_mebibyte() {
    let texts = |n: usize| vec!["x"; n];
    for (what, reason) in [
        (json!({ "says": texts(100) }), "answered"),
        (json!({ "says": texts(101) }), "too_many_replies"),
        (json!({ "says": ["x"], "state": "x".repeat(1_048_574) }), "answered"),
        (json!({ "says": ["x"], "state": "x".repeat(1_048_575) }), "state_too_large"),
    ] {
        let scene = Scene::new();
        scene.hear(message("7", &what));
        scene.until(|world| !world.lines.borrow().is_empty());
        let line = scene.world.lines.take().remove(0);
        let end = if line["outcome"] == "dead" { &line["reason"] } else { &line["outcome"] };
        assert_eq!(end, reason);
    }
}

#[test]
fn a_turn_waits_for_kv_without_an_attempt() {
    let scene = Scene::new();
    let world = &scene.world;
    world.kv_is_unreadable.set(true);
    scene.hear(says("7", &["one"]));
    for delays in 1..=9_u32 {
        let row = world.row("2/inbox/0000000000000001");
        assert_eq!((&row["attempts"], &row["delays"]), (&json!(0), &json!(delays)));
        assert_eq!(row["waitsFor"], "archive: 500");
        assert_eq!(world.notes(), [note("turn_delayed", "archive: 500")]);
        let wait = (500 << delays).min(60_000);
        let due = row["dueAt"].as_u64().unwrap() - world.now.get();
        assert!((wait / 2..=wait).contains(&due), "{delays}: {due}");
        world.kv_is_unreadable.set(delays < 9);
        scene.until(|world| world.row("2/inbox/0000000000000001")["delays"] != delays);
    }
    assert_eq!(world.asked(), ["bot-7-answer-0"]);
}

#[test]
fn a_message_waits_for_its_bot() {
    let mut scene = Scene::new();
    Rc::get_mut(&mut scene.engine).unwrap().behaviour = None;
    scene.hear(says("7", &["one"]));
    for delays in 1..=12_u32 {
        let row = scene.world.row("2/inbox/0000000000000001");
        assert_eq!((&row["attempts"], &row["delays"]), (&json!(0), &json!(delays)));
        assert_eq!(row["waitsFor"], "no_bot");
        let wait = (500 << delays).min(300_000);
        let due = row["dueAt"].as_u64().unwrap() - scene.world.now.get();
        assert!((wait / 2..=wait).contains(&due), "{delays}: {due}");
        scene.until(|world| world.row("2/inbox/0000000000000001")["delays"] != delays);
    }
    assert!(scene.world.kv.borrow().contains_key("trouble:no_bot"));
    let scene = scene.restart();
    scene.world.notes();
    assert_eq!(scene.until_asked(), ["bot-7-answer-0"]);
    assert_eq!(scene.world.notes(), [note("trouble_over", "no_bot")]);
    assert!(!scene.world.kv.borrow().contains_key("trouble:no_bot"));
}

#[test]
fn an_operator_sees_what_is_in_flight() {
    let scene = Scene::new();
    let world = &scene.world;
    assert!(scene.engine.view().unwrap().is_none());
    world.answers.borrow_mut().push_back(answer(429, &json!({})));
    scene.hear(says("7", &["one", "two"]));
    scene.hear(message("8", &json!({ "fails": true })));
    scene.hear(says("9", &["three"]));
    let shown = json!({
        "conversation": "bot:user:ann", "inFlight": 3, "inbox": 2, "outbox": 2, "apart": 0,
        "letters": 0, "waitsFor": "ERR_TOO_MANY_REQUESTS", "setAside": 0, "newer": 0, "generation": 1, "archived": 0,
        "updatedAt": BEGIN,
        "counts": { "received": 3, "answered": 0, "ignored": 0, "handedOver": 0, "dead": 0 },
    });
    assert_eq!(parse(&scene.engine.view().unwrap().unwrap().to_json()), shown);
    // Of a message that waits alone it is told what for; rows that nobody can read are in view though nothing else is.
    let alone = Scene::new();
    alone.world.kv_is_unreadable.set(true);
    alone.hear(says("7", &["one"]));
    alone.receive(says("8", &["two"]));
    assert_eq!(alone.engine.view().unwrap().unwrap().waits_for.as_deref(), Some("archive: 500"));
    let damaged = Scene::new();
    damaged.world.plant("2/letter/0000000000000001", "{");
    assert_eq!(damaged.engine.view().unwrap().unwrap().set_aside, 1);
    // Another instance sees the same, and what cannot be read besides.
    world.plant("2/inbox/0000000000000009", "{");
    let reply = world.row("2/outbox/0000000000000001/000000").to_string();
    world.plant("2/doubt/0000000000000000/000000", &reply);
    // A row's place is that in its key.
    let (place, misplaced) = ("2/doubt/0000000000000000/000001", reply.replace(r#""seq":1"#, r#""seq":7"#));
    world.plant(place, &misplaced);
    world.plant("2/letter/0000000000000001", r#"{"key":"dead:key"}"#);
    world.plant("3/record", "{}");
    world.plant("aside/1/record", "{");
    let view = scene.restart().engine.view().unwrap().unwrap();
    assert_eq!((view.in_flight, view.inbox, view.outbox, view.apart), (5, 3, 4, 2));
    assert_eq!((view.letters, view.newer, view.set_aside, view.counts.received), (1, 1, 2, 4));
}

#[test]
fn messages_that_wait_keep_their_order_however_many_they_are() {
    let settings = Settings { reply_budget_per_minute: 0, ..Settings::default() };
    let scene = Scene::of(Scene::new().world, settings.clone());
    for n in 1..=130 {
        scene.receive(says(&n.to_string(), &["one"]));
    }
    let scene = Scene::of(scene.world, settings);
    scene.receive(says("131", &["one"]));
    assert_eq!(scene.world.keys("2/inbox/").last().unwrap(), "2/inbox/0000000000000131");
    let view = scene.engine.view().unwrap().unwrap();
    assert_eq!((view.inbox, view.counts.received), (131, 131));
    scene.world.pass(2_000);
    done(scene.engine.process());
    let asked: Vec<String> = (1..=131).map(|n| format!("bot-{n}-answer-0")).collect();
    assert_eq!(scene.world.asked(), asked);
}

#[test]
fn an_id_is_remembered_for_one_day_to_two() {
    const DAY: Millis = 86_400_000;
    let scene = Scene::new();
    let day = BEGIN / DAY * DAY;
    scene.hear(message("7", &json!({})));
    let check = |scene: &Scene| {
        // The clock may be set back.
        for (now, is_known) in
            [(day - DAY - 1, false), (day - DAY, true), (day, true), (day + 2 * DAY - 1, true), (day + 2 * DAY, false)]
        {
            assert_eq!(scene.engine.seen("7", now).unwrap().is_some(), is_known, "{now}");
        }
    };
    check(&scene);
    for n in 0..100 {
        scene.world.plant(&format!("seen/{:011}/other-{n}", day / 1_000), "");
    }
    // Of so many, storage is asked.
    let scene = scene.restart();
    check(&scene);
    let world = &scene.world;
    for half_days in 1..=4 {
        assert_eq!(world.keys("seen/").iter().filter(|key| key.contains("other")).count(), 100);
        world.now.set(day + half_days * DAY / 2);
        scene.hear(message(&format!("8{half_days}"), &json!({})));
    }
    let left: Vec<String> = (2..=4).map(|n| format!("seen/{:011}/8{n}", (day + n / 2 * DAY) / 1_000)).collect();
    assert_eq!(world.keys("seen/"), left);
    assert_eq!(world.row("2/record")["flight"]["seenSince"], day + DAY);
}

#[test]
fn rows_of_version_1_are_brought_up_and_their_ids_go_after_a_day() {
    let scene = Scene::new();
    let world = &scene.world;
    world.plant("1/seen/message/7", "");
    world.plant("1/inbox/0000000000000003", r#"{"id":"8","seq":9,"message":{"says":["one"]}}"#);
    assert_eq!(scene.receive(says("7", &["again"])), Receipt::Duplicate);
    done(scene.engine.process());
    assert_eq!(world.asked(), ["bot-8-answer-0"]);
    assert_eq!(world.keys("1/"), ["1/seen/message/7"]);
    assert!(world.keys("2/inbox/").is_empty());
    world.now.set(BEGIN + 43_200_000);
    scene.hear(message("9", &json!({})));
    assert_eq!(scene.receive(says("7", &["again"])), Receipt::Duplicate);
    world.now.set(BEGIN + 86_400_000);
    scene.hear(message("10", &json!({})));
    assert_eq!(world.keys("1/"), [""; 0]);
    assert_eq!(world.row("2/record")["flight"]["oldSeenUntil"], 0);
}

#[test]
fn a_message_in_flight_is_a_duplicate_for_as_long_as_it_is() {
    let mut scene = Scene::new();
    scene.hear(message("6", &json!({})));
    Rc::get_mut(&mut scene.engine).unwrap().behaviour = None;
    scene.hear(says("7", &["one"]));
    scene.world.pass(3 * 86_400_000);
    done(scene.engine.process());
    assert_eq!(scene.world.keys("seen/"), [""; 0]);
    assert_eq!(scene.receive(says("7", &["one"])), Receipt::Duplicate);
    let scene = scene.restart();
    scene.world.answers.borrow_mut().push_back(answer(429, &json!({})));
    scene.until_asked();
    assert_eq!(scene.receive(says("7", &["one"])), Receipt::Duplicate);
}

#[test]
fn another_instance_finds_a_large_state() {
    let scene = Scene::new();
    let state = "x".repeat(5_000);
    scene.hear(message("7", &json!({ "state": state })));
    let scene = scene.restart();
    scene.world.answers.borrow_mut().push_back(answer(429, &json!({})));
    scene.hear(message("8", &json!({ "tells": true, "state": state })));
    let key = scene.world.keys("2/outbox/").remove(0);
    assert_eq!(scene.world.row(&key)["body"]["data"]["text"], format!("\"{state}\""));
}

#[test]
fn a_record_of_version_1_that_was_made_beside_a_newer_one_goes_on() {
    let record = |generation: u64, received: u64, is_loaded: bool| {
        json!({
            "version": 1, "generation": generation, "counts": { "received": received, "answered": received },
            "flight": { "loaded": is_loaded, "archived": generation },
        })
    };
    for (old, received) in [(record(2, 1, false), 4), (record(2, 1, true), 1)] {
        let scene = Scene::new();
        scene.world.plant("1/record", &old.to_string());
        scene.world.plant("2/record", &record(5, 3, true).to_string());
        let view = scene.engine.view().unwrap().unwrap();
        assert_eq!((view.generation, view.archived, view.counts.received), (6, 0, received));
        assert_eq!(scene.world.row("2/record")["flight"]["loaded"], true);
    }
}

#[test]
fn a_message_that_comes_while_many_wait_does_not_overtake_those_that_are_not_in_memory() {
    let settings = Settings { reply_budget_per_minute: 0, ..Settings::default() };
    let scene = Scene::of(Scene::new().world, settings.clone());
    for n in 1..=130 {
        scene.receive(message(&n.to_string(), &json!({ "says": ["one"], "fails": n == 2 })));
    }
    let scene = Scene::of(scene.world, settings);
    scene.world.pass(2_000);
    done(scene.engine.process());
    assert_eq!(scene.world.asked(), ["bot-1-answer-0"]);
    scene.receive(says("131", &["one"]));
    // The second message dies after three attempts; then it is the turn of the others.
    scene.until(|world| world.keys("2/inbox/").is_empty());
    let asked: Vec<String> = (3..=131).map(|n| format!("bot-{n}-answer-0")).collect();
    assert_eq!(scene.world.asked(), asked);
}

#[test]
fn an_attempt_that_comes_back_after_a_later_one_has_begun_changes_nothing() {
    let scene = Scene::new();
    let world = &scene.world;
    world.stands_still.set(true);
    scene.receive(message("7", &json!({ "waits": true, "state": "of seven" })));
    let mut context = Context::from_waker(Waker::noop());
    let mut first = Box::pin(scene.engine.process());
    assert!(first.as_mut().poll(&mut context).is_pending());
    // It is taken for cut off.
    world.pass(46_000);
    let mut second = Box::pin(scene.engine.process());
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert_eq!(world.row("2/inbox/0000000000000001")["attempts"], 2);
    GATE.set(true);
    assert!(first.as_mut().poll(&mut context).is_ready());
    assert_eq!(world.notes(), [note("late_turn_dropped", "7")]);
    assert_eq!(world.row("2/record"), Value::Null);
    assert!(second.as_mut().poll(&mut context).is_ready());
    assert_eq!(world.row("2/record")["state"], "of seven");
    assert_eq!(world.row("2/record")["counts"]["received"], 1);
}

#[test]
fn a_log_of_problems_has_a_line_of_what_is_dead_alone() {
    let scene = Scene::of(Scene::new().world, Settings { logs_messages: false, ..Settings::default() });
    let world = &scene.world;
    scene.hear(says("7", &["hello"]));
    world.answers.borrow_mut().push_back(failure(404, "ERR_NO"));
    scene.hear(says("8", &["hello"]));
    world.pass(2_000);
    scene.alarm();
    let ended: Vec<Value> = world.lines.take().iter().map(|line| line["messageId"].clone()).collect();
    assert_eq!(ended, ["8"]);
}
