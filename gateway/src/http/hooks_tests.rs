//! Hooks at a real server on loopback, with receivers that check, fail, dawdle and never answer.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use truyvet_engine::PersonRecord;
use truyvet_engine::registry::{DeclarationState, Declaring};
use truyvet_schemas::TimeMs;
use truyvet_schemas::declaration::Declaration;
use truyvet_schemas::pass::UnixSeconds;

use super::notices_tests::{Checkpoint, with_destination_and};
use super::people_tests::{AN, Browser, declaration};
use super::tests::Server;
use crate::people::act;

/// What a receiver does with the next messages; it takes all after them.
#[derive(Clone, Copy)]
enum Does {
    Answer(u16),
    Wait(Duration),
}

#[derive(Clone, Default)]
struct Inbox {
    secret: Arc<Mutex<String>>,
    does: Arc<Mutex<VecDeque<Does>>>,
    /// Ids of messages with what is in them, as they came.
    came: Arc<Mutex<Vec<(String, Value)>>>,
    /// Notices of messages that were taken.
    taken: Arc<Mutex<Vec<Value>>>,
}

/// A receiver on loopback.
struct Receiver {
    url: String,
    inbox: Inbox,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    fn start(does: &[Does]) -> Self {
        let inbox = Inbox::default();
        inbox.does.lock().extend(does);
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let router = Router::new().fallback(take).with_state(inbox.clone());
        runtime.spawn(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            axum::serve(listener, router).await
        });
        Self { url, inbox, _runtime: runtime }
    }

    /// Has the server's administrator make a hook that leads here; its number.
    fn is_told(&self, admin: &Browser<'_>, area: &str) -> String {
        let (status, made) = admin.post("/api/v1/hooks", &json!({"area": area, "url": self.url}));
        assert_eq!(status, 201, "{made}");
        *self.inbox.secret.lock() = made["secret"].as_str().expect("told once").to_owned();
        made["hook"].as_str().expect("a number").to_owned()
    }

    /// Waits until a notice with these values was taken.
    fn takes(&self, wanted: &Value) {
        let fits = |notice: &Value| {
            wanted.as_object().expect("fields").iter().all(|(field, value)| notice[field] == *value)
        };
        let until = Instant::now() + PATIENCE;
        while !self.inbox.taken.lock().iter().any(fits) {
            assert!(Instant::now() < until, "{wanted} among {:?}", self.inbox.taken.lock());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let secret = loop {
        let secret = inbox.secret.lock().clone();
        if !secret.is_empty() {
            break secret;
        }
        tokio::time::sleep(Duration::from_millis(5)).await; // the hook's maker is being told it
    };
    let checked = Webhook::new(&secret).expect("a secret").verify(&body, &headers);
    assert!(checked.is_ok(), "{checked:?}");
    let message: Value = serde_json::from_slice(&body).expect("JSON");
    let id = headers["webhook-id"].to_str().expect("text").to_owned();
    inbox.came.lock().push((id, message.clone()));
    let next = inbox.does.lock().pop_front();
    match next {
        Some(Does::Answer(status)) => return StatusCode::from_u16(status).expect("a status"),
        Some(Does::Wait(wait)) => tokio::time::sleep(wait).await,
        None => {}
    }
    let notices = message["data"]["notices"].as_array().expect("a list").clone();
    inbox.taken.lock().extend(notices);
    StatusCode::NO_CONTENT
}

/// The threads of a server that tell wards and hooks.
struct Telling {
    stops: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Telling {
    fn start(server: &Server) -> Self {
        let stops = Arc::new(AtomicBool::new(false));
        let (wards, hooks) = (Arc::clone(&server.app), Arc::clone(&server.app));
        let (stops_wards, stops_hooks) = (Arc::clone(&stops), Arc::clone(&stops));
        let threads = vec![
            std::thread::spawn(move || {
                wards.people.tell_listeners(|| stops_wards.load(Ordering::Relaxed));
            }),
            std::thread::spawn(move || hooks.people.tell_hooks(|| stops_hooks.load(Ordering::Relaxed))),
        ];
        Self { stops, threads }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        let ended = self.threads.drain(..).map(JoinHandle::join).filter(Result::is_ok).count();
        assert!(std::thread::panicking() || ended == 2);
    }
}

fn served() -> (Server, tempfile::TempDir) {
    with_destination_and(|config| {
        config.people.hook_retry_ms = 50;
        config.people.hook_timeout_ms = 500;
    })
}

fn declare(server: &Server) -> (String, Value) {
    let (status, made) =
        Browser::new(server).redeem(AN, "0901234567").declare(&declaration(AN, "Nguyễn Văn An"));
    assert_eq!(status, 201, "{made}");
    (made["declaration"].as_str().expect("a number").to_owned(), made)
}

#[test]
fn a_hook_is_told_how_a_journey_is_whenever_it_changes() {
    let (server, _folder) = served();
    let admin = Browser::new(&server).sign_in("quantri");
    let [ward, province, other] = [(); 3].map(|()| Receiver::start(&[]));
    ward.is_told(&admin, "W2");
    province.is_told(&admin, "P1");
    other.is_told(&admin, "W3");
    let _telling = Telling::start(&server);
    let (declaration, made) = declare(&server);
    ward.takes(&json!({"declaration": declaration, "side": "coming", "state": "expected", "passages": 0}));
    province.takes(&json!({"declaration": declaration, "side": "leaving"}));
    let subject = ward.inbox.taken.lock()[0]["subject"].as_str().expect("a code").to_owned();
    std::thread::sleep(Duration::from_millis(200)); // the engine follows a moment later
    Checkpoint::open(&server).pass(&subject, 1);
    ward.takes(&json!({"declaration": declaration, "state": "under_way", "passages": 1}));
    let arrival = format!("/api/v1/notices/{declaration}/arrival");
    assert_eq!(Browser::new(&server).sign_in("xa2").post(&arrival, &json!({})).0, 200);
    ward.takes(&json!({"declaration": declaration, "state": "arrived"}));
    let revoke = format!("/api/v1/passes/{}/revoke", made["pass"]["pass"].as_str().expect("a number"));
    let health = Browser::new(&server).sign_in("tinh2");
    assert_eq!(health.post(&revoke, &json!({"reason": "quarantine"})).0, 204);
    province.takes(&json!({"declaration": declaration, "revoked": true}));
    assert!(other.inbox.came.lock().is_empty(), "another area's hook hears nothing");
    let told = format!("{:?}", ward.inbox.came.lock());
    assert!(!told.contains("Nguyễn") && !told.contains(AN), "no name and no number: {told}");
}

#[test]
fn a_passage_is_told_of_every_journey_whose_pass_held_whatever_was_declared_since() {
    let (server, _folder) = served();
    let admin = Browser::new(&server).sign_in("quantri");
    let ward = Receiver::start(&[]);
    ward.is_told(&admin, "W2");
    let _telling = Telling::start(&server);
    let (first, _) = declare(&server);
    ward.takes(&json!({"declaration": first, "passages": 0}));
    let subject = ward.inbox.taken.lock()[0]["subject"].as_str().expect("a code").to_owned();
    // Onward from there, and what a stranger claims with the same document.
    let mut onward = declaration(AN, "Nguyễn Văn An");
    onward["journey"]["from"] = json!("W2");
    let (_, onward) = Browser::new(&server).redeem(AN, "0901234567").declare(&onward);
    let stranger = Browser::new(&server).redeem(AN, "0907654321");
    for _ in 0..20 {
        let (status, claimed) = stranger.declare(&declaration(AN, "Trần Văn Lạ"));
        assert_eq!((status, &claimed["state"]), (201, &json!("unverified")));
    }
    std::thread::sleep(Duration::from_millis(200)); // the engine follows a moment later
    Checkpoint::open(&server).pass(&subject, 1);
    ward.takes(&json!({"declaration": first, "passages": 1}));
    ward.takes(&json!({"declaration": onward["declaration"], "passages": 1}));
}

#[test]
fn hooks_are_added_and_removed_while_others_are_told() {
    let (server, _folder) = served();
    let _telling = Telling::start(&server);
    let ward = Receiver::start(&[]);
    ward.is_told(&Browser::new(&server).sign_in("quantri"), "W2");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let admin = Browser::new(&server).sign_in("quantri");
                for _ in 0..20 {
                    let nobody = json!({"area": "W2", "url": "http://127.0.0.1:9/"}); // nothing listens there
                    let (_, made) = admin.post("/api/v1/hooks", &nobody);
                    server.app.people.hooks.compare_all();
                    let path = format!("/api/v1/hooks/{}", made["hook"].as_str().expect("a number"));
                    assert_eq!(admin.json("DELETE", &path, &json!({})).0, 204);
                }
            });
        }
    });
    let (declaration, _) = declare(&server);
    ward.takes(&json!({"declaration": declaration}));
}

