//! The OpenAPI document says what the server answers, all of it and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use ureq::http::Request;

use super::tests::Server;
use super::*;
use crate::question::Kind;

/// An operation of the document.
struct Operation {
    path: String,
    method: String,
    says: Value,
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn answers(&self) -> &Map<String, Value> {
        self.says["responses"].as_object().expect("answers by status")
    }
}

fn document_json() -> Value {
    serde_json::to_value(openapi()).expect("a document is JSON")
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, says) in item.as_object().expect("methods") {
            let method = method.to_uppercase();
            all.push(Operation { path: path.clone(), method, says: says.clone() });
        }
    }
    all
}

struct Answer {
    status: u16,
    kind: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

fn ask(server: &Server, method: &str, path: &str, body: &str) -> Answer {
    let request = Request::builder().method(method).uri(format!("{}{path}", server.url));
    let request = request.body(body.to_owned()).expect("a request");
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .build()
        .into();
    let mut response = agent.run(request).expect("an answer");
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().to_owned();
    let body = response.body_mut().read_to_string().expect("text");
    Answer { status: response.status().as_u16(), kind, body }
}

#[test]
fn every_operation_says_what_it_is_for_and_how_it_fails() {
    let document = document_json();
    assert_eq!(document["openapi"], "3.1.0");
    let tags: Vec<_> = document["tags"].as_array().expect("tags").iter().map(|tag| &tag["name"]).collect();
    let mut ids = BTreeSet::new();
    for operation in operations(&document) {
        let name = operation.name();
        let id = operation.says["operationId"].as_str().unwrap_or_default();
        assert!(!id.is_empty() && ids.insert(id.to_owned()), "{name}: its id is none of its own");
        assert!(
            operation.says["summary"].as_str().is_some_and(|text| !text.is_empty()),
            "{name}: no summary"
        );
        let of = operation.says["tags"].as_array().expect("a tag");
        assert!(of.len() == 1 && tags.contains(&&of[0]), "{name}: {of:?}");
        let answers = operation.answers();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{name}: no good answer");
        assert!(answers.contains_key("421"), "{name}: nothing of the guard");
        assert!(answers.contains_key("403") || operation.method == "GET", "{name}: nothing of the guard");
        for (status, answer) in answers.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            assert!(answer["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} {status}");
            let is_problem = answer["content"]["application/problem+json"].is_object();
            assert!(is_problem || operation.path == "/readyz", "{name}: {status} is no problem document");
        }
    }
}

#[test]
fn routes_are_made_of_what_is_described_and_each_is_there() {
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http")).expect("the sources") {
        let path = file.expect("a file").path();
        let text = fs::read_to_string(&path).expect("text");
        let bare = [".rou", "te("].concat();
        // Pages are for people, and not described to programs.
        assert!(
            path.ends_with("pages.rs") || !text.contains(&bare),
            "{}: a route that the document does not hold",
            path.display()
        );
    }
    let server = Server::start(|_| {});
    for operation in operations(&document_json()) {
        let path = operation.path.replace("{what}", "scans").replace("{device}", "1");
        let path = path.replace("{name}", "invalid").replace("{account}", "mai");
        let path = path.replace("{pass}", "K7M4").replace("{subject}", "AAAA").replace("{declaration}", "1");
        let path = path.replace("{area}", "W1").replace("{number}", "1").replace("{hook}", "1");
        let path = path.replace("{upload}", "00").replace("{trip}", "1").replace("{order}", "1");
        let path = path.replace("{site}", "s");
        assert!(!path.contains('{'), "{path}: say here what stands for it");
        let answer = ask(&server, &operation.method, &path, "");
        assert_ne!(answer.status, 405, "{}", operation.name());
        assert!(!answer.body.contains("nothing at this address"), "{}", operation.name());
    }
}

#[test]
fn parameters_stand_in_the_path_where_the_address_names_them_and_nowhere_else() {
    for operation in operations(&document_json()) {
        for parameter in operation.says["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().expect("a name");
            let is_named = operation.path.contains(&format!("{{{name}}}"));
            assert_eq!(parameter["in"] == "path", is_named, "{}: {name}", operation.name());
        }
    }
}

