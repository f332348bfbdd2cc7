// SPDX-License-Identifier: GPL-2.0

//! The fuzzer `blade`: a script is played to the core and to the model, and they must agree.

use crate::core::Blade;
use crate::model::Model;
use crate::script;
use crate::script::{Step, World};

/// Plays a script.
pub fn check(input: &[u8]) {
    let mut world = World::USUAL;
    let mut blade = Blade::default();
    let mut model = Model::default();
    for (index, step) in script::steps(input).enumerate() {
        let shot = match step {
            Step::Change(other) => {
                world = other;
                continue;
            }
            Step::Frame(shot) => shot,
        };
        let frame = shot.frame(index as u8);
        let expected = model.receive(&world, shot.fault(), &frame);
        let answer = blade.receive(&world, shot.fault(), &frame);
        assert_eq!(answer, expected, "step {index}: {shot:?} in {world:?}");
        assert_eq!(blade.disk, model.disk, "step {index}: {shot:?}");
        if let Some(answer) = answer {
            let room = usize::from(world.mtu) + 14;
            assert!(
                (60..=room).contains(&answer.len()),
                "{} bytes",
                answer.len()
            );
        }
    }
}
