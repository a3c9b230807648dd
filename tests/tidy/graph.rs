//! Which file names an item of which: the graph of `src/`, and the rings in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::paths::{Named, paths};
use crate::tokens::{Token, product};

/// A module by its segments below the root, which is the empty list.
type Module = Vec<String>;

/// Product files by their place, `src/…`; each with the files that it names.
pub struct Graph {
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// The graph of these files, `(place, text)`. `mod x;` alone is no edge.
    pub fn of(sources: &[(String, String)]) -> Self {
        let mut files: BTreeMap<Module, (&str, Vec<Token>)> = BTreeMap::new();
        let mut test_modules: Vec<Module> = Vec::new();
        for (place, text) in sources {
            let Some(module) = module_of(place) else { continue };
            let (tokens, tests) = product(text);
            test_modules.extend(tests.into_iter().map(|name| child(&module, &name)));
            files.insert(module, (place, tokens));
        }
        files.retain(|module, _| !test_modules.iter().any(|test| module.starts_with(test)));
        let places: BTreeMap<Module, &str> =
            files.iter().map(|(module, (place, _))| (module.clone(), *place)).collect();
        let mut edges = BTreeMap::new();
        for (module, (place, tokens)) in &files {
            let named = paths(tokens);
            let targets = Names { module, places: &places }.targets(&named);
            let others = targets.into_iter().filter(|target| target != place).map(str::to_owned);
            edges.insert((*place).to_owned(), others.collect());
        }
        Self { edges }
    }

    /// The places of all files in the graph.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.edges.keys().map(String::as_str)
    }

    /// The shortest ring of each knot of files that reach one another, first file first again at its end.
    pub fn rings(&self) -> Vec<Vec<&str>> {
        let reach: BTreeMap<&str, BTreeSet<&str>> =
            self.places().map(|place| (place, self.reached(place))).collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut rings = Vec::new();
        for (place, reached) in &reach {
            if seen.contains(place) || !reached.contains(place) {
                continue;
            }
            let knot: Vec<&str> =
                reached.iter().copied().filter(|other| reach[other].contains(place)).collect();
            seen.extend(&knot);
            rings.extend(knot.iter().filter_map(|start| self.way_back(start)).min_by_key(Vec::len));
        }
        rings
    }

    fn named_by(&self, place: &str) -> impl Iterator<Item = &str> {
        self.edges.get(place).into_iter().flatten().map(String::as_str)
    }

    fn reached(&self, start: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = self.named_by(start).collect();
        while let Some(place) = open.pop() {
            if reached.insert(place) {
                open.extend(self.named_by(place));
            }
        }
        reached
    }

    /// The shortest way from a file to itself.
    fn way_back<'a>(&'a self, start: &'a str) -> Option<Vec<&'a str>> {
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut open = VecDeque::from([start]);
        while let Some(place) = open.pop_front() {
            for next in self.named_by(place) {
                if next == start {
                    let mut ring = vec![start, place];
                    while let Some(before) = came_from.get(ring[ring.len() - 1]) {
                        ring.push(before);
                    }
                    ring.reverse();
                    return Some(ring);
                }
                if !came_from.contains_key(next) {
                    came_from.insert(next, place);
                    open.push_back(next);
                }
            }
        }
        None
    }
}

/// The module that a file is, where it is product code of the library.
fn module_of(place: &str) -> Option<Module> {
    let inner = place.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut module: Module = inner.split('/').map(str::to_owned).collect();
    if module.iter().any(|name| name == "tests") || inner == "main" {
        return None;
    }
    if module.last().is_some_and(|name| name == "mod") || inner == "lib" {
        module.pop();
    }
    Some(module)
}

fn child(module: &[String], name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// How the names in one file are to be understood.
struct Names<'a> {
    module: &'a Module,
    places: &'a BTreeMap<Module, &'a str>,
}

