//! Real datasets with known answers: the folder that `TRUYVET_REAL_DATA` names, one set after the
//! other, by the command line, and by GET and POST on a running server.
//!
//! Only the contract's fields are compared, by value, type and order; `unknown` in any order.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::server::{Server, tell_skipped, truyvet, truyvet_ok};

#[test]
fn every_question_with_a_known_answer_gets_it() {
    let Some(folder) = real_data() else { return };
    let mut sets = vec![Set::new(folder.join("bikeshare14"), "events.csv.gz")];
    for entry in std::fs::read_dir(folder.join("sociopatterns_cc0")).unwrap().flatten() {
        if entry.path().is_dir() {
            sets.push(Set::new(entry.path(), "scans.csv.gz"));
        }
    }
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let checks: Vec<_> = sets.iter().map(|set| scope.spawn(|| set.check())).collect();
        checks.into_iter().flat_map(|check| check.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} answers are not as known:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn an_area_of_the_real_tree_is_all_its_sites_together() {
    let Some(folder) = real_data() else { return };
    let tree = folder.join("vn_admin/2021-11");
    let place = TempDir::new().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let areas = areas_csv(&tree);
    std::fs::write(path("areas.csv"), &areas).unwrap();
    let wards: Vec<Vec<String>> = rows(&tree.join("wards.csv"));
    // Two sites in every 40th ward: enough provinces, districts with several and with none.
    let sites: Vec<(String, &Vec<String>)> = wards
        .iter()
        .step_by(40)
        .flat_map(|ward| [(format!("{}-a", ward[0]), ward), (format!("{}-b", ward[0]), ward)])
        .collect();
    let rows: String = sites.iter().map(|(site, ward)| format!("{site},{}\n", ward[0])).collect();
    std::fs::write(path("sites.csv"), format!("site,area\n{rows}")).unwrap();
    let scan = |(i, (site, _)): (usize, &(String, _))| {
        (0..20).map(|n| format!("p{},{site},{}\n", (i * 7 + n * 31) % 997, n * 60_000)).collect::<String>()
    };
    let scans: String = sites.iter().enumerate().map(scan).collect();
    std::fs::write(path("scans.csv"), format!("subject,site,unix_ms\n{scans}")).unwrap();
    let data = path("data");
    truyvet_ok(&["import", "--data", &data, "--areas", &path("areas.csv"), "--sites", &path("sites.csv")]);
    truyvet_ok(&["import", "--data", &data, "--scans", &path("scans.csv")]);
    let ward = sites[10].1;
    for (column, area) in [(0, &ward[0]), (3, &ward[3]), (4, &ward[4])] {
        let inside = sites.iter().filter(|(_, ward)| ward[column] == *area);
        let codes: Vec<&str> = inside.map(|(site, _)| site.as_str()).collect();
        let ask = |flag: &str, codes: &[&str]| {
            let mut args = vec!["trace", "passed", "--data", &data, "--format", "json", flag];
            args.extend(codes);
            args.extend(["--from", "120000", "--to", "900000"]);
            serde_json::from_str::<Value>(&truyvet_ok(&args)).unwrap()
        };
        let (by_area, by_sites) = (ask("--area", &[area.as_str()]), ask("--site", &codes));
        assert!(by_area["subjects"].as_u64().unwrap() > 0);
        assert_eq!(by_area, by_sites, "area {area}");
    }
}

/// The folder with real data; says so where there is none.
fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("TRUYVET_REAL_DATA").map(PathBuf::from);
    if folder.is_none() {
        tell_skipped("real data, since TRUYVET_REAL_DATA names no folder with it");
    }
    folder
}