#[test]
fn what_a_hook_does_not_take_comes_again_until_it_does() {
    let (server, _folder) = served();
    let admin = Browser::new(&server).sign_in("quantri");
    let late = Does::Wait(Duration::from_secs(2));
    let ward = Receiver::start(&[Does::Answer(500), Does::Answer(302), late, Does::Answer(429)]);
    let hook = ward.is_told(&admin, "W2");
    let _telling = Telling::start(&server);
    let (declaration, _) = declare(&server);
    ward.takes(&json!({"declaration": declaration, "state": "expected"}));
    let came = ward.inbox.came.lock().clone();
    assert!(came.len() >= 4, "{came:?}");
    assert!(came.iter().all(|(id, _)| *id == came[0].0), "the same message has the same id");
    let until = Instant::now() + PATIENCE;
    let shown = loop {
        let (_, listed) = admin.get("/api/v1/hooks");
        let shown = listed["hooks"][0].clone();
        if shown["due"] == json!(0) && shown["failures"] == json!(0) {
            break shown;
        }
        assert!(Instant::now() < until, "{shown}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(shown["hook"], json!(hook));
    assert!(shown["why"].as_str().is_some_and(|why| why.starts_with("it ")), "{shown}");
    assert!(shown.get("secret").is_none() && shown["taken_at"].is_i64(), "{shown}");
    let (_, metrics) = server.get("/metrics");
    assert!(metrics.contains("truyvet_hooks_taken_total 1"), "{metrics}");
}

#[test]
fn hooks_that_never_answer_hold_up_no_other() {
    let (server, _folder) = served();
    let admin = Browser::new(&server).sign_in("quantri");
    let never = [Does::Wait(Duration::from_secs(3_600)); 40];
    let silent: Vec<Receiver> = (0..40).map(|_| Receiver::start(&never)).collect();
    for receiver in &silent {
        receiver.is_told(&admin, "P2");
    }
    let nobody = json!({"area": "W2", "url": "http://127.0.0.1:9/"}); // nothing listens there
    let (_, made) = admin.post("/api/v1/hooks", &nobody);
    let ward = Receiver::start(&[]);
    ward.is_told(&admin, "W2");
    let _telling = Telling::start(&server);
    let (first, _) = declare(&server);
    ward.takes(&json!({"declaration": first}));
    let asked = Instant::now();
    let (second, _) = declare(&server);
    ward.takes(&json!({"declaration": second}));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    let (_, listed) = admin.get("/api/v1/hooks");
    let unreached = listed["hooks"].as_array().expect("a list").iter().find(|h| h["hook"] == made["hook"]);
    let unreached = unreached.expect("listed");
    assert_eq!((&unreached["due"], &unreached["why"]), (&json!(2), &json!("it cannot be reached")));
    assert_eq!(unreached["trouble"], json!({"kind": "unreachable"}));
    assert!(unreached["next_at"].is_i64());
}

#[test]
fn what_is_under_way_already_is_told_first_and_once() {
    let (server, _folder) = served();
    let admin = Browser::new(&server).sign_in("quantri");
    let (declaration, _) = declare(&server);
    let (_, found) = Browser::new(&server).sign_in("xa2").get("/api/v1/notices");
    Checkpoint::open(&server).pass(found["notices"][0]["subject"].as_str().expect("a code"), 1);
    let _telling = Telling::start(&server);
    std::thread::sleep(Duration::from_millis(200)); // what happened is passed over: there is no hook
    let ward = Receiver::start(&[]);
    ward.is_told(&admin, "W2");
    ward.takes(&json!({"declaration": declaration, "passages": 1}));
    server.app.people.hooks.compare_all();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(ward.inbox.taken.lock().len(), 1, "what is known is not told again");
}

#[test]
fn hooks_are_for_administrators_and_bad_ones_are_refused() {
    let (server, _folder) = served();
    let admin = Browser::new(&server).sign_in("quantri");
    let good = json!({"area": "W2", "url": "https://xa.example/truyvet"});
    for account in ["chot1", "xa2", "tinh2", "dichte"] {
        let browser = Browser::new(&server).sign_in(account);
        assert_eq!((browser.get("/api/v1/hooks").0, browser.post("/api/v1/hooks", &good).0), (403, 403));
    }
    assert_eq!(Browser::new(&server).post("/api/v1/hooks", &good).0, 401);
    for (field, bad) in [
        ("area", json!({"area": "W9", "url": "https://xa.example/"})),
        ("url", json!({"area": "W2", "url": "http://xa.example/"})),
        ("url", json!({"area": "W2", "url": "https://mai:1@xa.example/"})),
    ] {
        let (status, problem) = admin.post("/api/v1/hooks", &bad);
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!(field)), "{problem}");
    }
    let made: Vec<Value> = (0..3).map(|_| admin.post("/api/v1/hooks", &good).1["hook"].clone()).collect();
    let (_, page) = admin.get("/api/v1/hooks?limit=2");
    assert_eq!(page["next"], made[1]);
    let (_, rest) = admin.get(&format!("/api/v1/hooks?after={}", page["next"].as_str().expect("more")));
    assert_eq!((&rest["hooks"][0]["hook"], &rest["next"]), (&made[2], &Value::Null));
    let path = format!("/api/v1/hooks/{}", made[0].as_str().expect("a number"));
    assert_eq!(admin.post(&format!("{path}/retry"), &json!({})).0, 204);
    assert_eq!(
        (admin.json("DELETE", &path, &json!({})).0, admin.json("DELETE", &path, &json!({})).0),
        (204, 404)
    );
    assert_eq!(admin.post(&format!("{path}/retry"), &json!({})).0, 404);
    let acts = server.app.people.registry.audit(1, 1_000).expect("whole");
    let of = |action: &str| acts.iter().filter(|entry| entry.act.action == action).count();
    assert_eq!((of("hook.add"), of("hook.remove")), (3, 1));
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_journey_declared_long_before_it_begins_is_followed_and_told_after_a_start() {
    let (server, _folder) = served();
    let admin = Browser::new(&server).sign_in("quantri");
    let ward = Receiver::start(&[]);
    let now_s = UnixSeconds::of(TimeMs::now()).expect("before 2106").get();
    let (made_s, valid_until) = (now_s - 20 * 86_400, UnixSeconds::new(now_s + 3 * 86_400));
    let sent: Declaration = serde_json::from_value(declaration(AN, "Nguyễn Văn An")).expect("a declaration");
    let how = Declaring {
        state: DeclarationState::Verified,
        issued: UnixSeconds::new(made_s),
        valid_until,
        phone: "+84901234567",
        request: None,
        entered_by: None,
    };
    // As an earlier run of the server left it: this one has followed nobody yet.
    let act = act(TimeMs::new(i64::from(made_s) * 1_000), "citizen", "declaration.make", "-");
    let made = server.app.people.registry.declare(&sent.tidied(), how, act).expect("room").record;
    let known = PersonRecord { subject: made.subject.to_string(), area: "W1".to_owned() };
    server.app.engine.catalog().put_people(vec![known]).expect("room");
    ward.is_told(&admin, "W2");
    let _telling = Telling::start(&server);
    let declaration = made.declaration.to_string();
    ward.takes(&json!({"declaration": declaration, "state": "expected"}));
    std::thread::sleep(Duration::from_millis(200)); // the engine follows a moment later
    Checkpoint::open(&server).pass(&made.subject.to_string(), 1);
    ward.takes(&json!({"declaration": declaration, "state": "under_way", "passages": 1}));
}