impl<'a> Names<'a> {
    fn targets(&self, named: &[Named]) -> BTreeSet<&'a str> {
        // A module that a `use` brought in: `use crate::a; … a::b::c` names `b`, too.
        let mut imported: BTreeMap<&str, Module> = BTreeMap::new();
        for Named { segments, bound } in named {
            if let (Some(name), Some(path)) = (bound, self.absolute(segments, &BTreeMap::new()))
                && self.places.contains_key(&path)
            {
                imported.insert(name, path);
            }
        }
        let absolute = named.iter().filter_map(|path| self.absolute(&path.segments, &imported));
        absolute.filter_map(|path| self.place(&path)).collect()
    }

    /// The path from the root on, where it starts in this crate.
    fn absolute(&self, segments: &[String], imported: &BTreeMap<&str, Module>) -> Option<Module> {
        let (first, rest) = segments.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => self.module[..self.module.len().checked_sub(1)?].to_vec(),
            name if self.places.contains_key(&child(self.module, name)) => child(self.module, name),
            name => imported.get(name)?.clone(),
        };
        for segment in rest {
            if segment == "super" {
                base.pop();
            } else {
                base.push(segment.clone());
            }
        }
        Some(base)
    }

    /// The file of the deepest module that a path goes through.
    fn place(&self, path: &[String]) -> Option<&'a str> {
        (0..=path.len()).rev().find_map(|length| self.places.get(&path[..length]).copied())
    }
}

#[test]
fn a_ring_put_in_by_hand_is_found_and_named() {
    let sources = [
        ("src/lib.rs", "pub mod low;\npub mod high;\n"),
        (
            "src/low.rs",
            "//! See `crate::high`.\npub const WORD: &str = \"crate::high::Top\"; pub struct Low;",
        ),
        (
            "src/high/mod.rs",
            "mod left;\nmod right;\nmod apart;\n#[cfg(test)]\nmod check;\npub use left::Left as L;",
        ),
        (
            "src/high/left.rs",
            "use crate::{low::{self, Low}, high::right::{Right as R, other}};\npub struct Left;",
        ),
        (
            "src/high/right.rs",
            "use super::apart;\npub struct Right;\nfn f<'a>() -> char { apart::near::g(); 'x' }",
        ),
        ("src/high/apart/mod.rs", "mod near;\n"),
        ("src/high/apart/near.rs", "fn g() -> super::super::left::Left { self::inner() }"),
        ("src/high/check.rs", "use super::L; use super::right::Right; use crate::high::tests;"),
        ("src/high/tests.rs", "use super::*;"),
    ];
    let sources: Vec<(String, String)> =
        sources.iter().map(|(place, text)| ((*place).to_owned(), (*text).to_owned())).collect();
    let graph = Graph::of(&sources);
    assert_eq!(
        graph.rings(),
        [["src/high/apart/near.rs", "src/high/left.rs", "src/high/right.rs", "src/high/apart/near.rs"]]
    );
    assert!(!graph.places().any(|place| place.ends_with("check.rs") || place.ends_with("tests.rs")));
}

#[test]
fn the_shortest_ring_of_each_knot_is_told_and_tests_make_none() {
    let sources = [
        ("src/a.rs", "use crate::b::B; #[cfg(test)] mod tests { use crate::d::D; }"),
        ("src/b.rs", "use crate::c::C;"),
        ("src/c.rs", "use crate::a::A; fn f() { crate::b::b() }"),
        ("src/d.rs", "use crate::a::A;"),
        ("src/e/mod.rs", "mod inner;\npub use self::inner::Inner;\npub trait Kind {}"),
        ("src/e/inner.rs", "pub(in crate::d) struct Inner; impl super::Kind for Inner {}"),
    ];
    let sources: Vec<(String, String)> =
        sources.iter().map(|(place, text)| ((*place).to_owned(), (*text).to_owned())).collect();
    assert_eq!(
        Graph::of(&sources).rings(),
        [["src/b.rs", "src/c.rs", "src/b.rs"], ["src/e/inner.rs", "src/e/mod.rs", "src/e/inner.rs"]]
    );
}
