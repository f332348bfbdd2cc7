// SPDX-License-Identifier: GPL-2.0

//! MACs, shelves and slots.

use kvblade_wire::aoe::AddressError;
use kvblade_wire::aoe::Destination;
use kvblade_wire::aoe::Mac;
use kvblade_wire::aoe::Shelf;
use kvblade_wire::aoe::ShelfSlot;
use kvblade_wire::aoe::Slot;

#[test]
fn mac_shows_as_it_is_written_everywhere() {
    let mac = Mac([0x52, 0x54, 0x00, 0x0a, 0xbc, 0xff]);
    assert_eq!(mac.to_string(), "52:54:00:0a:bc:ff");
}

#[test]
fn groups_are_broadcast_and_multicast() {
    assert!(Mac::BROADCAST.is_group());
    assert!(Mac([0x01, 0, 0x5e, 0, 0, 1]).is_group());
    assert!(!Mac([0x02, 0, 0x5e, 0, 0, 1]).is_group());
    assert!(!Mac([0; 6]).is_group());
}

#[test]
fn shelf_has_bounds_and_a_hole() {
    for shelf in [0, 1, 4094, 4096, 65534] {
        assert_eq!(u32::from(Shelf::new(shelf).expect("valid").get()), shelf);
    }
    assert_eq!(Shelf::new(4095), Err(AddressError::ShelfReserved));
    for shelf in [65535, 65536, 65536 + 4095, u32::MAX] {
        assert_eq!(Shelf::new(shelf), Err(AddressError::ShelfRange(shelf)));
    }
}

#[test]
fn slot_has_bounds() {
    for slot in [0, 1, 254] {
        assert_eq!(u32::from(Slot::new(slot).expect("valid").get()), slot);
    }
    for slot in [255, 256, u32::MAX] {
        assert_eq!(Slot::new(slot), Err(AddressError::SlotRange(slot)));
    }
}

#[test]
fn errors_name_the_operand_and_the_cause() {
    let sentence = |shelf, slot| {
        ShelfSlot::new(shelf, slot)
            .expect_err("not valid")
            .to_string()
    };
    assert_eq!(sentence(65535, 0), "shelf 65535: must be 0 to 65534");
    assert_eq!(
        sentence(4095, 0),
        "shelf 4095: Linux initiators refuse this shelf"
    );
    assert_eq!(sentence(0, 255), "slot 255: must be 0 to 254");
    assert_eq!(sentence(70000, 300), "shelf 70000: must be 0 to 65534");
}

#[test]
fn address_shows_as_shelf_and_slot() {
    let address = ShelfSlot::new(0, 1).expect("valid");
    assert_eq!(address.to_string(), "0.1");
    let address = ShelfSlot::new(65534, 254).expect("valid");
    assert_eq!(address.to_string(), "65534.254");
}

#[test]
fn addresses_sort_by_shelf_then_slot() {
    let address = |shelf, slot| ShelfSlot::new(shelf, slot).expect("valid");
    assert!(address(1, 9) < address(2, 0));
    assert!(address(2, 0) < address(2, 1));
}

#[test]
fn wildcards_are_independent() {
    let own = ShelfSlot::new(7, 3).expect("valid");
    for (shelf, slot, matches, exact) in [
        (7, 3, true, true),
        (7, 4, false, true),
        (8, 3, false, true),
        (7, 0xff, true, false),
        (8, 0xff, false, false),
        (0xffff, 3, true, false),
        (0xffff, 4, false, false),
        (0xffff, 0xff, true, false),
        // 0x0fff and 0x00ff are no wildcards.
        (0x0fff, 3, false, true),
        (0x00ff, 3, false, true),
    ] {
        let destination = Destination { shelf, slot };
        assert_eq!(destination.matches(own), matches, "{destination:?}");
        assert_eq!(destination.is_exact(), exact, "{destination:?}");
    }
}

#[test]
fn an_exact_destination_names_one_target_at_most() {
    let exact = |shelf, slot| Destination { shelf, slot }.exact();
    assert_eq!(exact(7, 3), ShelfSlot::new(7, 3).ok());
    assert_eq!(exact(0xffff, 3), None);
    assert_eq!(exact(7, 0xff), None);
    // Exact, but no target can have it.
    assert_eq!(exact(4095, 3), None);
}

#[test]
fn mac_as_it_is_written() {
    let mac = Mac([0x02, 0x0a, 0xff, 0, 1, 0x99]);
    assert_eq!(Mac::parse("02:0a:FF:00:01:99"), Some(mac));
    assert_eq!(Mac::parse(&mac.to_string()), Some(mac));
    for bad in [
        "",
        "02:0a:ff:00:01",
        "02:0a:ff:00:01:9",
        "02:0a:ff:00:01:9g",
        "02-0a-ff-00-01-99",
        "020a:ff:00:01:99:",
        "02:0a:ff:00:01:99:",
        "+2:0a:ff:00:01:99",
    ] {
        assert_eq!(Mac::parse(bad), None, "{bad}");
    }
}

#[test]
fn mac_as_a_number() {
    for (octets, number) in [
        ([0; 6], 0),
        ([0, 0, 0, 0, 0, 1], 1),
        ([0x02, 0x0a, 0xff, 0, 1, 0x99], 0x020a_ff00_0199),
        ([0xff; 6], 0xffff_ffff_ffff),
    ] {
        assert_eq!(Mac(octets).to_number(), number);
        assert_eq!(Mac::from_number(number), Mac(octets));
    }
    assert_eq!(Mac::from_number(0xabcd << 48 | 7), Mac::from_number(7));
}
