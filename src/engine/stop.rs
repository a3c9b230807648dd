//! How a caller stops the engine in the middle of its work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::dispatch::Wish;

/// Stops the engine from elsewhere: another thread, or a signal handler's.
#[derive(Clone, Debug)]
pub struct Stopper {
    wish: Arc<watch::Sender<Wish>>,
    stopped: Arc<AtomicBool>,
}

impl Stopper {
    /// Lets the calls in flight finish and makes no new ones.
    pub fn drain(&self) {
        self.tell(Wish::Drain);
    }

    /// Leaves at once: the calls in flight are lost.
    pub fn abort(&self) {
        self.tell(Wish::Abort);
    }

    fn tell(&self, wish: Wish) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = self.wish.send_replace(wish);
    }
}

type Arm = Box<dyn FnOnce(Stopper) + Send>;

/// What the engine asks whether it may go on.
pub struct Stop {
    stopper: Stopper,
    arm: Mutex<Option<Arm>>,
}

impl Stop {
    /// Nobody stops the engine.
    #[must_use]
    pub fn never() -> Self {
        let (wish, _) = watch::channel(Wish::Go);
        let stopper = Stopper { wish: Arc::new(wish), stopped: Arc::default() };
        Self { stopper, arm: Mutex::new(None) }
    }

    /// Calls `arm` once, right before the first call is made or the first program is run. Until then there is nothing that
    /// a stop could save, so a caller need not listen for one.
    #[must_use]
    pub fn armed_by(arm: impl FnOnce(Stopper) + Send + 'static) -> Self {
        let stop = Self::never();
        *stop.lock() = Some(Box::new(arm));
        stop
    }

    /// What stops the engine.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// The caller's wishes, for what waits.
    pub(super) fn wishes(&self) -> watch::Receiver<Wish> {
        self.arm();
        self.stopper.wish.subscribe()
    }

    /// A flag that is set once the caller wants the work to end, for what blocks.
    pub(super) fn flag(&self) -> &AtomicBool {
        self.arm();
        &self.stopper.stopped
    }

    fn arm(&self) {
        let arm = self.lock().take();
        if let Some(arm) = arm {
            arm(self.stopper());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arm>> {
        self.arm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stop").field("stopper", &self.stopper).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_armed_once_and_its_wish_stays() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let stop = Stop::armed_by(move |stopper| sender.send(stopper).unwrap());
        assert!(receiver.try_recv().is_err(), "nothing is armed before there is anything to stop");
        let wishes = stop.wishes();
        assert!(!stop.flag().load(Ordering::Relaxed));
        let stopper = receiver.try_recv().unwrap();
        assert!(receiver.try_recv().is_err());
        stopper.drain();
        assert!(stop.flag().load(Ordering::Relaxed));
        assert_eq!((*wishes.borrow(), *stop.wishes().borrow()), (Wish::Drain, Wish::Drain));
        stopper.abort();
        assert_eq!(*wishes.borrow(), Wish::Abort);
    }
}
