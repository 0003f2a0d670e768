//! What is around the engine in a test: storage, KV, the log, and a clock that goes when somebody waits.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::cometchat::{Fault, History};
use super::{BOT, Engine};
use crate::address::Address;
use crate::bot::{Behaviour, registry::Registry};
use crate::callback::Ignored;
use crate::cometchat::{NoAnswer, Request, Response};
use crate::config::Config;
use crate::conversation::ports::{ArchiveError, Change, Millis, StorageError, after};
use crate::conversation::{Conversation, Entry, Instance, Receipt, Settings, ports};
use crate::door::{Door, Passed};

/// When a test begins: 2023-03-29, in UNIX milliseconds.
const BEGIN: Millis = 1_680_000_000_000;

/// How long a message may take in virtual time before a test goes on without its end.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much may happen at one moment. A bot that goes on for longer never comes to an end.
const MOST_STEPS: usize = 100_000;

pub(super) struct World {
    pub(super) bot: Cell<&'static dyn Behaviour>,
    now: Cell<Millis>,
    timers: RefCell<Vec<Millis>>,
    tasks: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    objects: RefCell<BTreeMap<String, Object>>,
    instance: RefCell<Rc<Instance>>,
    pub(super) kv: RefCell<BTreeMap<String, String>>,
    pub(super) lines: RefCell<Vec<Value>>,
    pub(super) history: RefCell<History>,
    pub(super) faults: RefCell<VecDeque<Fault>>,
}

#[derive(Default)]
struct Object {
    rows: BTreeMap<String, String>,
    alarm: Option<Millis>,
    engine: Option<Rc<Engine>>,
}

impl World {
    pub(super) fn new(bot: &'static dyn Behaviour) -> Rc<Self> {
        Rc::new(Self {
            bot: Cell::new(bot),
            now: Cell::new(BEGIN),
            timers: RefCell::default(),
            tasks: RefCell::default(),
            objects: RefCell::default(),
            instance: RefCell::default(),
            kv: RefCell::default(),
            lines: RefCell::default(),
            history: RefCell::default(),
            faults: RefCell::default(),
        })
    }

    /// What time it is, in UNIX seconds.
    pub(super) fn seconds(&self) -> u64 {
        self.now.get() / 1_000
    }

    /// A callback comes: what the bot is told, or what the door answers.
    pub(super) fn post(self: &Rc<Self>, callback: &str) -> Result<Receipt, String> {
        let config = config();
        let passed = Door::open(&config, BOT, Some(AUTHORIZATION)).and_then(|door| door.read(callback));
        let delivery = match passed {
            Ok(Passed::Message(delivery)) => delivery,
            Ok(Passed::UnknownTrigger(line)) => return Err(line),
            Err(refused) => return Err(refused.line),
        };
        self.receive(&delivery.address, delivery.entry, delivery.ignored)
    }

    fn receive(self: &Rc<Self>, address: &Address, entry: Entry, ignored: Option<Ignored>) -> Result<Receipt, String> {
        let engine = self.engine(address);
        let receipt: Rc<RefCell<Option<Result<Receipt, String>>>> = Rc::default();
        let told = receipt.clone();
        self.spawn(async move {
            let answer = match engine.receive(entry, ignored).await {
                Ok((receipt, work)) => {
                    told.replace(Some(Ok(receipt)));
                    if let Some(work) = work {
                        work.await;
                    }
                    return;
                }
                Err(error) => Err(error.to_string()),
            };
            told.replace(Some(answer));
        });
        self.until(|| receipt.borrow().is_some());
        receipt.take().unwrap_or_else(|| Err("nothing".to_owned()))
    }

    fn engine(self: &Rc<Self>, address: &Address) -> Rc<Engine> {
        let name = address.to_string();
        if let Some(engine) = self.objects.borrow().get(&name).and_then(|object| object.engine.clone()) {
            return engine;
        }
        let ports = Ports { world: self.clone(), object: name.clone() };
        let instance = self.instance.borrow().clone();
        let bot = Some(self.bot.get());
        let engine = Rc::new(Conversation::new(ports, address.clone(), Settings::default(), bot, instance));
        self.objects.borrow_mut().entry(name).or_default().engine = Some(engine.clone());
        engine
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.tasks.borrow_mut().push(Box::pin(task));
    }

