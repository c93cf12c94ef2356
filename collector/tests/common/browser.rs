//! A headless Chromium, asked over the DevTools protocol: what a page shows, asks for, complains of, and when it first paints.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// How long one answer of the browser may take, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// A browser with one page open.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    asked: u64,
    session: String,
    events: Vec<Value>,
    /// Its profile, which goes with it.
    _profile: tempfile::TempDir,
}

/// What became of a page.
#[derive(Debug, Default)]
pub(crate) struct Visit {
    /// What the console said.
    pub(crate) console: Vec<String>,
    /// The addresses that the page asked for, itself first.
    pub(crate) asked: Vec<String>,
    /// From the click to the first text or picture, ms (First Contentful Paint, W3C Paint Timing).
    pub(crate) first_paint_ms: f64,
    /// Whether the page as a whole is wider than the window. Tables and figures may scroll by themselves.
    pub(crate) too_wide: bool,
    /// The text of the page.
    pub(crate) text: String,
}

impl Browser {
    /// Starts it; `None` where it is not installed.
    pub(crate) fn start() -> Option<Browser> {
        let profile = tempfile::tempdir().unwrap();
        // The protocol speaks on descriptors 3 and 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "sh"])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--hide-scrollbars", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (tell, from) = channel();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while out.read_until(0, &mut message).is_ok_and(|n| n > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else { return };
                if tell.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let to = child.stdin.take().unwrap();
        let session = String::new();
        let mut browser = Browser { child, to, from, asked: 0, session, events: Vec::new(), _profile: profile };
        let target = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }))?;
        let how = json!({ "targetId": target["targetId"], "flatten": true });
        browser.session = browser.ask("Target.attachToTarget", &how)?["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), &json!({})).unwrap();
        }
        Some(browser)
    }

    /// Asks, and returns the result; `None` if the browser is gone.
    fn ask(&mut self, method: &str, parameters: &Value) -> Option<Value> {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).ok()?;
        loop {
            let answer = self.from.recv_timeout(PATIENCE).ok()?;
            if answer["id"] == self.asked {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return Some(answer["result"].clone());
            }
            self.events.push(answer);
        }
    }

    /// The value of an expression in the page.
    fn value(&mut self, expression: &str) -> Value {
        let how = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.ask("Runtime.evaluate", &how).unwrap();
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Goes to a page in a window of a width.
    pub(crate) fn open(&mut self, url: &str, width: u32) {
        let window = json!({ "width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", &window).unwrap();
        self.ask("Page.navigate", &json!({ "url": "about:blank" })).unwrap();
        self.until("Page.loadEventFired");
        self.events.clear();
        self.ask("Page.navigate", &json!({ "url": url })).unwrap();
    }

    /// From the click to the first text or picture of the open page, ms; it may not be there as a whole yet.
    pub(crate) fn first_paint_ms(&mut self) -> f64 {
        let paint = self.value(
            "new Promise(done => new PerformanceObserver(list => {
                const first = list.getEntriesByName('first-contentful-paint')[0];
                if (first) done(first.startTime);
            }).observe({ type: 'paint', buffered: true }))",
        );
        paint.as_f64().unwrap()
    }

    /// Opens a page and waits until it is there.
    pub(crate) fn visit(&mut self, url: &str, width: u32) -> Visit {
        self.open(url, width);
        self.until("Page.loadEventFired");
        let first_paint_ms = self.first_paint_ms();
        let width = self.value("[document.documentElement.scrollWidth, window.innerWidth]");
        let text = self.value("document.body.innerText");
        let mut visit = Visit {
            first_paint_ms,
            too_wide: width[0].as_u64() > width[1].as_u64(),
            text: text.as_str().unwrap().to_owned(),
            ..Visit::default()
        };
        for event in &self.events {
            let of = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => visit.asked.push(of["request"]["url"].as_str().unwrap().to_owned()),
                "Runtime.consoleAPICalled" => visit.console.push(of["args"].to_string()),
                "Runtime.exceptionThrown" => visit.console.push(of["exceptionDetails"].to_string()),
                "Log.entryAdded" => visit.console.push(of["entry"]["text"].to_string()),
                _ => {}
            }
        }
        visit
    }

    /// Waits for an event.
    fn until(&mut self, method: &str) {
        while !self.events.iter().any(|event| event["method"] == method) {
            let event = self.from.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("no {method}: {e}"));
            self.events.push(event);
        }
        self.events.retain(|event| event["method"] != method);
    }

    /// The whole page as a picture (PNG).
    pub(crate) fn picture(&mut self) -> Vec<u8> {
        let how = json!({ "format": "png", "captureBeyondViewport": true });
        let answer = self.ask("Page.captureScreenshot", &how).unwrap();
        from_base64(answer["data"].as_str().unwrap())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// RFC 4648 section 4.
fn from_base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => Some(u32::from(c - b'A')),
        b'a'..=b'z' => Some(u32::from(c - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(c - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0, 0);
    for six in text.bytes().filter_map(value) {
        (held, bits) = (held << 6 | six, bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}
