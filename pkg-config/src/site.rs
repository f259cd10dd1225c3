//! Assembles the npm package and the site from built and hand-written files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, ensure};
use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

use crate::repo::Repo;
use crate::wasm::{self, BuiltModule, Variant};
use crate::{bundle, glue_check, notices, sizes, tools};

/// Builds the modules that the package ships, and assembles it. Fails if a module
/// exceeds its size budget.
pub fn package(repo: &Repo) -> Result<()> {
    assemble_package(repo, &shipped(), false)?;
    bundle::workers(repo, &repo.package())?;
    bundle::standalone(repo, &repo.package())?;
    sizes::check(repo)
}

/// Builds some modules, and assembles a package with them alone, in which the glue of others waits for them.
pub fn package_early(repo: &Repo, variants: &[Variant]) -> Result<()> {
    assemble_package(repo, variants, false)?;
    // The engine imports their glue.
    let imported = [Variant::Chat, Variant::Constraint].into_iter();
    imported
        .filter(|variant| !variants.contains(variant))
        .try_for_each(|variant| bundle::write_unbuilt_glue(&repo.package(), &variant.stem()))
}

/// Like [`package`], but keeps the names of the engines' functions for a profiler. The modules are larger than those
/// shipped, so that there is no budget.
pub fn package_with_names(repo: &Repo) -> Result<()> {
    assemble_package(repo, &shipped(), true)
}

/// The modules that the package ships.
fn shipped() -> Vec<Variant> {
    [&Variant::ENGINES[..], &Variant::EXTRAS].concat()
}

/// Builds modules, and assembles a package with them.
fn assemble_package(repo: &Repo, variants: &[Variant], names: bool) -> Result<()> {
    tools::wasm_target()?;
    tools::rust_source()?;
    let built = build_side_by_side(repo, variants, names)?;
    let is_extra = |(variant, _): &_| Variant::EXTRAS.contains(variant);
    let (mut modules, engines): (Vec<_>, Vec<_>) = built.into_iter().partition(is_extra);
    glue_check::check(&engines)?;
    modules
        .chunk_by(|(one, _), (next, _)| one.stem() == next.stem())
        .try_for_each(glue_check::check)?;
    modules.extend(engines);
    assemble(repo, &modules)
}

/// Builds the modules at the same time, because most of the time goes into the last optimization of a whole module, which
/// runs on one core. Returns them in the given order.
fn build_side_by_side(
    repo: &Repo,
    variants: &[Variant],
    names: bool,
) -> Result<Vec<(Variant, BuiltModule)>> {
    // Installed here, so that the threads do not all install it.
    tools::wasm_opt(repo)?;
    let build = |variant: Variant| {
        let names = names && Variant::ENGINES.contains(&variant);
        Ok((variant, wasm::build(repo, variant, names)?))
    };
    thread::scope(|scope| {
        let start = |&variant| scope.spawn(move || build(variant));
        let threads: Vec<_> = variants.iter().map(start).collect();
        let outcomes = threads.into_iter().map(|thread| thread.join());
        outcomes
            .map(|outcome| outcome.expect("a build does not panic"))
            .collect()
    })
}

fn assemble(repo: &Repo, modules: &[(Variant, BuiltModule)]) -> Result<()> {
    let package = repo.package();
    clear(&package)?;
    copy_tree(&repo.scripts(), &package)?;
    check_version(&repo.npm_manifest())?;
    copy(&repo.npm_manifest(), &package.join("package.json"))?;
    for (variant, bound) in modules {
        copy(&bound.module, &package.join(variant.module()))?;
        fs::write(package.join(variant.stem() + ".js"), &bound.glue)?;
        let types = without_exports(&bound.types);
        fs::write(package.join(variant.stem() + ".d.ts"), types)?;
    }
    bundle::minify(repo, &package)?;
    bundle::service_worker(repo, &package)?;
    copy(&repo.npm_readme(), &package.join("README.md"))?;
    for file in ["CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&repo.root().join(file), &package.join(file))?;
    }
    let file = package.join("THIRD-PARTY-NOTICES.txt");
    fs::write(&file, notices::notices(repo)?)
        .with_context(|| format!("cannot write {}", file.display()))
}

