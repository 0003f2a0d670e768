//! The scheduler: one step at a time, in an order that the seed decides.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::trace::Counters;
use super::world::{BEGIN, Kind, PASS, Sim, State, World};
use super::{bot, callbacks};
use crate::conversation::ports::Millis;

/// More steps than one object has any reason to take in a minute.
const BUSY: u32 = 3_000;

/// More than any world has reason to see.
const MOST_EVENTS: u64 = 2_000_000;

/// How far the objects' clock may fall behind.
const MOST_BEHIND: Millis = 5 * 60_000;

/// How long after the last fault a world must have come to rest, beside the time after which objects empty
/// themselves: KV is left alone for up to an hour at a time, and CometChat may have asked for an hour.
const TO_REST: Millis = 8 * 60 * 60 * 1_000;

struct Task {
    object: usize,
    instance: u64,
    kind: Kind,
    future: Pin<Box<dyn Future<Output = ()>>>,
    ready: Arc<Ready>,
}

struct Ready(AtomicBool);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs the world of a seed to its end.
pub fn run(seed: u64, tracing: bool) -> Result<Counters, String> {
    let world = Sim::new(seed, tracing);
    callbacks::populate(&world);
    bot::enter(&world);
    let mut tasks = Vec::new();
    let outcome = run_tasks(&world, &mut tasks);
    tasks.clear();
    let outcome = outcome.and_then(|()| {
        world.with(|state| {
            state.check_end();
            state.violation.take().map_or(Ok(()), Err)
        })
    });
    let tally = world.with(|state| std::mem::take(&mut state.tally));
    world.end();
    bot::leave();
    outcome.map(|()| tally.counters())
}

fn run_tasks(world: &World, tasks: &mut Vec<Task>) -> Result<(), String> {
    let end = world.with(|state| {
        let empty_after = u64::try_from(state.settings.empty_after.as_millis()).unwrap();
        state.calm_at + 3 * empty_after + TO_REST
    });
    let mut events = 0_u64;
    loop {
        events += 1;
        if events > MOST_EVENTS {
            return Err("the world does not come to an end".to_owned());
        }
        world.with(|state| {
            tasks.extend(state.spawned.drain(..).map(|spawn| Task {
                object: spawn.object,
                instance: spawn.instance,
                kind: spawn.kind,
                future: spawn.future,
                ready: Arc::new(Ready(AtomicBool::new(true))),
            }));
        });
        drop_twins(world, tasks);
        let ready: Vec<usize> = world.with(|state| {
            let goes_on = |task: &Task| {
                task.ready.0.load(Ordering::Relaxed) && state.objects[task.object].stalled_until <= state.now
            };
            (0..tasks.len()).filter(|n| goes_on(&tasks[*n])).collect()
        });
        if ready.is_empty() {
            if !world.advance() {
                return world.with(|state| state.violation.take().map_or(Ok(()), Err));
            }
            maybe_crash(world, tasks, None);
        } else {
            let chosen = ready[world.with(|state| state.random.index(ready.len()))];
            step(world, tasks, chosen);
        }
        world.with(|state| {
            if state.now > end {
                let elapsed = (state.now - BEGIN) / 1_000;
                state.violate(format_args!("the world has not come to rest after {elapsed} s"));
            }
            state.violation.take().map_or(Ok(()), Err)
        })?;
    }
}

