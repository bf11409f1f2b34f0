//! The dependency arrows of the design, held against what Cargo resolves.
//!
//! A wrong arrow compiles, and costs a rebuild of the design a year later; so each layer may reach only those named
//! here, and each kind of I/O lives in the crates that own it.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Each crate of the workspace, and which others of it it may use when it is shipped.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("migrations", &[]),
    ("storage", &["domain", "migrations"]),
    ("relay", &["domain"]),
    ("api", &["domain", "relay", "storage"]),
    ("console", &["api", "domain"]),
    ("letterhead", &["api", "console", "domain", "relay", "storage"]),
];

/// Libraries that do I/O, and the only crates that may use them when they are shipped.
const OWNERS: &[(&str, &[&str])] = &[
    ("sea-orm", &["migrations", "storage"]),
    ("sea-orm-migration", &["migrations", "storage"]),
    ("sqlx", &["migrations", "storage"]),
    ("lettre", &["relay"]),
    ("reqwest", &["relay"]),
    ("hyper", &["relay"]),
    ("actix-web", &["api", "console", "letterhead"]),
];

/// Packages that only test or measure; they drive the program from outside with whatever they like.
const TOOLING: &[&str] = &["bench", "tests"];

/// A second TLS stack or crypto provider, and C code that Debian would have to patch for us.
const BANNED: &[&str] = &["native-tls", "openssl-sys", "ring"];

fn workspace() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .other_options(vec!["--locked".to_owned()])
        .exec()
        .unwrap()
}

fn shipped(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| !TOOLING.contains(&package.name.as_str()))
}

fn dependencies(package: &Package) -> BTreeSet<&str> {
    let shipped = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development);
    shipped.map(|dependency| dependency.name.as_str()).collect()
}

#[test]
fn every_shipped_crate_has_its_arrows_written_down() {
    let metadata = workspace();

    let crates: BTreeSet<&str> = shipped(&metadata).map(|package| package.name.as_str()).collect();

    assert_eq!(crates, ARROWS.iter().map(|(name, _)| *name).collect());
}

#[test]
fn a_crate_reaches_only_the_layers_below_it() {
    let metadata = workspace();
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();

    let wrong: Vec<(&str, &str)> = shipped(&metadata)
        .flat_map(|package| {
            dependencies(package)
                .into_iter()
                .map(|used| (package.name.as_str(), used))
        })
        .filter(|(name, used)| arrows.contains_key(used) && !arrows[name].contains(used))
        .collect();

    assert_eq!(wrong, []);
}

#[test]
fn each_kind_of_io_stays_with_the_crates_that_own_it() {
    let metadata = workspace();

    let wrong: Vec<(&str, &str)> = shipped(&metadata)
        .flat_map(|package| OWNERS.iter().map(move |(library, owners)| (package, *library, *owners)))
        .filter(|(package, library, owners)| {
            dependencies(package).contains(library) && !owners.contains(&package.name.as_str())
        })
        .map(|(package, library, _)| (package.name.as_str(), library))
        .collect();

    assert_eq!(wrong, []);
}

#[test]
fn one_tls_stack_and_one_crypto_provider_are_built() {
    // `cargo metadata` also lists optional dependencies that no feature turns on; `cargo tree` does not.
    let asked = [
        "tree",
        "--locked",
        "--workspace",
        "--target",
        "all",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let tree = Command::new(env!("CARGO"))
        .args(asked)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let listing = String::from_utf8(tree.stdout).unwrap();

    let built: BTreeSet<&str> = listing.lines().filter_map(|line| line.split(' ').next()).collect();

    assert!(built.contains("rustls"), "{}", String::from_utf8_lossy(&tree.stderr));
    assert!(BANNED.iter().all(|name| !built.contains(name)), "{built:?}");
}

#[test]
fn the_mail_library_is_built_without_the_feature_that_logs_credentials() {
    let metadata = workspace();
    let lettre = metadata
        .packages
        .iter()
        .find(|package| package.name == "lettre")
        .unwrap();
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    let built = nodes.iter().find(|node| node.id == lettre.id).unwrap();
    assert!(!built.features.iter().any(|feature| feature.as_str() == "tracing"));
}