    /// Lets time pass until this is so, or [`PATIENCE`] has run out.
    pub(super) fn until(self: &Rc<Self>, is_so: impl Fn() -> bool) -> bool {
        let patience = after(self.now.get(), PATIENCE);
        self.settle();
        while !is_so() {
            let Some(next) = self.next_moment().filter(|next| *next <= patience) else { return false };
            self.go_to(next);
        }
        true
    }

    pub(super) fn advance(self: &Rc<Self>, time: Duration) {
        let until = after(self.now.get(), time);
        self.settle();
        while let Some(next) = self.next_moment().filter(|next| *next <= until) {
            self.go_to(next);
        }
        self.now.set(until);
    }

    /// It is this moment, unless that is over: everything happens that is due.
    fn go_to(self: &Rc<Self>, moment: Millis) {
        self.now.set(moment.max(self.now.get()));
        self.ring();
        self.settle();
    }

    /// The next moment at which anything is due.
    fn next_moment(&self) -> Option<Millis> {
        let timers = self.timers.borrow();
        let objects = self.objects.borrow();
        let alarms = objects.values().filter_map(|object| object.alarm);
        timers.iter().copied().chain(alarms).min()
    }

    /// Has the alarms go off that are due.
    fn ring(self: &Rc<Self>) {
        let now = self.now.get();
        self.timers.borrow_mut().retain(|at| *at > now);
        let mut due = Vec::new();
        for (name, object) in self.objects.borrow_mut().iter_mut() {
            due.extend(object.alarm.take_if(|at| *at <= now).map(|_| name.clone()));
        }
        for name in due {
            let Some(address) = Address::parse(&name) else { continue };
            let engine = self.engine(&address);
            self.spawn(async move {
                let (due, _) = engine.wake().await;
                engine.work(due).await;
            });
        }
    }

    /// Everything happens that can at this moment.
    fn settle(&self) {
        let mut steps = 0;
        loop {
            let tasks = self.tasks.take();
            if tasks.is_empty() {
                return;
            }
            let mut is_over = true;
            for mut task in tasks {
                steps += 1;
                assert!(steps < MOST_STEPS, "This goes on for ever:\n{}", self.transcript());
                match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(()) => is_over = false,
                    Poll::Pending => self.tasks.borrow_mut().push(task),
                }
            }
            if is_over {
                return;
            }
        }
    }

    pub(super) fn evict(&self) {
        self.tasks.take();
        self.timers.take();
        self.instance.replace(Rc::default());
        for object in self.objects.borrow_mut().values_mut() {
            object.engine = None;
        }
    }

    pub(super) fn redeploy(&self, bot: &'static dyn Behaviour) {
        self.evict();
        self.bot.set(bot);
    }

    pub(super) fn transcript(&self) -> String {
        self.history.borrow().transcript()
    }

    /// The state as it is stored: with the object while it is in flight, else in KV.
    pub(super) fn stored_state(&self, address: &Address) -> Option<String> {
        let objects = self.objects.borrow();
        let rows = objects.get(&address.to_string()).map(|object| &object.rows);
        let in_flight = rows.and_then(|rows| rows.get("2/state").or_else(|| rows.get("2/record")).cloned());
        let is_own_row = rows.is_some_and(|rows| rows.contains_key("2/state"));
        match in_flight {
            Some(state) if is_own_row => Some(state),
            Some(record) => state_of(&record),
            None => state_of(self.kv.borrow().get(&address.key())?),
        }
    }
}

fn state_of(record: &str) -> Option<String> {
    let record: Value = serde_json::from_str(record).ok()?;
    Some(record.get("state")?.to_string())
}

/// `ann:there`.
const AUTHORIZATION: &str = "Basic YW5uOnRoZXJl";

