//! What systemd is told of a collector that runs as a service: ready, alive, stopping. Elsewhere nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

/// The work begins.
pub fn ready() {
    tell(NotifyState::Ready);
}

/// The work ends in order.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

/// Says twice in each watchdog time that the runtime still runs what it is given; without a watchdog it ends at once. A
/// database that is away is no reason to be restarted.
pub async fn stay_alive() {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut often = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
    loop {
        often.tick().await;
        tell(NotifyState::Watchdog);
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd does not listen");
    }
}
