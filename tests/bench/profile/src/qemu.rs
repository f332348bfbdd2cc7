// SPDX-License-Identifier: GPL-2.0

//! What is used of QEMU's plugin interface, version 4, and of GLib, which both are in QEMU.

use std::ffi::{c_char, c_int, c_uint, c_void};

#[repr(C)]
pub(crate) struct Block {
    _opaque: [u8; 0],
}

#[repr(C)]
pub(crate) struct Instruction {
    _opaque: [u8; 0],
}

#[repr(C)]
pub(crate) struct Scoreboard {
    _opaque: [u8; 0],
}

/// A number for each processor.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(crate) score: *mut Scoreboard,
    pub(crate) offset: usize,
}

#[repr(C)]
pub(crate) struct Register {
    pub(crate) handle: *mut c_void,
    pub(crate) name: *const c_char,
    pub(crate) feature: *const c_char,
}

/// GLib's arrays begin so.
#[repr(C)]
pub(crate) struct Array<T> {
    pub(crate) data: *mut T,
    pub(crate) len: c_uint,
}

/// A callback reads registers.
pub(crate) const READS_REGISTERS: c_int = 1;
/// A callback does not.
pub(crate) const NO_REGISTERS: c_int = 0;
/// A condition: not equal.
pub(crate) const NOT_EQUAL: c_int = 3;

extern "C" {
    pub(crate) fn qemu_plugin_register_vcpu_init_cb(id: u64, cb: extern "C" fn(u64, c_uint));
    pub(crate) fn qemu_plugin_register_vcpu_tb_trans_cb(
        id: u64,
        cb: extern "C" fn(u64, *mut Block),
    );
    pub(crate) fn qemu_plugin_tb_n_insns(tb: *const Block) -> usize;
    pub(crate) fn qemu_plugin_tb_vaddr(tb: *const Block) -> u64;
    pub(crate) fn qemu_plugin_tb_get_insn(tb: *const Block, index: usize) -> *mut Instruction;
    pub(crate) fn qemu_plugin_insn_data(insn: *const Instruction, to: *mut u8, len: usize)
        -> usize;
    pub(crate) fn qemu_plugin_register_vcpu_insn_exec_cb(
        insn: *mut Instruction,
        cb: extern "C" fn(c_uint, *mut c_void),
        flags: c_int,
        data: *mut c_void,
    );
    pub(crate) fn qemu_plugin_register_vcpu_tb_exec_cond_cb(
        tb: *mut Block,
        cb: extern "C" fn(c_uint, *mut c_void),
        flags: c_int,
        condition: c_int,
        entry: Number,
        immediate: u64,
        data: *mut c_void,
    );
    pub(crate) fn qemu_plugin_scoreboard_new(size: usize) -> *mut Scoreboard;
    pub(crate) fn qemu_plugin_u64_set(entry: Number, vcpu: c_uint, value: u64);
    pub(crate) fn qemu_plugin_get_registers() -> *mut Array<Register>;
    pub(crate) fn qemu_plugin_read_register(handle: *mut c_void, to: *mut Array<u8>) -> c_int;

    pub(crate) fn g_byte_array_new() -> *mut Array<u8>;
    pub(crate) fn g_byte_array_set_size(array: *mut Array<u8>, size: c_uint) -> *mut Array<u8>;
}
