//! The engine's ports into the world.

use std::pin::pin;
use std::rc::Weak;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::cometchat;
use super::storage::{self, Op, Rows};
use super::trace::Brief;
use super::world::{PASS, Sim, Slot, State, World};
use crate::cometchat::{DEADLINE, NoAnswer, Request, Response};
use crate::conversation::ports::{
    Archive, ArchiveError, Change, Clock, CometChat, Journal, Millis, Storage, StorageError,
};

/// One object's share of the world.
pub struct Ports {
    pub world: Weak<Sim>,
    pub object: usize,
    /// Which instance of the object it is. Once there is a later one, storage knows this one no longer.
    pub instance: u64,
}

/// The largest row that storage takes. Smaller than in truth, so that what would be too large is met sooner.
const MAX_ROW_BYTES: usize = 1_055_000;

impl Ports {
    fn world(&self) -> World {
        self.world.upgrade().expect("the world outlives its objects")
    }

    fn look<T>(&self, look: impl FnOnce(&Rows) -> T) -> Result<T, StorageError> {
        self.check_instance()?;
        Ok(self.world().with(|state| look(&state.objects[self.object].disk.live)))
    }

    fn is_last(&self) -> bool {
        self.world().with(|state| state.objects[self.object].instance == self.instance)
    }

    /// What an instance that another has followed asks of others is cut off with it.
    async fn leave(&self) {
        if !self.is_last() {
            std::future::pending::<()>().await;
        }
    }

    fn check_instance(&self) -> Result<(), StorageError> {
        if self.is_last() { Ok(()) } else { Err(StorageError("there is another instance".to_owned())) }
    }
}

fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap()
}

impl Clock for Ports {
    fn now(&self) -> Millis {
        self.world().with(|state| state.wall())
    }

    async fn sleep(&self, wait: Duration) {
        let slot = Slot::default();
        let done = slot.clone();
        self.world().with(|state| state.later(millis(wait), move |_| done.put(())));
        slot.await;
    }
}

impl Storage for Ports {
    fn read(&self, keys: &[String]) -> Result<Option<(String, String)>, StorageError> {
        self.look(|rows| keys.iter().find_map(|key| Some((key.clone(), rows.get(key)?.clone()))))
    }

    fn range(&self, after: &str, until: &str, limit: usize) -> Result<Vec<(String, String)>, StorageError> {
        self.look(|rows| storage::range(rows, after, until, limit))
    }

    fn last(&self, after: &str, until: &str) -> Result<Option<String>, StorageError> {
        self.look(|rows| storage::between(rows, after, until).next_back().map(|(key, _)| key.clone()))
    }

    fn count(&self, after: &str, until: &str) -> Result<u64, StorageError> {
        self.look(|rows| storage::between(rows, after, until).count() as u64)
    }

    fn write(&self, changes: &[Change]) -> Result<(), StorageError> {
        self.check_instance()?;
        self.world().with(|state| {
            let fails_though_stored = state.faults.write_lies;
            let too_large = |change: &Change| matches!(change, Change::Put(_, value) if value.len() > MAX_ROW_BYTES);
            if changes.iter().any(too_large) {
                state.hold_back(self.object, PASS);
                return Err(StorageError("a row is too large".to_owned()));
            }
            if state.objects[self.object].doomed {
                // The bot has panicked, and nothing comes after that.
                return Err(StorageError("the instance is gone".to_owned()));
            }
            let fails = state.faults.write_fails;
            if state.fault("writes refused", fails) {
                state.trace(Some(self.object), format_args!("write REFUSED"));
                state.hold_back(self.object, PASS);
                return Err(StorageError("the disk says no".to_owned()));
            }
            state.foresee_arrival(self.object, changes);
            let is_put =
                |key: &String| changes.iter().any(|change| matches!(change, Change::Put(put, _) if put == key));
            let is_delete = |change: &&Change| matches!(change, Change::Delete(key) if !is_put(key));
            let is_range = |change: &&Change| matches!(change, Change::DeleteRange { .. });
            let is_written = |change: &&Change| matches!(change, Change::Put(..));
            let ranges = changes.iter().filter(is_range);
            let in_order = ranges.chain(changes.iter().filter(is_delete)).chain(changes.iter().filter(is_written));
            for change in in_order {
                state.foresee(self.object, change);
                match change {
                    Change::Put(key, value) => {
                        state.trace(Some(self.object), format_args!("writes {key} {}", Brief(value)));
                    }
                    Change::Delete(key) => state.trace(Some(self.object), format_args!("deletes {key}")),
                    Change::DeleteRange { after, until, limit } => state
                        .trace(Some(self.object), format_args!("deletes up to {limit} between {after} and {until}")),
                }
                state.objects[self.object].disk.push(Op::Row(change.clone()));
            }
            // With the record a message may end, and the line about that would be missed.
            let ends = changes.iter().any(|change| matches!(change, Change::Put(key, _) if key.ends_with("/record")));
            if !ends && state.fault("writes that failed and are stored", fails_though_stored) {
                state.hold_back(self.object, PASS);
                return Err(StorageError("nobody knows".to_owned()));
            }
            Ok(())
        })
    }

    async fn sync(&self) -> Result<(), StorageError> {
        self.check_instance()?;
        let slot = Slot::default();
        let done = slot.clone();
        self.world().with(|state| state.leave(self.object, move |_| done.put(())));
        slot.await;
        Ok(())
    }