/// A glue's types without the exports of the WebAssembly module, which are of no use to anyone but the glue.
fn without_exports(types: &str) -> String {
    let name = "export interface InitOutput {\n";
    let rest = |(before, after): (&str, &str)| {
        let (_, after) = after.split_once("\n}\n")?;
        let memory = "    readonly memory: WebAssembly.Memory;\n}\n";
        Some([before, name, memory, after].concat())
    };
    let found = types.split_once(name).and_then(rest);
    found.unwrap_or_else(|| types.to_owned())
}

/// Checks that the npm package has the version of the crate.
fn check_version(manifest: &Path) -> Result<()> {
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(manifest)?)?;
    let version = &manifest["version"];
    let crate_version = env!("CARGO_PKG_VERSION");
    ensure!(
        version == crate_version,
        "the npm package has version {version}, the crate {crate_version}: make them equal"
    );
    Ok(())
}

/// Assembles the site: the page, and the package that it imports. `models` are files to add.
pub fn assemble_site(repo: &Repo, models: &[&Path]) -> Result<()> {
    assemble_with(repo, models, |site| {
        bundle::join(repo, site)?;
        write_manifest(site)
    })
}

/// Assembles the site with all scripts as they are: a page that was opened while modules were being built asks for
/// those that it has not imported yet.
pub fn assemble_site_unjoined(repo: &Repo) -> Result<()> {
    assemble_with(repo, &[], write_manifest)
}

/// Assembles the site while modules are still being built. Its service worker keeps nothing: it would keep the scripts
/// that wait for those modules.
pub fn assemble_unfinished_site(repo: &Repo) -> Result<()> {
    assemble_with(repo, &[], |_| Ok(()))
}

/// Assembles the site; `finish` changes its files, and lists them.
fn assemble_with(
    repo: &Repo,
    models: &[&Path],
    finish: impl Fn(&Path) -> Result<()>,
) -> Result<()> {
    // In a folder beside the old site, which a server may be reading meanwhile.
    let site = repo.site().with_extension("new");
    clear(&site)?;
    copy_tree(&repo.root().join("www"), &site)?;
    copy_tree(&repo.package(), &site.join("pkg"))?;
    // The page imports the workers as they are.
    let _ = fs::remove_dir_all(site.join("pkg").join(bundle::FOLDER));
    let _ = fs::remove_file(site.join("pkg").join(bundle::STANDALONE));
    finish(&site)?;
    for model in models {
        let name = model.file_name().context("a model without a file name")?;
        fs::create_dir_all(site.join("models"))?;
        copy(model, &site.join("models").join(name))?;
    }
    clear(&repo.site())?;
    fs::remove_dir(repo.site())?;
    fs::rename(site, repo.site()).context("cannot replace the site")
}

/// The endings of files that a page may load.
const LOADED: [&str; 7] = ["css", "gguf", "html", "js", "jsonl", "txt", "wasm"];
/// The service worker, which caches the other files.
const SERVICE_WORKER: &str = "sw.js";
/// The place in it for the list of files.
const MANIFEST_PLACEHOLDER: &str = r#"{ build: "", files: {} }"#;

/// Writes the list of files to cache into the service worker of a site: each with its hash in the format of the
/// attribute `integrity`, and a name for the whole build.
fn write_manifest(site: &Path) -> Result<()> {
    let mut files = BTreeMap::new();
    hash_tree(site, "", &mut files)?;
    let worker = site.join(SERVICE_WORKER);
    let code = fs::read_to_string(&worker)?;
    ensure!(
        code.matches(MANIFEST_PLACEHOLDER).count() == 1,
        "{SERVICE_WORKER} has no place for the list of files"
    );
    let list = serde_json::to_string(&files)?;
    let build = integrity(format!("{list}{code}").as_bytes());
    let named = serde_json::json!({ "build": build, "files": files });
    fs::write(
        worker,
        code.replace(MANIFEST_PLACEHOLDER, &named.to_string()),
    )?;
    Ok(())
}

/// Collects the hashes of a site's files by their address in it.
fn hash_tree(folder: &Path, at: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let address = format!("{at}{name}");
        if path.is_dir() {
            hash_tree(&path, &format!("{address}/"), files)?;
            continue;
        }
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        if address == SERVICE_WORKER || !LOADED.contains(&&*ending) {
            continue;
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
        ensure!(
            address.bytes().all(plain),
            "{address}: an address must not need escapes"
        );
        // Some hosts redirect `index.html` to the folder.
        let address = match (name.as_ref(), at) {
            ("index.html", "") => "./".to_owned(),
            ("index.html", folder) => folder.to_owned(),
            _ => address,
        };
        files.insert(address, integrity(&fs::read(&path)?));
    }
    Ok(())
}