#[test]
fn the_document_is_the_same_from_the_server_and_from_the_command_line() {
    let served = ask(&Server::start(|_| {}), "GET", "/api/v1/openapi.json", "");
    assert_eq!((served.status, served.kind.as_str()), (200, "application/json"));
    assert_eq!(served.json(), document_json());
}

#[test]
fn trace_questions_are_described_with_the_parameters_that_they_take() {
    let document = document_json();
    for kind in Kind::ALL {
        let taken: BTreeSet<&str> = kind.takes().split(", ").collect();
        let path = &document["paths"][format!("/api/v1/trace/{}", kind.as_str())];
        let query = path["get"]["parameters"].as_array().expect("parameters");
        let query: BTreeSet<&str> = query.iter().filter_map(|parameter| parameter["name"].as_str()).collect();
        assert_eq!(query, taken, "{}", kind.as_str());
        let body = resolved(&document, &path["post"]["requestBody"]["content"]["application/json"]["schema"]);
        let body = body["properties"].as_object().expect("members");
        assert_eq!(body.keys().map(String::as_str).collect::<BTreeSet<_>>(), taken, "{}", kind.as_str());
    }
}

#[test]
fn every_reference_leads_somewhere_and_no_text_is_for_readers_of_the_code() {
    fn check(document: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                if members.contains_key("$ref") {
                    assert!(resolved(document, value).is_object(), "{value}");
                }
                members.values().for_each(|member| check(document, member));
            }
            Value::Array(items) => items.iter().for_each(|item| check(document, item)),
            Value::String(text) => assert!(!text.contains("[`") && !text.contains("::"), "{text}"),
            _ => {}
        }
    }
    let document = document_json();
    check(&document, &document);
}

const SCANS: &str = "subject,site,unix_ms\na,s,1000\nb,s,2000\nc,t,5000\n";