    async fn set_alarm(&self, at: Millis) -> Result<(), StorageError> {
        self.check_instance()?;
        let world = self.world();
        world.with(|state| {
            let wait = i128::from(at) - i128::from(state.wall());
            state.trace(Some(self.object), format_args!("sets the alarm for {wait} ms from now"));
            state.objects[self.object].disk.push(Op::Alarm(at));
        });
        world.pause(2).await;
        Ok(())
    }

    async fn clear(&self) -> Result<(), StorageError> {
        self.check_instance()?;
        let world = self.world();
        world.with(|state| {
            state.count("objects emptied");
            state.trace(Some(self.object), format_args!("empties itself"));
            state.remember_former(self.object);
            state.objects[self.object].disk.push(Op::Clear);
        });
        world.pause(2).await;
        Ok(())
    }
}

impl Archive for Ports {
    async fn get(&self, key: &str) -> Result<Option<String>, ArchiveError> {
        self.leave().await;
        let world = self.world();
        let slot = Slot::default();
        let done = slot.clone();
        let (key, object) = (key.to_owned(), self.object);
        world.with(|state| {
            state.leave(object, move |world| {
                world.with(|state| {
                    state.count("KV reads");
                    let fails = state.faults.kv_read_fails;
                    let is_out = state.is_within(state.faults.kv_outage);
                    if is_out || state.fault("KV reads failed", fails) {
                        let hangs = state.random.chance(0.3);
                        state.trace(Some(object), format_args!("KV get {key}: fails, hangs: {hangs}"));
                        if !hangs {
                            state.later(5, move |_| done.put(Err(ArchiveError("KV says no".to_owned()))));
                        }
                        return;
                    }
                    let wait = state.random.between(1, 200);
                    state.later(wait, move |world| {
                        world.with(|state| {
                            let mut readable = state.kv.readable(&key, state.now);
                            let newest = readable.pop().unwrap_or_default();
                            let stale = state.faults.kv_stale;
                            let shown = if !readable.is_empty() && state.fault("KV reads stale", stale) {
                                state.random.pick(&readable)
                            } else {
                                newest
                            };
                            let text = Brief(shown.as_deref().unwrap_or("nothing"));
                            state.trace(Some(object), format_args!("KV get {key}: {text}"));
                            done.put(Ok(shown));
                        });
                    });
                });
            });
        });
        slot.await
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration, metadata: &str) -> Result<(), ArchiveError> {
        self.leave().await;
        let world = self.world();
        world.with(|state| {
            state.objects[self.object].told_at = state.wall();
            if metadata.len() > 1_024 || serde_json::from_str::<serde_json::Value>(metadata).is_err() {
                state.violate(format_args!("metadata that KV does not take: {metadata}"));
            }
        });
        change(&world, self.object, key, Some(value), millis(ttl)).await
    }

    async fn delete(&self, key: &str) -> Result<(), ArchiveError> {
        self.leave().await;
        self.world().with(|state| state.objects[self.object].told_at = state.wall());
        change(&self.world(), self.object, key, None, 0).await
    }
}

/// A write to KV, or a delete.
fn change(world: &World, object: usize, key: &str, value: Option<&str>, ttl: Millis) -> Slot<Result<(), ArchiveError>> {
    let slot = Slot::default();
    let done = slot.clone();
    let (name, value) = (key.to_owned(), value.map(str::to_owned));
    let land = move |state: &mut State| {
        state.trace(Some(object), format_args!("KV has {name}: {}", Brief(value.as_deref().unwrap_or("nothing"))));
        state.kv.land(&name, value.as_deref(), state.now, ttl);
    };
    let key = key.to_owned();
    world.with(|state| {
        state.leave(object, move |world| {
            world.with(|state| {
                state.count("KV writes");
                let (refuses, hangs) = (state.faults.kv_refuses, state.faults.kv_hangs);
                let is_out = state.is_within(state.faults.kv_outage);
                if is_out || state.kv.is_busy(&key, state.now) || state.fault("KV writes refused", refuses) {
                    state.trace(Some(object), format_args!("KV refuses {key}"));
                    state.later(20, move |_| done.put(Err(ArchiveError("429".to_owned()))));
                } else if state.fault("KV writes unanswered", hangs) {
                    let lands = state.random.chance(0.6);
                    state.trace(Some(object), format_args!("KV does not answer about {key}, takes it: {lands}"));
                    let wait = state.random.below(20_000);
                    if lands {
                        state.later(wait, move |world| world.with(land));
                    }
                } else {
                    let (lands, answers) = (state.random.between(1, 300), state.random.below(300));
                    state.later(lands, move |world| {
                        world.with(|state| {
                            land(state);
                            state.later(answers, move |_| done.put(Ok(())));
                        });
                    });
                }
            });
        });
    });
    slot
}

impl CometChat for Ports {
    async fn call(&self, request: &Request) -> Result<Response, NoAnswer> {
        self.leave().await;
        let call = pin!(cometchat::Call::new(&self.world(), self.object, request));
        let deadline = pin!(self.sleep(DEADLINE));
        match select(call, deadline).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(NoAnswer("timeout".to_owned())),
        }
    }
}

impl Journal for Ports {
    fn line(&self, line: String) {
        if self.is_last() {
            self.world().with(|state| state.note_line(self.object, line));
        }
    }
}