fn rows(file: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn areas_csv(tree: &Path) -> String {
    let mut text = "area,parent,name,kind\n".to_owned();
    for row in rows(&tree.join("provinces.csv")) {
        text += &format!("{},,{},province\n", row[0], row[1]);
    }
    for row in rows(&tree.join("districts.csv")) {
        text += &format!("{},{},{},district\n", row[0], row[2], row[1]);
    }
    for row in rows(&tree.join("wards.csv")) {
        text += &format!("{},{},{},ward\n", row[0], row[3], row[1]);
    }
    text
}

/// A dataset with its questions.
struct Set {
    folder: PathBuf,
    scans: String,
    questions: Vec<Value>,
}

impl Set {
    fn new(folder: PathBuf, scans: &str) -> Self {
        let questions = std::fs::read_to_string(folder.join("queries.json")).unwrap();
        let scans = folder.join(scans).to_str().unwrap().to_owned();
        Self { folder, scans, questions: serde_json::from_str(&questions).unwrap() }
    }

    /// What is wrong, a line each.
    fn check(&self) -> Vec<String> {
        let place = TempDir::new().unwrap();
        let data = place.path().join("data").to_str().unwrap().to_owned();
        truyvet_ok(&["import", "--data", &data, "--scans", &self.scans]);
        let server = Server::start("[engine]\nfree_bytes_min = 0\n");
        truyvet_ok(&["import", "--url", server.url(), "--scans", &self.scans]);
        let mut wrong = Vec::new();
        for question in &self.questions {
            let name = format!("{}: {}", self.folder.display(), question["name"]);
            let told = [
                ("command line", self.ask_program(question, &data)),
                ("GET", self.ask_server(question, &server, false)),
                ("POST", self.ask_server(question, &server, true)),
            ];
            for (how, told) in told {
                if let Err(why) = judge(question, told) {
                    wrong.push(format!("{name}, {how}: {why}"));
                }
            }
        }
        wrong
    }

    fn ask_program(&self, question: &Value, data: &str) -> Told {
        let mut args = strings(&question["args"]);
        if let Some(at) = args.iter().position(|arg| arg == "--subjects") {
            args[at + 1] = self.folder.join(&args[at + 1]).to_str().unwrap().to_owned();
        }
        let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
        args.extend(["--data", data, "--format", "json"]);
        let done = truyvet(&args);
        match done.status.code() {
            Some(0) => Ok(serde_json::from_slice(&done.stdout).unwrap()),
            code => Err((code.unwrap_or(-1).into(), String::from_utf8_lossy(&done.stderr).into_owned())),
        }
    }

    fn ask_server(&self, question: &Value, server: &Server, by_post: bool) -> Told {
        let kind = question["args"][1].as_str().unwrap();
        let (path, pairs) = (format!("/api/v1/trace/{kind}"), self.parameters(question));
        let (status, body) = if by_post {
            server.post(&path, &body(kind, &pairs))
        } else {
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            server.get(&path, &pairs)
        };
        match status {
            200 => Ok(serde_json::from_str(&body).unwrap()),
            400 | 422 => Err((2, body)),
            status => Err((status.into(), body)),
        }
    }

    /// Names and values, as a query string repeats them.
    fn parameters(&self, question: &Value) -> Vec<(String, String)> {
        let (mut pairs, mut flag) = (Vec::new(), String::new());
        for arg in strings(&question["args"]).into_iter().skip(2) {
            if let Some(name) = arg.strip_prefix("--") {
                flag = name.to_owned();
            } else if flag == "subjects" {
                let text = std::fs::read_to_string(self.folder.join(arg)).unwrap();
                let codes = text.lines().map(str::trim).filter(|line| !line.is_empty());
                pairs.extend(codes.map(|code| (flag.clone(), code.to_owned())));
            } else {
                pairs.push((flag.clone(), arg));
            }
        }
        pairs
    }
}

/// The answer, or an exit code and what was said.
type Told = Result<Value, (i64, String)>;

fn judge(question: &Value, told: Told) -> Result<(), String> {
    if let Some(exit) = question.get("exit") {
        return match told {
            Err((code, _)) if *exit == json!(code) => Ok(()),
            Err((code, said)) => Err(format!("ended with {code}, not {exit}: {said}")),
            Ok(_) => Err(format!("was answered, and should end with {exit}")),
        };
    }
    let answer = told.map_err(|(code, said)| format!("ended with {code}: {said}"))?;
    let kind = question["args"][1].as_str().unwrap();
    let (got, want) = (normal(kind, &answer)?, &question["answer"]);
    if let Some(sha256) = want.get("sha256") {
        let digest = Sha256::digest(got.to_string());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        if entries(kind, &got) != want["n"] || *sha256 != json!(hex) {
            return Err(format!("{} entries with digest {hex}, not {want}", entries(kind, &got)));
        }
    } else if got != normal(kind, want)? {
        return Err(format!("is {got:.600}, not {want:.600}"));
    }
    published(question, &answer)
}

/// Durations that the data's own authors published for pairs, at one observation each 20 s.
fn published(question: &Value, answer: &Value) -> Result<(), String> {
    let Some(pairs) = question.get("published").and_then(Value::as_object) else { return Ok(()) };
    for (other, seconds) in pairs {
        let contacts = answer["contacts"].as_array().unwrap();
        let found = contacts.iter().find(|contact| contact["subject"] == json!(other));
        let events = found.map_or(0, |contact| contact["events"].as_u64().unwrap());
        if json!(events * 20) != *seconds {
            return Err(format!("{events} events with {other}, published are {seconds} s"));
        }
    }
    Ok(())
}

fn entries(kind: &str, answer: &Value) -> Value {
    if kind == "chain" {
        let generations = answer["generations"].as_array().unwrap();
        return json!(generations.iter().map(|g| g["subjects"].as_u64().unwrap()).sum::<u64>());
    }
    let list = answer.as_object().unwrap().values().find_map(Value::as_array);
    json!(list.unwrap().len())
}

/// The contract's fields alone, each of the contract's type.
fn normal(kind: &str, answer: &Value) -> Result<Value, String> {
    let mut normal = project(answer, &shape(kind), "answer")?;
    if let Some(unknown) = answer.get("unknown") {
        let mut codes = strings(unknown);
        codes.sort_unstable();
        normal["unknown"] = json!(codes);
    }
    Ok(normal)
}

fn shape(kind: &str) -> Value {
    match kind {
        "passed" => json!({"subjects": 0, "scans": 0,
            "list": [{"subject": "", "first": 0, "last": 0, "scans": 0}]}),
        "trail" => json!({"scans": [{"at": 0, "site": "", "direction": ""}]}),
        "contacts" => json!({"contacts":
            [{"subject": "", "events": 0, "min_gap_ms": 0, "first": 0, "last": 0}]}),
        "chain" => json!({"generations": [{"generation": 0, "subjects": 0,
            "list": [{"subject": "", "exposed_at": 0, "from": null, "site": null}]}]}),
        _ => json!({"cells": [{"site": "", "from": 0, "to": 0, "given": 0, "all": 0}]}),
    }
}

/// `value` in this shape: 0 is any integer, "" any text, null text or null, a list any number of such.
fn project(value: &Value, shape: &Value, place: &str) -> Result<Value, String> {
    match (shape, value) {
        (Value::Object(fields), Value::Object(members)) => {
            let field = |(name, shape): (&String, &Value)| {
                let member = members.get(name).ok_or(format!("{place} lacks {name}"))?;
                Ok((name.clone(), project(member, shape, &format!("{place}.{name}"))?))
            };
            Ok(Value::Object(fields.iter().map(field).collect::<Result<Map<_, _>, String>>()?))
        }
        (Value::Array(shapes), Value::Array(items)) => {
            let item = |item| project(item, &shapes[0], place);
            Ok(Value::Array(items.iter().map(item).collect::<Result<_, _>>()?))
        }
        (Value::Number(_), Value::Number(number)) if number.is_i64() => Ok(value.clone()),
        (Value::String(_) | Value::Null, Value::String(_)) | (Value::Null, Value::Null) => Ok(value.clone()),
        _ => Err(format!("{place} is {value:.100}, which is not of the contract's type")),
    }
}

fn body(kind: &str, pairs: &[(String, String)]) -> Value {
    let several = [("passed", "site"), ("contacts", "subject"), ("chain", "seed"), ("common", "subjects")];
    let mut body = Map::new();
    for (name, value) in pairs {
        if several.contains(&(kind, name.as_str())) {
            let list = body.entry(name.clone()).or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(json!(value));
        } else if ["generations", "top"].contains(&name.as_str()) {
            body.insert(name.clone(), json!(value.parse::<i64>().unwrap()));
        } else {
            body.insert(name.clone(), json!(value));
        }
    }
    Value::Object(body)
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}