/// Requests as clients send them, good ones and bad ones: method, address, path in the document, body.
const REQUESTS: &[(&str, &str, &str, &str)] = &[
    ("GET", "/healthz", "/healthz", ""),
    ("GET", "/readyz", "/readyz", ""),
    ("GET", "/metrics", "/metrics", ""),
    ("POST", "/api/v1/import/scans?format=csv", "/api/v1/import/{what}", SCANS),
    ("POST", "/api/v1/import/sites?name=s.csv", "/api/v1/import/{what}", "site,area,lat\ns,w,10.5\nt,,\n"),
    ("POST", "/api/v1/import/areas?name=a.csv", "/api/v1/import/{what}", "area,parent,name\nw,,Ward\n"),
    ("POST", "/api/v1/import/scans?name=x.csv", "/api/v1/import/{what}", "subject,site,unix_ms\na,s,never\n"),
    ("POST", "/api/v1/import/guesses", "/api/v1/import/{what}", ""),
    ("POST", "/api/v1/import/scans?format=xml", "/api/v1/import/{what}", ""),
    ("GET", "/api/v1/status", "/api/v1/status", ""),
    ("GET", "/api/v1/busiest", "/api/v1/busiest", ""),
    ("GET", "/api/v1/examples", "/api/v1/examples", ""),
    ("GET", "/api/v1/sites", "/api/v1/sites", ""),
    ("GET", "/api/v1/venues?limit=3", "/api/v1/venues", ""),
    ("GET", "/api/v1/venues?limit=few", "/api/v1/venues", ""),
    ("GET", "/api/v1/venues/nowhere", "/api/v1/venues/{site}", ""),
    ("GET", "/api/v1/venues/nowhere/poster.svg", "/api/v1/venues/{site}/poster.svg", ""),
    ("GET", "/api/v1/venues/nowhere/poster", "/api/v1/venues/{site}/poster", ""),
    ("GET", "/api/v1/visits/poster?site=s&seal=A", "/api/v1/visits/poster", ""),
    ("POST", "/api/v1/visits", "/api/v1/visits", r#"{"site": "s"}"#),
    ("GET", "/api/v1/areas", "/api/v1/areas", ""),
    ("POST", "/api/v1/devices", "/api/v1/devices", r#"{"site": "s"}"#),
    ("POST", "/api/v1/devices", "/api/v1/devices", r#"{"site": "nowhere"}"#),
    ("POST", "/api/v1/devices", "/api/v1/devices", "["),
    ("POST", "/api/v1/devices/batch", "/api/v1/devices/batch", r#"{"sites": ["s", "t"]}"#),
    ("POST", "/api/v1/devices/1/move", "/api/v1/devices/{device}/move", r#"{"site": "t"}"#),
    ("POST", "/api/v1/devices/x/move", "/api/v1/devices/{device}/move", r#"{"site": "t"}"#),
    ("POST", "/api/v1/devices/1/revoke", "/api/v1/devices/{device}/revoke", ""),
    ("POST", "/api/v1/devices/1/move", "/api/v1/devices/{device}/move", r#"{"site": "t"}"#),
    ("POST", "/api/v1/devices/99/revoke", "/api/v1/devices/{device}/revoke", ""),
    ("GET", "/api/v1/devices", "/api/v1/devices", ""),
    ("GET", "/api/v1/dead-letters?limit=3", "/api/v1/dead-letters", ""),
    ("GET", "/api/v1/dead-letters?limit=few", "/api/v1/dead-letters", ""),
    ("GET", "/api/v1/backups?dir=/nowhere", "/api/v1/backups", ""),
    ("GET", "/api/v1/backups", "/api/v1/backups", ""),
    ("POST", "/api/v1/backup", "/api/v1/backup", r#"{"dir": "here"}"#),
    ("POST", "/api/v1/backup", "/api/v1/backup", r#"{"dir": "/dev/null/b"}"#),
    ("GET", "/api/v1/backups?dir=/dev/null/b", "/api/v1/backups", ""),
    ("GET", "/api/v1/trace/passed?site=s&site=t&from=0&to=9000", "/api/v1/trace/passed", ""),
    ("GET", "/api/v1/trace/passed?site=none&from=0&to=9000&explain=true", "/api/v1/trace/passed", ""),
    ("GET", "/api/v1/trace/passed?site=s&from=0&to=9000&format=csv", "/api/v1/trace/passed", ""),
    ("GET", "/api/v1/trace/passed?from=0&to=9000", "/api/v1/trace/passed", ""),
    ("GET", "/api/v1/trace/trail?subject=a&from=0&to=9000", "/api/v1/trace/trail", ""),
    ("GET", "/api/v1/trace/contacts?subject=a&from=0&to=9000&pairs=true", "/api/v1/trace/contacts", ""),
    ("GET", "/api/v1/trace/chain?seed=a&from=0&to=9000", "/api/v1/trace/chain", ""),
    (
        "POST",
        "/api/v1/trace/common",
        "/api/v1/trace/common",
        r#"{"subjects": ["a", "b"], "from": 0, "to": 9000}"#,
    ),
    ("POST", "/api/v1/trace/common", "/api/v1/trace/common", "{}"),
    ("POST", "/api/v1/trace/trail", "/api/v1/trace/trail", r#"{"subject": true, "from": 0, "to": 1}"#),
    ("GET", "/api/v1/trace/set?expr=site+s+from+0+to+9000", "/api/v1/trace/set", ""),
    ("POST", "/api/v1/seal", "/api/v1/seal", ""),
    ("POST", "/api/v1/verify", "/api/v1/verify", ""),
    (
        "POST",
        "/api/v1/drop",
        "/api/v1/drop",
        r#"{"from": "1970-01-01T00:00:00Z", "to": "1970-01-02T00:00:00Z"}"#,
    ),
    ("POST", "/api/v1/drop", "/api/v1/drop", r#"{"from": "then"}"#),
    ("GET", "/api/v1/trace/passed?site=s&from=0&to=9000", "/api/v1/trace/passed", ""),
    ("GET", "/api/v1/situation", "/api/v1/situation", ""),
    ("GET", "/api/v1/situation?area=w&area=none", "/api/v1/situation", ""),
    ("GET", "/api/v1/situation?at=then", "/api/v1/situation", ""),
    ("GET", "/api/v1/situation/scale", "/api/v1/situation/scale", ""),
    ("GET", "/api/v1/situation/journey?from=w&to=w", "/api/v1/situation/journey", ""),
    ("GET", "/api/v1/situation/journey?from=w&to=none", "/api/v1/situation/journey", ""),
    ("GET", "/api/v1/situation/history?area=w", "/api/v1/situation/history", ""),
    ("POST", "/api/v1/situation", "/api/v1/situation", r#"{"area": "w", "level": "red"}"#),
    ("GET", "/problems", "/problems", ""),
    ("GET", "/problems/seq-gap", "/problems/{name}", ""),
    ("GET", "/problems/none", "/problems/{name}", ""),
];

#[test]
fn a_real_server_answers_as_it_is_described() {
    let server = Server::start(|_| {});
    let document = document_json();
    for (method, address, path, body) in REQUESTS {
        let answer = ask(&server, method, address, body);
        let said = format!("{method} {address}: {} {} {}", answer.status, answer.kind, answer.body);
        let answers = &document["paths"][path][method.to_lowercase()]["responses"];
        assert!(answer.status < 500, "{said}");
        let told = &answers[answer.status.to_string()]["content"][&answer.kind];
        assert!(told.is_object(), "not described: {said}");
        if answer.kind.ends_with("json") && !answer.kind.ends_with("ndjson") {
            assert_eq!(flaws(&document, &told["schema"], &answer.json()), [""; 0], "{said}");
        }
    }
}

/// What of an answer is not as the document says: nothing, for every answer to whoever asks.
pub(super) fn undescribed(method: &str, address: &str, status: u16, kind: &str, body: &[u8]) -> Vec<String> {
    let document = document_json();
    let path = address.split('?').next().unwrap_or_default();
    let is_meant = |template: &&String| {
        let (parts, given) = (template.split('/'), path.split('/'));
        parts.clone().count() == given.clone().count()
            && parts.zip(given).all(|(part, given)| part == given || part.starts_with('{'))
    };
    let paths = document["paths"].as_object().expect("paths");
    // What is spelled out goes before what varies, as in the router.
    let template = paths.keys().filter(is_meant).min_by_key(|template| template.matches('{').count());
    let Some(template) = template else { return vec![format!("{path}: no such path")] };
    let answer = &document["paths"][template][method.to_lowercase()]["responses"][status.to_string()];
    if body.is_empty() {
        return if answer.is_object() { Vec::new() } else { vec![format!("{method} {path}: {status}")] };
    }
    let told = &answer["content"][kind];
    if !told.is_object() {
        return vec![format!("{method} {path}: {status} {kind}")];
    }
    match kind.ends_with("json") {
        true => flaws(&document, &told["schema"], &serde_json::from_slice(body).expect("JSON")),
        false => Vec::new(),
    }
}

#[test]
fn events_of_an_import_and_of_a_backup_are_as_described() {
    let server = Server::start(|_| {});
    let document = document_json();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wishes = json!({"dir": folder.path().join("b"), "keep": 1, "verify": true}).to_string();
    for (path, body, event) in [
        ("/api/v1/import/scans?name=s.csv", SCANS, "ImportEvent"),
        ("/api/v1/import/scans?name=s.csv", "subject,site,unix_ms\na,s,never\n", "ImportEvent"),
        ("/api/v1/backup", &wishes, "BackupEvent"),
    ] {
        let answer = ask(&server, "POST", path, body);
        assert_eq!((answer.status, answer.kind.as_str()), (200, "application/x-ndjson"));
        let schema = json!({"$ref": format!("#/components/schemas/{event}")});
        for line in answer.body.lines() {
            let told = serde_json::from_str(line).expect("JSON");
            assert_eq!(flaws(&document, &schema, &told), [""; 0], "{line}");
        }
    }
}

#[test]
fn whatever_goes_wrong_is_told_as_a_problem_that_has_a_page() {
    let server = Server::start(|config| config.http.body_bytes_max = 100);
    for (method, path, body, status) in [
        ("GET", "/nowhere", "", 404),
        ("GET", "/api/v1/trace/guess", "", 404),
        ("DELETE", "/api/v1/devices", "", 405),
        ("POST", "/api/v1/devices/x/revoke", "", 400),
        ("POST", "/api/v1/devices", &"x".repeat(200), 413),
        ("POST", "/api/v1/trace/trail", &"x".repeat(200), 413),
        ("GET", "/api/v1/trace/trail?subject=%ff", "", 400),
    ] {
        let answer = ask(&server, method, path, body);
        let said = format!("{method} {path}: {}", answer.body);
        assert_eq!((answer.status, answer.kind.as_str()), (status, "application/problem+json"), "{said}");
        let page = ask(&server, "GET", answer.json()["type"].as_str().expect("its type"), "").json();
        assert_eq!((&page["type"], &page["status"]), (&answer.json()["type"], &json!(status)), "{said}");
        assert_eq!(page["title"], answer.json()["title"]);
    }
}

#[test]
fn an_answer_that_is_not_as_described_is_found_out() {
    let document = document_json();
    let schema = json!({"$ref": "#/components/schemas/PassedAnswer"});
    let answer = |subject: Value| json!({"subjects": 1, "scans": 1, "list": [subject]});
    let flaws = |subject| flaws(&document, &schema, &answer(subject));
    assert_eq!(flaws(json!({"subject": "a", "first": 1, "last": 2, "scans": 1})), [""; 0]);
    for wrong in [
        json!({"subject": "a", "first": 1, "last": 2}),
        json!({"subject": "a", "first": 1, "last": 2, "scans": "1"}),
        json!({"subject": "a", "first": 1, "last": 2, "scans": 1, "site": "s"}),
    ] {
        assert_eq!(flaws(wrong.clone()).len(), 1, "{wrong}");
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let Some(reference) = schema["$ref"].as_str() else { return schema };
    let pointer = reference.strip_prefix('#').expect("a reference within the document");
    document.pointer(pointer).unwrap_or(&Value::Null)
}

/// What of a value is not as its schema says; members that it does not name are told too.
fn flaws(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = part_flaws(document, schema, value);
    if let (Value::Object(members), Some(known)) = (value, known_members(document, schema)) {
        let unknown = members.keys().filter(|name| !known.contains(*name));
        found.extend(unknown.map(|name| format!("`{name}` is not described")));
    }
    found
}

fn part_flaws(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let schema = resolved(document, schema);
    if let Some(forms) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let fits = forms.iter().any(|form| part_flaws(document, form, value).is_empty());
        return if fits { Vec::new() } else { vec![format!("{value} has none of its forms")] };
    }
    let mut found = Vec::new();
    if !has_type(&schema["type"], value) {
        found.push(format!("{value} is not of the type {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        found.push(format!("{value} is none of {}", schema["enum"]));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        found.extend(part_flaws(document, part, value));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            found.push(format!("`{name}` is missing"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        found.extend(flaws(document, &schema["items"], item));
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        if let Some(says) = schema["properties"].get(name) {
            let within = flaws(document, says, member);
            found.extend(within.into_iter().map(|flaw| format!("{name}: {flaw}")));
        }
    }
    found
}

fn has_type(types: &Value, value: &Value) -> bool {
    let is = |word: &Value| match word.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("null") => value.is_null(),
        _ => true,
    };
    types.as_array().map_or_else(|| is(types), |types| types.iter().any(is))
}

/// Names of all members that an object may have; none where it may have any.
fn known_members(document: &Value, schema: &Value) -> Option<BTreeSet<String>> {
    let schema = resolved(document, schema);
    if schema["additionalProperties"].is_object() {
        return None;
    }
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let mut known: BTreeSet<String> = own.collect();
    for word in ["allOf", "oneOf", "anyOf"] {
        for part in schema[word].as_array().into_iter().flatten() {
            known.extend(known_members(document, part)?);
        }
    }
    // A form that names nothing, such as an error's text, says nothing of members.
    (schema["type"] != "object" || !known.is_empty()).then_some(known)
}
