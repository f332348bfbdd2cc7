// SPDX-License-Identifier: GPL-2.0

//! The tree of calls: who called whom, and how many instructions were executed where.

use std::collections::HashMap;
use std::io::{self, Write};

/// The kernel's addresses.
const KERNEL: u64 = 1 << 63;
/// A stack of the kernel is so large, and aligned so.
const STACK: u64 = 16 << 10;

/// A run of instructions without a jump in it.
pub(crate) struct Run {
    pub(crate) address: u64,
    pub(crate) instructions: u64,
    pub(crate) ends_with_call: bool,
}

/// A call that has not returned.
struct Frame {
    /// Where the return address is. When the stack pointer is above, it has returned.
    stack_pointer: u64,
    node: usize,
}

/// The calls so far. Node 0 is none.
#[derive(Default)]
pub(crate) struct Tree {
    /// Parent and function of each node.
    nodes: Vec<(usize, u64)>,
    index: HashMap<(usize, u64), usize>,
    calls: Vec<u64>,
    /// Instructions by node and by the address of the run.
    counts: HashMap<(usize, u64), u64>,
    stacks: HashMap<u64, Vec<Frame>>,
    current: usize,
    is_call: bool,
}

impl Tree {
    /// Counts a run that is executed with this stack pointer.
    pub(crate) fn execute(&mut self, run: &Run, stack_pointer: u64) {
        if self.nodes.is_empty() {
            self.nodes.push((0, 0));
            self.calls.push(0);
        }
        if run.address < KERNEL {
            self.current = 0;
        } else {
            let stack = self.stacks.entry(stack_pointer / STACK).or_default();
            while stack
                .last()
                .is_some_and(|top| top.stack_pointer < stack_pointer)
            {
                stack.pop();
            }
            if self.is_call {
                // The caller may be on another stack.
                let key = (self.current, run.address);
                let node = *self.index.entry(key).or_insert_with(|| {
                    self.nodes.push(key);
                    self.calls.push(0);
                    self.nodes.len() - 1
                });
                self.calls[node] += 1;
                stack.push(Frame {
                    stack_pointer,
                    node,
                });
            }
            self.current = stack.last().map_or(0, |top| top.node);
        }
        self.is_call = run.ends_with_call && run.address >= KERNEL;
        *self.counts.entry((self.current, run.address)).or_default() += run.instructions;
    }

    /// Writes all as lines: `node ID PARENT FUNCTION CALLS` and `run NODE ADDRESS INSTRUCTIONS`.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        for (id, ((parent, function), calls)) in self.nodes.iter().zip(&self.calls).enumerate() {
            writeln!(to, "node {id} {parent} {function:x} {calls}")?;
        }
        for ((node, address), instructions) in &self.counts {
            writeln!(to, "run {node} {address:x} {instructions}")?;
        }
        to.flush()
    }
}
