// SPDX-License-Identifier: GPL-2.0

//! A QEMU plugin that tells which functions call each other and how many instructions each
//! executes, between two marks that a program in the guest makes. For one processor.
//!
//! A mark is a "nop" that nobody else uses. What was counted goes to the file that the argument
//! `out=FILE` names.

mod qemu;
mod tree;

use std::ffi::{c_char, c_int, c_uint, c_void, CStr};
use std::fs::File;
use std::io::BufWriter;
use std::ptr;
use std::sync::{Mutex, OnceLock};

use qemu::{Array, Block, Number};
use tree::{Run, Tree};

/// "nop [rax + N]", where N is this and the number of the mark.
const MARK: [u8; 6] = [0x0f, 0x1f, 0x80, 0x76, 0x6b, 0x01];
/// The mark at which counting begins; at any other it ends.
const BEGIN: u8 = 1;

/// The version of the interface that is used.
#[no_mangle]
// QEMU looks for this very name.
#[allow(non_upper_case_globals)]
pub static qemu_plugin_version: c_int = 4;

struct Plugin {
    out: String,
    /// Not zero while counting.
    is_on: Number,
    state: Mutex<State>,
}

struct State {
    tree: Tree,
    stack_pointer: *mut c_void,
    bytes: *mut Array<u8>,
}

// SAFETY: The pointers are those of objects that live as long as QEMU.
unsafe impl Send for Plugin {}
// SAFETY: As above; QEMU's functions may be called by any of its threads.
unsafe impl Sync for Plugin {}

static PLUGIN: OnceLock<Plugin> = OnceLock::new();

/// Called by QEMU.
///
/// # Safety
///
/// There are `count` arguments.
#[no_mangle]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    _info: *const c_void,
    count: c_int,
    arguments: *const *const c_char,
) -> c_int {
    // SAFETY: The caller vouches for them, and QEMU's arguments are strings.
    let arguments: Vec<_> = (0..count as usize)
        .map(|index| unsafe { CStr::from_ptr(*arguments.add(index)) }.to_string_lossy())
        .collect();
    let [argument] = &arguments[..] else {
        return 1;
    };
    let Some(out) = argument.strip_prefix("out=") else {
        return 1;
    };
    // SAFETY: Calls of QEMU's functions as its interface asks for.
    unsafe {
        let plugin = Plugin {
            out: out.to_owned(),
            is_on: Number {
                score: qemu::qemu_plugin_scoreboard_new(size_of::<u64>()),
                offset: 0,
            },
            state: Mutex::new(State {
                tree: Tree::default(),
                stack_pointer: ptr::null_mut(),
                bytes: qemu::g_byte_array_new(),
            }),
        };
        if PLUGIN.set(plugin).is_err() {
            return 1;
        }
        qemu::qemu_plugin_register_vcpu_init_cb(id, find_stack_pointer);
        qemu::qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    }
    0
}

fn plugin() -> &'static Plugin {
    PLUGIN.get().expect("installed")
}

extern "C" fn find_stack_pointer(_id: u64, _vcpu: c_uint) {
    // SAFETY: QEMU returns an array that is ours, of registers with names.
    unsafe {
        let registers = &*qemu::qemu_plugin_get_registers();
        for index in 0..registers.len as usize {
            let register = &*registers.data.add(index);
            if CStr::from_ptr(register.name) == c"rsp" {
                plugin().state.lock().unwrap().stack_pointer = register.handle;
            }
        }
    }
}

extern "C" fn translate(_id: u64, block: *mut Block) {
    // SAFETY: QEMU gives a block that is valid during the call, and the index is in range.
    unsafe {
        let count = qemu::qemu_plugin_tb_n_insns(block);
        let mut bytes = [0; 16];
        for index in 0..count {
            let instruction = qemu::qemu_plugin_tb_get_insn(block, index);
            bytes = [0; 16];
            qemu::qemu_plugin_insn_data(instruction, bytes.as_mut_ptr(), bytes.len());
            if bytes[..6] == MARK {
                let number = ptr::without_provenance_mut(bytes[6].into());
                qemu::qemu_plugin_register_vcpu_insn_exec_cb(
                    instruction,
                    mark,
                    qemu::NO_REGISTERS,
                    number,
                );
            }
        }
        // As many as there are blocks, and QEMU keeps them as well.
        let run = Box::leak(Box::new(Run {
            address: qemu::qemu_plugin_tb_vaddr(block),
            instructions: count as u64,
            ends_with_call: is_call(&bytes),
        }));
        qemu::qemu_plugin_register_vcpu_tb_exec_cond_cb(
            block,
            execute,
            qemu::READS_REGISTERS,
            qemu::NOT_EQUAL,
            plugin().is_on,
            0,
            ptr::from_mut(run).cast(),
        );
    }
}

/// Whether an instruction is a near call, behind prefixes that change nothing of that.
fn is_call(bytes: &[u8]) -> bool {
    match bytes {
        [0x2e | 0x3e | 0x40..=0x4f, rest @ ..] => is_call(rest),
        [0xe8, ..] => true,
        [0xff, mode, ..] => mode >> 3 & 7 == 2,
        _ => false,
    }
}

extern "C" fn execute(_vcpu: c_uint, run: *mut c_void) {
    // SAFETY: The pointer is that of a leaked `Run`.
    let run = unsafe { &*run.cast::<Run>() };
    let mut state = plugin().state.lock().unwrap();
    // SAFETY: The array is valid, and holds the register when QEMU has read it.
    let stack_pointer = unsafe {
        qemu::g_byte_array_set_size(state.bytes, 0);
        qemu::qemu_plugin_read_register(state.stack_pointer, state.bytes);
        (*state.bytes).data.cast::<u64>().read_unaligned()
    };
    state.tree.execute(run, stack_pointer);
}

extern "C" fn mark(vcpu: c_uint, number: *mut c_void) {
    let plugin = plugin();
    let is_begin = number.addr() == usize::from(BEGIN);
    // SAFETY: The number is one of this plugin's.
    unsafe { qemu::qemu_plugin_u64_set(plugin.is_on, vcpu, is_begin.into()) };
    if !is_begin {
        let tree = std::mem::take(&mut plugin.state.lock().unwrap().tree);
        let file = File::create(&plugin.out).expect("the file can be created");
        tree.write(&mut BufWriter::new(file))
            .expect("the file can be written");
    }
}
