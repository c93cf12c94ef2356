//! A network between a probe and a collector that can lose answers and part.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a connection does with bytes.
pub(crate) const PASS: u8 = 0;
/// Those of the collector are lost: what it acknowledges is not heard.
pub(crate) const DEAF: u8 = 1;
/// Nothing moves: the network is parted.
pub(crate) const PARTED: u8 = 2;

/// A network between probe and collector.
pub(crate) struct Network {
    pub(crate) port: u16,
    mode: Arc<AtomicU8>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Network {
    pub(crate) fn new(collector: u16) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let network =
            Network { port: listener.local_addr().unwrap().port(), mode: Arc::default(), open: Arc::default() };
        let (mode, open) = (network.mode.clone(), network.open.clone());
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", collector)) else { continue };
                open.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                let (mode, back) = (mode.clone(), mode.clone());
                let (n, f) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || carry(near, far, &mode, false));
                std::thread::spawn(move || carry(f, n, &back, true));
            }
        });
        network
    }

    /// Does that to all bytes for a while, then closes every connection: lost bytes would otherwise be missed in the middle.
    pub(crate) fn trouble(&self, mode: u8, time: Duration) {
        self.mode.store(mode, Relaxed);
        std::thread::sleep(time);
        self.cut();
        self.mode.store(PASS, Relaxed);
    }

    fn cut(&self) {
        for end in self.open.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, mode: &AtomicU8, answers: bool) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 {
            break;
        }
        while mode.load(Relaxed) == PARTED {
            std::thread::sleep(Duration::from_millis(5));
        }
        if answers && mode.load(Relaxed) == DEAF {
            continue;
        }
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
