//! How a caller stops the engine while it works.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::dispatch::StopMode;

/// Stops the engine from another thread, such as a signal handler's. Clones stop the same engine.
#[derive(Clone, Debug)]
pub struct StopHandle {
    mode: Arc<watch::Sender<StopMode>>,
    stopped: Arc<AtomicBool>,
}

impl StopHandle {
    /// Lets the calls in flight finish, and makes no new ones.
    pub fn drain(&self) {
        self.set(StopMode::Drain);
    }

    /// Abandons the calls in flight; their answers are lost.
    pub fn abort(&self) {
        self.set(StopMode::Abort);
    }

    fn set(&self, mode: StopMode) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = self.mode.send_replace(mode);
    }
}

type Listener = Box<dyn FnOnce(StopHandle) + Send>;

/// The signal by which a caller stops the engine's work. See [`Engine::with_stop_signal`](super::Engine::with_stop_signal).
pub struct StopSignal {
    handle: StopHandle,
    listener: Mutex<Option<Listener>>,
}

impl Default for StopSignal {
    fn default() -> Self {
        Self::new()
    }
}

impl StopSignal {
    /// A signal that only its [handle](Self::handle) sets.
    #[must_use]
    pub fn new() -> Self {
        let (mode, _) = watch::channel(StopMode::Run);
        let handle = StopHandle { mode: Arc::new(mode), stopped: Arc::default() };
        Self { handle, listener: Mutex::new(None) }
    }

    /// A signal that starts a listener, once, right before the first call is made or the first program is run. A stop before
    /// that would save nothing, so nothing needs to listen for one.
    #[must_use]
    pub fn with_listener(listener: impl FnOnce(StopHandle) + Send + 'static) -> Self {
        let signal = Self::new();
        *signal.lock() = Some(Box::new(listener));
        signal
    }

    /// A handle that stops the engine.
    #[must_use]
    pub fn handle(&self) -> StopHandle {
        self.handle.clone()
    }

    /// The current stop mode and its changes, for asynchronous work.
    pub(super) fn stop_mode(&self) -> watch::Receiver<StopMode> {
        self.start_listener();
        self.handle.mode.subscribe()
    }

    /// A flag that is set once the caller stops the engine, for blocking work.
    pub(super) fn flag(&self) -> &AtomicBool {
        self.start_listener();
        &self.handle.stopped
    }

    fn start_listener(&self) {
        let listener = self.lock().take();
        if let Some(listener) = listener {
            listener(self.handle());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for StopSignal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StopSignal").field("handle", &self.handle).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_armed_once_and_its_wish_stays() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let stop = StopSignal::with_listener(move |handle| sender.send(handle).unwrap());
        assert!(receiver.try_recv().is_err(), "no listener starts before there is anything to stop");
        let stop_mode = stop.stop_mode();
        assert!(!stop.flag().load(Ordering::Relaxed));
        let handle = receiver.try_recv().unwrap();
        assert!(receiver.try_recv().is_err());
        handle.drain();
        assert!(stop.flag().load(Ordering::Relaxed));
        assert_eq!((*stop_mode.borrow(), *stop.stop_mode().borrow()), (StopMode::Drain, StopMode::Drain));
        handle.abort();
        assert_eq!(*stop_mode.borrow(), StopMode::Abort);
    }
}
