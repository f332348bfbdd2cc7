// SPDX-License-Identifier: GPL-2.0

//! The opcodes that have a meaning here.

/// DATA SET MANAGEMENT: TRIM.
pub const DATA_SET_MANAGEMENT: u8 = 0x06;
/// READ SECTORS.
pub const READ_SECTORS: u8 = 0x20;
/// READ SECTORS EXT.
pub const READ_SECTORS_EXT: u8 = 0x24;
/// READ DMA EXT.
pub const READ_DMA_EXT: u8 = 0x25;
/// WRITE SECTORS.
pub const WRITE_SECTORS: u8 = 0x30;
/// WRITE SECTORS EXT.
pub const WRITE_SECTORS_EXT: u8 = 0x34;
/// WRITE DMA EXT.
pub const WRITE_DMA_EXT: u8 = 0x35;
/// WRITE DMA FUA EXT.
pub const WRITE_DMA_FUA_EXT: u8 = 0x3d;
/// READ VERIFY SECTORS.
pub const READ_VERIFY: u8 = 0x40;
/// READ VERIFY SECTORS EXT.
pub const READ_VERIFY_EXT: u8 = 0x42;
/// EXECUTE DEVICE DIAGNOSTIC.
pub const DIAGNOSTIC: u8 = 0x90;
/// STANDBY IMMEDIATE, as older standards have it.
pub const OLD_STANDBY_IMMEDIATE: u8 = 0x94;
/// IDLE IMMEDIATE, as older standards have it.
pub const OLD_IDLE_IMMEDIATE: u8 = 0x95;
/// STANDBY, as older standards have it.
pub const OLD_STANDBY: u8 = 0x96;
/// IDLE, as older standards have it.
pub const OLD_IDLE: u8 = 0x97;
/// CHECK POWER MODE, as older standards have it.
pub const OLD_CHECK_POWER_MODE: u8 = 0x98;
/// SLEEP, as older standards have it.
pub const OLD_SLEEP: u8 = 0x99;
/// SMART, with the subcommand in the Features register.
pub const SMART: u8 = 0xb0;
/// READ DMA.
pub const READ_DMA: u8 = 0xc8;
/// WRITE DMA.
pub const WRITE_DMA: u8 = 0xca;
/// STANDBY IMMEDIATE.
pub const STANDBY_IMMEDIATE: u8 = 0xe0;
/// IDLE IMMEDIATE.
pub const IDLE_IMMEDIATE: u8 = 0xe1;
/// STANDBY.
pub const STANDBY: u8 = 0xe2;
/// IDLE.
pub const IDLE: u8 = 0xe3;
/// CHECK POWER MODE.
pub const CHECK_POWER_MODE: u8 = 0xe5;
/// SLEEP.
pub const SLEEP: u8 = 0xe6;
/// FLUSH CACHE.
pub const FLUSH_CACHE: u8 = 0xe7;
/// FLUSH CACHE EXT.
pub const FLUSH_CACHE_EXT: u8 = 0xea;
/// IDENTIFY DEVICE.
pub const IDENTIFY_DEVICE: u8 = 0xec;
/// SET FEATURES.
pub const SET_FEATURES: u8 = 0xef;

/// SMART READ DATA.
pub const SMART_READ_DATA: u8 = 0xd0;
/// SMART READ THRESHOLDS.
pub const SMART_READ_THRESHOLDS: u8 = 0xd1;
/// SMART READ LOG.
pub const SMART_READ_LOG: u8 = 0xd5;
/// SMART RETURN STATUS.
pub const SMART_RETURN_STATUS: u8 = 0xda;
