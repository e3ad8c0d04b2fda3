//! spec/fuzzing.md
//!
//! libFuzzer around one target, which `FUZZ_TARGET` names. Before it starts, the target's seeds are
//! written to the folder `FUZZ_SEEDS`, if that is set.
#![no_main]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "targets.rs"]
mod targets;

use cap::Cap;
use libfuzzer_sys::fuzz_target;
use std::alloc::System;
use std::sync::OnceLock;
use targets::Target;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

static TARGET: OnceLock<&'static Target> = OnceLock::new();

/// Which target runs; those that there are, where there is none of that name.
fn chosen() -> &'static Target {
    TARGET.get_or_init(|| {
        let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
        targets::named(&name).unwrap_or_else(|| {
            for target in targets::TARGETS {
                println!("{}", target.name);
            }
            std::process::exit(if name == "list" { 0 } else { 2 });
        })
    })
}

fn start() {
    let target = chosen();
    if let Some(folder) = std::env::var_os("FUZZ_SEEDS") {
        let folder = std::path::PathBuf::from(folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in targets::inputs(target).iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
        }
    }
    // What a target makes once and keeps is not what an input costs.
    (target.run)(&[]);
}

fuzz_target!(init: start(), |data: &[u8]| {
    let target = chosen();
    // Beyond the limit an allocation fails, which ends the process: a finding.
    MEMORY.set_limit(MEMORY.allocated() + target.memory(data.len())).unwrap();
    (target.run)(data);
    MEMORY.set_limit(usize::MAX).unwrap();
});