/// Settings with which everything that a test posts comes through the door.
fn config() -> Result<Config, crate::config::Misconfigured> {
    struct Nobody;
    impl crate::bot::Bot for Nobody {
        type State = ();

        async fn on_message(&self, turn: &mut crate::bot::Turn<()>) -> crate::bot::Result {
            Ok(turn.ignore("nobody"))
        }
    }
    let registry: Registry = |_| Some(&Nobody);
    let setting = |name: &str| match name {
        "COMETCHAT_APP_ID" => Some("app".to_owned()),
        "COMETCHAT_REGION" => Some("eu".to_owned()),
        "CALLBACK_USERNAME" => Some("ann".to_owned()),
        "BOTS" => Some(format!(r#"{{"{BOT}":"bot"}}"#)),
        "COMETCHAT_API_KEY" | "CALLBACK_PASSWORD" | "CONVERSATIONS" | "CONVERSATION" => Some("there".to_owned()),
        _ => None,
    };
    Config::read(setting, registry)
}

/// The world as one object sees it.
#[derive(Clone)]
pub(super) struct Ports {
    world: Rc<World>,
    object: String,
}

impl Ports {
    fn with<T>(&self, work: impl FnOnce(&mut Object) -> T) -> T {
        work(self.world.objects.borrow_mut().entry(self.object.clone()).or_default())
    }
}

/// Over when the clock has come so far.
struct Sleep {
    world: Rc<World>,
    until: Millis,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.world.now.get() >= self.until {
            return Poll::Ready(());
        }
        let mut timers = self.world.timers.borrow_mut();
        if !timers.contains(&self.until) {
            timers.push(self.until);
        }
        Poll::Pending
    }
}

impl ports::Clock for Ports {
    fn now(&self) -> Millis {
        self.world.now.get()
    }

    async fn sleep(&self, wait: Duration) {
        Sleep { world: self.world.clone(), until: after(self.world.now.get(), wait) }.await;
    }
}

impl ports::Storage for Ports {
    fn read(&self, keys: &[String]) -> Result<Option<(String, String)>, StorageError> {
        Ok(self.with(|object| keys.iter().find_map(|key| Some((key.clone(), object.rows.get(key)?.clone())))))
    }

    fn range(&self, after: &str, until: &str, limit: usize) -> Result<Vec<(String, String)>, StorageError> {
        Ok(self.with(|object| {
            let rows = object.rows.iter().filter(|(key, _)| key.as_str() > after && key.as_str() < until);
            rows.take(limit).map(|(key, row)| (key.clone(), row.clone())).collect()
        }))
    }

    fn last(&self, after: &str, until: &str) -> Result<Option<String>, StorageError> {
        let between = |key: &&String| key.as_str() > after && key.as_str() < until;
        Ok(self.with(|object| object.rows.keys().rev().find(between).cloned()))
    }

    fn count(&self, after: &str, until: &str) -> Result<u64, StorageError> {
        let between = |key: &&String| key.as_str() > after && key.as_str() < until;
        Ok(self.with(|object| object.rows.keys().filter(between).count() as u64))
    }

    fn write(&self, changes: &[Change]) -> Result<(), StorageError> {
        self.with(|object| {
            let (puts, deletes): (Vec<_>, Vec<_>) =
                changes.iter().partition(|change| matches!(change, Change::Put(..)));
            for change in deletes.into_iter().chain(puts) {
                match change {
                    Change::Put(key, row) => drop(object.rows.insert(key.clone(), row.clone())),
                    Change::Delete(key) => drop(object.rows.remove(key)),
                    Change::DeleteRange { after, until, limit } => {
                        let between = |key: &&String| *key > after && *key < until;
                        let keys: Vec<String> = object.rows.keys().filter(between).take(*limit).cloned().collect();
                        keys.iter().for_each(|key| drop(object.rows.remove(key)));
                    }
                }
            }
        });
        Ok(())
    }

    async fn sync(&self) -> Result<(), StorageError> {
        Ok(())
    }

    async fn set_alarm(&self, at: Millis) -> Result<(), StorageError> {
        self.with(|object| object.alarm = Some(at));
        Ok(())
    }

    async fn clear(&self) -> Result<(), StorageError> {
        self.with(|object| {
            object.rows.clear();
            object.alarm = None;
        });
        Ok(())
    }
}

impl ports::Archive for Ports {
    async fn get(&self, key: &str) -> Result<Option<String>, ArchiveError> {
        Ok(self.world.kv.borrow().get(key).cloned())
    }

    async fn put(&self, key: &str, value: &str, _: Duration, _: &str) -> Result<(), ArchiveError> {
        self.world.kv.borrow_mut().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), ArchiveError> {
        self.world.kv.borrow_mut().remove(key);
        Ok(())
    }
}

impl ports::CometChat for Ports {
    async fn call(&self, request: &Request) -> Result<Response, NoAnswer> {
        let fault = self.world.faults.borrow_mut().pop_front();
        let now = self.world.seconds();
        if fault == Some(Fault::Silent) {
            ports::Clock::sleep(self, crate::cometchat::DEADLINE).await;
        }
        self.world.history.borrow_mut().answer(request, now, fault)
    }
}

impl ports::Journal for Ports {
    fn line(&self, line: String) {
        self.world.lines.borrow_mut().extend(serde_json::from_str::<Value>(&line).ok());
    }
}
