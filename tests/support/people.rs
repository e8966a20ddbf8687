//! Citizens and officials at browsers of their own.

use std::io::Write as _;
use std::process::{Command, Stdio};

use parking_lot::Mutex;
use serde_json::{Value, json};
use truyvet_schemas::TimeMs;
use ureq::Agent;

use super::server::{Server, program};

/// A browser with its cookie.
pub(crate) struct Browser {
    agent: Agent,
    cookie: Mutex<String>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let config = Agent::config_builder().http_status_as_error(false);
        Self { agent: config.build().into(), cookie: Mutex::default() }
    }

    /// The status and the JSON of an answer; `None` where the connection broke.
    pub(crate) fn post(&self, server: &Server, path: &str, key: &str, body: &Value) -> Option<(u16, Value)> {
        let request = self
            .agent
            .post(format!("{}{path}", server.url()))
            .header("cookie", self.cookie.lock().as_str())
            .header("idempotency-key", key);
        let mut answer = request.send(body.to_string().as_bytes()).ok()?;
        if let Some(set) = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok()) {
            *self.cookie.lock() = set.split(';').next().unwrap_or_default().to_owned();
        }
        let text = answer.body_mut().read_to_string().ok()?;
        Some((answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default()))
    }

    pub(crate) fn get(&self, server: &Server, path: &str) -> Value {
        let request =
            self.agent.get(format!("{}{path}", server.url())).header("cookie", self.cookie.lock().as_str());
        request.call().unwrap().body_mut().read_json().unwrap()
    }

    /// Signs in with a one-time code.
    pub(crate) fn citizen(server: &Server, number: &str) -> Self {
        let browser = Self::new();
        let mut whose = json!({"document": {"kind": "citizen_id", "number": number}, "phone": "0901234567"});
        let sent = browser.post(server, "/api/v1/codes", "-", &whose).unwrap();
        assert_eq!(sent.0, 202, "{}", sent.1);
        let codes = std::fs::read_to_string(server.data().join("codes.log")).unwrap();
        whose["code"] = json!(codes.trim_end().rsplit(' ').next().unwrap());
        assert_eq!(browser.post(server, "/api/v1/codes/redeem", "-", &whose).unwrap().0, 200);
        browser
    }

    /// Signs in with an account.
    pub(crate) fn official(server: &Server, account: &str) -> Self {
        let browser = Self::new();
        let credentials = json!({"account": account, "password": PASSWORD});
        assert_eq!(browser.post(server, "/api/v1/session", "-", &credentials).unwrap().0, 200);
        browser
    }
}

/// Makes an account, as an administrator does.
pub(crate) fn add_account(server: &Server, account: &str, flags: &[&str]) {
    let mut command = Command::new(program("truyvet"));
    command.args(["account", "add", account, "--name", "Cán bộ"]).args(flags);
    command.arg("--data").arg(server.data());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A declaration of this person from one ward to another.
pub(crate) fn declaration(number: &str) -> Value {
    json!({"accept_unverified": true, "declaration": {
        "person": {"name": "Nguyễn Văn An", "birth_date": "1990-03-02", "sex": "male",
            "documents": [{"kind": "citizen_id", "number": number}], "permanent": {"area": "W1"}},
        "journey": {"from": "W1", "to": "W2", "departs_at": TimeMs::now().get(), "purpose": "work"},
        "health": {"exposure": "none", "vaccine_doses": 2},
    }})
}

const PASSWORD: &str = "một mật khẩu dài";
