use std::collections::BTreeSet;

use super::*;

#[test]
fn the_printed_file_is_the_defaults_and_names_every_field() {
    let printed = Config::parse("default.toml", DEFAULT_TOML).expect("the printed file is valid");
    assert_eq!(printed, Config::default());
    let names = |text: &str| -> BTreeSet<String> {
        let table: toml::Table = text.parse().expect("valid");
        let sections = table.iter().filter_map(|(section, values)| Some((section, values.as_table()?)));
        sections.flat_map(|(section, values)| values.keys().map(move |k| format!("{section}.{k}"))).collect()
    };
    let defaults = toml::to_string(&Config::default()).expect("plain values");
    assert_eq!(names(DEFAULT_TOML), names(&defaults));
}

#[test]
fn each_field_is_documented() {
    let mut previous = "";
    for line in DEFAULT_TOML.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(previous.starts_with("# "), "no comment above `{line}`");
        }
        previous = line;
    }
}

#[test]
fn an_error_names_file_line_and_field() {
    let said = |text: &str| Config::parse("f.toml", text).expect_err("wrong").to_string();
    assert!(said("[http]\nlisten_on = 1\n").starts_with("f.toml:2: unknown field `listen_on`"));
    assert!(said("[http]\n\nqueries_at_once = 0\n").starts_with("f.toml:3: [http] queries_at_once"));
    assert!(said("[engine]\nruns_max = \"x\"\n").starts_with("f.toml:2:"));
    assert!(said("[cache]\n").starts_with("f.toml:1: unknown field `cache`"));
}

#[test]
fn other_machines_are_kept_out_unless_allowed() {
    let open = HttpConfig { listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80)), ..HttpConfig::default() };
    assert!(HttpConfig::default().check_listen().is_ok());
    assert!(open.check_listen().is_err_and(|e| e.to_string().contains("allow_remote")));
    assert!(HttpConfig { allow_remote: true, ..open }.check_listen().is_ok());
}
