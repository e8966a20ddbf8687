use super::*;

fn area(code: &str, parent: &str, name: &str) -> Area {
    let parent = (!parent.is_empty()).then(|| parent.to_owned());
    Area { code: code.into(), parent, name: name.into(), ..Area::default() }
}

fn sample() -> Tree {
    let mut areas = vec![
        area("w10", "q1", "Phường 10"),
        area("q1", "p", "Quận 1"),
        area("w2", "q1", "Phường 02"),
        area("n", "", "Việt Nam"),
        area("p", "n", "Thành phố Hồ Chí Minh"),
        area("q3", "p", "Quận 3"),
        area("new", "n", "Phường Sài Gòn"),
    ];
    areas[3].kind = NATION.into();
    areas[0].valid_to = Some(100);
    areas[0].merged_into = Some("new".into());
    areas[2].merged_into = Some("unknown".into());
    areas[6].valid_from = Some(100);
    Tree::new(areas).expect("sound")
}

fn codes(tree: &Tree, areas: impl Iterator<Item = AreaIndex>) -> Vec<&str> {
    areas.map(|area| tree.area(area).code.as_str()).collect()
}

#[test]
fn what_lies_above_and_below() {
    let tree = sample();
    let find = |code: &str| tree.find(code).expect("there");
    assert_eq!(
        tree.areas().map(|(_, area)| area.code.as_str()).collect::<Vec<_>>(),
        ["n", "p", "q1", "w2", "w10", "q3", "new"]
    );
    assert_eq!(codes(&tree, tree.ancestors(find("w10"))), ["q1", "p", "n"]);
    assert_eq!(codes(&tree, tree.children(find("q1"))), ["w2", "w10"]);
    assert_eq!(codes(&tree, tree.children(find("n"))), ["p", "new"]);
    assert_eq!(codes(&tree, tree.children(find("w2"))), [""; 0]);
    assert_eq!(tree.path(find("w10")), "Quận 1, Thành phố Hồ Chí Minh");
    assert_eq!(tree.path(find("p")), "");
    assert!(tree.is_within(find("w10"), find("p")) && tree.is_within(find("p"), find("p")));
    assert!(!tree.is_within(find("p"), find("w10")) && !tree.is_within(find("new"), find("p")));
    assert_eq!(tree.find("nowhere"), None);
}

#[test]
fn a_merged_area_is_followed_to_the_one_valid_then() {
    let tree = sample();
    let find = |code: &str| tree.find(code).expect("there");
    assert_eq!(tree.successor(find("w10")), Some(find("new")));
    assert_eq!(tree.successor(find("w2")), None, "a successor that is not there is as none");
    assert_eq!(codes(&tree, tree.predecessors(find("new"))), ["w10"]);
    assert_eq!(tree.valid_at(find("w10"), 99), Some(find("w10")));
    assert_eq!(tree.valid_at(find("w10"), 100), Some(find("new")));
    assert_eq!(tree.valid_at(find("new"), 99), None);
    assert_eq!(tree.valid_at(find("q1"), 100), Some(find("q1")));
}

#[test]
fn successors_in_a_circle_end() {
    let mut areas = vec![area("a", "", "A"), area("b", "", "B")];
    for (given, other) in ["b", "a"].into_iter().enumerate() {
        areas[given].merged_into = Some(other.into());
        areas[given].valid_to = Some(0);
    }
    let tree = Tree::new(areas).expect("sound");
    assert_eq!(tree.valid_at(tree.find("a").expect("there"), 1), None);
}

#[test]
fn what_is_no_tree_is_refused() {
    let error = |areas: Vec<Area>| Tree::new(areas).expect_err("refused");
    assert_eq!(error(vec![area("a", "", "A"), area("a", "", "B")]), TreeError::Duplicate("a".into()));
    let unknown = TreeError::UnknownParent { area: "a".into(), parent: "b".into() };
    assert_eq!(error(vec![area("a", "b", "A")]), unknown);
    assert_eq!(error(vec![area("a", "a", "A")]), TreeError::Cycle("a".into()));
    assert_eq!(
        error(vec![area("r", "", "R"), area("a", "b", "A"), area("b", "a", "B")]),
        TreeError::Cycle("a".into())
    );
    let chain: Vec<Area> = (0..40)
        .map(|level| {
            area(&level.to_string(), &if level == 0 { String::new() } else { (level - 1).to_string() }, "A")
        })
        .collect();
    assert_eq!(error(chain), TreeError::TooDeep("33".into()));
    assert!(Tree::new(Vec::new()).expect("empty is sound").is_empty());
}
