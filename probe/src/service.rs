//! What systemd is told of a probe that runs as a service: ready, alive, stopping. Elsewhere nothing happens.

use sd_notify::NotifyState;

/// The work begins.
pub fn ready() {
    tell(NotifyState::Ready);
}

/// The work ends in order.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

/// Still at work; to be said at least twice in the watchdog's time.
pub fn alive() {
    if sd_notify::watchdog_enabled().is_some() {
        tell(NotifyState::Watchdog);
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd does not listen");
    }
}
