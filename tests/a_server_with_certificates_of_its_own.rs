//! An operator's own certificate in place of the development authority's.

use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::server::{More, Server, eventually, program, truyvet_ok};

#[test]
fn devices_trust_the_authority_that_they_are_given_and_no_other() {
    // The development identity of one server serves as the operator's own for the other.
    let issuer = Server::start(CONFIG);
    let tls = |name: &str| issuer.data().join("tls").join(name);
    let place = TempDir::new().unwrap();
    let data = place.path().join("data");
    let arguments = [
        ("--tls-cert", tls("gateway.pem").into_os_string()),
        ("--tls-key", tls("gateway.key").into_os_string()),
        ("--server-name", "localhost".into()),
    ];
    let args = arguments.into_iter().flat_map(|(flag, value)| [flag.into(), value]).collect();
    let server = Server::start_with(place, data, CONFIG, More { args, ..More::default() });
    server.put_sites(&["gate"]);
    let key = server.place().join("key.json");
    let key = key.to_str().unwrap();
    truyvet_ok(&["device", "add", "--site", "gate", "--key-file", key, "--url", server.url()]);
    assert!(!std::fs::read_to_string(key).unwrap().contains("authority"), "the public ones are meant");

    let scans = server.place().join("scans.ndjson");
    std::fs::write(&scans, "{\"subject\":\"a\",\"unix_ms\":1}\n").unwrap();
    let run = |more: &[&str]| -> Output {
        let gateway = server.quic().to_string();
        let usual = ["run", "--key", key, "--gateway", &gateway, "--drain-timeout", "3s", "--input"];
        Command::new(program("truyvet-device")).args(usual).arg(&scans).args(more).output().unwrap()
    };
    let said = String::from_utf8(run(&[]).stderr).unwrap();
    assert!(said.contains("give the gateway's with --authority"), "{said}");

    let stranger = Server::start(CONFIG);
    let wrong = stranger.data().join("tls/authority.pem");
    let done = run(&["--authority", wrong.to_str().unwrap()]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("certificate"), "the reason is told: {said}");
    assert_eq!(server.scans(), 0);

    let right = tls("authority.pem");
    let done = run(&["--authority", right.to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    eventually("the scan is there", std::time::Duration::from_secs(5), || server.scans() == 1);
}

const CONFIG: &str = "[engine]\nfree_bytes_min = 0\n";
