// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of the table of initiators.

use kernel::prelude::*;

#[kunit_tests(kvblade_rs_initiators)]
mod table {
    use super::super::*;

    const LIMIT: u32 = 3;
    const LIMITS: Limits = Limits {
        each: LIMIT,
        all: u32::MAX,
        is_reserved: false,
    };
    const ONE: Limits = Limits {
        each: 1,
        all: u32::MAX,
        is_reserved: false,
    };

    #[test]
    fn each_has_its_limit() -> Result {
        let initiators = Initiators::new()?;
        let enter = |initiator_mac| initiators.enter(Mac::from_number(initiator_mac), LIMITS);
        let credit = enter(1).map_err(|_| EINVAL)?;
        for _ in 1..LIMIT {
            assert!(enter(1).is_ok());
        }
        assert!(enter(1).is_err());
        assert!(enter(2).is_ok());
        initiators.leave(credit);
        assert!(enter(1).is_ok());
        assert!(enter(1).is_err());
        let counts = |initiator_mac| {
            let mut all = initiators.sightings();
            all.find(|one| one.initiator_mac == Mac::from_number(initiator_mac))
                .map(|one| one.in_flight)
        };
        assert!(counts(1) == Some(LIMIT) && counts(2) == Some(1) && counts(3).is_none());
        Ok(())
    }

    #[test]
    fn repetitions_have_their_own_limit() -> Result {
        let initiators = Initiators::new()?;
        let initiator_mac = Mac::from_number(1);
        let mut credit = InflightCredit::None;
        for _ in 0..LIMIT {
            credit = initiators
                .enter(initiator_mac, LIMITS)
                .map_err(|_| EINVAL)?;
        }
        // One of the window makes room there, and comes back when there is room.
        initiators.move_to_excess(&mut credit, LIMIT);
        let other = initiators
            .enter(initiator_mac, LIMITS)
            .map_err(|_| EINVAL)?;
        assert!(!initiators.move_to_window(&mut credit, LIMITS));
        initiators.leave(other);
        assert!(initiators.move_to_window(&mut credit, LIMITS));
        assert!(initiators.enter(initiator_mac, LIMITS).is_err());
        for _ in 0..2 * LIMIT {
            assert!(initiators.enter_excess(initiator_mac, LIMIT).is_some());
        }
        assert!(initiators.enter_excess(initiator_mac, LIMIT).is_none());
        Ok(())
    }

    #[test]
    fn what_is_to_be_compared_takes_no_place_of_others() -> Result {
        let initiators = Initiators::new()?;
        let limits = Limits {
            each: 1,
            all: 2,
            is_reserved: false,
        };
        let enter = |initiator_mac| initiators.enter(Mac::from_number(initiator_mac), limits);
        let mut credit = enter(1).map_err(|_| EINVAL)?;
        assert!(matches!(enter(1), Err(Counter::DroppedWindow)));
        for initiator_mac in 1..9 {
            let excess = initiators.enter_excess(Mac::from_number(initiator_mac), 1);
            assert!(excess.is_some());
        }
        let other = enter(2).map_err(|_| EINVAL)?;
        assert!(matches!(enter(3), Err(Counter::DroppedFull)));
        // Nor does what has joined another. It comes back when there is room.
        initiators.move_to_excess(&mut credit, LIMIT);
        let third = enter(3).map_err(|_| EINVAL)?;
        assert!(!initiators.move_to_window(&mut credit, limits));
        initiators.leave(other);
        assert!(initiators.move_to_window(&mut credit, limits));
        assert!(matches!(enter(4), Err(Counter::DroppedFull)));
        initiators.leave(third);
        assert!(enter(4).is_ok());
        Ok(())
    }

    #[test]
    fn who_has_places_of_his_own_takes_none_of_others() -> Result {
        let initiators = Initiators::new()?;
        let reserved = Limits {
            is_reserved: true,
            ..ONE
        };
        let enter = |limits| initiators.enter(Mac::from_number(1), limits);
        let question = enter(reserved).map_err(|_| EINVAL)?;
        assert!(enter(reserved).is_err());
        let read = enter(ONE).map_err(|_| EINVAL)?;
        assert!(enter(ONE).is_err());
        initiators.leave(read);
        assert!(enter(reserved).is_err());
        initiators.leave(question);
        assert!(enter(reserved).is_ok() && enter(ONE).is_ok());
        Ok(())
    }

    #[test]
    fn the_forgotten_make_room_and_the_busy_do_not() -> Result {
        let initiators = Initiators::new()?;
        let busy = Mac::from_number(1);
        let credit = initiators.enter(busy, ONE).map_err(|_| EINVAL)?;
        for initiator_mac in 2..10_000 {
            let credit = initiators.enter(Mac::from_number(initiator_mac), ONE);
            initiators.leave(credit.map_err(|_| EINVAL)?);
        }
        assert!(initiators.enter(busy, ONE).is_err());
        initiators.leave(credit);
        assert!(initiators.sightings().count() <= TABLE_SIZE);
        assert!(initiators.enter(Mac::from_number(10_000), ONE).is_ok());
        Ok(())
    }
}