fn integrity(bytes: &[u8]) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(bytes)))
}

/// Empties a folder, or creates it.
fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

/// Copies a folder with everything in it, hidden files excepted.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if from.is_dir() {
            copy_tree(&from, &to)?;
        } else {
            copy(&from, &to)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_copied_and_old_files_cleared() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("deep/file"), "new").unwrap();
        fs::write(from.join(".hidden"), "").unwrap();
        fs::write(to.join("old"), "").unwrap();
        clear(&to).unwrap();
        copy_tree(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("deep/file")).unwrap(), "new");
        assert!(!to.join("old").exists() && !to.join(".hidden").exists());
    }

    #[test]
    fn the_exports_of_a_module_are_left_out_of_its_types() {
        let types = "a\nexport interface InitOutput {\n    readonly f: () => void;\n}\n\nb {\n}\n";
        assert_eq!(
            without_exports(types),
            "a\nexport interface InitOutput {\n    readonly memory: WebAssembly.Memory;\n}\n\nb {\n}\n"
        );
        assert_eq!(without_exports("a\n"), "a\n");
    }

    #[test]
    fn the_service_worker_names_what_a_page_loads() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        let named = || {
            write(
                "sw.js",
                &format!("const {{ build, files }} = {MANIFEST_PLACEHOLDER};\n"),
            );
            write_manifest(root.path()).unwrap();
            let code = fs::read_to_string(root.path().join("sw.js")).unwrap();
            let json = code.strip_prefix("const { build, files } = ").unwrap();
            serde_json::from_str::<serde_json::Value>(json.strip_suffix(";\n").unwrap()).unwrap()
        };
        write("index.html", "<p>page");
        write("docs/index.html", "<p>another page");
        write("pkg/deep/module.wasm", "abc");
        write("pkg/README.md", "not loaded");
        write("pkg/index.d.ts", "not loaded");
        let one = named();
        // echo -n abc | openssl dgst -sha256 -binary | base64
        let abc = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        let files = one["files"].as_object().unwrap();
        assert_eq!(files["pkg/deep/module.wasm"], abc);
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            ["./", "docs/", "pkg/deep/module.wasm"]
        );
        assert_eq!(named(), one);
        write("index.html", "<p>new page");
        assert_ne!(named()["build"], one["build"]);
        write("with space.js", "");
        write(
            "sw.js",
            &format!("const {{ build, files }} = {MANIFEST_PLACEHOLDER};\n"),
        );
        assert!(
            write_manifest(root.path())
                .unwrap_err()
                .to_string()
                .contains("with space.js")
        );
        fs::remove_file(root.path().join("with space.js")).unwrap();
        write("sw.js", "no place");
        assert!(write_manifest(root.path()).is_err());
    }

    #[test]
    fn the_page_and_the_catalogue_know_the_sample_model() {
        let repo = Repo::find().unwrap();
        let sample = crate::model::SAMPLE;
        let page = fs::read_to_string(repo.root().join("www/sources.js")).unwrap();
        for known in [sample.sha256, sample.file, sample.hub.unwrap()] {
            assert!(page.contains(known), "{known}");
        }
        let list = fs::read_to_string(repo.scripts().join("catalogue-models.js")).unwrap();
        let (_, entry) = list.split_once("name: \"smollm2-135m\"").unwrap();
        let (entry, _) = entry.split_once('}').unwrap();
        let size = sample.size.to_string();
        assert!(entry.contains(sample.sha256) && entry.contains(sample.file));
        assert!(entry.replace('_', "").contains(&format!("size: {size},")));
    }

    #[test]
    fn a_package_of_another_version_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let manifest = root.path().join("package.json");
        fs::write(&manifest, r#"{ "version": "99.0.0" }"#).unwrap();
        assert!(
            check_version(&manifest)
                .unwrap_err()
                .to_string()
                .contains("99.0.0")
        );
        let right = format!(r#"{{ "version": "{}" }}"#, env!("CARGO_PKG_VERSION"));
        fs::write(&manifest, right).unwrap();
        assert!(check_version(&manifest).is_ok());
    }
}
