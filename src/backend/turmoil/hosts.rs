//! The tasks of each host: they start with a life of it and are dropped with it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};

/// The tasks of all hosts.
pub(super) struct Hosts {
    each: RefCell<Vec<Tasks>>,
    panics: Rc<Panics>,
}

/// Panics of tasks, which are ours and must not be lost with the task.
#[derive(Default)]
pub(super) struct Panics {
    first: RefCell<Option<Box<dyn Any + Send>>>,
    /// Rung at a panic.
    bell: Rc<Notify>,
}

impl Panics {
    /// A task whose panic is kept.
    pub(super) fn watch(
        self: &Rc<Self>,
        task: impl Future<Output = ()> + 'static,
    ) -> impl Future<Output = ()> + 'static {
        self.watch_behind(task, Rc::default())
    }

    /// The same for a task that stands still as long as a gate is closed.
    fn watch_behind(
        self: &Rc<Self>,
        task: impl Future<Output = ()> + 'static,
        gate: Rc<Gate>,
    ) -> impl Future<Output = ()> + 'static {
        Loud { task: Box::pin(task), panics: Rc::clone(self), gate }
    }

    /// Goes on with the first panic of any task, if there was one.
    pub(super) fn resume(&self) {
        if let Some(panic) = self.first.take() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// What tasks of a host stand behind that is stopped, as by SIGSTOP: its kernel goes on.
#[derive(Debug, Default)]
struct Gate {
    is_closed: Cell<bool>,
    /// Whom to wake when it opens.
    waiting: RefCell<Vec<Waker>>,
}

#[derive(Debug, Default)]
struct Tasks {
    /// Lives so far: sockets of a former life do nothing.
    life: u32,
    handles: Vec<AbortHandle>,
    /// Of this life.
    gate: Rc<Gate>,
    /// So many handles are kept before those of ended tasks are thrown away.
    keep: usize,
}

impl Hosts {
    /// So many hosts, none of which runs anything.
    pub(super) fn new(count: usize, bell: Rc<Notify>) -> Self {
        let each = (0..count).map(|_| Tasks { keep: 8, ..Tasks::default() }).collect();
        let panics = Rc::new(Panics { first: RefCell::new(None), bell });
        Self { each: RefCell::new(each), panics }
    }

    /// Lives that a host has begun.
    pub(super) fn life(&self, host: usize) -> u32 {
        self.each.borrow()[host].life
    }

    /// Begins the next life of a host.
    pub(super) fn begin_life(&self, host: usize) {
        let tasks = &mut self.each.borrow_mut()[host];
        tasks.life += 1;
        tasks.gate = Rc::default();
    }

    /// The tasks of a host stand still from now on, or go on.
    pub(super) fn pause(&self, host: usize, paused: bool) {
        let gate = Rc::clone(&self.each.borrow()[host].gate);
        gate.is_closed.set(paused);
        if !paused {
            gate.waiting.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Starts a task of no host.
    pub(super) fn spawn_apart(&self, task: impl Future<Output = ()> + 'static) {
        spawn_local(self.panics.watch(task));
    }

    /// Starts a task of a host.
    pub(super) fn spawn(&self, host: usize, task: impl Future<Output = ()> + 'static) {
        let tasks = &mut self.each.borrow_mut()[host];
        let watched = self.panics.watch_behind(task, Rc::clone(&tasks.gate));
        let handle = spawn_local(watched).abort_handle();
        if tasks.handles.len() >= tasks.keep {
            tasks.handles.retain(|handle| !handle.is_finished());
            tasks.keep = tasks.handles.len() * 2 + 8;
        }
        tasks.handles.push(handle);
    }

    /// Goes on with the first panic of any task, if there was one.
    pub(super) fn resume_panic(&self) {
        self.panics.resume();
    }

    /// Ends all tasks of a host, wherever they stand.
    pub(super) fn kill(&self, host: usize) {
        let handles = std::mem::take(&mut self.each.borrow_mut()[host].handles);
        for handle in handles {
            handle.abort();
        }
    }
}

/// A task whose panic ends the run.
struct Loud {
    task: Pin<Box<dyn Future<Output = ()>>>,
    panics: Rc<Panics>,
    gate: Rc<Gate>,
}

impl Future for Loud {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.gate.is_closed.get() {
            self.gate.waiting.borrow_mut().push(context.waker().clone());
            return Poll::Pending;
        }
        let task = self.task.as_mut();
        catch_unwind(AssertUnwindSafe(|| task.poll(context))).unwrap_or_else(|panic| {
            self.panics.first.borrow_mut().get_or_insert(panic);
            self.panics.bell.notify_one();
            Poll::Ready(())
        })
    }
}