/// Polls one task, and does what follows when control returns from its object.
fn step(world: &World, tasks: &mut Vec<Task>, chosen: usize) {
    let task = &mut tasks[chosen];
    let (object, instance, kind) = (task.object, task.instance, task.kind);
    let is_last = |state: &mut State| state.objects[object].instance == instance;
    world.with(|state| state.polled_is_last = is_last(state));
    task.ready.0.store(false, Ordering::Relaxed);
    let waker = Waker::from(task.ready.clone());
    let polled = task.future.as_mut().poll(&mut Context::from_waker(&waker));
    let changed = world.submit(object);
    let cut_off = world.with(|state| {
        state.count("steps");
        let steps = &mut state.objects[object].steps;
        let minute = state.now / 60_000;
        *steps = if steps.0 == minute { (minute, steps.1 + 1) } else { (minute, 1) };
        if steps.1 > BUSY {
            state.violate("an object is busy without an end");
        }
        let cut_off = state.faults.cut_off;
        polled.is_pending() && is_last(state) && state.fault("events cut off", cut_off)
    });
    if polled == Poll::Ready(()) || cut_off {
        let task = tasks.swap_remove(chosen);
        drop(task);
        world.with(|state| {
            if is_last(state) {
                state.objects[object].tasks -= 1;
            }
            if cut_off {
                state.trace(Some(object), format_args!("{kind:?} is cut off"));
                state.hold_back(object, PASS);
                if kind == Kind::Alarm {
                    state.alarm_ended(object, false);
                }
            }
        });
        maybe_evict(world, object);
    }
    if changed {
        super::invariants::check_view(world, object);
    }
    world.with(|state| {
        state.check_alarm(object);
        let stall = state.faults.stall;
        if state.fault("stalls", stall) {
            state.stall(object);
        }
        let clock_back = state.faults.clock_back;
        if state.behind < MOST_BEHIND && state.fault("clocks set back", clock_back) {
            state.set_clock_back();
        }
    });
    let twins = world.with(|state| {
        let twins = state.faults.twins;
        state.objects[object].engine.is_some() && state.fault("twins", twins)
    });
    if twins {
        world.twin(object);
    }
    maybe_crash(world, tasks, Some(object));
}

/// Ends the events of instances that another has followed, some time after that.
fn drop_twins(world: &World, tasks: &mut Vec<Task>) {
    let is_over = |task: &Task| {
        world.with(|state| {
            let object = &state.objects[task.object];
            object.instance != task.instance && object.twin_until <= state.now
        })
    };
    if tasks.iter().any(is_over) {
        let (gone, left) = std::mem::take(tasks).into_iter().partition::<Vec<_>, _>(is_over);
        *tasks = left;
        drop(gone);
    }
}

fn maybe_crash(world: &World, tasks: &mut Vec<Task>, object: Option<usize>) {
    let crashed: Vec<usize> = world.with(|state| {
        if std::mem::take(&mut state.deploys) {
            return (0..state.objects.len()).filter(|object| state.objects[*object].engine.is_some()).collect();
        }
        let (crash, deploy) = (state.faults.crash, state.faults.deploy);
        if state.fault("deploys", deploy) {
            return (0..state.objects.len()).filter(|object| state.objects[*object].engine.is_some()).collect();
        }
        let object = object.or_else(|| {
            // Between two steps: whoever waits for something.
            let waiting: Vec<usize> = (0..state.objects.len()).filter(|n| state.objects[*n].tasks > 0).collect();
            (!waiting.is_empty()).then(|| state.random.pick(&waiting))
        });
        let Some(object) = object else { return Vec::new() };
        let crashes = state.objects[object].doomed || state.fault("crashes at a step", crash);
        if crashes { vec![object] } else { Vec::new() }
    });
    for object in crashed {
        // What is dropped may look at the world, so nothing holds on to it here.
        let (gone, left) = std::mem::take(tasks).into_iter().partition::<Vec<_>, _>(|task| task.object == object);
        *tasks = left;
        drop(gone);
        let spawned = world.with(|state| {
            let (gone, left) = state.spawned.drain(..).partition::<Vec<_>, _>(|task| task.object == object);
            state.spawned = left;
            gone
        });
        drop(spawned);
        world.crash(object);
    }
}

fn maybe_evict(world: &World, object: usize) {
    world.with(|state| {
        if state.objects[object].tasks > 0 {
            return;
        }
        state.later(10_000, move |world| {
            let engine = world.with(|state| {
                let this = &state.objects[object];
                let idle = this.tasks == 0 && this.disk.pending() == 0 && this.engine.is_some();
                let evict = state.faults.evict;
                if !idle || !state.fault("evictions", evict) {
                    return None;
                }
                state.trace(Some(object), format_args!("leaves memory"));
                state.objects[object].engine.take()
            });
            drop(engine);
        });
    });
}
