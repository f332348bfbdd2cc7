// SPDX-License-Identifier: GPL-2.0

//! `seeds FOLDER`: writes the conformance cases as inputs of the fuzzers, under their ids.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use kvblade_fuzz::cases;
use kvblade_fuzz::script::{Step, World};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("seeds FOLDER")?);
    let (frames, blades) = (folder.join("frame"), folder.join("blade"));
    fs::create_dir_all(&frames)?;
    fs::create_dir_all(&blades)?;
    let mut written = BTreeSet::new();
    for (id, script) in cases::all() {
        let mut world = World::USUAL;
        let mut bytes = Vec::new();
        let mut count = 0;
        for step in script {
            match step {
                Step::Change(other) => {
                    world = other;
                    bytes.extend(world.encode());
                }
                Step::Frame(shot) => {
                    bytes.extend(shot.encode());
                    count += 1;
                    // The world, and empty lists.
                    let input = [&world.encode()[..], &[0, 0, 0], &shot.frame(0)].concat();
                    if written.insert(input.clone()) {
                        fs::write(frames.join(format!("{id}-{count}")), input)?;
                    }
                }
            }
        }
        fs::write(blades.join(id), bytes)?;
    }
    // A15, which no script can say.
    fs::write(frames.join("A15-1"), [&[0; 8][..], &[2; 23]].concat())?;
    Ok(())
}
