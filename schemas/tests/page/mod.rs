//! Test vectors of a page: fenced blocks that begin with ```` ```TAG NAME ````.

use std::collections::BTreeMap;
use std::fmt::Display;

/// The text of each block, by its name.
pub(crate) fn blocks(page: &str, tag: &str) -> BTreeMap<String, String> {
    let mut blocks = BTreeMap::new();
    for block in page.split(&format!("```{tag} ")).skip(1) {
        let (name, rest) = block.split_once('\n').expect("a block has lines");
        let (text, _) = rest.split_once("\n```").expect("a block ends");
        assert!(blocks.insert(name.into(), text.into()).is_none(), "{name} is there twice");
    }
    blocks
}

/// Holds a page's vectors against those of the code; `block` writes one as the page must have it.
pub(crate) fn assert_agrees<V: PartialEq, B: Display>(
    name: &str,
    page: &BTreeMap<String, V>,
    code: &BTreeMap<String, V>,
    block: impl Fn(&str, &V) -> B,
) {
    let wrong: Vec<String> = code
        .iter()
        .filter(|(vector, value)| page.get(*vector) != Some(*value))
        .map(|(vector, value)| block(vector, value).to_string())
        .collect();
    assert!(wrong.is_empty(), "{name} must say\n{}", wrong.join("\n"));
    let unknown: Vec<_> = page.keys().filter(|vector| !code.contains_key(*vector)).collect();
    assert!(unknown.is_empty(), "{name} has blocks that nothing checks: {unknown:?}");
}
