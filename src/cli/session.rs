//! The engine of a command: its events go to the console, and signals stop it.

use crate::console::Console;
use crate::engine::{Engine, Stop, Stopper};

use super::events::Narrator;

/// An engine that tells what happens on stderr, and that Ctrl-C stops.
pub(super) fn engine(console: &Console) -> Engine {
    Engine::new().with_observer(Narrator::new(console.clone())).with_stop(Stop::armed_by(listen))
}

/// Turns the user's signals into wishes: the first lets what is in flight finish, the second leaves at once.
fn listen(stopper: Stopper) {
    // Without a listener, signals end the process as ever: what is acknowledged is in the journal.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    std::thread::spawn(move || {
        runtime.block_on(async {
            for wish in [Stopper::drain, Stopper::abort] {
                if !signal().await {
                    return;
                }
                wish(&stopper);
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
