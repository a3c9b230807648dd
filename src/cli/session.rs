//! The engine of a command: its events go to the console, and signals stop it.

use crate::console::Console;
use crate::engine::{Engine, StopHandle, StopSignal};

use super::events::ConsoleObserver;

/// An engine that reports its events on stderr and stops on Ctrl-C.
pub(super) fn engine(console: &Console) -> Engine {
    Engine::new()
        .with_observer(ConsoleObserver::new(console.clone()))
        .with_stop_signal(StopSignal::with_listener(listen))
}

/// Turns signals into stop requests: the first lets calls in flight finish, the second aborts them.
fn listen(handle: StopHandle) {
    // Without a listener, signals end the process as usual: everything acknowledged is in the journal.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    std::thread::spawn(move || {
        runtime.block_on(async {
            for stop in [StopHandle::drain, StopHandle::abort] {
                if !signal().await {
                    return;
                }
                stop(&handle);
            }
        });
    });
}

#[cfg(unix)]
async fn signal() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return tokio::signal::ctrl_c().await.is_ok();
    };
    tokio::select! {
        done = tokio::signal::ctrl_c() => done.is_ok(),
        done = terminate.recv() => done.is_some(),
    }
}

#[cfg(not(unix))]
async fn signal() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}
